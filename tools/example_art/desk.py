"""What lies under and around a card: desk tops, and clutter made of clip art and paper."""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .paint import (blend, clip_art, color, fit, font, generator, noise, ramp, shaded, shadow_of,
                    to_image, to_pixels)
from .scene import coordinates

CLUTTER = [
    "tools/binocolo_bn_architetto_f_01.png", "tools/bussola_architetto_franc_01.png",
    "food/beverages/teacup_ganson.png", "food/beverages/coffee_ganson.png",
    "education/scissors.png", "office/pencil_jonathan_dietrich_01.png",
    "office/magnifying_glass_01.png", "food/desserts/crazy_cookie_dave_pena_01.png",
    "recreation/games/two_red_dice_01.png", "recreation/toys/rubik.png",
    "office/pin_-red_nicu_buculei_01.png", "office/pin_-_blue_nicu_buculei_01.png",
    "education/paint.png", "tools/chiave_architetto_france_01.png", "office/eraser.png",
    "office/scotch_rollandin_france_01.png", "food/desserts/candy_02.png",
    "food/desserts/candy_30.png", "food/fruit/lemon_slice_ganson.png",
    "office/clips_architetto_frances_01.png", "office/calculator.png",
    "office/feather.png", "recreation/music/maracas_ganson.png",
]
PROSE = ("The tide table is pinned beside the door because nobody reads it there. On Tuesday the "
         "keeper counted eleven gulls, two boats and one umbrella, and wrote the umbrella down as "
         "a boat, since it was going faster than the other two. ") * 12


def wood(rng, w, h):
    x, y = coordinates(w, h)
    planks = np.floor(y * 5)
    offset = rng.rand(6)[planks.astype(int)]
    warp = noise(rng, w, h, 160, 5, stretch=5.0)
    rings = np.sin((y * 5 + offset * 9 + warp * 2.2) * 34) * 0.5 + 0.5
    grain = noise(rng, w, h, 5, 3, stretch=24.0)
    board = ramp(0.35 * rings + 0.45 * grain + 0.3 * offset, "#5a371d", "#96642f", "#c89a5c")
    gap = np.abs((y * 5) % 1 - 0.0) < 0.012
    return blend(board, color("#2a1809"), gap.astype(np.float32) * 0.9)


def cloth(rng, w, h):
    x, y = coordinates(w, h)
    base = ramp(noise(rng, w, h, 200, 4), "#7c2f38", "#94404a")
    stripe_x = ((x * 16) % 1 < 0.42).astype(np.float32)
    stripe_y = ((y * 9) % 1 < 0.42).astype(np.float32)
    base = blend(base, color("#efe6d6"), 0.45 * stripe_x)
    base = blend(base, color("#efe6d6"), 0.45 * stripe_y)
    thread = np.sin(x * w * 1.1) * np.sin(y * h * 1.1) * 0.05 + 0.08 * (
        noise(rng, w, h, 6, 2) - 0.5)
    return base * (1 + thread[..., None])


def playmat(rng, w, h):
    x, y = coordinates(w, h)
    felt = ramp(0.7 * noise(rng, w, h, 260, 5) + 0.3 * noise(rng, w, h, 4, 2),
                "#10243a", "#1d4a5c", "#2a6a6a")
    rings = np.abs(np.sin(np.hypot((x - 0.5) * w / h, y - 0.5) * 26)) < 0.07
    return blend(felt, color("#8ac0b0"), 0.35 * rings.astype(np.float32))


def stone(rng, w, h):
    base = ramp(noise(rng, w, h, 120, 6), "#8d8a86", "#c9c5bf", "#e8e5df")
    vein = np.abs(noise(rng, w, h, 300, 6) - 0.5)
    return blend(base, color("#5d5a58"), np.clip(1 - vein * 40, 0, 1) * 0.8)


def newspaper(rng, w, h):
    page = Image.fromarray((ramp(noise(rng, w, h, 90, 5), "#e4decf", "#f2eee2") * 255)
                           .astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(page)
    words = PROSE.split()
    column_w, gap = w // 6, w // 60
    for column in range(6):
        left, y, at = column * column_w + gap, gap + rng.randint(40), rng.randint(200)
        while y < h:
            if rng.rand() < 0.05:
                headline = " ".join(words[at:at + 3]).title()
                draw.text((left, y), headline, font=font("DejaVuSerif-Bold", 36), fill=(34, 32, 30))
                y += 54
            draw.text((left, y), " ".join(words[at:at + 7])[:36], font=font("DejaVuSerif", 18),
                      fill=(70, 66, 62))
            at = (at + 7) % (len(words) - 20)
            y += 25
    return to_pixels(page.rotate(7, Image.BICUBIC, fillcolor=(222, 216, 203)))


DESKS = {"wood": wood, "cloth": cloth, "playmat": playmat, "stone": stone, "newspaper": newspaper}


def drop(image, art, center, lift=16):
    """Pastes an RGBA thing with its shadow."""
    x, y = int(center[0] - art.width / 2), int(center[1] - art.height / 2)
    shadow, pad = shadow_of(art, lift, 0.55)
    layer = Image.new("RGBA", image.size)
    layer.paste(shadow, (x - pad + lift // 2, y - pad + lift))
    image = Image.alpha_composite(image, layer)
    layer = Image.new("RGBA", image.size)
    layer.paste(art, (x, y))
    return Image.alpha_composite(image, layer)


def note(rng):
    """A slip of paper with handwriting-like lines."""
    w, h = 420, 360
    tone = [(255, 244, 150), (255, 214, 224), (214, 240, 255), (250, 250, 246)][rng.randint(4)]
    slip = Image.new("RGBA", (w, h), tone + (255,))
    draw = ImageDraw.Draw(slip)
    words = PROSE.split()
    at = rng.randint(60)
    for line in range(7):
        draw.text((24, 24 + 44 * line), " ".join(words[at:at + 4]), font=font("DejaVuSans", 27),
                  fill=(40, 50, 110))
        at += 4
    return slip


def paint_desk(name, seed, width, height, things, keep_free):
    """A desk with `things` items on it, RGBA. keep_free: (x, y, radius) in pixels that stays
    clear."""
    rng = generator("desk", name, seed)
    image = to_image(DESKS[name](rng, width, height)).convert("RGBA")
    order = rng.permutation(len(CLUTTER))
    placed = [keep_free]
    for item in range(things):
        for _ in range(60):
            radius = height * (0.09 + 0.08 * rng.rand())
            x, y = rng.rand() * width, rng.rand() * height
            if all(np.hypot(x - px, y - py) > 0.75 * (radius + pr) for px, py, pr in placed):
                break
        else:
            continue
        placed.append((x, y, radius))
        angle = rng.rand() * 360
        if rng.rand() < 0.2:
            art = fit(note(rng), 2 * radius, 2 * radius, angle=angle)
        else:
            art = shaded(fit(clip_art(CLUTTER[order[item % len(order)]]), 2 * radius, 2 * radius),
                         rng).rotate(angle, Image.BICUBIC, expand=True)
        image = drop(image, art, (x, y))
    return image.filter(ImageFilter.GaussianBlur(0.8))
