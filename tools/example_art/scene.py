"""The landscapes behind the creatures, painted from seeded noise."""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .paint import blend, color, noise, ramp, to_image, to_pixels


def coordinates(width, height):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x / width, y / height


def disc(canvas, center, radius, body, glow, rng):
    """A sun or a moon with its glow; center in parts of the picture, radius of its height."""
    height, width = canvas.shape[:2]
    x, y = coordinates(width, height)
    away = np.hypot((x - center[0]) * width / height, y - center[1])
    canvas = blend(canvas, color(glow), 0.75 * np.exp(-((away / radius) ** 1.2) / 1.8))
    craters = 0.82 + 0.3 * noise(rng, width, height, 40, 4)
    inside = np.clip((radius - away) * height / 2, 0, 1)
    return blend(canvas, color(body) * craters[..., None], inside)


def stars(canvas, rng, count, below=0.7):
    height, width = canvas.shape[:2]
    layer = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(count):
        x, y, r = rng.rand() * width, rng.rand() * below * height, 0.8 + 2.4 * rng.rand() ** 4
        draw.ellipse((x - r, y - r, x + r, y + r), fill=int(120 + 135 * rng.rand()))
    return blend(canvas, np.ones(3, np.float32), np.asarray(layer, np.float32) / 255)


def clouds(canvas, rng, rgb, amount, below=0.75, cell=160):
    height, width = canvas.shape[:2]
    _, y = coordinates(width, height)
    field = noise(rng, width, height, cell, 6, stretch=2.2)
    mask = np.clip((field - 0.5) * 4, 0, 1) * amount * np.clip((below - y) * 4, 0, 1)
    return blend(canvas, color(rgb), mask)


def ridge(canvas, rng, base, rise, near, far, depth, snow=False):
    """One range of hills: a noisy outline at `base` (part of the height), filled with shaded
    texture; depth 0 (far, hazy) to 1 (near)."""
    height, width = canvas.shape[:2]
    _, y = coordinates(width, height)
    outline = noise(rng, width, 2, 60 + 160 * (1 - depth), 6)[0]
    top = base - rise * outline
    mask = np.clip((y - top[None, :]) * height / 2, 0, 1)
    texture = noise(rng, width, height, 18 + 22 * depth, 5, stretch=1.6)
    body = ramp(0.35 + 0.65 * texture * (0.5 + 0.5 * depth), far, near)
    if snow:
        cap = np.clip((top[None, :] + 0.10 + 0.10 * texture - y) * 30, 0, 1)
        body = blend(body, color("#f4f8ff") * (0.75 + 0.3 * texture)[..., None], cap)
    return blend(canvas, body, mask)


def pines(canvas, rng, base, size, rgb, count):
    """A row of fir silhouettes."""
    height, width = canvas.shape[:2]
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    tone = tuple(int(255 * v) for v in color(rgb))
    for _ in range(count):
        x = rng.rand() * width
        h = height * size * (0.5 + 0.8 * rng.rand())
        y = height * (base + 0.05 * rng.rand())
        shade = tuple(int(v * (0.7 + 0.5 * rng.rand())) for v in tone)
        draw.rectangle((x - h * 0.02, y - h * 0.2, x + h * 0.02, y), fill=shade)
        for step in range(5):
            top, half = y - h * (1 - 0.17 * step), h * (0.07 + 0.05 * step)
            draw.polygon([(x, top), (x - half, top + h * 0.27), (x + half, top + h * 0.27)],
                         fill=shade)
    return to_pixels(image)


def blades(canvas, rng, low, high, colors, count, length=0.10, lean=0.05):
    """Grass, reeds or seaweed: curved strokes that stand between two heights."""
    height, width = canvas.shape[:2]
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    for foot in np.sort(low + (high - low) * rng.rand(count)):
        x = rng.rand() * width
        tall = length * height * (0.4 + 0.9 * rng.rand()) * (0.6 + foot)
        bend = lean * height * rng.randn()
        tone = color(colors[rng.randint(len(colors))]) * (0.75 + 0.4 * rng.rand())
        points = [(x + bend * t * t, foot * height - tall * t) for t in np.linspace(0, 1, 6)]
        draw.line(points, fill=tuple(int(255 * v) for v in np.clip(tone, 0, 1)),
                  width=1 + int(3 * rng.rand()))
    return to_pixels(image)


