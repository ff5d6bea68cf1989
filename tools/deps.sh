#!/bin/sh
# deps.sh - looks whether what the project needs is there, and installs what is not.
#
# usage: tools/deps.sh GROUP...
#   build    what the program and the library need
#   test     what `make test` needs beside that
#   ci       what .ci/run needs beside that: sanitizers, the formatter, the arm64 cross build
#   interop  the real PyTorch, which `make interop` compares with
#   rivals   what `make bench` compares CLIP with beside that
#
# With apt-get and root (or sudo) it installs; otherwise it prints the command for Debian/Ubuntu,
# Fedora and Homebrew and exits 4. What the build can do without is installed along with the rest and
# is otherwise only mentioned. Nothing missing is the common case and takes a few milliseconds: one
# pkg-config call looks for all libraries at once.
set -u

# group|how to look for it|Debian, Ubuntu|Fedora|Homebrew    (the reasons: docs/dependencies.md)
# cmd:NAME a program; lib:NAME a pkg-config module; py:NAME a Python module; file:PATH a file, where
# there is apt-get; may:NAME a module that the build does without.
table() {
    cat <<'TABLE'
build|cmd:cc|gcc libc6-dev|gcc|gcc
build|file:/usr/include/stdio.h|libc6-dev|-|-
build|cmd:make|make|make|make
build|cmd:cmake|cmake|cmake|cmake
build|cmd:pkg-config|pkg-config|pkgconf-pkg-config|pkgconf
build|lib:libjpeg|libjpeg-dev|pkgconfig(libjpeg)|jpeg-turbo
build|lib:libpng|libpng-dev|pkgconfig(libpng)|libpng
build|lib:libwebp|libwebp-dev|pkgconfig(libwebp)|webp
build|lib:zlib|zlib1g-dev|pkgconfig(zlib)|zlib
build|lib:libutf8proc|libutf8proc-dev|pkgconfig(libutf8proc)|utf8proc
build|lib:nettle|nettle-dev|pkgconfig(nettle)|nettle
build|lib:jansson|libjansson-dev|pkgconfig(jansson)|jansson
build|lib:libcurl|libcurl4-openssl-dev|pkgconfig(libcurl)|curl
build|lib:libxml-2.0|libxml2-dev|pkgconfig(libxml-2.0)|libxml2
build|lib:yaml-0.1|libyaml-dev|pkgconfig(yaml-0.1)|libyaml
build|lib:libmicrohttpd|libmicrohttpd-dev|pkgconfig(libmicrohttpd)|libmicrohttpd
build|lib:gnutls|libgnutls28-dev|pkgconfig(gnutls)|gnutls
build|lib:libqrencode|libqrencode-dev|pkgconfig(libqrencode)|qrencode
build|may:libheif|libheif-dev|pkgconfig(libheif)|libheif
build|may:lcms2|liblcms2-dev|pkgconfig(lcms2)|little-cms2
test|lib:libheif|libheif-dev|pkgconfig(libheif)|libheif
test|lib:lcms2|liblcms2-dev|pkgconfig(lcms2)|little-cms2
test|lib:cmocka|libcmocka-dev|pkgconfig(cmocka)|cmocka
test|cmd:python3|python3|python3|python3
test|py:numpy|python3-numpy|python3-numpy|numpy
test|cmd:openssl|openssl|openssl|openssl
test|py:PIL|python3-pil|python3-pillow|pillow
test|cmd:chromium|chromium|chromium|-
test|cmd:node|nodejs|nodejs|node
test|cmd:npm|npm|npm|node
ci|cmd:clang|clang|clang|llvm
ci|file:/usr/share/doc/libclang-rt-dev|libclang-rt-dev|compiler-rt|-
ci|cmd:clang-format|clang-format|clang-tools-extra|clang-format
ci|cmd:aarch64-linux-gnu-gcc|gcc-aarch64-linux-gnu|gcc-aarch64-linux-gnu|-
ci|file:/usr/aarch64-linux-gnu/lib/libc.so.6|libc6-dev-arm64-cross|-|-
ci|cmd:qemu-aarch64-static|qemu-user-static|qemu-user-static|-
ci|cmd:debootstrap|debootstrap|debootstrap|-
ci|cmd:dpkg-shlibdeps|dpkg-dev|dpkg-dev|-
ci|cmd:valgrind|valgrind|valgrind|-
interop|py:torch|python3-torch|python3-torch|pytorch
rivals|file:/usr/include/dnnl.h|libdnnl-dev|-|-
rivals|file:/usr/share/doc/libopenblas0-pthread|libopenblas0-pthread|-|-
rivals|cmd:wrk|wrk|wrk|wrk
rivals|py:fastapi|python3-fastapi|-|-
rivals|py:uvicorn|python3-uvicorn|-|-
rivals|py:multipart|python3-multipart|-|-
rivals|cmd:node|nodejs|nodejs|node
rivals|cmd:npm|npm|npm|node
TABLE
}

