"""Writes cases.json and cases.safetensors: what PyTorch computes in f64 for small networks of every layer.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_fixtures.py

Inputs and weights are rounded to f32, so the f32 layers can be held against the same f64 truth.
"""
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

HERE = Path(__file__).parent
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20240607)
tensors, cases = {}, []


def numbers(*shape, scale=1.0):
    return torch.tensor((rng.standard_normal(shape) * scale).astype(np.float32).astype(np.float64))


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def module(kind, shape, o):
    """The PyTorch module of a layer and the shape after it."""
    nn = torch.nn
    if kind == "linear":
        return nn.Linear(shape[0], o["out_features"], bias=o.get("bias", True))
    if kind == "conv2d":
        return nn.Conv2d(shape[0], o["out_channels"], pair(o["kernel_size"]), pair(o.get("stride", 1)),
                         pair(o.get("padding", 0)), bias=o.get("bias", True))
    if kind == "max_pool2d":
        return nn.MaxPool2d(pair(o["kernel_size"]), pair(o.get("stride", o["kernel_size"])), pair(o.get("padding", 0)))
    if kind in ("batch_norm1d", "batch_norm2d"):
        cls = nn.BatchNorm1d if kind == "batch_norm1d" else nn.BatchNorm2d
        return cls(shape[0], eps=o.get("eps", 1e-5), momentum=o.get("momentum", 0.1))
    if kind == "dropout":
        return nn.Dropout(o["p"])
    if kind == "layer_norm":
        return nn.LayerNorm(shape[-1], eps=o.get("eps", 1e-5))
    if kind == "gelu":
        return nn.GELU(approximate=o.get("approximate", "none"))
    if kind == "embedding":
        return nn.Embedding(o["num_embeddings"], o["embedding_dim"])
    if kind == "positions":
        return nn.Parameter(torch.randn(*shape))
    if kind == "multihead_attention":
        return nn.MultiheadAttention(shape[-1], o["num_heads"], bias=o.get("bias", True), batch_first=True)
    return {"relu": nn.ReLU(), "tanh": nn.Tanh(), "silu": nn.SiLU(), "softmax": nn.Softmax(-1),
            "flatten": nn.Flatten()}[kind]


