"""What the programs that time a peer share: the other side as a process, the options, and the machine in words."""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]


class Rust:
    """Our side: a program that answers each line with a line of JSON."""

    def __init__(self, binary, *arguments, threads=None):
        self.binary = Path(binary).name
        own = {} if threads is None else {"RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen([binary, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **own})

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.binary} stopped at `{command}`")
        return json.loads(answer)


def parser(doc, rounds, example):
    """The options that every comparison has; `example` is our side's program."""
    options = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=rounds)
    options.add_argument("--write", action="store_true", help="write the table to benches/results/")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    options.add_argument("--binary", default=str(target / "release/examples" / example))
    options.add_argument("--threads", type=int, default=2, help="of each side; on a busy machine one is fairer")
    return options


def start(options):
    """Gives both sides their threads; returns the load of the machine before anything ran."""
    torch.set_num_threads(options.threads)
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)
    return os.getloadavg()[0]


def machine(options, load, kernels="", workload=""):
    """The line that says when, on what and how busy a machine the times were taken."""
    return (f"Date {datetime.date.today()}. Machine: {cpu()}, {os.cpu_count()} cores{kernels}. PyTorch {torch.__version__} on "
            f"Python {platform.python_version()}; threads of each: {options.threads}{workload}. Load average before: {load:.1f} "
            f"(repeat on an idle machine if it is above 0.5).")


def kernels(features):
    """Which kernels our side chose, for `machine`."""
    return f", kernels `{features['path']}` ({', '.join(features['detected'])})"


def cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def finish(lines, options, name):
    """Prints the table, and writes it if that was asked for."""
    text = "\n".join(lines)
    print(text)
    if options.write:
        (ROOT / "benches/results" / name).write_text(text)
