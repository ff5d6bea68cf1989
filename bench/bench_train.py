"""bench_train.py BUILD - the steps of training, ours (bench_train) and the same loop in PyTorch on one
thread and on all, of which the faster counts, turn about; one JSON line. Says nothing where PyTorch is not installed."""
import json
import os
import subprocess
import sys
import time

PROCESSORS = len(os.sched_getaffinity(0))
try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(0)

CLASSES, VIEWS, DIM, K, M, STEPS, RUNS = 150, 32, 512, 16, 4, 60, 9


def ours():
    text = subprocess.run([os.path.join(sys.argv[1], "bench", "bench_train")], capture_output=True,
                          text=True, check=True).stdout
    return json.loads(text)["ms"]


def theirs(threads):
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    net = nn.Sequential(nn.Linear(DIM, 512), nn.GELU(), nn.Linear(512, 256))
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-4, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    bank = torch.randn(CLASSES, VIEWS, DIM)
    alike = torch.eye(K).repeat_interleave(M, 0).repeat_interleave(M, 1) - torch.eye(K * M)
    others = 1 - torch.eye(K * M)
    began = time.perf_counter()
    for _ in range(STEPS):
        classes = torch.randperm(CLASSES)[:K]
        rows = torch.stack([bank[c, torch.randperm(VIEWS)[:M]] for c in classes]).reshape(-1, DIM)
        unit = nn.functional.normalize(net(rows), dim=1)
        s = unit @ unit.T / 0.1
        s = s - s.max(dim=1, keepdim=True).values.detach()
        log_p = s - torch.log((torch.exp(s) * others).sum(1, keepdim=True))
        loss = -((log_p * alike).sum(1) / alike.sum(1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return (time.perf_counter() - began) / STEPS * 1e3


def main():
    times = [(ours(), min(theirs(1), theirs(PROCESSORS))) for _ in range(RUNS)]
    mine, baseline = (min(column) for column in zip(*times))
    print(json.dumps({"name": "training step, 64 views, 512-512-256", "ms": round(mine, 3),
                      "baseline": f"PyTorch {torch.__version__}, 1 or {PROCESSORS} threads",
                      "baseline_ms": round(baseline, 3), "ratio": round(baseline / mine, 2)}))


if __name__ == "__main__":
    main()
