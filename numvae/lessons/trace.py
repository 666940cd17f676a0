"""One step of a small model, rule by rule: what each computes, and where a wrong gradient begins.

It is the real `loss_and_grad` that runs. Every rule that a layer calls is recorded: what goes in,
what comes out, and for which of its lines. The derivative of the loss in any of these arrays is
then measured: the array is nudged as it passes, and the real code runs on from there.

Read next: ppca.
"""

import contextlib
import inspect
import itertools
import linecache
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

import numpy as np

from numvae.checks.finite_differences import LIMIT, numerical_gradient, relative_error
from numvae.network import Autoencoder
from numvae.network.likelihoods import COUNTS
from numvae.network.objectives import objective as make_objective
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    dense,
    dropout,
    gaussian,
    negative_binomial,
    objectives,
    poisson,
)

LIKELIHOODS = (bernoulli, categorical, continuous_bernoulli, negative_binomial, poisson)
RULES = {
    (module, name): rule
    for module in (activations, dense, dropout, gaussian, objectives, *LIKELIHOODS)
    for name, rule in inspect.getmembers(module, inspect.isfunction)
    if not name.startswith("_")
}
SYMBOLS = {"mu": "μ", "log_r": "s"}  # an argument's name → how equations write it
SYMBOLS |= dict.fromkeys(("logits", "log_rate", "log_mean"), "a")
PAGE = Autoencoder.loss_and_grad.__code__


class Node(NamedTuple):
    """An array of the forward pass."""

    name: str  # as in loss_and_grad; of what that does not name, by its layer or its equation
    label: str  # of the equation; "" of what is given
    rule: str  # the function that computes it
    caller: str  # the file that calls the rule
    line: int  # of loss_and_grad's file for which that happens
    parents: tuple  # the names of what it is computed from
    value: np.ndarray


class Gradient(NamedTuple):
    """∂loss/∂(an array), or the part of it that comes back by one path.

    Of a sum, label, rule, caller and through are "".
    """

    name: str
    label: str
    rule: str
    caller: str
    line: int
    of: str  # the array
    through: str  # the array computed from it by which the gradient comes
    paths: tuple  # of a sum, the names of its parts
    value: np.ndarray  # as backward has it
    numerical: np.ndarray  # by central differences

    @property
    def error(self):
        """Relative; NaN if the shapes differ."""
        same = self.value.shape == self.numerical.shape
        return relative_error(self.value, self.numerical) if same else float("nan")

    @property
    def ok(self):
        return self.error < LIMIT  # a NaN is not below any limit


class Trace(NamedTuple):
    """One step: the losses and the flat gradient of all parameters, as loss_and_grad returns them,
    and what happened on the way, in the order of computation."""

    losses: tuple
    gradient: np.ndarray
    nodes: list
    gradients: list


def example(likelihood="bernoulli", activation="tanh", objective="elbo", n_samples=1, seed=0):
    """A model of 6-4-2-4-6 units, and a minibatch of three: net, (x, eps, beta, objective).

    Biases are not zero: at zero, a forgotten one would not show.
    """
    rng = np.random.default_rng(seed)
    net = Autoencoder(6, 2, (4,), activation, likelihood, 0.5, 0.4, dtype="f8").initialize(rng)
    net.parameters.vector += 0.3 * rng.normal(size=net.parameters.vector.size)
    x = rng.random((3, 6))
    if likelihood == "bernoulli":
        x = bernoulli.sample(rng, x)
    if likelihood == "categorical":
        x = np.eye(6)[rng.integers(6, size=3)]
    if likelihood in COUNTS:
        x = rng.poisson(2.0, x.shape).astype(float)
    objective = make_objective(objective)
    return net, (x, net.noise(rng, n_samples, 3) * objective.draws_z, 1.0, objective)


