#!/bin/sh
# Installs the package that `make deb` made in a bare Debian 12 root, as apt does it for a person, and runs
# what it brings. Needs root and debootstrap.
set -eu
cd "$(dirname "$0")/.."
deb=$(ls build/deb/dlf-identify_*.deb)
root=$(mktemp -d /tmp/identify-deb-XXXXXX)
trap 'umount "$root/proc" 2> /dev/null || true; rm -rf "$root"' EXIT
mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null | head -n 1)
debootstrap --variant=minbase bookworm "$root" "$mirror" > /dev/null
cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/" 2> /dev/null || true
mount -t proc proc "$root/proc"
cp "$deb" "$root/root/"
cp data/example-frames/03_upside_down.jpg "$root/root/"
run() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
run apt-get update -qq
run sh -c 'apt-get install -y -qq --no-install-recommends /root/dlf-identify_*.deb python3-minimal' > /dev/null
run dlf-identify --version
run dlf-identify index --refs /usr/share/dlf-identify/example --out /root/i.npz --quiet
run python3 -m data_label_factory.identify query --index /root/i.npz /root/03_upside_down.jpg | grep -q 'Harvest Owl'
run test -f /usr/lib/systemd/system/dlf-identify.service -o -f /lib/systemd/system/dlf-identify.service
run test -f /usr/share/man/man1/dlf-identify.1 -o -f /usr/share/man/man1/dlf-identify.1.gz
run apt-get remove -y -qq dlf-identify > /dev/null
run sh -c '! command -v dlf-identify'
echo "the package installs, runs and goes"
