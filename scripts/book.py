"""Write the book: every formula with its code, its derivation and its numbers, on one page.

python scripts/book.py --out book.html
python scripts/book.py --notebook book.ipynb
"""

import sys
from pathlib import Path

from numvae.book.notebook import notebook
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
    p.add_argument("--out", metavar="FILE", help="write the page to this new HTML file")
    p.add_argument(
        "--notebook", metavar="FILE", help="write the same path as a Jupyter notebook, .ipynb"
    )
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        if sys.flags.optimize > 1:
            raise ValueError("the book is in docstrings, which python -OO leaves out: use -O.")
        if not args.out and not args.notebook:
            raise ValueError("nothing to write: give --out FILE, --notebook FILE or both.")
        out = new_file(args.out, ".html", ".htm") if args.out else None
        ipynb = new_file(args.notebook, ".ipynb") if args.notebook else None
    if ipynb:
        write_atomically(ipynb, notebook(ROOT).encode())
        print(f"{ipynb}: to be opened in Jupyter.")
    if out:
        content = page(ROOT, curves()).encode()
        write_atomically(out, content)
        print(f"{out}: {len(content) / 1000:,.0f} kB, to be opened in a browser.")
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
