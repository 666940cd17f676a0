"""Every equation of the source is read, and becomes MathML and LaTeX with all its symbols."""

import ast
import re
import unicodedata
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from numvae.book.latex import latex
from numvae.book.mathml import math
from numvae.book.notation import LABEL, parse
from numvae.lessons.derivation_steps import DERIVATIONS

PACKAGE = Path(__file__).resolve().parents[2] / "numvae"
LABELLED = re.compile(rf"^ *(.*?\S) {{2,}}\({LABEL}\)$", re.MULTILINE)


def labelled():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                yield from LABELLED.findall(ast.get_docstring(node) or "")


EQUATIONS = sorted(
    {*labelled()}
    | {line.equation for d in DERIVATIONS for line in d.lines if line.equation != f"= {line.code}"}
)
TO_PLAIN = str.maketrans("∑∏∼ϕ", "ΣΠ~φ", "/⁄_^(){}√,\u00a0\u0302 \n")


def symbols(text):
    """The symbols of a text, but for commas and those that say how the others stand."""
    return Counter(unicodedata.normalize("NFKD", text).translate(TO_PLAIN))


def shown(tree):
    """The text of MathML."""
    return "".join(tree.itertext())


def read(equation, **how):
    text = math(equation, **how).replace("&nbsp;", " ")
    return ElementTree.fromstring(f"<div>{text}</div>")


def test_there_are_many():
    assert len(EQUATIONS) > 200


@pytest.mark.parametrize("equation", EQUATIONS)
def test_an_equation_keeps_its_symbols(equation):
    for how in ({}, {"display": True}, {"broken": True}):
        tree = read(equation, **how)
        assert symbols(shown(tree)) == symbols(equation)
        assert len(list(tree.iter("msqrt"))) == equation.count("√")
        for fraction in tree.iter("mfrac"):
            assert len(fraction) == 2
        for script in (e for e in tree.iter() if e.tag in ("msub", "msup", "munder", "mover")):
            assert len(script) == 2


@pytest.mark.parametrize("equation", EQUATIONS)
def test_its_latex_is_balanced_and_plain(equation):
    text = latex(equation)
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right")
    assert text.isascii()


CASES = [
    ("1/L", r"\frac{1}{L}"),
    ("a b / (c d)", r"\frac{a \, b}{c \, d}"),
    ("½ a / b", r"\tfrac{1}{2} \, \frac{a}{b}"),
    ("a + b / c", r"a + \frac{b}{c}"),
    ("a · b / c d", r"a \cdot \frac{b}{c} \, d"),
    ("(z − μ)²/2σ²", r"\frac{\left( z - \mu \right)^{2}}{2 \sigma^{2}}"),
    ("w / Σ_l w_l", r"\frac{w}{\sum_{l} \, w_{l}}"),
    ("∂y_no/∂W_io x", r"\frac{\partial y_{n o}}{\partial W_{i o}} \, x"),
    ("∂/∂μ ( a )", r"\frac{\partial}{\partial \mu} \, \left( a \right)"),
    ("∂ log u/∂a", r"\frac{\partial \, \log \, u}{\partial a}"),
    ("q ∂log q", r"q \, \partial \log \, q"),
    ("e^−|a|", r"e^{- \left| a \right|}"),
    ("e^(½ s)", r"e^{\tfrac{1}{2} \, s}"),
    ("10^(−i/7)", r"10^{- \frac{i}{7}}"),
    ("p(x|z)", r"p \left( x \mid z \right)"),
    ("|a||b|", r"\left| a \right| \left| b \right|"),
    ("KL( q ‖ p )", r"\operatorname{KL} \left( q \,\|\, p \right)"),
    ("‖g‖", r"\left\| g \right\|"),
    ("dμ′ + dlog_px_ln", r"\mathrm{d}\mu' + \operatorname{dlog\_px}_{l n}"),
    ("√v̂ + c₂", r"\sqrt{\hat{v}} + c_{2}"),
    ("Wᵀ F⁻¹(v)", r"W^{\mathrm{T}} \, F^{- 1} \left( v \right)"),
    ("∫₀¹ e^(a t) dt", r"\int_{0}^{1} \, e^{a \, t} \, \mathrm{d}t"),
    ("h = a where a > 0, else 0", r"h = \begin{cases} a & \text{ where } a > 0 \\ "
                                  r"0 & \text{ else } \end{cases}"),
    ("x = −1,   y = 2", r"x = - 1 , \qquad y = 2"),
    ("c = (P15)", r"c = \text{ (P15) }"),
]  # fmt: skip


@pytest.mark.parametrize("text, wanted", CASES)
def test_the_notation_means_what_it_says(text, wanted):
    assert latex(text) == wanted


def test_a_fraction_has_a_bar_but_in_a_sentence():
    assert read("a / (b c)", display=True).find(".//mfrac") is not None
    assert shown(read("a / (b c)")) == "a/(bc)"
    assert shown(read("−(1/B) x", display=True)) == "−1Bx"  # a bar needs no brackets
    assert shown(read("log(1/B) x", display=True)) == "log(1B)x"


def test_a_long_equation_is_broken_before_its_relations_and_signs():
    pieces = read("a = b + (c + d),   e = f", broken=True)
    assert [shown(piece).strip() for piece in pieces] == ["a", "=b", "+(c", "+d),", "e", "=f"]
    pieces = read("a + (b + c / d)", broken=True, display=True)  # brackets as high as a fraction
    assert [shown(piece) for piece in pieces] == ["a", "+(b+cd)"]


def test_names_can_be_marked():
    found = []
    math("dμ_n = m̂ + log x", lambda name: found.append(name) or "")
    assert found == ["dμ", "n", "m̂", "log", "x"]
    marked = math("x", lambda name: ' data-t="1"')
    assert marked == '<math alttext="x"><mi class="i" data-t="1">x</mi></math>'


@pytest.mark.parametrize("text", ["(a", "a)", "a_", "a /", "x^", "]", "a =/b", "a +/b", "(a,/b)"])
def test_what_is_no_equation_is_refused(text):
    with pytest.raises((ValueError, IndexError)):
        parse(text)
