#!/usr/bin/env python3
"""bench_serve.py BUILD [EVAL] [--seconds S] [--soak MINUTES] - figures of the service, one JSON object a
line: answers a second and their times for one client, for 16, and for a stream that shows one card held
still; /health beside 16 clients; memory; start to ready; a swap of 10,000 references under load. wrk posts a
1280 x 720 JPEG of one card of the example collection, among 150 references, with the built-in encoder and
confirmation on. In the same run the same of rivals/fastapi_server.py, where Python has what it needs.

--soak: instead, mixed good and bad requests with swaps and writes at full load for so long: how many
answers were wrong, and memory and descriptors at the beginning and at the end."""
import argparse
import http.client
import io
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLE = os.path.join(ROOT, "data", "example")
CARD = "LOCH-JP011_harvest_owl_scr.jpg"
TOKEN = "token of the soak"
BOUNDARY = "----bench0123456789"
ARGS = argparse.ArgumentParser()
ARGS.add_argument("build", nargs="?", default=os.path.join(ROOT, "build", "bench"))
ARGS.add_argument("eval", nargs="?")
ARGS.add_argument("--seconds", type=float, default=4)
ARGS.add_argument("--soak", type=float, metavar="MINUTES", default=0)
ARGS = ARGS.parse_args()
PROGRAM = os.path.join(ARGS.build, "dlf-identify")

LUA = """
wrk.method, wrk.path = "POST", "/api/falcon"
wrk.headers["Content-Type"] = "multipart/form-data; boundary=%s"
local file = io.open("%s", "rb")
wrk.body = file:read("*all")
file:close()
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %%d, "us": %%d, "p50": %%d, "p99": %%d, "errors": %%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def say(name, value, unit, target, **more):
    print(json.dumps({"name": name, unit: round(value, 2), "target": target, **more}), flush=True)


def frame():
    """A camera's view of a table with the card on it, a little turned."""
    rng = random.Random(3)
    table = Image.effect_noise((160, 90), 40).convert("RGB").resize((1280, 720), 3)
    card = Image.open(os.path.join(EXAMPLE, CARD)).convert("RGBA")
    card = card.resize((int(card.width * 520 / card.height), 520), 1)
    card = card.rotate(rng.uniform(4, 8), expand=True, resample=3)
    table.paste(card, (480, 80), card)
    out = io.BytesIO()
    table.save(out, "JPEG", quality=85)
    return out.getvalue()


def form(*parts):
    out = b""
    for name, value, *file in parts:
        tail = f'; filename="{file[0]}"' if file else ""
        out += (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{tail}\r\n\r\n'.encode() +
                value + b"\r\n")
    return out + f"--{BOUNDARY}--\r\n".encode()


