"""Times a training step of sparse autoencoders against PyTorch, same machine.

    cargo build --release -p kymograph-nets --example dictionary_step_time
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/step_dictionaries.py [--rounds 10] [--cases relu topk] [--write]

`relu`: 256 -> 2048, batches of 4,096, ReLU and an L1 penalty, rows of the decoder rescaled before every pass; timed from the first
weights on, where half of all codes are above zero. `topk`: 512 -> 4096, the 32 largest of each example, batches of 4,096. Both
sides get the same first weights, batches and threads, and take turns in blocks of steps; a step is forward, loss, backward, Adam.
PyTorch is timed with fused and foreach Adam. Losses of the first steps and the gradients of the first must agree before a time
counts. `--write` writes benches/results/step_dictionaries.md.
"""
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import peer
import torch
from safetensors.torch import load_file, save_file

CHECKED_STEPS = 3
BATCH, BATCHES = 4096, 4
CASES = {
    "relu": {"width": 256, "latents": 2048, "l1": 1.0, "lr": 1e-3, "target": 0.85},
    "topk": {"width": 512, "latents": 4096, "k": 32, "lr": 3e-4, "target": 0.6},
}


def spec(case):
    variant = {"kind": "top_k", "k": case["k"]} if "k" in case else {"kind": "relu", "l1": case["l1"]}
    topk = "k" in case
    return {
        "inputs": case["width"], "outputs": case["width"], "latents": case["latents"], "variant": variant, "tied": False,
        "output_bias": topk, "centred": topk, "norm": "free" if topk else "every_forward", "frozen": False,
        "scale": "sum" if topk else "mean", "auxiliary": None,
    }


class Torch:
    """One form of the PyTorch step."""

    def __init__(self, case, form, weights, batches):
        self.case, self.label, self.batches, self.next = case, form, batches, 0
        self.w = {key: value.clone().requires_grad_() for key, value in weights.items()}
        self.optimiser = torch.optim.Adam(self.w.values(), lr=case["lr"], **{form: True})
        self.seconds = []

    def loss(self, x):
        w, case = self.w, self.case
        if "k" in case:
            pre = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
            values, places = pre.topk(case["k"], dim=-1, sorted=False)
            codes = torch.zeros_like(pre).scatter(-1, places, values.relu())
            out = codes @ w["W_dec"] + w["b_dec"]
            return (out - x).pow(2).sum() / len(x)
        with torch.no_grad():
            w["W_dec"].div_(w["W_dec"].norm(dim=1, keepdim=True))
        codes = (x @ w["W_enc"] + w["b_enc"]).relu()
        out = codes @ w["W_dec"]
        return (out - x).pow(2).mean() + case["l1"] * codes.mean()

    def step(self):
        x = self.batches[self.next % len(self.batches)]
        self.next += 1
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(x)
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
    # Where two pre-activations are equal to rounding, the sides may choose another of the largest.
    off_gradient = max(float((ours[key] - g).norm() / g.norm()) for key, g in gradients.items())
    if off_loss > 1e-4 or off_gradient > 1e-3:
        sys.exit(f"{name}: answers differ: loss {off_loss:.1e}, gradient {off_gradient:.1e}")
    return off_loss, off_gradient


def measure(name, folder, rust, rounds):
    case = CASES[name]
    torch.manual_seed(1)
    width, latents = case["width"], case["latents"]
    decoder = torch.nn.functional.normalize(torch.randn(latents, width), dim=1)
    weights = {"W_enc": decoder.T.contiguous().clone(), "b_enc": torch.zeros(latents), "W_dec": decoder}
    if "k" in case:
        weights["b_dec"] = torch.zeros(width)
    features = torch.nn.functional.normalize(torch.randn(2 * width, width), dim=1)
    batches = [((torch.rand(BATCH, 2 * width) < 0.01) * torch.rand(BATCH, 2 * width)) @ features for _ in range(BATCHES)]
    save_file({**weights, **{f"batch.{i}": x for i, x in enumerate(batches)}}, Path(folder) / f"{name}.safetensors")
    optimiser = {"kind": "adam", "lr": case["lr"]}
    (Path(folder) / f"{name}.json").write_text(json.dumps({"spec": spec(case), "optimiser": optimiser}))
    make = lambda form: Torch(case, form, weights, batches)
    agreement = check(name, folder, rust, make("fused"))
    forms = [make(form) for form in ("fused", "foreach")]
    steps = 2
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
    best = min((t, label) for label, t in medians.items())
    return {"name": name, "agreement": agreement, "ours": statistics.median(ours), "best": best}


def main():
    parser = peer.parser(__doc__, 10, "dictionary_step_time")
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
        "# A training step of sparse autoencoders, against PyTorch", "",
        peer.machine(options, load, peer.kernels(features), f"; batches of {BATCH:,}"), "",
        f"Command: `python benches/peers/step_dictionaries.py --rounds {options.rounds}{chosen} --write`", "",
        "Median milliseconds of a step (forward, loss, backward, Adam); all forms take turns in one run. Only the ratios travel.", "",
        "| case | Kymograph | PyTorch | ratio | target |", "|---|---|---|---|---|",
    ]
    for r in results:
        seconds, label = r["best"]
        case = CASES[r["name"]]
        shape = f"{r['name']}, {case['width']} -> {case['latents']}" + (f", k = {case['k']}" if "k" in case else "")
        lines.append(f"| {shape} | {r['ours'] * 1e3:.1f} | {seconds * 1e3:.1f} ({label}) | **{r['ours'] / seconds:.3f}** | "
                     f"{case['target']} |")
    lines += ["", f"Agreement before timing, worst relative difference (losses of {CHECKED_STEPS} steps, first gradients): "
              + "; ".join(f"{r['name']}: {r['agreement'][0]:.1e}, {r['agreement'][1]:.1e}" for r in results) + ".", ""]
    peer.finish(lines, options, "step_dictionaries.md")


if __name__ == "__main__":
    main()
