"""Times the mean maximal cosine (MMCS) of each of 16 dictionaries of 4096 directions in 512 dimensions with the next one against
PyTorch, same machine.

    cargo build --release -p kymograph-measures --example mean_max_cosines
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/mmcs.py [--rounds 5] [--write]

Both sides get the same f32 directions of unequal length, make them unit vectors, and give the 15 values; they take turns, after a pause
in which the other's threads come to rest. PyTorch multiplies whole matrices, and blocks of 512 rows, of which the faster counts.
Values must agree to 1e-6 before a time counts. `--write` writes benches/results/mmcs.md.
"""
import statistics
import sys
import tempfile
import time

import peer
import torch

TARGET = 0.8
DICTIONARIES, LATENTS, WIDTH = 16, 4096, 512


def values(dictionaries, block):
    units = torch.nn.functional.normalize(dictionaries, dim=-1)
    found = []
    for x, y in zip(units, units[1:]):
        nearest = [(part @ y.T).amax(1) for part in x.split(block)]
        found.append(torch.cat(nearest).mean())
    return torch.stack(found)


def main():
    options = peer.parser(__doc__, 5, "mean_max_cosines").parse_args()
    load = peer.start(options)
    torch.manual_seed(0)
    base = torch.randn(LATENTS, WIDTH)
    # Neighbours share directions, as dictionaries of two sizes do.
    dictionaries = torch.stack([base + 0.5 * k * torch.randn(LATENTS, WIDTH) for k in range(DICTIONARIES)])
    with tempfile.NamedTemporaryFile() as file, torch.no_grad():
        dictionaries.numpy().tofile(file.name)
        rust = peer.Rust(options.binary, file.name, str(DICTIONARIES), str(LATENTS), str(WIDTH))
        ours = torch.tensor(rust.ask("values"))
        apart = float((ours - values(dictionaries, LATENTS)).abs().max())
        if apart > 1e-6:
            sys.exit(f"the two disagree by {apart:.1e}")
        forms = {"whole": LATENTS, "blocks": 512}
        seconds, theirs = [], {form: [] for form in forms}
        rust.ask("time 1")
        for _ in range(options.rounds):
            time.sleep(0.3)
            seconds += rust.ask("time 1")
            for form, block in forms.items():
                time.sleep(0.3)
                start = time.perf_counter()
                values(dictionaries, block)
                theirs[form].append(time.perf_counter() - start)
    middle = statistics.median(seconds)
    form, best = min(((form, statistics.median(times)) for form, times in theirs.items()), key=lambda pair: pair[1])
    lines = [
        "# Mean maximal cosines of dictionaries, against PyTorch", "",
        peer.machine(options, load, workload=f", {DICTIONARIES} dictionaries of {LATENTS} x {WIDTH}, f32"), "",
        f"Command: `python benches/peers/mmcs.py --rounds {options.rounds} --write`", "",
        f"Median seconds of the 15 values; the sides take turns. Only the ratio travels. Target: {TARGET}.", "",
        "| Kymograph | PyTorch, faster form | ratio | fastest of each |", "|---|---|---|---|",
        f"| {middle:.2f} | {best:.2f} ({form}) | **{middle / best:.2f}** | {min(seconds):.2f} / {min(theirs[form]):.2f} |", "",
        f"Agreement before timing: {apart:.1e}.", "",
    ]
    peer.finish(lines, options, "mmcs.md")


if __name__ == "__main__":
    main()
