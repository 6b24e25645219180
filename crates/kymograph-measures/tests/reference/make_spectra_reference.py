"""Writes spectra.json: small arrays, and what NumPy, SciPy and scikit-learn make of their rank, their distance from noise
and their largest entries.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_spectra_reference.py
"""

import json
import pathlib

import numpy as np
from scipy.integrate import quad
from scipy.stats import kstest
from sklearn.metrics import accuracy_score

rng = np.random.default_rng(20240731)


def marchenko_pastur(q):
    """The law's distribution function for entries of spread 1, by quadrature of its density."""
    low, high = (1 - np.sqrt(q)) ** 2, (1 + np.sqrt(q)) ** 2

    def below(x):
        x = min(max(x, low), high)
        # After x = centre − half · cos θ the density has no root at either end.
        end = np.arccos(np.clip((1 + q - x) / (2 * np.sqrt(q)), -1, 1))
        height = lambda t: 4 * q * np.sin(t) ** 2 / (2 * np.pi * q * (1 + q - 2 * np.sqrt(q) * np.cos(t)))
        return quad(height, 0, end, epsabs=1e-12)[0]

    return np.vectorize(below)


def spectrum(x):
    squares = np.linalg.svd(x, compute_uv=False) ** 2
    q = min(x.shape) / max(x.shape)
    return {
        "x": x.tolist(),
        "numerical_rank": int(np.linalg.matrix_rank(x)),
        "centred_rank": int(np.linalg.matrix_rank(x - x.mean(0))),
        "marchenko_pastur_distance": kstest(squares / squares.mean(), marchenko_pastur(q)).statistic,
    }


def low_rank(n, s, p):
    """What a linear layer with a bias makes of s units: rank s + 1, and s about the mean."""
    return rng.normal(size=(n, s)).clip(0) @ rng.normal(size=(s, p)) + rng.normal(size=p)


arrays = [
    rng.normal(size=(30, 12)),
    rng.uniform(-1, 1, size=(9, 9)),
    low_rank(25, 2, 14),
    low_rank(12, 5, 40),
    rng.normal(size=(20, 6)) * np.array([10, 5, 1, 1, 0.1, 0.1]) + 2,
]
outputs, labels = rng.normal(size=(60, 4)).round(6), rng.integers(0, 4, size=60)
document = {
    "arrays": [spectrum(x) for x in arrays],
    "outputs": outputs.tolist(),
    "labels": labels.tolist(),
    "top_1_accuracy": accuracy_score(labels, outputs.argmax(1)),
}
pathlib.Path(__file__).with_name("spectra.json").write_text(json.dumps(document) + "\n")
