"""Writes checkpoints in parts and arrays of NumPy, which the importers' tests read, and expected.json with their values
(as text, in Python's shortest form that gives the same number back).

    pip install -r requirements.txt && python make_parts.py

Everything is seeded; the files lie beside this script in `parts/`.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

OUT = Path(__file__).parent / "parts"
shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
random = np.random.default_rng(0)
expected = {}


def describe(arrays):
    return [
        {"name": name, "shape": list(np.shape(a)), "dtype": np.asarray(a).dtype.name,
         "values": [repr(float(v)) for v in np.asarray(a).flatten()]}
        for name, a in arrays.items()
    ]


shards = {
    "model-00001-of-00002.safetensors": {"module.embed.weight": random.normal(size=(4, 3)).astype(np.float32),
                                         "module.norm.bias": np.arange(3, dtype=np.float16)},
    "model-00002-of-00002.safetensors": {"module.head.weight": random.normal(size=(2, 3)).astype(np.float32)},
}
whole = {}
for file, arrays in shards.items():
    save_file(arrays, OUT / file, metadata={"format": "pt"})
    (OUT / file).chmod(0o644)
    whole.update({name.removeprefix("module."): a for name, a in arrays.items()})
weight_map = {name: file for file, arrays in shards.items() for name in arrays}
total = sum(a.nbytes for a in whole.values())
(OUT / "model.safetensors.index.json").write_text(
    json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n")
expected["model.safetensors.index.json"] = describe(whole)

arrays = {
    "conv1.weight": random.normal(size=(2, 1, 3, 3)).astype(np.float32),
    "double": np.asfortranarray(random.normal(size=(2, 3))),
    "half": np.array([0.5, -2.0, 6e-8], dtype=np.float16),
    "long": np.array([[-1], [2**40]], dtype=np.int64),
    "int": np.array([-7, 2**30], dtype=np.int32),
    "short": np.array([-300, 300], dtype=np.int16),
    "char": np.array([-128, 127], dtype=np.int8),
    "byte": np.arange(4, dtype=np.uint8).reshape(1, 2, 2),
    "word": np.array([65535], dtype=np.uint16),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "block/kernel": np.zeros((40, 50), dtype=np.float32),
    "step": np.int64(640),
    "loss": np.float64(0.25),
}
beside = {"name": np.array("cnn"), "phase": np.array([1j, 2.0])}
np.savez(OUT / "stored.npz", **arrays, **beside)
np.savez_compressed(OUT / "deflated.npz", **arrays, **beside)
expected["stored.npz"] = expected["deflated.npz"] = describe(arrays)
np.savez(OUT / "objects.npz", weight=arrays["half"], config=np.array({"lr": 0.1}, dtype=object))
expected["objects.npz"] = describe({"weight": arrays["half"]})
np.savez(OUT / "only_objects.npz", config=np.array({"lr": 0.1}, dtype=object))
np.save(OUT / "weights_00100.npy", arrays["double"])
expected["weights_00100.npy"] = describe({"array": arrays["double"]})
np.save(OUT / "objects.npy", np.array([{"lr": 0.1}], dtype=object))
np.save(OUT / "big_endian.npy", np.array([1.0], dtype=">f4"))
np.save(OUT / "structure.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))

lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in expected.items())
(OUT / "expected.json").write_text("{\n" + lines + "\n}\n")
