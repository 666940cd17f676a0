"""What each planted bug does to a loss curve, measured: the same small model is trained with it and
without it, from the same seed, on digits that the program draws.

Two bounds are compared, both −loss in nats per example: higher is better. The *reported* one is
that of the program's own loss while it trains, and a wrong loss may report anything. The
*evaluated* one is that of the learned parameters, by the right code, on held-out digits.

Read next: exercises.
"""

import contextlib
import functools
from typing import NamedTuple

import numpy as np

from numvae.datasets.digits import digits
from numvae.lessons import bugs
from numvae.network.likelihoods import COUNTS
from numvae.rules import bernoulli
from numvae.settings import Settings
from numvae.streams import BINARIZE, EVALUATION, stream
from numvae.training.loop import Training
from numvae.training.watchdog import Diverged

SEED, EPOCHS = 2014, 20
N_TRAIN, N_VALID, SIZE = 1000, 500, 14
SETTINGS = {
    "n_latent": 4,
    "hidden": (64,),
    "likelihood": "bernoulli",
    "sigma_min": 0.1,
    "lr": 3e-3,
    "schedule": "constant",
    "clip": None,
    "batch_size": 50,
    "skip": False,
    "standardize": False,
}
SMALL = 0.02  # of the right program's bound: another seed moves it by less

# The bugs in the picture.
SHOWN = (
    "ε drawn with standard deviation 0.01",
    "Bernoulli averaged over pixels, the KL summed",
    "½ log 2π left out of the log-density",
    "dropout without 1 / (1 − rate)",
    "the path through ε into logvar forgotten",
    "loss averaged over the batch, its gradient summed",
)


class Curve(NamedTuple):
    """The bounds of one small model in training.

    Shapes  reported (epochs,), means over each epoch
            evaluated (epochs + 1,), before the first epoch and after each
    """

    reported: np.ndarray
    evaluated: np.ndarray

    @property
    def diverged(self):
        return len(self.reported) < EPOCHS or not np.isfinite(self.evaluated[-1])


def compare(bug):
    """The curve of the program with a bug, and that of the right one in the same mode."""
    return train(bug, **bug.mode), right(*sorted(bug.mode.items()))


@functools.cache
def right(*mode):
    """The curve of the right program; mode: pairs of name and value, as `train` takes them."""
    return train(None, **dict(mode))


def train(bug, seed=SEED, **mode):
    """The curve of a small model: the bug is planted while it trains, not while it is evaluated.

    mode: the settings that differ from SETTINGS
    """
    settings = Settings(**{**SETTINGS, "epochs": EPOCHS, **mode})
    x, x_valid = data(black_and_white=settings.likelihood in ("bernoulli", *COUNTS))
    with bugs.planted(bug) if bug else contextlib.nullcontext(), np.errstate(all="ignore"):
        reported, vectors = _learn(x, seed, settings)
    right = Training.new(settings, x, seed)
    batch = {"x": x_valid, "eps": right.noise(stream(seed, *EVALUATION), N_VALID)}
    evaluated = []
    for vector in vectors:
        right.model.parameters.vector[...] = vector
        with np.errstate(all="ignore"):  # it may have diverged
            losses, _ = right.loss_and_grad(batch, settings.beta)
        evaluated.append(-losses.loss)
    return Curve(np.array(reported), np.array(evaluated))


def _learn(x, seed, settings):
    """The mean bound of each epoch, and the parameters before the first and after each."""
    training = Training.new(settings, x, seed)
    reported, vectors = [], [training.best]
    bounds = []  # the mean bound of the epoch so far, after each step

    def on_epoch(row):
        reported.append(bounds[-1])
        vectors.append(training.model.parameters.vector.copy())

    with contextlib.suppress(Diverged):
        training.run(x, on_step=lambda n: bounds.append(-training.sums[0] / n), on_epoch=on_epoch)
    return reported, vectors


