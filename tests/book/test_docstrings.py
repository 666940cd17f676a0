"""Docstrings are taken apart without losing a word, and formulas are told from sentences."""

import ast
import re
from pathlib import Path

import pytest

from numvae.book.docstrings import blocks, spans

PACKAGE = Path(__file__).resolve().parents[2] / "numvae"
DOCUMENTED = ast.Module, ast.ClassDef, ast.FunctionDef
DOCSTRINGS = {
    f"{path.stem}.{getattr(node, 'name', '')}": ast.get_docstring(node)
    for folder in ("rules", "network")
    for path in sorted((PACKAGE / folder).glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node)
}


def said(block):
    """The words of a block."""
    content = block.content
    if block.kind in ("text", "drawing"):
        return content
    return " ".join(part if isinstance(part, str) else " ".join(part) for part in content)


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_no_word_is_lost(name):
    text = re.sub(r"(Read next|Side path): \S+(, \S+)*", "", DOCSTRINGS[name])
    found = " ".join(map(said, blocks(DOCSTRINGS[name])))
    plain = [re.sub(r"[-()\s]", "", q) for q in (text, found)]
    assert sorted(plain[0]) == sorted(plain[1])


def test_every_kind_of_block_is_found():
    parts = blocks("""What it is,
    in two lines.

        y = x W + b                                        (D1)
          = 2                                              (D2)

    so it is: (D1). Shapes  x (B, I)
    Why     it must
            be so. a = b
    - one
      and
    - two

        forward(x)    y
        other         z, and
                      more

        x ── y

    Read next: dense.
    """)
    assert [(part.kind, part.content) for part in parts] == [
        ("text", "What it is, in two lines."),
        ("equations", [("y = x W + b", "D1"), ("= 2", "D2")]),
        ("text", "so it is: (D1)."),
        ("facts", [("Shapes", "x (B, I)"), ("Why", "it must be so. a = b")]),
        ("list", ["one and", "two"]),
        ("names", [("forward(x)", "y"), ("other", "z, and more")]),
        ("drawing", "    x ── y"),
    ]


SENTENCES = [
    ("so ∂y_no/∂W_io = x_ni, and", ["∂y_no/∂W_io = x_ni"]),
    ("draw z ~ p(z) = N(0, I), the prior", ["z ~ p(z) = N(0, I)"]),
    ("Whatever μ and σ are", ["μ", "σ"]),
    ("the mean of q(z|x).", ["q(z|x)"]),
    ("products of N(z_j; μ_j, σ_j²) and", ["N(z_j; μ_j, σ_j²)"]),
    ("x a has the derivative x", ["x a", "x"]),
    ("where h = tanh a, in a layer", ["h = tanh a"]),
    ("B examples of a batch, I think", ["B"]),
    ("a hidden layer: nothing (at all)", []),
    ("the code of Burda, 2016: equation 8", []),
    ("need_dx=False skips that", []),
    ("a well-known black-and-white one", []),
    ("In the sum over o′ one term is 1.", ["o′"]),
    ("A draw z ~ N(μ, diag e^logvar).", ["z ~ N(μ, diag e^logvar)"]),
    ("white with probability sigmoid(a).", ["sigmoid(a)"]),
    (
        "E[x | logits]: no zero, log p(x | logits) is",
        ["E[x | logits]", "log p(x | logits)"],
    ),
    ("the mean of z²? By which x_ni? The rule", ["z²", "x_ni"]),
    ("nll = log(1 + e^a) − x a, which is", ["nll = log(1 + e^a) − x a"]),
    ("the input a may be forgotten: the logits a.", ["a", "a"]),
    ("the slope is μ in μ, ½ (e^logvar − 1) in", ["μ", "μ", "½ (e^logvar − 1)"]),
    ("in row n, y_no = Σ_i x_ni W_io", ["n", "y_no = Σ_i x_ni W_io"]),
    ("KL(q ‖ p) = E_q[log q, p], 0 where q = p", ["KL(q ‖ p) = E_q[log q, p]", "q = p"]),
    ("every kl_nj of a row", ["kl_nj"]),
    ("to the power n₂ + ⌊√M⌋, of log x! terms", ["n₂ + ⌊√M⌋", "log x!"]),
]


@pytest.mark.parametrize("sentence, formulas", SENTENCES)
def test_formulas_are_told_from_words(sentence, formulas):
    found = spans(sentence)
    assert "".join(text for _, text in found) == sentence
    assert [text for kind, text in found if kind == "math"] == formulas


def test_code_and_labels_are_found():
    assert spans("your loss_and_grad and") == [
        ("text", "your "), ("code", "loss_and_grad"), ("text", " and"),
    ]  # fmt: skip
    assert spans("by `kl`, (Z2, Z3) and P13.") == [
        ("text", "by "), ("code", "kl"), ("text", ", "), ("label", "(Z2, Z3)"), ("text", " and "),
        ("label", "P13"), ("text", "."),
    ]  # fmt: skip
