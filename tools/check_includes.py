#!/usr/bin/env python3
"""Checks that #include directions follow the table below: a folder may use itself and the folders
listed for it, nothing else; only lib/base calls POSIX inside lib/. What the library says names no
option of the program: idf_error has advice for that."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOWED = {
    "lib/base": [],
    "lib/kernel": ["base"],
    "lib/format": ["base", "kernel"],
    "lib/image": ["base", "kernel"],
    "lib/local": ["base", "kernel", "image"],
    "lib/model": ["base", "kernel", "format", "image", "local"],
    "lib/index": ["base", "kernel", "format", "local/features.h"],
    "lib/collection": ["base", "index", "model", "local/features.h", "match/wordindex.h"],
    "lib/match": ["base", "kernel", "image", "local", "model", "index", "collection"],
    "lib/build": ["base", "kernel", "image", "local", "model", "index", "collection", "match"],
    "lib/draw": ["base", "kernel", "image", "local", "index", "match"],
    "lib/train": ["base", "kernel", "format", "image", "local", "model", "index", "collection",
                  "match", "build"],
    "lib/verify": ["base", "kernel", "format", "image", "local", "model", "index", "collection",
                   "match", "build", "train"],
    "net": ["base"],
    "feeds": ["base", "net"],
    "server": ["base", "net", "feeds"],
    "cli": ["base", "net", "feeds", "server"],
    "examples": [],
    "include/identify": [],
}
POSIX = re.compile(r"^(unistd|fcntl|pthread|dirent|poll|sched|sys/.*|netinet/.*|arpa/.*)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def check(folder, allowed):
    problems = []
    for base, _, files in os.walk(os.path.join(ROOT, folder)):
        for name in sorted(files):
            if not name.endswith((".c", ".h")):
                continue
            path = os.path.join(base, name)
            for number, line in enumerate(open(path, encoding="utf-8"), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                quote, target = found.groups()
                where = f"{os.path.relpath(path, ROOT)}:{number}: {target}"
                top = target.split("/")[0]
                own = os.path.basename(folder)
                if quote == '"' and "/" not in target:
                    problems.append(f"{where}: write the folder too")
                elif quote == '"' and top != own and top not in allowed and target not in allowed:
                    problems.append(f"{where}: {folder} may include {allowed or 'nothing'}")
                elif quote == '"' and not any(
                    os.path.exists(os.path.join(ROOT, d, target)) for d in ("lib", ".")):
                    problems.append(f"{where}: no such header")
                elif quote == "<" and folder.startswith("lib/") and folder != "lib/base" \
                        and POSIX.match(target) and not name.startswith("cpu."):
                    problems.append(f"{where}: only lib/base calls POSIX")
    return problems


def check_exports():
    """What is exported stands in a header that is installed."""
    problems = []
    for top in sorted({folder.split("/")[0] for folder in ALLOWED} - {"include", "examples"}):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in sorted(files):
                path = os.path.join(folder, name)
                if name.endswith((".c", ".h")) and "IDF_API" in open(path, encoding="utf-8").read():
                    problems.append(f"{os.path.relpath(path, ROOT)}: exports what stands in no "
                                    "public header (IDF_API)")
    return problems


FLAG = re.compile(r'"[^"]*(?<![\w(;,-])--[a-z][a-z-]+[^":]*"')


def check_flags():
    problems = []
    for folder, _, files in os.walk(os.path.join(ROOT, "lib")):
        for name in sorted(files):
            path = os.path.join(folder, name)
            for number, line in enumerate(open(path, encoding="utf-8"), 1):
                if name.endswith(".c") and FLAG.search(line):
                    problems.append(f"{os.path.relpath(path, ROOT)}:{number}: names an option of the program")
    return problems


def main():
    problems = [p for folder, allowed in ALLOWED.items() for p in check(folder, allowed)]
    problems += check_exports() + check_flags()
    for folder in sorted(os.listdir(os.path.join(ROOT, "lib"))):
        if f"lib/{folder}" not in ALLOWED:
            problems.append(f"lib/{folder}: a folder the table does not know")
    print("\n".join(problems) or "include directions hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
