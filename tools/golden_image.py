#!/usr/bin/env python3
"""Makes the golden pictures of tests/golden/image with Pillow (Debian's python3-pil), NumPy and, for
HEIC and AVIF, libheif: tiny pictures of every colour model, all EXIF orientations, and what they
decode to; and the checksums that resampling must reproduce.

    /usr/bin/python3 tools/golden_image.py [--out tests/golden/image]

decode.txt:  file  expected.ppm  largest difference allowed  orientation  codec
resize.txt:  kind width height channels  filter  width height  x0 y0 x1 y1 ("-": no box)  crc32
"""
import argparse
import ctypes
import ctypes.util
import io
import os
import struct
import tempfile
import zlib

import numpy as np
from PIL import Image, ImageOps

FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def pattern(kind, width, height, channels):
    """The test picture that the C test makes too: bytes of a linear congruential generator, either as
    they are, or only 0 and 255 (overshoot), or a gradient with a little of them."""
    n = width * height * channels
    state, values = 12345, np.empty(n, np.uint8)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[i] = state >> 24
    if kind == "binary":
        values = np.where(values > 127, 255, 0).astype(np.uint8)
    elif kind == "ramp":
        values = ((np.arange(n, dtype=np.int64) // channels % width * 200 // width)
                  + (values >> 3)).astype(np.uint8)
    return values.reshape((height, width, channels) if channels == 3 else (height, width))


def scene(width=24, height=16):
    """A smooth picture with no symmetry, so that lossy codecs stay close and turns show."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    r = 30 + 200 * x / width
    g = 220 - 180 * y / height
    b = 40 + 160 * np.exp(-((x - width * 0.25) ** 2 + (y - height * 0.3) ** 2) / 40)
    return np.clip(np.stack([r, g, b], -1), 0, 255).astype(np.uint8)


def exif(orientation, big=False):
    """The least EXIF block: a TIFF header and one directory with a neighbour and the orientation."""
    e = ">" if big else "<"
    entries = [(0x010F, 2, 4, b"idf\0"), (0x0112, 3, 1, struct.pack(e + "HH", orientation, 0))]
    body = struct.pack(e + "H", len(entries))
    for tag, kind, count, value in entries:
        body += struct.pack(e + "HHI", tag, kind, count) + value
    return (b"MM\0*" if big else b"II*\0") + struct.pack(e + "I", 8) + body + b"\0\0\0\0"


def png_bytes(samples, depth, colour_type, interlace=False, palette=None, chunks=()):
    """A PNG of any depth and colour type, optionally Adam7; samples are (height, width, n)."""
    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data
                + struct.pack(">I", zlib.crc32(name + data)))

    def rows(part):
        out = b""
        for row in part:
            flat = row.reshape(-1)
            if depth == 16:
                out += b"\0" + flat.astype(">u2").tobytes()
            elif depth == 8:
                out += b"\0" + flat.astype(np.uint8).tobytes()
            else:
                bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(-1)
                out += b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()
        return out

    height, width = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
                  (1, 0, 2, 1)]
    raw = b"".join(rows(samples[y::dy, x::dx]) for y, x, dy, dx in passes
                   if samples[y::dy, x::dx].size)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
        ">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlace)))
    if palette is not None:
        data += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    for name, content in chunks:
        data += chunk(name, content)
    return data + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def over_white(colour, alpha):
    a = alpha.astype(int)[..., None]
    t = (255 - colour.astype(int)) * a + 128
    return (255 - ((t + (t >> 8)) >> 8)).astype(np.uint8)


def as_rgb(grey):
    return np.repeat(grey[..., None], 3, -1)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data):
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def with_exif_jpeg(data, block):
    segment = b"Exif\0\0" + block
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def without_app0(data):
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + struct.unpack(">H", data[4:6])[0]:]


def jpegs(add):
    picture = Image.fromarray(scene())
    base = saved(picture, "JPEG", quality=90, subsampling=0)
    for o in range(1, 9):
        data = with_exif_jpeg(base, exif(o, big=o % 2 == 0))
        add(f"orient{o}.jpg", data, opened(data), 3, o, "jpeg")
    for name, options in {
        "420": {"subsampling": 2}, "422": {"subsampling": 1}, "progressive": {"progressive": True},
    }.items():
        data = saved(picture, "JPEG", quality=90, **options)
        add(f"{name}.jpg", data, opened(data), 4, 1, "jpeg")
    data = saved(picture.convert("L"), "JPEG", quality=90)
    add("grey.jpg", data, opened(data), 3, 1, "jpeg")
    ink = np.concatenate([255 - scene(), (scene()[..., :1] // 3)], -1)
    cmyk = saved(Image.fromarray(ink, "CMYK"), "JPEG", quality=95)
    add("cmyk.jpg", cmyk, opened(cmyk), 4, 1, "jpeg")
    at = cmyk.index(b"Adobe") + 11  # the transform: 2 says that the same numbers are YCCK
    ycck = cmyk[:at] + b"\x02" + cmyk[at + 1:]
    add("ycck.jpg", ycck, opened(ycck), 5, 1, "jpeg")
    adobe = b"\xff\xee" + struct.pack(">H", 14) + b"Adobe\0\x64\0\0\0\0" + b"\0"
    bare = without_app0(base)
    rgb = bare[:2] + adobe + bare[2:]
    add("rgb.jpg", rgb, opened(rgb), 3, 1, "jpeg")
    add("trailing.jpg", base + b"garbage after the end" * 4, opened(base), 3, 1, "jpeg")


def pngs(add):
    rgb = scene()
    picture = Image.fromarray(rgb)
    alpha = np.linspace(0, 255, 24 * 16).reshape(16, 24).astype(np.uint8)
    alpha[:, :4] = 0
    alpha[:, -4:] = 255
    grey = rgb[..., 0]
    for o in range(1, 9):
        data = saved(picture, "PNG", exif=exif(o, big=o % 2 == 1))
        add(f"orient{o}.png", data, opened(data), 0, o, "png")

    def simple(name, data, expected):
        add(f"{name}.png", data, expected, 0, 1, "png")

    simple("rgb", saved(picture, "PNG"), rgb)
    simple("rgba", png_bytes(np.dstack([rgb, alpha]), 8, 6), over_white(rgb, alpha))
    simple("grey", png_bytes(grey, 8, 0), as_rgb(grey))
    simple("grey_alpha", png_bytes(np.dstack([grey, alpha]), 8, 4), over_white(as_rgb(grey), alpha))
    for depth in 1, 2, 4:
        few = grey >> (8 - depth)
        simple(f"grey{depth}", png_bytes(few, depth, 0),
               as_rgb((few.astype(int) * 255 // (2**depth - 1)).astype(np.uint8)))
    index = (rgb[..., 0] // 32 + rgb[..., 1] // 128 * 8).astype(np.uint8) % 16
    palette = np.stack([np.arange(16) * 16, 255 - np.arange(16) * 9, np.arange(16) ** 2], -1)
    see_through = np.minimum(255, np.arange(8) * 40).astype(np.uint8)
    simple("palette8", png_bytes(index, 8, 3, palette=palette), palette.astype(np.uint8)[index])
    simple("palette4", png_bytes(index, 4, 3, palette=palette, interlace=True),
           palette.astype(np.uint8)[index])
    all_alpha = np.concatenate([see_through, np.full(8, 255, np.uint8)])
    simple("palette_alpha",
           png_bytes(index, 8, 3, palette=palette, chunks=[(b"tRNS", see_through.tobytes())]),
           over_white(palette.astype(np.uint8)[index], all_alpha[index]))
    key = rgb[3, 5]
    simple("rgb_key", png_bytes(rgb, 8, 2, chunks=[(b"tRNS", key.astype(">u2").tobytes())]),
           np.where((rgb == key).all(-1)[..., None], 255, rgb).astype(np.uint8))
    deep = rgb.astype(int) * 257 - np.arange(24 * 16).reshape(16, 24, 1) % 200
    deep = np.clip(deep, 0, 65535)
    shallow = ((deep * 255 + 32767) // 65535).astype(np.uint8)
    simple("rgb16", png_bytes(deep, 16, 2), shallow)
    simple("grey16", png_bytes(deep[..., 0], 16, 0, interlace=True), as_rgb(shallow[..., 0]))
    simple("rgba16", png_bytes(np.dstack([deep, alpha.astype(int) * 257]), 16, 6),
           over_white(shallow, alpha))
    simple("interlaced", png_bytes(rgb, 8, 2, interlace=True), rgb)
    simple("interlaced_alpha", png_bytes(np.dstack([rgb, alpha]), 8, 6, interlace=True),
           over_white(rgb, alpha))
    simple("one_pixel", png_bytes(rgb[:1, :1], 8, 2, interlace=True), rgb[:1, :1])
    simple("trailing", saved(picture, "PNG") + b"\0" * 50, rgb)


def webps(add):
    rgb = scene()
    picture = Image.fromarray(rgb)
    alpha = np.linspace(0, 255, 24 * 16).reshape(16, 24).astype(np.uint8)
    for o in range(1, 9):
        data = saved(picture, "WEBP", lossless=True, exif=exif(o, big=o % 2 == 0))
        add(f"orient{o}.webp", data, opened(data), 0, o, "webp")
    data = saved(picture, "WEBP", quality=90)
    add("lossy.webp", data, opened(data), 2, 1, "webp")
    add("trailing.webp", data + b"x" * 33, opened(data), 2, 1, "webp")
    rgba = Image.fromarray(np.dstack([rgb, alpha]), "RGBA")
    data = saved(rgba, "WEBP", lossless=True, exact=True)
    add("alpha.webp", data, over_white(rgb, alpha), 0, 1, "webp")
    data = saved(rgba, "WEBP", quality=90, exact=True)
    back = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    add("alpha_lossy.webp", data, over_white(back[..., :3], back[..., 3]), 2, 1, "webp")
    data = saved(picture, "WEBP", lossless=True, save_all=True, duration=100,
                 append_images=[Image.fromarray(255 - rgb)])
    add("animated.webp", data, rgb, 0, 1, "webp")


class HeifError(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("subcode", ctypes.c_int), ("message", ctypes.c_char_p)]


def heif_bytes(rgb, compression, quality):
    """libheif by hand, because Debian 12 has no Python binding. None when an encoder is missing."""
    name = ctypes.util.find_library("heif")
    if name is None:
        return None
    lib = ctypes.CDLL(name)
    for function in ("heif_context_get_encoder_for_format", "heif_image_create",
                     "heif_image_add_plane", "heif_context_encode_image", "heif_encoder_set_lossy_quality"):
        getattr(lib, function).restype = HeifError
    lib.heif_context_alloc.restype = ctypes.c_void_p
    lib.heif_image_get_plane.restype = ctypes.c_void_p
    context, encoder, image = ctypes.c_void_p(lib.heif_context_alloc()), ctypes.c_void_p(), \
        ctypes.c_void_p()
    if lib.heif_context_get_encoder_for_format(context, compression, ctypes.byref(encoder)).code:
        return None
    lib.heif_encoder_set_lossy_quality(encoder, quality)
    height, width = rgb.shape[:2]
    rgb_colourspace, interleaved_rgb, channel_interleaved = 1, 10, 10
    assert lib.heif_image_create(width, height, rgb_colourspace, interleaved_rgb,
                                 ctypes.byref(image)).code == 0
    assert lib.heif_image_add_plane(image, channel_interleaved, width, height, 24).code == 0
    stride = ctypes.c_int()
    plane = lib.heif_image_get_plane(image, channel_interleaved, ctypes.byref(stride))
    for y in range(height):
        row = rgb[y].tobytes()
        ctypes.memmove(plane + y * stride.value, row, len(row))
    assert lib.heif_context_encode_image(context, image, encoder, None, None).code == 0
    lib.heif_context_write_to_file.restype = HeifError
    with tempfile.NamedTemporaryFile() as file:
        assert lib.heif_context_write_to_file(context, file.name.encode()).code == 0
        return file.read()


def with_turn(data, steps):
    """Adds an irot property (quarter turns anticlockwise) to the last item of a HEIF, the picture
    itself: a box in ipco and its number in ipma; the offset of the data moves with it."""
    irot = struct.pack(">I4sB", 9, b"irot", steps)

    def grow(box_at, n):
        nonlocal data
        size = struct.unpack(">I", data[box_at:box_at + 4])[0] + n
        data = data[:box_at] + struct.pack(">I", size) + data[box_at + 4:]

    meta, iprp, ipco = (data.index(name) - 4 for name in (b"meta", b"iprp", b"ipco"))
    end = ipco + struct.unpack(">I", data[ipco:ipco + 4])[0]
    n_properties, at = 0, ipco + 8
    while at < end:
        n_properties += 1
        at += struct.unpack(">I", data[at:at + 4])[0]
    data = data[:end] + irot + data[end:]
    ipma = data.index(b"ipma", end) - 4
    ipma_end = ipma + struct.unpack(">I", data[ipma:ipma + 4])[0]
    data = data[:ipma_end] + bytes([0x80 | (n_properties + 1)]) + data[ipma_end:]
    count_at = ipma + 8 + 4 + 4 + 2  # version and flags, number of items, item
    for _ in range(struct.unpack(">I", data[ipma + 12:ipma + 16])[0] - 1):
        count_at += 1 + data[count_at] + 2
    data = data[:count_at] + bytes([data[count_at] + 1]) + data[count_at + 1:]
    grow(ipma, 1)
    for box in (ipco,):
        grow(box, len(irot))
    for box in (iprp, meta):
        grow(box, len(irot) + 1)
    iloc = data.index(b"iloc") - 4
    mdat = data.index(b"mdat") + 4
    old = struct.pack(">I", mdat - len(irot) - 1)
    at = data.index(old, iloc, iloc + struct.unpack(">I", data[iloc:iloc + 4])[0])
    return data[:at] + struct.pack(">I", mdat) + data[at + 4:]


def heifs(add):
    rgb = scene(64, 48)  # chroma is halved: corners differ by 17
    hevc, av1 = 1, 4
    heic = heif_bytes(rgb, hevc, 90)
    if heic is not None:
        add("rgb.heic", heic, rgb, 24, 1, "heif")
        add("trailing.heic", heic + b"garbage after the end" * 3, rgb, 24, 1, "heif")
        add("turned.heic", with_turn(heic, 1), np.rot90(rgb, 1), 24, 1, "heif")
    avif = heif_bytes(rgb, av1, 90)
    if avif is not None:
        add("rgb.avif", avif, rgb, 24, 1, "heif")


def resizes(out):
    lines = []
    sizes = [(100, 70, 64, 45), (64, 45, 100, 70), (97, 61, 31, 61), (50, 90, 50, 31), (33, 200, 7, 5),
             (200, 33, 100, 100), (5, 5, 1, 1), (1, 1, 9, 4), (256, 2, 3, 1), (71, 130, 70, 129),
             (64, 64, 64, 64), (300, 17, 299, 16)]
    boxes = [None, None, (0.25, 0.5, 0.875, 1.0), (0.1, 0.2, 0.35, 0.9)]
    for i, (w, h, ow, oh) in enumerate(sizes):
        for channels in 1, 3:
            for j, (name, code) in enumerate(FILTERS.items()):
                kind = ("noise", "binary", "ramp")[(i + j) % 3]
                box = boxes[(i + j + channels) % len(boxes)]
                if box is not None:
                    box = [float(np.float32(v)) for v in
                           (box[0] * w, box[1] * h, box[2] * w, box[3] * h)]
                image = Image.fromarray(pattern(kind, w, h, channels)).resize((ow, oh), code, box=box)
                crc = zlib.crc32(image.tobytes())
                where = "-" if box is None else " ".join(repr(v) for v in box)
                lines.append(f"{kind} {w} {h} {channels} {name} {ow} {oh} {where} {crc:08x}")
    with open(os.path.join(out, "resize.txt"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=os.path.join(root, "tests/golden/image"))
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    lines, expectations = [], {}

    def add(name, data, expected, tolerance, orientation, codec):
        content = expected.astype(np.uint8).tobytes()
        ppm = expectations.get((expected.shape, content))
        if ppm is None:  # many pictures decode to the same pixels
            ppm = name.replace(".", "_") + ".ppm"
            expectations[(expected.shape, content)] = ppm
            with open(os.path.join(out, ppm), "wb") as f:
                f.write(b"P6\n%d %d\n255\n" % (expected.shape[1], expected.shape[0]) + content)
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)
        lines.append(f"{name} {ppm} {tolerance} {orientation} {codec}")

    for make in jpegs, pngs, webps, heifs:
        make(add)
    with open(os.path.join(out, "decode.txt"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
    resizes(out)
    print(f"{len(lines)} pictures, {len(os.listdir(out))} files in {out}")


if __name__ == "__main__":
    main()
