#!/usr/bin/python3
"""CLIP's image tower in PyTorch, written from its description (Radford et al. 2021; Dosovitskiy et al.
2020) and independent of the C code, on weights made from a hash, so that both sides have the same
ones without a file. Writes tests/golden/clip/, which tests/unit/model/test_clip*.c replay:

    tools/reference/clip_reference.py            (needs Debian's python3-torch and python3-pil)

tests/support/clip_random.h makes the same weights and pictures."""
import json
import os
import struct
import sys
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests", "golden", "clip")
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

CASES = {
    "b32": dict(width=768, layers=12, mlp=3072, patch=32, side=224, dim=512, quick=True),
    "b16": dict(width=768, layers=12, mlp=3072, patch=16, side=224, dim=512, quick=True),
    # ViT-L/14's depth and tokens, narrow; an embedding that fills no whole panel of 32 columns
    "l14": dict(width=128, layers=24, mlp=512, patch=14, side=224, dim=80, quick=False),
    "tiny": dict(width=64, layers=2, mlp=64, patch=4, side=8, dim=48, quick=True),
}
TRACED_ROWS = (0, 1, 100, 256)  # of case l14


def hashed(name, n):
    """n numbers k / 512, -512 <= k < 512: exact in float16 after multiplication by a power of two."""
    state = 0xcbf29ce484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001b3 % (1 << 64)
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(54)).astype(np.float32) - 512) / 512


def scale_of(k):
    """The power of two nearest to sqrt(3 / k): sums of k products keep the size of their inputs."""
    scale = 1.0
    while scale * scale * k > 6:
        scale /= 2
    return scale


