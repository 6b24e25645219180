"""The rows that layouts are timed on."""
import gzip
from pathlib import Path

import numpy as np


def rows(count, folder):
    """`count` rows of 50 features and what they are: the first components of MNIST where it lies in `folder`, else groups."""
    file = Path(folder, "mnist", "train-images-idx3-ubyte.gz") if folder else None
    if file and file.exists():
        images = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16).reshape(-1, 784)
        images = images[:count].astype(np.float64) / 255
        images -= images.mean(0)
        vectors = np.linalg.eigh(images.T @ images)[1][:, :-51:-1]
        return np.ascontiguousarray((images @ vectors).astype(np.float32)), "MNIST, 50 principal components"
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 50)) * 2
    scales = rng.uniform(0.3, 1.5, size=(20, 50))
    group = rng.integers(0, 20, size=count)
    return (centres[group] + scales[group] * rng.normal(size=(count, 50))).astype(np.float32), "20 Gaussian groups"


def kept_neighbours(near, layout):
    """The share of the neighbours `near` of every row that are among its nearest in the layout."""
    from sklearn.neighbors import NearestNeighbors
    k = near.shape[1]
    there = NearestNeighbors(n_neighbors=k).fit(layout).kneighbors(return_distance=False)
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(near, there)]))
