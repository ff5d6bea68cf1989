#!/bin/bash
# Builds lib/base, lib/kernel and the loops of lib/local and lib/model for 64-bit Arm and runs their
# tests under qemu, once on a processor with every extension and once on one with plain NEON;
# compiles every other Arm file.
# usage: tools/test_arm.sh [FOLDER]     built in FOLDER (build/arm)
# Exit: 0 all passed, 77 a tool is missing, else a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/arm}
cc=${ARM_CC:-aarch64-linux-gnu-gcc}
qemu=${ARM_QEMU:-qemu-aarch64-static}
for tool in "$cc" "$qemu"; do
    command -v "$tool" > /dev/null || {
        echo "skipped: $tool is missing (gcc-aarch64-linux-gnu qemu-user-static libc6-dev-arm64-cross)" >&2
        exit 77
    }
done

flags=(-std=c11 -O2 -g -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes -Werror
       -fno-math-errno -ffp-contract=off -D_XOPEN_SOURCE=700 -Iinclude -Ilib)
mkdir -p "$out"

# The flags of a SIMD level, from the list that the build itself uses.
level_flags() {
    sed -n "s/^set(arm_flags_$1 \"*\([^\")]*\)\"*)/\1/p" cmake/simd.cmake
}

# compile SOURCE OBJECT: when it, a header, an .inc or a flag is newer than the object.
newest=$(find lib include tests/kernel tests/arm cmake/simd.cmake tools/test_arm.sh \
         \( -name '*.h' -o -name '*.inc' -o -name '*.cmake' -o -name '*.sh' \) -printf '%T@ %p\n' |
         sort -n | tail -1 | cut -d' ' -f2-)
compile() {
    [ "$2" -nt "$1" ] && [ "$2" -nt "$newest" ] && return
    local extra=()
    case $1 in
    */arm/*)
        level=${1##*_}
        read -ra extra <<< "$(level_flags "${level%.c}")" || true
        ;;
    tests/*) extra=(-Itests -Itests/arm) ;;
    esac
    "$cc" "${flags[@]}" "${extra[@]}" -c "$1" -o "$2"
}

object_of() {
    echo "$out/$(echo "${1%.c}" | tr / _).o"
}

library=()
for source in lib/base/*.c lib/kernel/*.c lib/kernel/arm/*.c lib/local/{kernels,orient,pattern}.c \
              lib/local/arm/local_neon.c lib/model/vlad.c lib/model/arm/vlad_neon.c \
              lib/model/clip.c lib/model/clip_cache.c lib/model/clip_forward.c; do
    case $source in # need nettle and zlib, not there for Arm
    lib/base/hash.c | lib/base/base64.c | lib/kernel/crc32.c) continue ;;
    esac
    compile "$source" "$(object_of "$source")"
    library+=("$(object_of "$source")")
done
for source in $(find lib -path '*/arm/*.c' ! -path 'lib/kernel/*'); do
    compile "$source" "$(object_of "$source")"
done

# Both processors at the same time; a test that fails shows the end of what it said.
run() {
    if timeout 300 "$qemu" -cpu "$2" "$out/$1" > "$out/$1.$2.log" 2>&1; then
        echo "passed  $1 ($2)"
    else
        echo "FAILED  $1 ($2)"
        tail -5 "$out/$1.$2.log"
        return 1
    fi
}

failed=0
for source in tests/kernel/test_*.c tests/unit/local/test_local_kernels.c \
              tests/unit/model/test_vlad.c tests/unit/model/test_clip_pass.c; do
    name=$(basename "${source%.c}")
    [ "$name" = test_crc32 ] && continue # zlib's alone on Arm
    compile "$source" "$(object_of "$source")"
    "$cc" -static "$(object_of "$source")" "${library[@]}" -lm -lpthread -o "$out/$name"
    run "$name" cortex-a53 &
    run "$name" max || failed=1
    wait $! || failed=1
done
exit $failed
