"""Derivations that are computed: every line has a value, which must equal that of the line above.

python -m numvae.lessons.derivations                        the list
python -m numvae.lessons.derivations gaussian.kl_backward   one of them, line by line

Read next: bugs.
"""

import functools
import math
import re
import textwrap

import numpy as np
from scipy.special import loggamma, psi

from numvae.cli import Parser, script
from numvae.lessons.derivation_steps import DERIVATIONS
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    dense,
    dropout,
    gaussian,
    importance,
    negative_binomial,
    objectives,
    optimizers,
    path_derivative,
    poisson,
    score_function,
)

LIMIT = 1e-12  # of an error, relative
NOTES = {  # what a derivation names → what it is
    "δ_": "δ_oo′ is 1 where o = o′, and 0 elsewhere.",
    "psi": "p(x|z) = N(z W + c, psi), a linear decoder: all integrals are known.",
    "nodes": "The 36 ε are nodes of a quadrature: their mean is E_ε exactly for these polynomials.",
}


def jacobian(f, x):
    """∂f/∂x by the complex step: f(x + i h) = f(x) + i h f′(x), where h² is too small to matter. So
    the imaginary part is the derivative, and nothing is subtracted that would lose digits.

    f is analytic at x. `maximum` compares real parts, so a kink that is not at x does no harm.

    Shapes  x (...), f(x) (…) → (…, ...)
    """
    h, columns = 1e-20, []
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * h
        columns.append(np.imag(f(moved)) / h)
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


def integral(f, step=0.2):
    """∫ f(z) dz over two latent units, as a sum over a grid: for Gaussians that are wider than the
    step, the error is below rounding.

    Shapes  f from (G, 1, 2) to (G, ...) → (...)
    """
    line = np.arange(-12.0, 12.0, step)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 1, 2)
    return f(grid).sum(axis=0) * step**2


def adam(gradients, lr, beta1, beta2, eps):
    """m and v after Adam was given gradients, one after the other, and its last change of θ."""
    theta, m, v = np.zeros((3, *gradients[0].shape))
    for t, g in enumerate(gradients, start=1):
        theta[...] = 0.0
        optimizers.adam(theta, g, m, v, t, lr, beta1, beta2, eps)
    return m, v, theta


# Gauss–Hermite quadrature with the nodes −√3, 0 and √3 has the weights 1/6, 4/6 and 1/6: it is the
# mean over six ε, and exact for polynomials up to ε⁵. For two units there are 36.
SIX = math.sqrt(3.0) * np.array([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
NODES = np.stack(np.meshgrid(SIX, SIX), axis=-1).reshape(36, 1, 2)
PAIRS = np.stack([np.repeat(NODES[:, 0], 36, axis=0), np.tile(NODES[:, 0], (36, 1))])

# What the expressions may name, beside what is given.
SIZES = {"B": 3, "D": 5, "H": 4, "I": 4, "K": 4, "L": 4, "O": 2, "P": 6, "Z": 2}
FUNCTIONS = (np.arange, np.broadcast_to, np.cosh, np.einsum, np.exp, np.eye, np.log, np.maximum)
FUNCTIONS += (np.ones, np.sinh, np.sqrt, np.tanh, np.where, np.zeros, np.linalg.det, np.linalg.inv)
FUNCTIONS += (functools.reduce, jacobian, integral, adam, loggamma, psi)
RULES = (activations, bernoulli, categorical, continuous_bernoulli, dense, dropout, gaussian)
RULES += (importance, negative_binomial, objectives, path_derivative, poisson, score_function)
NAMES = {
    **SIZES,
    **{function.__name__: function for function in FUNCTIONS},
    **{module.__name__.rpartition(".")[2]: module for module in RULES},
    **{"nodes": NODES, "pairs": PAIRS, "pi": math.pi},
}


def given(derivation, seed=0):
    """The names that a derivation is about, at a random point, and all others."""
    rng = np.random.default_rng(seed)
    names = {
        **NAMES,
        "normal": lambda *shape: rng.standard_normal(shape),
        "uniform": lambda *shape: rng.random(shape),
    }
    for name, code in derivation.given.items():
        names[name] = eval(code, names)
    return names


def values(derivation, names):
    """What each line computes."""
    return [np.asarray(eval(line.code, names)) for line in derivation.lines]


def errors(derivation, seed=0):
    """How far each line but the first is from the line above, relative to it; 0 for an inequality
    that holds, infinity for one that does not or for another shape."""
    found, lines = [], values(derivation, given(derivation, seed))
    for line, above, here in zip(derivation.lines[1:], lines, lines[1:]):
        if above.shape != here.shape:
            found.append(math.inf)
        elif line.equation.startswith("≥"):
            found.append(0.0 if (above >= here).all() else math.inf)
        else:
            found.append(float(np.abs(here - above).max() / np.abs(above).max()))
    return found


def called(derivation):
    """The names of the rule: with its file, and alone."""
    return derivation.rule, derivation.rule.rpartition(".")[2]


def labels(derivation):
    """The labels of the equations that the derivation ends in."""
    return re.findall(r"[A-Z]\d+", derivation.lines[-1].reason.split(".")[0])


def main(argv=None):
    p = Parser(
        prog="python -m numvae.lessons.derivations",
        description="Derive a rule line by line, with the reason for each line, and its value at a "
        "random point, which must equal that of the line above.",
    )
    p.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="a rule or the label of an equation, as gaussian.kl_backward or K2; without it, list "
        "them",
    )
    name = p.parse_args(argv).name
    if name is None:
        for derivation in DERIVATIONS:
            print(f"{derivation.rule:<46}{derivation.of:<22}{', '.join(labels(derivation))}")
        print(f"To see one of them: {p.prog} K2")
        return 0
    chosen = [d for d in DERIVATIONS if name.strip("()") in (*called(d), *labels(d))]
    if not chosen:
        p.error(f"{name} has no derivation; without a NAME, all that have one are listed.")
    for derivation in chosen:
        print(shown(derivation))
    return 0 if all(error < LIMIT for derivation in chosen for error in errors(derivation)) else 1


def shown(derivation):
    """A derivation as text: each equation with one entry of its value, and below it the reason."""
    names = given(derivation)
    lines = values(derivation, names)
    arrays = {q: names[q] for q in derivation.given if isinstance(names[q], np.ndarray)}
    shapes = [f"{name} {'×'.join(map(str, array.shape))}" for name, array in arrays.items()]
    entry = f"entry {[0] * lines[0].ndim}" if lines[0].ndim else "value"
    text = [f"{derivation.rule}: {derivation.of}", *textwrap.wrap(", ".join(shapes), 100)]
    written = " ".join([*derivation.given.values(), *(line.equation for line in derivation.lines)])
    text += [sentence for symbol, sentence in NOTES.items() if symbol in written]
    text.append(f"{f'{entry} at a random point':>100}")
    indent = derivation.lines[0].equation.index(" = ") + 1
    for line, value in zip(derivation.lines, lines):
        equation = " " * indent * (line.equation[0] in "=≥") + line.equation
        text.append(f"{equation:<86} {value.flat[0]:>13.9f}")
        text += textwrap.wrap(line.reason, 100, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join(text) + f"\nThe lines agree to {max(errors(derivation)):.0g}.\n"


if __name__ == "__main__":
    script(main)
