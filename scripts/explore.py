"""Walk through the latent space of a trained model: in a window, or in one page for a browser.

python scripts/explore.py runs/faces-1
python scripts/explore.py runs/faces-1 --html faces.html
python scripts/explore.py model.npz my_images.npy
"""

from numvae import runs
from numvae.cli import Parser, new_file, script
from numvae.files import write_atomically

LARGE = 5_000_000  # bytes; a larger page opens slowly on a phone
# matplotlib's backends that draw into files; one of them is chosen where there is no display.
WITHOUT_WINDOW = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


def parser():
    p = Parser(
        description="Walk through the latent space of a trained model: drag the point on the map, "
        "or move the sliders, and watch what the decoder draws."
    )
    p.add_argument("run", metavar="RUN", help="a folder left by train.py, or a model's file")
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
        help="open no window, but write a page that works in any browser by itself",
    )
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    try:
        path = args.html and new_file(args.html, ".html", ".htm")
        run = runs.load(args.run)
        dataset = run.dataset(args.data, args.data_dir)
        (write_page if path else open_window)(run, dataset, path)
    except (ValueError, OSError) as error:
        p.error(str(error))
    return 0


def write_page(run, dataset, path):
    from numvae.explore.page import page
    from numvae.explore.view import view

    content = page(view(run, dataset)).encode()
    write_atomically(path, content)
    print(f"{path}: {len(content) / 1000:,.0f} kB, to be opened in a browser.")
    if len(content) > LARGE:
        print("Most of this large page is the decoder; a model with less --hidden has a small one.")


def open_window(run, dataset, _):
    from matplotlib import pyplot

    from numvae.explore.view import view
    from numvae.explore.window import Window

    if pyplot.get_backend().lower() in WITHOUT_WINDOW:
        raise OSError(
            "there is no display to open a window on; write a page with --html FILE, or give "
            "Python a window system for matplotlib, such as tkinter or PyQt."
        )
    window = Window(pyplot.figure(f"numvae: {dataset.name}"), view(run, dataset))
    pyplot.show()
    return window  # it must live as long as its figure is shown


if __name__ == "__main__":
    script(main)
