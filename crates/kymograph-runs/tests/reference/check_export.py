"""Compares exported checkpoints with what they were made from, in PyTorch, and checks every zip entry's check sum.

    pip install -r requirements.txt && python check_export.py EXPORTED ORIGINAL [EXPORTED ORIGINAL ...]
"""

import sys
import warnings
import zipfile

import torch
from safetensors.torch import load_file

warnings.simplefilter("error")


def state_dict(path):
    if path.endswith(".safetensors"):
        return load_file(path)
    loaded = torch.load(path, weights_only=True)
    loaded = loaded.get("model_state_dict", loaded) if isinstance(loaded, dict) else {"tensor": loaded}
    return {name.removeprefix("module."): tensor for name, tensor in loaded.items()}


pairs = list(zip(sys.argv[1::2], sys.argv[2::2]))
for exported, original in pairs:
    copy, source = state_dict(exported), state_dict(original)
    assert set(copy) == set(source), (exported, set(copy) ^ set(source))
    for name, tensor in source.items():
        other = copy[name]
        assert (other.dtype, other.shape) == (tensor.dtype, tensor.shape), (exported, name)
        bits = lambda t: t.contiguous().reshape(-1).view(torch.uint8)
        assert torch.equal(bits(other), bits(tensor)), (exported, name)
    if not exported.endswith(".safetensors"):
        assert zipfile.ZipFile(exported).testzip() is None, exported
        assert list(copy) == list(source), exported
        mapped = torch.load(exported, weights_only=True, mmap=True)
        assert all(torch.equal(bits(mapped[name]), bits(tensor)) for name, tensor in copy.items()), exported
print(len(pairs), "files hold the same tensors")
