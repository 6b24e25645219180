"""Times following the gradients of a step (GradientDynamics) against NumPy and PyTorch, same machine.

    cargo build --release -p kymograph-measures --example gradient_dynamics
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/gradients.py [--rounds 5] [--sizes 2000000 20000000] [--write]

All sides get the same weights and gradients, keep the same state from step to step, compute the same numbers for two
absolute and two relative thresholds, of gradients and of their running averages, and take turns. NumPy and PyTorch work in
f32 with one array expression after the other, reuse every mask that occurs twice, and skip Python loops; columns must agree
before a time counts. The share of memory bandwidth is the bytes a pass must move (8 of input, 24 of state read and written
a parameter) over its time when cold, after a sweep over 2 GiB, and the bandwidth of that sweep (a += b) with the same
threads. `--write` writes benches/results/gradients.md.
"""
import math
import statistics
import sys
import tempfile
import time

import numpy as np
import peer
import torch

TARGET, BANDWIDTH = 0.2, 0.6
THRESHOLDS = {"abs1e-7": ("abs", 1e-7), "abs1e-5": ("abs", 1e-5), "rel1e-2": ("rel", 0.01), "rel1e-1": ("rel", 0.1)}
LAGS = (1, 4, 12)
DECAY = np.float32(0.9)


class NumPy:
    label = "NumPy"

    def asarray(self, a):
        return a

    def count(self, mask):
        return int(np.count_nonzero(mask))

    def sum(self, a, mask=None):
        return float(np.sum(a if mask is None else a[mask], dtype=np.float64))

    def dot(self, a, b):
        return float(np.dot(a, b))

    def chance(self, mean, square, nonzero):
        scatter = (1 - DECAY) / (1 + DECAY)
        m2 = mean * mean
        variance = (square - m2) / (1 - scatter)
        ratio = np.maximum(m2 - scatter * variance, 0) / np.maximum(variance, 1e-36)
        x = np.minimum(ratio, 80) / 2
        # The same formula for erf², since NumPy has no erf.
        return np.where(nonzero, np.exp(-x * (4 / np.pi + 0.147 * x) / (1 + 0.147 * x)).astype(np.float32) / 2, np.float32(0))

    abs = staticmethod(np.abs)
    sign = staticmethod(np.sign)


class Torch(NumPy):
    label = "PyTorch"

    def asarray(self, a):
        return torch.from_numpy(a)

    def count(self, mask):
        return int(torch.count_nonzero(mask))

    def sum(self, a, mask=None):
        return float(torch.sum(a if mask is None else torch.where(mask, a, 0), dtype=torch.float64))

    def dot(self, a, b):
        return float(torch.dot(a, b))

    def chance(self, mean, square, nonzero):
        scatter = float((1 - DECAY) / (1 + DECAY))
        m2 = mean * mean
        variance = (square - m2) / (1 - scatter)
        ratio = (m2 - scatter * variance).clamp(min=0) / variance.clamp(min=1e-36)
        x = ratio.clamp(max=80) / 2
        return torch.where(nonzero, torch.exp(-x * (4 / math.pi + 0.147 * x) / (1 + 0.147 * x)) / 2, 0)

    abs = staticmethod(torch.abs)
    sign = staticmethod(torch.sign)


