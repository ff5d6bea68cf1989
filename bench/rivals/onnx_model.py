#!/usr/bin/env python3
"""Writes ViT-B/32's image tower as an ONNX model, for bench_clip_rivals.py:

    onnx_model.py WEIGHTS.safetensors OUT.onnx fp32|int8

The weights are those that `bench_clip weights` writes. The graph is what ONNX Runtime's own optimiser
makes of an exported tower, so that nothing is left to chance: LayerNormalization, MultiHeadAttention
and, for int8, DynamicQuantizeMatMul (int8 weights with a scale a column, activations quantised at run
time) as single nodes. ONNX files are protocol buffers, of which a writer is a few lines; field numbers
are those of onnx.proto3."""
import json
import struct
import sys

import numpy as np

LAYERS, WIDTH, HEADS, PATCH, SIDE = 12, 768, 12, 32, 224
TOKENS = (SIDE // PATCH) ** 2 + 1
# Of an int8 weight: ONNX Runtime's guide says 7 bits ("reduce_range") for processors without VNNI, whose
# products saturate otherwise. It costs no time.
MOST = 63
FLOAT, INT8, INT64 = 1, 3, 7  # TensorProto.DataType


def varint(n):
    n &= (1 << 64) - 1  # negative numbers by their two's complement
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def number(field, n):
    return varint(field << 3) + varint(n)


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, array):
    kind = {"float32": FLOAT, "int8": INT8, "int64": INT64}[str(array.dtype)]
    dims = b"".join(number(1, d) for d in array.shape)
    return dims + number(2, kind) + block(8, name) + block(9, array.tobytes())


def attribute(name, value):
    if isinstance(value, float):
        return block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return block(1, name) + number(3, value) + number(20, 2)
    return block(1, name) + b"".join(number(8, v) for v in value) + number(20, 7)


def value_info(name, shape):
    dims = b"".join(block(1, block(2, d) if isinstance(d, str) else number(1, d)) for d in shape)
    return block(1, name) + block(2, block(1, number(1, FLOAT) + block(2, dims)))


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def constant(self, array, name="c"):
        self.count += 1
        name = f"{name}{self.count}"
        self.weights.append(tensor(name, np.asarray(array, order="C")))
        return name

    def node(self, op, inputs, n_out=1, domain="", **attributes):
        self.count += 1
        outs = [f"t{self.count}_{i}" for i in range(n_out)]
        self.nodes.append(b"".join(block(1, i) for i in inputs) +
                          b"".join(block(2, o) for o in outs) + block(4, op) +
                          b"".join(block(5, attribute(k, v)) for k, v in attributes.items()) +
                          block(7, domain))
        return outs[0] if n_out == 1 else outs

    def linear(self, x, weight, bias, precision):
        """x W' + b; weight (out, in)."""
        if precision == "fp32":
            return self.node("Add", [self.node("MatMul", [x, self.constant(weight.T)]),
                                     self.constant(bias)])
        scale = np.abs(weight).max(1) / MOST
        whole = np.rint(weight / scale[:, None]).astype(np.int8)
        return self.node("DynamicQuantizeMatMul",
                         [x, self.constant(whole.T), self.constant(scale.astype(np.float32)), "",
                          self.constant(bias)], domain="com.microsoft")

    def bytes(self, output):
        graph = (b"".join(block(1, n) for n in self.nodes) + block(2, "tower") +
                 b"".join(block(5, w) for w in self.weights) +
                 block(11, value_info("pixels", ["n", 3, SIDE, SIDE])) +
                 block(12, value_info(output, ["n", 512])))
        sets = block(8, block(1, "") + number(2, 17)) + block(8, block(1, "com.microsoft") +
                                                              number(2, 1))
        return number(1, 8) + block(2, "bench") + block(7, graph) + sets


def read_safetensors(path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header, body = json.loads(file.read(length)), file.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            kind = {"F32": np.float32, "F16": np.float16}[entry["dtype"]]
            begin, end = entry["data_offsets"]
            flat = np.frombuffer(body[begin:end], kind).astype(np.float32)
            out[name] = flat.reshape(entry["shape"])
    return out


def tower(state, precision):
    g = Graph()

    def norm(x, name):
        return g.node("LayerNormalization", [x, g.constant(state[name + ".weight"]),
                                             g.constant(state[name + ".bias"])],
                      axis=-1, epsilon=1e-5)

    def linear(x, name, kind="."):
        return g.linear(x, state[name + kind + "weight"], state[name + kind + "bias"], precision)

    x = g.node("Conv", ["pixels", g.constant(state["visual.conv1.weight"])],
               kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
    x = g.node("Reshape", [x, g.constant(np.array([0, WIDTH, TOKENS - 1]))])
    x = g.node("Transpose", [x], perm=[0, 2, 1])
    n = g.node("Gather", [g.node("Shape", [x]), g.constant(np.array([0]))], axis=0)
    shape = g.node("Concat", [n, g.constant(np.array([1, WIDTH]))], axis=0)
    first = g.node("Expand", [g.constant(state["visual.class_embedding"].reshape(1, 1, WIDTH)),
                              shape])
    x = g.node("Concat", [first, x], axis=1)
    x = norm(g.node("Add", [x, g.constant(state["visual.positional_embedding"])]), "visual.ln_pre")
    for i in range(LAYERS):
        at = f"visual.transformer.resblocks.{i}."
        qkv = linear(norm(x, at + "ln_1"), at + "attn.in_proj", "_")
        parts = g.node("Split", [qkv, g.constant(np.array([WIDTH] * 3))], 3, axis=2)
        mixed = g.node("MultiHeadAttention", parts, domain="com.microsoft", num_heads=HEADS)
        x = g.node("Add", [x, linear(mixed, at + "attn.out_proj")])
        h = linear(norm(x, at + "ln_2"), at + "mlp.c_fc")
        h = g.node("QuickGelu", [h], domain="com.microsoft", alpha=1.702)
        x = g.node("Add", [x, linear(h, at + "mlp.c_proj")])
    x = g.node("Gather", [x, g.constant(np.array(0))], axis=1)
    return g.bytes(g.node("MatMul", [norm(x, "visual.ln_post"), g.constant(state["visual.proj"])]))


if __name__ == "__main__":
    model = tower(read_safetensors(sys.argv[1]), sys.argv[3])
    with open(sys.argv[2], "wb") as out:
        out.write(model)
