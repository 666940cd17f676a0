"""Train a variational autoencoder and leave a folder with the model, its numbers and its pictures.

python scripts/train.py
python scripts/train.py --data mnist --hidden 200,200 --latent 50 --binarize dynamic
python scripts/train.py --data my_images.npy --likelihood gaussian --latent 10
mpiexec -n 2 python scripts/train.py --data mnist
"""

import argparse
from pathlib import Path

from numvae import datasets, machine, plots, runs
from numvae.cli import Parser, script, whole
from numvae.datasets.dataset import NAMES as DATA_NAMES
from numvae.network import Autoencoder
from numvae.network.objectives import NAMES as OBJECTIVE_NAMES
from numvae.progress import Progress
from numvae.rules.activations import NAMES as ACTIVATION_NAMES
from numvae.rules.corruption import NAMES as CORRUPTION_NAMES
from numvae.rules.schedules import NAMES as SCHEDULE_NAMES
from numvae.training.checkpoint import facts, load_training, save_model
from numvae.training.engine import Alone, started
from numvae.training.interrupt import Interrupt
from numvae.training.loop import Training
from numvae.training.minibatches import WEIGHTS, mean_of, stream
from numvae.training.optimizers import OPTIMIZERS
from numvae.training.watchdog import Diverged
from numvae.validation import check_activation, check_likelihood, check_range, check_sigma_min

EXAMPLES_SEEN = 1_000_000  # how long to train where --epochs is not given


