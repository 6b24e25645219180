"""Writes detectors.json: the published fixtures, what the published jump detector finds in them, and where ruptures cuts.

python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_detector_reference.py
"""

import json
import pathlib

import numpy as np
import ruptures

here = pathlib.Path(__file__).parent


def noise(seed, sd, n):
    return np.random.default_rng(seed).normal(0.0, sd, size=n)


# Javihaus/ndt, src/ndt/validity/fixtures.py with its seed, 0.
fixtures = {
    "one jump": np.repeat([10.0, 20.0], 200) + noise(0, 0.3, 400),
    "three jumps": np.repeat([10.0, 16.0, 13.0, 22.0], [150, 200, 100, 150]) + noise(0, 0.3, 600),
    "noise": noise(0, 1.0, 400),
    "ramp": np.linspace(10.0, 20.0, 400) + noise(0, 0.3, 400),
}


def published(values, window=50, threshold=3.0, fewest=20):
    """Javihaus/ndt, src/ndt/core/jump_detector.py: detect_jumps."""
    found = []
    for i in range(fewest, len(values)):
        before = values[max(0, i - window) : i]
        if np.std(before) >= 1e-10 and abs((values[i] - np.mean(before)) / np.std(before)) > threshold:
            found.append(i)
    return found


def exact(values, shortest, penalty, most=60):
    """The best number of cuts, each number placed by dynamic programming: with a shortest segment above 1, ruptures' own
    penalised search prunes too much and may end above the least cost."""

    def cost(at):
        return sum(((part - part.mean()) ** 2).sum() for part in np.split(values, at)) + penalty * len(at)

    found = [[]]
    for number in range(1, min(most, len(values) // shortest - 1) + 1):
        model = ruptures.KernelCPD(kernel="linear", min_size=shortest).fit(values)
        found.append([int(at) for at in model.predict(n_bkps=number)[:-1]])
    return min(found, key=cost)


rows = []
for name, values in fixtures.items():
    values = values.round(9)
    cuts = []
    for shortest, penalty in [(1, 3.0), (5, 1.0), (5, 5.0), (20, 2.0)]:
        cuts.append({"min_segment": shortest, "penalty": penalty, "positions": exact(values, shortest, penalty)})
    penalised = ruptures.KernelCPD(kernel="linear", min_size=1).fit(values).predict(pen=3.0)[:-1]
    assert penalised == cuts[0]["positions"]
    rows.append({"name": name, "values": values.tolist(), "published": published(values), "cuts": cuts})
    print(name, len(rows[-1]["published"]), [len(cut["positions"]) for cut in cuts])
(here / "detectors.json").write_text(json.dumps(rows) + "\n")
