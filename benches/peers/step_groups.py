"""Times a training step of the study `groups` (MLP 256/128 on pairs of S5, full batch) against PyTorch, same machine.

    cargo build --release -p kymograph-nets --example pair_step_time
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/step_groups.py [--rounds 10] [--cases notebook paper] [--write]

`notebook`: 7,200 pairs, f32 cross-entropy, AdamW with decay .5. `paper`: 5,760 pairs, loss in f64, betas (.9, .98), decay 1.
Both sides get the same initial weights, pairs and threads, and take turns in blocks of steps; a step is forward, loss,
backward, AdamW. PyTorch is timed as published (embeddings gathered and stacked pair by pair) and in a smart form (the
tables W_x W[:d] and W_y W[d:] first, then gathered), each with fused and foreach AdamW. Losses of the first steps and the
gradients of the first must agree before a time counts. `--write` writes benches/results/step_groups.md.
"""
import json
import statistics
import sys
import tempfile
import time
from itertools import permutations
from pathlib import Path

import peer
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

CHECKED_STEPS = 5
ORDER, EMBED, HIDDEN = 120, 256, 128
CASES = {
    "notebook": {"fraction": 0.5, "precision": "weights", "optimiser": {"lr": 1e-3, "weight_decay": 0.5}},
    "paper": {"fraction": 0.4, "precision": "double",
              "optimiser": {"lr": 1e-3, "betas": [0.9, 0.98], "weight_decay": 1.0}},
}
# The targets of the step: ratio to the published form and to the smart one.
TARGETS = {"published": 0.15, "smart": 0.35}


def s5():
    elements = list(permutations(range(5)))
    index = {p: i for i, p in enumerate(elements)}
    return [index[tuple(q[i] for i in p)] for p in elements for q in elements]


def published(w, x, y):
    return F.relu(torch.hstack((w["W_x"][x], w["W_y"][y])) @ w["W"]) @ w["W_U"]


def smart(w, x, y):
    left, right = w["W_x"] @ w["W"][:EMBED], w["W_y"] @ w["W"][EMBED:]
    return F.relu(left[x] + right[y]) @ w["W_U"]


class Torch:
    """One form of the PyTorch step."""

    def __init__(self, case, forward, form, weights, pairs, table):
        self.label, self.forward = f"{forward.__name__}, {form}", forward
        self.w = {key: value.clone().requires_grad_() for key, value in weights.items()}
        self.x, self.y = pairs // ORDER, pairs % ORDER
        self.labels = table[pairs]
        self.double = case["precision"] == "double"
        options = {key: tuple(value) if key == "betas" else value for key, value in case["optimiser"].items()}
        self.optimiser = torch.optim.AdamW(self.w.values(), **options, **{form: True})
        self.seconds = []

    def step(self):
        self.optimiser.zero_grad(set_to_none=True)
        logits = self.forward(self.w, self.x, self.y)
        if self.double:
            rows = logits.to(torch.float64).log_softmax(-1)
            loss = -rows.gather(-1, self.labels[:, None]).mean()
        else:
            loss = F.cross_entropy(logits, self.labels)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def time(self, steps):
        for _ in range(steps):
            start = time.perf_counter()
            self.step()
            self.seconds.append(time.perf_counter() - start)


def check(name, folder, rust, side):
    """Do both sides compute the same? Worst relative differences of losses and of the first gradients."""
    losses = []
    for step in range(CHECKED_STEPS):
        losses.append(side.step())
        if step == 0:
            gradients = {key: value.grad.clone() for key, value in side.w.items()}
    answer = rust.ask(f"check {name} {CHECKED_STEPS}")
    ours = load_file(Path(folder) / f"{name}.gradients.safetensors")
    off_loss = max(abs(a - b) / b for a, b in zip(answer["losses"], losses, strict=True))
    off_gradient = max(float((ours[key] - g).abs().max() / g.abs().max()) for key, g in gradients.items())
    if off_loss > 1e-5 or off_gradient > 1e-5:
        sys.exit(f"{name}: answers differ: loss {off_loss:.1e}, gradient {off_gradient:.1e}")
    return off_loss, off_gradient


