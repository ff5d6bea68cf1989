#!/usr/bin/env python3
"""dlf-identify serve with prices: today's exchange rates from the service that gives them, by hand, and
none at all."""
import http.server
import json
import os
import shutil
import tempfile
import threading
import time
import unittest

from service import Server, picture, run


class Rates(http.server.BaseHTTPRequestHandler):
    answer, seen = None, []

    def do_GET(self):
        Rates.seen.append(self.path)
        if Rates.answer is None:
            return self.send_error(500)
        body = json.dumps(Rates.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class ExchangeRates(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="identify-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rates)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        at = f"http://127.0.0.1:{site.server_port}"
        self.env = {"HOME": self.dir, "XDG_CACHE_HOME": "", "no_proxy": "127.0.0.1",
                    "CARD_PRICES_FX_USD_PER_JPY": "", "IDENTIFY_BASE_OPEN_ER_API": at,
                    "IDENTIFY_BASE_FRANKFURTER": at}
        refs = os.path.join(self.dir, "refs")
        os.mkdir(refs)
        picture(1).save(os.path.join(refs, "LOCH-JP001_mage.jpg"))
        self.index, self.prices = (os.path.join(self.dir, n) for n in ("i.npz", "prices.json"))
        self.assertEqual(run("index", "--refs", refs, "--out", self.index).returncode, 0)
        with open(self.prices, "w") as out:
            json.dump({"currency": "JPY", "prices": {"LOCH-JP001": {"median": 300}}}, out)
        Rates.seen.clear()

    def usd(self, *args, **env):
        server = Server("--index", self.index, "--prices", self.prices, *args,
                        env={**self.env, **env})
        try:
            return server.get("/api/top-prices").json()["top"][0].get("usd_median"), server.said()
        finally:
            server.stop()

    def test_rates(self):
        Rates.answer = None
        usd, said = self.usd()
        self.assertIsNone(usd)
        self.assertIn("no exchange rates", said)
        self.assertEqual(self.usd("--fx-rate", "JPY=0.02")[0], 6)
        Rates.seen.clear()
        self.assertEqual(self.usd(CARD_PRICES_FX_USD_PER_JPY="0.01")[0], 3)
        self.assertEqual(Rates.seen, [])
        now = int(time.time())
        Rates.answer = {"result": "success", "base_code": "USD", "time_last_update_unix": now - 60,
                        "time_next_update_unix": now + 3600, "rates": {"JPY": 150}}
        self.assertEqual(self.usd()[0], 2)
        Rates.answer = None  # kept on disk
        self.assertEqual(self.usd()[0], 2)
        self.assertEqual(Rates.seen, ["/v6/latest/USD"])
        self.follow_the_rates()
        wrong = run("serve", "--index", self.index, "--fx-rate", "JPY", env=self.env)
        self.assertEqual(wrong.returncode, 2)


    def follow_the_rates(self):
        """Rates whose next update has passed are asked for again by the running service, and stay
        when there are none."""
        shutil.rmtree(os.path.join(self.dir, ".cache"))
        now = int(time.time())
        Rates.answer = {"result": "success", "base_code": "USD", "time_last_update_unix": now - 60,
                        "time_next_update_unix": now + 2, "rates": {"JPY": 150}}
        server = Server("--index", self.index, "--prices", self.prices, env=self.env)
        try:
            Rates.answer = {**Rates.answer, "time_last_update_unix": now,
                            "time_next_update_unix": now + 4, "rates": {"JPY": 100}}

            def usd():
                return server.get("/api/top-prices").json()["top"][0]["usd_median"]
            end = time.time() + 30
            while usd() != 3 and time.time() < end:
                time.sleep(0.1)
            self.assertEqual(usd(), 3)
            self.assertEqual(server.get("/api/info").json()["rates"]["rates"]["JPY"], 100)
            Rates.answer, asked = None, len(Rates.seen)
            while len(Rates.seen) < asked + 2 and time.time() < end:
                time.sleep(0.1)
            while "no exchange rates" not in server.said() and time.time() < end:
                time.sleep(0.1)
            self.assertIn("rates of open.er-api.com, ", server.said())
            self.assertEqual(usd(), 3)
        finally:
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
