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


BAD = [
    ("", "--out"),
    ("--out book.pdf", "book.pdf should end in .html or .htm"),
    ("--out no/book.html", "there is no folder no"),
    ("--out mine.html", "mine.html exists already, and is not overwritten"),
]


@pytest.mark.parametrize("typed, culprit", BAD)
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(typed, culprit, refused):
    Path("mine.html").write_text("mine")
    assert culprit in refused(book.main, *typed.split())
