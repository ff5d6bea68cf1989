#!/usr/bin/env python3
"""tools/deps.sh on machines that are made up: a PATH of shims says what is there, who we are, and
what apt-get does."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("IDENTIFY_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
SCRIPT = SOURCE / "tools" / "deps.sh"
LIBRARIES = ("libjpeg libpng libwebp zlib libutf8proc nettle jansson libcurl libxml-2.0 yaml-0.1 libheif "
             "lcms2 libmicrohttpd gnutls libqrencode cmocka").split()

PKG_CONFIG = """#!/bin/sh
shift
for module in "$@"; do grep -qx "$module" "$MACHINE/modules" || exit 1; done
"""
APT = """#!/bin/sh
echo "$@" >> "$MACHINE/apt.log"
case $1 in update) touch "$MACHINE/updated"; exit 0 ;; esac
[ -e "$MACHINE/offline" ] && exit 100
[ -e "$MACHINE/stale" ] && [ ! -e "$MACHINE/updated" ] && exit 100
cp "$MACHINE/archive" "$MACHINE/modules"
"""


class Machine:
    """A folder with the commands of a machine."""

    def __init__(self, folder, modules, uid=0, apt=True, commands=("cc", "make", "cmake")):
        self.folder = pathlib.Path(folder)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for tool in ("sh", "cat", "find", "head", "env", "grep", "touch", "cp", "sed"):
            (self.bin / tool).symlink_to(shutil.which(tool))
        for tool in commands:
            self.shim(tool, "#!/bin/sh\n")
        self.shim("pkg-config", PKG_CONFIG)
        self.shim("id", f"#!/bin/sh\necho {uid}\n")
        if apt:
            self.shim("apt-get", APT)
        (self.folder / "modules").write_text("\n".join(modules) + "\n")
        (self.folder / "archive").write_text("\n".join(LIBRARIES) + "\n")

    def shim(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def deps(self, *groups):
        return subprocess.run([str(self.bin / "sh"), str(SCRIPT), *groups], text=True,
                              env={"PATH": str(self.bin), "MACHINE": str(self.folder)},
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def apt_calls(self):
        log = self.folder / "apt.log"
        return log.read_text().splitlines() if log.exists() else []


class Deps(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def test_nothing_missing_is_silent(self):
        machine = Machine(self.folder, LIBRARIES)
        done = machine.deps("build")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(machine.apt_calls(), [])

    def test_root_installs_just_what_is_missing(self):
        machine = Machine(self.folder, [m for m in LIBRARIES if m not in ("libwebp", "nettle")])
        done = machine.deps("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        install = machine.apt_calls()[-1]
        self.assertIn("libwebp-dev nettle-dev", install)
        self.assertIn(" -y ", install)
        self.assertIn(" -o DPkg::Lock::Timeout=", install)  # two may install at once
        self.assertNotIn("libpng-dev", install)

    def test_a_stale_list_is_updated_and_tried_again(self):
        machine = Machine(self.folder, [])
        (machine.folder / "stale").touch()
        done = machine.deps("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        words = [call.split()[0] for call in machine.apt_calls()]
        self.assertEqual(words[-2:], ["update", "install"])

    def test_an_archive_out_of_reach_ends_in_the_commands(self):
        machine = Machine(self.folder, [])
        (machine.folder / "offline").touch()
        done = machine.deps("build")
        self.assertEqual(done.returncode, 4)
        self.assertIn("sudo apt-get install -y", done.stderr)

    def test_without_root_the_commands_are_printed(self):
        machine = Machine(self.folder, ["zlib"], uid=1000)
        done = machine.deps("build", "test")
        self.assertEqual(done.returncode, 4)
        self.assertEqual(machine.apt_calls(), [])
        self.assertEqual(done.stdout, "")
        apt, dnf, brew = done.stderr.splitlines()[1:]
        self.assertIn("libjpeg-dev", apt)
        self.assertIn("'pkgconfig(libjpeg)'", dnf)
        self.assertIn("jpeg-turbo", brew)
        self.assertNotIn("zlib1g-dev", apt)
        self.assertEqual(apt.count("libheif-dev"), 1)

    def test_sudo_without_a_password_is_used(self):
        machine = Machine(self.folder, [], uid=1000)
        machine.shim("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift\n[ "$1" = true ] || exec "$@"\n')
        done = machine.deps("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("libjpeg-dev", machine.apt_calls()[-1])

    def test_sudo_that_wants_a_password_is_not_waited_for(self):
        machine = Machine(self.folder, [], uid=1000)
        machine.shim("sudo", "#!/bin/sh\nexit 1\n")
        self.assertEqual(machine.deps("build").returncode, 4)

    def test_no_apt(self):
        machine = Machine(self.folder, [], apt=False, commands=())
        done = machine.deps("build")
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, r"Homebrew: +brew install gcc make cmake jpeg-turbo")

    def test_a_library_the_build_does_without_is_only_mentioned(self):
        machine = Machine(self.folder, [m for m in LIBRARIES if m != "libheif"])
        done = machine.deps("build")
        self.assertEqual(done.returncode, 0)
        self.assertIn("libheif", done.stderr)
        self.assertEqual(machine.apt_calls(), [])

    def test_usage(self):
        machine = Machine(self.folder, LIBRARIES)
        self.assertEqual(machine.deps().returncode, 2)
        self.assertEqual(machine.deps("bild").returncode, 2)


if __name__ == "__main__":
    unittest.main()
