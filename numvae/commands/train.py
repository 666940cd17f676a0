"""Train a variational autoencoder and leave a folder with the model, its numbers and its pictures.

numvae train
numvae train --data mnist --hidden 200,200 --latent 50 --binarize dynamic
numvae train --data my_images.npy --likelihood gaussian --latent 10
mpiexec -n 2 numvae train --data mnist
"""

import argparse
import contextlib
import dataclasses
import shlex
from pathlib import Path

import numpy as np

from numvae import datasets, parallel, progress, runs
from numvae.cli import Parser, add_settings, integer, invoked, shown
from numvae.datasets.dataset import IMAGES
from numvae.datasets.dataset import NAMES as DATA_NAMES
from numvae.files import LOCK
from numvae.network.likelihoods import describes_counts
from numvae.rows import without_condition
from numvae.settings import TABLE, Settings
from numvae.training.loop import FEWEST, Training
from numvae.training.watchdog import Diverged
from numvae.validation import check_range

EXAMPLES_SEEN = 1_000_000  # how long to train on images where --epochs is not given
OF_TABLES = {line.name: line.metadata["none"] or line.default for line in TABLE}


def height_and_width(text):
    """An argparse type: a size such as 28x20."""
    height, _, width = text.partition("x")
    return integer(1)(height), integer(1)(width)


def parser():
    p = Parser(
        description="Train a variational autoencoder; without any flag, on faces drawn by the "
        "program, with a 2-D latent space, in less than a minute."
    )
    groups = {name: p.add_argument_group(name) for name in ("data", "model", "training", "output")}
    data, output = groups["data"], groups["output"]
    data.add_argument(
        "--data",
        metavar="NAME",
        help=f"{', '.join(DATA_NAMES)}, or your own: a table (.csv, .tsv, .xlsx, "
        ".parquet, …), a .npy, .npz, .mat, .h5 or .idx file of rows (N, D) or images (N, H, W) or "
        "(N, H, W, 3), or a folder of images (default: faces); with --resume, where the data of "
        "the run are now",
    )
    data.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where the files of frey, mnist and fashion-mnist are (default: $NUMVAE_DATA, then "
        "the cache folder)",
    )
    data.add_argument(
        "--download", action="store_true", help="fetch the files that are missing from the web"
    )
    data.add_argument(
        "--resize",
        type=height_and_width,
        metavar="HxW",
        help="make the images of a folder all of one size, such as 64x64",
    )
    data.add_argument(
        "--skip-bad", action="store_true", help="leave out images of a folder that cannot be read"
    )
    data.add_argument(
        "--na",
        type=lambda text: tuple(text.split(",")),
        default=(),
        metavar="WORD,…",
        help="what stands for a missing value in a table, beside empty cells, NA, NaN, null, ?, -, "
        "such as -999",
    )
    data.add_argument(
        "--validation",
        type=integer(0),
        metavar="N",
        help="how many examples to hold out (default: the data set's own split; it is printed)",
    )
    data.add_argument(
        "--random-split",
        action="store_true",
        help="hold out examples chosen at random, by the seed, instead of the data set's own",
    )
    of_images = {**IMAGES, "epochs": f"until {EXAMPLES_SEEN:,} examples are seen"}
    suited = {
        name: (None, f"{shown(OF_TABLES[name])}; of images {shown(value)}")
        for name, value in of_images.items()
    }
    add_settings(
        groups,
        likelihood=(None, "the one that suits the data"),
        random_state=(0, 0),
        **suited,
    )
    output.add_argument(
        "--out", metavar="DIR", help="new folder for the run (default: runs/NAME-1, -2, …)"
    )
    output.add_argument(
        "--checkpoint-every",
        type=integer(1),
        default=10,
        metavar="N",
        help="epochs between two checkpoints; there is always one at the end, and at Ctrl-C "
        "(default: 10)",
    )
    output.add_argument(
        "--resume",
        metavar="DIR",
        help="resume the run in DIR, with its settings, up to --epochs if that is given",
    )
    output.add_argument(
        "--workers",
        type=integer(1),
        metavar="N",
        help="processes that share the training, at most (default: as many as pay off for the "
        "model, on the cores that the program may use)",
    )
    output.add_argument("--quiet", action="store_true", help="print errors only")
    return p


