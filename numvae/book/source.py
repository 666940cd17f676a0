"""What the book is made of, read from the source: files in reading order, rules, exercises, terms,
and what happens at each line of `loss_and_grad`.

Read next: text.
"""

import ast
import functools
import inspect
import re
import sys
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from numvae.book.docstrings import blocks
from numvae.lessons import bugs, trace
from numvae.lessons.hints import HINTS
from numvae.network import likelihoods
from numvae.rules import activations

PACKAGE = Path(__file__).parents[1]
FIRST, LAST = "rules/__init__", "network/autoencoder"


class Part(NamedTuple):
    """A function or a class of a file."""

    name: str  # file.function, as the rules call each other
    docstring: str
    code: str  # without the docstring
    line: int  # of the file where it begins


class File(NamedTuple):
    """A file of the package."""

    name: str  # rules/dense
    docstring: str
    parts: tuple

    @property
    def stem(self):
        return self.name.rpartition("/")[2]


class Exercise(NamedTuple):
    """A file of scripts/exercises."""

    stem: str
    title: str  # its first sentence
    about: str | None  # the rule that it asks for, or whose steps it asks for

    @property
    def number(self):
        return int(self.stem.partition("_")[0])

    @property
    def name(self):
        return self.stem.partition("_")[2]

    @property
    def id(self):
        return f"exercise-{self.number}"

    @property
    def hints(self):
        return HINTS.get(self.name, ())


class Term(NamedTuple):
    """A line of the glossary."""

    names: str
    meaning: str
    places: tuple  # the files that define it


class Line(NamedTuple):
    """A line of the body of `loss_and_grad`."""

    number: int  # of the file
    text: str
    rules: tuple  # the names of the rules that it calls, in order
    bugs: tuple  # those that are planted in what it calls


def reading_order():
    """The names of the files of the path, and below each those of its side path."""
    path, name = {}, FIRST
    while name:
        aside = _following(name, "Side path")
        following = _following(name, "Read next") if name != LAST else None
        path[name] = []
        while aside and aside != following:
            path[name].append(aside)
            aside = _following(aside, "Read next")
        name = following
    return path


def _following(name, where):
    """The file that a file's opening names after "Read next" or "Side path"; None if none."""
    found = re.search(rf"{where}: ([\w/]+)", read(name).docstring)
    if not found:
        return None
    return found[1] if "/" in found[1] else f"{name.rpartition('/')[0]}/{found[1]}"


@functools.cache
def read(name):
    """A File of the package, by its name."""
    text = (PACKAGE / f"{name}.py").read_text(encoding="utf-8")
    tree, lines, stem = ast.parse(text), text.splitlines(), name.rpartition("/")[2]
    nodes = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    parts = tuple(
        Part(f"{stem}.{node.name}", ast.get_docstring(node) or "", _code(lines, node), node.lineno)
        for node in nodes
    )
    return File(name, ast.get_docstring(tree), parts)


def _code(lines, node):
    """A function or a class without the docstring."""
    start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    kept = lines[start - 1 : node.end_lineno]
    if ast.get_docstring(node) is not None:
        first, last = node.body[0].lineno - start, node.body[0].end_lineno - start
        while last + 1 < len(kept) and not kept[last + 1].strip():
            last += 1
        kept = kept[:first] + kept[last + 1 :]
    return "\n".join(kept)


def code_of(function):
    """The text of a function without its decorators and its docstring."""
    text = textwrap.dedent(inspect.getsource(function))
    (node,) = ast.parse(text).body
    node.decorator_list = []
    return _code(text.splitlines(), node)


# The traced minibatch, and others for the rules that it does not call.

EXAMPLES = (
    {},
    *({"activation": name} for name in activations.NAMES if name != "tanh"),
    *({"likelihood": name} for name in likelihoods.NAMES if name != "bernoulli"),
    {"objective": "sampled-elbo", "n_samples": 2},
    {"objective": "iwae", "n_samples": 3},
)


class Traced(NamedTuple):
    """A small model, its minibatch, and what happened."""

    settings: dict
    net: object
    step: tuple
    trace: trace.Trace

    def results(self):
        """The arrays that were computed, Nodes and Gradients, in the order of computation."""
        return (*self.trace.nodes, *self.trace.gradients)


