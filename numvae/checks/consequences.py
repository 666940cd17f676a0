"""What each planted bug does to a loss curve, measured: the same small model is trained with it and
without it, from the same seed, on digits that the program draws.

Two numbers tell. What a program *says* is the bound that its own loss reports while it trains; what
it *is* worth is the bound of the parameters that it has learned, by the right code, on held-out
digits. Both are −loss in nats per example, higher is better. A wrong loss may say what it likes:
only the second number can be compared.
"""

import contextlib
import functools
from typing import NamedTuple

import numpy as np

from numvae.checks.bugs import planted
from numvae.datasets.digits import digits
from numvae.network import Autoencoder, objectives
from numvae.rules import bernoulli
from numvae.training.loop import Training
from numvae.training.minibatches import BINARIZE, EVALUATION, WEIGHTS, stream
from numvae.training.optimizers import Adam
from numvae.training.watchdog import Diverged

SEED, EPOCHS, BATCH = 2014, 20, 50
N_TRAIN, N_VALID, SIZE = 1000, 500, 14
MODE = {
    "activation": "tanh",
    "likelihood": "bernoulli",
    "dropout": 0.0,
    "beta": 1.0,
    "n_samples": 1,
    "objective": "elbo",
}
SMALL = 0.02  # of the right program's bound: another seed moves it by less

# Those that a picture shows.
TELLING = (
    "ε drawn with standard deviation 0.01",
    "Bernoulli averaged over pixels, the KL summed",
    "½ log 2π left out of the log-density",
    "dropout without 1 / (1 − rate)",
    "the path through ε into logvar forgotten",
    "loss averaged over the batch, its gradient summed",
)


class Curve(NamedTuple):
    """The training of one small model.

    Shapes  says (epochs,), the mean over each epoch; worth (epochs + 1,), from before the first on
    """

    says: np.ndarray
    worth: np.ndarray

    @property
    def diverged(self):
        return len(self.says) < EPOCHS or not np.isfinite(self.worth[-1])


def compare(bug):
    """The curve of the program with a bug, and that of the right one in the same mode."""
    return train(bug, **bug.mode), right(*sorted(bug.mode.items()))


@functools.cache
def right(*mode):
    """The curve of the right program; mode: pairs of name and value, as `train` takes them."""
    return train(None, **dict(mode))


def train(bug, seed=SEED, **mode):
    """The curve of a small model: the bug is in its training, but not in the judge.

    mode: what is to be unlike MODE
    """
    mode = MODE | mode
    x, x_valid = data(black_and_white=mode["likelihood"] == "bernoulli")
    with planted(bug) if bug else contextlib.nullcontext(), np.errstate(all="ignore"):
        says, learned = _learn(x, seed, mode)
    judge, objective = _model(mode), objectives.objective(mode["objective"])
    eps = judge.noise(stream(seed, *EVALUATION), mode["n_samples"], N_VALID)
    worth = []
    for vector in learned:
        judge.parameters.vector[...] = vector
        with np.errstate(all="ignore"):  # of what has diverged
            losses, _ = judge.loss_and_grad(x_valid, eps, mode["beta"], objective)
        worth.append(-losses.loss)
    return Curve(np.array(says), np.array(worth))


def _learn(x, seed, mode):
    """The mean bound of each epoch, and the parameters before the first and after each."""
    net = _model(mode).initialize(stream(seed, *WEIGHTS), mean=x.mean(axis=0))
    settings = {name: mode[name] for name in ("beta", "n_samples", "objective")}
    training = Training(net, Adam(net.parameters, lr=3e-3), seed, BATCH, **settings)
    says, learned = [], [net.parameters.vector.copy()]
    with contextlib.suppress(Diverged):
        for _ in range(EPOCHS):
            for _ in training.steps(x):
                pass
            says.append(-training.sums[0] / training.seen)
            training.finish_epoch()
            learned.append(net.parameters.vector.copy())
    return says, learned


def _model(mode):
    settings = {name: mode[name] for name in ("activation", "likelihood", "dropout")}
    return Autoencoder(SIZE**2, 4, (64,), sigma_min=0.1, **settings)


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
    """What one sees, and what is so: words for the numbers at the end of two curves."""
    if curve.diverged:
        return f"diverges in epoch {len(curve.says) + 1}"
    looks = _words("looks", curve.says[-1], truth.says[-1], "right")
    share = learned(curve, truth)
    if abs(share) < 0.1:
        return f"{looks}, learns nothing"
    if share < 0.0:
        return f"{looks}, ends worse than it began"
    return f"{looks}, {_words('is', curve.worth[-1], truth.worth[-1], 'as good')}"


def learned(curve, truth):
    """How much of what the right program learns the other does: 1 all, 0 nothing."""
    return (curve.worth[-1] - curve.worth[0]) / (truth.worth[-1] - truth.worth[0])


def unnoticed(curve, truth):
    """Whether nobody who looks at the reported loss would suspect anything."""
    wanted = truth.says[-1]
    return not curve.diverged and curve.says[-1] > wanted - SMALL * abs(wanted)


def _words(verb, found, wanted, equal):
    difference = abs(found - wanted)
    if difference < SMALL * abs(wanted):
        return f"{verb} {equal}"
    digits = 1 if difference < 9.95 else 0
    return f"{verb} {difference:,.{digits}f} {'better' if found > wanted else 'worse'}"
