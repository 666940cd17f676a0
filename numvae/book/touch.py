"""The backward pass to touch: one step of a small model, of which every number can be dragged.

It is a fragment of HTML that runs by itself in any page. Its numbers, equations, lines of code and
bugs come from the source; backward.js computes the step again whenever a number moves.
"""

import inspect
import json
import re
import textwrap
from importlib import resources

from numvae.book.mathml import math
from numvae.book.source import code_of
from numvae.checks import finite_differences
from numvae.lessons import bugs, trace
from numvae.network import Autoencoder

# Each equation as its docstring writes it, by its label; and the local derivative in it.
EQUATIONS = {k: text for rule in trace.RULES.values() for k, text in trace.written(rule).items()}
LOCAL = {
    "D2": "x", "D3": "1", "D4": "W", "H4": "1 − h²", "Z2": "1", "Z3": "½ σ ε", "K2": "μ",
    "K3": "½ (e^logvar − 1)", "B2": "x − sigmoid(a)", "O2": "−1 / (L B)", "O3": "β / B",
}  # fmt: skip


def fragment():
    """The HTML, with its style and script inside; what it names begins with `touch`."""
    parts = {
        "style": _file("touch.css"),
        "backward": _file("backward.js").removeprefix('"use strict";\n'),
        "script": _file("touch.js"),
        # "<" would end the script element, were a text to hold "</script>"
        "data": json.dumps(data(), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
    }
    return re.sub(r"{{(\w+)}}", lambda found: parts[found[1]], _file("touch.html"))


def data():
    """All that the fragment knows, as JSON can hold it.

    model   what backward.js takes: nodes and gradients, as `trace` finds them, and beta
    state   name → numbers of each array that is given, and 0 for those that can be moved by hand
    local   the local derivatives by the label of their equation, as MathML
    code    (number, text) of each line of `loss_and_grad`, from the forward pass on
    bugs    those that make a gradient of this model wrong, with their code
    """
    net, step = trace.example()
    traced = trace.trace(net, step)
    x, eps, beta, _ = step
    at = {node.name: node.value for node in traced.nodes}
    given = {"x": x, "eps": eps, **net.parameters.values}
    moved = {name: 0.0 * at[name] for name in ("mu", "logvar")}
    return {
        "model": {
            "nodes": [_described(node) for node in traced.nodes],
            "gradients": [_described(gradient) for gradient in traced.gradients],
            "beta": beta,
            "step": finite_differences.STEP,
            "limit": finite_differences.LIMIT,
        },
        "state": {name: rows(array) for name, array in {**given, **moved}.items()},
        "local": {label: math(text) for label, text in LOCAL.items()},
        "code": _page(min(node.line for node in traced.nodes if node.rule)),
        "bugs": [
            {"name": bug.name, "kind": bug.kind, "found": bug.found, "code": code_of(wrong)}
            for bug in bugs.of_the_gradient()
            for *_, wrong in bug.patches
        ],
    }


def rows(array):
    """An array as a list of rows: one row if it has one axis; with L = 1 that axis is left out."""
    return array.reshape(-1, array.shape[-1]).tolist()


def _described(row):
    """A Node or a Gradient without its numbers, with its equation as the docstring writes it, and
    as MathML."""
    described = {k: v for k, v in row._asdict().items() if k not in ("value", "numerical")}
    equation = EQUATIONS.get(row.label, "")
    return {**described, "equation": equation, "set": equation and math(equation, broken=True)}


def _page(first):
    """(number, text) of the lines of `loss_and_grad` from its first that computes something."""
    lines, start = inspect.getsourcelines(Autoencoder.loss_and_grad)
    text = textwrap.dedent("".join(lines[first - start :])).splitlines()
    return list(enumerate(text, first))


def _file(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
