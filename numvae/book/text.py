"""Small things that the parts of the page share.

Read next: terms.
"""

import html
import re

from numvae.book.notation import LABEL


def slug(text):
    """A text as an anchor."""
    return re.sub(r"\W+", "-", text.lower()).strip("-")


def file_id(name):
    """The anchor of a file, by its name such as rules/dense."""
    return slug(name.replace("__init__", "start"))


def count(n, what):
    """A number with its noun, in the plural where it needs to be: 1 bug, 2 bugs."""
    return f"{n} {what}{'s' * (n != 1)}"


def number(value, digits=4):
    """A number as it is shown."""
    value = float(value)
    whole = value == round(value) and abs(value) < 1e6
    return f"{value:.{0 if whole else digits}f}".replace("-", "−")


def rounding(error):
    """A relative error, to its first digit."""
    return f"{error:.0e}".replace("-", "−")


def references(text):
    """Text with the labels in it as links."""
    return re.sub(LABEL, lambda found: f'<a class="ref" href="#{found[0]}">{found[0]}</a>', text)


def by_number(label):
    """The key that sorts labels: H2 before H10."""
    return label[0], int(label[1:])


def link(anchor, text=None):
    """A name of code that leads to where it stands."""
    return f'<a href="#{anchor}"><code>{html.escape(text or anchor)}</code></a>'
