"""Writes correlations.json: small arrays, what NumPy and SciPy make of their correlations, and of groups of their rows.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_correlation_reference.py
"""

import json
import pathlib

import numpy as np
from scipy.stats import f_oneway, pearsonr

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(20240611)


def layers(n, p, q):
    """Two arrays that share something, rounded so that the file holds them exactly."""
    x = rng.normal(size=(n, p)) * rng.uniform(0.2, 3, size=p) + rng.normal(size=p)
    y = rng.normal(size=(n, q)) + x @ rng.normal(size=(p, q)) * 0.4
    return x.round(6), y.round(6)


def entry(n, p, q):
    x, y = layers(n, p, q)
    r = np.array([[pearsonr(a, b).statistic for b in y.T] for a in x.T])
    own = np.corrcoef(x, rowvar=False)
    others = np.abs(own[~np.eye(p, dtype=bool)])
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "mean_signed_correlation": r.mean(),
        "mean_absolute_correlation": np.abs(r).mean(),
        "mean_clipped_correlation": r.clip(0).mean(),
        "mean_largest_correlation": np.abs(r).max(1).mean(),
        "mean_absolute_correlation_within": others.mean(),
    }


def grouped(n, groups):
    """One feature, whose share follows from the F statistic of its analysis of variance."""
    labels = rng.integers(0, groups, size=n)
    x = (rng.normal(size=n) + 0.7 * labels).round(6)
    f = f_oneway(*(x[labels == g] for g in range(groups))).statistic
    share = 1 / (1 + f * (groups - 1) / (n - groups))
    return {"x": [[v] for v in x], "labels": labels.tolist(), "within_group_variance_share": share}


document = {
    "layers": [entry(40, 5, 7), entry(12, 20, 9), entry(25, 3, 60)],
    "groups": [grouped(30, 3), grouped(80, 7)],
}
(here / "correlations.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