@functools.cache
def data(black_and_white):
    """Digits of SIZE × SIZE pixels to train on, sorted as files often are, and others held out."""
    images, labels = digits(N_TRAIN + N_VALID)
    x = images.reshape(-1, SIZE, 2, SIZE, 2).mean(axis=(2, 4)).reshape(len(images), -1)
    if black_and_white:
        x = bernoulli.sample(stream(SEED, *BINARIZE), x)
    order = np.argsort(labels[:N_TRAIN], kind="stable")
    return x[:N_TRAIN][order], x[N_TRAIN:]


def verdict(curve, truth):
    """In words: how the reported loss ends, and how the model does, beside the right program's."""
    if curve.diverged:
        return f"diverges in epoch {len(curve.reported) + 1}"
    looks = _words("looks", curve.reported[-1], truth.reported[-1], "right")
    fraction = learned(curve, truth)
    if abs(fraction) < 0.1:
        return f"{looks}, learns nothing"
    if fraction < 0.0:
        return f"{looks}, ends worse than it began"
    return f"{looks}, {_words('is', curve.evaluated[-1], truth.evaluated[-1], 'as good')}"


def learned(curve, truth):
    """The fraction of the right program's gain that the other reaches: 1 all, 0 nothing."""
    return (curve.evaluated[-1] - curve.evaluated[0]) / (truth.evaluated[-1] - truth.evaluated[0])


def unnoticed(curve, truth):
    """Whether the reported loss hides the bug."""
    right = truth.reported[-1]
    return not curve.diverged and curve.reported[-1] > right - SMALL * abs(right)


def _words(verb, bound, truth, equal):
    difference = abs(bound - truth)
    if difference < SMALL * abs(truth):
        return f"{verb} {equal}"
    digits = 1 if difference < 9.95 else 0
    return f"{verb} {difference:,.{digits}f} {'better' if bound > truth else 'worse'}"


def report(path):
    """Print what each bug does to a loss curve and which check catches it; 1 if one survives."""
    print(
        "Each bug trains the same small model from the same seed as the right program.\n"
        "  says  the bound that its own loss reports in the last epoch\n"
        "  is    that of what it has learned, by the right code, on held-out digits\n"
        "Nats per example, higher is better; in brackets the right program."
    )
    kind, curves, caught = None, {}, {}
    for bug in bugs.BUGS:
        if bug.kind != kind:
            kind = bug.kind
            print(f"\n{kind}")
        curve, truth = curves[bug.name] = compare(bug)
        caught[bug.name] = bugs.caught_by(bug)
        print(
            f"\n  {bug.name}\n"
            f"    says {last(curve.reported)} ({last(truth.reported)})   "
            f"is {last(curve.evaluated)} ({last(truth.evaluated)})   "
            f"{verdict(curve, truth)}\n"
            f"    {bugs.outcome(caught[bug.name])}{f'; {bug.found}' * bool(bug.found)}",
            flush=True,
        )
    n_learning = sum(learned(*pair) > 0.1 for pair in curves.values())
    n_unnoticed = sum(unnoticed(*pair) for pair in curves.values())
    survivors = sum(not checks for checks in caught.values())
    print(
        f"\n{len(curves) - survivors} of {len(curves)} planted bugs caught. With {n_learning} of "
        f"them the model learns all the same, and with {n_unnoticed} the reported loss looks right "
        "or better: nobody would notice."
    )
    if path:
        from numvae import plots

        shown = {name: curves[name] for name in SHOWN}
        plots.save(plots.planted_bugs(shown), path)
        print(f"The loss curves of {len(shown)} are in {path}.")
    return 1 if survivors else 0


def last(values):
    """The number at the end of a curve."""
    if not len(values) or not np.isfinite(values[-1]):
        return "none"
    return f"{values[-1]:.1f}" if abs(values[-1]) < 1e5 else f"{values[-1]:.0e}"
