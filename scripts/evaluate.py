"""Use a trained model: measure it again, draw from it, reconstruct and encode.

python scripts/evaluate.py report runs/faces-1 --out faces-again
python scripts/evaluate.py sample runs/faces-1 -n 64 --out samples.png
python scripts/evaluate.py reconstruct runs/faces-1 my_images.npy --out again.npy
python scripts/evaluate.py encode runs/faces-1 my_images.npy --out codes.csv
"""

import csv
import io
import sys

import numpy as np

from numvae import plots, runs, saved
from numvae.cli import Parser, new_file, whole
from numvae.files import write_atomically

SHOWN = 20  # pairs in a picture of reconstructions, at most


def parser():
    p = Parser(description="Use a trained model; each command has its own --help.")
    commands = p.add_subparsers(metavar="COMMAND", required=True)

    def command(function, what, out):
        c = commands.add_parser(function.__name__, help=what, description=f"{what}.")
        c.set_defaults(function=function)
        c.add_argument("run", metavar="RUN", help="a folder left by train.py, or a model's file")
        c.add_argument("--out", required=True, metavar="OUT", help=out)
        return c

    def with_data(c):
        c.add_argument(
            "data",
            nargs="?",
            metavar="DATA",
            help="a data set, or a file of your own in its own order; without it, the data of the "
            "run, those held out last",
        )
        c.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")

    c = command(
        report,
        "compute every number and picture of a run anew, from its saved parameters and its data",
        "a new folder for report.txt and the pictures",
    )
    c.add_argument(
        "data", nargs="?", metavar="DATA", help="the file of the run's data, if it has moved"
    )
    c.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")

    c = command(
        sample,
        "draw z from the prior and decode it",
        "a new file: .npy or .csv for numbers, .png for a picture",
    )
    c.add_argument("-n", type=whole(1), default=64, metavar="N", help="how many (default: 64)")
    c.add_argument("--seed", type=whole(0), default=0, help="fixes every draw (default: 0)")
    c.add_argument(
        "--noise",
        action="store_true",
        help="draw x from p(x|z), with the likelihood's own noise, instead of taking its mean",
    )

    c = command(
        reconstruct,
        "encode examples and decode the means of their codes",
        "a new file: .npy or .csv for numbers, .png for some originals above what became of them",
    )
    with_data(c)

    c = command(
        encode,
        "the mean of the code of each example, in prior standard deviations",
        "a new file: .npy or .csv with a row for each example",
    )
    with_data(c)
    c.add_argument(
        "--logvar", action="store_true", help="beside the means, log σ² of each unit's posterior"
    )
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    try:
        args.function(args)
    except (ValueError, OSError) as error:
        p.error(str(error))
    return 0


def report(args):
    run = saved.load(args.run)
    if run.training is None:
        raise ValueError(f"a report needs the folder of a run with its checkpoint.npz: {args.run}.")
    dataset = run.training_data(args.data, args.data_dir)
    folder = runs.new_folder(args.out, dataset.name)
    lines = [dataset.split, repr(run.model), *runs.report(run.training, dataset)]
    print("\n".join(lines))
    runs.save_report(folder, lines)
    for filename, figure in runs.pictures(run.training, dataset):
        plots.save(figure, folder / filename)


def sample(args):
    path = new_file(args.out, ".npy", ".csv", ".png")
    run = saved.load(args.run)
    _check_picture(path, run.shape)
    rng = np.random.default_rng(args.seed)
    z = rng.standard_normal((args.n, run.model.n_latent), dtype=run.model.dtype)
    x = run.model.sample(rng, z) if args.noise else run.decode(z)
    if path.suffix == ".png":
        plots.save(plots.samples(x.reshape(-1, *run.shape)), path)
    else:
        write_table(path, x, run.columns(), run.shape)


def reconstruct(args):
    path = new_file(args.out, ".npy", ".csv", ".png")
    run = saved.load(args.run)
    X, shape = run.examples(args.data, args.data_dir)
    _check_picture(path, shape)
    if path.suffix == ".png":
        X = run.as_seen(X[np.linspace(0, len(X) - 1, min(SHOWN, len(X))).astype(int)])
    mu, _ = run.encode(X)
    again = run.decode(mu)
    if path.suffix == ".png":
        originals, again = X.reshape(-1, *shape), again.reshape(-1, *shape)
        plots.save(plots.reconstructions(originals, again), path)
    else:
        write_table(path, again, run.columns(), shape)


def encode(args):
    path = new_file(args.out, ".npy", ".csv")
    run = saved.load(args.run)
    X, _ = run.examples(args.data, args.data_dir)
    mu, logvar = run.encode(X)
    names = ["mu", "logvar"] if args.logvar else ["mu"]
    columns = [f"{name}{unit + 1}" for name in names for unit in range(run.model.n_latent)]
    codes = np.hstack([mu, logvar]) if args.logvar else mu
    write_table(path, codes, columns, codes.shape[1:])


def write_table(path, rows, columns, shape):
    """Rows (N, D) as a .npy array (N, *shape), or as a .csv table under the names of its columns.

    The digits of a .csv are enough to get the same numbers back.
    """
    if path.suffix == ".npy":
        content = io.BytesIO()
        np.save(content, rows.reshape(-1, *shape))
        write_atomically(path, content.getvalue())
        return
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(columns)
    np.savetxt(text, rows, fmt="%.9g" if rows.dtype == np.float32 else "%.17g", delimiter=",")
    write_atomically(path, text.getvalue().encode())


def _check_picture(path, shape):
    if path.suffix == ".png" and len(shape) == 1:
        raise ValueError(
            f"the examples are rows of {shape[0]} numbers, not images, so there is no picture to "
            "draw; choose a name that ends in .npy or .csv."
        )


if __name__ == "__main__":
    sys.exit(main())