class Follower:
    """The definitions, one array expression after the other."""

    def __init__(self, arrays, layers):
        self.np, self.layers, self.steps, self.seconds = arrays, layers, 0, []
        self.label = arrays.label

    def layer_thresholds(self, kind, value):
        if kind == "abs":
            return [value] * len(self.layers)
        return [float(np.float32(np.float64(np.float32(value)) * rms)) for rms in self.rms]

    def observe(self, w, g):
        np_ = self.np
        if self.steps == 0:
            self.g, self.w, self.eg, self.ew, self.sq = g, w, g, w, g * g
            self.near, self.exact, self.rms = [], [], [0.0] * len(self.layers)
        row = {}
        g1, w1, eg1, ew1 = self.g, self.w, self.eg, self.ew
        keep, take = float(DECAY), float(np.float32(1) - DECAY)
        exact = g == 0
        nonzero = (g1 != 0) & ~exact
        chance = np_.chance(eg1, self.sq, nonzero)
        self.sq = keep * self.sq + take * (g * g)
        eg, ew = keep * eg1 + take * g, keep * ew1 + take * w
        d = w - w1
        row["exact_zeros"] = np_.count(exact)
        row["gradient_norm"] = math.sqrt(np_.dot(g, g))
        flips = (np_.sign(g1) * np_.sign(g)) < 0
        row["flips"], row["nonzero_pairs"] = np_.count(flips), np_.count(nonzero)
        row["step_norm"] = math.sqrt(np_.dot(d, d))
        row["weight_change"] = np_.sum(np_.abs(d)) / len(d)
        row["angle"] = math.degrees(math.acos(max(-1, min(1, np_.dot(g1, g) / math.sqrt(
            np_.dot(g1, g1) * np_.dot(g, g) or 1)))))
        for prefix, a1, a2, v1, v2, is_average in (("", g1, g, w1, w, False), ("ema.", eg1, eg, ew1, ew, True)):
            s1, s2 = np_.abs(a1), np_.abs(a2)
            change = np_.abs(v2 - v1)
            flipped = flips if not is_average else (np_.sign(a1) * np_.sign(a2)) < 0
            both = nonzero if not is_average else (a1 != 0) & (a2 != 0)
            secant = np_.sign(v2 - v1) * np_.sign(a2 - a1)
            low, high = flipped & (secant > 0), flipped & (secant < 0)
            for name, (kind, value) in THRESHOLDS.items():
                counts = [0.0] * 13
                for at, tau in zip(self.layers, self.layer_thresholds(kind, value)):
                    z1, z2 = s1[at] <= tau, s2[at] <= tau
                    kept = z1 & z2
                    moved = kept & flipped[at]
                    found = [np_.count(z1), np_.count(z2), np_.count(kept), np_.count(moved), np_.count(kept & both[at]),
                             np_.count(kept & low[at]), np_.count(kept & high[at]), np_.sum(change[at], kept),
                             np_.sum(change[at], moved), np_.sum(v2[at], kept), np_.sum(a2[at], kept),
                             0.0 if is_average else np_.sum(chance[at], kept)]
                    counts = [c + f for c, f in zip(counts, found)]
                    if name == "abs1e-5" and not is_average:
                        self.parts = [z2] if at is self.layers[0] else self.parts + [z2]
                before, now, kept, moved, able, minima, maxima, total, turned, weight, gradient, coin = counts
                column = f"{prefix}{name}."
                row[column + "zero"], row[column + "retained"] = now, kept
                row[column + "released"], row[column + "flipped"] = before - kept, moved
                row[column + "retained_nonzero"], row[column + "minima"], row[column + "maxima"] = able, minima, maxima
                row[column + "weight_change"] = total / max(kept, 1)
                row[column + "weight_change_unflipped"] = (total - turned) / max(kept - moved, 1)
                row[column + "weight"], row[column + "gradient"] = weight / max(kept, 1), gradient / max(kept, 1)
                if not is_average:
                    row[column + "coin_flip"] = coin / max(able, 1)
        self.near.append(np.concatenate(self.parts) if isinstance(w, np.ndarray) else torch.cat(self.parts))
        self.exact.append(exact)
        self.near, self.exact = self.near[-13:], self.exact[-13:]
        for lag in LAGS:
            if self.steps >= lag:
                for key, sets in (("persistence", self.near), ("persistence.exact", self.exact)):
                    then = sets[-1 - lag]
                    row[f"{key}.lag{lag}"] = np_.count(then & sets[-1]) / max(np_.count(then), 1)
        self.rms = [math.sqrt(np_.dot(g[at], g[at]) / len(g[at])) for at in self.layers]
        self.g, self.w, self.eg, self.ew = g, w, eg, ew
        self.steps += 1
        return row


