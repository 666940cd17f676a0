"""The training loop.

Read next: history, checkpoint, progress.
"""

import numpy as np

from numvae.network.autoencoder import Losses
from numvae.training import minibatches


class Training:
    """A run in progress. What it is, it is by its attributes:

    model, optimizer    the model being trained and the optimizer that holds views of it
    epoch               how many epochs are finished
    history             one dict per finished epoch, see `history`
    best_elbo, best     the best held-out ELBO so far, and a copy of the parameters that had it

    seed        fixes every random number of the run
    batch_size  B; the last batch of an epoch holds what remains
    beta        weight of the KL
    n_samples   L, samples of z per example
    binarize    draw gray pixels anew as 0 or 1 each time they are seen
    """

    def __init__(
        self, model, optimizer, seed, batch_size=100, beta=1.0, n_samples=1, binarize=False
    ):
        self.model, self.optimizer = model, optimizer
        self.seed, self.batch_size = seed, batch_size
        self.beta, self.n_samples, self.binarize = beta, n_samples, binarize
        self.epoch, self.history = 0, []
        self.best_elbo, self.best = -np.inf, None

    def steps(self, X):
        """Train one epoch on X (N, D), one step per iteration, yielding the examples seen so far.

        A generator, so that the caller's own `for` loop can show progress or stop. When it is
        exhausted the epoch is complete and `mean_losses` holds its average.
        """
        epoch, seen, total = self.epoch + 1, 0, np.zeros(3)
        batches = minibatches.shuffled(self.seed, epoch, len(X), self.batch_size)
        for step, rows in enumerate(batches, start=1):
            rng = minibatches.stream(self.seed, epoch, step)
            x = minibatches.take(X, rows, self.model.dtype, rng, self.binarize)
            eps = self.model.noise(rng, self.n_samples, len(x))
            losses, _ = self.model.loss_and_grad(x, eps, self.beta)
            self.optimizer.update()
            seen += len(x)
            total += np.multiply(losses, len(x))
            yield seen
        self.mean_losses = Losses(*(total / seen))
        self.epoch = epoch

    def finish_epoch(self, X_valid=None):
        """Measure the held-out data, write the epoch's row of the history, keep the best model."""
        row = {"epoch": self.epoch}
        row.update(terms("train", self.mean_losses.nll, self.mean_losses.kl))
        if X_valid is not None:
            nll, kl = evaluate(self.model, X_valid, self.seed, self.binarize)
            row.update(terms("valid", nll.mean(), kl.mean()))
        self.history.append(row)
        elbo = row["valid_elbo"] if X_valid is not None else row["train_elbo"]
        if elbo > self.best_elbo:
            self.best_elbo, self.best = elbo, self.model.parameters.vector.copy()
        return row

    def keep_best(self):
        """Give the model the parameters of its best epoch, and say which that was."""
        self.model.parameters.vector[...] = self.best
        elbos = [row.get("valid_elbo", row["train_elbo"]) for row in self.history]
        return 1 + int(np.argmax(elbos))


def terms(prefix, nll, kl):
    """The three numbers of a history row, in nats per example."""
    return {
        f"{prefix}_elbo": -float(nll + kl),
        f"{prefix}_nll": float(nll),
        f"{prefix}_kl": float(kl),
    }


def evaluate(model, X, seed, binarize=False, n_samples=1, batch_size=1000):
    """The two parts of the bound for each row of X, with the same noise at every call.

    Shapes  X (N, D) → nll, kl (N,) float64
    Units   nats per example; elbo = −(nll + kl)
    """
    nll, kl = np.empty(len(X)), np.empty(len(X))
    for i, start in enumerate(range(0, len(X), batch_size)):
        rows = slice(start, start + batch_size)
        rng = minibatches.stream(seed, minibatches.EVALUATION, i)
        x = minibatches.take(X, rows, model.dtype, rng, binarize)
        nll[rows], kl[rows] = model.elbo_terms(x, model.noise(rng, n_samples, len(x)))
    return nll, kl
