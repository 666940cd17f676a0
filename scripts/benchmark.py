"""How fast numvae is: beside its bare matrix products, and beside the frameworks.

python scripts/benchmark.py
python scripts/benchmark.py steps --case 784-400-20 --rounds 5
python scripts/benchmark.py phases epoch --json speed.json

steps     milliseconds per training step, of numvae, of numvae with workers on all cores where that
          pays, of its matrix products alone, and of PyTorch and JAX where they are installed
phases    the time of each part of a step
epoch     a pass over MNIST with each one's usual way of loading data, and the memory it takes
score     rows per second of score_samples
start     seconds until it is imported
scaling   a step with larger batches, wider and more layers

Everyone trains the same model on the same batches in float32, reads the loss back at every step,
and runs in a process of its own, one after the other, round after round: so a machine that is busy
for a while disturbs them all alike.
"""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from peers.case import CASES, Case

from numvae import datasets, hardware
from numvae.cli import Parser, integer, new_file, script
from numvae.files import write_atomically
from numvae.progress import Countdown

HERE = Path(__file__).resolve().parent
# name → (file in peers/, mode, what must be installed)
PEERS = {
    "numvae": ("in_numvae", "step", "numpy"),
    "numvae, workers": ("in_numvae", "workers", "numpy"),
    "bare products": ("in_products", "step", "numpy"),
    "PyTorch": ("in_torch", "eager", "torch"),
    "PyTorch fused": ("in_torch", "fused", "torch"),
    "PyTorch compiled": ("in_torch", "compile", "torch"),
    "JAX": ("in_jax", "step", "jax"),
}
EPOCHS = 6  # of MNIST
SCALED = {
    "batch": [Case(784, (400,), 20, B, activation="relu") for B in (10, 32, 100, 320, 1000)],
    "width": [Case(784, (H,), 20, 100, activation="relu") for H in (50, 100, 200, 400, 800, 1600)],
    "depth": [Case(784, (400,) * n, 20, 100, activation="relu") for n in (1, 2, 3, 4)],
}


def parser():
    p = Parser(
        description="How fast a training step is, beside what bounds it and its peers; without a "
        "word, all there is to measure."
    )
    p.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(MEASURES)}")
    p.add_argument(
        "--case",
        action="append",
        metavar="NAME",
        help=f"only the cases whose name holds this; there are {', '.join(c.name for c in CASES)}",
    )
    p.add_argument("--rounds", type=integer(1), default=3, metavar="N", help="(default: 3)")
    p.add_argument(
        "--seconds", type=integer(1), default=2, metavar="S", help="per measurement (default: 2)"
    )
    p.add_argument("--json", metavar="FILE", help="write every number to a new file too")
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    args.cases = [c for c in CASES if not args.case or any(name in c.name for name in args.case)]
    with p.mistakes():
        path = new_file(args.json, ".json") if args.json else None
        if not args.cases:
            raise ValueError(f"no case holds {' or '.join(args.case)}; see --help for their names.")
        for what in args.what:
            if what not in MEASURES:
                raise ValueError(
                    f"there is no {what!r} to measure; there are {', '.join(MEASURES)}."
                )
    print(f"{hardware.describe()}{_versions()}.")
    results = {}
    for what in args.what or MEASURES:
        results[what] = MEASURES[what](args)
    if path:
        about = {"machine": hardware.describe() + _versions(), **results}
        write_atomically(path, json.dumps(about, indent=1).encode())
    return 0


# What there is to measure: each prints its table and returns its numbers.


def steps(args):
    """Milliseconds per step of everyone: case → peer → one for each round."""
    print(
        f"\nMilliseconds per training step, median of {args.rounds} rounds ± half their range, and"
    )
    print("how many times as long as numvae's: above 1, numvae is faster.")
    peers = here(PEERS)
    results, show = {}, Countdown(len(args.cases) * args.rounds * len(peers))
    for case in args.cases:
        times = {name: [] for name in peers}
        for _ in range(args.rounds):
            for name in peers:
                times[name].append(run(PEERS[name], case, args.seconds)["ms"])
                show.advance(1, f"{case.name}, {name}")
        show.wipe()
        results[case.name] = times
        print("\n".join(lines(case, times)), flush=True)
    return results


