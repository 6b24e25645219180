"""Writes Parquet files by pyarrow, which tests/parquet.rs reads, and expected.json with their values (as text, in
Python's shortest form that gives the same number back).

    pip install -r parquet-requirements.txt && python make_parquet.py

Everything is seeded; the files lie beside this script in `parquet/`.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parent / "parquet"
shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
random = np.random.default_rng(0)
expected = {}


def write(name, columns, arrays, **options):
    """`arrays`: what is to be read, by name of the array."""
    pq.write_table(pa.table(columns), OUT / name, row_group_size=7, **options)
    expected[name] = {
        key: {"shape": list(a.shape), "dtype": a.dtype.name, "values": [repr(float(v)) for v in a.flatten()]}
        for key, a in arrays.items()
    }


x = random.normal(size=(20, 5)).astype(np.float32)
rows = [list(row) for row in x]
write("lists.parquet", {"acts": pa.array(rows, pa.list_(pa.float32()))}, {"array": x, "acts": x})
write("fixed.parquet", {"acts": pa.array(rows, pa.list_(pa.float32(), 5))}, {"array": x}, compression="gzip")
half = x.astype(np.float16)
write("half.parquet", {"acts": pa.array([list(r) for r in half], pa.large_list(pa.float16()))}, {"array": half},
      compression="lz4", use_dictionary=False)
write("columns.parquet", {f"f{i}": x[:, i] for i in range(5)}, {"array": x, "f3": x[:, 3]}, compression="none",
      data_page_version="2.0")
whole = np.arange(20) - 4
mixed = np.stack([x[:, 0].astype(float), whole.astype(float), (whole > 3).astype(float)], 1)
write("mixed.parquet", {"f": x[:, 0], "n": whole, "b": whole > 3}, {"array": mixed, "n": whole})
write("labelled.parquet", {"text": [str(i) for i in range(20)], "label": whole, "acts": pa.array(rows, pa.list_(pa.float32()))},
      {"acts": x, "label": whole})
# Refused.
write("zstd.parquet", {"f": x[:, 0]}, {}, compression="zstd")
write("null.parquet", {"f": pa.array([1.0] * 12 + [None] + [2.0] * 7)}, {})
write("null_inside.parquet", {"acts": pa.array([[1.0, 2.0]] * 9 + [[1.0, None]], pa.list_(pa.float64()))}, {})
write("ragged.parquet", {"acts": pa.array([[1.0, 2.0]] * 9 + [[1.0]] + [[1.0, 2.0]] * 3, pa.list_(pa.float64()))}, {})
write("text.parquet", {"text": ["a", "b"]}, {})

(OUT / "expected.json").write_text(json.dumps(expected, indent=1))
