"""Times t-SNE against openTSNE on the same rows, same machine.

    cargo build --release -p kymograph-measures --example layouts
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/tsne.py [--rounds 1] [--rows 5000 20000] [--data-dir ../shared/data] [--write]

Both sides have their defaults (perplexity 30, 250 + 500 iterations, a start at the principal components) and take turns,
with one thread and with two. Each has found its neighbours and its layout when its time ends. openTSNE chooses its own
method (a quadtree below 10,000 rows, a grid above). No ratio counts unless our layout is as good: the Kullback–Leibler
divergence from one set of affinities (openTSNE's, over exact neighbours), summed here over all pairs in f64, and the
share of the 10 nearest neighbours that are kept. `--write` writes benches/results/tsne.md.
"""
import statistics
import sys
import tempfile
import time

import layout_data
import numpy as np
import peer
from openTSNE import TSNE
from openTSNE.affinity import PerplexityBasedNN
from sklearn.neighbors import NearestNeighbors

TARGET = 0.5


def divergence(affinities, layout):
    """Over all pairs, in blocks."""
    layout = layout.astype(np.float64)
    total = 0.0
    for first in range(0, len(layout), 500):
        block = layout[first:first + 500]
        squared = ((block[:, None, :] - layout[None, :, :]) ** 2).sum(-1)
        total += (1 / (1 + squared)).sum()
    total -= len(layout)
    pairs = affinities.tocoo()
    p = pairs.data / pairs.data.sum()
    squared = ((layout[pairs.row] - layout[pairs.col]) ** 2).sum(1)
    return float((p * (np.log(p) + np.log1p(squared) + np.log(total))).sum())


def theirs(x, threads):
    start = time.perf_counter()
    layout = TSNE(n_jobs=threads, random_state=0).fit(x)
    return time.perf_counter() - start, np.array(layout)


def main():
    parser = peer.parser(__doc__, 1, "layouts")
    parser.add_argument("--rows", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--data-dir", help="folder with mnist/train-images-idx3-ubyte.gz")
    options = parser.parse_args()
    load = peer.start(options)
    lines = []
    TSNE(n_iter=20, early_exaggeration_iter=5).fit(np.random.default_rng(0).normal(size=(300, 5)))
    with tempfile.TemporaryDirectory() as folder:
        for count in options.rows:
            x, what = layout_data.rows(count, options.data_dir)
            x.tofile(f"{folder}/x")
            affinities = PerplexityBasedNN(x, perplexity=30, method="exact", n_jobs=options.threads).P
            near = NearestNeighbors(n_neighbors=10).fit(x).kneighbors(return_distance=False)
            quality = lambda layout: (divergence(affinities, layout), layout_data.kept_neighbours(near, layout))
            for threads in (1, options.threads):
                ours, others = [], []
                rust = peer.Rust(options.binary, f"{folder}/x", x.shape[1], threads=threads)
                for _ in range(options.rounds):
                    ours.append(rust.ask(f"tsne {folder}/y"))
                    seconds, layout = theirs(x, threads)
                    others.append(seconds)
                (kl, kept), (their_kl, their_kept) = quality(np.fromfile(f"{folder}/y", np.float32).reshape(-1, 2)), quality(layout)
                middle, their_middle = statistics.median(o["seconds"] for o in ours), statistics.median(others)
                as_good = kl <= their_kl * 1.002 and kept >= their_kept - 0.002
                ratio = f"**{middle / their_middle:.3f}**" if as_good else f"({middle / their_middle:.3f}, not as good)"
                lines.append(f"| {count} × 50, {what} | {threads} | {middle:.1f} | {their_middle:.1f} | {ratio} | "
                             f"{kl:.4f} / {their_kl:.4f} | {kept:.3f} / {their_kept:.3f} |")
                print(lines[-1], file=sys.stderr)
                if abs(ours[-1]["kl_divergence"] / kl - 1) > 0.01:
                    sys.exit(f"our own divergence, {ours[-1]['kl_divergence']}, is not the one summed here, {kl}")
    head = [
        "# t-SNE against openTSNE", "", peer.machine(options, load, workload=" or as the row says"), "",
        f"Command: `python benches/peers/tsne.py --rounds {options.rounds} --rows {' '.join(map(str, options.rows))} --write`", "",
        f"Median seconds from the rows to the layout; the sides take turns in one run. Only the ratio travels. Target: {TARGET}.", "",
        "| rows | threads | Kymograph | openTSNE 1.0.4 | ratio | KL divergence | neighbours kept |", "|---|---|---|---|---|---|---|",
    ]
    peer.finish(head + lines + [""], options, "tsne.md")


if __name__ == "__main__":
    main()
