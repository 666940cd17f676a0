"""Write the book: every formula with its code, its derivation and its numbers, on one page.

python scripts/book.py --out book.html
"""

import sys
from pathlib import Path

from numvae.book.page import page
from numvae.cli import Parser, new_file, script
from numvae.files import write_atomically
from numvae.lessons import bugs, consequences
from numvae.progress import Countdown

ROOT = Path(__file__).resolve().parents[1]


def parser():
    p = Parser(
        description="Write the book: the reading path from top to bottom, with the derivation, the "
        "code and the numbers of each rule side by side, made from the source."
    )
    p.add_argument(
        "--out", metavar="FILE", required=True, help="the HTML file to write, such as book.html"
    )
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        if sys.flags.optimize > 1:
            raise ValueError("the book is in docstrings, which python -OO leaves out: use -O.")
        path = new_file(args.out, ".html", ".htm")
    content = page(ROOT, curves()).encode()
    write_atomically(path, content)
    print(f"{path}: {len(content) / 1000:,.0f} kB, to be opened in a browser.")
    return 0


def curves():
    """What each bug does to a loss curve, which takes most of the time."""
    line, found = Countdown(len(bugs.BUGS)), {}
    for bug in bugs.BUGS:
        line.draw("training with bugs")
        found[bug.name] = consequences.compare(bug)
        line.done += 1
    line.wipe()
    return found


if __name__ == "__main__":
    script(main)