def weights(c):
    """Name -> tensor, by OpenAI's names. A few channels have large gains, as trained models do."""
    state = OrderedDict()

    def matrix(name, *shape, k):
        flat = hashed(name, int(np.prod(shape))) * np.float32(scale_of(k))
        state[name] = torch.from_numpy(flat.reshape(shape))

    def vector(name, n, scale):
        state[name] = torch.from_numpy(hashed(name, n) * np.float32(scale))

    def norm(name):
        gain = 1 + hashed(name + ".weight", c["width"]) / 4
        gain[37::256] *= 8
        state[name + ".weight"] = torch.from_numpy(gain.astype(np.float16).astype(np.float32))
        vector(name + ".bias", c["width"], 0.125)

    w = c["width"]
    matrix("visual.conv1.weight", w, 3, c["patch"], c["patch"], k=3 * c["patch"] ** 2)
    vector("visual.class_embedding", w, 0.5)
    matrix("visual.positional_embedding", (c["side"] // c["patch"]) ** 2 + 1, w, k=12)
    norm("visual.ln_pre")
    for i in range(c["layers"]):
        at = f"visual.transformer.resblocks.{i}."
        norm(at + "ln_1")
        matrix(at + "attn.in_proj_weight", 3 * w, w, k=w)
        vector(at + "attn.in_proj_bias", 3 * w, 0.125)
        matrix(at + "attn.out_proj.weight", w, w, k=w)
        vector(at + "attn.out_proj.bias", w, 0.125)
        norm(at + "ln_2")
        matrix(at + "mlp.c_fc.weight", c["mlp"], w, k=w)
        vector(at + "mlp.c_fc.bias", c["mlp"], 0.125)
        matrix(at + "mlp.c_proj.weight", w, c["mlp"], k=c["mlp"])
        vector(at + "mlp.c_proj.bias", w, 0.125)
    norm("visual.ln_post")
    matrix("visual.proj", w, c["dim"], k=w)
    return state


def huggingface(state):
    """The same tensors under Hugging Face's names."""
    out = OrderedDict()
    fixed = {"visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
             "visual.class_embedding": "vision_model.embeddings.class_embedding",
             "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
             "visual.proj": "visual_projection.weight"}
    parts = (("visual.transformer.resblocks.", "vision_model.encoder.layers."),
             ("visual.ln_pre", "vision_model.pre_layrnorm"),
             ("visual.ln_post", "vision_model.post_layernorm"), (".ln_1.", ".layer_norm1."),
             (".ln_2.", ".layer_norm2."), ("attn.out_proj", "self_attn.out_proj"),
             ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"))
    for name, tensor in state.items():
        if "in_proj" in name:
            at = name.split("attn.")[0].replace(*parts[0])
            kind = "weight" if name.endswith("weight") else "bias"
            for letter, part in zip("qkv", tensor.chunk(3)):
                out[f"{at}self_attn.{letter}_proj.{kind}"] = part.contiguous()
            continue
        new = fixed.get(name, name)
        for old, replacement in parts:
            new = new.replace(old, replacement)
        out[new] = tensor.t().contiguous() if name == "visual.proj" else tensor
    return out


def forward(state, c, pixels, trace=None):
    """pixels (n, 3, side, side) -> unit embeddings; trace gets the rows after every layer."""
    w = c["width"]
    get = lambda name: state[name]
    norm = lambda x, name: F.layer_norm(x, (w,), get(name + ".weight"), get(name + ".bias"), 1e-5)
    x = F.conv2d(pixels, get("visual.conv1.weight"), stride=c["patch"])
    x = x.flatten(2).transpose(1, 2)
    first = get("visual.class_embedding").expand(x.shape[0], 1, w)
    x = torch.cat([first, x], 1) + get("visual.positional_embedding")
    x = norm(x, "visual.ln_pre")
    if trace is not None:
        trace.append(x[0])
    for i in range(c["layers"]):
        at = f"visual.transformer.resblocks.{i}."
        h = norm(x, at + "ln_1")
        qkv = F.linear(h, get(at + "attn.in_proj_weight"), get(at + "attn.in_proj_bias"))
        q, k, v = (part.unflatten(-1, (w // 64, 64)).transpose(1, 2) for part in qkv.chunk(3, -1))
        mixed = torch.softmax(q @ k.transpose(-1, -2) / 8, -1) @ v
        mixed = mixed.transpose(1, 2).flatten(2)
        x = x + F.linear(mixed, get(at + "attn.out_proj.weight"), get(at + "attn.out_proj.bias"))
        h = F.linear(norm(x, at + "ln_2"), get(at + "mlp.c_fc.weight"), get(at + "mlp.c_fc.bias"))
        h = h * torch.sigmoid(1.702 * h) if c["quick"] else F.gelu(h)
        x = x + F.linear(h, get(at + "mlp.c_proj.weight"), get(at + "mlp.c_proj.bias"))
        if trace is not None:
            trace.append(x[0])
    out = norm(x[:, 0], "visual.ln_post") @ get("visual.proj")
    return out / out.norm(dim=-1, keepdim=True)


def picture(seed, width, height):
    """Blocks of 12 x 12 pixels of random colour."""
    across, down = (width + 11) // 12, (height + 11) // 12
    blocks = hashed(f"picture {seed}", across * down * 3).reshape(down, across, 3)
    small = ((blocks + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(small.repeat(12, 0).repeat(12, 1)[:height, :width])


def preprocess(image, side):
    """CLIP's transform (torchvision's Resize, CenterCrop, ToTensor, Normalize by hand)."""
    width, height = image.size
    if width <= height:
        size = side, int(side * height / width)
    else:
        size = int(side * width / height), side
    image = image.resize(size, Image.BICUBIC)
    left, top = (int(round((s - side) / 2.0)) for s in size)
    image = image.crop((left, top, left + side, top + side)).convert("RGB")
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def pictures():
    return [picture(1, 224, 224), picture(2, 301, 260)]


def write_safetensors(path, tensors):
    header, body = {}, b""
    for name, tensor in tensors.items():
        array = np.ascontiguousarray(tensor.detach().numpy())
        kind = {"float32": "F32", "float16": "F16"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape),
                        "data_offsets": [len(body), len(body) + array.nbytes]}
        body += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


class Attention(torch.nn.Module):
    def __init__(self, state, at):
        super().__init__()
        self.in_proj_weight = torch.nn.Parameter(state[at + "in_proj_weight"].half())
        self.in_proj_bias = torch.nn.Parameter(state[at + "in_proj_bias"].half())
        self.out_proj = leaf(state, at + "out_proj.", True)

    def forward(self, x):
        return x


def leaf(state, at, half):
    class Leaf(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for kind in ("weight", "bias"):
                value = state[at + kind]
                setattr(self, kind, torch.nn.Parameter(value.half() if half else value))

        def forward(self, x):
            return x
    return Leaf()


class Chain(torch.nn.Module):
    """A module with the children given, whose forward only has to exist."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)

    def forward(self, x):
        return x


def scripted(state, c):
    """An archive of the kind that OpenAI publishes: TorchScript, float16, norms float32."""
    blocks = []
    for i in range(c["layers"]):
        at = f"visual.transformer.resblocks.{i}."
        blocks.append(Chain(ln_1=leaf(state, at + "ln_1.", False),
                            attn=Attention(state, at + "attn."),
                            ln_2=leaf(state, at + "ln_2.", False),
                            mlp=Chain(c_fc=leaf(state, at + "mlp.c_fc.", True),
                                      c_proj=leaf(state, at + "mlp.c_proj.", True))))
    visual = Chain(conv1=Chain(), ln_pre=leaf(state, "visual.ln_pre.", False),
                   transformer=Chain(resblocks=torch.nn.Sequential(*blocks)),
                   ln_post=leaf(state, "visual.ln_post.", False))
    visual.conv1.weight = torch.nn.Parameter(state["visual.conv1.weight"].half())
    for name in ("class_embedding", "positional_embedding", "proj"):
        setattr(visual, name, torch.nn.Parameter(state["visual." + name].half()))
    whole = Chain(visual=visual)
    whole.logit_scale = torch.nn.Parameter(torch.tensor(4.6))
    whole.positional_embedding = torch.nn.Parameter(torch.zeros(2, 4))
    for name, value in (("input_resolution", c["side"]), ("context_length", 2), ("vocab_size", 3)):
        whole.register_buffer(name, torch.tensor(value))
    return torch.jit.script(whole)


def main():
    os.makedirs(OUT, exist_ok=True)
    torch.set_grad_enabled(False)
    for name in sys.argv[1:] or CASES:
        c = CASES[name]
        state, trace = weights(c), [] if name == "l14" else None
        pixels = torch.stack([preprocess(p, c["side"]) for p in pictures()])
        out = OrderedDict(embedding=forward(state, c, pixels, trace))
        if trace is not None:
            out["layers"] = torch.stack([rows[list(TRACED_ROWS)] for rows in trace])
        if name == "tiny":
            torch.jit.save(scripted(state, c), os.path.join(OUT, "tiny.pt"))
        write_safetensors(os.path.join(OUT, name + ".safetensors"), out)
    shapes = [(64, 64), (97, 64), (64, 91), (33, 50), (640, 31), (45, 200), (7, 9)]
    write_safetensors(os.path.join(OUT, "preprocess.safetensors"), OrderedDict(
        (f"{w}x{h}", preprocess(picture(3, w, h), 32)) for w, h in shapes))


if __name__ == "__main__":
    main()
