"""Writes pairs.json and pairs.safetensors: what PyTorch computes in f64 for networks that compose two group elements.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_pair_fixtures.py

Weights are rounded to f32, so the f32 networks can be held against the same f64 truth. The networks are written pair by
pair as published, without tables.
"""
import json
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = Path(__file__).parent
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
rng = np.random.default_rng(20261122)
tensors, cases = {}, []

S3 = list(permutations(range(3)))
TABLE = [S3.index(tuple(q[i] for i in p)) for p in S3 for q in S3]
N = 6


def numbers(*shape, scale=1.0):
    return torch.tensor((rng.standard_normal(shape) * scale).astype(np.float32).astype(np.float64))


def shapes(a):
    kind = a["kind"]
    if kind == "mlp":
        e, h = a["embed"], a["hidden"]
        out = {"W_x": (N, e), "W_y": (N, e), "W": (2 * e, h), "W_U": (h, N)}
        return {**out, "b": (h,), "b_U": (N,)} if a["bias"] else out
    if kind in ("sum", "bilinear"):
        return {"W_x": (N, a["hidden"]), "W_y": (N, a["hidden"]), "W_U": (a["hidden"], N)}
    d, k, e, m = a["d_model"], a["heads"], a["d_head"], a["d_mlp"]
    attn = {f"blocks.0.attn.{w}": (k, d, e) for w in ("W_Q", "W_K", "W_V")}
    return {"embed.W_E": (N + 1, d), "pos_embed.W_pos": (3, d), **attn, "blocks.0.attn.W_O": (k, e, d),
            "blocks.0.mlp.W_in": (d, m), "blocks.0.mlp.W_out": (m, d), "unembed.W_U": (d, N)}


def logits(a, w, x, y):
    kind = a["kind"]
    if kind == "mlp":
        pre = torch.hstack((w["W_x"][x], w["W_y"][y])) @ w["W"]
        if a["bias"]:
            return F.relu(pre + w["b"]) @ w["W_U"] + w["b_U"]
        return F.relu(pre) @ w["W_U"]
    if kind == "sum":
        return F.relu(w["W_x"][x] + w["W_y"][y]) @ w["W_U"]
    if kind == "bilinear":
        return (w["W_x"][x] * w["W_y"][y]) @ w["W_U"]
    # TransformerLens: one block, no normalisation, causal mask, logits of the last position.
    tokens = torch.stack((x, y, torch.full_like(x, N)), 1)
    stream = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]
    q, k, v = (torch.einsum("bpd,hde->bphe", stream, w[f"blocks.0.attn.W_{s}"]) for s in "QKV")
    scores = torch.einsum("bqhe,bkhe->bhqk", q, k) / a["d_head"] ** 0.5
    scores = scores.masked_fill(~torch.tril(torch.ones(3, 3, dtype=torch.bool)), -100000.0)
    z = torch.einsum("bhqk,bkhe->bqhe", scores.softmax(-1), v)
    stream = stream + torch.einsum("bqhe,hed->bqd", z, w["blocks.0.attn.W_O"])
    stream = stream + F.relu(stream @ w["blocks.0.mlp.W_in"]) @ w["blocks.0.mlp.W_out"]
    return (stream @ w["unembed.W_U"])[:, -1]


def case(name, architecture, pairs, optimiser):
    w = {key: numbers(*shape, scale=0.6).requires_grad_() for key, shape in shapes(architecture).items()}
    for key, value in w.items():
        tensors[f"{name}/before/{key}"] = value.detach().numpy().copy()
    x, y = torch.tensor([p // N for p in pairs]), torch.tensor([p % N for p in pairs])
    labels = torch.tensor([TABLE[p] for p in pairs])
    everything = logits(architecture, w, torch.arange(N * N) // N, torch.arange(N * N) % N)
    tensors[f"{name}/logits"] = everything.detach().numpy().copy()
    options = {key: value for key, value in optimiser.items() if key != "kind"}
    torch_optimiser = (torch.optim.AdamW if optimiser["kind"] == "adamw" else torch.optim.Adam)(w.values(), **options)
    losses = []
    for step in range(5):
        torch_optimiser.zero_grad()
        loss = F.cross_entropy(logits(architecture, w, x, y), labels)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            for key, value in w.items():
                tensors[f"{name}/gradient/{key}"] = value.grad.numpy().copy()
        torch_optimiser.step()
    for key, value in w.items():
        tensors[f"{name}/after/{key}"] = value.detach().numpy().copy()
    cases.append({"name": name, "spec": {"order": N, "architecture": architecture}, "pairs": pairs,
                  "optimiser": optimiser, "losses": losses})


PAPER = {"kind": "adamw", "lr": 1e-3, "betas": [0.9, 0.98], "weight_decay": 1.0}
COUPLED = {"kind": "adam", "lr": 1e-2, "weight_decay": 2e-4}
some = sorted(rng.permutation(N * N)[:19].tolist())
case("mlp", {"kind": "mlp", "embed": 7, "hidden": 11, "bias": False}, some, PAPER)
case("mlp_bias", {"kind": "mlp", "embed": 5, "hidden": 18, "bias": True}, some, PAPER)
case("mlp_all", {"kind": "mlp", "embed": 4, "hidden": 16, "bias": False}, list(range(N * N)), COUPLED)
case("sum", {"kind": "sum", "hidden": 13}, some, COUPLED)
case("bilinear", {"kind": "bilinear", "hidden": 9}, some, PAPER)
case("transformer", {"kind": "transformer", "d_model": 10, "heads": 2, "d_head": 5, "d_mlp": 17}, some, PAPER)
case("one_head", {"kind": "transformer", "d_model": 8, "heads": 1, "d_head": 3, "d_mlp": 9}, list(range(N * N)), COUPLED)

# A network that is sure: x and y say one thing each, so the logits of row i are a column of W_U, in f32 as published
# notebooks train. Losses there are multiples of 2^-23.
sure = (rng.standard_normal((N * N, N)) * 2).astype(np.float32)
for i in range(N * N):
    sure[i, TABLE[i]] += np.float32(8 + i * 0.4)
for dtype, name in ((torch.float32, "f32"), (torch.float64, "f64")):
    z = torch.tensor(sure).requires_grad_()
    rows = F.cross_entropy(z.to(dtype), torch.tensor(TABLE), reduction="none")
    rows.mean().backward()
    tensors[f"sure/{name}/losses"] = rows.detach().double().numpy()
    tensors[f"sure/{name}/gradient"] = z.grad.double().numpy()
tensors["sure/logits"] = sure.astype(np.float64)

save_file(tensors, HERE / "pairs.safetensors")
(HERE / "pairs.json").write_text(json.dumps({"torch": torch.__version__, "table": TABLE, "cases": cases}, indent=1))