def collection(folder, n):
    """The example's references, and mirrored and inverted ones of them, n in all."""
    from PIL import ImageOps
    names = sorted(x for x in os.listdir(EXAMPLE) if x.endswith(".jpg"))
    changes = [None, ImageOps.mirror, ImageOps.invert, ImageOps.flip,
               lambda x: ImageOps.invert(ImageOps.flip(x))]
    for i in range(n):
        name, change = names[i % len(names)], changes[i // len(names)]
        if change is None:
            shutil.copy(os.path.join(EXAMPLE, name), os.path.join(folder, name))
        else:
            image = change(Image.open(os.path.join(EXAMPLE, name)).convert("RGB"))
            image.save(os.path.join(folder, f"other_{i:03d}.jpg"), quality=90)


class Process:
    """A server that runs."""
    port = process = None

    def memory_mb(self):
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def ask(self, method, target, body=None, headers=None, connection=None, timeout=60):
        c = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        c.request(method, target, body, headers or {})
        reply = c.getresponse()
        data = reply.read()
        if connection is None:
            c.close()
        return reply.status, data

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Server(Process):
    def __init__(self, index, *args):
        started = time.perf_counter()
        self.process = subprocess.Popen([PROGRAM, "serve", "--index", index, "--port", "0", "--json",
                                         "--log-format", "none", *args], stdout=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.ready_ms = (time.perf_counter() - started) * 1000

    def stop(self):
        super().stop()
        self.process.stdout.close()


class Rival(Process):
    """rivals/fastapi_server.py; its port is None when it cannot run here."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.process = subprocess.Popen([sys.executable, os.path.join(ROOT, "bench", "rivals",
                                                                      "fastapi_server.py"), str(port)])
        while self.process.poll() is None and self.port is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                self.port = port
            except OSError:
                time.sleep(0.1)


def wrk(server, folder, body, clients):
    """Posts `body` for a while; what wrk counted."""
    with open(os.path.join(folder, "body"), "wb") as out:
        out.write(body)
    with open(os.path.join(folder, "post.lua"), "w", encoding="ascii") as out:
        out.write(LUA % (BOUNDARY, os.path.join(folder, "body")))
    result = subprocess.run(["wrk", "-t", "1", "-c", str(clients), "-d", f"{ARGS.seconds:g}s", "--timeout",
                             "30s", "-s", out.name, f"http://127.0.0.1:{server.port}"],
                            capture_output=True, text=True, check=True)
    return json.loads(result.stdout.strip().splitlines()[-1])


def health_beside(server, stop, times):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    while not stop.is_set():
        began = time.perf_counter()
        server.ask("GET", "/health", connection=c)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    c.close()


def one_and_many(server, folder, body):
    """One client, then 16 with /health beside them."""
    one, times, stop = wrk(server, folder, body, 1), [], threading.Event()
    probe = threading.Thread(target=health_beside, args=(server, stop, times))
    probe.start()
    cpu = server.cpu_seconds()
    many = wrk(server, folder, body, 16)
    cpu = server.cpu_seconds() - cpu
    stop.set()
    probe.join()
    return {"ms": one["p50"] / 1000, "p99_ms": one["p99"] / 1000, "errors": one["errors"],
            "per_second": many["requests"] * 1e6 / many["us"], "many_p99_ms": many["p99"] / 1000,
            "many_errors": many["errors"], "health_ms": sorted(times)[len(times) * 95 // 100],
            "memory_mb": server.memory_mb(), "cpu_ms": round(cpu * 1000 / max(many["requests"], 1), 1)}


def rival(folder, body):
    server = Rival()
    if server.port is None:
        return {}
    server.ask("POST", "/api/falcon", body, {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY})
    figure = one_and_many(server, folder, body)
    server.stop()
    return figure


def figures(folder, index):
    image = frame()
    body = form(("image", image, "frame.jpg"), ("query", b"card"))
    starts = []
    for _ in range(5):
        server = Server(index)
        starts.append(server.ready_ms)
        server.stop()
    say("serve: start to ready", statistics.median(starts), "ms", "<= 60")
    server = Server(index)
    status, answer = server.ask("POST", "/api/falcon", body,
                                {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY})
    assert status == 200 and CARD in answer.decode(), answer
    ours = one_and_many(server, folder, body)
    still = form(("image", image, "frame.jpg"), ("session", b"bench"))
    held = wrk(server, folder, still, 1)
    server.stop()
    theirs = rival(folder, body)

    def compare(name, key, unit, target, **more):
        if theirs:
            more = {**more, "baseline": "FastAPI, PyTorch ViT-B/32", "baseline_" + unit: round(theirs[key], 1)}
        say("serve: " + name, ours[key], unit, target, **more)
    compare("one client, median", "ms", "ms", "<= 25", errors=ours["errors"])
    compare("one client, p99", "p99_ms", "ms", "<= 60")
    compare("16 clients", "per_second", "per_second", ">= 60, with AVX-512 >= 96", errors=ours["many_errors"],
            cpu_ms_an_answer=ours["cpu_ms"])
    compare("16 clients, p99", "many_p99_ms", "ms", "<= 400")
    compare("/health beside 16 clients, p95", "health_ms", "ms", "<= 50")
    compare("resident memory after 16 clients", "memory_mb", "MB", "<= 120")
    say("serve: a session, one card held still", held["requests"] * 1e6 / held["us"], "per_second", ">= 250",
        errors=held["errors"])


def swap(folder):
    """A made collection of 10,000, replaced again and again while two clients post."""
    tool = os.path.join(ARGS.build, "tools", "make-collection")
    if not os.path.exists(tool):
        print(json.dumps({"name": "serve: swap", "skipped": "make-collection is not built"}))
        return
    index = os.path.join(folder, "large.npz")
    others = [os.path.join(folder, name) for name in ("one.npz", "two.npz")]
    subprocess.run([tool, "10000", others[0]], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(others[0], others[1])

    def put(turn):  # a name more: copying would be what is measured
        os.link(others[turn % 2], index + ".new")
        os.replace(index + ".new", index)
    put(0)
    server, times, turn = Server(index), [], 0
    body = form(("image", frame(), "frame.jpg"))
    end = time.time() + max(8, 2 * ARGS.seconds)

    def post():
        c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while time.time() < end:
            began = time.perf_counter()
            status, _ = server.ask("POST", "/api/falcon", body,
                                   {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}, c)
            assert status == 200
            times.append((time.perf_counter() - began) * 1000)
        c.close()
    clients = [threading.Thread(target=post) for _ in range(2)]
    for t in clients:
        t.start()
    while time.time() < end - 2:
        time.sleep(1.5)
        turn += 1
        put(turn)
    for t in clients:
        t.join()
    _, metrics = server.ask("GET", "/metrics")
    n = [line.split()[1] for line in metrics.decode().splitlines() if line.startswith("identify_swaps_total ")][0]
    server.stop()
    times.sort()
    say("serve: swap of 10,000 references, slowest request over the median", times[-1] - statistics.median(times),
        "ms", "<= 100", median_ms=round(statistics.median(times), 1), requests=len(times), swaps=int(n))


def soak(folder, index, refs):
    server = Server(index, "--auth-token", TOKEN, "--writable")
    bearer = {"Authorization": "Bearer " + TOKEN}
    kind = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY, **bearer}
    image = frame()
    good = form(("image", image, "frame.jpg"), ("query", b"card"))
    bad = [form(("image", image[:5000], "a.jpg")), form(("query", b"x")), good[:-30], b"",
           form(("image", b"junk", "a"))]
    counts, end = {"answers": 0, "wrong": 0, "refused": 0, "writes": 0}, time.time() + ARGS.soak * 60
    lock = threading.Lock()

    def count(**more):
        with lock:
            for key, n in more.items():
                counts[key] += n

    def ask(seed):
        rng = random.Random(seed)
        while time.time() < end:
            if rng.random() < 0.2:
                status, _ = server.ask("POST", "/api/falcon", rng.choice(bad), kind)
                count(refused=1, wrong=status not in (400, 422, 503))
            else:
                status, answer = server.ask("POST", "/api/falcon", good, kind)
                right = status == 503 or (status == 200 and
                                          json.loads(answer)["masks"][0]["ref_filename"] == CARD)
                count(answers=1, wrong=not right)

    def write():
        i = 0
        other = open(os.path.join(refs, "other_100.jpg"), "rb").read()
        while time.time() < end:
            name = f"soak_{i % 7}.jpg"
            i += 1
            body = form(("image", other, "a.jpg"), ("filename", name.encode()), ("replace", b"1"))
            status, _ = server.ask("POST", "/api/references", body, kind, timeout=600)
            count(writes=1, wrong=status not in (201, 503))
            status, _ = server.ask("DELETE", "/api/references?filename=" + name, None, bearer, timeout=600)
            count(writes=1, wrong=status not in (200, 503))
    server.ask("POST", "/api/falcon", good, kind)
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)] + [threading.Thread(target=write)]
    for t in threads:
        t.start()
    time.sleep(min(20, ARGS.soak * 15))
    before = server.memory_mb(), server.descriptors()
    for t in threads:
        t.join()
    time.sleep(1)
    say("serve: soak, wrong answers", counts["wrong"], "n", "0", **counts)
    say("serve: soak, memory at the end", server.memory_mb(), "MB", "as early on", early_MB=round(before[0], 1))
    say("serve: soak, descriptors at the end", server.descriptors(), "n", "as early on", early_n=before[1])
    server.stop()


def main():
    if not ARGS.soak and shutil.which("wrk") is None:
        print(json.dumps({"name": "serve", "skipped": "wrk is not installed"}))
        return
    with tempfile.TemporaryDirectory() as folder:
        refs, index = os.path.join(folder, "refs"), os.path.join(folder, "index.npz")
        os.mkdir(refs)
        collection(refs, 150)
        subprocess.run([PROGRAM, "index", "--refs", refs, "--out", index, "--encoder", "builtin", "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
        if ARGS.soak:
            soak(folder, index, refs)
        else:
            figures(folder, index)
            swap(folder)


if __name__ == "__main__":
    main()
