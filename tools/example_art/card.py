"""One card: frame, title, painting, text, stamp. Drawn at twice its size and reduced."""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .paint import (blend, clip_art, color, fit, fitted_font, font, generator, noise, ramp, shaded,
                    shadow_of, text_width, tint, to_image, to_pixels, wrap)
from .scene import coordinates, paint_scene

WIDTH, HEIGHT = 500, 700
X = 2                              # drawn at this many times its size
ART = (36, 86, 464, 446)           # the painting
TITLE = (28, 24, 472, 76)
TYPE = (28, 454, 472, 488)
TEXT = (36, 496, 464, 634)

# element: border, dark and light of the frame's texture, dark and light of its orb
ELEMENTS = {
    "tide": ("#0c2340", "#1d5a8a", "#7fc4e0", "#0d3f78", "#7fe0ff"),
    "ember": ("#3a0f0c", "#a83a20", "#f0a060", "#a01808", "#ffd060"),
    "grove": ("#10301a", "#3a7a3c", "#a8cf7a", "#145a24", "#c8ff80"),
    "dusk": ("#1e1038", "#56388c", "#b49ae0", "#3a1070", "#e0a8ff"),
    "gale": ("#2a3a44", "#6f8fa0", "#d4e6ea", "#2a6080", "#ffffff"),
    "hearth": ("#33220c", "#9a6a28", "#ecc878", "#7a4808", "#ffe8a0"),
}
# rarity as in the file name: the letters of the stamp and its colours
STAMPS = {
    "": ("•", "#3a3a3a", "#8a8a8a"), "sr": ("SR", "#6f7f8f", "#f4f8ff"),
    "ur": ("UR", "#a87410", "#fff0a0"), "scr": ("ScR", "#2f6fa8", "#c8f4ff"),
    "pscr": ("PScR", "#8a2fa8", "#ffd8ff"), "utr": ("UtR", "#2f7a5a", "#d0ffe0"),
    "op": ("OP", "#8a5a2a", "#f8e4c8"), "ea": ("EA", "#a83a3a", "#ffd8c8"), "gmr": ("GMR", "#303030", "#ffe070"),
}
WEAVES = {
    "waves": lambda x, y: np.sin(x * 0.11 + 3 * np.sin(y * 0.045)) * np.sin(y * 0.12),
    "rosette": lambda x, y: np.sin(np.hypot(x - 500, y - 700) * 0.10) * np.sin(
        12 * np.arctan2(y - 700, x - 500.5)),
    "lattice": lambda x, y: np.sin((x + y) * 0.075) * np.sin((x - y) * 0.075),
    "scales": lambda x, y: np.sin(x * 0.09) + np.sin(y * 0.16 + np.pi * np.sign(np.sin(x * 0.09))),
    "bricks": lambda x, y: np.sin(x * 0.05 + np.pi * ((y // 44) % 2)) + np.sin(y * 0.1428),
}


def scaled(box):
    return tuple(X * v for v in box)


def frame(element, weave, rng):
    border, dark, light, _, _ = ELEMENTS[element]
    w, h = X * WIDTH, X * HEIGHT
    x, y = coordinates(w, h)
    mottle = noise(rng, w, h, 60, 6)
    pattern = WEAVES[weave](x * w, y * h)
    panel = ramp(0.25 + 0.5 * mottle + 0.09 * np.sign(pattern) + 0.16 * (0.5 - y), dark, light)
    rim = Image.new("L", (w, h), 0)
    ImageDraw.Draw(rim).rounded_rectangle(scaled((14, 14, WIDTH - 15, HEIGHT - 15)), 26, fill=255)
    edge = color(border) * (0.8 + 0.4 * noise(rng, w, h, 24, 4))[..., None]
    return blend(edge, panel, np.asarray(rim, np.float32) / 255)


def plate(image, box, rng, light, dark, radius=10):
    """A parchment plate with a bevelled edge."""
    draw = ImageDraw.Draw(image)
    box = scaled(box)
    w, h = box[2] - box[0], box[3] - box[1]
    draw.rounded_rectangle([v + 5 for v in box], X * radius, fill=(0, 0, 0))
    paper = to_image(ramp(noise(rng, w, h, 50, 6), dark, light))
    mask = Image.new("L", (w, h), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, w - 1, h - 1), X * radius, fill=255)
    image.paste(paper, box[:2], mask)
    draw.rounded_rectangle(box, X * radius, outline=(30, 22, 14), width=4)
    inner = (box[0] + 5, box[1] + 5, box[2] - 5, box[3] - 5)
    draw.rounded_rectangle(inner, X * radius - 4, outline=(255, 250, 230), width=2)


def orb(image, center, radius, dark, light, sign=None):
    """A round jewel, with a letter when there is one."""
    size = 2 * radius
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    away = np.hypot(x, y) * 2
    shine = np.exp(-((x + 0.16) ** 2 + (y + 0.18) ** 2) * 14)
    jewel = to_image(ramp(np.clip(0.15 + 0.85 * shine + 0.3 * (away - 0.6), 0, 1), dark, light))
    mask = Image.fromarray((np.clip((1 - away) * radius / 2, 0, 1) * 255).astype(np.uint8), "L")
    at = (center[0] - radius, center[1] - radius)
    draw = ImageDraw.Draw(image)
    draw.ellipse((at[0] - 4, at[1] - 4, at[0] + size + 4, at[1] + size + 4), fill=(24, 18, 12))
    image.paste(jewel, at, mask)
    if sign:
        face = font("DejaVuSerif-Bold", int(radius * 1.1))
        draw.text(center, sign, font=face, fill=(255, 255, 255), anchor="mm",
                  stroke_width=3, stroke_fill=(20, 14, 10))


def painting(card, rng):
    """The scene with the creature in it."""
    w, h = X * (ART[2] - ART[0]), X * (ART[3] - ART[1])
    canvas = paint_scene(card["scene"], rng, w, h)
    image = to_image(canvas).convert("RGBA")
    art = fit(clip_art(card["art"]), card.get("size", 0.86) * w, card.get("tall", 0.86) * h,
              card.get("mirror", False), card.get("angle", 0))
    if "tint" in card:
        art = tint(art, *card["tint"])
    art = shaded(art, rng)
    x = int(card.get("x", 0.5) * w - art.width / 2)
    y = int(card.get("y", 0.53) * h - art.height / 2)
    halo = (255, 250, 225) if canvas.mean() < 0.45 else (20, 16, 12)
    for blur, opacity, rgb, dx, dy in ((26, 0.75, halo, 0, 0), (7, 0.6, (0, 0, 0), 10, 14)):
        shadow, pad = shadow_of(art, blur, opacity, rgb)
        layer = Image.new("RGBA", image.size)
        layer.paste(shadow, (x - pad + dx, y - pad + dy))
        image = Image.alpha_composite(image, layer)
    layer = Image.new("RGBA", image.size)
    layer.paste(art, (x, y))
    return Image.alpha_composite(image, layer).convert("RGB")


def star_points(center, outer, inner, count):
    angles = np.arange(2 * count) * np.pi / count - np.pi / 2
    radii = np.where(np.arange(2 * count) % 2, inner, outer)
    return [(center[0] + r * np.cos(a), center[1] + r * np.sin(a)) for r, a in zip(radii, angles)]


def stamp(image, rarity, center):
    letters, dark, light = STAMPS[rarity]
    draw = ImageDraw.Draw(image)
    if not rarity:
        draw.ellipse([center[0] - 10, center[1] - 10, center[0] + 10, center[1] + 10], fill=dark)
        return
    draw.polygon(star_points((center[0] + 3, center[1] + 4), 50, 41, 14), fill=(0, 0, 0))
    draw.polygon(star_points(center, 50, 41, 14), fill=dark)
    draw.ellipse([center[0] - 36, center[1] - 36, center[0] + 36, center[1] + 36], fill=light)
    face = fitted_font(letters, "DejaVuSans-Bold", 32, 62)
    draw.text(center, letters, font=face, fill=dark, anchor="mm")


def foil(pixels, rarity, rng):
    """What rare printings add: a rainbow sheen with sparkles, or a metallic frame."""
    h, w = pixels.shape[:2]
    x, y = coordinates(w, h)
    if rarity == "pscr":
        phase = 9 * (x + 0.8 * y) + 2 * noise(rng, w, h, 220, 4)
        rainbow = np.stack([0.5 + 0.5 * np.sin(phase * 2 + k) for k in (0, 2.1, 4.2)], axis=-1)
        facets = np.sign(WEAVES["lattice"](x * w * 0.8, y * h * 0.8)) * 0.5 + 0.5
        pixels = blend(pixels, 1 - (1 - pixels) * (1 - 0.5 * rainbow), 0.40 + 0.16 * facets)
    edges = {"ur": ("#fff2b0", "#b8860b"), "gmr": ("#fff2b0", "#5a4a2a"),
             "sr": ("#ffffff", "#7f8c9a"), "scr": ("#e0f8ff", "#4a8fc0")}
    if rarity in edges:
        ring = Image.new("L", (w, h), 0)
        draw = ImageDraw.Draw(ring)
        draw.rounded_rectangle((16, 16, w - 17, h - 17), 34, outline=255, width=14)
        draw.rectangle([v + d for v, d in zip(scaled(ART), (-8, -8, 8, 8))], outline=255, width=8)
        metal = ramp(0.5 + 0.5 * np.sin(14 * (x - y) + 5 * noise(rng, w, h, 200, 3)),
                     *edges[rarity])
        pixels = blend(pixels, metal, np.asarray(ring, np.float32) / 255)
    return pixels


def write_texts(image, card):
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = scaled(TITLE)
    name = card["name"]
    face = fitted_font(name, "DejaVuSerif-Bold", 58, right - left - 150)
    ink = (122, 78, 4) if card["rarity"] in ("ur", "gmr") else (24, 16, 10)
    draw.text((left + 26, (top + bottom) // 2), name, font=face, fill=ink, anchor="lm")

    left, top, right, bottom = scaled(TYPE)
    draw.text((left + 24, (top + bottom) // 2), card["kind"],
              font=font("DejaVuSans-Bold", 30), fill=(32, 22, 14), anchor="lm")
    for pip in range(card["level"]):
        draw.polygon(star_points((right - 34 - 40 * pip, (top + bottom) / 2), 18, 8, 5),
                     fill=(186, 120, 12), outline=(70, 40, 0))

    left, top, right, bottom = scaled(TEXT)
    face, line_height = font("DejaVuSerif", 35), 44
    y = top + 16
    for line in wrap(card["rules"], face, right - left - 56):
        draw.text((left + 28, y), line, font=face, fill=(20, 14, 10))
        y += line_height
    draw.line([(left + 60, y + 8), (right - 60, y + 8)], fill=(120, 90, 60), width=3)
    y += 18
    face = font("DejaVuSans", 30)
    for line in wrap("“" + card["lore"] + "”", face, right - left - 56):
        draw.text((left + 28, y), line, font=face, fill=(84, 60, 40))
        y += 38


def footer(image, card):
    draw = ImageDraw.Draw(image)
    baseline = X * 661
    draw.text((X * 34, baseline), card["set_code"], font=font("DejaVuSansMono-Bold", 28),
              fill=(255, 255, 255), anchor="lm", stroke_width=4, stroke_fill=(20, 14, 10))
    stats = f"MIGHT {card['might']}  WARD {card['ward']}"
    face = font("DejaVuSans-Bold", 30)
    width = text_width(stats, face)
    right = X * 466
    draw.rounded_rectangle((right - width - 36, baseline - 26, right, baseline + 26), 16,
                           fill=(30, 22, 16), outline=(240, 220, 170), width=3)
    draw.text((right - 18, baseline), stats, font=face, fill=(250, 236, 200), anchor="rm")
    stamp(image, card["rarity"], (X * 236, baseline))


def draw_card(card):
    """The finished card, WIDTH x HEIGHT RGB."""
    rng = generator("frame", card["element"], card.get("weave", "waves"))
    weave = card.get("weave", "waves")
    image = to_image(frame(card["element"], weave, rng))
    plate(image, TITLE, rng, "#fbf3dc", "#d8c49a")
    plate(image, TYPE, rng, "#f6ebcd", "#cdb68a")
    plate(image, TEXT, rng, "#faf2dc", "#dccaa0", 6)
    ImageDraw.Draw(image).rectangle([v + d for v, d in zip(scaled(ART), (-8, -8, 8, 8))],
                                    fill=(26, 18, 12))
    image.paste(painting(card, generator("scene", card.get("scenery", card["name"]))),
                scaled(ART)[:2])
    _, _, _, dark, light = ELEMENTS[card["element"]]
    orb(image, (X * 446, X * 50), 44, dark, light, card["element"][0].upper())
    write_texts(image, card)
    footer(image, card)
    pixels = foil(to_pixels(image), card["rarity"], generator("foil", card["file"]))
    image = to_image(pixels).resize((WIDTH, HEIGHT), Image.LANCZOS)
    return image.filter(ImageFilter.UnsharpMask(1.0, 40, 2))
