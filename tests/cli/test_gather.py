#!/usr/bin/env python3
"""dlf-identify gather, against a server of our own that plays every source in its documented shape."""
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from common import PROGRAM, SOURCE, ProgramTest, picture, run

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from webserver import Server  # noqa: E402

SERVICES = ("ygoprodeck", "pokemontcg", "scryfall", "yugipedia", "wikimedia", "met", "artic",
            "musicbrainz", "coverartarchive", "tmdb", "tmdb-images", "inaturalist", "duckduckgo")


def jpeg(seed, size=(200, 280), quality=88, format="JPEG"):
    out = io.BytesIO()
    picture(seed, size=size).save(out, format, quality=quality)
    return out.getvalue()


class Gather(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.out = self.path("out")
        self.env = {"HOME": self.path("home"), "XDG_CONFIG_HOME": "", "IDENTIFY_ALLOW_PRIVATE": "1",
                    "IDENTIFY_RATE": "none", "IDENTIFY_BACKOFF": "0.02", "no_proxy": "*",
                    "IDENTIFY_TRIES": "2"}
        for name in SERVICES:
            self.env["IDENTIFY_BASE_" + name.upper().replace("-", "_")] = self.base(name)
        self.pictures = {}
        self.server.pages["/p/"] = self.send_picture

    def base(self, service):
        return f"{self.server.base}/{service}"

    def send_picture(self, handler):
        name = handler.path[len("/p/"):]
        if name not in self.pictures:
            return handler.answer(b"gone", status=404)
        tag = f'"{hash(self.pictures[name])}"'
        if handler.headers.get("If-None-Match") == tag:
            return handler.answer(b"", status=304)
        return handler.answer(self.pictures[name], type="image/jpeg", ETag=tag)

    def pic(self, name, seed=None, **options):
        """The address of a picture that the server has."""
        self.pictures[name] = jpeg(len(self.pictures) if seed is None else seed, **options)
        return f"{self.server.base}/p/{name}"

    def says(self, service, path, value):
        """The service answers `value` (JSON, or a function of the query) to `path`."""
        def page(handler):
            answer = value(handler.query) if callable(value) else value
            return handler.json(answer)
        self.server.pages[f"/{service}{path}"] = page

    def gather(self, *args, expect=0, **options):
        env = {**self.env, **options.pop("env", {})}
        result = run("gather", *args, env=env, **options)
        self.assertEqual(result.returncode, expect, result.stderr + result.stdout)
        return result

    def take(self, source, *args, expect=0, **options):
        """Gathers from one source; the files that are there then, and the events."""
        result = self.gather("--source", source, "--out", self.out, "--json", *args, expect=expect,
                             **options)
        events = [json.loads(line) for line in result.stdout.splitlines()]
        return self.files(), events

    def files(self, folder=None):
        folder = folder or self.out
        return sorted(name for name in os.listdir(folder) if not name.startswith("manifest.")) \
            if os.path.isdir(folder) else []

    def manifest(self, folder=None):
        with open(os.path.join(folder or self.out, "manifest.json")) as file:
            return {entry["url"]: entry for entry in json.load(file)}

    def asked(self, service, path):
        return self.server.asked(f"/{service}{path}")

    # --- the sources, each in its documented shape ---

    def card(self, name, url, printings, *more):
        return {"id": 1, "name": name, "card_sets": [
            {"set_name": "A set", "set_code": code, "set_rarity": rarity, "set_rarity_code": "(X)",
             "set_price": "1"} for code, rarity in printings],
            "card_images": [{"id": 1, "image_url": u, "image_url_small": u} for u in (url, *more)],
            "card_prices": [{}]}

    def test_ygoprodeck(self):
        cards = [self.card("Dark Magician Girl", self.pic("g"), [("MFC-000", "Secret Rare")]),
                 self.card("Dark Magician", self.pic("d"), [("LOB-005", "Ultra Rare"),
                                                            ("SDY-006", "Ultra Rare")],
                           self.pic("d2"))]
        self.says("ygoprodeck", "/api/v7/cardinfo.php", {"data": cards, "meta": {
            "total_rows": 2, "rows_remaining": 0}})
        files, _ = self.take("ygoprodeck", "--query", "dark magician", "--max", "1")
        self.assertEqual(files, ["LOB-005_dark_magician_ur.jpg"])
        query = self.asked("ygoprodeck", "/api/v7/cardinfo.php")[0]
        self.assertEqual(query["query"]["fname"], "dark magician")
        self.assertRegex(query["headers"]["User-Agent"], "^dlf-identify/")
        files, _ = self.take("ygoprodeck", "--query", "dark magician")
        self.assertEqual(files, ["LOB-005_dark_magician_ur.jpg", "MFC-000_dark_magician_girl_scr.jpg",
                                 "dark_magician_artwork_2.jpg"])
        entry = self.manifest()[f"{self.server.base}/p/d"]
        self.assertEqual((entry["source"], entry["title"], entry["set_code"], entry["rarity"],
                          entry["bucket"], entry["path"]),
                         ("ygoprodeck", "Dark Magician", "LOB-005", "UR", "",
                          "LOB-005_dark_magician_ur.jpg"))
        self.assertEqual((len(entry["sha256"]), len(entry["phash"])), (64, 16))
        self.assertEqual(entry["bytes"], len(self.pictures["d"]))

    def test_ygoprodeck_sets_and_paging(self):
        self.says("ygoprodeck", "/api/v7/cardsets.php",
                  [{"set_name": "Other", "set_code": "OTH"},
                   {"set_name": "Legend & Co", "set_code": "LOCH"}])
        self.pic("one"), self.pic("two")

        def cards(query):
            self.assertEqual(query["cardset"], "Legend & Co")
            first = query["offset"] == "0"
            url = f"{self.server.base}/p/{'one' if first else 'two'}"
            printings = [("LOCH-JP001", "Prismatic Secret Rare"), ("LOCH-JP001", "Ultra Rare"),
                         ("SDY-006", "Common")] if first else [("LOCH-JP002", "Super Rare")]
            return {"data": [self.card("One" if first else "Two", url, printings)],
                    "meta": {"rows_remaining": 1 if first else 0, "next_page_offset": 100}}
        self.says("ygoprodeck", "/api/v7/cardinfo.php", cards)
        files, events = self.take("ygoprodeck", "--set", "LOCH")
        self.assertEqual(files, ["LOCH-JP001_one_pscr.jpg", "LOCH-JP001_one_ur.jpg",
                                 "LOCH-JP002_two_sr.jpg"])  # two printings, two files
        alike = [e for e in events if e["status"] == "alike"]
        self.assertEqual(len(alike), 1)

    def test_nothing_found(self):
        self.server.pages["/ygoprodeck/api/v7/cardinfo.php"] = \
            lambda h: h.json({"error": "No card matching your query was found"}, status=400)
        result = self.gather("--source", "ygoprodeck", "--query", "x", "--out", self.out, expect=1)
        self.assertIn("ygoprodeck has nothing for 'x'", result.stderr)

    def test_pokemontcg_with_a_key(self):
        def cards(query):
            page = int(query["page"])
            url = self.pic(f"p{page}", seed=page)
            return {"data": [{"id": "x", "name": "Mew ex", "number": "151" if page == 1 else "6",
                              "rarity": "Double Rare", "set": {"id": "sv3pt5", "name": "151"},
                              "images": {"small": url, "large": url}, "artist": "A. Painter"}],
                    "page": page, "pageSize": 1, "count": 1, "totalCount": 2}
        self.says("pokemontcg", "/v2/cards", cards)
        files, _ = self.take("pokemontcg", "--query", 'mew"', "--set", "SV3PT5",
                             env={"POKEMONTCG_API_KEY": "hush"})
        self.assertEqual(files, ["sv3pt5-151_mew_ex.jpg", "sv3pt5-6_mew_ex.jpg"])
        first = self.asked("pokemontcg", "/v2/cards")[0]
        self.assertEqual(first["query"]["q"], 'name:"mew*" set.id:"sv3pt5"')
        self.assertEqual(first["headers"]["X-Api-Key"], "hush")
        self.assertNotIn("hush", str(self.server.asked("/p/p1")))
        self.assertEqual(self.manifest()[f"{self.server.base}/p/p1"]["artist"], "A. Painter")

    def magic(self, n, name="Card", set="neo", **more):
        return {"id": str(n), "name": f"{name} {n}", "lang": "en", "set": set,
                "collector_number": str(n), "rarity": "rare", "artist": "An Artist",
                "image_uris": {"small": "x", "large": self.pic(f"m{n}", seed=n)}, **more}

    def test_scryfall_search_pages_and_faces(self):
        two = {"id": "9", "name": "Front // Back", "set": "neo", "collector_number": "9",
               "rarity": "mythic", "card_faces": [
                   {"name": "Front", "image_uris": {"large": self.pic("f")}},
                   {"name": "Back", "image_uris": {"large": self.pic("b")}}]}
        self.says("scryfall", "/cards/search", lambda q: {
            "data": [self.magic(23)], "has_more": True,
            "next_page": self.base("scryfall") + "/next?page=2"} if "page" not in q else {})
        self.says("scryfall", "/next", {"data": [two], "has_more": False})
        files, _ = self.take("scryfall", "--set", "neo")
        self.assertEqual(files, ["neo-009_back.jpg", "neo-009_front.jpg", "neo-023_card_23.jpg"])
        asked = self.asked("scryfall", "/cards/search")[0]
        self.assertEqual(asked["query"]["q"], "set:neo")
        self.assertIn("application/json", asked["headers"]["Accept"])
        self.assertEqual(self.manifest()[f"{self.server.base}/p/m23"]["artist"], "An Artist")

    def test_answers_are_kept(self):
        """Scryfall is asked once a day, and then whether anything is new; what is kept badly is not."""
        folder = self.path("home", ".cache", "dlf-identify", "answers")
        state = {"tag": '"1"', "number": 1, "conditions": []}

        def search(handler):
            state["conditions"].append(handler.headers.get("If-None-Match"))
            if state["conditions"][-1] == state["tag"]:
                return handler.answer(b"", status=304)
            return handler.answer(json.dumps({"data": [self.magic(state["number"])]}).encode(),
                                  ETag=state["tag"])
        self.server.pages["/scryfall/cards/search"] = search

        def names(name):
            self.out = self.path(name)
            return self.take("scryfall", "--set", "neo")[0]

        def edit(change):
            (name,) = os.listdir(folder)
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                head, body = file.read().split(b"\n", 1)
            with open(path, "wb") as file:
                file.write(change(json.loads(head), body))

        def aged(head, body):
            return json.dumps({**head, "fetched": head["fetched"] - 86401}).encode() + b"\n" + body
        self.assertEqual(names("a"), ["neo-001_card_1.jpg"])
        state.update(number=2, tag='"2"')
        self.assertEqual(names("b"), ["neo-001_card_1.jpg"])
        self.assertEqual(state["conditions"], [None])
        edit(aged)
        self.assertEqual(names("c"), ["neo-002_card_2.jpg"])
        edit(aged)
        self.assertEqual(names("d"), ["neo-002_card_2.jpg"])
        self.assertEqual(names("e"), ["neo-002_card_2.jpg"])
        self.assertEqual(state["conditions"], [None, '"1"', '"2"'])
        edit(lambda head, body: json.dumps(head).encode() + b"\n" + body[:-1])
        self.assertEqual(names("f"), ["neo-002_card_2.jpg"])
        self.assertEqual(state["conditions"][3:], [None])

    def test_scryfall_bulk(self):
        cards = [self.magic(n, name="Dragon" if n % 2 else "Elf", set="neo" if n < 8 else "mom")
                 for n in range(1, 11)]
        lines = "\n".join(json.dumps(card) for card in cards).encode()
        listed = ("[\n" + ",\n".join(json.dumps(card) for card in cards) + "\n]\n").encode()
        for name, body, key in (("lines", gzip.compress(lines[:300]) + gzip.compress(lines[300:]),
                                 "jsonl_download_uri"), ("list", listed, "download_uri")):
            self.server.pages[f"/{name}"] = lambda h, body=body: h.answer(body)
            self.says("scryfall", "/bulk-data", {"data": [
                {"type": "oracle_cards", "download_uri": "http://x/"},
                {"type": "default_cards", key: f"{self.server.base}/{name}"}]})
            self.out = self.path(name)
            files, _ = self.take("scryfall-bulk", "--query", "dragon", "--set", "neo",
                                 env={"XDG_CACHE_HOME": self.path("cache of " + name)})
            self.assertEqual(files, [f"neo-00{n}_dragon_{n}.jpg" for n in (1, 3, 5, 7)])
        self.server.pages["/list"] = lambda h: h.answer(gzip.compress(lines)[:-20])
        self.out = self.path("cut")
        _, events = self.take("scryfall-bulk", "--query", "elf", "--max", "9")
        self.assertIn("no_answer", [e["status"] for e in events])

    def test_yugipedia(self):
        self.says("yugipedia", "/api.php", {"query": {"pages": {"7": {
            "title": "Dark Magician", "original": {"source": self.pic("y")}}}}})
        files, _ = self.take("yugipedia", "--query", "Dark Magician")
        self.assertEqual(files, ["dark_magician.jpg"])
        self.says("yugipedia", "/api.php", {"error": {"code": "internal_api_error_DBQueryError"}})
        self.take("yugipedia", "--query", "Other", expect=4)

    def test_wikimedia(self):
        def info(title, url, mime="image/jpeg"):
            return {"title": title, "imageinfo": [{
                "url": "http://x/full.jpg", "thumburl": url, "mime": mime, "width": 9, "height": 9,
                "descriptionurl": "http://commons/x", "extmetadata": {
                    "LicenseShortName": {"value": "CC BY-SA 4.0"},
                    "Artist": {"value": "<a href='x'>Jane &amp; <b>Co</b></a>"}}}]}
        self.says("wikimedia", "/w/api.php", lambda q: {
            "query": {"pages": {"1": info("File:Mona Lisa, by X.jpg", self.pic("w")),
                                "2": info("File:Sound.ogg", "http://x/", "audio/ogg")}},
            "continue": {"gsroffset": 2}} if "gsroffset" not in q else {})
        files, _ = self.take("wikimedia", "--query", "Mona Lisa", env={
            "IDENTIFY_CONTACT": "me@example.org"})
        self.assertEqual(files, ["mona_lisa,_by_x.jpg"])
        entry = self.manifest()[f"{self.server.base}/p/w"]
        self.assertEqual((entry["license"], entry["artist"]), ("CC BY-SA 4.0", "Jane & Co"))
        self.assertIn("(me@example.org)", self.server.seen[0]["headers"]["User-Agent"])
        self.assertEqual(len(self.asked("wikimedia", "/w/api.php")), 2)

    def test_met(self):
        self.says("met", "/public/collection/v1/search", {"total": 3, "objectIDs": [1, 2, 3, 4]})
        for n in (1, 2, 3):
            self.says("met", f"/public/collection/v1/objects/{n}", {
                "objectID": n, "title": f"Vase {n}", "artistDisplayName": "Potter",
                "isPublicDomain": n != 2, "primaryImage": "", "primaryImageSmall":
                self.pic(f"v{n}", seed=n)})
        files, events = self.take("met", "--query", "vase")
        self.assertEqual(files, ["vase_1.jpg", "vase_3.jpg"])
        self.assertNotIn("no_answer", [e["status"] for e in events])  # 404 is: no such object
        self.says("met", "/public/collection/v1/search", {"total": 0, "objectIDs": None})
        self.take("met", "--query", "nothing", expect=1)

    def test_artic(self):
        self.pictures["ab-1/full/843,/0/default.jpg"] = jpeg(1)
        self.says("artic", "/api/v1/artworks/search", {
            "data": [{"id": 5, "title": "Nighthawks", "artist_title": "Hopper", "image_id": "ab-1",
                      "is_public_domain": True},
                     {"id": 6, "title": "Secret", "image_id": "ab-2", "is_public_domain": False},
                     {"id": 7, "title": "Way out", "image_id": "../x", "is_public_domain": True}],
            "pagination": {"total_pages": 1},
            "config": {"iiif_url": f"{self.server.base}/iiif"}})
        self.server.pages.update({"/iiif/ab-1/full/843,/0/": lambda h: h.answer(
            jpeg(1), type="image/jpeg")})
        files, _ = self.take("artic", "--query", "night")
        self.assertEqual(files, ["nighthawks.jpg"])
        self.assertIn("dlf-identify", self.server.seen[0]["headers"]["AIC-User-Agent"])

    def test_coverartarchive(self):
        albums = [{"id": f"a{n}", "title": f"Album {n}", "first-release-date": "1999",
                   "artist-credit": [{"name": "A", "joinphrase": " & "}, {"name": "B"}]}
                  for n in (1, 2)]
        self.says("musicbrainz", "/ws/2/release-group", {"release-groups": albums, "count": 2})
        url = self.pic("sleeve")
        self.server.pages["/coverartarchive/release-group/a1/"] = \
            lambda h: h.answer(b"", status=307, Location=url)
        files, events = self.take("coverartarchive", "--query", "album")
        self.assertEqual(files, ["a_&_b_-_album_1.jpg"])
        self.assertEqual([e["status"] for e in events[:-1]
                          if e["url"].endswith("a2/front-500")], ["failed"])

    def test_tmdb(self):
        self.says("tmdb", "/3/search/movie", {"results": [
            {"id": 1, "title": "Alien", "release_date": "1979-05-25", "poster_path": "/al.jpg"},
            {"id": 2, "title": "None", "release_date": "", "poster_path": None}],
            "total_pages": 1})
        self.server.pages["/tmdb-images/t/p/w500/"] = lambda h: h.answer(jpeg(3))
        result = self.gather("--source", "tmdb", "--query", "alien", "--out", self.out, expect=2)
        self.assertIn("needs a key: TMDB_API_KEY", result.stderr)
        files, _ = self.take("tmdb", "--query", "alien", env={"TMDB_API_KEY": "abc123"})
        self.assertEqual(files, ["alien_(1979).jpg"])
        self.assertEqual(self.server.seen[0]["query"]["api_key"], "abc123")
        self.assertNotIn("abc123", str(self.manifest()))
        os.makedirs(self.path("home", ".config", "dlf-identify"))
        with open(self.path("home", ".config", "dlf-identify", "config.yaml"), "w") as file:
            file.write("contact: me@example.org\nkeys:\n  tmdb: eyJtoken\n")
        self.server.pages["/tmdb/3/search/movie"] = lambda h: h.answer(b"", status=401)
        result = self.gather("--source", "tmdb", "--query", "alien", "--out", self.path("two"),
                             expect=4)
        self.assertEqual(self.server.seen[-1]["headers"]["Authorization"], "Bearer eyJtoken")
        self.assertNotIn("eyJtoken", result.stderr)

    def test_inaturalist(self):
        self.says("inaturalist", "/v1/taxa", {"total_results": 1, "per_page": 30, "results": [{
            "id": 4, "name": "Bellis perennis", "preferred_common_name": "common daisy",
            "default_photo": {"medium_url": self.pic("i"), "license_code": "cc-by",
                              "attribution": "(c) someone"}}]})
        files, _ = self.take("inaturalist", "--query", "daisy")
        self.assertEqual(files, ["common_daisy_(bellis_perennis).jpg"])
        entry = self.manifest()[f"{self.server.base}/p/i"]
        self.assertEqual((entry["license"], entry["attribution"]), ("cc-by", "(c) someone"))

    def test_duckduckgo(self):
        self.server.pages["/duckduckgo/"] = lambda h: h.answer(
            b"<html>nrj('/d.js?q=x&vqd=4-123456&')</html>", type="text/html")

        def results(query):
            self.assertEqual((query["vqd"], query["o"]), ("4-123456", "json"))
            first = query.get("s") is None
            n = 1 if first else 2
            answer = {"results": [{"image": self.pic(f"d{n}", seed=n), "title": "Some page",
                                   "url": "http://page/"}]}
            return {**answer, "next": "i.js?q=red+drone&s=100"} if first else answer
        self.says("duckduckgo", "/i.js", results)
        files, _ = self.take("duckduckgo", "--query", "red drone")
        self.assertEqual(files, ["red_drone.jpg", "red_drone_2.jpg"])
        self.server.pages["/duckduckgo/"] = lambda h: h.answer(b"robots, go away")
        result = self.gather("--source", "duckduckgo", "--query", "x", "--out", self.path("o"),
                             expect=4)
        self.assertIn("no 'vqd' token", result.stderr)

    def test_urls(self):
        ld = {"@context": "x", "@graph": [{"@type": "WebPage"}, {
            "@type": "Product", "image": [{"@type": "ImageObject", "url": "/p/bolt"}]}]}
        self.pic("bolt"), self.pic("nut"), self.pic("direct.png")
        pages = {"ld": f"<script type='application/ld+json'>{json.dumps(ld)}</script>",
                 "og": "<meta property='og:image' content='p/nut'>",
                 "none": "<p>nothing", "evil": "<meta property='og:image' content='file:///etc'>",
                 "huge": "<p>" * 3_500_000}
        for name, html in pages.items():
            self.server.pages["/" + name] = lambda h, html=html: h.answer(
                html.encode(), type="text/html")
        listed = self.path("parts.tsv")
        with open(listed, "w") as file:
            file.write("# parts\n\n")
            for label, url in (("M3 Bolt 10mm", "/ld"), ("Hex Nut: 5mm", "/og"), ("Gone", "/none"),
                               ("Evil", "/evil"), ("Huge", "/huge"), ("../../Direct", "/p/direct.png")):
                file.write(f"{label}\t{self.server.base}{url}\n")
        files, events = self.take("urls", "--query", listed)
        self.assertEqual(files, ["-..-direct.jpg", "hex_nut_5mm.jpg", "m3_bolt_10mm.jpg"])
        self.assertEqual(sum(e["status"] == "no_answer" for e in events), 3)
        with open(listed, "w") as file:
            file.write("no tab here\n")
        bad = self.gather("--source", "urls", "--query", listed, "--out", self.out, expect=3)
        self.assertIn("line 1 of the list", bad.stderr)

    # --- pictures ---

    def listing(self, *urls):
        """A duckduckgo that offers these pictures."""
        self.server.pages["/duckduckgo/"] = lambda h: h.answer(b"vqd=4-1&")
        self.says("duckduckgo", "/i.js", {"results": [
            {"image": url, "title": f"T{i}", "url": "http://page/"} for i, url in enumerate(urls)]})

    def test_what_is_refused(self):
        blank = io.BytesIO()
        from PIL import Image
        Image.new("RGB", (900, 900), (200, 10, 10)).save(blank, "JPEG")
        whole = jpeg(1, size=(400, 400))
        self.pictures.update({"blank": blank.getvalue() + b"\0" * 2000, "html": b"<html>" * 1000,
                              "tiny": jpeg(2, size=(40, 400)), "short": b"\xff\xd8" * 100,
                              "cut": whole[:len(whole) // 2], "good": whole})
        base = self.server.base + "/p/"
        self.listing(*[base + name for name in ("blank", "html", "tiny", "short", "cut", "missing",
                                                "good")], "ftp://x/y.jpg", "http://")
        result = self.gather("--source", "duckduckgo", "--query", "q", "--out", self.out)
        for text in ("is blank", "is tiny: 40 x 400", "has only 200 bytes", "answers 404"):
            self.assertIn(text, result.stderr)
        self.assertIn("/p/cut", result.stderr)
        self.assertEqual(self.files(), ["q.jpg"])
        before = len(self.server.seen)
        self.gather("--source", "duckduckgo", "--query", "q", "--out", self.out)
        paths = [e["path"] for e in self.server.seen[before:]]
        self.assertNotIn("/p/html", paths)  # what was refused is not fetched again
        self.assertNotIn("/p/good", paths)

    def test_duplicates(self):
        one = self.pic("one", seed=1)
        self.pictures["copy"] = self.pictures["one"]
        self.pic("smaller", seed=1, size=(200, 280), quality=60)
        self.pic("other", seed=2)
        base = self.server.base + "/p/"
        self.listing(one, one, base + "copy", base + "smaller", base + "other")
        _, events = self.take("duckduckgo", "--query", "q")
        kinds = {e["url"].rsplit("/", 1)[1]: e["status"] for e in events if e.get("url")}
        self.assertEqual(sum(kind == "new" for kind in kinds.values()), 2)
        self.assertEqual(kinds["other"], "new")
        self.assertEqual(len(self.files()), 2)

    def test_private_addresses_are_refused(self):
        self.listing(self.pic("one"))
        _, events = self.take("duckduckgo", "--query", "q", expect=4,
                              env={"IDENTIFY_ALLOW_PRIVATE": ""})
        failed = [e for e in events if e["status"] == "failed"]
        self.assertIn("private address", failed[0]["message"])
        self.assertEqual(self.files(), [])

    def test_names_stay_in_the_folder(self):
        from urllib.parse import quote
        names = ["../../../etc/passwd", "..", "/abs", "a/b\\c", ".hidden", "x" * 400, "nul\u0000l",
                 "CON:*?", "\u202egnp", "日本語 カード"]
        self.says("inaturalist", "/v1/taxa", {"results": [
            {"name": name, "default_photo": {"medium_url": self.pic(f"n{i}", seed=i)}}
            for i, name in enumerate(names)]})
        files, _ = self.take("inaturalist", "--query", "q")
        self.assertEqual(os.listdir(self.dir).count("out"), 1)
        self.assertGreaterEqual(len(files), 8)
        for name in files:
            self.assertFalse(name.startswith("."), name)
            self.assertLess(len(name.encode()), 200)
        self.assertIn("日本語_カード.jpg", files)

    def test_refresh_asks_whether_they_changed(self):
        self.listing(self.pic("one", seed=1), self.pic("two", seed=2))
        self.take("duckduckgo", "--query", "q")
        self.pictures["two"] = jpeg(9)
        before = self.files()
        _, events = self.take("duckduckgo", "--query", "q", "--refresh")
        self.assertEqual(sorted(e["status"] for e in events[:-1]), ["kept", "new"])
        self.assertEqual(self.files(), before)
        self.assertIn("If-None-Match", self.server.asked("/p/one")[-1]["headers"])
        entry = self.manifest()[f"{self.server.base}/p/two"]
        with open(os.path.join(self.out, entry["path"]), "rb") as file:
            self.assertEqual(file.read(), self.pictures["two"])

    def test_dry_run(self):
        self.listing(self.pic("one"), self.pic("two"))
        result = self.gather("--source", "duckduckgo", "--query", "red drone", "--out", self.out,
                             "--dry-run", "--max", "1")
        self.assertRegex(result.stdout, r"(?m)^red_drone  http")
        self.assertIn("1 pictures would be fetched", result.stdout)
        self.assertFalse(os.path.exists(self.out))
        self.assertEqual(self.server.asked("/p/one"), [])

    def test_limit_of_megabytes(self):
        urls = []
        for n in range(8):
            self.pictures[f"big{n}"] = jpeg(n, size=(700, 700), quality=95) + b"\0" * 400_000
            urls.append(f"{self.server.base}/p/big{n}")
        self.listing(*urls)
        result = self.gather("--source", "duckduckgo", "--query", "q", "--out", self.out,
                             "--max-megabytes", "1", "--workers", "1", expect=4)
        self.assertIn("the limit of 1 MiB", result.stderr)
        self.assertTrue(0 < len(self.files()) < 8)
        self.assertEqual(len(self.manifest()), len(self.files()))

    # --- failures of sources ---

    def test_sources_that_misbehave(self):
        url = "/ygoprodeck/api/v7/cardinfo.php"
        endless = {"data": [1] * 100000}
        answers = {"truncated": lambda h: h.answer(b'{"data": [{"na'),
                   "another shape": lambda h: h.json({"cards": []}),
                   "a list": lambda h: h.json([1]),
                   "wrong types": lambda h: h.json({"data": [1, "x", {"name": 7, "card_images": 3},
                                                             {"name": "y", "card_images": [{}]}]}),
                   "numbers": lambda h: h.json(endless),
                   "html": lambda h: h.answer(b"<html>" * 1000000, type="text/html"),
                   "500": lambda h: h.answer(b"", status=500)}
        for name, answer in answers.items():
            self.server.pages[url] = answer
            with self.subTest(name):
                code = 1 if name in ("wrong types", "numbers") else 4
                self.gather("--source", "ygoprodeck", "--query", "x", "--out", self.out,
                            expect=code)

    def test_429_then_well(self):
        state = []

        def page(handler):
            state.append(1)
            if len(state) == 1:
                return handler.answer(b"", status=429, Retry_After="1")
            return handler.json({"data": [self.card("One", self.pic("o"), [])]})
        self.server.pages["/ygoprodeck/api/v7/cardinfo.php"] = page
        start = time.monotonic()
        files, _ = self.take("ygoprodeck", "--query", "one")
        self.assertEqual(files, ["one.jpg"])
        self.assertGreaterEqual(time.monotonic() - start, 1)

    # --- going on ---

    def interrupted(self, how):
        """Starts a run, stops it when 5 of 30 pictures are there, and returns its exit code."""
        urls = [self.pic(f"r{n}", seed=n) for n in range(30)]
        self.listing(*urls)
        gate, served = threading.Event(), []

        def slow(handler):
            served.append(handler.path)
            if len(served) > 6 and not gate.is_set():
                gate.wait(20)
            return self.send_picture(handler)
        self.server.pages["/p/"] = slow
        args = ["gather", "--source", "duckduckgo", "--query", "q", "--out", self.out]
        process = subprocess.Popen([PROGRAM, *args, "--workers", "3"], env={**os.environ, **self.env},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while len(self.files()) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(how)
        process.stderr.read()
        process.stderr.close()
        code = process.wait(30)
        gate.set()
        self.assertGreaterEqual(len(self.files()), 5)
        self.there = len([f for f in self.files() if not f.startswith(".")])
        return code

    def goes_on(self):
        self.server.pages["/p/"] = self.send_picture
        before = len(self.server.seen)
        files, events = self.take("duckduckgo", "--query", "q")
        fetched = [e for e in self.server.seen[before:] if e["path"].startswith("/p/")]
        self.assertEqual(len(files), 30)
        self.assertEqual(len(fetched), 30 - self.there)
        self.assertEqual(events[-1]["kept"], self.there)
        self.assertEqual(sorted(e["path"] for e in self.manifest().values()), files)
        self.assertFalse(os.path.exists(os.path.join(self.out, "manifest.jsonl")))

    def test_killed_and_gone_on_with(self):
        self.assertEqual(self.interrupted(signal.SIGKILL), -9)
        self.assertFalse(os.path.exists(os.path.join(self.out, "manifest.json")))
        with open(os.path.join(self.out, "manifest.jsonl"), "a") as file:
            file.write('{"url": "http://x/", "pa')  # a line that was being written
        with open(os.path.join(self.out, ".gather-1"), "w") as file:
            file.write("half a picture")
        self.goes_on()
        self.assertFalse(os.path.exists(os.path.join(self.out, ".gather-1")))

    def test_interrupted_and_gone_on_with(self):
        self.assertEqual(self.interrupted(signal.SIGINT), 130)
        self.assertEqual(len(self.manifest()), self.there)
        self.goes_on()

    # --- projects ---

    def project(self, text, name="p.yaml"):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    ORIGINAL = """# a project of the original's
project_name: cards
target_object: "a card"
description: some cards
data_root: {root}
buckets:
  positive/cards:
    - Dark Magician
    - "Kuriboh"
  negative/other: {{queries: [Elf], source: ygoprodeck}}
falcon_queries: [card]
r2: {{bucket: x}}
prompts: {{a: b}}
backends: {{filter: x, label: y}}
pod: {{gpu: z}}
"""

    def serve_cards(self):
        def cards(query):
            name = query["fname"]
            return {"data": [self.card(name.title(), self.pic(name.replace(" ", ""), seed=name), [])]}
        self.says("ygoprodeck", "/api/v7/cardinfo.php", cards)

    def test_a_project_of_the_original(self):
        self.serve_cards()
        self.listing(self.pic("web", seed=77))
        self.says("wikimedia", "/w/api.php", {"query": {"pages": {}}})
        root = self.path("root")
        path = self.project(self.ORIGINAL.format(root=root))
        result = self.gather("--project", path, "--max-per-query", "1", "--experiment",
                             cwd=self.dir)
        for key in ("falcon_queries", "r2", "prompts", "backends", "pod"):
            self.assertIn(f"'{key}' is of no use", result.stderr)
        # the first that comes: one for each query, and one of each picture
        self.assertIn(self.files(os.path.join(root, "positive", "cards")),
                      (["dark_magician.jpg"], ["kuriboh.jpg"], ["dark_magician.jpg", "kuriboh.jpg"]))
        self.assertEqual(self.files(os.path.join(root, "negative", "other")), ["elf.jpg"])
        entries = self.manifest(root)
        self.assertEqual({e["bucket"] for e in entries.values()},
                         {"positive/cards", "negative/other"})
        latest = self.path("experiments", "latest")
        self.assertRegex(os.readlink(latest), r"^\d{4}-\d\d-\d\d_\d{6}_gather-cards$")
        for name in ("README.md", "config.json", "gather/stats.json", "gather/manifest.json"):
            self.assertTrue(os.path.exists(os.path.join(latest, name)), name)
        with open(os.path.join(latest, "gather", "manifest.json")) as file:
            paths = [e["path"] for e in json.load(file) if not e.get("dropped")]
        self.assertTrue(all(os.path.exists(p) for p in paths))

    def test_the_manifest_of_the_original_is_gone_on_with(self):
        root = self.path("root")
        os.makedirs(os.path.join(root, "positive", "cards"))
        url = self.pic("old", seed=5)
        old = os.path.join(root, "positive", "cards", "duckduckgo_0123456789ab.jpg")
        with open(old, "wb") as file:
            file.write(self.pictures["old"])
        os.makedirs(self.path("experiments", "latest", "gather"))
        with open(self.path("experiments", "latest", "gather", "manifest.json"), "w") as file:
            json.dump([{"url": url, "source": "duckduckgo", "title": "t", "page": "", "license": "",
                        "query": "q", "path": old, "bytes": 1, "phash": "00ff", "bucket":
                        "positive/cards"}, {"url": "http://gone/", "path": "/nowhere.jpg"}], file)
        self.listing(url)
        self.says("wikimedia", "/w/api.php", {})
        path = self.project(f"project_name: x\ndata_root: {root}\nbuckets: "
                            "{positive/cards: [q]}\n")
        self.gather("--project", path, cwd=self.dir)
        self.assertEqual(self.server.asked("/p/old"), [])
        self.assertEqual(self.files(os.path.dirname(old)), ["duckduckgo_0123456789ab.jpg"])

    def test_the_seeds_own_example(self):
        """`gather --project projects/yugioh.yaml` from any folder, into ~/data-label-factory."""
        self.serve_cards()
        self.gather("--project", "projects/yugioh.yaml", "--max-per-query", "1", cwd=self.dir)
        cards = self.path("home", "data-label-factory", "yugioh", "positive", "cards")
        self.assertGreaterEqual(len(self.files(cards)), 3)

    def test_every_project_that_ships_can_be_read(self):
        names = sorted(os.listdir(os.path.join(SOURCE, "projects")))
        self.assertGreaterEqual({"yugioh.yaml", "vinyl.yaml", "paintings.yaml", "posters.yaml",
                                 "parts.yaml", "plants.yaml"} - set(names), set())
        for name in names:
            if name.endswith(".yaml"):
                env = {"TMDB_API_KEY": "k", "IDENTIFY_TRIES": "1", "IDENTIFY_ALLOW_PRIVATE": ""}
                result = run("gather", "--project", name[:-5], "--dry-run", "--quiet", "--out",
                             self.path("o"), env={**self.env, **env}, cwd=self.dir)
                self.assertIn(result.returncode, (0, 1, 4), result.stderr)

    def test_projects_that_are_wrong(self):
        cases = {
            "project_name: x\nbuckets: {../up: [q]}\n": "stays in the data root",
            "project_name: x\nbuckets: {/abs: [q]}\n": "stays in the data root",
            "project_name: x\nbuckets: {a/.b: [q]}\n": "stays in the data root",
            "project_name: ../x\nbuckets: {a: [q]}\n": "no plain name",
            "buckets: {a: [q]}\n": "'project_name' is missing",
            "project_name: x\n": "'buckets' is missing",
            "project_name: x\nbuckets: {a: [{b: c}]}\n": "no short text",
            "project_name: x\nbuckets: {a: {source: met}}\n": "has no queries",
            "a: &x [1]\nb: *x\n": "anchor",
            "project_name: x\nproject_name: y\n": "there twice",
            "a: [1\n": "line",
            "x: " + "[" * 40 + "]" * 40: "16 deep",
            "": "project file",
        }
        for text, words in cases.items():
            with self.subTest(text[:40]):
                result = self.gather("--project", self.project(text), expect=3)
                self.assertIn(words, result.stderr)
        unknown = self.project("project_name: x\nbuckets: {a: {queries: [q], source: mett}}\n")
        self.assertIn("but met is", self.gather("--project", unknown, expect=2).stderr)
        self.assertIn("there is no project", self.gather("--project", "nowhere", expect=2).stderr)

    # --- the command line ---

    def test_list_sources(self):
        names = [json.loads(line)["name"] for line in
                 self.gather("--list-sources", "--json").stdout.splitlines()]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue({"ygoprodeck", "pokemontcg", "scryfall", "yugipedia", "wikimedia", "met",
                         "artic", "coverartarchive", "tmdb", "inaturalist", "duckduckgo",
                         "urls"} <= set(names))
        text = self.gather("--list-sources").stdout
        self.assertIn("needs: a key: TMDB_API_KEY", text)

    def test_wrong_words(self):
        for args, words in (((), "say what"), (("--source", "met"), "--out DIR is missing"),
                            (("--source", "metz", "--out", "x", "--query", "q"), "but met is"),
                            (("--source", "met", "--out", "x"), "--query TEXT is missing"),
                            (("--source", "met", "--query", "q", "--set", "a", "--out", "x"),
                             "knows no sets"),
                            (("--source", "met", "--project", "x"), "exclude each other"),
                            (("x",), "unexpected argument")):
            self.assertIn(words, self.gather(*args, expect=2).stderr)


if __name__ == "__main__":
    unittest.main()
