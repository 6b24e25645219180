"""Writes the small checkpoints and arrays which the importers' tests read, and expected.json with their values (as
text, in Python's shortest form that gives the same number back).

    pip install -r requirements.txt && python make_checkpoints.py

Everything is seeded; the files lie beside this script in `checkpoints/`.
"""

import json
import os
import pickle
import shutil
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

OUT = Path(__file__).parent / "checkpoints"
shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
torch.manual_seed(0)
expected = {}


def describe(tensors):
    names = {torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32", torch.float64: "f64",
             torch.int8: "i8", torch.int16: "i16", torch.int32: "i32", torch.int64: "i64", torch.uint8: "u8",
             torch.uint16: "u16", torch.uint32: "u32", torch.bool: "bool"}
    return [
        {"name": name, "shape": list(t.shape), "dtype": names[t.dtype],
         "values": [repr(v) for v in t.detach().to(torch.float64).flatten().tolist()]}
        for name, t in tensors.items()
    ]


def kinds():
    """One tensor of each type, and every way of lying in a storage."""
    base = torch.arange(24, dtype=torch.float32) / 7
    return OrderedDict([
        ("conv1.weight", torch.randn(2, 1, 3, 3)),
        ("half", torch.randn(3).half()),
        ("brain", torch.randn(3).bfloat16()),
        ("double", torch.randn(2, 2, dtype=torch.float64)),
        ("long", torch.tensor([-5, 2**53], dtype=torch.int64)),
        ("int", torch.tensor([-7, 2**30], dtype=torch.int32)),
        ("short", torch.tensor([-300, 300], dtype=torch.int16)),
        ("char", torch.tensor([-128, 127], dtype=torch.int8)),
        ("byte", torch.tensor([0, 255], dtype=torch.uint8)),
        ("flags", torch.tensor([[True, False], [False, True]])),
        ("bn.num_batches_tracked", torch.tensor(41)),
        ("empty", torch.zeros(0, 3)),
        ("shared.whole", base),
        ("shared.part", base[6:12]),
        ("shared.transposed", base.view(4, 6).t()),
        ("shared.every_other", base[1::2]),
        ("shared.block", base.view(2, 3, 4)[:, 1:, 1:3]),
        ("expanded", torch.tensor([[1.5], [2.5]]).expand(2, 3)),
    ])


def save(name, obj, model, **options):
    torch.save(obj, OUT / name, **options)
    expected[name] = {"tensors": describe(model)}


state = kinds()
save("kinds_zip.pt", state, state)
save("kinds_legacy.pt", state, state, _use_new_zipfile_serialization=False)
save("kinds_protocol4.pth", state, state, pickle_protocol=4)
# The name's length makes the archive's first header end on an alignment boundary, so that its padding is empty: the
# kind of file which some zip readers refuse.
save("checkpoint_step_00100.pt", state, state)

unsigned = OrderedDict(words=torch.tensor([1, 65535], dtype=torch.uint16),
                       longs=torch.tensor([1, 2**32 - 1], dtype=torch.uint32))
save("unsigned.pt", unsigned, unsigned)

network = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(1, 2, 3), norm=torch.nn.BatchNorm2d(2),
                                          flat=torch.nn.Flatten(), fc=torch.nn.Linear(8, 3)))
optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
for _ in range(2):
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(network(torch.randn(4, 1, 4, 4)), torch.tensor([0, 1, 2, 0])).backward()
    optimiser.step()
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [3, 5])
wrapped = OrderedDict((f"module.{k}", v) for k, v in network.state_dict().items())
save("training.pt", {"step": 1200, "epoch": 3, "loss": 0.25, "name": "cnn", "diverged": float("nan"),
                     "model_state_dict": wrapped, "optimizer_state_dict": optimiser.state_dict(),
                     "scheduler": scheduler.state_dict()}, network.state_dict())
save("compiled.bin", {"state_dict": OrderedDict((f"_orig_mod.module.{k}", v) for k, v in network.state_dict().items()),
                      "global_step": 77}, network.state_dict())
save("nested.pt", {"model": {"state_dict": network.state_dict()}, "iteration": 9}, network.state_dict())
parameters = {"weight": torch.nn.Parameter(torch.randn(2, 3)), "bias": torch.nn.Parameter(torch.randn(2))}
save("parameters.pt", parameters, parameters)
numbers = {"weight": torch.randn(2)}
save("numpy_numbers.pt", {"model": numbers, "epoch": np.int64(4), "loss": np.float64(0.125), "flag": np.bool_(True),
                          "rate": np.float32(0.5), "seen": Counter(a=2), "size": torch.Size([2, 3]),
                          "device": torch.device("cpu")}, numbers)
single = {"tensor": torch.randn(2, 2)}
save("single.pt", single["tensor"], single)
parts = {"encoder": {"w": torch.randn(2)}, "decoder": {"w": torch.randn(3)}}
save("parts.pt", parts, {"encoder.w": parts["encoder"]["w"], "decoder.w": parts["decoder"]["w"]})
broken = {"fc.weight": torch.tensor([[1.0, 2.0], [float("nan"), float("inf")]])}
torch.save(broken, OUT / "not_finite.pt")

contiguous = OrderedDict((k, v.clone().contiguous()) for k, v in {**state, **unsigned}.items())
save_file(contiguous, OUT / "kinds.safetensors", metadata={"step": "640", "format": "pt"})
expected["kinds.safetensors"] = {"tensors": describe(contiguous)}


class Evil:
    def __reduce__(self):
        return os.system, ("touch kymograph-was-here",)


torch.save({"model": numbers, "extra": Evil()}, OUT / "malicious.pt")
torch.save({"model": numbers, "extra": Evil()}, OUT / "malicious_legacy.pt", _use_new_zipfile_serialization=False)
(OUT / "malicious_pickle.pt").write_bytes(pickle.dumps(Evil(), protocol=0))
(OUT / "malicious_pickle4.pt").write_bytes(pickle.dumps(Evil(), protocol=4))
torch.save(torch.nn.Linear(2, 2), OUT / "whole_module.pt")
torch.save({"w": torch.eye(3).to_sparse()}, OUT / "sparse.pt")

arrays = {
    "float32.npy": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "fortran.npy": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3) / 7),
    "half.npy": np.array([0.5, -2.0], dtype=np.float16),
    "long.npy": np.array([[-1], [2**40]], dtype=np.int64),
    "byte.npy": np.arange(4, dtype=np.uint8).reshape(1, 2, 2),
    "flags.npy": np.array([True, False]),
    "scalar.npy": np.float64(2.5),
}
for name, array in arrays.items():
    np.save(OUT / name, array)
    array = np.asarray(array)
    expected[name] = {"shape": list(array.shape), "values": [repr(float(v)) for v in array.flatten()]}
np.save(OUT / "complex.npy", np.array([1j]))

os.chmod(OUT / "kinds.safetensors", 0o644)
(OUT / "expected.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in expected.items()) + "\n}\n")
