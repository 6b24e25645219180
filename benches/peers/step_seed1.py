"""Times a training step of the networks of the studies `squeeze` and `optimization` against PyTorch, same machine: an MLP
3072-1024-512-256-10 with batch normalisation, and a CNN 32, 32, pool, 64, 64, pool, 512, 10 on 32 × 32 colour images;
batch 128, f32, Adam. Once bare, and once with everything recorded that the study `optimization` records at every step.

    cargo build --release -p kymograph-nets --example step_time -p kymograph-studies --example recorded_step_time
    python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/step_seed1.py [--rounds 10] [--networks wide_mlp cifar_cnn] [--write]

The rules are those of step_phases.py, whose functions this uses. `--write` writes benches/results/step_seed1.md.
"""
import tempfile
from pathlib import Path

import peer
import step_phases

BATCH = 128


def wide_mlp():
    layers = [{"name": "flatten", "kind": "flatten"}]
    for block, units in enumerate((1024, 512, 256), 1):
        layers += [{"name": f"fc{block}", "kind": "linear", "out_features": units},
                   {"name": f"bn{block}", "kind": "batch_norm1d"}, {"name": f"relu{block}", "kind": "relu"}]
    return layers + [{"name": "fc4", "kind": "linear", "out_features": 10}]


def cifar_cnn():
    layers = []
    for block, channels in enumerate((32, 32, 64, 64), 1):
        layers += [
            {"name": f"conv{block}", "kind": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1},
            {"name": f"relu{block}", "kind": "relu"},
        ]
        if block % 2 == 0:
            layers.append({"name": f"pool{block // 2}", "kind": "max_pool2d", "kernel_size": 2})
    return layers + [{"name": "flatten", "kind": "flatten"}, {"name": "fc1", "kind": "linear", "out_features": 512},
                     {"name": "relu5", "kind": "relu"}, {"name": "fc2", "kind": "linear", "out_features": 10}]


NETWORKS = {"wide_mlp": wide_mlp, "cifar_cnn": cifar_cnn}


def main():
    # Batches are large here, so fewer of them are cycled through.
    step_phases.BATCHES = 16
    parser = peer.parser(__doc__, 10, "step_time")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    options = parser.parse_args()
    load = peer.start(options)
    with tempfile.TemporaryDirectory() as folder:
        rust = peer.Rust(options.binary, folder)
        recorded = peer.Rust(Path(options.binary).with_name("recorded_step_time"), folder)
        features = rust.ask("features")
        results = []
        for name in options.networks:
            description = {"name": name, "input": [3, 32, 32], "layers": NETWORKS[name]()}
            for side, suffix in ((rust, ""), (recorded, ", recorded")):
                result = step_phases.measure(description, folder, side, options.rounds, batch=BATCH, steps=5)
                results.append({**result, "name": name + suffix})
    machine = peer.machine(options, load, peer.kernels(features), f", batch {BATCH}, f32, Adam")
    command = f"python benches/peers/step_seed1.py --rounds {options.rounds} --write"
    title = "A training step of the studies `squeeze` and `optimization`, against PyTorch"
    lines = step_phases.table(title, command, machine, results)
    peer.finish(lines, options, "step_seed1.md" if options.networks == list(NETWORKS) else "step_seed1_part.md")


if __name__ == "__main__":
    main()