# Options that may change on resume; all others are as they were.
AT_RESUME = "resume", "epochs", "data", "data_dir", "download"
AT_RESUME += "checkpoint_every", "workers", "quiet"


def new_run(args):
    """A run that has not begun, without a folder yet, and its data set: Run, Dataset."""
    name = args.data or "faces"
    source = {"name": name, "data_dir": args.data_dir, "validation": args.validation}
    source |= {"resize": args.resize, "random_split": args.random_split, "na": args.na}
    source |= {"skip_bad": args.skip_bad}
    counts = describes_counts(args.likelihood or "")  # which are not to be divided by 255
    data = datasets.load(
        **source,
        seed=args.random_state,
        download=args.download,
        missing=args.missing,
        scale=1 if counts else None,
        likelihood=args.likelihood,
        chosen=args.columns,
        condition=args.condition,
    )
    if (args.columns or args.na) and not data.columns:
        raise ValueError(f"--columns and --na are for tables with named columns; {name} is none.")
    suited = {"likelihood": data.likelihood if args.binarize == "none" else "bernoulli"}
    if data.is_image:
        suited |= {**IMAGES, "epochs": max(1, round(EXAMPLES_SEEN / len(data.X)))}
        if name not in DATA_NAMES and "gaussian" in data.likelihood:  # not from 0 to 1
            suited |= {key: OF_TABLES[key] for key in ("skip", "standardize", "clip")}
    given = {line.name: getattr(args, line.name, None) for line in TABLE}
    given = {name: value for name, value in given.items() if value is not None}
    if data.columns:
        has_holes = bool(np.isnan(data.X).any() or np.isnan(data.X_valid).any())
        given |= {"likelihood": data.likelihood, "missing": has_holes}
    settings = Settings(**{**suited, **given}).checked()
    for X in (data.X, data.X_valid):
        if len(X):
            check_range(without_condition(X, data.n_condition), settings.likelihood)
    if name not in DATA_NAMES:  # so that the run can be resumed from anywhere
        source |= {"name": str(Path(name).absolute()), "digest": data.digest}
    source |= {"scale": data.scale, "n_train": len(data.X), "shape": data.shape}
    source |= {"limits": data.limits}
    training = Training.new(settings, data.X, args.random_state, data.n_condition)
    about = {"data": source}
    if data.condition:
        about["condition"] = data.condition.plain()
    if data.columns:
        about["columns"] = data.columns.plain()
    return runs.Run(None, training, about), data


def check_resume(p, argv, args):
    """Refuse what is typed beside --resume and does not go with it.

    Raises  ValueError
    """
    unset = argparse.Namespace(**dict.fromkeys(vars(args)))  # argparse sets only what is typed
    for name, value in vars(p.parse_args(argv, unset)).items():
        if args.resume is not None and value is not None and name not in AT_RESUME:
            raise ValueError(
                f"a resumed run keeps its settings, so --resume does not go with {_flag(name)}."
            )


def old_run(args):
    """A run to be resumed, and its data set: Run, Dataset."""
    run = runs.resume(args.resume)
    data = run.training_data(args.data, args.data_dir, args.download)
    if args.data and args.data not in DATA_NAMES:  # it has moved
        run.about["data"]["name"] = str(Path(args.data).absolute())
    training = run.training
    if args.epochs:
        training.settings = dataclasses.replace(training.settings, epochs=args.epochs)
    if args.epochs and args.epochs < training.epoch:
        raise ValueError(
            f"the run in {run.path} has {training.epoch} epochs already; give --epochs above that."
        )
    return run, data


def first_step(training, X):
    """Compute a step that is not taken: it shows what memory a step needs, before any file is made.

    Raises  MemoryError
    """
    batch = training.minibatch(X, np.arange(min(len(X), training.settings.batch_size)))
    with np.errstate(over="ignore", invalid="ignore"):  # it is for the watchdog to say
        training.loss_and_grad(batch, training.settings.beta)


