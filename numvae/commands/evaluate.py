"""Use a trained model: measure it, draw from it, encode, decode, fill in what is missing.

numvae evaluate report runs/faces-1 --out faces-again
numvae evaluate likelihood runs/faces-1 --samples 5000 --out faces-log-p
numvae evaluate sample runs/faces-1 -n 64 --out samples.png
numvae evaluate reconstruct runs/faces-1 my_images.npy --out again.npy
numvae evaluate encode runs/faces-1 my_images.npy --out codes.csv
numvae evaluate decode runs/faces-1 --grid 3 --out plane.png
numvae evaluate score runs/faces-1 my_images.npy --out scores.csv
numvae evaluate impute runs/faces-1 --hide 0.3 --out filled.png
"""

import argparse
import contextlib
import csv
import functools
import io
import re
import time

import numpy as np

from numvae import plots, runs, validation
from numvae.cli import Parser, argument, integer, new_file
from numvae.constraints import Number, Seed
from numvae.datasets import own
from numvae.evaluation import aggregate, anomaly, diagnostics, importance, imputation, latent
from numvae.files import folder_atomically, open_atomically, write_atomically
from numvae.network.likelihoods import is_density, parse_blocks
from numvae.progress import duration, say
from numvae.rows import Rows, condition_of, mean_of, split_condition, split_missing
from numvae.tables import frames
from numvae.text import printable

SHOWN = 20  # pairs in a picture of reconstructions, at most
MOST_LINES = 20  # of columns
GRID = 20  # a part of the plane is GRID × GRID codes
DRAWS = 64  # around a code