def trace(net, step):
    """net.loss_and_grad(*step), taken apart; step begins with x and eps.

    Any model whose likelihood is one, not blocks of columns. It is small: each number of each array
    is moved twice.
    """
    with _watched() as watch:
        calls = []
        watch.visit = lambda call: calls.append(call) or call.record()
        net.parameters.gradient[...] = np.nan  # what is not written, or is added to, will show
        losses, gradient = net.loss_and_grad(*step)
        gradient = gradient.copy()
        written = {name: g.copy() for name, g in net.parameters.gradients.items()}

        def numerical(call, name=None):
            """∂loss/∂(this argument of this call), or without a name ∂loss/∂(its result)."""
            nudge = np.zeros(np.shape(call.arguments[name] if name else call.result))
            number = calls.index(call)

            def loss():
                count, nudged = itertools.count(), (nudge, name)
                watch.visit = lambda c: c.run(*(nudged if next(count) == number else ()))
                return net.loss_and_grad(*step)[0].loss

            return numerical_gradient(loss, nudge)

        nodes = _nodes(net, step, calls)
        return Trace(losses, gradient, nodes, _gradients(nodes, calls, written, numerical))


def errors_by_step(net, step, steps, name="mu.W"):
    """For float32 and float64: the error of ∂loss/∂(a parameter), and its two laws, by (N2).

    Shapes  steps (n,) → {dtype: (error, r / h, t h²), each (n,)}
    The truth is the float64 gradient, where parameters and data are exact in float32 too.
    """
    x, eps, *rest = step
    twins = {}
    for dtype in ("float32", "float64"):
        twin = Autoencoder(**{**net.config, "dtype": dtype})
        twin.parameters.vector[...] = net.parameters.vector.astype("float32")
        twins[dtype] = twin, [array.astype("float32").astype(dtype) for array in (x, eps)] + rest
    twin, given = twins["float64"]
    twin.loss_and_grad(*given)
    truth = twin.parameters.gradients[name].copy()
    return {
        dtype: error_by_step(
            lambda twin=twin, given=given: twin.loss_and_grad(*given)[0].loss,
            twin.parameters.values[name],
            truth,
            steps,
        )
        for dtype, (twin, given) in twins.items()
    }


def error_by_step(f, q, gradient, steps):
    """The relative error of the numerical gradient for each step h, and the two laws it follows.

        error ≈ r / h + t h²,   the least near h = (r / 2t)^⅓      (N2)

    Shapes  steps (n,) from small to large → error, r / h, t h², each (n,)
    Why     rounding changes f by some 1e-16 |f|, which is divided by h; the difference of a smooth
            f leaves out terms of order h². The constants are the medians over the smaller steps,
            where the error falls, and over the larger ones, where it rises.
    """
    error = np.array([relative_error(gradient, numerical_gradient(f, q, h)) for h in steps])
    best = steps[error.argmin()]
    small = (steps < best / 5.0) & (error < 0.1)  # below, f does not change at all
    large = (steps > best * 5.0) & (steps < 0.3)
    r, t = np.median((error * steps)[small]), np.median((error / steps**2)[large])
    return error, r / steps, t * steps**2


def graph(traced):
    """A Trace as plain names and numbers, for a picture: nodes, edges.

    nodes  {name: {"shape", "label", "rule", "caller", "norms"}}, rule and caller being files, and
           norms {name of a gradient: its norm} of the array and of the parameters that made it
    edges  [(from, to, label, norm)], of the gradient that comes back; "" and None if none does
    """
    norm = {g.name: float(np.linalg.norm(g.value)) for g in traced.gradients}
    back = {(g.of, g.through): g for g in traced.gradients if g.through}
    names, nodes, edges = {node.name for node in traced.nodes}, {}, []
    for node in traced.nodes:
        gradients = [_d(node.name), *(_d(parent) for parent in node.parents if parent not in names)]
        nodes[node.name] = {
            "shape": node.value.shape,
            "label": node.label,
            "rule": node.rule and f"rules/{node.rule.partition('.')[0]}.py",
            "caller": node.caller,
            "norms": {name.rpartition(".")[2]: norm[name] for name in gradients if name in norm},
        }
        for parent in filter(names.__contains__, node.parents):
            g = back.get((parent, node.name))
            edges.append((parent, node.name, g.label if g else "", norm[g.name] if g else None))
    return nodes, edges


