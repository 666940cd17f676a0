"""The training loop.

Read next: watchdog, history, checkpoint.
"""

import math

import numpy as np

from numvae.network import Autoencoder
from numvae.network.objectives import objective
from numvae.rows import BLOCK_ROWS, Inputs, binarized, by_blocks, join, mean_of, read, split_missing
from numvae.rules import bernoulli, optimizers, schedules
from numvae.streams import EVALUATION, WEIGHTS, BatchStream, stream
from numvae.training import minibatches, watchdog
from numvae.training.interrupt import Interrupt
from numvae.training.optimizers import OPTIMIZERS

# The attributes that say where a run stands, but for its arrays.
POSITION = "epoch", "step", "n_seen", "history", "best_elbo", "best_epoch"


class Training:
    """A run in progress. Its attributes are all there is to remember, so a run can be stopped after
    any step and resumed (see `checkpoint`).

    model, optimizer    the model being trained and the optimizer that holds views of it
    settings            numvae.settings.Settings, checked
    seed                fixes every random number of the run
    epoch               how many epochs are finished
    step, n_seen, sums  of the epoch under way: steps taken, examples seen, sums of the losses and
                        of the gradient's norm
    history             one dict per finished epoch, see `history`
    best_elbo, best_epoch, best     the best held-out ELBO so far, its epoch and its parameters
    """

    def __init__(self, model, optimizer, settings, seed):
        self.model, self.optimizer, self.settings, self.seed = model, optimizer, settings, seed
        self.objective = objective(settings.objective, settings.free_bits)
        self.epoch, self.step, self.n_seen, self.sums = 0, 0, 0, np.zeros(4)
        self.history = []
        self.best_elbo, self.best_epoch = -np.inf, 0
        self.best = model.parameters.vector.copy()

    @classmethod
    def new(cls, settings, X, seed):
        """A run that has not begun, for rows like those of X (N, D).

        float32 rows are trained in float32, which is twice as fast; all others in float64.
        """
        training = cls.empty(settings, X.shape[1], "f4" if X.dtype == np.float32 else "f8", seed)
        training.model.initialize(stream(seed, *WEIGHTS), settings.init_sigma, mean_of(X))
        training.best[...] = training.model.parameters.vector
        return training

    @classmethod
    def empty(cls, settings, n_features, dtype, seed):
        """A run whose parameters are all 0, to be filled."""
        model = Autoencoder(n_features, **settings.of_network(), dtype=dtype)
        optimizer = OPTIMIZERS[settings.optimizer](model.parameters, settings.lr)
        return cls(model, optimizer, settings, seed)

    def run(self, X, X_valid=None, epochs=None, on_step=None, on_epoch=None, close_epoch=False):
        """Train on X until so many epochs are finished (None: all), or a signal asks to stop.

        on_step(n_seen)     is called after every step
        on_epoch(row)       after every epoch, with its row of the history
        close_epoch         whether an epoch that a signal cuts short is finished as it is, or left
                            to be resumed

        Returns the signal, or None at the end
        Raises  watchdog.Diverged, as `steps`
        """
        epochs = epochs or self.settings.epochs
        X, X_valid = self.drawn(X), X_valid if X_valid is None else self.drawn(X_valid)
        overflow = np.errstate(over="ignore", invalid="ignore")  # the watchdog sees what it does
        with self.interrupt() as interrupt, overflow:
            while self.epoch < epochs and not interrupt.asked():
                for n_seen in self.steps(X):
                    if on_step:
                        on_step(n_seen)
                    if stopped := interrupt.asked():
                        if not close_epoch:
                            return stopped
                        break
                row = self.finish_epoch(X_valid)
                if on_epoch:
                    on_epoch(row)
            return interrupt.asked() if self.epoch < epochs else None

    def interrupt(self):
        """The context that takes note of Ctrl-C and SIGTERM during `run`."""
        return Interrupt()

    def steps(self, X):
        """Train one epoch on X (N, D), or what is left of it, one step per iteration.

        A generator that yields how many examples the epoch has seen, so that the caller's own
        `for` loop can show progress or stop.

        Raises  watchdog.Diverged if a loss or gradient is not finite; the step is not taken
        """
        s = self.settings
        epoch = min(self.epoch, s.epochs - 1)  # past the last epoch, keep its rate
        self.optimizer.lr_factor = getattr(schedules, s.schedule)(epoch, s.epochs)
        beta = s.beta * schedules.warmup(self.epoch, s.warmup)
        batches = minibatches.shuffled(self.seed, self.epoch + 1, len(X), s.batch_size)
        for rows in batches[self.step :]:
            batch = self.minibatch(X, rows)
            with watchdog.watch(self, batch):
                losses, gradient = self.loss_and_grad(batch, beta)
                norm = self.norm(gradient)
                watchdog.check(losses, norm)
            self.update(gradient, norm)
            self.step += 1
            self.n_seen += len(rows)
            self.sums += np.multiply((*losses, norm), len(rows))
            yield self.n_seen

    def minibatch(self, X, rows):
        """The arguments of the model's `loss_and_grad` for these rows of X, but for beta."""
        rng = BatchStream(self.seed, (self.epoch + 1, self.step + 1), len(rows))
        return self.arguments(rng, read(X, rows))

    def arguments(self, rng, x):
        """The arguments of `loss_and_grad`, all noise drawn from rng."""
        s, model = self.settings, self.model
        x = x.astype(model.dtype, copy=False)
        if s.binarize == "dynamic":
            x = bernoulli.sample(rng, x)
        x, observed = split_missing(x) if s.missing else (x, None)
        return {
            "x": x,
            "observed": observed,
            "encoder_input": minibatches.corrupt(rng, x, observed, *s.denoise) if s.denoise else x,
            "masks": model.masks(rng, s.n_samples, len(x)),
            "eps": self.noise(rng, len(x)),
        }

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
        """Move the parameters by the gradient, which is clipped first if the settings say so."""
        if self.settings.clip:
            optimizers.clip(gradient, norm, self.settings.clip)
        self.optimizer.update()

    def finish_epoch(self, X_valid=None):
        """Close the epoch: measure the held-out data, and return the new row of the history.

        The model of the best epoch by held-out ELBO is kept; without held-out data, the last.
        """
        _, nll, kl, norm = self.sums / self.n_seen
        self.epoch += 1
        self.step, self.n_seen, self.sums = 0, 0, np.zeros(4)
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

        A plain autoencoder has no bound: its nll is that of z = mu, and its kl 0.

        Shapes  X (N, D) → nll, kl (N,) float64
        Units   nats; elbo = −(nll + kl)
        """
        return join([self.evaluate_block(X, i) for i in range(-(-len(X) // BLOCK_ROWS))])

    def evaluate_block(self, X, i):
        """nll and kl of the rows of block i."""
        rng = stream(self.seed, *EVALUATION, i)
        x = read(X, slice(i * BLOCK_ROWS, (i + 1) * BLOCK_ROWS)).astype(self.model.dtype)
        if self.settings.binarize == "dynamic":
            x = bernoulli.sample(rng, x)
        x, observed = split_missing(x) if self.settings.missing else (x, None)
        eps = self.objective.noise(self.model, rng, 1, len(x))
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged model has a NaN bound
            nll, kl = self.model.elbo_terms(x, eps, observed)
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
        return by_blocks(lambda x: binarized(x.astype(self.model.dtype), self.seed), X)

    @property
    def inputs(self):
        """How the trained model takes rows that are scored or encoded."""
        s = self.settings
        return Inputs(self.model.dtype, self.seed, s.binarize != "none", s.missing)


def terms(prefix, nll, kl):
    """The three numbers of a history row, in nats per example."""
    return {
        f"{prefix}_elbo": -float(nll + kl),
        f"{prefix}_nll": float(nll),
        f"{prefix}_kl": float(kl),
    }
