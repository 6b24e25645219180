"""Times a step of a thousand toy models of superposition at once against batched PyTorch, same machine.

    cargo build --release -p kymograph-nets --example toy_models
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/toys.py [--rounds 3] [--steps 20] [--write]

Both sides train x' = ReLU(WᵀWx + b) with n features and m hidden units, importance .9^i, Adam at 1e-3, batches of 1,024 drawn
anew at every step, at eight sparsities from p = 1 to p = 1/50, and take turns. PyTorch holds all models in one tensor
(instance, m, n), as published code does, multiplies by batched matrix products, draws value and mask in place into tensors kept
from step to step, and uses the fused Adam. After the last round the mean losses of both by sparsity must agree within
four standard errors over models before a time counts. `--write` writes benches/results/toys.md.
"""
import statistics
import sys
import time

import peer
import torch

TARGET = 0.5
SHAPES = [(1000, 5, 2), (100, 20, 5), (10, 100, 20)]


class Torch:
    def __init__(self, models, n, m, batch):
        torch.manual_seed(0)
        self.w = torch.nn.Parameter(torch.randn(models, m, n) * (2 / (n + m)) ** 0.5)
        self.b = torch.nn.Parameter(torch.zeros(models, 1, n))
        self.importance = 0.9 ** torch.arange(n)
        self.p = (50.0 ** -((torch.arange(models) % 8) / 7))[:, None, None]
        self.x, self.mask = torch.empty(models, batch, n), torch.empty(models, batch, n)
        self.adam = torch.optim.Adam([self.w, self.b], lr=1e-3, fused=True)

    def step(self):
        with torch.no_grad():
            self.x.uniform_()
            self.mask.uniform_()
            self.x.mul_(self.mask <= self.p)
        hidden = torch.bmm(self.x, self.w.transpose(1, 2))
        out = torch.relu(torch.baddbmm(self.b, hidden, self.w))
        losses = ((out - self.x).square_() * self.importance).mean(dim=(1, 2))
        self.adam.zero_grad(set_to_none=True)
        losses.sum().backward()
        self.adam.step()
        return losses.detach()

    def time(self, steps):
        total, start = 0, time.perf_counter()
        for _ in range(steps):
            total = total + self.step()
        seconds = (time.perf_counter() - start) / steps
        mean = total / steps
        groups = [mean[group::8] for group in range(8)]
        return seconds, [float(g.mean()) for g in groups], [float(g.std(correction=0) / len(g) ** 0.5) for g in groups]


def main():
    options = peer.parser(__doc__, 3, "toy_models")
    options.add_argument("--steps", type=int, default=20)
    options = options.parse_args()
    load = peer.start(options)
    rows, met = [], True
    for models, n, m in SHAPES:
        ours = peer.Rust(options.binary, models, n, m, 1024, threads=options.threads)
        kernels = ours.ask("kernels")
        theirs = Torch(models, n, m, 1024)
        ours.ask("time 2"), theirs.time(2)
        ratios, times = [], []
        for _ in range(options.rounds):
            a = ours.ask(f"time {options.steps}")
            seconds, losses, errors = theirs.time(options.steps)
            ratios.append(a["seconds"] / seconds)
            times.append((a["seconds"], seconds))
        # Both sides draw their own starts and minibatches: their means differ by the scatter over models, √2 of a standard error.
        if models >= 1000:
            off = [abs(x - y) / (2**0.5 * error) for x, y, error in zip(a["losses"], losses, errors)]
            print("losses apart, standard errors:", [round(x, 1) for x in off])
            if max(off) > 4:
                sys.exit(f"losses differ: {a['losses']} and {losses}")
        ratio = statistics.median(ratios)
        best = [min(t[i] for t in times) for i in (0, 1)]
        met &= ratio <= TARGET or models < 1000
        rows.append(f"| {models} | {n} | {m} | {1e3 * best[0]:.2f} | {1e3 * best[1]:.2f} | {ratio:.3f} |")
        print(rows[-1])
    text = "\n".join([
        "# Toy models at once against batched PyTorch", "",
        peer.machine(options, load, f", {kernels} kernels"), "",
        f"`benches/peers/toys.py --rounds {options.rounds} --steps {options.steps}`; milliseconds a step of all models, the "
        f"shortest of the rounds; ratio: the median of the rounds. Target for 1,000 models: {TARGET}.", "",
        "| models | features | hidden | ours (ms) | PyTorch (ms) | ratio |", "|---|---|---|---|---|---|", *rows, "",
    ])
    print(text)
    if options.write:
        (peer.ROOT / "benches/results/toys.md").write_text(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