def steps_of(n, count):
    """Exact zeros that last, gradients near zero, and large ones."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 4, n)
    scale = np.choose(kind, [0, 1e-7, 1e-5, 1e-2]).astype(np.float32)
    w = rng.standard_normal(n, dtype=np.float32)
    steps = []
    for _ in range(count):
        g = scale * rng.standard_normal(n, dtype=np.float32)
        w = w - np.float32(1e-3) * np.sign(g) * rng.random(n, dtype=np.float32)
        steps.append((w, g))
    return steps


def worst(ours, theirs):
    found = (0.0, "")
    for name, value in theirs.items():
        gap = abs(ours[name] - value) / max(abs(value), 1e-9 if name.endswith("gradient") else 1e-12)
        if name.endswith(("weight", "gradient")):
            # Means of numbers of both signs: their size is that of single numbers.
            gap = abs(ours[name] - value) / (1.0 if name.endswith("weight") else 1e-5)
        found = max(found, (gap, name))
    return found


def main():
    parser = peer.parser(__doc__, 5, "gradient_dynamics")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000_000, 20_000_000])
    options = parser.parse_args()
    load = peer.start(options)
    lines = [
        "# Following the gradients of a step, against NumPy and PyTorch", "",
        peer.machine(options, load), "",
        f"Command: `python benches/peers/gradients.py --rounds {options.rounds} --write`", "",
        "Median milliseconds of a step with all its numbers; the sides take turns in one run. Only ratios travel. NumPy's array "
        f"expressions run on one thread. Targets: {TARGET} of the faster peer, {BANDWIDTH} of the bandwidth.", "",
        f"The share of bandwidth falls short where memory is fast: {2 * len(THRESHOLDS)} near-zero sets, of which each takes eleven "
        "counts and five sums a parameter, and the chance of a flip are arithmetic that memory has to wait for.", "",
        "| parameters | Kymograph | NumPy | PyTorch | ratio to NumPy | ratio to PyTorch | share of bandwidth |",
        "|---|---|---|---|---|---|---|",
    ]
    agreement = (0.0, "")
    for n in options.sizes:
        steps = steps_of(n, 3)
        layers = [slice(0, n // 3), slice(n // 3, n // 3 + 7), slice(n // 3 + 7, n)]
        with tempfile.TemporaryDirectory() as folder:
            for at, (w, g) in enumerate(steps):
                w.tofile(f"{folder}/w{at}.bin")
                g.tofile(f"{folder}/g{at}.bin")
            rust = peer.Rust(options.binary, folder)
            ours = rust.ask("columns")
            sides = [Follower(arrays, layers) for arrays in (NumPy(), Torch())]
            for side in sides:
                for w, g in steps:
                    row = side.observe(side.np.asarray(w), side.np.asarray(g))
                # Signal-to-noise is told after ten steps only.
                row = {name: value for name, value in row.items() if name in ours}
                missing = set(ours) - set(row) - {name for name in ours if name.endswith(
                    ("fraction", "fraction_nonzero", "zero_nonexact", "aligned_minima", "aligned_maxima"))}
                if missing:
                    sys.exit(f"{side.label} lacks {missing}")
                agreement = max(agreement, worst(ours, row))
            if agreement[0] > 1e-3:
                sys.exit(f"the two disagree: {agreement}")
            seconds, cold, bandwidths = [], [], []
            rust.ask("time 2")
            for _ in range(options.rounds):
                about = rust.ask("cold 3")
                bandwidths += about["bandwidths"]
                cold += about["seconds"]
                seconds += rust.ask("time 4")
                for side in sides:
                    w, g = (side.np.asarray(a) for a in steps[side.steps % 3])
                    start = time.perf_counter()
                    side.observe(w, g)
                    side.seconds.append(time.perf_counter() - start)
            rust.process.terminate()
        middle = statistics.median(seconds)
        theirs = [statistics.median(side.seconds) for side in sides]
        share = about["bytes"] * n / statistics.median(cold) / statistics.median(bandwidths)
        lines.append(f"| {n:,} | {middle * 1e3:.1f} | {theirs[0] * 1e3:.0f} | {theirs[1] * 1e3:.0f} | "
                     f"**{middle / theirs[0]:.3f}** | **{middle / theirs[1]:.3f}** | **{share:.2f}** |")
    lines += ["", f"Agreement, worst relative difference of a column: {agreement[0]:.1e} ({agreement[1]}).", ""]
    peer.finish(lines, options, "gradients.md")


if __name__ == "__main__":
    main()
