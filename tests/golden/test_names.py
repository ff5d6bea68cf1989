#!/usr/bin/env python3
"""Names against Python itself: what str.title() and a plain reading of the original's rules give for
every character of Unicode and for random stems, wherever docs/names.md claims equality."""
import os
import random
import re
import subprocess
import sys
import unicodedata

BUILD = os.environ.get("IDENTIFY_BUILD_DIR", "build/dev")
PROGRAM = os.path.join(BUILD, "tests", "unit_index_test_names")
RARITIES = {r.lower(): r for r in "PScR ScR UR SR OP UtR CR EA GMR".split()}


def ours(filenames):
    data = b"".join(f.encode() + b"\0" for f in filenames)
    out = subprocess.run([PROGRAM, "--parse"], input=data, capture_output=True, check=True).stdout
    fields = out.decode().split("\0")
    return list(zip(fields[0::3], fields[1::3], fields[2::3]))


def nfc(text):
    return unicodedata.normalize("NFC", text)


def is_cased(c):
    return c.isupper() or c.islower() or c.istitle()


def is_capital(c):
    return unicodedata.category(c) in ("Lu", "Lt")


def titled(name):
    """str.title(), but words with capitals of their own keep them where there are small letters."""
    out, word = "", ""
    if not any(unicodedata.category(b) == "Ll" and is_cased(a) for a, b in zip(name, name[1:])):
        return name.title()
    if not any(is_capital(b) and is_cased(a) for a, b in zip(name, name[1:])):
        return name.title()
    for c in name + " ":
        if is_cased(c):
            word += c
            continue
        out += (word if any(map(is_capital, word[1:])) else word.title()) + c
        word = ""
    return out[:-1]


def original(filename):
    """The original's rules, with the one deliberate change that touches plain letters: the rarity is
    taken off, and spaces are collapsed, before the possessive is looked for."""
    stem = filename.rsplit(".", 1)[0]
    code = re.match(r"^([A-Z]+-[A-Z]+[0-9]+)_", stem)
    if code:
        stem = stem[code.end():]
    words = [w for w in re.split("[ _]+", nfc(stem)) if w]
    rarity = ""
    if len(words) > 1 and words[-1].lower() in RARITIES:
        rarity = RARITIES[words.pop().lower()]
    name = titled(" ".join(words))
    name = re.sub("(?<=[\\w\u0307]) S (?=\\S)", "'s ", name)
    return nfc(name), rarity, code.group(1) if code else ""


def compare(filenames, expected):
    wrong = [(f, w, g) for f, w, g in zip(filenames, expected, ours(filenames)) if w != g]
    for f, w, g in wrong[:10]:
        print(f"{f!r}: wanted {w!r}, got {g!r}", file=sys.stderr)
    return len(wrong)


def settled(c):
    """Assigned for so long that every Unicode version in use agrees, and no mark, control or bar."""
    category = unicodedata.category(c)
    return (unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Co", "Cs")
            and category[0] != "M" and category != "Cc" and c not in "/_. '\u2019")


def every_character():
    chars = [c for c in map(chr, range(0x20, 0x110000)) if settled(c)]
    assert len(chars) > 90000
    stems = [form.replace("*", c) for form in ("*", "b*", "*b", "b*b", "3*", "-*-*") for c in chars]
    for small in ("3s", "3m", "3g", "3x"):  # a plural s, units: they stay small, on purpose
        stems.remove(small)
    return compare([s + ".jpg" for s in stems], [(nfc(titled(nfc(s))), "", "") for s in stems])


def random_stems():
    rng = random.Random(1)
    letters = "abcdzAZ\u00e9\u00c9\u00df\u0149\u01c6\u01c5\u03c3\u03a3\u03c2\u0130\u0131\u0439\u0416\u1fb3\ufb01\u9752\u3042"
    pieces = list(letters) + ["s", "S", "_", "_", "_", "_s_", "_S_", " ", "-", "\u00b7", ":", "12", "ur", "_ur", "_PScR"]
    stems = set()
    while len(stems) < 60000:
        stem = "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 14)))
        if rng.random() < 0.3:
            stem = rng.choice(["LOCH-JP001_", "A-B1_", "loch-jp001_", "LOCH-001y_", "L-1_"]) + stem
        # what differs on purpose: ordinals, possessives in a row, nothing left over
        if re.search(r"(?i)[0-9](s|st)(?![a-z])|'", stem) or re.search(r"(?i)[_ ]+s[_ ]+s(?![^_ ])", stem):
            continue
        if not re.sub("^[A-Z]+-[A-Z]+[0-9]+(_|$)", "", stem).strip("_ "):
            continue
        if re.search("[\u03c3\u03a3]", stem) and re.search("[A-Z\u00c9\u0416\u0130\u01c5\u03a3]", stem[1:]):
            continue  # a final sigma looks past its word, which titled() does not
        stems.add(stem)
    files = [s + ".jpg" for s in sorted(stems)]
    return compare(files, [original(f) for f in files])


def decomposed_names_equal_composed():
    words = ["\u00e9cole", "caf\u00e9s", "\u00c5ngstr\u00f6m_s_law", "\u03ac\u03c1\u03c4\u03bf\u03c2", "\u1eb5m_th\u1ef1c", "\ud55c\uae00"]
    return sum(a != b for a, b in zip(ours([w + ".jpg" for w in words]),
                                      ours([unicodedata.normalize("NFD", w) + ".jpg" for w in words])))


def main():
    failures = 0
    for check in (every_character, random_stems, decomposed_names_equal_composed):
        n = check()
        print(f"{check.__name__}: {n} differences")
        failures += n
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
