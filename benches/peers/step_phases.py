"""Times a training step of the study `phases` (CNN, MLP, transformer; batch 64, f32, Adam) against PyTorch, same machine.

    cargo build --release -p kymograph-nets --example step_time
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/step_phases.py [--rounds 30] [--networks cnn mlp transformer] [--write]

Both sides get the same initial weights, the same batches and threads, and take turns in blocks of steps. A step is
forward, loss, backward, gradient norm, Adam. PyTorch is timed in each of its fair forms (memory format × fused or
foreach Adam) and the fastest counts. Losses of the first steps and all gradients of the first must agree before a time
counts (the transformer's without its dropout, whose masks differ; it is timed with it). `--write` writes
benches/results/step_phases.md, or step_NAMES.md for some of the networks.
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

NETWORKS = ["cnn", "mlp", "transformer"]
CHECKED_STEPS = 5
# Steps cycle through so many batches: one batch would soon be fitted, and gradients near zero are no training.
BATCHES = 64


def encoder_layer(layer, dropout):
    """What `kymograph_nets::TransformerEncoder` writes for a layer of the study's transformer."""
    full = lambda part: f"transformer.layers.{layer}.{part}"
    drop = lambda part: [{"name": full(part), "kind": "dropout", "p": dropout}] if dropout else []
    return [
        {"name": full("residual1"), "kind": "residual", "layers": [
            {"name": full("self_attn"), "kind": "multihead_attention", "num_heads": 4, "dropout": dropout},
            *drop("dropout1")]},
        {"name": full("norm1"), "kind": "layer_norm"},
        {"name": full("residual2"), "kind": "residual", "layers": [
            {"name": full("linear1"), "kind": "linear", "out_features": 512},
            {"name": full("activation"), "kind": "relu"}, *drop("dropout"),
            {"name": full("linear2"), "kind": "linear", "out_features": 128}, *drop("dropout2")]},
        {"name": full("norm2"), "kind": "layer_norm"},
    ]


class Transformer(torch.nn.Module):
    """The study's: 16 patches of 49 pixels, 4 encoder layers, mean over tokens."""

    def __init__(self, dropout):
        super().__init__()
        nn = torch.nn
        self.input_proj = nn.Linear(49, 128)
        self.pos_encoder = nn.Parameter(torch.randn(16, 128))
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        tokens = self.input_proj(x.flatten(1).view(-1, 16, 49)) + self.pos_encoder
        return self.fc(self.transformer(tokens).mean(1))


def spec(name):
    if name.startswith("transformer"):
        dropout = 0.1 if name == "transformer" else 0.0
        layers = [{"name": "patches", "kind": "patches", "size": 49},
                  {"name": "input_proj", "kind": "linear", "out_features": 128},
                  {"name": "pos_encoder", "kind": "positions"}]
        layers += [part for layer in range(4) for part in encoder_layer(layer, dropout)]
        layers += [{"name": "mean", "kind": "mean_tokens"}, {"name": "fc", "kind": "linear", "out_features": 10}]
    elif name == "cnn":
        layers = []
        for block, channels in enumerate((32, 64, 128), 1):
            layers += [
                {"name": f"conv{block}", "kind": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1},
                {"name": f"relu{block}", "kind": "relu"},
                {"name": f"pool{block}", "kind": "max_pool2d", "kernel_size": 2},
            ]
        layers += [{"name": "flatten", "kind": "flatten"}, {"name": "fc", "kind": "linear", "out_features": 10}]
    else:
        layers = [{"name": "flatten", "kind": "flatten"}]
        for block in range(1, 5):
            layers += [{"name": f"fc{block}", "kind": "linear", "out_features": 32},
                       {"name": f"relu{block}", "kind": "relu"}]
        layers.append({"name": "fc5", "kind": "linear", "out_features": 10})
    return {"name": name, "input": [1, 28, 28], "layers": layers}


