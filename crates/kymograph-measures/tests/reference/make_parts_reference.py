"""Writes parts.json: what scikit-learn makes of small arrays by FastICA and NMF, and SciPy by non-negative least squares.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_parts_reference.py
"""

import json
import pathlib
import warnings

import numpy as np
from scipy.optimize import nnls
from sklearn.decomposition import NMF, FastICA

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
rng = np.random.default_rng(20250129)

# Four skewed sources in six dimensions, with a little noise so that whitening has full rank.
sources = np.where(rng.random((250, 4)) < 0.75, 0, rng.random((250, 4)))
mixed = (sources @ rng.normal(size=(4, 6)) + 0.05 * rng.normal(size=(250, 6)) + 1.5).round(5)


def independent(fun, components):
    fit = FastICA(components, fun=fun, whiten="unit-variance", max_iter=2000, tol=1e-14, random_state=0)
    rows = fit.fit_transform(mixed)
    return {"fun": fun, "components": components, "sources": rows[:40].tolist(), "directions": fit.mixing_.T.tolist()}


# The largest entry lies in [1, 2), so that the scale by which a power of two is taken out is 1.
positive = (1.9 * rng.random((30, 8))).round(4)
weights, parts = rng.random((30, 3)).round(4), rng.random((3, 8)).round(4)


def factors(iterations, tolerance):
    fit = NMF(3, init="custom", solver="cd", max_iter=iterations, tol=tolerance, shuffle=False)
    w = fit.fit_transform(positive, W=weights.copy(), H=parts.copy())
    return {
        "max_iterations": iterations,
        "tolerance": tolerance,
        "iterations": int(fit.n_iter_),
        "weights": w.tolist(),
        "parts": fit.components_.tolist(),
        "relative_error": float(fit.reconstruction_err_ / np.linalg.norm(positive)),
    }


directions = rng.normal(size=(9, 6)).round(4)
examples = np.where(rng.random((40, 9)) < 0.8, 0, rng.random((40, 9))) @ directions + 0.1 * rng.normal(size=(40, 6))
examples = examples.round(4)
counts = rng.integers(0, 6, size=40)


def pursuit(x, count):
    """Greedy choice by cosine; all codes of the chosen solved anew by SciPy."""
    chosen, codes = [], np.zeros(len(directions))
    while len(chosen) < count:
        cosines = (directions / np.linalg.norm(directions, axis=1, keepdims=True)) @ (x - codes @ directions)
        cosines[chosen] = -np.inf
        if cosines.max() <= 1e-9 * np.linalg.norm(x):
            break
        chosen.append(int(cosines.argmax()))
        codes = np.zeros(len(directions))
        codes[chosen] = nnls(directions[chosen].T, x)[0]
    return codes


solved = [nnls(directions.T, x) for x in examples]
document = {
    "mixed": mixed.tolist(),
    "ica": [independent(fun, components) for fun in ("logcosh", "cube") for components in (4, 6)],
    "positive": positive.tolist(),
    "weights": weights.tolist(),
    "parts": parts.tolist(),
    "nmf": [factors(1, 0), factors(7, 0), factors(500, 1e-4)],
    "directions": directions.tolist(),
    "examples": examples.tolist(),
    "least_squares": [codes.tolist() for codes, _ in solved],
    "residuals": [float(residual) for _, residual in solved],
    "counts": counts.tolist(),
    "pursuit": [pursuit(x, count).tolist() for x, count in zip(examples, counts)],
}
(here / "parts.json").write_text(json.dumps(document) + "\n")
print(np.mean([(codes > 0).sum() for codes, _ in solved]), np.mean(document["residuals"]))
print([(f["iterations"], f["relative_error"]) for f in document["nmf"]])