def page_line(number):
    """A line of the file that holds `loss_and_grad`."""
    return linecache.getline(PAGE.co_filename, number).strip()


def written(rule):
    """The labelled equations in a rule's docstring: label → the equation, as it stands there."""
    lines = re.findall(r"^(.*) {2,}\(([A-Z]\d+)\)$", rule.__doc__ or "", re.MULTILINE)
    return {label: text.strip() for text, label in lines}


def labels(rule):
    """The labels of the equations in a rule's docstring."""
    return list(written(rule))


def equations(rule):
    """What stands left of each labelled equation in a rule's docstring → the label."""
    return {
        name: label
        for label, text in written(rule).items()
        for name in re.findall(r"(?:^|,)\s*(\w+)\s+=\s", text)
    }


def gradients_of(forward, backward):
    """Whose gradients a backward rule returns, in its order: argument of forward → label."""
    label = equations(backward)
    gradient = {q: f"d{SYMBOLS.get(q, q)}" for q in inspect.signature(forward).parameters}
    return {q: label[dq] for q, dq in gradient.items() if dq in label}


class _Call:
    """One call of a rule by a layer."""

    def __init__(self, key, rule, args, kwargs):
        self.key, self.rule, self.given = key, rule, (args, kwargs)

    def run(self, nudge=None, name=None):
        """Call the rule; a nudge goes to the argument of that name, or else to the result."""
        args, kwargs = self.given
        if name:
            self.bind()
            args, kwargs = {**self.arguments, name: self.arguments[name] + nudge}.values(), {}
        result = self.rule(*args, **kwargs)
        if nudge is not None and not name:
            result += nudge
        return result

    def bind(self):
        """Name the arguments as the rule does."""
        args, kwargs = self.given
        bound = inspect.signature(RULES[self.key]).bind(*args, **kwargs)
        bound.apply_defaults()
        self.arguments = bound.arguments

    def record(self):
        """Call the rule and keep what went in and out, with copies of what may be overwritten."""
        module, name = self.key
        self.bind()
        self.name = f"{module.__name__.rpartition('.')[2]}.{name}"
        self.is_backward = name.endswith("backward")
        self.forward_key = (module, name.removesuffix("_backward").replace("backward", "forward"))
        self.dout = np.copy(next(iter(self.arguments.values())))
        self.result = self.run()
        results = self.result if isinstance(self.result, tuple) else (self.result,)
        self.results = [None if r is None else np.copy(r) for r in results]
        self.places = {*map(_place, self.arguments.values()), *map(_place, results)} - {None}
        frame = inspect.currentframe()
        while frame.f_code.co_filename == __file__:
            frame = frame.f_back
        self.caller = "/".join(Path(frame.f_code.co_filename).parts[-2:])
        while frame.f_code is not PAGE:
            frame = frame.f_back
        self.page, self.line = frame, frame.f_lineno
        return self.result


@contextlib.contextmanager
def _watched():
    """Inside, each call of a rule by a layer is handed to `visit`."""
    watch, inside = SimpleNamespace(), []

    def wrapped(key, rule):
        def watched(*args, **kwargs):
            if inside:  # a rule called by a rule is not recorded
                return rule(*args, **kwargs)
            inside.append(key)
            try:
                return watch.visit(_Call(key, rule, args, kwargs))
            finally:
                inside.clear()

        return watched

    with contextlib.ExitStack() as patches:
        for module, name in RULES:
            replacement = wrapped((module, name), getattr(module, name))
            patches.enter_context(mock.patch.object(module, name, replacement))
        yield watch


