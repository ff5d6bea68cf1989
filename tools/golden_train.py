#!/usr/bin/python3
"""Writes tests/golden/train/head.safetensors: a small head, its loss and gradients on one batch, and
its parameters after 50 steps of AdamW with a cosine schedule, by PyTorch (Debian's python3-torch 1.13).
tests/unit/train/test_learner.c compares. Run again only when the case changes."""
import json
import os
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "golden",
                   "train", "head.safetensors")
IN, HIDDEN, DIM, CLASSES, VIEWS, K, M, STEPS = 40, 36, 20, 6, 5, 4, 3, 50
RATE, TEMPERATURE = 2e-3, 0.1


def loss_of(rows, classes):
    """Equation 2 of Khosla et al., by its definition."""
    unit = F.normalize(rows, dim=1)
    s = unit @ unit.T / TEMPERATURE
    others = ~torch.eye(len(rows), dtype=torch.bool)
    log_p = s - torch.logsumexp(s.masked_fill(~others, float("-inf")), dim=1, keepdim=True)
    alike = (classes[:, None] == classes[None]) & others
    return -((log_p * alike).sum(1) / alike.sum(1)).mean()


def write(path, tensors):
    header, body = {}, b""
    for name, tensor in tensors.items():
        kind = {torch.float32: "F32", torch.int32: "I32"}[tensor.dtype]
        data = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def main():
    torch.manual_seed(5)
    torch.set_num_threads(1)
    net = nn.Sequential(nn.Linear(IN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, DIM))
    things = torch.randn(CLASSES, 1, IN)
    bank = F.normalize(things + 0.7 * torch.randn(CLASSES, VIEWS, IN), dim=2)
    out = {f"start.{name}": value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    batches, classes, losses, rates = [], [], [], []
    for step in range(STEPS):
        chosen = torch.randperm(CLASSES)[:K]
        rows = torch.stack([bank[c, torch.randperm(VIEWS)[:M]] for c in chosen]).reshape(K * M, IN)
        of = chosen.repeat_interleave(M)
        loss = loss_of(net(rows), of)
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            out.update({f"gradient.{name}": p.grad.clone() for name, p in net.named_parameters()})
        batches.append(rows)
        classes.append(of.to(torch.int32))
        losses.append(loss.detach())
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    out.update({f"end.{name}": value for name, value in net.state_dict().items()})
    out.update(features=torch.stack(batches), classes=torch.stack(classes),
               losses=torch.stack(losses), rates=torch.tensor(rates))
    write(OUT, out)


if __name__ == "__main__":
    main()
