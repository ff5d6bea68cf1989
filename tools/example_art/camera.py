"""A card in front of a camera: pose, light, fingers, lens, sensor. A pinhole camera one picture
width away from a card that is rotated in its plane and tilted about two axes. Composed at twice
the frame's size and averaged down."""
import io

import numpy as np
from PIL import Image, ImageFilter

from .card import HEIGHT, WIDTH
from .desk import paint_desk
from .paint import blend, color, generator, noise, rounded_mask, to_image, to_pixels
from .scene import coordinates

FRAME = (1280, 720)
X = 2


def corners_of(pose):
    """Where the card's corners (top left, top right, bottom right, bottom left) fall in the frame.
    pose: x, y (centre, pixels), tall (height in pixels if it faced the camera), turn (degrees,
    clockwise), tilt_x and tilt_y (degrees: top away, right side away)."""
    half_h = pose["tall"] / 2
    half_w = half_h * WIDTH / HEIGHT
    points = np.array([(-half_w, -half_h, 0), (half_w, -half_h, 0), (half_w, half_h, 0),
                       (-half_w, half_h, 0)], float)
    turn, ax, ay = np.radians([pose.get("turn", 0), pose.get("tilt_x", 0), pose.get("tilt_y", 0)])
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, -np.sin(ax), np.cos(ax)]])
    about_y = np.array([[np.cos(ay), 0, -np.sin(ay)], [0, 1, 0], [np.sin(ay), 0, np.cos(ay)]])
    placed = points @ (about_y @ about_x @ spin).T
    focal = float(FRAME[0])
    scale = focal / (focal + placed[:, 2])
    return placed[:, :2] * scale[:, None] + (pose["x"], pose["y"])


def homography(source, target):
    """The 3 x 3 that takes four source points to four target points."""
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(right)), 1).reshape(3, 3)


def warp(art, corners, size):
    """The RGBA art with its corners at `corners` of a transparent picture."""
    box = [(0, 0), (art.width, 0), (art.width, art.height), (0, art.height)]
    back = homography(corners, box)
    return art.transform(size, Image.PERSPECTIVE, tuple(back.flatten()[:8] / back[2, 2]),
                         Image.BICUBIC)


def put_card(image, card, pose, sleeve=0.0):
    """The card with its shadow, on the desk. Returns the picture and the card's mask."""
    art = card.convert("RGBA").resize((2 * WIDTH, 2 * HEIGHT), Image.LANCZOS)
    art.putalpha(rounded_mask(art.size, (2, 2, art.width - 3, art.height - 3), 44))
    corners = corners_of(pose) * X
    art = warp(art, corners, image.size)
    mask = art.getchannel("A")
    for blur, dx, dy, opacity in ((26, 14, 26, 0.5), (7, 4, 7, 0.55)):
        shade = Image.new("L", image.size, 0)
        shade.paste(mask, (dx, dy))
        shade = shade.filter(ImageFilter.GaussianBlur(blur)).point(lambda v: int(v * opacity))
        image = Image.composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image, shade)
    image = Image.alpha_composite(image, art)
    return image, np.asarray(mask, np.float32) / 255


def glare(pixels, mask, spots):
    """Lamps mirrored in a glossy card. Spots: x, y, length, width (parts of the frame's width),
    angle in degrees, strength."""
    h, w = pixels.shape[:2]
    x, y = coordinates(w, h)
    y = y * h / w
    for cx, cy, length, width, angle, strength in spots:
        a = np.radians(angle)
        along = (x - cx) * np.cos(a) + (y - cy * h / w) * np.sin(a)
        across = -(x - cx) * np.sin(a) + (y - cy * h / w) * np.cos(a)
        light = np.exp(-((along / length) ** 4) - (across / width) ** 2)
        veil = 0.25 * np.exp(-((along / length / 2) ** 2) - (across / width / 3) ** 2)
        pixels = blend(pixels, np.ones(3, np.float32), strength * (light + veil) * mask)
    return pixels