def build(description):
    if description["name"].startswith("transformer"):
        return Transformer(0.1 if description["name"] == "transformer" else 0.0)
    channels, size, _ = description["input"]
    nn, net, features = torch.nn, torch.nn.Sequential(), channels * size * size
    for layer in description["layers"]:
        kind = layer["kind"]
        if kind == "conv2d":
            module = nn.Conv2d(channels, layer["out_channels"], 3, padding=1)
            channels = layer["out_channels"]
            features = channels * size * size
        elif kind == "max_pool2d":
            module, size = nn.MaxPool2d(2), size // 2
            features = channels * size * size
        elif kind == "linear":
            module = nn.Linear(features, layer["out_features"])
            features = layer["out_features"]
        elif kind == "batch_norm1d":
            module = nn.BatchNorm1d(features)
        else:
            module = nn.ReLU() if kind == "relu" else nn.Flatten()
        net.add_module(layer["name"], module)
    return net


class Torch:
    """One fair form of the PyTorch step."""

    def __init__(self, description, state, x, labels, channels_last, form):
        self.label = ("channels_last" if channels_last else "contiguous") + ", " + form
        self.net = build(description)
        self.net.load_state_dict(state)
        self.x, self.labels, self.taken = list(x), list(labels), 0
        if channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.x = [batch.to(memory_format=torch.channels_last) for batch in x]
        self.parameters = list(self.net.parameters())
        self.optimiser = torch.optim.Adam(self.parameters, lr=1e-3, **{form: True})
        self.seconds = []

    def step(self):
        x, labels = self.x[self.taken % BATCHES], self.labels[self.taken % BATCHES]
        self.taken += 1
        self.optimiser.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(self.net(x), labels)
        loss.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.parameters])
        self.optimiser.step()
        return loss.item(), norm.item()

    def time(self, steps):
        for _ in range(steps):
            start = time.perf_counter()
            self.step()
            self.seconds.append(time.perf_counter() - start)


def check(description, folder, rust, state, x, labels):
    """Do both sides compute the same? Worst relative differences of losses, norms and gradients."""
    name, torch_side = description["name"], Torch(description, state, x, labels, False, "fused")
    losses, norms = zip(*(torch_side.step() for _ in range(CHECKED_STEPS)))
    # The first gradients against double precision, so that PyTorch's own rounding is not laid at our door.
    exact = build(description)
    exact.load_state_dict(state)
    exact = exact.double()
    torch.nn.functional.cross_entropy(exact(x[0].double()), labels[0]).backward()
    gradients = {key: p.grad for key, p in exact.named_parameters()}
    answer = rust.ask(f"check {name} {CHECKED_STEPS}")
    ours = load_file(Path(folder) / f"{name}.gradients.safetensors")
    off_loss = max(abs(a - b) / b for a, b in zip(answer["losses"], losses, strict=True))
    off_norm = max(abs(a - b) / b for a, b in zip(answer["norms"], norms, strict=True))
    # Biases of keys, and of layers in front of a batch normalisation, have no gradient but rounding.
    size = max(float(g.abs().max()) for g in gradients.values())

    def scale(g):
        largest = float(g.abs().max())
        return largest if largest > 1e-9 * size else size

    off_gradient = max(float((ours[key] - g).abs().max()) / scale(g) for key, g in gradients.items())
    if off_loss > 1e-3 or off_norm > 1e-2 or off_gradient > 1e-4:
        sys.exit(f"{name}: answers differ: loss {off_loss:.1e}, norm {off_norm:.1e}, gradient {off_gradient:.1e}")
    return off_loss, off_norm, off_gradient


