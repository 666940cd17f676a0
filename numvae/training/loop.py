"""The training loop.

Read next: watchdog, history, checkpoint.
"""

import math

import numpy as np

from numvae.network import Autoencoder
from numvae.network.objectives import objective
from numvae.rows import (
    BLOCK_ROWS,
    Inputs,
    by_blocks,
    join,
    read,
    split_condition,
    split_missing,
)
from numvae.rules import bernoulli, optimizers, schedules
from numvae.streams import EVALUATION, BatchStream, stream
from numvae.training import minibatches, start, watchdog
from numvae.training.history import History
from numvae.training.optimizers import OPTIMIZERS

# The attributes that say where a run stands, but for its arrays.
POSITION = "epoch", "step", "n_seen", "history", "start_elbo", "best_elbo", "best_epoch"

# Where the number of epochs is left to the program: PASSES, or if that is more, as many as STEPS
# take; the held-out rows are measured about every EVERY steps, and training ends when the last
# PATIENCE measurements were no better than one before.
PASSES, STEPS, EVERY, PATIENCE = 100, 3000, 50, 30
FEWEST = 10  # held-out rows that can decide anything


class Training:
    """A run in progress. Its attributes are all there is to remember, so a run can be stopped after
    any step and resumed (see `checkpoint`).

    model, optimizer    the model being trained and the optimizer that holds views of it
    settings            numvae.settings.Settings, checked
    seed                fixes every random number of the run
    epoch               how many epochs are finished
    step, n_seen        of the epoch under way: steps taken, examples seen
    sums                since the last row of the history: of the losses, of the gradient's norm,
                        and how many examples they are of
    history             one dict per epoch that was measured, see `history`
    start_elbo          the held-out ELBO before the first step
    best_elbo, best_epoch, best     the best held-out ELBO so far, its epoch and its parameters
    mixture             where the codes of its data lie: the Mixture that `evaluation.aggregate.fit`
                        makes when the training has ended, or None
    """

    def __init__(self, model, optimizer, settings, seed):
        self.model, self.optimizer, self.settings, self.seed = model, optimizer, settings, seed
        self.objective = objective(settings.objective, settings.free_bits)
        self.epoch, self.history, self.sums = 0, History(), np.zeros(5)
        self.begin_epoch()
        self.start_elbo, self.best_elbo, self.best_epoch = -np.inf, -np.inf, 0
        self.best = model.parameters.vector.copy()
        self.mixture = None

    @classmethod
    def new(cls, settings, X, seed, n_condition=0):
        """A run that has not begun, for training rows X (N, D + C), of which the last C numbers
        condition the model.

        float32 rows are trained in float32, which is twice as fast; all others in float64.
        """
        dtype = "f4" if X.dtype == np.float32 else "f8"
        training = cls.empty(settings, X.shape[1] - n_condition, dtype, seed, n_condition)
        start.begin(training.model, X, settings, seed)
        training.best[...] = training.model.parameters.vector
        return training

    @classmethod
    def empty(cls, settings, n_features, dtype, seed, n_condition=0):
        """A run whose parameters are all 0, to be filled."""
        config = settings.of_network(n_features)
        model = Autoencoder(**config, n_condition=n_condition, dtype=dtype)
        its = {"momentum": settings.momentum} if settings.optimizer == "sgd" else {}
        optimizer = OPTIMIZERS[settings.optimizer](model.parameters, settings.lr, **its)
        return cls(model, optimizer, settings, seed)

    def run(
        self,
        X,
        X_valid=None,
        epochs=None,
        on_step=None,
        on_epoch=None,
        asked=lambda: None,
        close_epoch=False,
    ):
        """Train on X until so many epochs are finished (None: all), or something asks to stop.

        Where the settings leave the number of epochs to the program, the held-out rows decide;
        without any, a model that started at its factor analysis stays there.

        on_step(n_seen)     is called after every step
        on_epoch(row)       after every epoch that was measured, with its row of the history
        asked()             called after every step: true to stop, see Interrupt
        close_epoch         whether an epoch that is cut short is finished as it is, or left to be
                            resumed

        Raises  watchdog.Diverged, as `steps`
        """
        may_end_early = epochs is None
        epochs = self.length(len(X), X_valid) if epochs is None else epochs
        X, X_valid = self.drawn(X), X_valid if X_valid is None else self.drawn(X_valid)
        overflow = np.errstate(over="ignore", invalid="ignore")  # the watchdog checks the results
        with overflow:
            if X_valid is not None and not self.optimizer.t:
                nll, kl = self.evaluate(X_valid)
                self.start_elbo = self.best_elbo = -float(nll.mean() + kl.mean())
            stopped = False
            while self.epoch < epochs and not (stopped or asked()):
                if may_end_early and self.risen_enough():
                    break
                for n_seen in self.steps(X):
                    if on_step:
                        on_step(n_seen)
                    if stopped := asked():
                        if not close_epoch:
                            return
                        break
                epoch = self.epoch + 1
                if epoch % self.every(len(X)) and epoch < epochs and not stopped:
                    self.begin_epoch(epoch)
                    continue
                row = self.finish_epoch(X_valid)
                if on_epoch:
                    on_epoch(row)

    def length(self, n, X_valid=range(FEWEST)):
        """How many epochs to train on n rows, at most; 0 where nothing can decide when to stop."""
        if self.settings.epochs is not None:
            return self.settings.epochs
        few = X_valid is None or len(X_valid) < FEWEST
        if few and start.is_known(self.settings):
            return 0
        return max(PASSES, math.ceil(STEPS / self.n_batches(n)))

    def every(self, n):
        """How many epochs on n rows there are from one row of the history to the next."""
        return max(1, round(EVERY / self.n_batches(n))) if self.settings.epochs is None else 1

    def n_batches(self, n):
        return math.ceil(n / self.settings.batch_size)

    def risen_enough(self):
        """Whether the held-out ELBO has stopped rising, where that decides when to end."""
        since_best = sum(row["epoch"] > self.best_epoch for row in self.history[-PATIENCE:])
        return self.settings.epochs is None and since_best == PATIENCE

    def steps(self, X):
        """Train one epoch on X (N, D), or what is left of it, one step per iteration.

        A generator that yields how many examples the epoch has seen, so that the caller's own
        `for` loop can show progress or stop.

        Raises  watchdog.Diverged if a loss or gradient is not finite; the step is not taken
        """
        s, epochs = self.settings, self.length(len(X))
        epoch = min(self.epoch, epochs - 1)  # past the last epoch, keep its rate
        self.optimizer.lr_factor = getattr(schedules, s.schedule)(epoch, epochs)
        beta = s.beta * schedules.warmup(self.epoch, s.warmup)
        batches = minibatches.shuffled(self.seed, self.epoch + 1, len(X), s.batch_size)
        for rows in batches[self.step :]:
            batch = self.minibatch(X, rows)
            with np.errstate(all="ignore"):  # what is not finite is found by the watchdog
                losses, gradient = self.loss_and_grad(batch, beta)
                norm = self.norm(gradient)
                watchdog.check(self, batch, losses, norm)
                self.update(gradient, norm)
            self.step += 1
            self.n_seen += len(rows)
            self.sums += np.multiply((*losses, norm, 1.0), len(rows))
            yield self.n_seen

    def minibatch(self, X, rows):
        """The arguments of the model's `loss_and_grad` for these rows of X, but for beta."""
        rng = BatchStream(self.seed, (self.epoch + 1, self.step + 1), len(rows))
        return self.arguments(rng, read(X, rows))

    def arguments(self, rng, rows):
        """The arguments of `loss_and_grad` for rows (B, D + C), all noise drawn from rng."""
        s, model = self.settings, self.model
        x, observed, y = self.split(rng, rows)
        seen = x
        if s.denoise:
            seen = minibatches.corrupt(rng, x, observed, model.units, *s.denoise)
        return {
            "x": x,
            "observed": observed,
            "y": y,
            "encoder_input": seen,
            "masks": model.masks(rng, s.n_samples, len(x)),
            "eps": self.noise(rng, len(x)),
        }

    def split(self, rng, rows):
        """Rows as this run trains on them: x, observed (B, D) or None, y (B, C) or None."""
        s, model = self.settings, self.model
        x, y = split_condition(rows.astype(model.dtype, copy=False), model.n_condition)
        if s.binarize == "dynamic":
            x = bernoulli.sample(rng, x)
        return (*(split_missing(x, model.fill, y) if s.missing else (x, None)), y)

    def noise(self, rng, n_examples):
        """The eps of as many samples as the settings say: (L, B, Z)."""
        return self.objective.noise(self.model, rng, self.settings.n_samples, n_examples)

    def loss_and_grad(self, batch, beta):
        """The losses of a minibatch, and the flat gradient (P,)."""
        return self.model.loss_and_grad(**batch, beta=beta, objective=self.objective)

    def norm(self, gradient):
        """‖gradient‖"""
        return math.sqrt(np.dot(gradient, gradient))

    def update(self, gradient, norm):
        """Move the parameters by the gradient: clipped first, and with that of the weight decay, if
        the settings say so."""
        s = self.settings
        if s.clip:
            optimizers.clip(gradient, norm, s.clip)
        if s.weight_decay:
            optimizers.weight_decay(gradient, self.optimizer.parameters.vector, s.weight_decay)
        self.optimizer.update()

    def begin_epoch(self, epoch=None):
        """Stand at the start of an epoch, by default that of the one under way."""
        self.epoch = self.epoch if epoch is None else epoch
        self.step, self.n_seen = 0, 0

    def finish_epoch(self, X_valid=None):
        """Close the epoch: measure the held-out data, and return the new row of the history.

        The model of the best epoch by held-out ELBO is kept; without held-out data, the last.
        """
        _, nll, kl, norm, _ = self.sums / self.sums[-1]
        self.begin_epoch(self.epoch + 1)
        self.sums[...] = 0.0
        row = {"epoch": self.epoch, **terms("train", nll, kl)}
        if X_valid is not None:
            nll, kl = self.evaluate(X_valid)
            row.update(terms("valid", nll.mean(), kl.mean()))
        row["gradient_norm"] = float(norm)
        self.history.append(row)
        first = not np.isfinite(self.best_elbo)
        if X_valid is None or first or row["valid_elbo"] > self.best_elbo:
            self.best_elbo = row["train_elbo" if X_valid is None else "valid_elbo"]
            self.best = self.model.parameters.vector.copy()
            self.best_epoch = self.epoch
        return row

    def evaluate(self, X):
        """nll and kl of each row of X, as this run sees its data, with the same noise every time.

        Where they are to decide when to end, and are fewer than 1,000, each row has several draws
        of z, so that there are about 1,000 in all.

        A plain autoencoder has no bound: its nll is that of z = mu, and its kl 0.

        Shapes  X (N, D) → nll, kl (N,) float64
        Units   nats; elbo = −(nll + kl)
        """
        return join([self.evaluate_block(X, i) for i in range(-(-len(X) // BLOCK_ROWS))])

    def evaluate_block(self, X, i):
        """nll and kl of the rows of block i."""
        rng = stream(self.seed, *EVALUATION, i)
        rows = read(X, slice(i * BLOCK_ROWS, (i + 1) * BLOCK_ROWS))
        x, observed, y = self.split(rng, rows)
        n_samples = max(1, BLOCK_ROWS // len(X)) if self.settings.epochs is None else 1
        eps = self.objective.noise(self.model, rng, n_samples, len(x))
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged model has a NaN bound
            nll, kl = self.model.elbo_terms(x, eps, observed, y)
        kl = kl if self.objective.draws_z else np.zeros_like(kl)
        return nll.astype(np.float64), kl.astype(np.float64)

    def keep_best(self):
        """Give the model the parameters of its best epoch, and say which that was."""
        self.model.parameters.vector[...] = self.best
        return self.best_epoch

    def drawn(self, X):
        """X, or where gray pixels are to be drawn once and for all, a copy drawn as 0 or 1."""
        if self.settings.binarize != "fixed":
            return X
        return by_blocks(self.inputs.drawn, X)

    @property
    def inputs(self):
        """How the trained model takes rows that are scored or encoded."""
        s, model = self.settings, self.model
        binarize = s.binarize != "none"
        return Inputs(model.dtype, self.seed, binarize, s.missing, model.fill, model.n_condition)


def terms(prefix, nll, kl):
    """The three numbers of a history row, in nats per example."""
    return {
        f"{prefix}_elbo": -float(nll + kl),
        f"{prefix}_nll": float(nll),
        f"{prefix}_kl": float(kl),
    }