class Network(torch.nn.Module):
    """A specification as PyTorch would run it; modules are made as the shapes before them become known."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.run(spec["layers"], torch.zeros(2, *spec["input"]))

    def forward(self, x):
        return self.run(self.spec["layers"], x)

    def run(self, layers, x):
        for layer in layers:
            name, kind = layer["name"], layer["kind"]
            if kind == "residual":
                x = x + self.run(layer["layers"], x)
            elif kind == "patches":
                x = x.flatten(1).view(x.shape[0], -1, layer["size"])
            elif kind == "mean_tokens":
                x = x.mean(1)
            else:
                if not hasattr(self, name):
                    # A linear layer looks at a token's features, a convolution at an image's channels.
                    shape = x.shape[-1:] if kind == "linear" else x.shape[1:]
                    setattr(self, name, module(kind, shape, layer))
                x = self.one(getattr(self, name), kind, x, layer)
        return x

    def one(self, part, kind, x, layer):
        if kind == "positions":
            return x + part
        if kind == "embedding":
            return part(x.long())
        if kind == "multihead_attention":
            mask = causal_mask(x.shape[1]) if layer.get("causal") else None
            x, self.pattern = part(x, x, x, attn_mask=mask, average_attn_weights=False)
            return x
        return part(x)


class Encoder(torch.nn.Module):
    """An image in patches, or whole numbers looked up in a table, through `torch.nn.TransformerEncoder`."""

    def __init__(self, o):
        super().__init__()
        nn, self.o = torch.nn, o
        tokens = o["input"][0] if "vocabulary" in o else int(np.prod(o["input"])) // o["patch"]
        if "vocabulary" in o:
            self.embed = nn.Embedding(o["vocabulary"], o["d_model"])
        else:
            self.input_proj = nn.Linear(o["patch"], o["d_model"])
        self.pos_encoder = nn.Parameter(torch.randn(tokens, o["d_model"]))
        layer = nn.TransformerEncoderLayer(
            o["d_model"], o["nhead"], o["dim_feedforward"], o["dropout"], o["activation"], batch_first=True,
            norm_first=o["norm_first"])
        self.transformer = nn.TransformerEncoder(layer, o["num_layers"], enable_nested_tensor=False)
        self.fc = nn.Linear(o["d_model"], o["classes"])

    def forward(self, x):
        if "vocabulary" in self.o:
            x = self.embed(x.long())
        else:
            x = self.input_proj(x.flatten(1).view(x.shape[0], -1, self.o["patch"]))
        x = x + self.pos_encoder
        mask = causal_mask(x.shape[1]) if self.o["causal"] else None
        return self.fc(self.transformer(x, mask=mask, is_causal=self.o["causal"]).mean(1))


def causal_mask(tokens):
    return torch.nn.Transformer.generate_square_subsequent_mask(tokens)


def build(spec):
    net = Encoder(spec["encoder"]) if "encoder" in spec else Network(spec)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                value.fill_(3)
            elif name.endswith("running_var") or (name.endswith("weight") and value.dim() == 1):
                value.copy_(numbers(*value.shape).abs() + 0.5)
            else:
                value.copy_(numbers(*value.shape, scale=0.4))
    return net


def put(case, name, value):
    tensors[f"{case}/{name}"] = value.detach().numpy().astype(np.float64, order="C")


def put_state(case, prefix, net):
    for name, value in net.state_dict().items():
        put(case, f"{prefix}/{name}", value)


def layer_case(name, spec, batch, mode="train", x=None):
    """Output, and gradients of <output, weights of the output> with respect to input and parameters."""
    spec = {"name": name, **spec}
    net = build(spec)
    x = numbers(batch, *spec["input"]) if x is None else x
    x.requires_grad_(True)
    whole = spec["layers"][0]["kind"] == "embedding" if "layers" in spec else "vocabulary" in spec["encoder"]
    put(name, "x", x)
    put_state(name, "before", net)
    net.train(mode == "train")
    y = net(x)
    slope = numbers(*y.shape)
    y.backward(slope)
    put(name, "y", y)
    put(name, "slope", slope)
    put(name, "x.grad", torch.zeros_like(x) if whole else x.grad)
    if hasattr(net, "pattern"):
        put(name, "pattern", net.pattern)
    for key, value in net.named_parameters():
        put(name, f"grad/{key}", value.grad)
    if any("running" in key for key in net.state_dict()):
        put_state(name, "after", net)
    cases.append({"kind": "layer", "name": name, "spec": spec, "mode": mode})


def one(kind, shape, **options):
    return {"input": list(shape), "layers": [{"name": "layer", "kind": kind, **options}]}


def training_case(name, spec, batch, steps, optimiser, make, schedule=None, loss="cross_entropy"):
    """Losses of some steps of training and the state after the last."""
    spec = {"name": name, **spec}
    net = build(spec)
    net.train()
    put_state(name, "before", net)
    opt = make(net.parameters())
    sched = schedule(opt) if schedule else None
    losses, norms, labels = [], [], []
    xs = numbers(steps, batch, *spec["input"])
    out = spec["encoder"]["classes"] if "encoder" in spec else spec["layers"][-1]["out_features"]
    if "encoder" in spec and "vocabulary" in spec["encoder"]:
        xs = torch.tensor(rng.integers(0, spec["encoder"]["vocabulary"], tuple(xs.shape)).astype(np.float64))
    put(name, "x", xs)
    targets = numbers(steps, batch, out)
    for step in range(steps):
        label = rng.integers(0, out, batch)
        labels.append([int(v) for v in label])
        opt.zero_grad()
        y = net(xs[step])
        if loss == "cross_entropy":
            value = torch.nn.functional.cross_entropy(y, torch.tensor(label))
        else:
            value = torch.nn.functional.mse_loss(y, targets[step])
        value.backward()
        norms.append(float(torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in net.parameters()]))))
        opt.step()
        if sched:
            sched.step()
        losses.append(value.item())
    if loss == "mse":
        put(name, "targets", targets)
    put_state(name, "after", net)
    cases.append({"kind": "training", "name": name, "spec": spec, "optimiser": optimiser, "loss": loss,
                  "labels": labels, "losses": losses, "norms": norms})


layer_case("linear", one("linear", [7], out_features=5), 3)
layer_case("linear_no_bias", one("linear", [40], out_features=37, bias=False), 9)
layer_case("linear_wide", one("linear", [3], out_features=70), 17)
convolutions = [
    ([1, 5, 7], dict(out_channels=3, kernel_size=3, padding=1), 3),
    ([2, 6, 5], dict(out_channels=4, kernel_size=[2, 3], stride=[2, 1], padding=[0, 1]), 2),
    ([3, 9, 8], dict(out_channels=17, kernel_size=5, stride=2, padding=2), 2),
    ([2, 4, 4], dict(out_channels=3, kernel_size=1), 3),
    ([2, 5, 5], dict(out_channels=3, kernel_size=1, stride=2, padding=1), 2),
    ([4, 11, 7], dict(out_channels=33, kernel_size=3, bias=False), 2),
    ([1, 6, 6], dict(out_channels=2, kernel_size=2, stride=2), 4),
    ([3, 4, 3], dict(out_channels=5, kernel_size=3, padding=2), 2),
    ([2, 7, 9], dict(out_channels=3, kernel_size=[5, 2], stride=[3, 2], padding=[2, 1]), 9),
    ([2, 8, 15], dict(out_channels=18, kernel_size=2, padding=1), 1),
]
for index, (shape, options, batch) in enumerate(convolutions):
    layer_case(f"conv_{index}", one("conv2d", shape, **options), batch)
layer_case("pool", one("max_pool2d", [3, 6, 8], kernel_size=2), 3)
layer_case("pool_left_over", one("max_pool2d", [2, 7, 5], kernel_size=2), 3)
layer_case("pool_overlapping", one("max_pool2d", [2, 7, 8], kernel_size=3, stride=2, padding=1), 3)
layer_case("pool_not_square", one("max_pool2d", [17, 5, 9], kernel_size=[2, 3], stride=[1, 2], padding=[1, 0]), 2)
ties = torch.tensor(rng.integers(-1, 2, (3, 2, 6, 6)).astype(np.float64))
layer_case("pool_ties", one("max_pool2d", [2, 6, 6], kernel_size=3, stride=2), 3, x=ties)
for mode in ("train", "eval"):
    layer_case(f"batch_norm1d_{mode}", one("batch_norm1d", [5]), 11, mode)
    layer_case(f"batch_norm2d_{mode}", one("batch_norm2d", [3, 4, 5], eps=1e-3, momentum=0.3), 4, mode)
layer_case("relu", one("relu", [2, 3, 4]), 3)
layer_case("tanh", one("tanh", [9]), 3)
layer_case("softmax", one("softmax", [6]), 3)
layer_case("flatten", one("flatten", [3, 4, 2]), 3)
layer_case("dropout_eval", one("dropout", [6], p=0.5), 3, "eval")
chain = {"input": [2, 9, 8], "layers": [
    {"name": "conv1", "kind": "conv2d", "out_channels": 5, "kernel_size": 3, "padding": 1},
    {"name": "relu1", "kind": "relu"},
    {"name": "pool1", "kind": "max_pool2d", "kernel_size": 2},
    {"name": "bn1", "kind": "batch_norm2d"},
    {"name": "conv2", "kind": "conv2d", "out_channels": 6, "kernel_size": 2},
    {"name": "pool2", "kind": "max_pool2d", "kernel_size": 2, "stride": 1},
    {"name": "tanh2", "kind": "tanh"},
    {"name": "flatten", "kind": "flatten"},
    {"name": "fc1", "kind": "linear", "out_features": 7},
    {"name": "bn2", "kind": "batch_norm1d"},
    {"name": "relu2", "kind": "relu"},
    {"name": "fc2", "kind": "linear", "out_features": 4},
    {"name": "relu3", "kind": "relu"},
]}
layer_case("chain_train", chain, 10)
layer_case("chain_eval", chain, 3, "eval")

mlp = {"input": [5], "layers": [
    {"name": "fc1", "kind": "linear", "out_features": 6}, {"name": "tanh1", "kind": "tanh"},
    {"name": "fc2", "kind": "linear", "out_features": 3}]}
O, S = torch.optim, torch.optim.lr_scheduler
optimisers = {
    "sgd": ({"kind": "sgd", "lr": 0.1}, lambda p: O.SGD(p, lr=0.1), None),
    "sgd_momentum": ({"kind": "sgd", "lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02},
                     lambda p: O.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.02), None),
    "sgd_nesterov": ({"kind": "sgd", "lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True,
                      "schedule": {"kind": "step", "every": 2, "factor": 0.5}},
                     lambda p: O.SGD(p, lr=0.05, momentum=0.8, weight_decay=0.01, nesterov=True),
                     lambda o: S.StepLR(o, 2, gamma=0.5)),
    "sgd_decay": ({"kind": "sgd", "lr": 0.05, "weight_decay": 0.1}, lambda p: O.SGD(p, lr=0.05, weight_decay=0.1), None),
    "adam": ({"kind": "adam"}, lambda p: O.Adam(p), None),
    "adam_decay": ({"kind": "adam", "lr": 0.02, "betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.1,
                    "schedule": {"kind": "cosine", "steps": 6, "lowest": 0.1}},
                   lambda p: O.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
                   lambda o: S.CosineAnnealingLR(o, 6, eta_min=0.002)),
    "adamw": ({"kind": "adamw", "lr": 0.02}, lambda p: O.AdamW(p, lr=0.02), None),
    "adamw_warm_up": ({"kind": "adamw", "lr": 0.02, "weight_decay": 0.3, "schedule": {
                          "kind": "warm_up", "steps": 3, "start": 0.25,
                          "then": {"kind": "cosine", "steps": 4}}},
                      lambda p: O.AdamW(p, lr=0.02, weight_decay=0.3),
                      lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.25, 1.0, 3), S.CosineAnnealingLR(o, 4)], [3])),
}
for name, (spec, make, schedule) in optimisers.items():
    training_case(f"opt_{name}", mlp, 4, 7, spec, make, schedule)
training_case("opt_mse", mlp, 4, 5, {"kind": "adam", "lr": 0.02}, lambda p: O.Adam(p, lr=0.02), loss="mse")
cnn = {"input": [1, 12, 12], "layers": [
    {"name": "conv1", "kind": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"name": "relu1", "kind": "relu"}, {"name": "pool1", "kind": "max_pool2d", "kernel_size": 2},
    {"name": "conv2", "kind": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
    {"name": "relu2", "kind": "relu"}, {"name": "pool2", "kind": "max_pool2d", "kernel_size": 2},
    {"name": "flatten", "kind": "flatten"}, {"name": "fc", "kind": "linear", "out_features": 10}]}
training_case("train_cnn", cnn, 20, 5, {"kind": "adam", "lr": 0.01}, lambda p: O.Adam(p, lr=0.01))
normed = {"input": [2, 6, 6], "layers": [
    {"name": "conv1", "kind": "conv2d", "out_channels": 5, "kernel_size": 3, "bias": False},
    {"name": "bn1", "kind": "batch_norm2d"}, {"name": "relu1", "kind": "relu"},
    {"name": "flatten", "kind": "flatten"}, {"name": "fc1", "kind": "linear", "out_features": 6},
    {"name": "bn2", "kind": "batch_norm1d"}, {"name": "relu2", "kind": "relu"},
    {"name": "fc2", "kind": "linear", "out_features": 3}]}
training_case("train_normed", normed, 12, 5, {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
              lambda p: O.SGD(p, lr=0.1, momentum=0.9))

layer_case("linear_tokens", one("linear", [5, 7], out_features=6), 9)
layer_case("layer_norm", one("layer_norm", [7]), 11)
layer_case("layer_norm_tokens", one("layer_norm", [3, 37], eps=1e-3), 4)
for approximate in ("none", "tanh"):
    layer_case(f"gelu_{approximate}", one("gelu", [4, 90], approximate=approximate), 3, x=numbers(3, 4, 90, scale=3.0))
layer_case("silu", one("silu", [90]), 3, x=numbers(3, 90, scale=4.0))
layer_case("softmax_tokens", one("softmax", [3, 5]), 3)
layer_case("patches", one("patches", [2, 6, 4], size=16), 3)
layer_case("positions", one("positions", [3, 5]), 9)
layer_case("mean_tokens", one("mean_tokens", [3, 5]), 9)
layer_case("flatten_tokens", one("flatten", [3, 5]), 3)
layer_case("embedding", one("embedding", [6], num_embeddings=5, embedding_dim=7), 9,
           x=torch.tensor(rng.integers(0, 4, (9, 6)).astype(np.float64)))
attentions = [([5, 6], dict(num_heads=2), 3), ([5, 6], dict(num_heads=3, causal=True), 9),
              ([17, 40], dict(num_heads=1, bias=False), 2), ([1, 8], dict(num_heads=4), 3),
              ([20, 36], dict(num_heads=2, causal=True, bias=False), 3)]
for index, (shape, options, batch) in enumerate(attentions):
    layer_case(f"attention_{index}", one("multihead_attention", shape, **options), batch)
blocks = {"input": [4, 6], "layers": [
    {"name": "pre", "kind": "residual", "layers": [
        {"name": "norm1", "kind": "layer_norm"},
        {"name": "attn", "kind": "multihead_attention", "num_heads": 2},
        {"name": "inner", "kind": "residual", "layers": [
            {"name": "act", "kind": "relu"}, {"name": "mid", "kind": "linear", "out_features": 6}]}]},
    {"name": "norm2", "kind": "layer_norm"},
    {"name": "up", "kind": "linear", "out_features": 6},
    {"name": "bent", "kind": "residual", "layers": [{"name": "relu", "kind": "relu"}]},
    {"name": "flatten", "kind": "flatten"},
    {"name": "normed", "kind": "residual", "layers": [{"name": "bn", "kind": "batch_norm1d"}]},
]}
layer_case("residual", blocks, 9)
layer_case("residual_eval", blocks, 3, "eval")
base = dict(input=[1, 6, 8], patch=8, d_model=12, nhead=3, dim_feedforward=20, num_layers=2, dropout=0.0,
            activation="relu", norm_first=False, causal=False, classes=4)
encoders = {
    "post": base,
    "pre_causal": dict(base, norm_first=True, causal=True, activation="gelu"),
    "dropout_in_eval": dict(base, dropout=0.1),
    "words": dict({k: v for k, v in base.items() if k != "patch"}, input=[7], vocabulary=9, causal=True),
}
for name, options in encoders.items():
    spec = {"input": options["input"], "encoder": options}
    x = torch.tensor(rng.integers(0, 9, (9, 7)).astype(np.float64)) if name == "words" else None
    layer_case(f"encoder_{name}", spec, 9, "eval" if options["dropout"] else "train", x=x)
    if not options["dropout"]:
        # Attention does not feel the bias of its keys, whose gradient is rounding alone; Adam with a small eps makes steps of it.
        training_case(f"train_encoder_{name}", spec, 9, 6, {"kind": "adam", "lr": 0.003, "eps": 1e-3},
                      lambda p: O.Adam(p, lr=0.003, eps=1e-3))
        training_case(f"train_encoder_{name}_sgd", spec, 9, 6, {"kind": "sgd", "lr": 0.02, "momentum": 0.9},
                      lambda p: O.SGD(p, lr=0.02, momentum=0.9))

save_file(tensors, HERE / "cases.safetensors", metadata={"torch": torch.__version__})
(HERE / "cases.json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}, indent=1) + "\n")
