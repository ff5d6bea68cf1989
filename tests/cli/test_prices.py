#!/usr/bin/env python3
"""dlf-identify scrape_prices and export, against a server of our own that plays each site in the shapes
that it documents, and that refuses, lies, cuts and stalls."""
import csv
import gzip
import http.server
import io
import json
import os
import signal
import subprocess
import threading
import time
import unittest
import urllib.parse

from common import PROGRAM, ProgramTest, run

CARD = ("<li><div class='{cls}'><a href='/sell/ygo/card/x/{n}'><img alt='{code} {rarity} {name}'></a>"
        "<strong>{price:,} 円</strong><label>在庫 : {stock} 点</label></div></li>")


def page(*cards):
    items = "".join(CARD.format(cls="card-product", n=i, code=code, rarity=rarity, name="竜",
                                price=price, stock=i) for i, (code, rarity, price) in enumerate(cards))
    return f"<html><head><title>検索</title></head><body><ul>{items}</ul></body></html>"


def scryfall(path, query):
    number = query["page"][0]
    card = {"name": "Lantern " + number, "set": "neo", "collector_number": number, "rarity": "rare",
            "prices": {"usd": number + ".50", "usd_foil": "9.00", "usd_etched": None,
                       "eur": number + ".20", "eur_foil": None}}
    return {"object": "list", "has_more": number == "1", "data": [card]}


def tcgcsv(path, query):
    if path == "/tcgplayer/2/groups":
        return {"results": [{"groupId": 11, "abbreviation": "LOB", "name": "Legend"}]}
    if path == "/tcgplayer/2/11/products":
        return {"results": [{"productId": 5, "name": "Dragon", "extendedData": [
            {"name": "Number", "value": "LOB-EN001"}, {"name": "Rarity", "value": "Ultra Rare"}]}]}
    if path == "/tcgplayer/2/11/prices":
        return {"results": [{"productId": 5, "marketPrice": 12.5, "lowPrice": 10, "highPrice": 20,
                             "subTypeName": "Unlimited"}]}
    return {"results": []}


def ygoprodeck(path, query):
    if path.endswith("cardsets.php"):
        return [{"set_code": "LOB", "set_name": "Legend of X & Y"}]
    if query.get("cardset") != ["Legend of X & Y"]:
        return {"error": "No card matching your query was found in the database."}
    return {"data": [{"name": "Dragon", "card_sets": [
        {"set_code": "LOB-EN001", "set_rarity_code": "(UR)", "set_price": "12.50"}]}]}


