"""Writes reference.json: small arrays, and what NumPy, SciPy and scikit-learn make of them.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_reference.py
"""

import json
import pathlib

import numpy as np
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.cluster import KMeans
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import adjusted_rand_score, silhouette_samples, silhouette_score
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


def procrustes(x, y):
    x, y = (a - a.mean(0) for a in (x, y))
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(a / np.linalg.norm(a), [(0, 0), (0, width - a.shape[1])]) for a in (x, y))
    rotation, _ = orthogonal_procrustes(y, x)
    return np.linalg.norm(x - y @ rotation)


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
        "singular_value_participation_ratio": 1 / (share**2).sum(),
        "components_for_90_percent": float(np.searchsorted(np.cumsum(s**2) / (s**2).sum(), 0.9) + 1),
        "nuclear_to_spectral_ratio": np.linalg.norm(x, "nuc") / np.linalg.norm(x, 2),
        "effective_dimension": eigen.sum() ** 2 / (eigen**2).sum(),
    }


representations = []
for n, p, q in [(40, 5, 7), (12, 20, 9), (25, 3, 60)]:
    x, y = pair(n, p, q)
    representations.append(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "linear_cka": cka(x, y),
            "debiased_linear_cka": debiased_cka(x, y),
            "procrustes_distance": procrustes(x, y),
            **one(x),
        }
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

logits = rng.normal(size=(2, 30, 5)).round(6) * np.array([1, 4])[:, None, None]
logits[1] += logits[0]
chances = softmax(logits, axis=2)
predictions = {
    "x": logits[0].tolist(),
    "y": logits[1].tolist(),
    "prediction_disagreement": (logits[0].argmax(1) != logits[1].argmax(1)).mean(),
    "prediction_divergence": np.mean([jensenshannon(p, q) ** 2 for p, q in zip(*chances)]),
}

pattern = softmax(rng.normal(size=(6, 4, 3, 5)) * np.array([0.5, 1, 2, 4])[None, :, None, None], axis=3)
heads = [(a, b) for a in range(4) for b in range(a + 1, 4)]
flat = pattern.transpose(1, 0, 2, 3).reshape(4, -1)
attention = {
    "shape": pattern.shape,
    "pattern": pattern.ravel().tolist(),
    "attention_entropy": entropy(pattern, axis=3).mean(),
    "head_correlation": np.mean([np.corrcoef(flat)[a, b] for a, b in heads]),
    "head_specialisation": np.mean([(jensenshannon(pattern[:, a], pattern[:, b], axis=2) ** 2) for a, b in heads]),
}

earlier_group, later_group = rng.integers(0, 5, size=80), rng.integers(-3, 0, size=80)
later_group[:40] = earlier_group[:40]
groups = {
    "x": earlier_group.tolist(),
    "y": later_group.tolist(),
    "adjusted_rand_index": adjusted_rand_score(earlier_group, later_group),
}

moved = (features @ (np.eye(6) + 0.4 * rng.normal(size=(6, 6))) + 0.3 * rng.normal(size=6)).round(6)
transferred = []
for held_out in range(len(features)):
    kept = np.arange(len(features)) != held_out
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=0.02 * kept.sum()))
    model.fit(features[kept], targets[kept])
    transferred.append(float(model.predict(moved[[held_out]])[0] == targets[held_out]))
transfer = {
    "x": features.tolist(),
    "y": moved.tolist(),
    "labels": targets.tolist(),
    "penalty": 0.02,
    "right": transferred,
}

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
    "predictions": predictions,
    "attention": attention,
    "groups": groups,
    "transfer": transfer,
}
(here / "reference.json").write_text(json.dumps(document) + "\n")
print(json.dumps(ndt, indent=1))
