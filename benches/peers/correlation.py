"""Times the mean correlations of every two layers of the study `signals` against NumPy, same machine.

    cargo build --release -p kymograph --example correlation_grid
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/correlation.py [--rounds 15] [--examples 256 1000] [--write]

Both sides get the same activations of the layers fc1 (128 units), bn1, fc2 (64), bn2, fc3 (32), bn3, fc4 (10) and softmax in
32-bit numbers and give means of r, |r| and max(0, r) for the 36 pairs i ≤ j; the sides take turns. NumPy standardises each layer
once, in 32 bits, and is timed in two forms: `pair by pair`, one product of matrices a pair, and `all at once`, one product of all
layers side by side, whose blocks are then averaged. Means must agree before a time counts. `--write` writes
benches/results/correlation.md.
"""
import os
import statistics
import sys
import tempfile
import time

import peer

WIDTHS = [128, 128, 64, 64, 32, 32, 10, 10]
TARGET = 0.7


def activations(numpy, examples):
    """Layers that go back to a few causes in common, normalised copies between them."""
    rng = numpy.random.default_rng(1)
    causes = rng.normal(size=(examples, 12))
    layers = []
    for place, width in enumerate(WIDTHS):
        if place in (1, 3, 5):
            layers.append(3 * layers[-1] - 1)
        else:
            layers.append(causes @ rng.normal(size=(12, width)) + rng.normal(size=(examples, width)) + 2)
    return [layer.astype(numpy.float32) for layer in layers]


class Numpy:
    """One form of the grid."""

    def __init__(self, numpy, layers, form):
        self.numpy, self.layers, self.form, self.seconds = numpy, layers, form, []

    def standard(self):
        np = self.numpy
        for layer in self.layers:
            z = layer - layer.mean(0)
            yield z / np.sqrt((z * z).sum(0))

    def three(self, r):
        np = self.numpy
        return [r.mean(), np.abs(r).mean(), np.maximum(r, 0).mean()]

    def grid(self):
        np = self.numpy
        standard = list(self.standard())
        if self.form == "pair by pair":
            return [self.three(x.T @ y) for i, x in enumerate(standard) for y in standard[i:]]
        stack = np.hstack(standard)
        r = stack.T @ stack
        ends = np.cumsum([0] + WIDTHS)
        blocks = [(slice(a, b), slice(c, d)) for i, (a, b) in enumerate(zip(ends, ends[1:]))
                  for c, d in list(zip(ends, ends[1:]))[i:]]
        return [self.three(r[block]) for block in blocks]

    def time(self, count):
        for _ in range(count):
            start = time.perf_counter()
            self.grid()
            self.seconds.append(time.perf_counter() - start)


def measure(options, examples):
    import numpy
    from safetensors.numpy import save_file

    layers = activations(numpy, examples)
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/layers.safetensors"
        save_file({f"layer{place}": layer for place, layer in enumerate(layers)}, file)
        rust = peer.Rust(options.binary, file)
        forms = [Numpy(numpy, layers, form) for form in ("pair by pair", "all at once")]
        ours = numpy.array(rust.ask("grid"))
        apart = {form.form: float(numpy.abs(ours - numpy.array(form.grid())).max()) for form in forms}
        if max(apart.values()) > 1e-5:
            sys.exit(f"the two disagree: {apart}")
        seconds = []
        rust.ask("time 20")
        for form in forms:
            form.time(20)
            form.seconds.clear()
        for _ in range(options.rounds):
            # The threads of NumPy's library spin for a while after a product; they are not to do so in another's turn.
            time.sleep(0.3)
            seconds += rust.ask("time 40")
            for form in forms:
                time.sleep(0.3)
                form.time(40)
    return {"examples": examples, "apart": max(apart.values()), "ours": seconds, "forms": forms}


def main():
    parser = peer.parser(__doc__, 15, "correlation_grid")
    parser.add_argument("--examples", nargs="+", type=int, default=[256, 1000])
    options = parser.parse_args()
    # NumPy's library of linear algebra reads its threads when it is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    load = peer.start(options)
    results = [measure(options, examples) for examples in options.examples]
    import numpy

    lines = [
        "# Mean correlations of every two layers, against NumPy", "",
        peer.machine(options, load, workload=f"; NumPy {numpy.__version__}"), "",
        f"Command: `python benches/peers/correlation.py --rounds {options.rounds} --write`", "",
        f"Median milliseconds for the grid of {len(WIDTHS)} layers ({', '.join(map(str, WIDTHS))} units), standardising included; "
        f"the sides take turns in one run. Only the ratio travels. Target: {TARGET} of either form.", "",
        "| examples | form | Kymograph | NumPy | ratio | fastest of each |", "|---|---|---|---|---|---|",
    ]
    for result in results:
        ours = statistics.median(result["ours"])
        for form in result["forms"]:
            theirs = statistics.median(form.seconds)
            lines.append(f"| {result['examples']} | {form.form} | {ours * 1e3:.2f} | {theirs * 1e3:.2f} | **{ours / theirs:.2f}** | "
                         f"{min(result['ours']) * 1e3:.2f} / {min(form.seconds) * 1e3:.2f} |")
    lines += ["", "Agreement before timing, largest difference of a mean: "
              + "; ".join(f"{r['examples']} examples {r['apart']:.1e}" for r in results) + ".", ""]
    peer.finish(lines, options, "correlation.md")


if __name__ == "__main__":
    main()
