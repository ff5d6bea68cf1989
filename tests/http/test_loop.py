#!/usr/bin/env python3
"""The whole way, against a site of our own: an empty folder is filled, indexed, verified, given a head, indexed
with it, priced and served; a photograph is then answered with a name and its price."""
import io
import json
import os
import sys
import unittest

from service import SOURCE, Server, picture

sys.path.insert(0, os.path.join(SOURCE, "tests", "cli"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from common import ProgramTest, run  # noqa: E402
import webserver  # noqa: E402

CARDS = {f"LOCH-EN00{i}": f"Card {name}" for i, name in
         enumerate(("Anchor", "Bellows", "Candle", "Drum", "Engine", "Flute"), 1)}


class Loop(ProgramTest):
    def setUp(self):
        super().setUp()
        self.site = webserver.Server()
        self.addCleanup(self.site.stop)
        self.env = {"HOME": self.path("home"), "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "",
                    "IDENTIFY_ALLOW_PRIVATE": "1", "IDENTIFY_RATE": "none", "no_proxy": "*",
                    "IDENTIFY_BASE_YGOPRODECK": self.site.base}
        self.site.pages["/api/v7/cardinfo.php"] = self.send_cards
        self.site.pages["/api/v7/cardsets.php"] = lambda handler: handler.json(
            [{"set_code": "LOCH", "set_name": "Loch", "num_of_cards": 6, "tcg_date": "2026-01-01"}])
        self.site.pages["/p/"] = self.send_picture

    def send_cards(self, handler):
        cards = [{"id": i, "name": name, "card_prices": [{}],
                  "card_sets": [{"set_name": "Loch", "set_code": code, "set_rarity": "Ultra Rare",
                                 "set_rarity_code": "(UR)", "set_price": f"{i}.50"}],
                  "card_images": [{"id": i, "image_url": f"{self.site.base}/p/{i}",
                                   "image_url_small": f"{self.site.base}/p/{i}"}]}
                 for i, (code, name) in enumerate(CARDS.items(), 1)]
        return handler.json({"data": cards, "meta": {"total_rows": 6, "rows_remaining": 0}})

    def send_picture(self, handler):
        out = io.BytesIO()
        picture(int(handler.path[len("/p/"):])).save(out, "JPEG", quality=92)
        return handler.answer(out.getvalue(), type="image/jpeg")

    def do(self, *args, **env):
        result = run(*args, env={**self.env, **env})
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result

    def test_from_an_empty_folder_to_a_price(self):
        index, head, prices = self.path("i.npz"), self.path("head.pt"), self.path("card_prices.json")
        self.do("gather", "--source", "ygoprodeck", "--query", "card", "--out", self.refs, "--max", "6")
        names = sorted(n for n in os.listdir(self.refs) if n.endswith(".jpg"))
        self.assertEqual(len(names), 6)
        self.assertIn("LOCH-EN003_card_candle_ur.jpg", names)
        self.do("index", "--refs", self.refs, "--out", index, "--encoder", "builtin", "--quiet")
        self.do("verify", "--index", index, "--views", "1")
        self.do("train", "--refs", self.refs, "--out", head, "--encoder", "builtin", "--views", "bank:4",
                "--epochs", "1", "--steps-per-epoch", "4", "--quiet")
        self.do("index", "--refs", self.refs, "--out", index, "--encoder", "builtin", "--projection", head,
                "--quiet")
        self.do("scrape_prices", "--refs", self.refs, "--out", prices, "--site", "ygoprodeck",
                IDENTIFY_BASE_YGOPRODECK=self.site.base)
        with open(prices, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["prices"]["LOCH-EN003"]["median"], 3.5)
        server = Server("--index", index, "--refs", self.refs, "--projection", head, "--prices", prices,
                        env={**self.env, "CARD_PRICES_FX_USD_PER_JPY": "0.0067"})
        self.addCleanup(server.stop)
        photo = io.BytesIO()
        picture(3).rotate(12, expand=True, resample=3, fillcolor=(90, 90, 90)).save(photo, "JPEG")
        answer = server.post("/api/falcon", ("image", photo.getvalue(), "frame.jpg"), ("query", "card"))
        mask = answer.json()["masks"][0]
        self.assertEqual((mask["label"], mask["ref_filename"]),
                         ("Card Candle (UR)", "LOCH-EN003_card_candle_ur.jpg"))
        self.assertEqual((mask["price"]["code"], mask["price"]["median"], mask["price"]["currency"]),
                         ("LOCH-EN003", 3.5, "USD"))
        self.assertEqual(mask["price"]["usd_median"], 3.5)
        top = server.get("/api/top-prices?limit=2").json()["top"]
        self.assertEqual([entry["code"] for entry in top], ["LOCH-EN006", "LOCH-EN005"])


if __name__ == "__main__":
    unittest.main()
