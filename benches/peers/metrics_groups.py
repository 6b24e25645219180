"""Times every summary column of one S5 network (MLP 256/128) against PyTorch, same machine.

    cargo build --release -p kymograph --example group_metrics
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/metrics_groups.py [--rounds 5] [--model model.pt --key sign standard] [--write]

Both sides get the same weights, group, representations and training pairs, and take turns. PyTorch is timed with the
definitions of the published summary (cubes χ(abc⁻¹), orthonormal bases of ρ(a), ρ(b) and ρ(ab) over all pairs) in two forms:
`published` takes hidden layer and logits again for every metric as the published code does, `cached` takes them once.
Cubes and bases are computed beforehand and not timed; nor are our representations. Columns must agree before a time
counts. `--write` writes benches/results/metrics_groups.md.
"""
import statistics
import sys
import tempfile
import time
from pathlib import Path

import peer
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

ORDER, EMBED, HIDDEN = 120, 256, 128
TARGET = 0.2


def cross_entropy(logits, labels):
    rows = logits.to(torch.float64).log_softmax(-1)
    return -rows.gather(-1, labels[:, None]).mean().item()


class Torch:
    """The definitions, on cubes and on matrices with a row for each pair."""

    def __init__(self, weights, group, train, key, cached):
        self.w, self.key, self.cached, self.kept = weights, key, cached, {}
        self.label = "cached" if cached else "published"
        table = torch.tensor(group["products"]).reshape(ORDER, ORDER)
        self.labels = table.reshape(-1)
        self.a = torch.arange(ORDER).repeat_interleave(ORDER)
        self.b = torch.arange(ORDER).repeat(ORDER)
        self.train = train
        rest = torch.ones(ORDER * ORDER, dtype=torch.bool)
        rest[train] = False
        self.test = rest.nonzero()[:, 0]
        identity = next(e for e in range(ORDER) if (table[e] == torch.arange(ORDER)).all())
        inverses = (table == identity).nonzero()[:, 1]
        self.irreps = {}
        for name, values in group["irreps"].items():
            degree = round((len(values) / ORDER) ** 0.5)
            rho = torch.tensor(values, dtype=torch.float64).reshape(ORDER, degree, degree)
            character = torch.diagonal(rho, dim1=1, dim2=2).sum(-1)
            entries = rho.reshape(ORDER, -1)
            basis = lambda rows: torch.linalg.qr(entries[rows].float())[0]
            self.irreps[name] = {
                "cube": character[table[self.labels][:, inverses]].float(),
                "own": basis(torch.arange(ORDER)),
                "x": basis(self.a), "y": basis(self.b), "xy": basis(self.labels),
            }
        self.seconds = []

    def again(self, name, compute):
        if not self.cached:
            return compute()
        if name not in self.kept:
            self.kept[name] = compute()
        return self.kept[name]

    def hidden(self):
        def compute():
            stack = torch.hstack((self.w["W_x"][self.a], self.w["W_y"][self.b]))
            return F.relu(stack @ self.w["W"])
        return self.again("hidden", compute)

    def logits(self):
        return self.again("logits", lambda: self.hidden() @ self.w["W_U"])

    def both(self, excluded, restricted):
        return (cross_entropy(excluded[self.train], self.labels[self.train]), cross_entropy(restricted, self.labels))

    def of_logits(self, m, logits, name, cube):
        centred = logits - logits.mean(-1, keepdim=True)
        similarity = F.cosine_similarity(centred.reshape(-1), cube.reshape(-1), dim=0)
        m[f"logit_{name}_rep_trace_similarity"] = similarity.item()
        centred = logits - logits.mean(-1, keepdim=True)
        part = similarity * centred.norm() * cube / cube.norm()
        m[f"logit_excluded_loss_{name}_rep"], m[f"logit_restricted_loss_{name}_rep"] = self.both(centred - part, part)
        return similarity

    def of_weights(self, m, name, own):
        x = self.w["W_x"] @ self.w["W"][:EMBED]
        y = self.w["W_y"] @ self.w["W"][EMBED:]
        for side, table in (("x_embed", x), ("y_embed", y), ("unembed", self.w["W_U"].T)):
            m[f"percent_{side}_{name}_rep"] = ((own.T @ table).pow(2).sum() / table.pow(2).sum()).item()

    def of_hidden(self, m, name, irrep):
        hidden = self.hidden()
        hidden = hidden - hidden.mean(0, keepdim=True)
        norm = hidden.pow(2).sum()
        shares = {side: ((irrep[side].T @ hidden).pow(2).sum() / norm).item() for side in ("x", "y", "xy")}
        for side, share in shares.items():
            m[f"percent_hidden_{side}_{name}_rep"] = share
        m[f"total_percent_hidden_{name}_rep"] = sum(shares.values())
        hidden = self.hidden()
        part = irrep["xy"] @ (irrep["xy"].T @ hidden)
        m[f"hidden_excluded_loss_{name}_rep"], m[f"hidden_restricted_loss_{name}_rep"] = self.both(
            (hidden - part) @ self.w["W_U"], part @ self.w["W_U"])

    @torch.no_grad()
    def columns(self):
        self.kept = {}
        m, similarities, logits = {}, {}, self.logits()
        for name, rows in (("train", self.train), ("test", self.test)):
            m[f"{name}_loss"] = cross_entropy(logits[rows], self.labels[rows])
            m[f"{name}_acc"] = (logits[rows].argmax(1) == self.labels[rows]).double().mean().item()
        m["all_loss"] = cross_entropy(logits, self.labels)
        for name, irrep in self.irreps.items():
            if name != "trivial":
                similarities[name] = self.of_logits(m, logits, name, irrep["cube"])
            self.of_weights(m, name, irrep["own"])
            self.of_hidden(m, name, irrep)
        m["percent_logits_explained"] = sum(s.item() ** 2 for s in similarities.values())
        centred = logits - logits.mean(-1, keepdim=True)
        cubes = {name: self.irreps[name]["cube"] for name in self.key}
        part = sum(similarities[name] * centred.norm() * cube / cube.norm() for name, cube in cubes.items())
        m["total_logit_excluded_loss"], m["total_logit_restricted_loss"] = self.both(centred - part, part)
        hidden = self.hidden()
        bases = [self.irreps[name]["xy"] for name in self.key]
        part = sum(basis @ (basis.T @ hidden) for basis in bases)
        m["total_hidden_excluded_loss"], m["total_hidden_restricted_loss"] = self.both(
            (hidden - part) @ self.w["W_U"], part @ self.w["W_U"])
        m["test_loss_restricted_loss_ratio"] = m["test_loss"] / m["total_hidden_restricted_loss"]
        m["sum_of_squared_weights"] = sum(w.pow(2).sum().item() for w in self.w.values())
        for total, each in (("hidden", "total_percent_hidden"), ("hidden_xy", "percent_hidden_xy"),
                            ("x_embed", "percent_x_embed"), ("y_embed", "percent_y_embed"), ("unembed", "percent_unembed")):
            m[f"percent_{total}_explained"] = sum(m[f"{each}_{name}_rep"] for name in self.key)
        return m

    def time(self, count):
        for _ in range(count):
            start = time.perf_counter()
            self.columns()
            self.seconds.append(time.perf_counter() - start)


