"""Prints the table of tests/suite/torch.rs: what torch.randperm gives on the CPU for some seeds and lengths.

    python -m venv venv && venv/bin/pip install torch==2.15.0 && venv/bin/python torch_permutations.py
"""

import torch

SEEDS = [0, 1, 2, 42, 2**32 - 1, 2**32 + 7, 2**63 - 1]
LENGTHS = [0, 1, 2, 3, 10, 623, 624, 625, 3600, 12769, 13924, 14400, 65535, 65536, 70000, 518400]

print("const CASES: [Case; %d] = [" % (len(SEEDS) * len(LENGTHS)))
for seed in SEEDS:
    for n in LENGTHS:
        torch.manual_seed(seed)
        order = torch.randperm(n).tolist()
        hash = 0xCBF29CE484222325
        for value in order:
            hash = ((hash ^ value) * 0x100000001B3) % 2**64
        first = (order + [0, 0, 0])[:3]
        print(f"    ({seed}, {n}, {first}, 0x{hash:016x}),")
print("];")
