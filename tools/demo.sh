#!/bin/sh
# demo.sh PROGRAM - the main job on the example collection: index, verify, identify.
set -eu
program=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
index=$work/example.npz

say() { printf '\n$ dlf-identify %s\n' "$*"; }

say index --refs data/example --out example.npz
"$program" index --refs "$root/data/example" --out "$index" | sed "s|$work/||"

say verify --index example.npz --views 1 --time-limit 3
"$program" verify --index "$index" --views 1 --time-limit 3 | sed "s|$work/||"

say query --index example.npz --table 'data/example-frames/*.jpg'
set +e # a frame that shows a stranger makes the exit code 1, as it should
(cd "$root" && "$program" query --index "$index" --table data/example-frames/*.jpg)
code=$?
[ "$code" -le 1 ] || exit "$code"

cat << END

To ask over HTTP, or to hold a card up to a camera:
  $program index --refs data/example --out example.npz
  $program serve --index example.npz
and open http://127.0.0.1:8500/canvas/live
With --https it prints an address for phones, too, and its QR code to scan.
END