def fresh_weights():
    generator = torch.Generator().manual_seed(0)
    shapes = {"W_x": (ORDER, EMBED), "W_y": (ORDER, EMBED), "W": (2 * EMBED, HIDDEN), "W_U": (HIDDEN, ORDER)}
    # Three times the usual scale, so that losses differ.
    return {name: 3 * torch.randn(shape, generator=generator) / shape[-1] ** 0.5 for name, shape in shapes.items()}


def worst(ours, theirs):
    found = (0.0, "")
    for name, value in theirs.items():
        if abs(ours[name] - value) > 2e-8:
            found = max(found, (abs(ours[name] - value) / abs(value), name))
    return found


def main():
    parser = peer.parser(__doc__, 5, "group_metrics")
    parser.add_argument("--model", help="a released model.pt of S5, MLP")
    parser.add_argument("--key", nargs="+", default=["sign", "standard"])
    options = parser.parse_args()
    load = peer.start(options)
    seed, fraction = 1, 0.4
    with tempfile.TemporaryDirectory() as folder:
        weights = torch.load(options.model, weights_only=True, map_location="cpu") if options.model else fresh_weights()
        weights = {name: value.detach().contiguous() for name, value in weights.items()}
        file = f"{folder}/weights.safetensors"
        save_file(weights, file)
        rust = peer.Rust(options.binary, file, "S5", seed, fraction, *options.key)
        group = rust.ask("group")
        torch.manual_seed(seed)
        train = torch.randperm(ORDER * ORDER)[:int(fraction * ORDER * ORDER)]
        forms = [Torch(weights, group, train, options.key, cached) for cached in (False, True)]
        ours = rust.ask("columns")
        agreement = {form.label: worst(ours, form.columns()) for form in forms}
        apart = max(agreement.values())
        if apart[0] > 1e-3:
            sys.exit(f"the two disagree: {apart}")
        seconds = []
        rust.ask("time 2")
        for form in forms:
            form.time(1)
            form.seconds.clear()
        for _ in range(options.rounds):
            seconds += rust.ask("time 3")
            for form in forms:
                form.time(1)
    middle = statistics.median(seconds)
    lines = [
        "# The metrics of one S5 network, against PyTorch", "",
        peer.machine(options, load), "",
        f"Command: `python benches/peers/metrics_groups.py --rounds {options.rounds} --write`", "",
        f"Median milliseconds for {len(forms[0].columns())} columns, from the weights on; the sides take turns in one run. "
        f"Only the ratio travels. Target: {TARGET} of the published form.", "",
        "| form | Kymograph | PyTorch | ratio | fastest of each |", "|---|---|---|---|---|",
    ]
    for form in forms:
        theirs = statistics.median(form.seconds)
        lines.append(f"| {form.label} | {middle * 1e3:.1f} | {theirs * 1e3:.1f} | **{middle / theirs:.3f}** | "
                     f"{min(seconds) * 1e3:.1f} / {min(form.seconds) * 1e3:.1f} |")
    lines += ["", "Agreement, worst relative difference of a column: " + "; ".join(
        f"{label} {value:.1e} ({name})" for label, (value, name) in agreement.items()) + ".", ""]
    peer.finish(lines, options, "metrics_groups.md")


if __name__ == "__main__":
    main()