has_command() {
    command -v "$1" > /dev/null 2>&1
}

# The interpreter that the tests take: the system's own, before one that comes first on PATH.
python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3

has_python_module() {
    [ -d "/usr/lib/python3/dist-packages/$1" ] && [ "$python" = /usr/bin/python3 ] && return 0
    has_command "$python" && "$python" -c "import $1" > /dev/null 2>&1
}

# is_there KIND:NAME
is_there() {
    name=${1#*:}
    case $1 in
    cmd:*) has_command "$name" ;;
    lib:* | may:*) [ "$all_libraries" = yes ] || pkg-config --exists "$name" 2> /dev/null ;;
    py:*) has_python_module "$name" ;;
    file:*) ! has_command apt-get || [ -e "$name" ] ;;
    esac
}

# add LIST WORDS: the list with the words at its end, unless they are in it or there are none ("-").
add() {
    case "$2:$1 " in
    -:* | *" $2 "*) echo "$1" ;;
    *) echo "$1 $2" ;;
    esac
}

# collect GROUP...: fills debian, fedora, brew with the packages that are missing and `required` with
# the names of those that the build cannot do without.
collect() {
    debian='' fedora='' brew='' required='' libraries=''
    rows=$(table)
    wanted=" $* "
    while IFS='|' read -r group probe _; do
        case "$wanted" in *" $group "*) ;; *) continue ;; esac
        case $probe in lib:* | may:*) libraries="$libraries ${probe#*:}" ;; esac
    done <<ROWS
$rows
ROWS
    all_libraries=no
    # shellcheck disable=SC2086
    if has_command pkg-config && pkg-config --exists $libraries 2> /dev/null; then
        all_libraries=yes
    fi
    while IFS='|' read -r group probe for_debian for_fedora for_brew; do
        case "$wanted" in *" $group "*) ;; *) continue ;; esac
        is_there "$probe" && continue
        debian=$(add "$debian" "$for_debian")
        fedora=$(add "$fedora" "$for_fedora")
        brew=$(add "$brew" "$for_brew")
        case $probe in may:*) ;; *) required=$(add "$required" "${probe#*:}") ;; esac
    done <<ROWS
$rows
ROWS
}

# The words that make a command run as root, nothing when we are root; fails when there is no way.
# sudo asks for a password only at a terminal.
root_prefix() {
    if [ "$(id -u)" = 0 ]; then
        echo
    elif has_command sudo && { sudo -n true 2> /dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
        echo sudo
    else
        return 1
    fi
}

# Package lists may be missing or older than the archive, so a failed install is tried once more
# after an update. Another apt-get (a new machine updates itself) is waited for.
apt_install() {
    echo "deps: installing$debian" >&2
    lists=$(find /var/lib/apt/lists -name '*_Packages*' 2> /dev/null | head -n 1)
    # shellcheck disable=SC2086
    for attempt in 1 2; do
        if [ -z "$lists" ] || [ "$attempt" = 2 ]; then
            $prefix apt-get update -q >&2 || return 1
            lists=there
        fi
        $prefix env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
            -o DPkg::Lock::Timeout=300 $debian >&2 && return 0
    done
    return 1
}

print_commands() {
    echo "deps: missing:$required. Install with one of" >&2
    echo "  Debian, Ubuntu:  sudo apt-get install -y$debian" >&2
    quoted=$(echo "$fedora" | sed "s/ \(pkgconfig[^ ]*\)/ '\1'/g")
    echo "  Fedora:          sudo dnf install -y$quoted" >&2
    echo "  Homebrew:        brew install$brew" >&2
}

[ $# -gt 0 ] || set -- help
for group in "$@"; do
    case $group in
    build | test | ci | interop | rivals) ;;
    *)
        echo "usage: tools/deps.sh build|test|ci|interop|rivals ..." >&2
        exit 2
        ;;
    esac
done

collect "$@"
[ -n "$debian" ] || exit 0
if [ -z "$required" ]; then
    echo "deps: building without$debian (HEIC and AVIF pictures, colour profiles)" >&2
    exit 0
fi
if has_command apt-get && prefix=$(root_prefix) && apt_install; then
    collect "$@"
fi
if [ -n "$required" ]; then
    print_commands
    exit 4
fi
exit 0
