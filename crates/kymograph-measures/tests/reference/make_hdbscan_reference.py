"""Writes hdbscan.json: groups that scikit-learn's HDBSCAN finds in points whose distances all differ.

    python -m venv venv && venv/bin/pip install scikit-learn==1.9.1
    venv/bin/python crates/kymograph-measures/tests/reference/make_hdbscan_reference.py
"""
import json
import pathlib

import numpy as np
from sklearn.cluster import HDBSCAN

rng = np.random.default_rng(5)


def blobs(centres, deviations, counts, noise):
    parts = [np.array(c) + d * rng.standard_normal((n, len(c))) for c, d, n in zip(centres, deviations, counts)]
    low, high = np.min(centres, axis=0) - 3, np.max(centres, axis=0) + 3
    parts.append(rng.uniform(low, high, (noise, len(low))))
    return np.vstack(parts)


cases = [
    (blobs([[0, 0], [6, 0], [0, 7]], [0.5, 1.0, 0.2], [40, 50, 20], 10), 5, 5),
    (blobs([[0, 0], [6, 0], [0, 7]], [0.5, 1.0, 0.2], [40, 50, 20], 10), 10, 3),
    (blobs([[0, 0, 0, 0], [2, 2, 0, 0], [0, 0, 3, 0], [0, 0, 3, 3]], [0.4, 0.4, 0.6, 0.2], [30, 40, 50, 12], 20), 6, 2),
    (rng.standard_normal((90, 3)), 4, 4),
]
out = []
for x, size, samples in cases:
    x = np.round(x, 6)
    found = HDBSCAN(min_cluster_size=size, min_samples=samples, algorithm="brute", copy=True).fit(x)
    print(size, samples, found.labels_.max() + 1, (found.labels_ < 0).sum())
    out.append({"x": x.tolist(), "min_cluster_size": size, "min_samples": samples, "labels": found.labels_.tolist()})
pathlib.Path(__file__).with_name("hdbscan.json").write_text(json.dumps(out) + "\n")
