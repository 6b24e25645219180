"""Writes values.rs, the reference values of reference.rs, from SciPy and NumPy.

    python -m pip install -r requirements.txt && python write_values.py

Inputs are closed formulas that the test repeats, so only results are stored.
"""

import pathlib

import numpy as np
from scipy import linalg, optimize, stats


def values(n, k):
    """The list the Rust test calls `values(n, k)`: exact in f64 (sixteenths of an integer)."""
    return np.array([((i * i * 7 + i * k + 3) % 101) / 16.0 for i in range(n)])


def matrix(rows, columns, k):
    return values(rows * columns, k).reshape(rows, columns)


def rust(x):
    if isinstance(x, (list, tuple, np.ndarray)):
        return "&[" + ", ".join(rust(y) for y in x) + "]"
    if isinstance(x, (int, np.integer)):
        return str(int(x))
    return repr(float(x))


out = []


def const(name, kind, rows, doc):
    out.append(f"/// {doc}\npub const {name}: {kind} = &[\n")
    out.extend(f"    {row},\n" for row in rows)
    out.append("];\n\n")


rows = []
for n in (2, 3, 5, 8, 30, 200):
    for level in (0.5, 0.9, 0.95, 0.999):
        x = values(n, n)
        low, high = stats.t.interval(level, n - 1, loc=x.mean(), scale=stats.sem(x))
        rows.append(f"({n}, {level!r}, {rust(low)}, {rust(high)})")
const("T_INTERVALS", "&[(usize, f64, f64, f64)]", rows, "n, level, low, high: scipy.stats.t.interval.")

rows = []
for n in (1, 2, 10, 57, 1000, 100000):
    for successes in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        for level in (0.8, 0.95, 0.99):
            ci = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
            rows.append(f"({successes}, {n}, {level!r}, {rust(ci.low)}, {rust(ci.high)})")
const(
    "WILSON",
    "&[(usize, usize, f64, f64, f64)]",
    rows,
    "successes, n, level, low, high: scipy.stats.binomtest(...).proportion_ci(method='wilson').",
)

rows = []
for n in (1, 2, 9, 40):
    p = ((values(n, 5) * 16 + 1) / 128.0) ** 3
    rows.append(f"({rust(p)}, {rust(stats.false_discovery_control(p, method='bh'))})")
const(
    "BENJAMINI_HOCHBERG",
    "&[(&[f64], &[f64])]",
    rows,
    "p, adjusted p: scipy.stats.false_discovery_control.",
)

rows = []
for n in (1, 2, 7, 30):
    for q in (0.0, 0.025, 0.25, 0.5, 0.9, 1.0):
        rows.append(f"({n}, {q!r}, {rust(np.quantile(values(n, 11), q))})")
const("QUANTILES", "&[(usize, f64, f64)]", rows, "n, probability, quantile: numpy.quantile.")

rows = [f"({n}, {rust(values(n, 4).mean())}, {rust(values(n, 4).var(ddof=1))})" for n in (2, 3, 17, 400)]
const("MOMENTS", "&[(usize, f64, f64)]", rows, "n, mean, variance: numpy mean and var(ddof=1).")

rows = []
for m, n in ((4, 4), (7, 3), (3, 8), (20, 12)):
    rows.append(f"({m}, {n}, {rust(linalg.svdvals(matrix(m, n, 9)))})")
const("SINGULAR_VALUES", "&[(usize, usize, &[f64])]", rows, "rows, columns, values: scipy.linalg.svdvals.")

rows = []
for n in (3, 6, 15):
    a = matrix(n, n, 6)
    rows.append(f"({n}, {rust(linalg.eigvalsh(a + a.T)[::-1])})")
const("EIGENVALUES", "&[(usize, &[f64])]", rows, "n, values of a + aᵀ, descending: scipy.linalg.eigvalsh.")

rows = []
for m, n in ((5, 3), (30, 4)):
    a = matrix(m, n, 2)
    rows.append(f"({m}, {n}, {rust(np.cov(a.T).ravel())}, {rust(np.corrcoef(a.T).ravel())})")
const(
    "COVARIANCES",
    "&[(usize, usize, &[f64], &[f64])]",
    rows,
    "rows, columns, covariance, correlation: numpy.cov and numpy.corrcoef of the columns.",
)

rows = []
for m, n in ((3, 3), (8, 8), (10, 25), (40, 40), (64, 64)):
    cost = matrix(m, n, 13)
    i, j = optimize.linear_sum_assignment(cost)
    rows.append(f"({m}, {n}, {rust(cost[i, j].sum())})")
const("ASSIGNMENTS", "&[(usize, usize, f64)]", rows, "rows, columns, smallest cost: scipy.optimize.linear_sum_assignment.")

text = "//! Written by write_values.py; do not edit.\n\n" + "".join(out).rstrip() + "\n"
pathlib.Path(__file__).with_name("values.rs").write_text(text)
