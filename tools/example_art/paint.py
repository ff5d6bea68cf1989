"""Painting helpers: seeded noise, gradients, clip art, text. Everything is float RGB 0..1 in numpy
arrays (H, W, 3) or Pillow RGBA pictures, and depends on nothing but its arguments."""
import functools
import os
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

CLIP_ART = os.environ.get("OPENCLIPART", "/usr/share/openclipart/png")
FONTS = "/usr/share/fonts/truetype/dejavu"


def generator(*words):
    """A random generator of its own for each thing that is painted."""
    return np.random.RandomState(zlib.crc32("/".join(map(str, words)).encode()))


def noise(rng, width, height, cell, octaves=5, stretch=1.0):
    """Fractal noise, 0..1: octaves of random grids, each half the cell and half the weight.
    `stretch` makes the cells that many times wider than high."""
    total = np.zeros((height, width), np.float32)
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        grid_w = max(2, int(width / (cell * stretch)) + 2)
        grid_h = max(2, int(height / cell) + 2)
        grid = Image.fromarray(rng.rand(grid_h, grid_w).astype(np.float32), "F")
        total += weight * np.asarray(grid.resize((width, height), Image.BICUBIC))
        norm += weight
        weight, cell = weight / 2, max(2.0, cell / 2)
    low, high = total.min(), total.max()
    return (total - low) / max(1e-6, high - low)


def color(text):
    """'#rrggbb' as three floats."""
    return np.array([int(text[i:i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def ramp(values, *colors):
    """Colours along a gradient: values 0..1 of any shape, at least two '#rrggbb' stops."""
    stops = np.stack([color(c) for c in colors])
    at = np.clip(values, 0, 1) * (len(colors) - 1)
    low = np.minimum(at.astype(int), len(colors) - 2)
    part = (at - low)[..., None]
    return stops[low] * (1 - part) + stops[low + 1] * part


def blend(base, over, mask):
    """over where mask is 1; `over` is a picture or one colour."""
    mask = np.clip(mask, 0, 1)[..., None]
    return base * (1 - mask) + over * mask


def to_image(pixels):
    return Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")


def to_pixels(image):
    return np.asarray(image.convert("RGB"), np.float32) / 255


@functools.lru_cache(maxsize=None)
def clip_art(name):
    """A clip art cut to its visible part."""
    art = Image.open(os.path.join(CLIP_ART, name)).convert("RGBA")
    if "cymru_flag" in name:  # the dragon of the flag, without the flag
        pixels = np.asarray(art).astype(int)
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        inside = np.zeros(red.shape, bool)
        inside[12:-12, 60:-60] = True
        ink = (pixels[..., 3] > 128) & (blue < 90)
        beast = inside & ink & ((red > 120) & (green < 110) | (red + green < 150))
        pixels[..., 3] = np.where(beast, 255, 0)
        art = Image.fromarray(pixels.astype(np.uint8), "RGBA").filter(ImageFilter.MedianFilter(3))
    elif "bison" in name:  # white paper behind it
        pixels = np.asarray(art).copy()
        pixels[..., 3] = np.where(pixels[..., :3].min(axis=2) > 245, 0, pixels[..., 3])
        art = Image.fromarray(pixels, "RGBA")
    elif "red-eye_frog" in name:  # the leaf that it sits on
        pixels = np.asarray(art).copy()
        leaf = np.abs(pixels[..., :3].astype(int) - (33, 77, 33)).max(axis=2) < 12
        pixels[..., 3] = np.where(leaf, 0, pixels[..., 3])
        art = Image.fromarray(pixels, "RGBA").filter(ImageFilter.MedianFilter(3))
    box = art.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    return art.crop(box)


def fit(art, width, height, mirror=False, angle=0):
    """The art scaled into a box, kept in proportion."""
    if mirror:
        art = art.transpose(Image.FLIP_LEFT_RIGHT)
    scale = min(width / art.width, height / art.height)
    size = (max(1, round(art.width * scale)), max(1, round(art.height * scale)))
    art = art.resize(size, Image.LANCZOS)
    return art.rotate(angle, Image.BICUBIC, expand=True) if angle else art


def tint(art, dark, light, amount):
    """Maps the art's luma to a two-colour ramp, by `amount`."""
    alpha = art.getchannel("A")
    pixels = to_pixels(art)
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    mixed = to_image(pixels * (1 - amount) + ramp(luma, dark, light) * amount).convert("RGBA")
    mixed.putalpha(alpha)
    return mixed


def shaded(art, rng):
    """Gives flat art some body: light from above left, a rim, and brush texture."""
    alpha = np.asarray(art.getchannel("A"), np.float32) / 255
    pixels = to_pixels(art)
    soft = art.getchannel("A").filter(ImageFilter.GaussianBlur(max(2, art.width / 40)))
    soft = np.asarray(soft, np.float32) / 255
    dy, dx = np.gradient(soft)
    light = np.clip(1.0 + 5.0 * (dx + dy), 0.6, 1.5)
    brush = 0.88 + 0.24 * noise(rng, art.width, art.height, 14, 4, stretch=2.5)
    lit = to_image(pixels * (light * brush)[..., None]).convert("RGBA")
    lit.putalpha(Image.fromarray((alpha * 255).astype(np.uint8), "L"))
    return lit


def shadow_of(art, blur, opacity, rgb=(0, 0, 0)):
    """The art's silhouette, blurred; larger than the art by 3 * blur on each side."""
    pad = int(3 * blur)
    mask = Image.new("L", (art.width + 2 * pad, art.height + 2 * pad), 0)
    mask.paste(art.getchannel("A"), (pad, pad))
    mask = mask.filter(ImageFilter.GaussianBlur(blur)).point(lambda v: int(v * opacity))
    out = Image.new("RGBA", mask.size, rgb + (0,))
    out.putalpha(mask)
    return out, pad


@functools.lru_cache(maxsize=None)
def font(name, size):
    return ImageFont.truetype(os.path.join(FONTS, name + ".ttf"), size,
                              layout_engine=ImageFont.Layout.BASIC)


def text_width(text, face):
    left, _, right, _ = face.getbbox(text)
    return right - left


def fitted_font(text, name, size, width):
    """The font at the largest size, at most `size`, in which the text is at most `width` wide."""
    while size > 8 and text_width(text, font(name, size)) > width:
        size -= 1
    return font(name, size)


def wrap(text, face, width):
    lines, line = [], ""
    for word in text.split():
        longer = (line + " " + word).strip()
        if line and text_width(longer, face) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return lines + [line]


def rounded_mask(size, box, radius):
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
    return mask
