"""Every labelled equation of the package is executed by a test that says so."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "numvae"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
                yield text


def labels_in(texts):
    return {label for text in texts for label in re.findall(r"\([A-Z]\d+\)", text)}


LABELS = sorted(labels_in(docstrings()))
OTHER_TESTS = [path for path in TESTS.rglob("*.py") if path.name != "test_labels.py"]
TESTED = labels_in(path.read_text(encoding="utf-8") for path in OTHER_TESTS)


def test_labels_are_found():
    assert len(LABELS) > 30


@pytest.mark.parametrize("label", LABELS)
def test_label_occurs_in_a_test(label):
    assert label in TESTED, f"no test mentions equation {label}"


def test_no_two_equations_have_one_label():
    ends_of_equations = Counter(
        label
        for text in docstrings()
        for label in re.findall(r"\S {2,}(\([A-Z]\d+\))$", text, re.MULTILINE)
    )
    assert [label for label, n in ends_of_equations.items() if n > 1] == []
