#!/bin/sh
# fuzz.sh BUILD [TARGET...] - runs the fuzz targets for FUZZ_SECONDS each (default 60), starting from
# tests/fuzz/corpus; a finding is kept in BUILD/findings and ends the run with its exit code.
set -eu
build=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- $(cd "$root/tests/fuzz" && ls fuzz_*.c | sed 's/\.c$//')
mkdir -p "$build/findings"
for target in "$@"; do
    mkdir -p "$build/grown/$target"
    echo "== $target"
    "$build/tests/$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$build/findings/$target-" -print_final_stats=0 -verbosity=0 \
        "$build/grown/$target" "$root/tests/fuzz/corpus/$target"
done
echo "no findings"
