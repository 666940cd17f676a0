"""How fast a training step is: beside its bare matrix products, and beside the frameworks.

python scripts/benchmark.py
python scripts/benchmark.py --case 784-400-20 --rounds 5
python scripts/benchmark.py --json speed.json

Everyone trains the same model on the same batches in float32, reads the loss back at every step,
and runs in a process of its own, one after the other, round after round: so a machine that is busy
for a while disturbs them all alike. PyTorch and JAX take part where they are installed.
"""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from peers.case import CASES

from numvae import machine
from numvae.cli import Parser, new_file, script, whole
from numvae.files import write_atomically
from numvae.training.progress import duration

HERE = Path(__file__).resolve().parent
# name → (file in peers/, mode, what must be installed)
PEERS = {
    "numvae": ("in_numvae", "", "numpy"),
    "bare products": ("in_products", "", "numpy"),
    "PyTorch": ("in_torch", "eager", "torch"),
    "PyTorch fused": ("in_torch", "fused", "torch"),
    "PyTorch compiled": ("in_torch", "compile", "torch"),
    "JAX": ("in_jax", "", "jax"),
}


def parser():
    p = Parser(description="How fast a training step is, beside what bounds it and its peers.")
    p.add_argument(
        "--case",
        action="append",
        metavar="NAME",
        help=f"only the cases whose name holds this; there are {', '.join(c.name for c in CASES)}",
    )
    p.add_argument("--rounds", type=whole(1), default=3, metavar="N", help="(default: 3)")
    p.add_argument(
        "--seconds", type=whole(1), default=3, metavar="S", help="for each measurement (default: 3)"
    )
    p.add_argument("--json", metavar="FILE", help="write every number to a new file too")
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    cases = [c for c in CASES if not args.case or any(name in c.name for name in args.case)]
    try:
        path = new_file(args.json, ".json") if args.json else None
        if not cases:
            raise ValueError(f"no case holds {' or '.join(args.case)}; see --help for their names.")
    except (ValueError, OSError) as error:
        p.error(str(error))
    peers = [name for name, (_, _, module) in PEERS.items() if importlib.util.find_spec(module)]
    print(f"{machine.describe()}; milliseconds per step, median of {args.rounds} rounds (± half")
    print("the range), and how many times as long as numvae; above 1, numvae is faster.")
    found, start, done = {}, time.monotonic(), 0
    total = len(cases) * args.rounds * len(peers)
    for case in cases:
        times = {name: [] for name in peers}
        for _ in range(args.rounds):
            for name in peers:
                times[name].append(measure(name, case, args.seconds))
                done += 1
                if sys.stdout.isatty():
                    left = duration((time.monotonic() - start) * (total / done - 1))
                    print(f"\r  {case.name}, {name}: {left} left\033[K", end="", flush=True)
        if sys.stdout.isatty():
            print("\r\033[K", end="")
        found[case.name] = times
        print("\n".join(lines(case, times)), flush=True)
    if path:
        about = {"machine": machine.describe(), "milliseconds": found}
        write_atomically(path, json.dumps(about, indent=1).encode())
    return 0


def measure(name, case, seconds):
    """Milliseconds per step of a peer, in a process of its own."""
    file, mode, _ = PEERS[name]
    told = json.dumps([*case, seconds, mode])
    ran = subprocess.run(
        [sys.executable, str(HERE / "peers" / f"{file}.py"), told], capture_output=True, text=True
    )
    if ran.returncode:
        raise RuntimeError(f"{name} failed on {case.name}:\n{ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])["ms"]


def lines(case, times):
    """The table of one case."""
    ours = np.array(times["numvae"])
    rate = 1000.0 * case.B / np.median(ours)
    yield f"\n{case.name}, {rate:,.0f} examples per second"
    for name, ms in times.items():
        ratio = np.array(ms) / ours  # of the same round
        text = f"  {name:<18}{_spread(ms, '8.3f')} ms   "
        if name == "bare products":
            text += f"{_spread(1 / ratio, '6.2f')}  times the products is the step"
        elif name != "numvae":
            text += f"{_spread(ratio, '6.2f')}"
        yield text


def _spread(values, form):
    values = np.asarray(values)
    return f"{np.median(values):{form}} ± {(values.max() - values.min()) / 2:.2f}"


if __name__ == "__main__":
    script(main)