@functools.cache
def traces():
    """One Traced for each of EXAMPLES; the first is that of scripts/walk.py."""
    found = []
    for settings in EXAMPLES:
        net, step = trace.example(**settings)
        found.append(Traced(settings, net, step, trace.trace(net, step)))
    return tuple(found)


def traced_with(rule):
    """The first Traced in which a rule is called; None if there is none."""
    for traced in traces():
        if any(result.rule == rule for result in traced.results()):
            return traced
    return None


# The lines of the page.


@functools.cache
def lines():
    """The Lines of the body of `loss_and_grad`."""
    text = (PACKAGE / f"{LAST}.py").read_text(encoding="utf-8")
    page = next(
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name == trace.PAGE.co_name
    )
    called, first = called_at(traces()), page.body[0].end_lineno + 1
    return [
        Line(number, line, *_of(called[number]))
        for number, line in enumerate(text.splitlines()[first - 1 : page.end_lineno], start=first)
    ]


def _of(codes):
    """The rules and the bugs that some code belongs to."""
    rules = {getattr(*key).__code__: key for key in trace.RULES}
    names = [rules[code] for code in codes if code in rules]
    planted = [
        bug
        for bug in bugs.BUGS
        if any(getattr(where, name).__code__ in codes for where, name, _ in bug.patches)
    ]
    return tuple(f"{stem(module)}.{name}" for module, name in names), tuple(planted)


def stem(module):
    """The last part of a module's name."""
    return module.__name__.rpartition(".")[2]


def called_at(several):
    """Line of the page → the code of all that it calls, in the order of the calls, in some of the
    traced models."""
    called = defaultdict(dict)

    def watch(frame, event, _):
        if event == "call":
            code, above = frame.f_code, frame.f_back
            while above and above.f_code is not trace.PAGE:
                above = above.f_back
            if above:
                called[above.f_lineno].setdefault(code)

    for traced in several:
        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            traced.net.loss_and_grad(*traced.step)
        finally:
            sys.setprofile(before)
    return called


@functools.cache
def run():
    """The names of the functions and classes whose code the traced minibatch runs."""
    codes = {code for line in called_at(traces()[:1]).values() for code in line}
    return {part.name for code in codes if (part := _part_of(code))}


def _part_of(code):
    """The Part of the rules or the layers that some code stands in; None for other code."""
    path = Path(code.co_filename)
    if path.parent.parent != PACKAGE or path.parent.name not in ("rules", "network"):
        return None
    parts = read(f"{path.parent.name}/{path.stem}").parts
    return max((p for p in parts if p.line <= code.co_firstlineno), key=lambda p: p.line)


# What stands beside the package, in a checkout.


def exercises(root):
    """The Exercises of scripts/exercises, in their order."""
    files = sorted((root / "scripts" / "exercises").glob("[0-9]*.py"))
    texts = {file.stem: file.read_text(encoding="utf-8") for file in files}
    about = {stem.partition("_")[2]: _rule_in(text) for stem, text in texts.items()}
    for stem, text in texts.items():  # the rule that a name stands for is that of its steps too
        if found := re.search(r'steps="(\w+)"', text):
            about[found[1]] = about[stem.partition("_")[2]]
    return [
        Exercise(stem, blocks(ast.get_docstring(ast.parse(text)))[0].content, about[name])
        for stem, text in texts.items()
        for name in [stem.partition("_")[2]]
    ]


def _rule_in(text):
    """The first rule of the package that the text of an exercise names, or loss_and_grad."""
    known = {part.name for name in rule_files() for part in read(name).parts}
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(ast.Name(module), name) if f"{module}.{name}" in known:
                return f"{module}.{name}"
    return "loss_and_grad" if "loss_and_grad" in text else None


def rule_files():
    """The names of the files of numvae/rules, in reading order."""
    order = reading_order()
    return [name for file, aside in order.items() for name in (file, *aside) if "rules/" in name]


def glossary(root):
    """The Terms of the table in numvae/README.md."""
    text = (root / "numvae" / "README.md").read_text(encoding="utf-8").split("## Glossary")[1]
    rows = re.findall(r"^\| (.*) \| (.*) \| (`.*`) \|$", text, re.MULTILINE)
    return [
        Term(names, meaning.replace("\\|", "|"), tuple(re.findall(r"`(.*?)\.py`", places)))
        for names, meaning, places in rows
    ]