def measure(description, folder, rust, rounds, batch=64, steps=10, checked=None):
    """Times a network against its peer in turns, after the answers of `checked` (itself unless given) have agreed."""
    torch.manual_seed(0)
    name, checked = description["name"], checked or description
    net = build(description)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    x, labels = torch.rand(BATCHES, batch, *description["input"]), torch.randint(0, 10, (BATCHES, batch))
    # Batch normalisation counts its batches in whole numbers, which our side reads as the others.
    tensors = {**{key: value.float() for key, value in state.items()}, "x": x, "labels": labels}
    for each in (description, checked):
        save_file(tensors, Path(folder) / f"{each['name']}.safetensors")
        (Path(folder) / f"{each['name']}.json").write_text(json.dumps(each))
    agreement = check(checked, folder, rust, state, x, labels)
    formats = (False, True) if any(layer["kind"] == "conv2d" for layer in description["layers"]) else (False,)
    forms = [Torch(description, state, x, labels, last, form) for last in formats for form in ("fused", "foreach")]
    for form in forms:
        form.time(steps)
        form.seconds.clear()
    rust.ask(f"time {name} {steps}")
    ours = []
    for _ in range(rounds):
        ours += rust.ask(f"time {name} {steps}")
        for form in forms:
            form.time(steps)
    best = min(forms, key=lambda form: statistics.median(form.seconds))
    return {
        "name": name, "parameters": sum(p.numel() for p in net.parameters()), "agreement": agreement,
        "ours": statistics.median(ours), "torch": statistics.median(best.seconds), "best": best.label,
        "forms": {form.label: statistics.median(form.seconds) for form in forms}, "steps": len(ours),
        "fastest": (min(ours), min(best.seconds)),
    }


def table(title, command, machine, results):
    """The lines of the file that is written."""
    lines = [
        f"# {title}", "", machine, "", f"Command: `{command}`", "",
        "Median milliseconds of a step (forward, loss, backward, gradient norm, Adam); the two take turns in one run. "
        "Only the ratio travels.", "",
        "| network | parameters | Kymograph | PyTorch, fastest form | ratio | fastest step of each |",
        "|---|---|---|---|---|---|",
    ]
    for r in results:
        fastest = f"{r['fastest'][0] * 1e3:.2f} / {r['fastest'][1] * 1e3:.2f}"
        lines.append(f"| {r['name']} | {r['parameters']:,} | {r['ours'] * 1e3:.3f} | {r['torch'] * 1e3:.3f} "
                     f"({r['best']}) | **{r['ours'] / r['torch']:.2f}** | {fastest} |")
    lines += ["", "PyTorch's forms: " + "; ".join(
        f"{r['name']}: " + ", ".join(f"{label} {1e3 * t:.3f}" for label, t in r["forms"].items()) for r in results) + "."]
    lines += ["", f"Agreement before timing, worst relative difference over {CHECKED_STEPS} steps: " + "; ".join(
        f"{r['name']}: loss {r['agreement'][0]:.1e}, gradient norm {r['agreement'][1]:.1e}, "
        f"first gradients {r['agreement'][2]:.1e}" for r in results) + ".", ""]
    return lines


def main():
    parser = peer.parser(__doc__, 30, "step_time")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    options = parser.parse_args()
    load = peer.start(options)

    def one(name):
        checked = spec("transformer_without_dropout") if name == "transformer" else None
        return measure(spec(name), folder, rust, options.rounds, steps=100 if name == "mlp" else 10, checked=checked)

    with tempfile.TemporaryDirectory() as folder:
        rust = peer.Rust(options.binary, folder)
        features = rust.ask("features")
        results = [one(name) for name in options.networks]
    some = options.networks != NETWORKS
    chosen = " --networks " + " ".join(options.networks) if some else ""
    chosen += f" --threads {options.threads}" if options.threads != 2 else ""
    command = f"python benches/peers/step_phases.py --rounds {options.rounds}{chosen} --write"
    machine = peer.machine(options, load, peer.kernels(features), ", batch 64, f32, Adam")
    lines = table("A training step of the study `phases`, against PyTorch", command, machine, results)
    peer.finish(lines, options, f"step_{'_'.join(options.networks)}.md" if some else "step_phases.md")


if __name__ == "__main__":
    main()