def parser():
    p = Parser(description="Use a trained model; each command has its own --help.")
    commands = p.add_subparsers(metavar="COMMAND", required=True)

    def command(function, what, out):
        c = commands.add_parser(function.__name__, help=what, description=f"{what}.")
        c.set_defaults(function=function)
        c.add_argument(
            "run", metavar="RUN", help="a folder left by numvae train, or a model's file"
        )
        c.add_argument("--out", required=True, metavar="OUT", help=out)
        return c

    def with_data(c):
        c.add_argument(
            "data",
            nargs="?",
            metavar="DATA",
            help="a data set, or a file of your own; without it, the data of the run. Rows of a "
            "file are taken in its order; of a data set those held out come last",
        )
        c.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")

    def with_moved(c):
        c.add_argument(
            "data", nargs="?", metavar="DATA", help="the file of the run's data, if it has moved"
        )
        c.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")

    def with_y(c):
        c.add_argument(
            "--y",
            metavar="VALUE,…",
            help="of a conditioned model, a value of what it is conditioned on, such as 3",
        )

    c = command(
        report,
        "compute every number and picture of a run again, from its saved parameters and its data",
        "a new folder for report.txt and the pictures",
    )
    with_moved(c)

    c = command(
        sample,
        "draw z from the prior, or from where the codes of the data lie, and decode it",
        "a new file: .npy or .csv for numbers, .png for a picture",
    )
    with_moved(c)
    c.add_argument(
        "--source",
        choices=aggregate.SOURCES,
        default="prior",
        help="of z: the prior; the posterior of training examples, drawn from the run's data; or "
        "the mixture of Gaussians that was fitted to their codes (default: prior)",
    )
    c.add_argument("-n", type=integer(1), default=64, metavar="N", help="how many (default: 64)")
    with_y(c)
    c.add_argument("--seed", type=argument(Seed()), default=0, help="fixes every draw (default: 0)")
    c.add_argument(
        "--noise",
        action=argparse.BooleanOptionalAction,
        help="draw x from p(x|z), with the likelihood's own noise, instead of taking its mean "
        "(default: of rows, but not of images)",
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

    c = command(
        decode,
        "decode codes: those of a file, one code, or some around it",
        "a new file: .npy or .csv for numbers, .png for a picture",
    )
    with_y(c)
    of = c.add_mutually_exclusive_group()
    of.add_argument("codes", nargs="?", metavar="CODES", help="a .csv or .npy file, as of encode")
    number = {"type": argument(Number(float)), "nargs": "+"}
    of.add_argument(
        "--z", **number, metavar="Z", help="a code, such as --z 0.5 -1 (default: 0 0 …)"
    )
    of.add_argument(
        "--class",
        dest="label",
        metavar="LABEL",
        help="the mean code of the examples of the run's data that have this label",
    )
    some = c.add_mutually_exclusive_group()
    some.add_argument(
        "--grid",
        type=argument(Number(float, above=0)),
        metavar="LIMIT",
        help=f"{GRID} × {GRID} codes: two units in even steps, LIMIT below the code to LIMIT above",
    )
    some.add_argument(
        "--sigma",
        **number | {"type": argument(Number(float, least=0))},
        metavar="S",
        help="draws from a Gaussian around the code, with this standard deviation, or one per unit",
    )
    c.add_argument(
        "--units",
        type=integer(1),
        nargs=2,
        metavar="I",
        help="the horizontal and the vertical unit of a grid, instead of 1 2",
    )
    c.add_argument("-n", type=integer(1), metavar="N", help=f"how many draws, instead of {DRAWS}")
    c.add_argument("--seed", type=argument(Seed()), default=0, help="fixes every draw (default: 0)")
    c.add_argument("--data-dir", metavar="DIR", help="where the files of frey and mnist are")

    c = command(
        likelihood,
        "log p(x) of the held-out examples by importance sampling, what each latent unit does, and "
        "the loss as other programs print it",
        "a new folder for likelihood.txt and bound.png",
    )
    c.add_argument(
        "--samples",
        type=integer(1),
        default=1000,
        metavar="K",
        help="for each example (default: 1000)",
    )
    c.add_argument(
        "--rows", type=integer(1), metavar="N", help="only N of them, chosen at random by the seed"
    )
    with_moved(c)

    c = command(
        score,
        "log p(x) of each example, and how unusual it is among the run's held-out examples",
        "a new file: .csv with a row for each example: log_p, its standard_error, pareto_k "
        "(above 0.7: do not rely on that error), p_value",
    )
    with_data(c)
    c.add_argument(
        "--samples",
        type=integer(1),
        default=runs.DRAWS,
        metavar="K",
        help=f"for each example (default: {runs.DRAWS}); another number needs the run's data too",
    )

    c = command(
        impute,
        "fill in missing values by what the model expects given the known ones",
        "a new file: .npy or .csv for the filled examples, .png for a picture of some",
    )
    with_data(c)
    c.add_argument(
        "--hide",
        metavar="WHAT",
        type=hidden,
        help="hide known values too, and say how far from them the filling comes: a share such as "
        "0.3 of all values at random, or half for the lower half of each image",
    )
    c.add_argument(
        "--rows",
        type=integer(1),
        metavar="N",
        help="only the first N examples; without it all, or 500 with --hide",
    )
    c.add_argument("--seed", type=argument(Seed()), default=0, help="fixes every draw (default: 0)")
    return p


def hidden(text):
    """An argparse type: what to hide, "half" or a share between 0 and 1."""
    if text == "half":
        return text
    with contextlib.suppress(ValueError):
        if 0.0 < float(text) < 1.0:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected half, or a share between 0 and 1, found {text!r}")


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        args.function(args)
    return 0


def report(args):
    run = runs.load(args.run)
    dataset = run.training_data(args.data, args.data_dir)
    with folder_atomically(args.out) as folder:
        say(f"{dataset.split}\n{repr(run.model).splitlines()[0]}")
        for line in run.report(dataset, folder):
            say(line)


def sample(args):
    path = new_file(args.out, ".npy", ".csv", ".png")
    run = runs.load(args.run)
    _check_picture(path, run.shape)
    y = _given(args, run, args.n)
    np.empty((args.n, run.model.n_features), run.model.dtype)  # MemoryError before any work
    X = None
    if args.source == "posterior":
        X = run.training_data(args.data, args.data_dir).X
    rng = np.random.default_rng(args.seed)
    z = aggregate.draw(run.training, rng, args.n, args.source, X, y)
    noise = len(run.shape) == 1 if args.noise is None else args.noise
    method = functools.partial(run.model.sample, rng) if noise else run.model.decode
    x = diagnostics.decode(method, z, y)
    if path.suffix == ".png":
        x = x.reshape(-1, *run.shape)
        plots.save(plots.samples({args.source: x}, limits=run.limits), path)
    else:
        write_rows(path, run, x, y)


def _given(args, run, n):
    """What --y says, for n rows: (n, C), or None where the model is not conditioned."""
    if run.condition is None:
        if args.y is not None:
            raise ValueError("the model is not conditioned, so it takes no --y.")
        return None
    if args.y is None:
        names = ", ".join(printable(column.name) for column in run.condition.given)
        raise ValueError(f"the model is conditioned on {names}: give its value with --y.")
    return run.condition.encode_condition(frames.table_of_values(run.condition.typed(args.y), n))


def reconstruct(args):
    path = new_file(args.out, ".npy", ".csv", ".png")
    run = runs.load(args.run)
    X, shape, table = run.examples(args.data, args.data_dir)
    _check_picture(path, shape)
    if path.suffix == ".png":
        some = np.linspace(0, len(X) - 1, min(SHOWN, len(X))).astype(int)
        X = run.training.inputs.drawn(X[some])
    reconstructed = diagnostics.reconstruct(run.model, X, run.training.inputs)
    if path.suffix == ".png":
        x, _ = split_condition(X, run.model.n_condition)
        originals, reconstructed = (rows.reshape(-1, *shape) for rows in (x, reconstructed))
        plots.save(plots.reconstructions(originals, reconstructed, run.limits), path)
    else:
        y = condition_of(X, run.model.n_condition)
        write_rows(path, run, reconstructed, y, table)


def encode(args):
    path = new_file(args.out, ".npy", ".csv")
    run = runs.load(args.run)
    X, _, table = run.examples(args.data, args.data_dir)
    mu, logvar = diagnostics.encode(run.model, X, run.training.inputs)
    names = ["mu", "logvar"] if args.logvar else ["mu"]
    columns = [f"{name}{unit + 1}" for name in names for unit in range(run.model.n_latent)]
    codes = np.hstack([mu, logvar]) if args.logvar else mu
    write_numbers(path, codes, columns, _ids(run, table))


def decode(args):
    path = new_file(args.out, ".npy", ".csv", ".png")
    run = runs.load(args.run)
    _check_picture(path, run.shape)
    Z, dtype = run.model.n_latent, run.model.dtype
    for name, value, of, given in (
        ("--units", args.units, "--grid", args.grid),
        ("-n", args.n, "--sigma", args.sigma),
    ):
        if value and not given:
            raise ValueError(f"{name} goes with {of}, which is not given.")
    units = args.units or (1, 2)
    axes = [unit - 1 for unit in units]
    z = _codes(args, run)
    if (args.grid or args.sigma) and len(z) > 1:
        raise ValueError(f"--grid and --sigma go around one code; {args.codes} holds {len(z):,}.")
    if args.grid:
        if max(axes) >= Z or axes[0] == axes[1]:
            wanted = " and ".join(map(str, units))
            raise ValueError(
                f"a grid needs two different units of the {Z} there are, found {wanted}."
            )
        steps = np.linspace(-args.grid, args.grid, GRID)
        values = [z[0, axis] + steps for axis in axes]
        z = z + latent.plane(steps, steps, Z, axes).reshape(-1, Z)
    if args.sigma:
        if len(args.sigma) not in (1, Z):
            raise ValueError(f"--sigma takes one number or {Z}, found {len(args.sigma)}.")
        z = z + args.sigma * np.random.default_rng(args.seed).standard_normal((args.n or DRAWS, Z))
    z = validation.as_table(z, "decode", dtype).astype(dtype)
    y = _given(args, run, len(z))
    x = diagnostics.decode(run.model.decode, z, y)
    if path.suffix != ".png":
        write_rows(path, run, x, y)
    elif args.grid:
        images = x.reshape(GRID, GRID, *run.shape)
        plots.save(plots.manifold(images, values, axes, run.limits), path)
    else:
        plots.save(plots.image_grid(x.reshape(-1, *run.shape), limits=run.limits), path)


def _codes(args, run):
    """The codes that `decode` is asked for or is to go around: (N, Z)."""
    Z = run.model.n_latent
    if args.label is not None:
        return _mean_code(run, args.label, args.data_dir)
    if args.codes is None:
        z, name = np.array([args.z or np.zeros(Z)]), "--z"
    elif own.is_table(args.codes):
        table, name = own.read_table(args.codes).columns, args.codes
        units = [values for unit, values in table.items() if re.fullmatch(r"mu\d+", unit)]
        z = np.array(units or list(table.values())).T
    elif not own.is_own(args.codes):
        found = f"{args.codes} is no file of codes; give a .csv or .npy file."
        raise ValueError(own.advice(args.codes) or found)
    else:
        z, name = own.load(args.codes, scale=1).rows, args.codes
    if z.shape[1] != Z:
        raise ValueError(f"{name} has {z.shape[1]} numbers per code, the model has {Z} units.")
    return z


def _mean_code(run, label, data_dir):
    """The mean of the codes of the examples that have a label: (1, Z)."""
    dataset = run.training_data(None, data_dir)
    known, C = dataset.known, run.model.n_condition
    if dataset.columns:
        known = dataset.columns.colours(*split_condition(dataset.X[:], C))
    labels = [values.astype(str) for values in known.values() if latent.is_class(values)]
    for values in labels:
        if (chosen := np.flatnonzero(values == label)).size:
            mu, _ = diagnostics.encode(run.model, Rows(dataset.X, chosen), run.training.inputs)
            return mu.mean(axis=0, keepdims=True)
    there = ", ".join(name for values in labels for name in np.unique(values)) or "no labels"
    raise ValueError(f"no example of the run's data is labelled {label!r}; there are {there}.")


def likelihood(args):
    run = runs.load(args.run)
    dataset = run.training_data(args.data, args.data_dir)
    X = run.some(dataset.X_valid if len(dataset.X_valid) else dataset.X, args.rows)
    bits = dataset.bits if is_density(run.model.config["likelihood"]) else None
    with folder_atomically(args.out) as folder:
        start = time.monotonic()
        estimate = run.estimate(X, args.samples)
        log_p, error = importance.mean_and_error(estimate.log_p)
        curve = importance.curve(estimate, args.samples)
        measured = diagnostics.diagnose(
            run.model,
            X,
            run.training.inputs,
            estimate,
            args.samples,
            dataset.X,
            bits and 2**bits,
            from_prior=aggregate.from_prior(run.training, dataset.X),
        )
        lines = [
            f"log p(x) = {log_p:.2f} ± {error:.2f} nats, mean of {len(X):,} examples, "
            f"{args.samples:,} draws each, in {duration(time.monotonic() - start)}. It rises with "
            "the draws:",
            *(f"  k = {k:>6,}  {mean:10.2f} ± {error:.2f}" for k, mean, error in curve),
            "",
            *diagnostics.lines(measured),
        ]
        write_atomically(folder / "likelihood.txt", ("\n".join(lines) + "\n").encode())
        k, values, errors = (np.array(column) for column in zip(*curve))
        plots.save(plots.bound_over_samples(k, values, errors), folder / "bound.png")
    print("\n".join(lines))


def score(args):
    path = new_file(args.out, ".csv")
    run = runs.load(args.run)
    X, _, table_of_X = run.examples(args.data, args.data_dir)
    reference = run.about.get("reference")
    if reference is None or reference["samples"] != args.samples:
        reference = run.reference(run.training_data(None, args.data_dir), args.samples)
    found = run.estimate(X, args.samples)
    p = anomaly.p_values(found.log_p, np.array(reference["log_p"]))
    columns = ["log_p", "standard_error", "pareto_k", "p_value"]
    table = np.stack([found.log_p, found.standard_error, found.pareto_k, p], axis=1)
    write_numbers(path, table, columns, _ids(run, table_of_X))


def impute(args):
    path = new_file(args.out, ".npy", ".csv", ".png")
    run = runs.load(args.run)
    _check_picture(path, run.shape)
    if args.hide == "half" and len(run.shape) == 1:
        raise ValueError("half is for images; of rows hide a share, as in --hide 0.3.")
    table = None
    if args.data is None and args.hide:  # an error says more of rows that were not trained on
        dataset = run.training_data(None, args.data_dir)
        X = dataset.X_valid if len(dataset.X_valid) else dataset.X
    else:
        X, _, table = run.examples(args.data, args.data_dir, missing=True)
    rng = np.random.default_rng(args.seed)
    given = np.asarray(X[: args.rows or (500 if args.hide else len(X))], run.model.dtype)
    X, y = split_condition(run.training.inputs.drawn(given), run.model.n_condition)
    given, _ = split_condition(given, run.model.n_condition)
    x, observed = split_missing(X)
    hidden = _hide(args.hide, X, run.shape, run.model.config["likelihood"], rng)
    known = observed * (1 - hidden)
    imputed, holed = x.copy(), np.flatnonzero((known == 0).any(axis=1))
    if len(holed):
        its_y = None if y is None else y[holed]
        imputed[holed] = imputation.impute(run.model, x[holed], known[holed], rng, y=its_y)
    holes = known == 0
    if run.is_table:  # the columns of a category are one value
        holes = holes[:, run.columns.starts]
    print(f"Filled in {int(holes.sum()):,} of {holes.size:,} values in {len(X):,} examples.")
    tested = (known == 0) & (observed == 1)
    if tested.any() and run.is_table:
        for line in errors_of_columns(run.columns, X, imputed, known, tested):
            print(line)
    elif tested.any():
        known_rows = np.where(known, X, np.nan)
        by_mean = np.broadcast_to(mean_of(known_rows), X.shape)
        for name, filled in (("by the model", imputed), ("by column means", by_mean)):
            error = np.sqrt(np.mean((filled - X)[tested] ** 2))
            print(f"  error {name:<16}{error:8.4f}  root mean square over the hidden values")
    if path.suffix == ".png":
        originals, holes, filled = (
            rows[:10].reshape(-1, *run.shape) for rows in (X, np.where(known, x, np.nan), imputed)
        )
        plots.save(plots.inpainting(originals, holes, filled, run.limits), path)
    elif path.suffix == ".csv" and table and not args.hide:
        made = run.columns.decode(imputed)
        texts = {c: run.columns[c].texts(values, table.decimal) for c, values in made.items()}
        texts = [texts.get(name) for name in run.columns.by_name(table)]
        filled = own.filled_cells(args.data or run.source, table, texts, len(imputed), run.na)
        write_cells(path, *filled, table.delimiter)
    else:
        write_rows(path, run, np.where(known, given, imputed), y, table)


def errors_of_columns(columns, X, imputed, known, tested):
    """How far from hidden values the filling comes, in a line for each column: of a number the root
    mean square in its units, of a category how many are right.

    Shapes  X, imputed, known, tested (N, D)
    """
    yield f"  {'':<24}{'by the model':>14}{'by the column alone':>22}"
    right = columns.decode(X), columns.decode(imputed)
    for column, start in zip(columns.used[:MOST_LINES], columns.starts):
        here, seen = tested[:, start], known[:, start] == 1
        true, made = (table[column.name] for table in right)
        if not here.any() or not seen.any():
            continue
        name = printable(column.name)[:22]
        if column.levels:
            values, counts = np.unique(true[seen].astype(str), return_counts=True)
            shares = [
                np.mean(true[here].astype(str) == guess)
                for guess in (made[here].astype(str), values[counts.argmax()])
            ]
            yield f"  {name:<24}{shares[0]:>14.1%}{shares[1]:>22.1%}  right"
        else:
            errors = [
                np.sqrt(np.mean((true[here] - guess) ** 2))
                for guess in (made[here], true[seen].mean())
            ]
            yield f"  {name:<24}{errors[0]:>14.4g}{errors[1]:>22.4g}  root mean square error"
    if (more := len(columns.used) - MOST_LINES) > 0:
        yield f"  … and {more} more"


def _hide(what, X, shape, likelihood, rng):
    """1 where a value is hidden, else 0."""
    if what is None:
        return np.zeros_like(X)
    if what != "half":
        mask = (rng.random(X.shape) < what).astype(X.dtype)
    else:
        mask = np.zeros((len(X), *shape), X.dtype)
        mask[:, shape[0] // 2 :] = 1
        mask = mask.reshape(len(X), -1)
    for kind, here in parse_blocks(likelihood, X.shape[1]):
        if kind == "categorical":  # a category is known or hidden as a whole
            mask[:, here] = mask[:, here.start, None]
    return mask


def write_rows(path, run, x, y=None, table=None):
    """Rows of the model (N, D), given y (N, C), as a .npy array (N, *shape) of x; or as a .csv like
    the table that the model was trained on, with the ids of the rows' own table, if there is one.

    The digits of a .csv are enough to get the same numbers back; those of a table's column are as
    many as it had, or nine.
    """
    if path.suffix == ".npy":
        write_numbers(path, x.reshape(-1, *run.shape))
        return
    columns = run.columns
    if not run.is_table:
        write_numbers(path, x, columns.labels)
        return
    made = columns.decode(x, y)
    texts = {name: columns[name].texts(values, columns.decimal) for name, values in made.items()}
    ids = _ids(run, table)
    names = [name for name in columns.names if name in texts or name in ids]
    write_cells(path, names, zip(*({**texts, **ids}[name] for name in names)), columns.delimiter)


def write_numbers(path, array, columns=(), ids=None):
    """An array (N, …) as .npy, or (N, D) as a .csv under the names of its columns, after the ids
    of its rows (name → texts)."""
    if path.suffix == ".npy":
        with open_atomically(path) as file:
            np.save(file, array)
        return
    ids, digits = ids or {}, "%.9g" if array.dtype == np.float32 else "%.17g"
    rows = ([*names, *(digits % x for x in row)] for *names, row in zip(*ids.values(), array))
    write_cells(path, [*ids, *columns], rows)


def write_cells(path, names, rows, delimiter=","):
    """A .csv of rows of texts."""
    with open_atomically(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
        text.detach()


def _ids(run, table):
    """What names the rows of a table: name of the column → texts."""
    names = run.columns.ids if table else []
    return {
        name: run.columns[name].texts(table.columns[name])
        for name in names
        if name in table.columns
    }


def _check_picture(path, shape):
    if path.suffix == ".png" and len(shape) == 1:
        raise ValueError(
            f"the examples are rows of {shape[0]} numbers, not images, so there is no picture to "
            "draw; choose a name that ends in .npy or .csv."
        )
