"""Writes reference.json: small arrays, and what NumPy, SciPy and scikit-learn make of them.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_reference.py
"""

import json
import pathlib

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import silhouette_samples, silhouette_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(20240607)


def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def debiased_cka(x, y):
    def hsic(k, l):
        n, one = len(k), np.ones(len(k))
        total = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ l) + total - 2 / (n - 2) * one @ k @ l @ one) / (n * (n - 3))

    k, l = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def unit(a):
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def pair(n, p, q, m=None):
    """Two arrays that share something, rounded so that the file holds them exactly."""
    x = rng.normal(size=(n, p)) * rng.uniform(0.2, 3, size=p) + rng.normal(size=p)
    y = rng.normal(size=(n if m is None else m, q))
    if m is None:
        y = y + x @ rng.normal(size=(p, q)) * 0.4
    return x.round(6), y.round(6)


def one(x):
    s = np.linalg.svd(x, compute_uv=False)
    share = s / s.sum()
    eigen = np.linalg.eigvalsh(np.cov(x, rowvar=False))
    return {
        "weight_std": x.std(),
        "weight_mean_abs": np.abs(x).mean(),
        "singular_values": s.tolist(),
        "singular_spectrum": s[0] ** 2 / (s**2).sum(),
        "effective_rank": np.exp(-(share * np.log(share)).sum()),
        "stable_rank": (s**2).sum() / s[0] ** 2,
        "effective_dimension": eigen.sum() ** 2 / (eigen**2).sum(),
    }


representations = []
for n, p, q in [(40, 5, 7), (12, 20, 9), (25, 3, 60)]:
    x, y = pair(n, p, q)
    representations.append(
        {"x": x.tolist(), "y": y.tolist(), "linear_cka": cka(x, y), "debiased_linear_cka": debiased_cka(x, y), **one(x)}
    )

weights = []
for units, others, inputs in [(16, 16, 9), (8, 11, 25), (12, 7, 4)]:
    x, y = pair(units, inputs, inputs, others)
    cosines = unit(x) @ unit(y).T
    rows, columns = linear_sum_assignment(-cosines)
    row = {"x": x.tolist(), "y": y.tolist(), "matched_cosine": cosines[rows, columns].mean()}
    if units == others:
        row["same_index_cosine"] = np.diag(cosines).mean()
        row["angular_speed"] = np.arccos(np.diag(cosines)).mean()
        row["relative_displacement"] = np.linalg.norm(y - x) / np.linalg.norm(x)
        row["weight_norm_ratio"] = np.linalg.norm(y) / np.linalg.norm(x)
    weights.append(row)

centres = rng.normal(size=(4, 6)) * 3
group = rng.integers(0, 4, size=70)
points = (centres[group] + rng.normal(size=(70, 6))).round(6)
fit = KMeans(4, n_init=50, random_state=0).fit(points)
targets = rng.integers(0, 3, size=45)
features = (rng.normal(size=(45, 6)) + targets[:, None] * rng.normal(size=6) * 0.6).round(6)
wide = (rng.normal(size=(30, 50)) + (np.arange(30) % 3)[:, None] * rng.normal(size=50) * 0.3).round(6)


def probe(x, labels, penalty):
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=penalty * (len(x) - 1)))
    right = cross_val_predict(model, x, labels, cv=LeaveOneOut()) == labels
    return {"x": x.tolist(), "labels": labels.tolist(), "penalty": penalty, "right": right.astype(float).tolist()}


conv1 = [np.array(w) for w in json.loads((here / "ndt_conv1.json").read_text())["conv1"]]
ndt = {"same_index_cosine": [], "best_inertia": [], "silhouette_of_best": [], "seed_42": []}
for earlier, later in zip(conv1, conv1[1:]):
    ndt["same_index_cosine"].append((unit(earlier) * unit(later)).sum(1).mean())
for w in conv1:
    best = min((KMeans(10, n_init=50, random_state=seed).fit(w) for seed in range(40)), key=lambda f: f.inertia_)
    ndt["best_inertia"].append(best.inertia_)
    ndt["silhouette_of_best"].append(silhouette_score(w, best.labels_))
    ndt["seed_42"].append(silhouette_score(w, KMeans(10, n_init=10, random_state=42).fit(w).labels_))

document = {
    "representations": representations,
    "weights": weights,
    "clusters": {
        "x": points.tolist(),
        "labels": group.tolist(),
        "silhouettes": silhouette_samples(points, group).tolist(),
        "k": 4,
        "inertia": fit.inertia_,
        "kmeans_silhouette": silhouette_score(points, fit.labels_),
    },
    "probes": [probe(features, targets, 0.02), probe(wide, np.arange(30) % 3, 0.1)],
    "ndt": ndt,
}
(here / "reference.json").write_text(json.dumps(document) + "\n")
print(json.dumps(ndt, indent=1))
