"""Train a variational autoencoder and leave a folder with the model, its numbers and its pictures.

python scripts/train.py
python scripts/train.py --data mnist --hidden 200,200 --latent 50 --binarize dynamic
python scripts/train.py --data my_images.npy --likelihood gaussian --latent 10
"""

import argparse
import sys

from numvae import datasets, plots, runs
from numvae.datasets.dataset import NAMES as DATA_NAMES
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES as LIKELIHOOD_NAMES
from numvae.rules.activations import NAMES as ACTIVATION_NAMES
from numvae.training.checkpoint import save_model
from numvae.training.history import save_history
from numvae.training.loop import Training
from numvae.training.minibatches import stream
from numvae.training.optimizers import OPTIMIZERS
from numvae.training.progress import Progress

EXAMPLES_SEEN = 1_000_000  # how long to train where --epochs is not given


class Parser(argparse.ArgumentParser):
    """An argparse that answers a mistake with one sentence."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (--help lists what there is)\n")


def whole(least):
    """An argparse type: a whole number, at least `least`."""

    def number(text):
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, found {value}")
        return value

    return number


def positive(text):
    """An argparse type: a finite number above zero."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, found {text!r}") from None
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, found {text}")
    return value


def not_negative(text):
    """An argparse type: a finite number, zero or above."""
    return 0.0 if text.strip() in ("0", "0.0") else positive(text)


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
        help=f"{', '.join(DATA_NAMES)}, or your own .npy file: (N, D) rows or (N, H, W) images",
    )
    data.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where the files of frey and mnist are; without it, $NUMVAE_DATA and the cache folder "
        "are searched",
    )
    data.add_argument(
        "--validation",
        type=whole(0),
        metavar="N",
        help="how many examples to hold out; without it, the data set's own split (it is printed)",
    )
    data.add_argument(
        "--binarize",
        choices=("none", "dynamic"),
        default="none",
        help="dynamic: draw each gray pixel anew as black or white every time it is seen",
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
    model.add_argument("--activation", choices=ACTIVATION_NAMES, default="tanh", help=" ")
    model.add_argument(
        "--likelihood",
        choices=LIKELIHOOD_NAMES,
        help="p(x|z): bernoulli for black and white, continuous-bernoulli for gray, gaussian with "
        "one learned σ per pixel, gaussian-sigma-z with σ(z) from the decoder, gaussian-fixed with "
        "--sigma; without it, the one that suits the data",
    )
    model.add_argument("--sigma", type=positive, default=0.1, help="σ of gaussian-fixed")
    model.add_argument(
        "--sigma-min", type=positive, default=0.01, help="the smallest σ that may be learned"
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
        "--beta", type=not_negative, default=1.0, help="weight of the KL in the loss"
    )
    train.add_argument(
        "--samples", type=whole(1), default=1, metavar="L", help="samples of z per example and step"
    )
    train.add_argument("--seed", type=whole(0), default=0, help="fixes every bit of the run")
    output = p.add_argument_group("output")
    output.add_argument(
        "--out", metavar="DIR", help="a new folder for the run; without it, runs/NAME-1, -2, …"
    )
    output.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    return p


def prepare(args):
    """What can be wrong with what was typed is found here, before anything is written."""
    data = datasets.load(args.data, args.data_dir, args.validation, args.seed)
    likelihood = args.likelihood or ("bernoulli" if args.binarize != "none" else data.likelihood)
    if args.binarize != "none" and likelihood != "bernoulli":
        raise ValueError(
            f"--binarize makes pixels 0 or 1, which {likelihood} does not describe; "
            "add --likelihood bernoulli."
        )
    if "bernoulli" in likelihood:
        low, high = float(data.X.min()), float(data.X.max())
        if low < 0.0 or high > 1.0:
            raise ValueError(
                f"--likelihood {likelihood} needs values from 0 to 1, found {low:g} to {high:g}; "
                "scale the data, or use --likelihood gaussian."
            )
    model = Autoencoder(
        data.X.shape[1],
        args.latent,
        args.hidden,
        args.activation,
        likelihood,
        args.sigma,
        args.sigma_min,
    )
    return data, model.initialize(stream(args.seed, 0, 0), args.init_sigma)


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    try:
        data, model = prepare(args)
        folder = runs.new_folder(args.out, data.name)
    except (ValueError, OSError) as error:
        p.error(str(error))
    say = (lambda *_: None) if args.quiet else print

    X_valid = data.X_valid if len(data.X_valid) else None
    binarize = args.binarize == "dynamic"
    epochs = args.epochs or max(1, round(EXAMPLES_SEEN / len(data.X)))
    say(f"{data.name}: {data.split}.\n{model}\nTraining for {epochs} epochs, seed {args.seed}:")
    optimizer = OPTIMIZERS[args.optimizer](model.parameters, args.lr)
    training = Training(
        model, optimizer, args.seed, args.batch_size, args.beta, args.samples, binarize
    )
    progress = None if args.quiet else Progress(epochs, len(data.X))
    while training.epoch < epochs:
        for seen in training.steps(data.X):
            if progress:
                progress.step(seen)
        row = training.finish_epoch(X_valid)
        if progress:
            progress.epoch(row)
    if progress:
        progress.close()
    best_epoch = training.keep_best()

    extra = {"data": args.data, "shape": data.shape, "seed": args.seed, "binarize": binarize}
    save_model(model, folder / "model.npz", extra)
    save_history(training.history, folder / "history.csv")
    lines = runs.report(model, data, args.seed, binarize, best_epoch, epochs)
    say("\n".join(lines))
    runs.save_report(folder, [data.split, repr(model), *lines])
    for filename, figure in runs.pictures(model, data, training.history, args.seed, binarize):
        plots.save(figure, folder / filename)
    say(f"In {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
