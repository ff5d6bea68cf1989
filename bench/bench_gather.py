#!/usr/bin/env python3
"""bench_gather.py BUILD [EVAL] - figures of gather against a server of this machine, without rates:
1,000 pictures of 200 KB, and a bulk file of JSON lines, 100 MB compressed. Time and peak memory of the
program; its own processor time too, since the server, in Python, runs beside it. One JSON object a
line."""
import gzip
import io
import json
import os
import random
import string
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from PIL import Image, ImageFilter  # noqa: E402
from webserver import Server  # noqa: E402

BUILD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bench")
PROGRAM = os.path.join(BUILD, "dlf-identify")
N_PICTURES = 1000


def say(name, value, unit, target, **more):
    print(json.dumps({"name": name, unit: round(value, 3), "target": target, **more}), flush=True)


def jpeg(seed):
    """Some 200 KB of a picture like no other."""
    rng = random.Random(seed)
    image = Image.frombytes("RGB", (10, 14), rng.randbytes(420)).resize((700, 980), 3)
    grain = Image.effect_noise((700, 980), 40).filter(ImageFilter.BoxBlur(1)).convert("RGB")
    out = io.BytesIO()
    Image.blend(image, grain, 0.35).save(out, "JPEG", quality=93)
    return out.getvalue()


def watch(pid, peak):
    """Notes the peak memory of a process, in megabytes, while it lives."""
    try:
        while True:
            with open(f"/proc/{pid}/status") as file:
                for line in file:
                    if line.startswith("VmHWM"):
                        peak[0] = int(line.split()[1]) / 1024
            time.sleep(0.01)
    except OSError:
        pass


def gather(env, *args):
    """Runs the program; its last line, and (seconds, processor seconds, megabytes at the peak)."""
    full = {**os.environ, "IDENTIFY_RATE": "none", "IDENTIFY_ALLOW_PRIVATE": "1", "no_proxy": "*",
            **env}
    reader, writer = os.pipe()
    start = time.monotonic()
    pid = os.posix_spawn(PROGRAM, [PROGRAM, "gather", "--json", *args], full,
                         file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.close(writer)
    peak = [0.0]  # not ru_maxrss: that begins with the memory of this process
    threading.Thread(target=watch, args=(pid, peak), daemon=True).start()
    with os.fdopen(reader) as file:
        lines = file.read().splitlines()
    _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"gather failed: {lines[-1:]}")
    return json.loads(lines[-1]), (seconds, usage.ru_utime + usage.ru_stime,
                                   peak[0])


def pictures(server, folder):
    bodies = [jpeg(seed) for seed in range(N_PICTURES)]
    mean = sum(map(len, bodies)) / len(bodies)
    server.pages["/p/"] = lambda h: h.answer(bodies[int(h.path[3:])], type="image/jpeg")
    server.pages["/"] = lambda h: h.answer(b"vqd=4-1&")
    server.pages["/i.js"] = lambda h: h.json({"results": [
        {"image": f"{server.base}/p/{n}", "title": str(n)} for n in range(N_PICTURES)]})
    done, (seconds, cpu, megabytes) = gather(
        {"IDENTIFY_BASE_DUCKDUCKGO": server.base}, "--source", "duckduckgo", "--query", "q", "--max",
        str(N_PICTURES), "--out", folder)
    if done["new"] < 0.98 * N_PICTURES:
        sys.exit(f"only {done['new']} pictures: {done}")
    say("gather/1000 pictures", seconds, "s", "at most 6", cpu_s=round(cpu, 2),
        mean_kb=round(mean / 1000))
    say("gather/1000 pictures, peak memory", megabytes, "MB", "at most 60")


def cards(rng, n):
    def text(k):
        return "".join(rng.choices(string.ascii_letters + " " * 12, k=k))
    for i in range(n):
        yield json.dumps({
            "object": "card", "id": f"{rng.getrandbits(128):032x}", "name": text(18), "lang": "en",
            "released_at": "2022-02-18", "uri": "https://api.example/cards/" + text(30),
            "image_uris": {size: f"https://cards.example/{size}/{rng.getrandbits(64):x}.jpg"
                           for size in ("small", "normal", "large", "png", "art_crop")},
            "oracle_text": text(260), "legalities": {f"format{k}": "not_legal" for k in range(20)},
            "games": ["paper", "mtgo"], "set": f"s{i % 500:03d}", "collector_number": str(i),
            "rarity": "rare", "artist": text(12), "related_uris": {"a": text(90), "b": text(90)},
            "prices": {"usd": "0.15", "usd_foil": None, "eur": "0.10", "tix": "0.02"}})


def bulk(server, folder):
    block = ("\n".join(cards(random.Random(1), 12000)) + "\n").encode()
    member = gzip.compress(block, 6)  # gzip members may follow each other
    n = 100_000_000 // len(member) + 1
    last = json.dumps({"name": "The last card", "set": "zzz", "collector_number": "1", "image_uris":
                       {"large": f"{server.base}/p/0"}}).encode()

    def send(handler):
        tail = gzip.compress(last)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/gzip")
        handler.send_header("Content-Length", str(n * len(member) + len(tail)))
        handler.end_headers()
        for _ in range(n):
            handler.wfile.write(member)
        handler.wfile.write(tail)
    server.pages["/bulk"] = send
    server.pages["/bulk-data"] = lambda h: h.json({"data": [
        {"type": "default_cards", "jsonl_download_uri": server.base + "/bulk"}]})
    done, (seconds, cpu, megabytes) = gather(
        {"IDENTIFY_BASE_SCRYFALL": server.base}, "--source", "scryfall-bulk", "--set", "zzz",
        "--dry-run", "--out", folder)
    if done["planned"] != 1:
        sys.exit(f"the last card was not found: {done}")
    size = n * len(block) / 1e6
    say("gather/bulk file, JSON a second", size / seconds, "MB/s", "at least 60",
        cpu_s=round(cpu, 2), seconds=round(seconds, 2), json_mb=round(size),
        gzip_mb=round(n * len(member) / 1e6))
    say("gather/bulk file, peak memory", megabytes, "MB", "at most 100")


def main():
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        pictures(server, os.path.join(folder, "pictures"))
        bulk(server, os.path.join(folder, "bulk"))
    server.stop()


if __name__ == "__main__":
    main()
