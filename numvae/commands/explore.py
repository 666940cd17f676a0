"""Explore the latent space of a trained model in a web page that needs nothing but a browser.

numvae explore runs/faces-1
numvae explore runs/faces-1 --html faces.html
numvae explore runs/faces-1 --limit 1.5
numvae explore model.npz my_images.npy
"""

import tempfile
import webbrowser
from pathlib import Path

from numvae import runs
from numvae.cli import Parser, argument, new_file
from numvae.constraints import Number
from numvae.files import write_atomically
from numvae.rows import split_condition

FEW = 500  # held-out examples that are too few for a cloud
LARGE = 5_000_000  # bytes; a larger page opens slowly on a phone


def parser():
    p = Parser(
        description="Explore the latent space of a trained model in the browser: drag the point on "
        "the map, or move the sliders, and watch what the decoder draws."
    )
    p.add_argument("run", metavar="RUN", help="a folder of numvae train, or a model's file")
    p.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="examples for the map: a data set or a file of your own; without it, those of the run",
    )
    p.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")
    p.add_argument(
        "--html",
        metavar="FILE",
        help="write the page to this file, and do not open it; it works in any browser by itself",
    )
    p.add_argument(
        "--limit",
        type=argument(Number(float, above=0)),
        metavar="LIMIT",
        help="how far the map and the sliders reach from 0, in prior standard deviations (default: "
        "3.15, or as far as the codes do)",
    )
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        path = new_file(args.html, ".html", ".htm") if args.html else None
        run = runs.load(args.run)
        content = page_of(run, run.dataset(args.data, args.data_dir), args.limit)
        if path:
            write_atomically(path, content)
            print(f"{path}: {len(content) / 1000:,.0f} kB, to be opened in a browser.")
        else:
            show(content)
    if len(content) > LARGE:
        print("Most of this large page is the decoder; a model with less --hidden has a small one.")
    return 0


def page_of(run, dataset, limit=None):
    """The bytes of the page; limit: as in `explore.view`."""
    from numvae.explore.page import page
    from numvae.explore.view import view

    X, known = dataset.X_valid, dataset.known_valid
    if len(X) < FEW:
        X, known = dataset.X, dataset.known
    if dataset.columns:
        known = dataset.columns.colours(*split_condition(X[:], run.model.n_condition))
    of_data = {"name": dataset.name, "shape": dataset.shape, "limits": dataset.limits}
    of_data |= {"columns": run.columns.labels, "condition": run.condition, "limit": limit}
    shown = view(run.training, X, known, **of_data)
    return page(shown).encode()


def show(content):
    """Write the page to a temporary file, which is left, and open that in the browser."""
    with tempfile.NamedTemporaryFile(prefix="numvae-", suffix=".html", delete=False) as file:
        file.write(content)
    if webbrowser.open(Path(file.name).as_uri()):
        print(f"Opened {file.name} in the browser; --html FILE keeps the page.")
    else:
        print(f"There is no browser to open here; the page is {file.name}, for any browser.")