def _flag(name):
    flags = {line.name: line.metadata["flag"] or line.name for line in TABLE}
    return "--" + flags.get(name, name).replace("_", "-")


def main(argv=None):
    p = parser()
    with p.mistakes():
        team = parallel.started()
    args = p.parse_args(argv)
    team = parallel.team(None, args.workers or -1) if team.size == 1 else team
    with p.mistakes():
        check_resume(p, argv, args)
    try:
        with contextlib.ExitStack() as held, team.as_one():
            return train(p, args, team, held)
    except BrokenPipeError:  # of what is printed, see `script`
        raise
    except OSError as error:
        p.exit(1, f"{p.prog}: a file could not be read or written: {error}.\n")


def train(p, args, team, held):
    """Begin or resume a run, train, and leave its files; returns the exit code.

    held    an ExitStack, which rank 0 gives the lock of the run's folder
    """
    with p.mistakes():
        if args.resume is not None:
            team.first(lambda: held.enter_context(runs.old_folder(args.resume)))
        with team.together():
            run, data = (new_run if args.resume is None else old_run)(args)
        description = f"{data.name}: {data.split}.\n{repr(run.model).splitlines()[0]}"
        run.share(team, data)
        first_step(run.training, data.X)
        run.path = run.path or team.first(
            lambda: held.enter_context(runs.new_folder(args.out, data.name))
        )
    # A line that cannot be printed never ends the training; at its end it ends the program.
    say, conclude = [lambda text: None] * 2 if args.quiet else (progress.say, print)
    if data.summary:
        say(data.summary)
    say(description)
    say(_what(args, run, data))
    run.save()
    resume = f"{invoked()} --resume {shlex.quote(str(run.path))}"
    try:
        stopped = run.train(data, args.checkpoint_every, args.quiet)
    except Diverged as error:
        p.exit(1, f"\n{error} {_after_divergence(run, resume)}\n")
    except ChildProcessError as error:
        p.exit(1, f"\n{p.prog}: {error} Go on from its last checkpoint with: {resume}\n")
    if stopped:
        epoch = min(run.training.epoch + 1, run.training.length(len(data.X), data.X_valid))
        say(
            f"Stopped by {stopped.name} in epoch {epoch}. Evaluate and explore can use its best "
            f"parameters so far. Resume with: {resume}"
        )
        return 128 + stopped
    team.first(lambda: finish(run, data, args.quiet, say, conclude))
    return 0


def _what(args, run, data):
    """One line: what is about to be trained."""
    training = run.training
    epochs = training.length(len(data.X), data.X_valid)
    line = "Training " + f"from epoch {training.epoch + 1} " * bool(args.resume)
    if training.settings.epochs and training.epoch >= epochs:
        line = f"Trained to epoch {epochs} already"
    elif training.settings.epochs:
        line += f"to epoch {epochs}"
    elif not epochs:
        return f"Not trained further than its start: fewer than {FEWEST} rows are held out."
    else:
        line += f"until the held-out ELBO has stopped rising, at most to epoch {epochs}"
    line += f", seed {training.seed}"
    if run.team.size > 1:
        threads = f"{run.team.threads} BLAS thread{'s' * (run.team.threads > 1)}"
        line += f", {run.team.size} processes with {threads} each share {run.team.shares}"
    return line + ":"


def _after_divergence(run, resume):
    """What is left of a run that diverged, in a sentence or two."""
    epochs = run.training.epoch
    if not epochs:
        return "No epoch was finished, so there is nothing to keep: begin a new run."
    return (
        "The run stands before that step, and would come to it again. To end it after epoch "
        f"{epochs}, with the best parameters until then: {resume} --epochs {epochs}"
    )


def finish(run, data, quiet, say, conclude):
    """Keep the best epoch's model, and leave it with its numbers and pictures."""
    for line in run.finish(data, quiet):
        say(line)
    names = sorted(path.name for path in run.path.iterdir() if path.name != LOCK)
    conclude(f"In {run.path}: {', '.join(names)}")
