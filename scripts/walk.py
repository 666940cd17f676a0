"""Walk one minibatch of a small model forward and backward, and check every gradient on the way.

python scripts/walk.py
python scripts/walk.py --likelihood gaussian-sigma-z --objective iwae --samples 5
python scripts/walk.py --bug "wrong sign"
python scripts/walk.py --figure trace.png --steps finite_differences.png
"""

import contextlib
import re
import sys

import numpy as np

from numvae import plots
from numvae.cli import Parser, argument, integer, new_file, script
from numvae.constraints import Seed
from numvae.lessons import bugs, trace
from numvae.network import likelihoods, objectives
from numvae.rules import activations

OBJECTIVES = [name for name in objectives.NAMES if objectives.objective(name).of_the_loss]
MODEL = "likelihood", "activation", "objective", "n_samples"  # what `trace.example` can differ in


def parser():
    p = Parser(
        description="Walk one minibatch of a small model through loss_and_grad, forward and "
        "backward: every array on the way, with the equation that computes it, and every gradient "
        "against its numerical derivative."
    )
    for name, names, default in (
        ("--likelihood", likelihoods.NAMES, "bernoulli"),
        ("--activation", activations.NAMES, "tanh"),
        ("--objective", OBJECTIVES, "elbo"),
    ):
        known = f"{', '.join(names)} (without it, {default})"
        p.add_argument(name, choices=names, default=default, metavar="NAME", help=known)
    p.add_argument(
        "--samples",
        dest="n_samples",
        type=integer(1),
        default=1,
        metavar="L",
        help="samples of z for each example (1)",
    )
    p.add_argument(
        "--seed", type=argument(Seed()), default=0, metavar="N", help="of model, data, noise (0)"
    )
    p.add_argument(
        "--bug",
        metavar="NAME",
        help="plant the famous bug whose name has this in it, in a model where it matters; what "
        "is in no name is answered with all names",
    )
    p.add_argument(
        "--figure", metavar="FILE", help="draw the way forward and back into this new PNG file"
    )
    p.add_argument(
        "--steps",
        metavar="FILE",
        help="draw into this new PNG file how a numerical derivative's error depends on its step",
    )
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        if sys.flags.optimize > 1:
            raise ValueError("the labels stand in docstrings, which python -OO leaves out: use -O.")
        figure, steps = (path and new_file(path, ".png") for path in (args.figure, args.steps))
        if figure and figure == steps:
            raise ValueError(f"--figure and --steps both name {figure}; each needs its own file.")
        bug = args.bug and bugs.named(args.bug, bugs.of_the_gradient(*MODEL))
    if bug:
        p.set_defaults(**bug.mode)
        args = p.parse_args(argv)
    net, step = trace.example(**{name: getattr(args, name) for name in MODEL}, seed=args.seed)
    with bugs.planted(bug) if bug else contextlib.nullcontext():
        traced = trace.trace(net, step)
    print(f"{repr(net).splitlines()[0]}; objective {args.objective}")
    print(f"B = {len(step[0])} examples, L = {args.n_samples} samples of z each, seed {args.seed}")
    if bug:
        print(f"With a bug: {bug.name}")
    forward(traced)
    wrong = backward(traced)
    if figure:
        plots.save(plots.computation_graph(*trace.graph(traced)), figure)
        print(f"The way forward and back is drawn in {figure}.")
    if steps:
        draw_steps(net, step, steps)
        print(f"The error over the step is drawn in {steps}.")
    return 1 if wrong else 0


def forward(traced):
    """Print each array, beneath the line of `loss_and_grad` for which it is computed."""
    wide = max(len(node.rule) for node in traced.nodes)
    columns = f"{'equation and rule':<{wide + 4}}{'shape':>8}{'first values':>19}"
    print(f"\n{'Forward':<24}{columns}")
    line = 0
    for node in traced.nodes:
        line = heading(node.line, line)
        name = f"{node.name:<22}{node.label:<4}{node.rule:<{wide}}"
        print(f"  {name}{shape(node.value):>8}{numbers(node.value, 4)}".rstrip())


def backward(traced):
    """Print each gradient against the numerical one; returns how many disagree."""
    wide = max(len(g.rule) for g in traced.gradients) + 26
    columns = f"{'shape':>8}{'first values':>18}{'numerical':>18}{'error':>9}"
    print(f"\n{'Backward':<24}{'equation and rule':<{wide - 22}}{columns}")
    line, wrong, named = 0, 0, {g.name for g in traced.gradients}
    for g in traced.gradients:
        if g.line != line:
            line = heading(g.line, line)
            for name in re.findall(r"\bd\w+_kl(?=.* = )", trace.page_line(line)):
                if name not in named:
                    print(f"  {name:<22}0: the KL does not contain {name[1:-3]} itself")
        name = f"{g.name:<22}{g.label:<4}{g.rule}"
        if g.paths:
            name = f"{g.name} = {' + '.join(g.paths)}"
        verdict = "" if g.ok else "  WRONG" if wrong else "  WRONG, and the first that is"
        wrong += not g.ok
        values = numbers(g.value, 2) + numbers(g.numerical, 2)
        print(f"  {name:<{wide}}{shape(g.value):>8}{values}{g.error:>9.0e}{verdict}")
    if not any(g.value.any() for g in traced.gradients if g.of.endswith(".W")):
        print("\nThere is no minibatch before this one: what is remembered of it is 0.")
    loss, nll, kl = traced.losses
    print(f"\nloss {loss:.6f} nats per example (nll {nll:.6f}, kl {kl:.6f})")
    largest, n = np.max([g.error for g in traced.gradients]), len(traced.gradients)
    print(f"{n} gradients, {wrong} of them wrong; largest relative error {largest:.0e}.")
    return wrong


def heading(line, before):
    if line != before:
        print(trace.page_line(line))
    return line


def shape(array):
    return "×".join(map(str, array.shape)) or "1"


def numbers(array, n):
    return "".join(f"{value + 0.0:>9.4f}" for value in array.flat[:n]).ljust(9 * n)


def draw_steps(net, step, path):
    steps = np.logspace(-12, 0, 49)
    errors = trace.errors_by_step(net, step, steps, "mu.W")
    title = "Error of the numerical ∂loss/∂mu.W, by the step of its central differences"
    plots.save(plots.errors_over_steps(steps, errors, title), path)


if __name__ == "__main__":
    script(main)
