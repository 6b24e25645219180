"""Times packed spline codes of 100,000 examples through a 784-64-64-64-64-10 perceptron against PyTorch, same machine.

    cargo build --release -p kymograph-nets --example codes
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/codes.py [--rounds 7] [--write]

Both sides get the same f32 weights and examples and give the signs of all 256 hidden inputs, packed to 32 bytes an example; the
sides take turns. PyTorch runs in blocks of 4,096 examples without gradients, `addmm` and in-place `relu_`, and packs in two ways of which the
faster counts: `numpy.packbits` of the comparison with zero, and a product with powers of two in uint8. Codes must agree, but for
one sign in 100,000 that rounding decides, before a time counts. `--write` writes benches/results/codes.md.
"""
import json
import statistics
import sys
import tempfile
import time

import numpy as np
import peer
import torch

TARGET = 0.5
WIDTHS = [784, 64, 64, 64, 64, 10]
BLOCK = 4096


def network():
    torch.manual_seed(0)
    return [torch.nn.Linear(a, b) for a, b in zip(WIDTHS, WIDTHS[1:])]


def spec():
    layers = []
    for place, width in enumerate(WIDTHS[1:-1], 1):
        layers += [{"name": f"fc{place}", "kind": "linear", "out_features": width}, {"name": f"act{place}", "kind": "relu"}]
    layers.append({"name": "fc5", "kind": "linear", "out_features": WIDTHS[-1]})
    return {"name": "relu", "input": [784], "layers": layers}


class Torch:
    def __init__(self, layers, x, packing):
        self.weights = [(layer.weight.detach().t().contiguous(), layer.bias.detach()) for layer in layers[:-1]]
        self.x, self.packing, self.seconds = x, packing, []
        self.powers = (2 ** torch.arange(8, dtype=torch.uint8))

    def codes(self):
        out = np.empty((len(self.x), 32), dtype=np.uint8)
        with torch.inference_mode():
            for start in range(0, len(self.x), BLOCK):
                h = self.x[start:start + BLOCK]
                parts = []
                for weight, bias in self.weights:
                    h = torch.addmm(bias, h, weight).relu_()
                    parts.append(h > 0)
                bits = torch.cat(parts, 1)
                if self.packing == "numpy.packbits":
                    out[start:start + BLOCK] = np.packbits(bits.numpy(), axis=1, bitorder="little")
                else:
                    words = (bits.view(torch.uint8).view(len(bits), 32, 8) * self.powers).sum(2, dtype=torch.uint8)
                    out[start:start + BLOCK] = words.numpy()
        return out

    def time(self, count):
        for _ in range(count):
            start = time.perf_counter()
            self.codes()
            self.seconds.append(time.perf_counter() - start)


def main():
    parser = peer.parser(__doc__, 7, "codes")
    parser.add_argument("--examples", type=int, default=100_000)
    options = parser.parse_args()
    load = peer.start(options)
    from safetensors.torch import save_file

    layers = network()
    x = torch.randn(options.examples, 784)
    with tempfile.TemporaryDirectory() as folder:
        tensors = {f"fc{i}.{name}": p.detach() for i, layer in enumerate(layers, 1) for name, p in layer.named_parameters()}
        save_file({**tensors, "x": x}, f"{folder}/net.safetensors")
        with open(f"{folder}/net.json", "w") as file:
            json.dump(spec(), file)
        rust = peer.Rust(options.binary, folder)
        features = rust.ask("features")
        rust.ask("codes")
        ours = np.fromfile(f"{folder}/codes.bin", dtype=np.uint8).reshape(-1, 32)
        sides = [Torch(layers, x, packing) for packing in ("numpy.packbits", "powers of two")]
        apart = [int(np.unpackbits(ours ^ side.codes()).sum()) for side in sides]
        # Rounding decides the signs of inputs next to zero.
        if max(apart) > options.examples * 256 * 1e-5:
            sys.exit(f"{apart} bits differ")
        seconds = []
        rust.ask("time 2")
        for side in sides:
            side.time(2)
            side.seconds.clear()
        for _ in range(options.rounds):
            seconds += rust.ask("time 1")
            for side in sides:
                side.time(1)
        picture, regions = rust.ask("picture 512")
    ours = statistics.median(seconds)
    lines = [
        "# Packed spline codes, against PyTorch", "",
        peer.machine(options, load, kernels=peer.kernels(features)), "",
        f"Command: `python benches/peers/codes.py --rounds {options.rounds} --write`", "",
        f"Median seconds for the codes of {options.examples:,} examples; the sides take turns in one run. Only the ratio travels. "
        f"Target: {TARGET}.", "",
        "| PyTorch packs by | Kymograph | PyTorch | ratio | fastest of each |", "|---|---|---|---|---|",
    ]
    for side in sides:
        theirs = statistics.median(side.seconds)
        lines.append(f"| {side.packing} | {ours:.3f} | {theirs:.3f} | **{ours / theirs:.2f}** | {min(seconds):.3f} / {min(side.seconds):.3f} |")
    lines += ["", f"Bits that differ, of {options.examples * 256:,}: {', '.join(map(str, apart))}. A picture of 512² points of a plane "
              f"(codes and outputs in f64, {regions:,} codes) took {picture:.2f} s.", ""]
    peer.finish(lines, options, "codes.md")


if __name__ == "__main__":
    main()
