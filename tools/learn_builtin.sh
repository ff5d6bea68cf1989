#!/bin/bash
# Rebuilds the tables of the built-in encoder from pictures in Debian packages: the test pattern of
# its descriptors (lib/local/pattern.c), from those descriptors data/builtin.bin, and what colours
# pictures have on average (lib/model/chroma_mean.c); and with those, vectors of what is in no
# collection (data/background.bin).
# usage: tools/learn_builtin.sh [FOLDER]     packages and pictures are kept in FOLDER (build/pictures)
# Nothing is installed: packages (700 MB) are downloaded by apt-get and unpacked. Takes a few minutes.
# The same packages, compiler and flags give the same files.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build/pictures}
packages=(openclipart-png tuxpaint-stamps-default gnome-backgrounds mate-backgrounds
          lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 ukui-wallpapers gimp-help-en
          stellarium-data)
# Kept out of learning, for measuring choices with make-views: wesnoth-1.16-data,
# plasma-workspace-wallpapers, python3-skimage, extremetuxracer-data, freeciv-data, desktop-base.

mkdir -p "$folder"
for package in "${packages[@]}"; do
    [ -d "$folder/$package" ] && continue
    (cd "$folder" && apt-get download "$package")
    dpkg -x "$folder/${package}"_*.deb "$folder/$package.part"
    find "$folder/$package.part" -type l -delete
    mv "$folder/$package.part" "$folder/$package"
done
cmake -S . -B build/release --preset release -DIDENTIFY_TOOLS=ON > /dev/null
cmake --build build/release --target learn-pattern
build/release/tools/learn-pattern "$folder" lib/local/pattern.c
cmake --build build/release --target learn-builtin
build/release/tools/learn-builtin "$folder" data/builtin.bin lib/model/chroma_mean.c
cmake --build build/release --target learn-background
build/release/tools/learn-background "$folder" data/background.bin
sha256sum lib/local/pattern.c data/builtin.bin lib/model/chroma_mean.c data/background.bin
