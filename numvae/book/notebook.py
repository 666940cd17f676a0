"""The path of the book as a Jupyter notebook: derivations in LaTeX, and code that runs from top to
bottom. It computes the numbers of each rule and compares its gradients with finite differences.
"""

import ast
import inspect
import json
import re

from numvae.book import source
from numvae.book.docstrings import blocks, spans
from numvae.book.latex import latex
from numvae.lessons import trace
from numvae.lessons.derivation_steps import DERIVATIONS

RULES = {f"{source.stem(key[0])}.{key[1]}": rule for key, rule in trace.RULES.items()}
ABOUT = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TITLE = """\
# A variational autoencoder: derivation, code and numbers

Every formula on the path to `loss_and_grad`, made from the source of numvae by `scripts/book.py`.
It runs where numvae is installed, for example by `pip install -e .` in a copy of the repository."""
SETUP = """\
import numpy as np

from numvae.checks.finite_differences import numerical_gradient, relative_error
from numvae.lessons import trace

net, step = trace.example()  # a model of 6-4-2-4-6 units, and a minibatch of three
x, eps, beta, objective = step
traced = trace.trace(net, step)
arrays = {name: value.copy() for name, value in net.parameters.values.items()}
arrays |= {node.name: node.value for node in traced.nodes}
arrays |= {gradient.name: gradient.value for gradient in traced.gradients}


def compare(f, **pairs):
    \"\"\"Print how far each gradient is from the numerical one; pairs: (gradient, array).\"\"\"
    for name, (gradient, array) in pairs.items():
        error = relative_error(gradient, numerical_gradient(f, array))
        print(f"{name:<8} {gradient.shape}, relative error {error:.0e}")
        assert error < 1e-7"""
WHOLE = """\
losses, gradient = net.loss_and_grad(*step)
print(losses)
gradient = gradient.copy()  # the next call overwrites it
compare(lambda: net.loss_and_grad(*step)[0].loss, all=(gradient, net.parameters.vector))
for g in traced.gradients:
    print(f"{g.name:<22}{g.label:<4}{g.rule or ' + '.join(g.paths):<38}{g.error:.0e}")"""
BUGS = """\
from numvae.lessons import bugs

for bug in bugs.of_the_gradient():
    net, step = trace.example()
    with bugs.planted(bug):
        wrong = [g for g in trace.trace(net, step).gradients if not g.ok]
    print(f"{bug.name}\\n    first wrong: {wrong[0].name}, by {wrong[0].rule or 'a sum'}")"""
TRAIN = """\
from numvae.datasets.faces import faces
from numvae.network import Autoencoder
from numvae.rules import optimizers

rng = np.random.default_rng(0)
X = faces(1000, seed=0)[0].reshape(1000, -1).astype("float32")
net = Autoencoder(560, 2, (64,), "tanh", "continuous-bernoulli")
net.initialize(rng, mean=X.mean(axis=0))
theta = net.parameters.vector
m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0
for epoch in range(1, 31):
    bounds = []
    for rows in np.split(rng.permutation(1000), 20):
        losses, g = net.loss_and_grad(X[rows], net.noise(rng, 1, 50))
        optimizers.adam(theta, g, m, v, t := t + 1, 2e-3, 0.9, 0.999, 1e-8)
        bounds.append(-losses.loss)
    if epoch % 10 == 0:
        print(f"epoch {epoch}: ELBO {np.mean(bounds):.1f} nats per face")"""
DRAW = """\
import matplotlib.pyplot as plt

values = np.linspace(-2, 2, 13, dtype="float32")
z = np.stack(np.meshgrid(values, values[::-1]), axis=-1).reshape(-1, 2)
plane = net.decode(z).reshape(13, 13, 28, 20).transpose(0, 2, 1, 3).reshape(13 * 28, 13 * 20)
plt.figure(figsize=(5, 7), layout="constrained")
plt.imshow(plane, cmap="gray", vmin=0, vmax=1, extent=(-2.2, 2.2, -2.2, 2.2), aspect=1.4)
plt.xlabel("$z_1$")
plt.ylabel("$z_2$")
plt.title("Faces decoded from a plane of codes")
plt.show()"""


