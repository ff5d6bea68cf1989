#!/usr/bin/env python3
"""The life of a service: starting, reloading, being told to stop."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from service import PROGRAM, Server, ServiceTest, frame, run


def wait_for(condition, message):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(message)


class Life(ServiceTest):
    def size(self, server):
        return server.get("/health").json()["index_size"]

    def test_swap_under_load(self):
        """While the collection is replaced again and again every answer is right."""
        one, two = os.path.join(self.dir, "one"), os.path.join(self.dir, "two")
        live = os.path.join(self.dir, "live.npz")
        shutil.copytree(self.refs, one)
        shutil.copytree(self.refs, two)
        os.unlink(os.path.join(two, "red bird.jpg"))
        for folder in (one, two):
            made = run("index", "--refs", folder, "--out", folder + ".npz", "--encoder", "builtin",
                       "--quiet")
            self.assertEqual(made.returncode, 0, made.stderr)
        shutil.copy(one + ".npz", live)
        server = Server("--index", live, "--refs", self.refs)
        self.addCleanup(server.stop)
        stop, wrong, image = threading.Event(), [], frame(2)
        other = frame(3)

        def load():
            c = server.connect()
            while not stop.is_set():
                reply = server.falcon(image, connection=c)
                names = [m["ref_filename"] for m in reply.json().get("masks", [])]
                if reply.status != 200 or names != ["LOCH-JP002_wolf.jpg"]:
                    wrong.append((reply.status, names))
                reply = server.falcon(other, ("session", "s"), connection=c)
                names = [m["ref_filename"] for m in reply.json().get("masks", [])]
                if reply.status != 200 or names not in (["red bird.jpg"], []):
                    wrong.append((reply.status, names))
            c.close()
        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        for i in range(4):
            source, n = (two, 3) if i % 2 == 0 else (one, 4)
            shutil.copy(source + ".npz", live + ".new")
            os.replace(live + ".new", live)
            if i < 2:
                server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.size(server) == n, server.said())
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_broken_index_is_refused(self):
        live = os.path.join(self.dir, "broken.npz")
        shutil.copy(self.index, live)
        server = Server("--index", live)
        self.addCleanup(server.stop)
        with open(live + ".new", "wb") as out:
            out.write(b"this is no index")
        os.replace(live + ".new", live)
        wait_for(lambda: "stays in use" in server.said(), "nothing was said")
        self.assertFound(server.falcon(frame(2)), "LOCH-JP002_wolf.jpg")
        self.assertIn("identify_failed_swaps_total 1\n", server.get("/metrics").body.decode())
        os.unlink(live)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.said().count("stays in use") >= 2, server.said())
        self.assertEqual(self.size(server), 4)

    def test_prices(self):
        prices = os.path.join(self.dir, "prices.json")

        def write(median):
            with open(prices + ".new", "w", encoding="utf-8") as out:
                json.dump({"scraped_at": "2026-01-02T03:04:05", "site": "yuyu-tei", "currency": "JPY",
                           "prices": {"LOCH-JP001": {"median": median, "min": 100, "max": 900,
                                                     "count": 1, "name_jp": "黒魔術師",
                                                     "rarities": {"UR": median}}}}, out)
            os.replace(prices + ".new", prices)
        write(420)
        server = Server("--index", self.index, "--prices", prices,
                        env={"CARD_PRICES_FX_USD_PER_JPY": "0.01"})
        self.addCleanup(server.stop)
        price = server.falcon(frame(1)).json()["masks"][0]["price"]
        self.assertEqual((price["code"], price["median"], price["currency"], price["usd_median"]),
                         ("LOCH-JP001", 420, "JPY", 4.2))
        self.assertEqual((price["name_jp"], price["date"]), ("黒魔術師", "2026-01-02"))
        top = server.get("/api/top-prices?limit=1").json()
        self.assertEqual((top["count"], top["top"][0]["jpy_median"], top["top"][0]["usd_median"]),
                         (1, 420, 4.2))
        write(840)
        wait_for(lambda: server.falcon(frame(1)).json()["masks"][0]["price"]["median"] == 840,
                 server.said())
        for limit, status in (("0", 200), ("99999", 200), ("abc", 422), ("-1", 422), ("", 422),
                              ("1e3", 422), ("9" * 40, 422)):
            self.assertEqual(server.get("/api/top-prices?limit=" + limit).status, status, limit)

    def test_ends_with_a_full_queue(self):
        """What was asked before SIGTERM is answered, and the exit status is 0."""
        server = Server("--index", self.index, "--threads", "1")
        image, replies, n = frame(2), [], 8
        started = threading.Barrier(n + 1)

        def ask():
            c = server.connect()
            c.connect()
            started.wait()
            replies.append(server.falcon(image, connection=c))
        threads = [threading.Thread(target=ask) for _ in range(n)]
        for t in threads:
            t.start()
        started.wait()
        probe = server.connect()
        wait_for(lambda: sum(int(line.split()[1]) for line in server.ask(
            "GET", "/metrics", connection=probe).body.decode().splitlines()
            if line.startswith(("identify_queue ", "identify_in_work "))) + len(replies) >= n,
            "they never arrived")
        self.assertEqual(server.stop(), 0)
        for t in threads:
            t.join()
        self.assertEqual([r.status for r in replies], [200] * n)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=2)

    def test_refuses_to_start(self):
        busy = socket.create_server(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        for args, code, said in (
                (["--index", os.path.join(self.dir, "none.npz")], 3, "none.npz"),
                (["--index", self.index, "--port", str(port)], 4, f"port {port}"),
                (["--index", self.index, "--host", "no.such.host.invalid"], 2, "no address"),
                (["--index", self.index, "--prices", self.index], 3, "index.npz"),
                (["--index", self.index, "--auth-token", "short"], 2, "token")):
            result = subprocess.run([PROGRAM, "serve", *args], capture_output=True, text=True,
                                    timeout=60)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(said, result.stderr)
            self.assertEqual(result.stdout, "")
        busy.close()

    def test_environment_and_notification(self):
        """The original's variables, and systemd's."""
        path = os.path.join(self.dir, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(path)
            listener.settimeout(30)
            server = Server("--log-format", "json",
                            env={"CARD_INDEX": self.index, "REFS_DIR": self.refs,
                                 "CLIP_SIM_THRESHOLD": "0.6", "CLIP_MARGIN_THRESHOLD": "0.1",
                                 "YOLO_CONF": "0.05", "NOTIFY_SOCKET": path})
            self.assertEqual(listener.recv(100), b"READY=1")
            health = server.get("/health").json()
            self.assertEqual((health["sim_threshold"], health["margin_threshold"]), (0.6, 0.1))
            self.assertEqual(server.stop(), 0)
            self.assertEqual(listener.recv(100), b"STOPPING=1")
        lines = [json.loads(line) for line in server.said().splitlines() if line[:1] == "{"]
        self.assertEqual([(x["method"], x["path"], x["status"]) for x in lines],
                         [("GET", "/health", 200)])


if __name__ == "__main__":
    unittest.main()
