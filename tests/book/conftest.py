"""The page, written once, with curves in the place of trainings; and what is in it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from numvae.book.page import page
from numvae.lessons.bugs import BUGS
from numvae.lessons.consequences import Curve

ROOT = Path(__file__).resolve().parents[2]
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


def a_curve(last):
    return Curve(np.linspace(-60.0, last, 20), np.linspace(-61.0, last, 21))


@pytest.fixture(scope="session")
def text():
    """The page, where each bug but the first, which diverges, does a little harm."""
    curves = {bug.name: (a_curve(-46.5), a_curve(-45.25)) for bug in BUGS}
    diverged = Curve(np.array([-60.0, np.nan]), np.array([-61.0, -70.0, np.nan]))
    return page(ROOT, curves | {BUGS[0].name: (diverged, a_curve(-45.25))})


class Elements(HTMLParser):
    """The elements of a page, in order: (tag, attributes, the text inside)."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.unbalanced = [], [], []
        self.feed(text)
        self.unbalanced += [tag for tag, _, _ in self.open]

    def handle_starttag(self, tag, attributes):
        element = tag, dict(attributes), []
        self.found.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.unbalanced.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data):
        for _, _, inside in self.open:
            inside.append(data)


@pytest.fixture(scope="session")
def elements(text):
    parser = Elements(text)
    assert parser.unbalanced == []
    return [(tag, attributes, "".join(inside)) for tag, attributes, inside in parser.found]


@pytest.fixture(scope="session")
def without_script(text):
    """The page without what its script and style say."""
    return re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL)
