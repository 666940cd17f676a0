"""The notation of the equations in docstrings and derivations: from plain text to a tree.

    W_io′  β₁  m̂  x²  e^(½ logvar)  Wᵀ      indices, hats, powers
    Σ_l  Π_d  ∫₀¹  √c  ½                   sums, integrals, roots
    a / b  1/L  ∂y_no/∂W_io  ∂/∂μ ( … )      fractions and derivatives
    a where a > 0, else 0                    cases

A slash without spaces divides what touches it: 1/L. One with spaces divides the product before it
by the factor after it: dh e^a / (1 + e^a). A sum goes on to the end of its product.

Read next: mathml.
"""

import re
from typing import NamedTuple


class Symbol(NamedTuple):
    """A name, a number, an operator, …, as KINDS has them."""

    text: str
    kind: str


class Row(NamedTuple):
    """Things one after the other."""

    items: tuple


class Script(NamedTuple):
    """A base with an index, a power or both; either may be None."""

    base: object
    index: object
    power: object


class Fraction(NamedTuple):
    """Its parts have the brackets of the text."""

    above: object
    below: object


class Root(NamedTuple):
    inside: object


class Fenced(NamedTuple):
    """What stands in brackets."""

    left: str
    inside: object
    right: str


class Cases(NamedTuple):
    """Values and where each holds: pairs of trees."""

    rows: tuple


class Gap(NamedTuple):
    """Space between factors, or a wide one between equations."""

    wide: bool


FUNCTIONS = {"log", "exp", "tanh", "sinh", "cosh", "coth", "sin", "cos", "sigmoid", "softmax"}
FUNCTIONS |= {"min", "max", "argmax", "mean", "Var", "diag", "chol"}
WORDS = {"where", "else", "if", "and", "or", "so", "as", "by", "is", "are", "of", "in", "from"}
WORDS |= {"for", "every", "over", "around", "with", "its", "which", "lasts", "stage", "passes"}
WORDS |= {"small", "alike", "missing", "series"}
BIG = {"Σ": "∑", "Π": "∏", "∫": "∫"}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ", "0123456789−T")
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
CLOSES = {"(": ")", "[": "]", "{": "}", "⌊": "⌋"}
HAT, PRIME = "\N{COMBINING CIRCUMFLEX ACCENT}", "′"
LABEL = r"[A-Z]\d+"
GREEK = "α-ωΑ-ΡΤ-Ωℓ"

TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<label>\({LABEL}(?:,\ {LABEL})*\))
    |(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?)
    |(?P<half>[½⅓])
    |(?P<big>[ΣΠ∫])
    |(?P<name>(?:d?log_(?:px|q)|free_bits|[A-Za-z]*?d?[{GREEK}](?![A-Za-z])|[A-Za-z]+){HAT}?{PRIME}*)
    |(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ]+)
    |(?P<lowered>[₀-₉]+)
    |(?P<relation>[=≥≤≈<>←→~∝∈])
    |(?P<sum>[+−])
    |(?P<other>\S)""",
    re.VERBOSE,
)
INDEX = re.compile(rf"(?:[A-Za-z{GREEK}0-9]{PRIME}*)+")
WORD_INDICES = {"rows", "in", "out", "dec", "max", "min"}


def parse(text):
    """The tree of an equation, or of a part of one."""
    if found := re.fullmatch(
        r"((?:.*? )?= )(.+?) (where .+?), (?:(else) (.+)|(.+?) (where .+))", text
    ):
        head, value, condition, otherwise, last, other, its_condition = found.groups()
        rows = [(value, condition), (last or other, otherwise or its_condition)]
        cases = Cases(tuple((parse(a), parse(b)) for a, b in rows))
        return Row((*parse(head.strip()).items, cases))
    reader = _Reader(text)
    tree = reader.level(None)
    if reader.tokens:
        raise ValueError(f"found {reader.tokens[0].text!r} too many in the equation {text!r}")
    return tree


class _Token(NamedTuple):
    text: str
    kind: str
    space: str  # before it


class _Atom(NamedTuple):
    """A part of a level: kind is operand, function, big, partial, slash, dot, …"""

    tree: object
    kind: str
    tight: bool  # nothing between it and the one before


class _Reader:
    def __init__(self, text):
        self.text, self.tokens, space = text, [], ""
        for found in TOKEN.finditer(text):
            if found.lastgroup == "space":
                space = found[0]
            else:
                self.tokens.append(_Token(found[0], found.lastgroup, space))
                space = ""

    def level(self, closing):
        """All up to a closing bracket, which is taken; up to the end for None."""
        atoms = []
        while self.tokens and self.tokens[0].text != closing:
            atoms.append(self.atom(atoms))
        if closing:
            if not self.tokens:
                raise ValueError(f"found no {closing} in the equation {self.text!r}")
            self.tokens.pop(0)
        return _level(atoms)

    def atom(self, before):
        token = self.tokens[0]
        tight = not token.space and bool(before)
        match token.kind, token.text:
            case "relation" | "sum", text:
                tree, kind = Symbol(text, token.kind), token.kind
            case "label", text:
                tree, kind = Symbol(text, "label"), "word"
            case "other", "," | ";" | ":" | "…" | "‖" if token.text != "‖" or not tight_after(self):
                tree, kind = Symbol(token.text, "separator"), "separator"
                if len(self.tokens) > 1 and len(self.tokens[1].space) > 1:
                    tree = Row((tree, Gap(True)))
            case "other", "/":
                tree, kind, tight = Symbol("/", "operator"), "slash", tight and tight_after(self)
            case "other", "·":
                tree, kind = Symbol("·", "operator"), "operand" if tight else "dot"
            case "other", "|" if before and self.is_given(before[-1].tree, tight):
                tree, kind = Symbol("|", "bar"), "bar"
            case "other", "∂" | "∇":
                tree = Symbol(token.text, "name")
                kind = "partial" if token.text == "∂" else "function"
            case "other", "!":
                tree, kind = Symbol("!", "postfix"), "operand"
            case "name", text if text in WORDS:
                tree, kind = Symbol(text, "word"), "word"
            case _:
                tree, kind = self.scripted(), "operand"
                called = bool(self.tokens) and self.tokens[0] == ("(", "other", "")
                if token.kind == "big" or token.text in FUNCTIONS and not called:
                    kind = "big" if token.kind == "big" else "function"
                return _Atom(tree, kind, tight)
        self.tokens.pop(0)
        return _Atom(tree, kind, tight)

    def is_given(self, before, tight):
        """Whether a bar is that of p(x|z), and not one of |x|."""
        if not tight:
            return len(self.tokens) > 1 and bool(self.tokens[1].space)
        number = isinstance(before, Symbol) and before.kind == "number"
        return not (number or isinstance(before, Fenced))

    def scripted(self):
        """A primary with what stands above and below it."""
        base, index, power = self.primary(), None, None
        while self.tokens and not self.tokens[0].space:
            token = self.tokens[0]
            if token.kind == "lowered":
                self.tokens.pop(0)
                index = Symbol(token.text.translate(LOWERED), "number")
            elif token.kind == "raised":
                self.tokens.pop(0)
                raised = token.text.translate(RAISED)
                power = Symbol(raised, "number" if raised != "T" else "upright")
                if raised.startswith("−"):
                    power = Row((Symbol("−", "prefix"), Symbol(raised[1:], "number")))
            elif token.text == "_" and index is None:
                self.tokens.pop(0)
                index = self.index()
            elif token.text == "^":
                self.tokens.pop(0)
                power = self.power()
            else:
                break
        return Script(base, index, power) if index or power else base

    def index(self):
        first = self.tokens[0]
        if first.text in ("{", "("):
            self.tokens.pop(0)
            return self.level(CLOSES[first.text])
        if first.text == "⌊":
            return self.primary()
        text = ""
        while self.tokens and not self.tokens[0].space and INDEX.fullmatch(self.tokens[0].text):
            text += self.tokens.pop(0).text
        if not text:
            raise ValueError(f"found no index after _ in the equation {self.text!r}")
        if text in WORD_INDICES:
            return Symbol(text, "upright")
        letters = re.findall(rf".{PRIME}*", text)
        return Row(tuple(Symbol(q, "number" if q.isdigit() else "name") for q in letters))

    def power(self):
        items = []
        if self.tokens[0].text == "−":
            self.tokens.pop(0)
            items.append(Symbol("−", "prefix"))
        if self.tokens[0].text == "(" and not items:
            return self.primary()
        items.append(self.scripted())
        called = isinstance(items[-1], Symbol) and items[-1].kind == "name"  # e^ℓ(b), e^min(a, M)
        if called and self.tokens and self.tokens[0].text == "(" and not self.tokens[0].space:
            items.append(self.primary())
        return Row(tuple(items)) if len(items) > 1 else items[0]

    def primary(self):
        token = self.tokens.pop(0)
        if token.text in CLOSES:
            return Fenced(token.text, self.level(CLOSES[token.text]), CLOSES[token.text])
        if token.text in "|‖":
            return Fenced(token.text, self.level(token.text), token.text)
        if token.text == "√":
            return Root(self.scripted())
        if token.kind == "big":
            return Symbol(BIG[token.text], "big")
        if token.kind in ("name", "number", "half", "label"):
            return Symbol(token.text, token.kind)
        if token.text in CLOSES.values():
            raise ValueError(f"found {token.text!r} too many in the equation {self.text!r}")
        return Symbol(token.text, "operator")


def tight_after(reader):
    """Whether something touches the first token from the right."""
    return len(reader.tokens) > 1 and not reader.tokens[1].space


def _level(atoms):
    """One level of brackets: products between relations, sums and words."""
    items, product = [], []

    def flush():
        if product:
            items.extend(_product(product))
            product.clear()

    for i, atom in enumerate(atoms):
        if atom.kind == "sum":
            flush()
            before = atoms[i - 1].kind if i else "sum"
            unary = before in ("relation", "sum", "separator", "word", "dot", "slash", "big")
            unary |= before == "function" and not atom.tight
            if unary and before in ("big", "function"):
                items.append(Gap(False))
            items.append(Symbol(atom.tree.text, "prefix" if unary else "operator"))
        elif atom.kind in ("relation", "separator", "word", "dot", "bar"):
            flush()
            items.append(atom.tree)
        else:
            product.append(atom)
    flush()
    return Row(tuple(items))


def _product(atoms):
    """Factors, with fractions where there are slashes."""
    atoms = _partials(list(atoms))
    if atoms and atoms[0].kind == "slash":
        raise ValueError("found nothing before a slash")
    while any(a.kind == "slash" and a.tight for a in atoms):
        i = next(i for i, a in enumerate(atoms) if a.kind == "slash" and a.tight)
        start, stop = i - 1, i + 2
        while start > 0 and atoms[start].tight:
            start -= 1
        while stop < len(atoms) and atoms[stop].tight:
            stop += 1
        atoms[start:stop] = [_over(atoms[start:i], atoms[i + 1 : stop], atoms[start].tight)]
    while any(a.kind == "slash" for a in atoms):
        i = next(i for i, a in enumerate(atoms) if a.kind == "slash")
        start, stop = 0, _factor(atoms, i + 1)
        while start < i - 1 and _stays_out(atoms[start].tree):
            start += 1
        atoms[start:stop] = [_over(atoms[start:i], atoms[i + 1 : stop], False)]
    return _spaced(atoms)


def _partials(atoms):
    """∂ … /∂q becomes a fraction; any other ∂ belongs to what follows."""
    i = 0
    while i < len(atoms):
        if atoms[i].kind == "partial":
            rest = range(i + 1, len(atoms))
            following = next((j for j in rest if atoms[j].kind == "partial"), None)
            if following and atoms[following - 1].kind == "slash":
                stop = _factor(atoms, following + 1)
                above, below = atoms[i : following - 1], atoms[following:stop]
                atoms[i:stop] = [_over(above, below, atoms[i].tight)]
            elif i + 1 < len(atoms):
                stop = _factor(atoms, i + 1)
                tree = Row(tuple(_spaced(atoms[i:stop])))
                atoms[i:stop] = [_Atom(tree, "operand", atoms[i].tight)]
        i += 1
    return atoms


def _factor(atoms, i):
    """Where the factor that begins at i ends: functions take one more, a sum all that follows."""
    if i >= len(atoms):
        raise ValueError("found nothing after a slash")
    if atoms[i].kind == "big":
        return next((j for j in range(i, len(atoms)) if atoms[j].kind == "slash"), len(atoms))
    if atoms[i].kind in ("function", "partial") and i + 1 < len(atoms):
        return _factor(atoms, i + 1)
    i += 1
    while i < len(atoms) and atoms[i].tight and atoms[i].kind == "operand":
        i += 1
    return i


def _stays_out(tree):
    """½ and (1/B) stay before a fraction."""
    tree = without_brackets(tree)
    if isinstance(tree, Row) and len(tree.items) == 1:
        tree = tree.items[0]
    return isinstance(tree, Fraction) or isinstance(tree, Symbol) and tree.kind == "half"


def _over(above, below, tight):
    return _Atom(Fraction(_one(_spaced(above)), _one(_spaced(below))), "operand", tight)


def without_brackets(tree):
    """What stands in round brackets, which a fraction bar, a root or a power makes needless."""
    return tree.inside if isinstance(tree, Fenced) and tree.left == "(" else tree


def _spaced(atoms):
    """The trees, with a gap where the text has a space."""
    items = []
    for i, atom in enumerate(atoms):
        if i and not atom.tight:
            items.append(Gap(False))
        items.append(atom.tree)
    return items


def _one(items):
    return items[0] if len(items) == 1 else Row(tuple(items))
