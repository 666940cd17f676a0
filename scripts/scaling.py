"""Plan past this machine: how fast data-parallel training would be on up to a thousand ranks.

    python scripts/scaling.py --figure scaling.png
    python scripts/scaling.py --case 784-500-500-20 --ranks-per-machine 8 --bandwidth 25

Measures on this machine what a row of a batch, the optimizer and the exchange between two ranks
cost, each rank with one BLAS thread, and fits the model of `evaluation.scaling` to it. What two
ranks are measured to do is printed beside what the model says of them; all else is the model's. The
ranks share the rows of a batch: what two that share units do instead is in benchmark.py.
"""

import importlib.util

import benchmark
from peers.case import CASES
from train import positive

from numvae import machine, plots
from numvae.cli import Parser, new_file, script, whole
from numvae.evaluation import scaling

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
ROWS = (128, 1000)  # per rank, for weak scaling
BATCHES = (1000, 10_000, 100_000)  # of all ranks, for strong scaling


def parser():
    p = Parser(description="How fast data-parallel training would be on many ranks.")
    p.add_argument("--case", default="784-400-20", metavar="NAME", help="(default: 784-400-20)")
    p.add_argument(
        "--ranks-per-machine", type=whole(1), default=16, metavar="R", help="(default: 16)"
    )
    p.add_argument(
        "--bandwidth",
        type=positive,
        default=100.0,
        metavar="GBIT",
        help="of a machine's connection, in Gbit/s (default: 100)",
    )
    p.add_argument(
        "--latency", type=positive, default=2.0, metavar="US", help="in microseconds (default: 2)"
    )
    p.add_argument(
        "--gpu",
        type=positive,
        default=5.0,
        metavar="TFLOPS",
        help="what a GPU is taken to reach in such small products, in TFLOP/s (default: 5)",
    )
    p.add_argument("--figure", metavar="FILE.png", help="a new file for the picture")
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    try:
        path = new_file(args.figure, ".png") if args.figure else None
        cases = [case for case in CASES if args.case in case.name]
        if not cases:
            raise ValueError(f"no case holds {args.case}; {', '.join(c.name for c in CASES)} do.")
        if not importlib.util.find_spec("mpi4py") or benchmark.mpiexec() is None:
            raise ValueError('this measures two ranks under MPI: pip install -e ".[mpi]" first.')
    except (ValueError, OSError) as error:
        p.error(str(error))
    network = scaling.Network(
        args.bandwidth * 1e9 / 8.0, args.latency * 1e-6, args.ranks_per_machine
    )
    plan(cases[0], network, args.gpu * 1e12, path)
    return 0


def plan(case, network, gpu, path):
    """Measure, fit, print the tables, and draw."""
    print(f"{machine.describe()}; measured with two ranks of one BLAS thread each.")
    found = benchmark.run(("in_numvae", "costs", ""), case, 1)
    P = found["n_parameters"]
    costs = scaling.fit(**found)
    flops = case.flops()
    print(
        f"{case.name}: {P:,} parameters, {4 * P / 1e6:.1f} MB that each rank sends and receives "
        f"in a step,\n{flops / 1e6:.1f} MFLOP per row. A row takes {1e6 * costs.row:.1f} µs "
        f"({flops / costs.row / 1e9:.0f} GFLOP/s), the optimizer "
        f"{1e3 * costs.parameter * P:.2f} ms in all,\na message {1e6 * costs.message:.1f} µs, a "
        f"byte to the other rank {1e9 * costs.byte:.2f} ns ({1e-9 / costs.byte:.1f} GB/s)."
    )
    print("\nMilliseconds per step, the rows shared: measured, and by the model")
    for mode, n in (("step", 1), ("rows", 2)):
        ms = benchmark.run(("in_numvae", mode, ""), case, 2, blas_threads=1)["ms"]
        by_model = 1e3 * sum(scaling.step(costs, n, case.B, P, network))
        print(f"  {n} rank{'s' * (n > 1):<2} b{case.B:<6}{ms:10.3f}{by_model:10.3f}")

    def rate(n, batch):
        return batch / sum(scaling.step(costs, n, batch, P, network))

    weak = {f"{rows:,} rows per rank": [rate(n, n * rows) for n in RANKS] for rows in ROWS}
    strong = {f"batches of {B:,}": [rate(n, B) for n in RANKS] for B in BATCHES}
    hide = [scaling.rows_that_hide(costs, n, P, network) for n in RANKS]
    print(
        f"\nThousands of examples per second by the model, {network.ranks} ranks on each machine;"
        "\nlast, the rows per rank that hide the exchange (10 % of the step)"
    )
    titles = [*weak, *strong, "to hide"]
    print("  ranks" + "".join(f"{title:>20}" for title in titles))
    for i, n in enumerate(RANKS):
        rates = (rates[i] / 1e3 for rates in (*weak.values(), *strong.values()))
        print(f"  {n:>5}" + "".join(f"{rate:20,.0f}" for rate in rates) + f"{hide[i]:20,.0f}")
    card = gpu / flops
    for title, rates in strong.items():
        best = max(range(len(RANKS)), key=lambda i: rates[i])
        enough = [n for n, rate in zip(RANKS, rates) if rate >= card]
        print(
            f"With {title} more than {RANKS[best]:,} ranks help no further "
            f"({rates[best] / 1e3:,.0f} thousand a second); "
            + (f"{enough[0]:,} do" if enough else "no number of them does")
            + f" what a GPU at {gpu / 1e12:g} TFLOP/s does ({card / 1e3:,.0f})."
        )
    if path:
        plots.save(plots.scaling(RANKS, weak, strong, card, network.ranks), path)
        print(f"The picture is in {path}.")


if __name__ == "__main__":
    script(main)
