#!/usr/bin/env python3
"""Writes docs/http.md, or with --check compares it, from `dlf-identify serve --openapi`: the table of
routes that the service itself goes by.

usage: tools/http_reference.py [--check] PROGRAM"""
import json
import pathlib
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "http.md"
HEAD = """# HTTP reference

Written by `tools/http_reference.py` from the service's own table of routes (`/openapi.json`); what it is like
to run the service says [serve.md](serve.md).

Answers are JSON in UTF-8 unless said otherwise. Errors have `detail`, as the original's, and `error`, a
sentence, as mac_tensor's; a 200 never has `error`. Every answer has `X-Request-Id`, the number of its line in
the log. `HEAD` is answered wherever `GET` is; another method gets 405 with `Allow`; a slash too many at the end
gets 307. Pages of any origin may read answers (`--cors-origin` narrows it). Forms are `multipart/form-data`;
parts that no route knows are passed over. With a token (`--auth-token`) everything but the routes marked
*open* needs `Authorization: Bearer TOKEN` or the cookie that `/login` gives.
"""


def table(rows):
    return ["| " + " | ".join(row) + " |" for row in rows]


def operation(method, path, op):
    out = [f"## {method.upper()} {path}", "", op["summary"] + "."]
    if op.get("security") == []:
        out[-1] += " *Open.*"
    if "description" in op:
        out += ["", op["description"]]
    rows = [(f"`{p['name']}`", p["in"], p["schema"]["type"], p["description"])
            for p in op.get("parameters", [])]
    if "requestBody" in op:
        schema = op["requestBody"]["content"]["multipart/form-data"]["schema"]
        for name, p in schema["properties"].items():
            kind = "file" if p.get("format") == "binary" else p["type"]
            needed = ", needed" if name in schema.get("required", []) else ""
            rows.append((f"`{name}`", "form" + needed, kind, p["description"]))
    if rows:
        out += ["", "| parameter | in | type | |", "| --- | --- | --- | --- |", *table(rows)]
    out += ["", "| status | |", "| --- | --- |"]
    out += table((code, answer["description"]) for code, answer in op["responses"].items())
    return out


def page(description):
    out = [HEAD]
    for path, methods in description["paths"].items():
        for method, op in methods.items():
            out += [*operation(method, path, op), ""]
    return "\n".join(out).rstrip("\n") + "\n"


def main():
    check = sys.argv[1:2] == ["--check"]
    if len(sys.argv) != 2 + check:
        sys.exit(__doc__)
    text = subprocess.run([sys.argv[-1], "serve", "--openapi"], capture_output=True, check=True).stdout
    made = page(json.loads(text))
    if check and PAGE.read_text(encoding="utf-8") != made:
        sys.exit("docs/http.md is not what the program says; run tools/http_reference.py PROGRAM")
    if not check:
        PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