def pokemontcg(path, query):
    if query["q"] != ["set.id:sv3pt5"]:
        return {"data": [], "page": 1, "pageSize": 250, "totalCount": 0}
    return {"page": 1, "pageSize": 250, "totalCount": 1, "data": [{
        "name": "Mew", "number": "151", "rarity": "Rare",
        "tcgplayer": {"prices": {"holofoil": {"market": 3.5, "low": 2, "high": 9}}},
        "cardmarket": {"prices": {"trendPrice": 2.75, "averageSellPrice": 3, "lowPrice": 0.5}}}]}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, url = self.server, urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        server.seen.append((self.path, dict(self.headers)))
        mode = server.modes.pop(0) if server.modes else server.mode
        if url.path.startswith("/v6/"):
            return self.fx(server.er_api)
        if url.path.startswith("/v1/"):
            return self.fx(server.frankfurter)
        if mode in ("429", "503", "403", "500"):
            self.send_response(int(mode))
            if mode == "429":
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if mode == "moved" and "moved" not in query:
            self.send_response(302)
            self.send_header("Location", self.path + "&moved=1")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if url.path == "/sell/ygo/s/search":
            asked = query["search_word"][0]
            body = server.pages.get(asked, page(("OTHR-JP001", "UR", 5)))
        else:
            answer = {"v2": pokemontcg, "tcgplayer": tcgcsv, "api": ygoprodeck,
                      "scryfall": scryfall}[url.path.split("/")[1]](url.path, query)
            body = json.dumps(answer)
        self.answer(body.encode(), mode)

    def fx(self, answer):
        if answer is None:
            return self.send_error(500)
        self.answer(json.dumps(answer).encode(), "")

    def answer(self, body, mode):
        body = {"challenge": b"<html><title>Just a moment...</title><body>cf_chl</body></html>",
                "changed": b"<html><body><p>Welcome to our new shop</body></html>",
                "types": b'{"data": 5, "results": "x"}', "empty": b"",
                "large": b"<p>" * 6000000}.get(mode, body)
        self.send_response(200)
        if mode == "gzip":
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body[:len(body) // 2] if mode == "cut" else body)
        except OSError:
            pass

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mode, self.modes, self.pages, self.seen = "", [], {}, []
        self.er_api = {"result": "success", "base_code": "USD",
                       "time_last_update_unix": int(time.time()) - 3600,
                       "time_next_update_unix": int(time.time()) + 3600,
                       "rates": {"USD": 1, "JPY": 150, "EUR": 0.9}}
        self.frankfurter = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def paths(self):
        return [path for path, _ in self.seen]


class Prices(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        at = f"http://127.0.0.1:{self.server.server_port}"
        self.env = {
            "HOME": self.path("home"), "XDG_CACHE_HOME": "", "no_proxy": "127.0.0.1",
            "IDENTIFY_RATE": "none", "IDENTIFY_BACKOFF": "0.01", "IDENTIFY_TRIES": "2",
            "IDENTIFY_MAX_WAIT": "1", "IDENTIFY_STALL_TIMEOUT": "5", "POKEMONTCG_API_KEY": "",
            "CARD_PRICES_FX_USD_PER_JPY": "", "IDENTIFY_BASE_YUYU_TEI": at,
            "IDENTIFY_BASE_SCRYFALL": at + "/scryfall/", "IDENTIFY_BASE_TCGCSV": at,
            "IDENTIFY_BASE_YGOPRODECK": at, "IDENTIFY_BASE_POKEMONTCG": at,
            "IDENTIFY_BASE_OPEN_ER_API": at, "IDENTIFY_BASE_FRANKFURTER": at}
        self.out = self.path("prices.json")
        self.fx_file = self.path("home", ".cache", "dlf-identify", "fx.json")

    def refs_named(self, *names):
        for name in names:
            with open(os.path.join(self.refs, name), "wb"):
                pass

    def scrape(self, *args, expect=0, command="scrape_prices", env=None):
        result = run(command, "--refs", self.refs, "--out", self.out, *args,
                     env={**self.env, **(env or {})})
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def prices(self):
        with open(self.out, encoding="utf-8") as file:
            return json.load(file)

    # --- yuyu-tei ---

    def japanese(self):
        self.refs_named("LOCR-JP066_dragon_ur.jpg", "LOCR-JP066_dragon_scr.jpg",
                        "LOCR-JP001_knight.png", "plain.jpg", "LOCR-JP002_notes.txt")
        self.server.pages["LOCR-JP"] = page(
            ("LOCR-JP066", "UR", 420), ("LOCR-JP066", "ScR", 1980), ("LOCR-JP066", "UR", 300),
            ("LOCR-JP001", "N", 50))

    def test_a_collection_gets_its_prices(self):
        self.japanese()
        done = json.loads(self.scrape("--json").stdout)
        self.assertEqual((done["codes"], done["references"], done["priced"], done["sets"]),
                         (2, 3, 3, 1))
        self.assertEqual((done["top"][0]["code"], done["top"][0]["median"]), ("LOCR-JP066", 1980))
        self.assertAlmostEqual(done["top"][0]["usd_median"], 1980 / 150)
        file = self.prices()
        self.assertEqual((file["site"], file["currency"]), ("yuyu-tei", "JPY"))
        self.assertRegex(file["scraped_at"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        entry = file["prices"]["LOCR-JP066"]  # the original's keys
        self.assertEqual(entry["rarities"], {"UR": 420, "ScR": 1980})
        self.assertEqual((entry["median"], entry["min"], entry["max"], entry["count"],
                          entry["name_jp"]), (1980, 420, 1980, 3, "竜"))
        ultra = next(p for p in entry["printings"] if p["rarity"] == "UR")  # and ours
        self.assertEqual((ultra["median"], ultra["played"], ultra["stock"]), (420, 300, 0))
        self.assertEqual(ultra["url"], "https://yuyu-tei.jp/sell/ygo/card/x/0")
        self.assertEqual(entry["fetched_at"], file["scraped_at"])
        self.assertIn("/sell/ygo/s/search?search_word=LOCR-JP", self.server.paths())
        agent = self.server.seen[-1][1]["User-Agent"]
        self.assertRegex(agent, r"^dlf-identify/\d")

    def test_text_aliases_gzip_and_redirect(self):
        self.japanese()
        for command, mode in (("scrape-prices", "gzip"), ("prices", "moved")):
            self.server.mode = mode
            text = self.scrape("--currency", "eur", command=command).stdout
            self.assertIn("2 codes of 1 sets from yuyu-tei; 3 of 3 references", text)
            self.assertRegex(text, r"LOCR-JP066 +Dragon \(ScR\) +11\.88 EUR  \(1980 JPY\)")
            self.assertIn("rates of open.er-api.com, 60 minutes old", text)

    def test_labels_give_set_codes(self):
        self.japanese()
        self.refs_named("IMG_1.jpg")
        with open(os.path.join(self.refs, "labels.csv"), "w") as file:
            file.write("filename,name,set_code\nIMG_1.jpg,Photo,NEW1-JP003\n")
        result = self.scrape()
        self.assertIn("warning: yuyu-tei knows nothing of NEW1-JP", result.stderr)
        self.assertEqual(list(self.prices()["prices"]), ["LOCR-JP001", "LOCR-JP066"])

    def test_what_fails_leaves_the_old_file(self):
        self.japanese()
        self.scrape()
        with open(self.out, "rb") as file:
            before = file.read()
        for mode, says in (("403", "403"), ("503", "503"), ("429", "429"), ("500", "500"),
                           ("challenge", "asks for a person"), ("changed", "has changed"),
                           ("empty", "empty or no HTML"), ("cut", ""), ("large", "")):
            self.server.mode = mode
            result = self.scrape(expect=4)
            self.assertIn(says, result.stderr, mode)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            with open(self.out, "rb") as file:
                self.assertEqual(file.read(), before, mode)
        self.server.mode = ""
        self.server.pages.clear()  # only pages about other sets
        self.assertIn("has no price for any", self.scrape(expect=4).stderr)
        self.server.shutdown()
        self.server.server_close()
        self.scrape(expect=4)
        with open(self.out, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(os.listdir(self.dir).count("prices.json"), 1)
        self.assertFalse([name for name in os.listdir(self.dir) if name.startswith("prices.json.")])

    def test_a_moment_of_trouble_is_waited_out(self):
        self.japanese()
        self.server.modes = ["", "503"]  # the rates, then the first try
        self.scrape()
        self.server.modes = ["429"]
        self.scrape()

    def test_refusals(self):
        self.refs_named("plain.jpg")
        self.assertIn("has a set code", self.scrape(expect=3).stderr)
        self.refs_named(*(f"S{i:02d}A-JP001_x.jpg" for i in range(11)))
        result = self.scrape(expect=2)
        self.assertIn("11 sets, more than --max-prefixes 10", result.stderr)
        self.assertEqual(self.server.seen, [])
        for args, says in ((("--site", "yuyutei"), "did you mean yuyu-tei"),
                           (("--currency", "euro"), "three letters"), (("--every", "6"), "6h"),
                           (("--fx-rate", "JPY"), "JPY=0.0067"), (("--max-prefixes", "0"), "1 to")):
            result = self.scrape("--max-prefixes", "20", *args, expect=2)
            self.assertIn(says, result.stderr)
        self.assertEqual(run("scrape_prices").returncode, 2)
        self.assertEqual(run("scrape_prices", "--refs", self.path("no")).returncode, 3)
        self.assertFalse(os.path.exists(self.out))

    def test_again_and_again(self):
        self.japanese()
        process = subprocess.Popen(
            [PROGRAM, "scrape_prices", "--refs", self.refs, "--out", self.out, "--every", "1s"],
            env={**os.environ, **self.env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        searches = lambda: sum("search_word" in path for path in self.server.paths())
        deadline = time.time() + 60
        self.server.modes = ["", "changed"]  # the first time fails, and is no end
        while searches() < 3 and time.time() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130)
        self.assertGreaterEqual(searches(), 3)
        self.assertIn("has changed", process.stderr.read())
        self.assertEqual(len(self.prices()["prices"]), 2)

    # --- exchange rates ---

    def test_rates_are_kept_until_their_next_update(self):
        self.japanese()
        asked = lambda: [path[:3] for path in self.server.paths() if path[:3] in ("/v6", "/v1")]
        self.scrape()
        self.scrape()
        self.assertEqual(asked(), ["/v6"])
        with open(self.fx_file) as file:
            kept = json.load(file)
        kept["time_next_update_unix"] = int(time.time()) - 10
        kept["time_last_update_unix"] = int(time.time()) - 3 * 86400
        with open(self.fx_file, "w") as file:
            json.dump(kept, file)
        self.server.er_api = None  # offline: old rates, and their age
        self.assertIn("rates of open.er-api.com, 3 days old", self.scrape().stdout)
        self.assertIn("/v1", asked())
        self.server.frankfurter = {"amount": 1.0, "base": "USD", "date": "2026-11-27",
                                   "rates": {"JPY": 151}}
        self.assertIn("rates of frankfurter.dev", self.scrape().stdout)

    def test_without_rates_prices_keep_their_currency(self):
        self.japanese()
        self.server.er_api = {"result": "error", "error-type": "quota-reached"}
        result = self.scrape()
        self.assertIn("quota-reached", result.stderr)
        self.assertIn("prices stay in JPY", result.stderr)
        self.assertRegex(result.stdout, r"Dragon \(ScR\) +1980 JPY\n")
        self.assertIsNone(json.loads(self.scrape("--json", "--quiet").stdout)["top"][0]["usd_median"])

    def test_rates_by_hand(self):
        self.japanese()
        self.server.er_api = None
        for args, env in ((("--fx-rate", "EUR=1.1,JPY=0.01"), {}),
                          ((), {"CARD_PRICES_FX_USD_PER_JPY": "0.01"})):
            result = self.scrape("--json", *args, env=env)
            self.assertAlmostEqual(json.loads(result.stdout)["top"][0]["usd_median"], 19.8)
            self.assertEqual(result.stderr, "")
        wrong = self.scrape(env={"CARD_PRICES_FX_USD_PER_JPY": "x"}, expect=2)
        self.assertIn("CARD_PRICES_FX_USD_PER_JPY", wrong.stderr)

    # --- the other sites ---

    def test_sites_that_answer_in_json(self):
        for site, ref, code, median in (("scryfall", "neo-002_lantern.jpg", "neo-002", 2.5),
                                        ("tcgcsv", "LOB-EN001_dragon_ur.jpg", "LOB-EN001", 12.5),
                                        ("ygoprodeck", "LOB-EN001_dragon_ur.jpg", "LOB-EN001", 12.5),
                                        ("pokemontcg", "sv3pt5-151_mew.jpg", "sv3pt5-151", 3.5)):
            for name in os.listdir(self.refs):
                os.unlink(os.path.join(self.refs, name))
            self.refs_named(ref)
            self.server.mode = ""
            done = json.loads(self.scrape("--site", site, "--json").stdout)
            self.assertEqual(done["priced"], 1, site)
            file = self.prices()
            self.assertEqual((file["site"], file["currency"]), (site, "USD"))
            self.assertEqual(file["prices"][code]["median"], median, site)
            for mode, said in (("types", "has no list"), ("cut", "")):
                self.server.mode = mode
                env = {"XDG_CACHE_HOME": self.path("cache of " + mode)}  # nothing is kept there
                self.assertIn(said, self.scrape("--site", site, expect=4, env=env).stderr)
        self.assertTrue(any("page=2" in path for path in self.server.paths()))

    def test_euros(self):
        for site, ref, code, median in (("scryfall", "neo-002_lantern.jpg", "neo-002", 2.2),
                                        ("pokemontcg", "sv3pt5-151_mew.jpg", "sv3pt5-151", 2.75)):
            self.refs_named(ref)
            self.scrape("--site", site, "--currency", "eur", "--max-prefixes", "5")
            file = self.prices()
            self.assertEqual((file["currency"], file["prices"][code]["median"]), ("EUR", median))
        self.assertEqual([path for path in self.server.paths() if path.startswith("/v6")], [])

    def test_keys_stay_out_of_sight(self):
        self.refs_named("sv3pt5-151_mew.jpg")
        result = self.scrape("--site", "pokemontcg", env={"POKEMONTCG_API_KEY": "s3cret"})
        self.assertEqual(self.server.seen[-1][1]["X-Api-Key"], "s3cret")
        self.assertNotIn("s3cret", result.stdout + result.stderr)
        bad = self.scrape("--site", "pokemontcg", env={"POKEMONTCG_API_KEY": "a\nb: c"}, expect=2)
        self.assertIn("POKEMONTCG_API_KEY is no key", bad.stderr)


ORIGINAL = {
    "Dragon": {"label": "Dragon (UR)", "ref_url": "http://localhost:8500/refs/LOCH-JP001_dragon_ur.jpg",
               "usd": 2.8, "jpy": 420, "added_at": 1795870800000, "qty": 2},
    "Dragon (UR)?": {"label": "Dragon (UR)?", "added_at": 1795870800001, "qty": 1},
    "=cmd|' /C calc'!A0": {"label": "=cmd|' /C calc'!A0", "added_at": 1, "qty": 1},
    "Quote": {"label": "The \"Quoted\", one", "usd": 0.5, "added_at": 1, "qty": 3},
}


class Export(ProgramTest):
    def export(self, deck, *args, expect=0, raw=False):
        path = self.path("deck.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(deck if raw else json.dumps(deck))
        result = run("export", "--deck", path, *args)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def rows(self, deck, *args, **options):
        text = self.export(deck, *args, **options).stdout
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def test_a_deck_of_the_original(self):
        rows = self.rows(ORIGINAL)
        self.assertEqual([row["Name"] for row in rows],
                         ["Dragon", "'=cmd|' /C calc'!A0", 'The "Quoted", one'])
        first = rows[0]
        self.assertEqual((first["Quantity"], first["Rarity"], first["Code"], first["Price each"],
                          first["Total"], first["Original price"], first["Unsure"]),
                         ("3", "UR", "LOCH-JP001", "2.8", "8.4", "420", ""))
        self.assertEqual(first["Added"], "2026-11-28T13:00:00+00:00")
        self.assertIn("1 of 3 entries have no price", self.export(ORIGINAL).stderr)

    def test_every_way_a_deck_comes(self):
        expected = self.rows(ORIGINAL)
        value = json.dumps(ORIGINAL)
        for deck in (list(ORIGINAL.values()), {"dlf-deck-v1": value}, {"dlf-deck-v1": ORIGINAL}, value,
                     {"format": "dlf-deck", "version": 1, "entries": list(ORIGINAL.values())}):
            self.assertEqual(self.rows(deck), expected)
        ours = self.export(ORIGINAL, "--format", "json").stdout
        self.assertEqual(json.loads(ours)["format"], "dlf-deck")
        self.assertEqual(self.rows(ours, raw=True), expected)
        self.assertEqual(run("export", "--deck", "-", stdin=value).stdout, self.export(ORIGINAL).stdout)

    def test_entries_of_the_page(self):
        entry = {"label": "Dragon (ScR)", "name": "Dragon", "rarity": "ScR", "code": "neo-7", "qty": 1,
                 "added_at": 1795870800000, "price": {"median": 900, "currency": "JPY", "usd": 6}}
        row = self.rows([entry, {**entry, "qty": 2}, {**entry, "code": "neo-8"}])
        self.assertEqual([(r["Quantity"], r["Code"], r["Price each"], r["Original currency"])
                          for r in row], [("3", "neo-7", "6", "JPY"), ("1", "neo-8", "6", "JPY")])

    def test_columns_of_others(self):
        head = lambda *args: self.export(ORIGINAL, *args).stdout.split("\n")[0]
        self.assertEqual(head("--format", "tcgplayer"),
                         "Quantity,Name,Simple Name,Set,Card Number,Set Code,External ID,Printing,"
                         "Condition,Language,Rarity,Product ID,SKU,Price,Price Each")
        self.assertEqual(head("--format", "moxfield"),
                         "Count,Tradelist Count,Name,Edition,Condition,Language,Foil,Tags,Last Modified,"
                         "Collector Number,Alter,Proxy,Purchase Price")
        row = self.rows(ORIGINAL, "--format", "tcgplayer")[0]
        self.assertEqual((row["Name"], row["Simple Name"], row["Set"], row["Card Number"], row["Price"]),
                         ("Dragon (UR)", "Dragon", "LOCH", "JP001", "8.4"))
        row = self.rows(ORIGINAL, "--format", "moxfield")[0]
        self.assertEqual((row["Edition"], row["Collector Number"], row["Last Modified"]),
                         ("loch", "JP001", "2026-11-28"))

    def test_nothing_becomes_a_formula(self):
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1"):
            for form in ("csv", "tcgplayer", "moxfield"):
                rows = self.rows([{"label": "x", "name": text, "rarity": text, "code": text, "qty": 1}],
                                 "--format", form)
                for cell in rows[0].values():
                    self.assertNotRegex(cell, r"^\s*[=+\-@＝]", form)

    def test_what_is_no_deck(self):
        for deck, says in (("", "is empty"), ("{", "cut off"), ("5", "no deck"), ('"x"', "no deck"),
                           ('[1, {"label": ""}, null]', "nothing in"), ('{"a": 1}', "nothing in"),
                           ("[" * 5000, "no JSON"),
                           (json.dumps([{"label": "x"}] * 20001), "more than 20000")):
            self.assertIn(says, self.export(deck, expect=3, raw=True).stderr)
        self.assertIn("1 of the things", self.export([{"label": "x", "usd": 1}, 7]).stderr)
        self.assertEqual(self.rows({}), [])
        self.assertEqual(run("export").returncode, 2)
        self.assertEqual(run("export", "--deck", self.path("none")).returncode, 3)
        self.assertIn("did you mean tcgplayer",
                      self.export({}, "--format", "tcgplayr", expect=2).stderr)

    def test_out(self):
        out = self.path("deck.csv")
        result = self.export(ORIGINAL, "--out", out, "--quiet")
        self.assertEqual((result.stdout, result.stderr), ("", ""))
        with open(out, newline="", encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.replace("\r\n", "\n"), self.export(ORIGINAL).stdout)
        self.assertEqual(text.count("\r\n"), 4)


if __name__ == "__main__":
    unittest.main()