def specks(canvas, rng, low, high, colors, count, radius):
    """Flowers, bubbles, sparks, snow: small soft discs."""
    height, width = canvas.shape[:2]
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = rng.rand() * width, (low + (high - low) * rng.rand()) * height
        r = radius * (0.3 + rng.rand() ** 2)
        tone = color(colors[rng.randint(len(colors))]) * (0.8 + 0.3 * rng.rand())
        draw.ellipse((x - r, y - r, x + r, y + r),
                     fill=tuple(int(255 * v) for v in np.clip(tone, 0, 1)))
    return to_pixels(image)


def sky(width, height, *colors):
    _, y = coordinates(width, height)
    return ramp(y * 1.25, *colors)


def night(rng, w, h):
    out = stars(sky(w, h, "#050a24", "#16265c", "#5b4a8c"), rng, 260)
    out = clouds(out, rng, "#8f8fd0", 0.45)
    out = disc(out, (0.72, 0.26), 0.17, "#fff6d8", "#c8c4ff", rng)
    out = ridge(out, rng, 0.78, 0.35, "#3b3f7d", "#1d2352", 0.1)
    out = pines(out, rng, 0.80, 0.22, "#141a3c", 70)
    out = ridge(out, rng, 0.95, 0.22, "#2d4a50", "#0c1520", 0.9)
    return blades(out, rng, 0.86, 1.05, ["#14323a", "#2a5a55", "#0b1c26"], 500)


def dusk(rng, w, h):
    out = clouds(sky(w, h, "#2b1b4d", "#b0476b", "#ffb45e"), rng, "#ffd0a0", 0.7)
    out = disc(out, (0.3, 0.55), 0.13, "#fff0b0", "#ff9c50", rng)
    for depth in (0.1, 0.4, 0.8):
        out = ridge(out, rng, 0.70 + 0.28 * depth, 0.28, "#6b3a5c", "#2a1838", depth)
    out = pines(out, rng, 0.93, 0.20, "#1c0f28", 45)
    return blades(out, rng, 0.9, 1.05, ["#3a1f3d", "#5c2f45"], 320)


def forest(rng, w, h):
    out = sky(w, h, "#d9efb0", "#8fc27a", "#2f6b45")
    x, y = coordinates(w, h)
    rays = noise(rng, w, 2, 30, 3)[0]
    slanted = rays[np.clip(((x + 0.35 * y) * w).astype(int), 0, w - 1)]
    out = blend(out, color("#ffffd0"), 0.4 * slanted * (1 - y))
    for depth, tone in ((0.2, "#5d9a60"), (0.6, "#2f6a40"), (1.0, "#174a2c")):
        out = pines(out, rng, 0.62 + 0.28 * depth, 0.4 + 0.25 * depth, tone, 34)
    out = ridge(out, rng, 0.95, 0.12, "#5c7a34", "#21401c", 0.9)
    out = blades(out, rng, 0.84, 1.05, ["#3f7a2c", "#7fae3e", "#20542a"], 800, length=0.12)
    return specks(out, rng, 0.8, 1.0, ["#fff2a8", "#ffffff", "#ff9ab8"], 60, 5)


def sea(rng, w, h):
    out = clouds(sky(w, h, "#3d7fc4", "#a9d5ef", "#e8f4f2"), rng, "#ffffff", 0.9, below=0.55)
    out = ridge(out, rng, 0.54, 0.12, "#7d9db0", "#4b6d82", 0.0)
    _, y = coordinates(w, h)
    water = noise(rng, w, h, 26, 5, stretch=6.0)
    depth = np.clip((y - 0.52) / 0.48, 0, 1)
    waves = ramp(0.55 * depth + 0.45 * water, "#8fd0d8", "#2a7fa8", "#0c3a66")
    crest = np.clip((noise(rng, w, h, 16, 4, stretch=5.0) - 0.66) * 9, 0, 1)
    waves = blend(waves, color("#f2fbff"), 0.8 * crest * (0.3 + depth))
    out = blend(out, waves, (y > 0.52).astype(np.float32))
    return out