def finger(pixels, tip, root, radius, rng, skin="#d69a78"):
    """A thumb from `root` to `tip` (pixels of the frame): a capsule lit from above left, with a
    nail and a shadow."""
    h, w = pixels.shape[:2]
    tip, root, radius = X * np.array(tip, float), X * np.array(root, float), X * radius
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    axis = tip - root
    length = np.hypot(*axis)
    axis /= length

    def field(dx, dy):
        along = (x - dx - root[0]) * axis[0] + (y - dy - root[1]) * axis[1]
        across = -(x - dx - root[0]) * axis[1] + (y - dy - root[1]) * axis[0]
        part = np.clip(along / length, 0, 1)
        girth = radius * (1.12 - 0.12 * part + 0.05 * np.cos(9 * part))
        beyond = np.maximum(along - length, 0) + np.maximum(-along, 0)
        return along, across, np.hypot(across, beyond) / girth, girth

    _, _, away, _ = field(radius * 0.25, radius * 0.4)
    pixels = pixels * (1 - 0.5 * np.clip(1.5 - away, 0, 0.8) / 0.8)[..., None]
    along, across, away, girth = field(0, 0)
    bulge = np.sqrt(np.clip(1 - away ** 2, 0, 1))
    side = across / girth
    light = 0.55 + 0.5 * bulge - 0.22 * side * np.sign(axis[0] + 1e-3)
    creases = 0.93 + 0.1 * noise(rng, w, h, 12, 4) - 0.08 * np.exp(
        -(((along - length + 2.1 * radius) / (0.1 * radius)) ** 2))
    body = color(skin) * (light * creases)[..., None]
    body += np.array([0.05, -0.01, -0.02], np.float32) * (1 - bulge)[..., None]
    nail = np.hypot((along - length - 0.05 * radius) / (0.55 * radius), across / (0.56 * radius))
    shine = np.exp(-(((across + 0.2 * radius) / (0.15 * radius)) ** 2))
    body = blend(body, color("#efc3ac") * (0.9 + 0.25 * shine)[..., None],
                 np.clip((1 - nail) * radius / 6, 0, 1) * 0.9)
    return blend(pixels, body, np.clip((1 - away) * radius / 2, 0, 1))


def motion_blur(image, length, angle):
    """Averages copies moved along a line of `length` pixels."""
    pixels = np.asarray(image, np.float32)
    steps = max(2, int(length))
    total = np.zeros_like(pixels)
    for step in range(steps):
        part = (step / (steps - 1) - 0.5) * length
        moved = image.transform(image.size, Image.AFFINE, (
            1, 0, part * np.cos(np.radians(angle)), 0, 1, part * np.sin(np.radians(angle))),
            Image.BILINEAR)
        total += np.asarray(moved, np.float32)
    return Image.fromarray((total / steps + 0.5).astype(np.uint8), image.mode)


def sense(pixels, shot, rng):
    """Lens and sensor: blur, white balance, exposure, vignette, noise, 8 bits."""
    image = to_image(pixels).resize(FRAME, Image.BOX)
    if shot.get("blur"):
        image = image.filter(ImageFilter.GaussianBlur(shot["blur"]))
    if shot.get("motion"):
        image = motion_blur(image, *shot["motion"])
    pixels = to_pixels(image)
    h, w = pixels.shape[:2]
    x, y = coordinates(w, h)
    lamp = shot.get("lamp", (0.3, 0.2))
    fall = 1.12 - 0.42 * np.hypot(x - lamp[0], (y - lamp[1]) * h / w)
    pixels = pixels * np.array(shot.get("white", (1, 1, 1)), np.float32) * fall[..., None]
    pixels = np.clip(pixels * shot.get("exposure", 1.0), 0, 1)
    pixels += shot.get("noise", 0.012) * rng.randn(h, w, 3)
    return to_image(pixels)


def take(shot, cards):
    """The frame of a shot as JPEG bytes. shot: file, card (name of the file's stem), pose, desk,
    things and the optional extras read here and above; cards: pictures by stem."""
    seed = shot["file"].lstrip("0")  # the number in front is for sorting
    rng = generator("shot", seed)
    size = (FRAME[0] * X, FRAME[1] * X)
    pose = shot["pose"]
    free = (pose["x"] * X, pose["y"] * X, pose["tall"] * X * shot.get("room", 0.62))
    image = paint_desk(shot["desk"], seed, *size, shot["things"], free)
    image, mask = put_card(image, cards[shot["card"]], pose)
    pixels = to_pixels(image)
    pixels = glare(pixels, mask, shot.get("glare", ()))
    for tip, root, radius in shot.get("fingers", ()):
        pixels = finger(pixels, tip, root, radius, rng)
    out = io.BytesIO()
    sense(pixels, shot, rng).save(out, "JPEG", quality=shot.get("quality", 76), optimize=True)
    return out.getvalue()
