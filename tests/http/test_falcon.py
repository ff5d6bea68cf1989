#!/usr/bin/env python3
"""POST /api/falcon and its kin: what comes in, what goes out, what is refused."""
import io
import re
import struct
import unittest
import zlib

from PIL import Image

from service import BOUNDARY, ServiceTest, form, frame, jpeg, picture

WOLF = "LOCH-JP002_wolf.jpg"


def png_head(width, height):
    """The beginning of a PNG that says that it is so large."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


class Answers(ServiceTest):
    def test_shape(self):
        answer = self.server.falcon(frame(1)).json()
        self.assertEqual(list(answer)[:4], ["image_size", "count", "masks", "query"])
        self.assertEqual(answer["image_size"], [800, 600])
        self.assertEqual(answer["count"], len(answer["masks"]))
        self.assertEqual(answer["mask_ids"], [1])
        self.assertNotIn("error", answer)
        mask = answer["masks"][0]
        self.assertEqual(mask["label"], "Dark Magician (UR)")
        self.assertEqual((mask["name"], mask["rarity"]), ("Dark Magician", "UR"))
        self.assertEqual(mask["ref_filename"], "LOCH-JP001_dark_magician_ur.jpg")
        self.assertTrue(mask["confident"])
        self.assertIsNone(mask["price"])
        box = mask["bbox_norm"]
        self.assertTrue(0 < box["x1"] < box["x2"] < 1 and 0 < box["y1"] < box["y2"] < 1)
        self.assertAlmostEqual(mask["centroid_norm"]["x"], 0.5, delta=0.05)
        self.assertEqual(mask["image_region"], "middle-center")
        self.assertEqual((mask["id"], mask["slot"], len(mask["corners"])), (1, 1, 4))
        self.assertEqual(len(mask["top_k"]), 3)
        self.assertEqual(mask["top_k"][0]["filename"], mask["ref_filename"])
        self.assertEqual(mask["top_k"][0]["set_code"], "LOCH-JP001")

    def test_fields(self):
        text = 'ドラゴン "quoted" \\ é\n2nd line'
        image = frame(2)
        reply = self.server.post("/api/falcon", ("query", text), ("image", image, "a.jpg"),
                                 ("top_k", "2"), ("max_objects", "100"))
        self.assertFound(reply, WOLF)
        self.assertEqual(reply.json()["query"], text)
        self.assertEqual(len(reply.json()["masks"][0]["top_k"]), 2)
        for parts in ([], [("query", "")], [("model", b"x" * 300000, "model.pt")],
                      [("query", b"\xff\xfe")]):
            self.assertFound(self.server.post("/api/falcon", *parts, ("image", image, "a.jpg")),
                             WOLF)
        for field, value in (("top_k", "0"), ("top_k", "x"), ("max_objects", "1e3"),
                             ("top_k", "9" * 30), ("annotate", "yes")):
            reply = self.server.falcon(image, (field, value))
            self.assertEqual(reply.status, 422, (field, value))
            self.assertIn(field, reply.json()["error"])
        self.assertEqual(self.server.falcon(image, ("session", "s" * 200)).status, 413)
        self.assertEqual(
            self.server.post("/api/falcon", ("image", image, "a"), ("query", "q" * 70000)).status,
            413)

    def test_annotated(self):
        answer = self.server.falcon(frame(2), ("annotate", "1")).json()
        self.assertTrue(answer["annotated_image"].startswith("data:image/png;base64,iVBOR"))

    def test_unknown(self):
        """A thing of no collection is where it is, and is not counted."""
        canvas = Image.new("RGB", (800, 600), (90, 95, 100))
        canvas.paste((240, 240, 240), (280, 120, 530, 470))  # a card has an edge
        canvas.paste(picture(77).resize((230, 330)), (290, 130))
        answer = self.server.falcon(jpeg(canvas)).json()
        self.assertEqual((answer["count"], answer["masks"], len(answer["unknown"])), (0, [], 1))
        box = answer["unknown"][0]["bbox_norm"]
        for key, wanted in (("x1", 280 / 800), ("x2", 530 / 800), ("y1", 120 / 600),
                            ("y2", 470 / 600)):
            self.assertAlmostEqual(box[key], wanted, delta=.01)
        self.assertEqual(len(answer["unknown"][0]["corners"]), 4)
        box = self.server.post("/api/falcon-frame", ("image", jpeg(canvas), "f.jpg")).json()
        self.assertEqual((box["count"], box["unknown"]), (0, answer["unknown"]))
        self.assertEqual(self.server.falcon(frame(2)).json()["unknown"], [])

    def test_session(self):
        ids = set()
        for _ in range(3):
            answer = self.server.falcon(frame(2), ("session", "one client")).json()
            ids.add(answer["masks"][0]["track_id"])
        self.assertEqual(len(ids), 1)
        self.assertNotIn("track_id", self.server.falcon(frame(2)).json()["masks"][0])

    def still_frames(self):
        return float(re.search(rb"(?m)^identify_still_frames_total (\S+)",
                               self.server.get("/metrics").body)[1])

    def test_held_still(self):
        """A view that stays is answered without looking into it; another one never is."""
        image = Image.open(io.BytesIO(frame(2)))
        views = [jpeg(image, quality) for quality in (90, 80, 86, 92)]
        before, n, answer = self.still_frames(), 0, {}
        while self.still_frames() == before and n < 60:
            answer = self.server.falcon(views[n % 4], ("session", "still")).json()
            n += 1
        self.assertTrue(3 < n < 60, n)
        self.assertEqual(answer["masks"][0]["ref_filename"], WOLF)
        self.assertEqual((answer["query"], answer["image_size"]), ("card", [800, 600]))
        before = self.still_frames()
        moved = jpeg(image.transform(image.size, Image.AFFINE, (1, 0, 3, 0, 1, 0)))
        for other in (frame(1), frame(2), moved, views[0]):
            reply = self.server.falcon(other, ("session", "still"))
            self.assertEqual(len(reply.json()["masks"]), 1)
        self.assertEqual(reply.json()["masks"][0]["ref_filename"], WOLF)
        self.assertEqual(self.still_frames(), before)
        self.assertEqual(len(self.server.falcon(views[0], ("session", "still"), ("top_k", "2"))
                             .json()["masks"][0]["top_k"]), 2)

    def test_session_in_the_address(self):
        for target, status in (("/api/falcon?session=in%20it", 200),
                               ("/api/falcon?session=" + "s" * 200, 413)):
            reply = self.server.post(target, ("image", frame(2), "a.jpg"))
            self.assertEqual(reply.status, status)
            self.assertEqual(status == 200 and "track_id" in reply.json()["masks"][0],
                             status == 200)

    def test_formats(self):
        image = picture(2)
        grey = image.convert("L")
        for name, data in (("png", jpeg(image, format="PNG")), ("webp", jpeg(image, format="WEBP")),
                           ("progressive", jpeg(image, progressive=True)),
                           ("cmyk", jpeg(image.convert("CMYK"))), ("grey", jpeg(grey))):
            with self.subTest(name):
                self.assertFound(self.server.falcon(data), WOLF)

    def test_bad_pictures(self):
        good = frame(1)
        for data in (b"", b"junk", good[:2000], b"GIF89a" + bytes(50), b"\xff\xd8" + bytes(100)):
            reply = self.server.falcon(data)
            self.assertEqual(reply.status, 400, data[:9])
            self.assertTrue(reply.json()["detail"].startswith("bad image: "), reply.body)
            self.assertEqual(reply.json()["detail"], reply.json()["error"])
        self.assertEqual(self.server.falcon(png_head(30000, 30000)).status, 413)
        self.assertEqual(self.server.falcon(bytes(17 << 20)).status, 413)
        self.assertEqual(self.server.falcon(jpeg(picture(1).resize((1, 1)), format="PNG")).status,
                         200)
        self.assertEqual(self.server.get("/health").status, 200)

    def test_bad_forms(self):
        image = ("image", frame(1), "a.jpg")
        reply = self.server.post("/api/falcon", ("query", "x"))
        self.assertEqual(reply.status, 422)
        self.assertEqual(reply.json()["detail"][0]["loc"], ["body", "image"])
        self.assertEqual(self.server.post("/api/falcon", ("image", b"x")).status, 422)
        self.assertEqual(self.server.ask("POST", "/api/falcon", b"").status, 422)
        self.assertEqual(self.server.ask("POST", "/api/falcon", b'{"image":1}',
                                         {"Content-Type": "application/json"}).status, 422)
        self.assertEqual(self.server.post("/api/falcon", image, image).status, 400)
        self.assertEqual(
            self.server.post("/api/falcon", image, *[("x", "")] * 10000).status, 413)
        body = form(image)
        for kind, status in (("multipart/form-data", 400), ("multipart/form-data; boundary=", 400),
                             ('multipart/form-data; boundary="', 400),
                             ("multipart/form-data; boundary=other", 400),
                             (f'Multipart/form-data; charset=utf-8; Boundary="{BOUNDARY}"; a=b', 200)):
            reply = self.server.ask("POST", "/api/falcon", body, {"Content-Type": kind})
            self.assertEqual(reply.status, status, kind)
        kind = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}
        for bad in (body[:-8], body.replace(b"\r\n\r\n", b"\r\n" + b"A: b\r\n" * 3000, 1),
                    body.replace(b'name="image"', b'name="im\0age"'),
                    body.replace(b'name="image"', b'nome="image"')):
            self.assertIn(self.server.ask("POST", "/api/falcon", bad, kind).status, (400, 413))

    def test_frame(self):
        reply = self.server.post("/api/falcon-frame", ("image", frame(3), "f.jpg"),
                                 headers={"Host": "shop.example:81"})
        answer = reply.json()
        self.assertTrue(answer["ok"])
        self.assertEqual(answer["image_size"], {"w": 800, "h": 600})
        box = answer["bboxes"][0]
        self.assertEqual(box["ref_url"], "http://shop.example:81/refs/red%20bird.jpg")
        self.assertTrue(box["x1"] < box["x2"])
        self.assertEqual(self.server.get("/refs/red%20bird.jpg").status, 200)
        reply = self.server.post("/api/falcon-frame", ("query", "x"))
        self.assertEqual((reply.status, reply.json()["ok"]), (400, False))
        odd = self.server.post("/api/falcon-frame", ("image", frame(3), "f.jpg"),
                               headers={"Host": "a/b\"<x>"})
        self.assertIn(odd.status, (200, 400))
        if odd.status == 200:
            self.assertEqual(odd.json()["bboxes"][0]["ref_url"], "/refs/red%20bird.jpg")

    def test_counts(self):
        before = self.server.get("/health").json()
        self.server.post("/api/falcon", ("image", frame(1), "a"), ("query", "who is it"))
        self.server.falcon(b"junk")
        after = self.server.get("/health").json()
        self.assertEqual(after["requests_served"], before["requests_served"] + 1)
        self.assertEqual(after["last_query"], "who is it")
        metrics = self.server.get("/metrics").body.decode()
        self.assertIn("# TYPE identify_requests_total counter", metrics)
        self.assertIn('identify_requests_total{route="/api/falcon",status="400"}', metrics)
        self.assertIn("identify_references 4\n", metrics)


class Limits(ServiceTest):
    ARGS = ("--max-megapixels", "1", "--max-image-mb", "1", "--threads", "1", "--queue", "1")

    def test_limits(self):
        self.assertEqual(self.server.falcon(png_head(1100, 1000)).status, 413)
        self.assertEqual(self.server.falcon(bytes(1100000)).status, 413)

    def test_busy(self):
        """One worker, one waiting: of many at once some are told to come back, and the rest is
        answered right."""
        from concurrent.futures import ThreadPoolExecutor
        image = frame(2)
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: self.server.falcon(image), range(24)))
        busy = [r for r in replies if r.status == 503]
        self.assertTrue(busy and all(r.headers["retry-after"] == "1" for r in busy))
        for reply in replies:
            if reply.status != 503:
                self.assertFound(reply, WOLF)


if __name__ == "__main__":
    unittest.main()
