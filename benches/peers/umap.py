"""Times UMAP against umap-learn on the same rows, same machine.

    cargo build --release -p kymograph-measures --example layouts
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/umap.py [--rounds 3] [--rows 5000 20000] [--data-dir ../shared/data] [--write]

Both sides have their defaults (15 neighbours, 500 epochs up to 10,000 rows and 200 above) and take turns, with one thread
and with two. umap-learn runs without a seed, which is its parallel form, and is compiled before a time counts. No
ratio counts unless our layout is as good: trustworthiness (k = 15) and the share of the 10 nearest neighbours that are
kept, by one program for both. `--write` writes benches/results/umap.md.
"""
import os
import statistics
import sys
import tempfile
import time
import warnings

import layout_data
import numba
import numpy as np
import peer

sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
import umap  # noqa: E402, this file has the same name

TARGET = 0.7


def theirs(x, threads):
    numba.set_num_threads(threads)
    start = time.perf_counter()
    layout = umap.UMAP(n_jobs=threads).fit_transform(x)
    return time.perf_counter() - start, layout


def main():
    parser = peer.parser(__doc__, 3, "layouts")
    parser.add_argument("--rows", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--data-dir", help="folder with mnist/train-images-idx3-ubyte.gz")
    options = parser.parse_args()
    load = peer.start(options)
    warnings.filterwarnings("ignore")
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for count in options.rows:
            x, what = layout_data.rows(count, options.data_dir)
            x.tofile(f"{folder}/x")
            theirs(x[:4500], options.threads)
            for threads in (1, options.threads):
                ours, others = [], []
                rust = peer.Rust(options.binary, f"{folder}/x", x.shape[1], threads=threads)
                for _ in range(options.rounds):
                    ours.append(rust.ask(f"umap {folder}/y")["seconds"])
                    seconds, layout = theirs(x, threads)
                    others.append(seconds)
                layout.astype(np.float32).tofile(f"{folder}/theirs")
                own, other = rust.ask(f"judge {folder}/y"), rust.ask(f"judge {folder}/theirs")
                middle, their_middle = statistics.median(ours), statistics.median(others)
                as_good = all(own[name] >= other[name] - 0.002 for name in own)
                ratio = f"**{middle / their_middle:.3f}**" if as_good else f"({middle / their_middle:.3f}, not as good)"
                columns = " | ".join(f"{own[name]:.4f} / {other[name]:.4f}" for name in own)
                lines.append(f"| {count} × 50, {what} | {threads} | {middle:.1f} | {their_middle:.1f} | {ratio} | {columns} |")
                print(lines[-1], file=sys.stderr)
    head = [
        "# UMAP against umap-learn", "", peer.machine(options, load, workload=" or as the row says"), "",
        f"Command: `python benches/peers/umap.py --rounds {options.rounds} --rows {' '.join(map(str, options.rows))} --write`", "",
        f"Median seconds from the rows to the layout; the sides take turns in one run. Only the ratio travels. Target: {TARGET}.", "",
        "| rows | threads | Kymograph | umap-learn 0.5.12 | ratio | trustworthiness | neighbours kept |", "|---|---|---|---|---|---|---|",
    ]
    peer.finish(head + lines + [""], options, "umap.md")


if __name__ == "__main__":
    main()