def measure(name, folder, rust, rounds):
    case = CASES[name]
    torch.manual_seed(1)
    weights = {
        "W_x": torch.randn(ORDER, EMBED) / EMBED**0.5, "W_y": torch.randn(ORDER, EMBED) / EMBED**0.5,
        "W": torch.randn(2 * EMBED, HIDDEN) / (2 * EMBED) ** 0.5, "W_U": torch.randn(HIDDEN, ORDER) / HIDDEN**0.5,
    }
    table = s5()
    pairs = torch.randperm(ORDER**2)[: int(case["fraction"] * ORDER**2)]
    save_file(weights, Path(folder) / f"{name}.safetensors")
    architecture = {"kind": "mlp", "embed": EMBED, "hidden": HIDDEN, "bias": False}
    (Path(folder) / f"{name}.json").write_text(json.dumps({
        "spec": {"order": ORDER, "architecture": architecture}, "table": table, "pairs": pairs.tolist(),
        "precision": case["precision"], "optimiser": {"kind": "adamw", **case["optimiser"]}}))
    table = torch.tensor(table)
    make = lambda forward, form: Torch(case, forward, form, weights, pairs, table)
    agreement = check(name, folder, rust, make(published, "fused"))
    forms = [make(forward, form) for forward in (published, smart) for form in ("fused", "foreach")]
    steps = 10
    for form in forms:
        form.time(steps)
        form.seconds.clear()
    rust.ask(f"time {name} {steps}")
    ours = []
    for _ in range(rounds):
        ours += rust.ask(f"time {name} {2 * steps}")
        for form in forms:
            form.time(steps)
    medians = {form.label: statistics.median(form.seconds) for form in forms}
    best = {kind: min((t, label) for label, t in medians.items() if label.startswith(kind)) for kind in TARGETS}
    return {"name": name, "pairs": len(pairs), "agreement": agreement, "ours": statistics.median(ours),
            "fastest": min(ours), "best": best, "forms": medians}


def main():
    parser = peer.parser(__doc__, 10, "pair_step_time")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    options = parser.parse_args()
    load = peer.start(options)
    with tempfile.TemporaryDirectory() as folder:
        rust = peer.Rust(options.binary, folder)
        features = rust.ask("features")
        results = [measure(name, folder, rust, options.rounds) for name in options.cases]
    chosen = "" if options.cases == list(CASES) else " --cases " + " ".join(options.cases)
    chosen += f" --threads {options.threads}" if options.threads != 2 else ""
    lines = [
        "# A training step of the study `groups`, against PyTorch", "",
        peer.machine(options, load, peer.kernels(features), f"; MLP {EMBED}/{HIDDEN} on pairs of S5, full batch, AdamW"), "",
        f"Command: `python benches/peers/step_groups.py --rounds {options.rounds}{chosen} --write`", "",
        "Median milliseconds of a step (forward, loss, backward, AdamW); all forms take turns in one run. Only the ratios "
        "travel.", "",
        "| recipe | pairs | Kymograph | PyTorch as published | ratio (target ≤ .15) | PyTorch through tables | ratio (target ≤ .35) |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in results:
        row = [r["name"], f"{r['pairs']:,}", f"{r['ours'] * 1e3:.2f}"]
        for kind in TARGETS:
            seconds, label = r["best"][kind]
            row += [f"{seconds * 1e3:.1f} ({label.split(', ')[1]})", f"**{r['ours'] / seconds:.3f}**"]
        lines.append("| " + " | ".join(row) + " |")
    lines += ["", "PyTorch's forms: " + "; ".join(
        f"{r['name']}: " + ", ".join(f"{label} {1e3 * t:.1f}" for label, t in r["forms"].items()) for r in results) + "."]
    lines += ["", f"Agreement before timing, worst relative difference (losses of {CHECKED_STEPS} steps, first gradients): "
              + "; ".join(f"{r['name']}: {r['agreement'][0]:.1e}, {r['agreement'][1]:.1e}" for r in results) + ".", ""]
    peer.finish(lines, options, "step_groups.md")


if __name__ == "__main__":
    main()
