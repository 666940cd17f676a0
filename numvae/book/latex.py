"""Equations as LaTeX, which a notebook sets.

Read next: docstrings.
"""

import unicodedata

from numvae.book.notation import (
    FUNCTIONS,
    HAT,
    PRIME,
    Cases,
    Fenced,
    Fraction,
    Gap,
    Root,
    Row,
    Script,
    Symbol,
    parse,
    without_brackets,
)

KNOWN = FUNCTIONS - {"mean", "argmax", "Var", "diag", "chol", "sigmoid", "softmax"}  # to LaTeX
COMMANDS = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∂": r"\partial", "∇": r"\nabla", "ℓ": r"\ell",
    "½": r"\tfrac{1}{2}", "⅓": r"\tfrac{1}{3}", "·": r"\cdot", "…": r"\dots", "∞": r"\infty",
    "≥": r"\ge", "≤": r"\le", "≈": r"\approx", "←": r"\leftarrow", "→": r"\to", "∝": r"\propto",
    "~": r"\sim", "∈": r"\in", "−": "-", "‖": r"\,\|\,", "ε": r"\varepsilon", "{": r"\{",
    "}": r"\}", "⌊": r"\lfloor", "⌋": r"\rfloor", "#": r"\#", "%": r"\%",
}  # fmt: skip


def latex(text):
    """An equation, without the dollar signs."""
    return draw(parse(text))


def draw(tree):
    """A tree as LaTeX."""
    match tree:
        case Symbol(text, kind):
            return _symbol(text, kind)
        case Row(items):
            return " ".join(map(draw, items))
        case Gap(wide):
            return r"\qquad" if wide else r"\,"
        case Fraction(above, below):
            above, below = (draw(without_brackets(part)) for part in (above, below))
            return rf"\frac{{{above}}}{{{below}}}"
        case Root(inside):
            return rf"\sqrt{{{draw(without_brackets(inside))}}}"
        case Fenced(left, inside, right):
            left, right = (r"\|" if q == "‖" else COMMANDS.get(q, q) for q in (left, right))
            return rf"\left{left} {draw(inside)} \right{right}"
        case Cases(rows):
            lines = r" \\ ".join(f"{draw(value)} & {draw(where)}" for value, where in rows)
            return rf"\begin{{cases}} {lines} \end{{cases}}"
        case Script(base, index, power):
            below = "" if index is None else f"_{{{draw(without_brackets(index))}}}"
            above = "" if power is None else f"^{{{draw(without_brackets(power))}}}"
            return f"{draw(base)}{below}{above}"
    raise TypeError(tree)


def _symbol(text, kind):
    if kind == "name":
        return _name(text)
    if kind in ("word", "label"):
        return rf"\text{{ {text} }}"
    if kind == "upright":
        return rf"\mathrm{{{text}}}"
    return r"\mid" if kind == "bar" else COMMANDS.get(text, text)


def _name(text):
    bare, primes = text.rstrip(PRIME), "'" * text.count(PRIME)
    if bare.endswith(HAT):
        return rf"\hat{{{_name(bare.removesuffix(HAT))}}}{primes}"
    if bare in COMMANDS:
        return COMMANDS[bare] + primes
    if bare in KNOWN:
        return rf"\{bare}{primes}"
    if len(bare) == 2 and bare[0] == "d":
        return rf"\mathrm{{d}}{_name(bare[1])}{primes}"
    if len(bare) > 1:
        escaped = bare.replace("_", r"\_")
        return rf"\operatorname{{{escaped}}}{primes}"
    return _letter(bare) + primes


def _letter(letter):
    """μ → \\mu, Ψ → \\Psi, x → x"""
    if letter.isascii():
        return letter
    size, word = unicodedata.name(letter).removeprefix("GREEK ").split(" LETTER ")
    word = {"LAMDA": "lambda", "OMICRON": "o"}.get(word, word.lower())
    return "\\" + (word.capitalize() if size == "CAPITAL" else word)