def phases(args):
    """Milliseconds of each part of numvae's step: case → part → ms."""
    print("\nThe parts of a step of numvae, milliseconds")
    results = {}
    for case in args.cases:
        results[case.name] = run(("in_numvae", "phases", ""), case, args.seconds)
        if len(results) == 1:
            print(" " * 32 + "".join(f"{part:>12}" for part in results[case.name]))
        print(f"  {case.name:<30}" + "".join(f"{ms:12.3f}" for ms in results[case.name].values()))
    return results


def epoch(args):
    """Seconds of the first and the last of some passes over MNIST, and the memory, by peer."""
    case = Case(784, (400,), 20, 128, activation="relu")
    print(f"\nSeconds per epoch of MNIST, {case.name}: the first, and the {EPOCHS}th; peak memory")
    try:
        datasets.load("mnist")
    except FileNotFoundError as error:
        print(f"  not measured: {error}")
        return {}
    asked = {
        "numvae": ("in_numvae", "epoch", "numpy"),
        "numvae, workers": ("in_numvae", "epoch by workers", "numpy"),
        "PyTorch, DataLoader": ("in_torch", "epoch", "torch"),
        "JAX, NumPy batches": ("in_jax", "epoch", "jax"),
    }
    results = {}
    for name in here(asked):
        results[name] = run(asked[name], case, EPOCHS)
        first, last = results[name]["seconds"][0], results[name]["seconds"][-1]
        print(f"  {name:<22}{first:8.2f}{last:8.2f} s{_memory(results[name])}", flush=True)
    return results


def score(args):
    """Rows per second of score_samples."""
    case = Case(784, (400,), 20, 100)
    results = run(("in_numvae", "score", ""), case, args.seconds)
    how = f"{case.name}, {results['draws']} draws a row"
    print(f"\nscore_samples, {how}: {results['rows']:,.0f} rows a second", flush=True)
    return results


def start(args):
    """Seconds to import each, and nothing else, in a fresh process: the median of some."""
    print("\nSeconds from nothing to imported, and the memory taken")
    results = {}
    code = f"import {{}}, sys; sys.path.append({str(HERE / 'peers')!r}); import case; "
    code += "print(case.peak_memory())"
    for name in here({name: ("", "", name) for name in ("numpy", "numvae", "torch", "jax")}):
        times = []
        for _ in range(2 + args.rounds):
            began = time.perf_counter()
            ran = subprocess.run(
                [sys.executable, "-c", code.format(name)], check=True, capture_output=True
            )
            times.append(time.perf_counter() - began)
        most = ran.stdout.decode().strip()
        results[name] = {
            "seconds": float(np.median(times)),
            "MB": None if most == "None" else float(most),
        }
        print(f"  {name:<8}{results[name]['seconds']:8.2f} s{_memory(results[name])}", flush=True)
    return results


def scaling(args):
    """Milliseconds per step as the batch, the width and the depth grow: what → case → peer → ms."""
    names = here({name: PEERS[name] for name in ("numvae", "bare products", "PyTorch", "JAX")})
    results, show = {}, Countdown(len(names) * sum(map(len, SCALED.values())))
    for what, cases in SCALED.items():
        print(f"\nMilliseconds per step by {what:<8}" + "".join(f"{name:>16}" for name in names))
        results[what] = {}
        for case in cases:
            times = {}
            for name in names:
                times[name] = run(PEERS[name], case, args.seconds)["ms"]
                show.advance(1, f"{case.name}, {name}")
            show.wipe()
            results[what][case.name] = times
            print(
                f"  {case.name:<30}" + "".join(f"{ms:16.3f}" for ms in times.values()), flush=True
            )
    return results


MEASURES = {
    "steps": steps,
    "phases": phases,
    "epoch": epoch,
    "score": score,
    "start": start,
    "scaling": scaling,
}


# How it is measured.


def here(peers):
    """Those of the peers that can run on this machine."""
    return [name for name, (_, _, module) in peers.items() if importlib.util.find_spec(module)]


def run(peer, case, amount):
    """What a peer finds in a process of its own."""
    file, mode, _ = peer
    command = [sys.executable, str(HERE / "peers" / f"{file}.py")]
    command.append(json.dumps([*case, amount, mode]))
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{file}.py ({mode}) failed on {case.name}:\n{ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])


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


def _memory(results):
    return "" if results["MB"] is None else f"{results['MB']:10,.0f} MB"


def _versions():
    """The peers that are installed, with their versions."""
    from importlib.metadata import version

    names = ("torch", "jax")
    return "".join(f", {n} {version(n)}" for n in names if importlib.util.find_spec(n))


if __name__ == "__main__":
    script(main)
