"""Writes embeddings.json: small arrays, and what scikit-learn, openTSNE and umap-learn make of them.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_embedding_reference.py
"""

import json
import pathlib

import numpy as np
import scipy.sparse
from openTSNE.affinity import PerplexityBasedNN
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(20240611)

x = (rng.normal(size=(80, 6)) * np.array([3, 2, 1, 1, 0.5, 0.2]) + (np.arange(80) % 4)[:, None]).round(6)
y = (x[:, :2] + 0.3 * rng.normal(size=(80, 2))).round(6)
labels = (np.arange(80) % 4).tolist()


def two_nn(points, discard):
    """Facco et al. 2017, with the straight line through the origin."""
    distances = NearestNeighbors(n_neighbors=3).fit(points).kneighbors(points)[0]
    ratios = np.sort(distances[:, 2] / distances[:, 1])
    shares = np.arange(1, len(ratios) + 1) / len(ratios)
    kept = int(len(ratios) * (1 - discard))
    across, up = np.log(ratios[:kept]), -np.log(1 - shares[:kept])
    return np.linalg.lstsq(across[:, None], up, rcond=None)[0][0]


def neighbours(points, k):
    return NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)


def purity(points, k):
    return np.mean(np.array(labels)[neighbours(points, k)] == np.array(labels)[:, None])


def preservation(k):
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(neighbours(x, k), neighbours(y, k))])


def first_rows(matrix):
    """Row, column and value of what is not zero in the first ten rows."""
    entries = scipy.sparse.coo_matrix(scipy.sparse.csr_matrix(matrix)[:10])
    return [[int(i), int(j), float(value)] for i, j, value in zip(entries.row, entries.col, entries.data)]


perplexity = 8
affinities = PerplexityBasedNN(x, perplexity=perplexity, method="exact", n_jobs=1).P
graph = fuzzy_simplicial_set(x, 10, np.random.RandomState(0), "euclidean")[0]
components = PCA(3, svd_solver="full").fit(x)

document = {
    "x": x.tolist(),
    "y": y.tolist(),
    "labels": labels,
    "trustworthiness": {str(k): trustworthiness(x, y, n_neighbors=k) for k in (1, 5, 20)},
    "continuity": {str(k): trustworthiness(y, x, n_neighbors=k) for k in (1, 5, 20)},
    "knn_label_purity": {str(k): purity(x, k) for k in (1, 10, 30)},
    "knn_preservation": {str(k): preservation(k) for k in (1, 10, 30)},
    "two_nn_dimension": {str(discard): two_nn(x, discard) for discard in (0.1, 0.3)},
    "explained": components.explained_variance_ratio_.tolist(),
    "scores": components.transform(x).tolist(),
    "perplexity": perplexity,
    "affinities": first_rows(affinities),
    "n_neighbors": 10,
    "memberships": first_rows(graph),
    "curves": [[d, s, *map(float, find_ab_params(s, d))] for d, s in ((0.1, 1.0), (0.0, 1.0), (0.5, 1.0), (0.3, 2.0))],
}
(here / "embeddings.json").write_text(json.dumps(document) + "\n")
print(json.dumps({k: document[k] for k in ("trustworthiness", "two_nn_dimension", "curves")}, indent=1))
