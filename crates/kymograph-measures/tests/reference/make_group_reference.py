"""Writes groups.json: the order in which SymPy lists permutations, and the published matrices of A5 as PyTorch makes them.

python -m venv venv && venv/bin/pip install -r requirements.txt torch==2.15.0 && venv/bin/python make_group_reference.py
It also prints the levels of `src/groups/families/transversals.rs` and the words of `src/groups/irreps/wrong_a5.rs`. Given the
folder of the released networks (https://github.com/bilal-chughtai/rep-theory-mech-interp), it prints how many of their
answers are right in this order, and the share of their weights beside the published one.
"""

import json
import pathlib
import sys

import numpy as np
import sympy
import torch
from scipy.spatial.transform import Rotation
from sympy.combinatorics import Permutation, PermutationGroup
from sympy.combinatorics.named_groups import AlternatingGroup, SymmetricGroup

here = pathlib.Path(__file__).parent
cycle, pairs = Permutation(0, 1, 2, 3, 4), Permutation(1, 2)(3, 4)
groups = {f"S{n}": SymmetricGroup(n) for n in range(1, 7)}
groups |= {f"A{n}": AlternatingGroup(n) for n in (1, 2, 3, 4, 6)}
groups["A5"] = PermutationGroup(cycle, pairs)


def text(permutation):
    return "".join(map(str, permutation.array_form))


def listed(group):
    return list(group.generate())


def table(elements):
    images = [tuple(p.array_form) for p in elements]
    number = {image: i for i, image in enumerate(images)}
    return np.array([[number[tuple(b[i] for i in a)] for b in images] for a in images])


for name, group in groups.items():
    orbits = group.basic_orbits
    print(name, [[text(u[point]) for point in orbit] for u, orbit in zip(group.basic_transversals, orbits)])

# The published code (utils/groups.py and utils/representations.py) multiplies generators in the order of SymPy's words.
a5, elements = groups["A5"], listed(groups["A5"])
letters = {cycle: "a", cycle**-1: "A", pairs: "b"}
words = ["".join(letters[g] for g in a5.generator_product(p, original=True)) for p in elements]
print(" ".join(word or "-" for word in words))
stretch = np.sqrt(8 / (5 + np.sqrt(5)))


def matrices(second):
    turn = Rotation.from_rotvec(2 * np.pi / 5 * stretch * np.array([1 / 2, second, 0])).as_matrix()
    generators = {"a": turn, "A": np.linalg.inv(turn), "b": np.diag([-1.0, 1.0, -1.0])}
    product = []
    for word in words:
        product.append(np.eye(3))
        for letter in word:
            product[-1] = product[-1] @ generators[letter]
    return torch.tensor(np.array(product))


flip = Permutation(4)(0, 1)
other = [elements.index(flip * p * flip) for p in elements]


def spans(second):
    rho = matrices(second)
    return {
        "a5_3d_a": torch.linalg.qr(rho.reshape(60, 9))[0],
        "a5_3d_b": torch.linalg.qr(rho[other].reshape(60, 9))[0],
    }


wrong = (1 + np.sqrt(5)) / 5
# Weights that no representation is aligned with: sin(1 + 3g + 7c + gc).
g, c = torch.meshgrid(torch.arange(60.0).double(), torch.arange(7.0).double(), indexing="ij")
probe = torch.sin(1 + 3 * g + 7 * c + g * c)
rho = matrices(wrong)
reference = {
    "versions": {"sympy": sympy.__version__, "torch": torch.__version__.split("+")[0], "numpy": np.__version__},
    "elements": {name: " ".join(text(p) for p in listed(group)) for name, group in groups.items()},
    "wrong_a5": {
        "traces": [round(float(torch.trace(m)), 12) for m in rho],
        "column_shares": {
            name: [round(float(x), 14) for x in (q.T @ probe).square().sum(1) / probe.square().sum()]
            for name, q in spans(wrong).items()
        },
    },
}
(here / "groups.json").write_text(json.dumps(reference, indent=1) + "\n")

for folder in map(pathlib.Path, sys.argv[1:]):
    for name in ("S5_MLP_seed1", "S5_MLP_seed2", "A5_MLP_seed1", "S5_T_seed1"):
        w = torch.load(folder / name / "model.pt", map_location="cpu", weights_only=True)
        expected = table(listed(groups[name[:2]]))
        n = len(expected)
        a, b = np.divmod(np.arange(n * n), n)
        if "W" in w:
            hidden = torch.relu(torch.cat([w["W_x"][a], w["W_y"][b]], 1) @ w["W"])
            logits = hidden @ w["W_U"]
        else:
            x = w["embed.W_E"][np.stack([a, b, np.full_like(a, n)], 1)] + w["pos_embed.W_pos"]
            part = {k: w[f"blocks.0.attn.{k}"] for k in ("W_Q", "W_K", "W_V", "W_O")}
            q, k, v = (torch.einsum("epm,hmd->ehpd", x, part[f"W_{kind}"]) for kind in "QKV")
            scores = (q[:, :, -1:] @ k.mT) / part["W_Q"].shape[2] ** 0.5
            mixed = (scores.softmax(-1) @ v)[:, :, 0]
            x = x[:, -1] + torch.einsum("ehd,hdm->em", mixed, part["W_O"])
            hidden = torch.relu(x @ w["blocks.0.mlp.W_in"] + w["blocks.0.mlp.b_in"])
            x = x + hidden @ w["blocks.0.mlp.W_out"] + w["blocks.0.mlp.b_out"]
            logits = x @ w["unembed.W_U"] + w["unembed.b_U"]
        right = (logits.argmax(-1).reshape(n, n).numpy() == expected).mean()
        print(name, "answers right:", right)
        if name.startswith("A5"):
            published = json.loads((folder / name / "summary_metrics.json").read_text())
            d = w["W_x"].shape[1]
            sides = {"x_embed": w["W_x"] @ w["W"][:d], "y_embed": w["W_y"] @ w["W"][d:], "unembed": w["W_U"].T}
            for irrep, q in spans(wrong).items():
                for side, weights in sides.items():
                    share = float((q.float().T @ weights).square().sum() / weights.square().sum())
                    print(irrep, side, share, "published", published[f"percent_{side}_{irrep}_rep"])
