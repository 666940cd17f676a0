"""Would the tests notice? `python tests/mutants.py [MODULE …]` changes the mathematics, one place
at a time, and runs the tests on each mutant. One that no test fails on is a place that is not
tested, or a change that changes nothing: those are listed in ARGUED, each with its reason.

Each mutant lives in a fork of this process, which has loaded NumPy, SciPy and pytest, but nothing
of numvae: so everything that the fork imports is built upon the mutant. First come the tests of the
module itself, then all that stand on it. One process at a time.
"""

import argparse
import ast
import copy
import os
import signal
import sys
import time
from collections import Counter
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork has one thread

import numpy.testing  # noqa: F401
import pytest
import scipy.integrate
import scipy.special
import scipy.stats  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    path.relative_to(ROOT / "numvae").as_posix()
    for path in [
        *sorted(ROOT.glob("numvae/rules/*.py")),
        *sorted(ROOT.glob("numvae/network/*.py")),
        ROOT / "numvae/training/optimizers.py",
    ]
    if path.name != "__init__.py"
]
# What stands on the mathematics; the last two hold the lines of `python -m numvae.checks`.
WIDER = (
    "tests/rules",
    "tests/network",
    "tests/training",
    "tests/checks/test_definitions.py",
    "tests/checks/test_gradients.py",
)
SECONDS, WIDER_SECONDS = 10, 60  # of the processor: what takes longer hangs

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
COMPARISONS = {  # the edge moved, and the opposite
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
PAIRS = """
abs:positive add:subtract cos:sin divide:multiply exp:expm1 expm1:exp log:log1p log1p:log
max:min maximum:minimum mean:sum min:max minimum:maximum multiply:divide negative:positive
sin:cos sqrt:exp subtract:add sum:mean var:std zeros:ones zeros_like:ones_like
"""
NAMES = dict(pair.split(":") for pair in PAIRS.split())
BUILTINS = {"abs": "float", "max": "min", "min": "max", "reversed": "list", "sum": "max"}

# What may survive, as it reads in the mutants: why, of which function, the lines.
ARGUED = """
# A tie: both sides of the edge give the same, or it has probability 2^-53 at most.
rules/bernoulli.py sample
    draw = (rng.random(mean.shape, dtype=mean.dtype) <= mean).astype(mean.dtype)
rules/codes.py spherical
    if 1.0 - abs(cosine) <= 1e-06:
rules/continuous_bernoulli.py logits_of_mean
    below = mean(middle) <= wanted
rules/continuous_bernoulli.py sample
    flat = a >= -0.001
rules/continuous_bernoulli.py _log_sinhc
    small = u <= SMALL
rules/continuous_bernoulli.py _langevin
    small = np.abs(u) <= SMALL
rules/corruption.py salt_and_pepper
    return np.where(u <= amount, (u < 0.5 * amount).astype(x.dtype), x)
    return np.where(u < amount, (u <= 0.5 * amount).astype(x.dtype), x)
rules/dropout.py draw
    return (rng.random(shape, dtype=dtype) > rate).astype(dtype)
rules/optimizers.py clip
    if norm >= limit:
# A row is observed as a whole: each of its columns says the same.
rules/categorical.py log_likelihood
    log_sum *= observed[..., 1]
# The interval only has to hold the answer, and 50 halvings leave it no width.
rules/continuous_bernoulli.py logits_of_mean
    low, high = (np.full_like(wanted, -61.0), np.full_like(wanted, 60.0))
    low, high = (np.full_like(wanted, -120.0), np.full_like(wanted, 60.0))
    low, high = (np.full_like(wanted, -60.0), np.full_like(wanted, 61.0))
    low, high = (np.full_like(wanted, -60.0), np.full_like(wanted, 120.0))
    for _ in range(51):
    for _ in range(100):
# A tie, again. Only differences of w count.
rules/importance.py pareto_k
    equal = largest[-1] - largest[0] <= 0.001
    w = np.expm1(largest - largest[-1])
# A value that the other branch of `where` replaces; it only has to be finite.
rules/importance.py pareto_k
    x = np.where(equal, 2.0, w[1:] - w[0])
rules/continuous_bernoulli.py sample
    x = np.log1p(v * np.expm1(a)) / np.where(flat, 2.0, a)
rules/continuous_bernoulli.py _log_sinhc
    square = np.where(small, u * u, 1.0)
    u = np.where(small, 2.0, u)
rules/continuous_bernoulli.py _langevin
    square = np.where(small, u * u, 1.0)
    u = np.where(small, 2.0, u)
# A guard: no v below 1 is known for which rounding makes x exceed 1.
rules/continuous_bernoulli.py sample
    x = np.where(flat, v, np.minimum(x, 2.0))
# 0 and 1 change places, and they have the same chance.
rules/corruption.py salt_and_pepper
    return np.where(u < amount, (u >= 0.5 * amount).astype(x.dtype), x)
# The noise is symmetric.
rules/corruption.py gaussian
    return x - amount * rng.standard_normal(x.shape, dtype=x.dtype)
# A tie: at its free bits a unit's loss has a kink, and both slopes are right.
rules/objectives.py elbo_backward
    dkl *= kl.mean(axis=0) >= free_bits
# The gradient of the data is computed and thrown away: only time is lost.
network/autoencoder.py Autoencoder.loss_and_grad
    self.encoder.backward(dh, need_dx=True)
# NumPy takes any negative length for the one to be worked out.
network/autoencoder.py Autoencoder.log_likelihood
    h = self.decoder.forward(z.reshape(-2, z.shape[-1]))
network/likelihoods.py Bernoulli.log_likelihood
    self.a = self.logits.forward(h).reshape(-2, *x.shape)
network/likelihoods.py Bernoulli.backward
    return self.logits.backward(da.reshape(-2, self.logits.n_out))
network/likelihoods.py Gaussian.log_likelihood
    self.m = self.mean_layer.forward(h).reshape(-2, *x.shape)
network/likelihoods.py Gaussian.backward
    dh = self.mean_layer.backward(dm.reshape(-2, self.mean_layer.n_out))
network/likelihoods.py VarianceOfZ.backward
    return self.layer.backward(ds.reshape(-2, self.layer.n_out))
network/mlp.py MLP.masks
    return [mask.reshape(-2, mask.shape[-1]) for mask in masks]
# The size of a block changes no number; nor does how often, or from where, what is too small to
# matter is forgotten.
training/optimizers.py
    BLOCK = 65536
    FORGET_EVERY = 65
    FORGET_EVERY = 128
training/optimizers.py Optimizer.update
    if self.t % FORGET_EVERY != 0:
    if self.t % FORGET_EVERY == 1:
    array[np.abs(array) <= 100000000.0 * np.finfo(array.dtype).tiny] = 0.0
    array[np.abs(array) < 200000000.0 * np.finfo(array.dtype).tiny] = 0.0
"""


def argued():
    """(module, function, line) of all that is ARGUED."""
    module = function = None
    for line in ARGUED.strip().splitlines():
        if line.startswith("    "):
            yield module, function, line.strip()
        elif not line.startswith("#"):
            module, _, function = line.partition(" ")


ARGUED_LINES = set(argued())


class Mutant(NamedTuple):
    function: str
    line: int
    before: str
    after: str
    code: object


def mutants(source):
    """Every mutant of a module, one change in each."""
    tree = ast.parse(source)
    for function, statement in statements(tree):
        before = header(statement)
        seen = {before}
        for node in list(expressions(statement)):
            for changed in changes(node):
                Replace(node, changed).visit(tree)
                after = header(changed if node is statement else statement)
                if after == "pass":
                    after += f"  # {before}"
                code = compile(ast.fix_missing_locations(tree), "mutant", "exec")
                Replace(changed, node).visit(tree)
                if after not in seen:
                    seen.add(after)
                    yield Mutant(function, statement.lineno, before, after, code)


def changes(node):
    """What may stand in the place of a node."""
    match node:
        case ast.BinOp(left, op, right):
            yield altered(node, op=OPERATORS[type(op)]())
            yield left
            yield right
        case ast.BoolOp(op, parts):
            yield altered(node, op=OPERATORS[type(op)]())
            yield from parts
        case ast.AugAssign(op=op):
            yield altered(node, op=OPERATORS[type(op)]())
            yield ast.Pass()
        case ast.Assign() | ast.Expr():
            yield ast.Pass()
        case ast.Compare(ops=[op]):
            for other in COMPARISONS[type(op)]:
                yield altered(node, ops=[other()])
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield altered(node, value=not value)
        case ast.Constant(value=int(value) | float(value)):
            if value < 100:
                yield altered(node, value=value + 1)
            yield altered(node, value=2 * value)
        case ast.keyword(arg="axis", value=axis):
            other = -1 if ast.unparse(axis) == "0" else 0
            yield altered(node, value=ast.Constant(other))
        case ast.Attribute(attr="T"):
            yield node.value
        case ast.Attribute(attr=name) if name in NAMES:
            yield altered(node, attr=NAMES[name])
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            yield altered(node, func=ast.Name(BUILTINS[name], ast.Load()))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if isinstance(test, ast.Name | ast.Attribute | ast.Call):
                yield altered(node, test=ast.UnaryOp(ast.Not(), test))


def altered(node, **fields):
    node = copy.copy(node)
    for name, value in fields.items():
        setattr(node, name, value)
    return node


class Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def statements(tree, function=""):
    """(name of the function, statement) of every statement, docstrings left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                yield function, node
            inside = f"{function}.{node.name}".strip(".") if hasattr(node, "name") else function
            yield from statements(node, inside)


def expressions(node):
    """The statement itself and what stands in it, but not the statements of its body."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            yield from expressions(child)


def header(statement):
    """The statement in one line; of an `if`, a `for`, a `def` the first."""
    return ast.unparse(statement).splitlines()[0]


def killed(module, code, tests, seconds):
    """Whether any of the tests fails, hangs or cannot even start with this code as the module."""
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            loader, get_code = SourceFileLoader, SourceFileLoader.get_code
            loader.get_code = lambda self, name: code if name == module else get_code(self, name)
            failed = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
        finally:
            os._exit(failed)
    return os.waitpid(child, 0)[1] != 0


def own_tests(module):
    return "tests/{}/test_{}".format(*module.split("/"))


def verdict(module, mutant):
    """killed, argued or survives. What is argued need only survive the module's own tests."""
    name = "numvae." + module.removesuffix(".py").replace("/", ".")
    if killed(name, mutant.code, [own_tests(module)], SECONDS):
        return "killed"
    if (module, mutant.function, mutant.after) in ARGUED_LINES:
        return "argued"
    return "killed" if killed(name, mutant.code, WIDER, WIDER_SECONDS) else "survives"


def main():
    about = "Change one thing at a time: do the tests notice?"
    parser = argparse.ArgumentParser(description=about, allow_abbrev=False)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="rules/dense.py …; or all")
    modules = parser.parse_args().modules or MODULES
    for module in modules:
        if module not in MODULES:
            parser.error(f"there is no {module}; choose from {', '.join(MODULES)}.")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    print(f"{'':<34}mutants  killed  argued  survive", flush=True)
    if killed("", None, [*WIDER, *map(own_tests, modules)], WIDER_SECONDS):
        sys.exit("The tests fail before anything is changed.")
    total, unused = Counter(), {key for key in ARGUED_LINES if key[0] in modules}
    for module in modules:
        start, counts = time.monotonic(), Counter()
        for mutant in mutants((ROOT / "numvae" / module).read_text(encoding="utf-8")):
            found = verdict(module, mutant)
            counts[found] += 1
            if found == "argued":
                unused.discard((module, mutant.function, mutant.after))
            elif found == "survives":
                print(f"{module}:{mutant.line} {mutant.function}")
                print(f"  - {mutant.before}\n  + {mutant.after}", flush=True)
        print(row(module, counts), f"{time.monotonic() - start:6.0f} s", flush=True)
        total += counts
    print(row("in all", total))
    for module, function, line in sorted(unused):
        print(f"ARGUED is wrong: no mutant of {module} {function} that survives reads  {line}")
    return 1 if total["survives"] or unused else 0


def row(name, counts):
    numbers = counts.total(), counts["killed"], counts["argued"], counts["survives"]
    return f"{name:<34}" + "{:>7}{:>8}{:>8}{:>9}".format(*numbers)


if __name__ == "__main__":
    sys.exit(main())