def reef(rng, w, h):
    out = sky(w, h, "#9fe8e6", "#2f9fc0", "#0a3f73")
    x, y = coordinates(w, h)
    rays = noise(rng, w, 2, 40, 4)[0]
    slanted = rays[np.clip(((x + 0.25 * y) * w * 0.8).astype(int), 0, w - 1)]
    out = blend(out, color("#e8ffff"), 0.45 * slanted * np.clip(1 - 1.2 * y, 0, 1))
    out = ridge(out, rng, 0.86, 0.35, "#2b6f96", "#154a78", 0.2)
    out = ridge(out, rng, 0.98, 0.16, "#d9c48c", "#8a7a58", 0.9)
    out = blades(out, rng, 0.88, 1.05, ["#1f7a58", "#5fae4a", "#a0466e"], 260, length=0.3,
                 lean=0.08)
    return specks(out, rng, 0.05, 0.95, ["#d8ffff", "#ffffff"], 70, 6)


def meadow(rng, w, h):
    out = clouds(sky(w, h, "#4f9fe0", "#a8dcf5", "#f3f7d8"), rng, "#ffffff", 0.95)
    out = ridge(out, rng, 0.72, 0.25, "#8fb5a8", "#6a95a0", 0.1)
    out = ridge(out, rng, 0.82, 0.18, "#8fc25a", "#4d8f4a", 0.5)
    out = ridge(out, rng, 0.94, 0.14, "#a5cf4f", "#3f8a36", 0.9)
    out = blades(out, rng, 0.8, 1.05, ["#4f9a34", "#86c040", "#2f7030"], 900, length=0.09)
    return specks(out, rng, 0.78, 1.0, ["#ff5d73", "#ffe14f", "#ffffff", "#b56bff"], 170, 6)


def desert(rng, w, h):
    out = clouds(sky(w, h, "#3f86c9", "#f6d9a0", "#ffe9b8"), rng, "#fff3d8", 0.5)
    out = disc(out, (0.78, 0.2), 0.10, "#fffbe0", "#fff0a0", rng)
    for depth in (0.0, 0.35, 0.7, 1.0):
        out = ridge(out, rng, 0.66 + 0.3 * depth, 0.22, "#f0bf68", "#a8662f", depth)
    out = specks(out, rng, 0.75, 1.0, ["#7a4a24", "#c98a48"], 160, 4)
    return blades(out, rng, 0.8, 1.0, ["#6f7a30", "#a08a3a"], 90, length=0.08)


def snow(rng, w, h):
    out = clouds(sky(w, h, "#5b7fae", "#b9cfe6", "#f2f5fb"), rng, "#ffffff", 0.8)
    out = ridge(out, rng, 0.85, 0.55, "#7f95b8", "#465a80", 0.0, snow=True)
    out = pines(out, rng, 0.86, 0.18, "#2b4a5c", 60)
    out = ridge(out, rng, 0.93, 0.12, "#ffffff", "#b8c8e2", 0.8)
    return specks(out, rng, 0.0, 1.0, ["#ffffff"], 220, 4)


def cave(rng, w, h):
    rock = noise(rng, w, h, 90, 6)
    out = ramp(rock, "#12070a", "#3a1c1a", "#7a4030")
    veins = np.abs(noise(rng, w, h, 110, 5) - 0.5)
    out = blend(out, color("#ff6a1e"), np.clip(1 - veins * 26, 0, 1))
    out = blend(out, color("#ffe08a"), np.clip(1 - veins * 70, 0, 1))
    x, y = coordinates(w, h)
    out = blend(out, color("#ff8a3a"), 0.55 * np.exp(-((x - 0.5) ** 2 + (y - 1.0) ** 2) * 5))
    return specks(out, rng, 0.0, 1.0, ["#ffd27a", "#ff8a3a"], 130, 4)


SCENES = {"night": night, "dusk": dusk, "forest": forest, "sea": sea, "reef": reef,
          "meadow": meadow, "desert": desert, "snow": snow, "cave": cave}


def paint_scene(name, rng, width, height):
    """A landscape, (height, width, 3) float."""
    canvas = SCENES[name](rng, width, height)
    grain = noise(rng, width, height, 5, 2) - 0.5
    canvas = np.clip(canvas + 0.06 * grain[..., None], 0, 1)
    return to_pixels(to_image(canvas).filter(ImageFilter.GaussianBlur(0.7)))
