import json
from pathlib import Path

import book
import pytest

from numvae.lessons import consequences


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """One training for all bugs."""
    pair = consequences.compare(consequences.bugs.BUGS[0])
    monkeypatch.setattr(consequences, "compare", lambda bug: pair)


def test_the_page_is_written(capsys):
    assert book.main(["--out", "book.html"]) == 0
    text = Path("book.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.count('class="spark"') > 2
    said = capsys.readouterr().out
    assert said.startswith("book.html: ") and said.endswith(" kB, to be opened in a browser.\n")


def test_the_notebook_is_written_alone(capsys):
    assert book.main(["--notebook", "book.ipynb"]) == 0
    assert json.loads(Path("book.ipynb").read_text(encoding="utf-8"))["nbformat"] == 4
    assert capsys.readouterr().out == "book.ipynb: to be opened in Jupyter.\n"


BAD = [
    ("", "nothing to write: give --out FILE, --notebook FILE or both"),
    ("--out book.pdf", "book.pdf should end in .html or .htm"),
    ("--out no/book.html", "there is no folder no"),
    ("--notebook book.html", "book.html should end in .ipynb"),
    ("--out mine.html", "mine.html exists already, and is not overwritten"),
]


@pytest.mark.parametrize("typed, culprit", BAD)
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(typed, culprit, refused):
    Path("mine.html").write_text("mine")
    assert culprit in refused(book.main, *typed.split())