def not_negative(text):
    """An argparse type: a finite number, zero or above."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, found {text!r}") from None
    if not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a finite number from 0 up, found {text}")
    return value


def positive(text):
    """An argparse type: a finite number above zero."""
    value = not_negative(text)
    if value == 0.0:
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, found {text}")
    return value


def share(text):
    """An argparse type: a number from 0 up to, but not, 1."""
    value = not_negative(text)
    if value >= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number below 1, found {text}")
    return value


def kind_and_amount(text):
    """An argparse type: a corruption and how much of it, as in salt_and_pepper:0.3."""
    kind, colon, amount = text.partition(":")
    if kind not in CORRUPTION_NAMES or not colon:
        raise argparse.ArgumentTypeError(
            f"expected {' or '.join(CORRUPTION_NAMES)} with an amount, as in salt_and_pepper:0.3, "
            f"found {text!r}"
        )
    return kind, (share if kind == "salt_and_pepper" else positive)(amount)


def likelihood_name(text):
    """An argparse type: one of the likelihoods, or blocks as in gaussian:3,categorical:5."""
    try:
        check_likelihood(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def height_and_width(text):
    """An argparse type: a size such as 28x20."""
    height, _, width = text.partition("x")
    return whole(1)(height), whole(1)(width)


def widths(text):
    """An argparse type: widths of layers, as in 256,256; none for no hidden layer."""
    return () if text == "none" else tuple(whole(1)(width) for width in text.split(","))


def parser():
    p = Parser(
        description="Train a variational autoencoder; with no flag at all, on faces drawn by the "
        "program, with a 2-D latent space, in less than a minute.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    data = p.add_argument_group("data")
    data.add_argument(
        "--data",
        default="faces",
        metavar="NAME",
        help=f"{', '.join(DATA_NAMES)}, or your own: a .npy, .npz, .csv, .mat or .idx file of rows "
        "(N, D) or images (N, H, W) or (N, H, W, 3), or a folder of images",
    )
    data.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where the files of frey, mnist and fashion-mnist are; without it, $NUMVAE_DATA and "
        "the cache folder are searched",
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
        "--validation",
        type=whole(0),
        metavar="N",
        help="how many examples to hold out; without it, the data set's own split (it is printed)",
    )
    data.add_argument(
        "--random-split",
        action="store_true",
        help="hold out examples chosen at random, by the seed, instead of the data set's own",
    )
    data.add_argument(
        "--binarize",
        choices=("none", "fixed", "dynamic"),
        default="none",
        help="fixed: draw each gray pixel as black or white, once and for all; dynamic: anew every "
        "time it is seen",
    )
    data.add_argument(
        "--missing", action="store_true", help="NaN in the data means: not known, leave it out"
    )
    model = p.add_argument_group("model")
    model.add_argument("--latent", type=whole(1), default=2, metavar="Z", help="latent units")
    model.add_argument(
        "--hidden",
        type=widths,
        default=(256,),
        metavar="H1,H2",
        help="widths of the encoder's hidden layers (none: no hidden layer); the decoder has them "
        "in reverse",
    )
    model.add_argument(
        "--activation",
        default="tanh",
        metavar="NAME",
        help=f"{', '.join(ACTIVATION_NAMES)}; or one for each of the encoder's hidden layers, as "
        "elu,tanh",
    )
    model.add_argument(
        "--likelihood",
        type=likelihood_name,
        metavar="NAME",
        help="p(x|z): bernoulli for black and white, continuous-bernoulli for gray, gaussian with "
        "one learned σ per pixel, gaussian-sigma-z with σ(z) from the decoder, gaussian-fixed with "
        "--sigma, categorical for one-hot columns, or blocks of columns such as "
        "gaussian:3,categorical:5; without it, the one that suits the data",
    )
    model.add_argument("--sigma", type=positive, default=0.1, help="σ of gaussian-fixed")
    model.add_argument(
        "--sigma-min", type=positive, default=0.01, help="the smallest σ that may be learned"
    )
    model.add_argument(
        "--dropout",
        type=share,
        default=0.0,
        metavar="RATE",
        help="share of the hidden units that is silenced at random in training",
    )
    model.add_argument(
        "--init-sigma",
        type=positive,
        metavar="S",
        help="draw all weights from N(0, S²), as Kingma & Welling did with 0.01; without it, by "
        "Glorot's or He's rule",
    )
    train = p.add_argument_group("training")
    train.add_argument(
        "--epochs",
        type=whole(1),
        metavar="N",
        help=f"times to go through the data; without it, until {EXAMPLES_SEEN:,} examples are seen",
    )
    train.add_argument("--batch-size", type=whole(1), default=100, metavar="B", help=" ")
    train.add_argument("--optimizer", choices=tuple(OPTIMIZERS), default="adam", help=" ")
    train.add_argument("--lr", type=positive, default=1e-3, help="learning rate")
    train.add_argument(
        "--schedule",
        choices=SCHEDULE_NAMES,
        default="constant",
        help="how the learning rate falls over the epochs",
    )
    train.add_argument(
        "--clip", type=positive, metavar="NORM", help="shorten gradients that are longer than this"
    )
    train.add_argument(
        "--objective",
        choices=OBJECTIVE_NAMES,
        default="elbo",
        help="elbo: the bound with the KL in closed form; sampled-elbo: with that of the samples; "
        "iwae: the importance-weighted bound of --samples; autoencoder: no noise and no KL",
    )
    train.add_argument(
        "--samples", type=whole(1), default=1, metavar="L", help="samples of z per example and step"
    )
    train.add_argument(
        "--beta", type=not_negative, default=1.0, help="weight of the KL in the loss"
    )
    train.add_argument(
        "--warmup",
        type=whole(0),
        default=0,
        metavar="N",
        help="epochs over which the weight of the KL rises from 0 to --beta",
    )
    train.add_argument(
        "--free-bits",
        type=not_negative,
        default=0.0,
        metavar="NATS",
        help="KL in nats that each latent unit may have for nothing (elbo only)",
    )
    train.add_argument(
        "--denoise",
        type=kind_and_amount,
        metavar="KIND:AMOUNT",
        help="spoil what the encoder sees, and ask for the clean image: salt_and_pepper:0.3 "
        "replaces that share of the pixels, gaussian:0.2 adds noise of that standard deviation",
    )
    train.add_argument("--seed", type=whole(0), default=0, help="fixes every bit of the run")
    output = p.add_argument_group("output")
    output.add_argument(
        "--out", metavar="DIR", help="a new folder for the run; without it, runs/NAME-1, -2, …"
    )
    output.add_argument(
        "--checkpoint-every",
        type=whole(1),
        default=10,
        metavar="N",
        help="epochs between two checkpoints; there is always one at the end, and at Ctrl-C",
    )
    output.add_argument(
        "--resume",
        metavar="DIR",
        help="go on with the run in DIR, with its settings, up to --epochs if that is given",
    )
    output.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    return p


# What may be said anew when a run is resumed; everything else is as it was.
AT_RESUME = ("resume", "epochs", "data_dir", "download", "checkpoint_every", "quiet")


def load_data(args):
    """The data set, if it and the settings fit together."""
    data = datasets.load(
        args.data,
        args.data_dir,
        args.validation,
        args.seed,
        args.download,
        args.resize,
        args.missing,
        getattr(args, "scale", None),  # known only of a run that is resumed
        args.random_split,
    )
    likelihood = args.likelihood or ("bernoulli" if args.binarize != "none" else data.likelihood)
    if args.binarize != "none" and likelihood != "bernoulli":
        raise ValueError(
            f"--binarize makes pixels 0 or 1, which {likelihood} does not describe; "
            "add --likelihood bernoulli."
        )
    if args.binarize == "fixed":
        data.binarize(args.seed)
    for X in (data.X, data.X_valid):
        if len(X):
            check_range(X, likelihood)
    return data, likelihood


def new_run(args):
    """What is needed to begin: data, Training, no folder yet, and the settings to remember."""
    if args.free_bits and args.objective != "elbo":
        raise ValueError(f"--free-bits goes with --objective elbo, not with {args.objective}.")
    check_sigma_min(args.sigma_min)
    check_activation(args.activation, args.hidden)
    data, likelihood = load_data(args)
    model = Autoencoder(
        data.X.shape[1],
        args.latent,
        args.hidden,
        args.activation,
        likelihood,
        args.sigma,
        args.sigma_min,
        args.dropout,
    )
    model.initialize(stream(args.seed, *WEIGHTS), args.init_sigma, mean_of(data.X))
    training = Training(
        model,
        OPTIMIZERS[args.optimizer](model.parameters, args.lr),
        args.seed,
        batch_size=args.batch_size,
        epochs=args.epochs or max(1, round(EXAMPLES_SEEN / len(data.X))),
        schedule=args.schedule,
        objective=args.objective,
        n_samples=args.samples,
        beta=args.beta,
        warmup=args.warmup,
        free_bits=args.free_bits,
        binarize=args.binarize == "dynamic",
        denoise=args.denoise,
        missing=args.missing,
        clip=args.clip,
    )
    about = {**vars(args), "n_train": len(data.X), "scale": data.scale}
    if args.data not in DATA_NAMES:  # so that the run can be resumed from anywhere
        about["data"] = str(Path(args.data).absolute())
    return data, training, None, about


def old_run(args):
    """The same for a run that is taken up again, which has a folder."""
    defaults = vars(parser().parse_args([]))
    for name, value in vars(args).items():
        if name not in AT_RESUME and value != defaults[name]:
            flag = "--" + name.replace("_", "-")
            raise ValueError(
                f"a resumed run keeps its settings, so --resume does not go with {flag}."
            )
    folder = Path(args.resume)
    if not (folder / "checkpoint.npz").is_file():
        raise FileNotFoundError(f"there is no checkpoint.npz in {folder}, so no run to resume.")
    training, about = load_training(folder / "checkpoint.npz")
    again = {name: value for name, value in vars(args).items() if name in AT_RESUME and value}
    data, _ = load_data(argparse.Namespace(**{**about, **again}))
    data.check_same(about["data"], folder, about["n_train"], training.model.n_features)
    training.epochs = args.epochs or training.epochs
    if training.epochs < training.epoch:
        raise ValueError(
            f"the run in {folder} has {training.epoch} epochs already; give --epochs above that."
        )
    return data, training, folder, about


def begin(args, engine):
    """`new_run` or `old_run`, on every rank alike; the folder is there.

    Raises  as they do, on every rank what any rank raised; ValueError if the ranks differ
    """
    with engine.together():
        data, training, folder, about = (old_run if args.resume else new_run)(args)
    engine.agree(lambda: facts(training, data.X, engine.size))
    folder = folder or engine.first(lambda: runs.new_folder(args.out, data.name))
    return data, training, folder, about


def train(training, data, checkpoint, every, progress):
    """Train to the end, writing checkpoints. Returns the signal that ended it early, or None."""
    X_valid = data.X_valid if len(data.X_valid) else None
    with Interrupt() as interrupt:
        while training.epoch < training.epochs and not interrupt.asked(training.engine):
            for seen in training.steps(data.X):
                progress.step(seen)
                if asked := interrupt.asked(training.engine):
                    return asked
            progress.epoch(training.finish_epoch(X_valid))
            if training.epoch % every == 0:
                checkpoint()
        asked = interrupt.asked(training.engine)
        return asked if training.epoch < training.epochs else None


def main(argv=None):
    p = parser()
    try:
        engine = started()
    except ValueError as error:
        p.error(str(error))
    args = p.parse_args(argv)
    try:
        return run(p, args, engine)
    except OSError as error:
        p.exit(1, f"{p.prog}: a file could not be written: {error}.\n")


def run(p, args, engine):
    """Begin or take up a run, train, and leave its files; returns the exit code."""
    try:
        data, training, folder, about = begin(args, engine)
    except (ValueError, OSError) as error:
        p.error(str(error))
    except (MemoryError, OverflowError) as error:
        p.error(f"this is more than the machine can hold: {error}.")
    say = (lambda *_: None) if args.quiet else print

    engine.first(lambda: runs.save(training, folder, about))
    how = f"from epoch {training.epoch + 1} " if args.resume else ""
    threads = f"{machine.blas_threads()} BLAS thread{'s' * (machine.blas_threads() > 1)}"
    if data.found:
        say(data.found)
    say(f"{data.name}: {data.split}.\n{training.model}")
    training = engine.share(training)
    shared = f", {engine.size} ranks with {threads} each share {training.engine.shares}"
    ranks = shared if engine.size > 1 else ""
    say(f"Training {how}to epoch {training.epochs}, seed {training.seed}{ranks}:")

    def checkpoint():
        whole = training.engine.whole(training)
        engine.first(lambda: runs.save(whole, folder, about))
        return whole

    progress = Progress(training.epochs, len(data.X), training.epoch, quiet=args.quiet)
    go_on = f"Go on with: python scripts/train.py --resume {folder}"
    killed = f"A rank was killed; the last checkpoint is whole. {go_on}"
    try:
        with engine.last_words(killed):
            stopped = train(training, data, checkpoint, args.checkpoint_every, progress)
    except Diverged as error:
        checkpoint()
        p.exit(1, f"\n{error} They are in {folder / 'checkpoint.npz'}.\n")
    progress.close()
    training = checkpoint()
    if stopped:
        say(f"Stopped by {stopped.name} in epoch {training.epoch + 1}. {go_on}")
        return 128 + stopped
    training.engine = Alone()  # the rest is the work of one
    engine.first(lambda: finish(training, data, folder, about, say))
    return 0


def finish(training, data, folder, about, say):
    """Keep the best epoch's model, and leave it with its numbers and pictures."""
    training.keep_best()
    save_model(training.model, folder / "model.npz", {**about, "shape": data.shape})
    lines = runs.report(training, data)
    say("\n".join(lines))
    runs.save_report(folder, [data.split, repr(training.model), *lines])
    for filename, figure in runs.pictures(training, data):
        plots.save(figure, folder / filename)
    say(f"In {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


if __name__ == "__main__":
    script(main)