def notebook(root):
    """The text of the notebook's file, nbformat 4.5.

    root    the folder of the checkout, whose scripts/minimal.py is in it
    """
    text = (root / "scripts" / "minimal.py").read_text(encoding="utf-8")
    _, about_it, minimal = text.partition("\n\nif __name__")[0].split('"""', 2)
    first, *path = (source.read(name) for name in source.reading_order())
    loss_and_grad = "\n".join(line.text for line in source.lines())
    pairs = [
        (TITLE, ""),
        (f"## What a VAE is\n\n{prose(first.docstring, without=['names'])}", ""),
        (f"## A whole VAE\n\n{prose(about_it)}", minimal.strip()),
        ("It checks its own gradients:", "print(largest_error(np.random.default_rng(0)))"),
        ("## The numbers\n\nOf one minibatch, for all that follows:", SETUP),
        *(pair for file in path for pair in pairs_of(file)),
        (f"## loss_and_grad\n\n{prose(trace.Autoencoder.loss_and_grad.__doc__)}", ""),
        (listing(loss_and_grad), WHOLE),
        ("## Bugs\n\nThose that make a gradient of this model wrong, and where it begins:", BUGS),
        ("## Training\n\nThe same `loss_and_grad` and Adam, on faces that are drawn:", TRAIN),
        ("The decoder has ordered the faces on a plane:", DRAW),
    ]
    cells = []
    for number, (text, code) in enumerate(pairs, start=1):
        cells.append({"cell_type": "markdown", "id": f"text-{number}", "source": text})
        if code:
            empty = {"execution_count": None, "outputs": []}
            cells.append({"cell_type": "code", "id": f"code-{number}", "source": code, **empty})
    for cell in cells:
        cell |= {"metadata": {}, "source": cell["source"].splitlines(keepends=True)}
    whole = {"cells": cells, "metadata": ABOUT, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def pairs_of(file):
    """(text, code) for a file, and for each part of it that the traced minibatch runs."""
    title = file.stem if file.stem != "__init__" else file.name.partition("/")[0]
    yield f"## {title}\n\n{prose(file.docstring)}", ""
    for part in file.parts:
        if part.name in source.run() and "Autoencoder" not in part.name:
            derived = [derivation(d) for d in DERIVATIONS if d.rule == part.name]
            text = [f"### {part.name}", prose(part.docstring), *derived, listing(part.code)]
            called = any(r.rule == part.name for r in source.traces()[0].results())
            yield "\n\n".join(text), computed(part.name) if called else ""


# Text.


def prose(docstring, without=()):
    """A docstring as Markdown, but for some kinds of blocks."""
    found = []
    for kind, content in blocks(docstring):
        if kind in without:
            continue
        if kind == "text":
            found.append(sentence(content))
        elif kind == "equations":
            tags = [rf" \tag{{{label}}}" * bool(label) for _, label in content]
            found += [f"$${latex(text)}{tag}$$" for (text, _), tag in zip(content, tags)]
        elif kind == "list":
            found.append("\n".join(f"- {sentence(text)}" for text in content))
        elif kind == "drawing":
            found.append(f"```text\n{content}\n```")
        else:
            as_it_stands = {"Shapes", "Source"}
            lines = [
                f"**{key}** {text if key in as_it_stands else sentence(text)}"
                for key, text in content
            ]
            found.append("  \n".join(lines))
    return "\n\n".join(found)


def sentence(text):
    """Prose with its formulas in LaTeX."""
    drawn = {
        "text": lambda text: re.sub(r"([*_\[\]<$])", r"\\\1", text),
        "code": "`{}`".format,
        "math": lambda text: f"${latex(text)}$",
        "label": str,
    }
    return "".join(drawn[kind](part) for kind, part in spans(text))


def derivation(derivation):
    """A list of its lines, each with its reason."""
    lines = []
    for line in derivation.lines:
        equation = rf"$\displaystyle {latex(line.equation)}$"
        if line is derivation.lines[-1] and line.equation == f"= {line.code}":
            equation = f"= `{line.code}`"
        lines.append(f"- {equation}  \n  {sentence(line.reason)}")
    return f"**Derivation** of {sentence(derivation.of)}\n\n" + "\n".join(lines)


def listing(code):
    return f"```python\n{code}\n```"


# Code.


def computed(rule):
    """Code that calls a rule as the traced minibatch does and, if it is a gradient, checks it."""
    module, _, name = rule.partition(".")
    nodes, gradients = source.traces()[0].trace.nodes, source.traces()[0].trace.gradients
    forward = f"{module}.{name.removesuffix('_backward').replace('backward', 'forward')}"
    backward = rule != forward
    of = next(g.through for g in gradients if g.rule == rule) if backward else None
    node = next(node for node in nodes if node.name == of or node.rule == rule)
    given = arguments(forward, node.parents)
    lines = [f'{name} = arrays["{array}"]' for name, array in given.items() if array]
    call = f"{forward}({', '.join(given)})"
    if not backward:
        return "\n".join([f"from numvae.rules import {module}\n", *lines, call])

    dout, *remembered = arguments(rule)
    loss, used = call, [dout, *remembered]
    if dout not in given:  # it is no objective, which is the loss itself
        came = [g.name for g in gradients if g.of == of][-1]  # from all paths
        lines.append(f'{dout} = arrays["{came}"]')
        loss = f"np.sum({dout} * {call})"
    if (output := dout.removeprefix("d")) in remembered and output not in given:
        lines.append(f"{output} = {call}")
    outputs = returned(rule)
    lines.append(f"{', '.join(outputs)} = {rule}({', '.join(used)})")
    array_of = {f"d{trace.SYMBOLS.get(q, q)}": q for q in given} | {f"d{q}": q for q in given}
    pairs = "".join(f"    {q}=({q}, {array_of[q]}),\n" for q in outputs)
    return "\n".join([*lines, f"compare(\n    lambda: {loss},\n{pairs})"])


def arguments(rule, arrays=()):
    """The arguments of a rule that have no default → the array that the minibatch gives, or None
    for a number of the same name."""
    parameters = inspect.signature(RULES[rule]).parameters.values()
    names = [q.name for q in parameters if q.default is q.empty]
    return dict(zip(names, (*arrays, *[None] * len(names))))


def returned(rule):
    """The names of what a rule returns, in its order, by the calls that end its derivations."""
    found = {}
    for derived in DERIVATIONS:
        if derived.rule == rule:
            call = ast.parse(derived.lines[-1].code, mode="eval").body
            found[call.slice.value if isinstance(call, ast.Subscript) else 0] = derived.of
    return [found[i] for i in sorted(found)]