def _place(array):
    """Where an array begins in memory: the same for a view, and for what is computed in place."""
    return array.ctypes.data if isinstance(array, np.ndarray) else None


def _nodes(net, step, calls):
    """The arrays of the forward pass; each call gets its node and the sources of its arguments."""
    variables = calls[-1].page.f_locals.items()
    page = {_place(v): name for name, v in variables if isinstance(v, np.ndarray)}
    made = {_place(v): name for name, v in net.parameters.values.items()}
    nodes = []
    for name, value in zip(("x", "eps"), step):
        made[_place(value)] = name
        nodes.append(Node(name, "", "", "", 0, (), value))
    for call in calls:
        if not call.is_backward:
            places = {q: _place(v) for q, v in call.arguments.items()}
            call.sources = {q: made[place] for q, place in places.items() if place in made}
            call.node = _name(call, page)
            if isinstance(call.result, np.ndarray):
                made[_place(call.result)] = call.node
            label, sources = labels(RULES[call.key])[0], tuple(call.sources.values())
            where = call.name, call.caller, call.line
            nodes.append(Node(call.node, label, *where, sources, call.results[0]))
    return nodes


def _name(call, page):
    """The name of what a call computes: of a layer, in loss_and_grad, or in the rule's equation."""
    if call.key == (dense, "forward"):
        layer = call.sources["W"].removesuffix(".W")
        return f"{layer}.a" if layer[-1].isdigit() else layer  # encoder.0.a, but mu
    if (place := _place(call.result)) in page:
        return page[place]
    layer, dot, _ = next(iter(call.sources.values())).rpartition(".")
    return layer + dot + next(iter(equations(RULES[call.key])))  # encoder.0.h, but kl


def _gradients(nodes, calls, written, numerical):
    """The paths by which gradients come back, and where several meet, their sum."""
    forward = [call for call in calls if not call.is_backward]
    paths, backward_of = [], {}
    for call in calls:
        if call.is_backward:
            of_its_rule = (f for f in forward if f.key == call.forward_key)
            f = max(of_its_rule, key=lambda f: len(f.places & call.places))  # it has the arguments
            backward_of[f.node] = call, f
            returned = zip(gradients_of(RULES[f.key], RULES[call.key]).items(), call.results)
            paths += [
                (f.sources[q], label, q, value, call, f)
                for (q, label), value in sorted(returned, key=lambda pair: pair[0][1])
                if q in f.sources and value is not None
            ]
    n_paths = Counter(of for of, *_ in paths)
    shapes = {node.name: node.value.shape for node in nodes}
    rows = []
    for of, label, q, value, call, f in paths:
        name = _d(of) + f"_{f.node}" * (n_paths[of] > 1)
        measured = numerical(f, q)
        shape = shapes.get(of, measured.shape)
        value = written[of] if of in written else _as(value, measured.shape)
        where = name, label, call.name, call.caller, call.line, of, f.node, ()
        rows.append(Gradient(*where, value.reshape(shape), measured.reshape(shape)))
        parts = tuple(row.name for row in rows if row.of == of)
        if len(parts) == n_paths[of] > 1:
            user, f = backward_of[of]
            line = max(call.line, user.line - 1)  # loss_and_grad has added them by then
            where = _d(of), "", "", "", line, of, "", parts
            rows.append(Gradient(*where, user.dout.reshape(shape), numerical(f)))
    return sorted(rows, key=lambda row: row.line)


def _d(name):
    """The name of the gradient: mu → dmu, encoder.0.W → encoder.0.dW"""
    layer, dot, last = name.rpartition(".")
    return f"{layer}{dot}d{last}"


def _as(gradient, shape):
    """In the shape of its array: where rows share an element their gradients add."""
    whole = np.broadcast_to(gradient, np.broadcast_shapes(gradient.shape, shape))
    return whole.sum(axis=tuple(range(whole.ndim - len(shape))))
