"""The training loop.

Read next: engine, watchdog, history, checkpoint.
"""

import copy

import numpy as np

from numvae.network import objectives
from numvae.rules import optimizers, schedules
from numvae.training import minibatches, watchdog
from numvae.training.engine import Alone


class Training:
    """A run in progress. Its attributes are all there is to remember, so a run can be put down
    after any step and taken up again (see `checkpoint`).

    model, optimizer    the model being trained and the optimizer that holds views of it
    epoch               how many epochs are finished
    step, seen, sums    of the epoch under way: steps done, examples seen, sums of the losses and of
                        the gradient's norm
    history             one dict per finished epoch, see `history`
    best_elbo, best_epoch, best     the best held-out ELBO so far, its epoch and its parameters

    seed        fixes every random number of the run
    batch_size  B; the last batch of an epoch holds what remains
    epochs      how many the run shall have
    schedule    how the learning rate falls from the optimizer's over these epochs
    objective   one of objectives.NAMES
    n_samples   L, samples of z per example
    beta        weight of the KL, reached in a straight line over the first `warmup` epochs
    free_bits   nats that each latent unit may have for nothing
    binarize    draw gray pixels anew as 0 or 1 each time they are seen
    denoise     None, or (one of corruption.NAMES, amount): what is done to the encoder's input
    missing     NaN in the data means: not known
    clip        None, or how long a gradient may be
    engine      who else computes the steps, see `engine`; None: nobody
    """

    def __init__(
        self,
        model,
        optimizer,
        seed,
        batch_size=100,
        beta=1.0,
        n_samples=1,
        binarize=False,
        epochs=1,
        schedule="constant",
        objective="elbo",
        warmup=0,
        free_bits=0.0,
        denoise=None,
        missing=False,
        clip=None,
        engine=None,
    ):
        self.model, self.optimizer, self.seed = model, optimizer, seed
        self.batch_size, self.epochs, self.schedule = batch_size, epochs, schedule
        self.objective, self.n_samples = objective, n_samples
        self.beta, self.warmup, self.free_bits = beta, warmup, free_bits
        self.binarize, self.denoise, self.missing, self.clip = binarize, denoise, missing, clip
        self.loss = objectives.objective(objective, free_bits)
        self.engine = engine or Alone()
        self.epoch, self.step, self.seen, self.sums = 0, 0, 0, np.zeros(4)
        self.history = []
        self.best_elbo, self.best_epoch, self.best = -np.inf, 0, None

    def steps(self, X):
        """Train one epoch on X (N, D), or what is left of it, one step per iteration.

        A generator that yields how many examples the epoch has seen, so that the caller's own
        `for` loop can show progress or stop.

        Raises  watchdog.Diverged if a loss or gradient is not finite; the step is not taken
        """
        now = min(self.epoch, self.epochs - 1)  # who goes on after the last stays at its rate
        self.optimizer.lr_factor = getattr(schedules, self.schedule)(now, self.epochs)
        beta = self.beta * schedules.warmup(self.epoch, self.warmup)
        batches = minibatches.shuffled(self.seed, self.epoch + 1, len(X), self.batch_size)
        part = self.engine.part(self.model.parameters.vector.size)
        for rows in batches[self.step :]:
            mine, share = self.engine.rows(len(rows))
            objective = self.loss
            if share < 1.0:
                objective = objectives.Share(self.loss, share, self.engine.total)
            address = self.epoch + 1, self.step + 1
            rng = minibatches.RowStream(self.seed, address, len(rows), mine)
            x = minibatches.take(X, rows[mine], self.model.dtype, rng, self.binarize)
            x, observed = minibatches.split_missing(x) if self.missing else (x, None)
            seen = minibatches.corrupt(rng, x, observed, *self.denoise) if self.denoise else None
            masks = self.model.masks(rng, self.n_samples, len(x))
            eps = self.model.noise(rng, self.n_samples, len(x))
            if not self.loss.draws_z:
                eps[...] = 0.0
            with watchdog.watch(self, x, eps):
                losses, gradient = self.model.loss_and_grad(
                    x, eps, beta, objective, seen, observed, masks
                )
                losses = self.engine.join(losses, gradient)
                norm = self.engine.norm(gradient)
                watchdog.check(losses, norm)
            if self.clip:
                optimizers.clip(gradient[part], norm, self.clip)
            self.optimizer.update(part)
            self.engine.gather(self.model.parameters.vector)
            self.step += 1
            self.seen += len(rows)
            self.sums += np.multiply((*losses, norm), len(rows))
            yield self.seen

    def finish_epoch(self, X_valid=None):
        """Close the epoch: measure the held-out data, and return the new row of the history.

        The model of the best epoch by held-out ELBO is kept; without held-out data, the last.
        """
        _, nll, kl, norm = self.sums / self.seen
        self.epoch += 1
        self.step, self.seen, self.sums = 0, 0, np.zeros(4)
        row = {"epoch": self.epoch, **terms("train", nll, kl)}
        if X_valid is not None:
            nll, kl = self.evaluate(X_valid)
            row.update(terms("valid", nll.mean(), kl.mean()))
        row["gradient_norm"] = float(norm)
        self.history.append(row)
        first = self.best is None or not np.isfinite(self.best_elbo)
        if X_valid is None or first or row["valid_elbo"] > self.best_elbo:
            self.best_elbo = row["train_elbo" if X_valid is None else "valid_elbo"]
            self.best = self.model.parameters.vector.copy()
            self.best_epoch = self.epoch
        return row

    def with_model(self, model, convert):
        """This run as it is with another model, that holds the same parameters in another form.

        convert(vector)    from a vector of this model's parameters, or of what belongs to them
        """
        run, old = copy.copy(self), self.optimizer
        run.model = model
        model.parameters.vector[...] = convert(self.model.parameters.vector)
        run.optimizer = type(old)(model.parameters, **old.settings)
        run.optimizer.t = old.t
        for name, memory in old.memory.items():
            run.optimizer.memory[name][...] = convert(memory)
        run.best = None if self.best is None else convert(self.best)
        return run

    def evaluate(self, X):
        """nll and kl of each row of X (N, D), as this run sees its data; see `evaluate`.

        A plain autoencoder has no bound: its nll is that of z = mu, and its kl 0.
        """
        nll, kl = evaluate(
            self.model,
            X,
            self.seed,
            self.binarize,
            missing=self.missing,
            noise=self.loss.draws_z,
            engine=self.engine,
        )
        return nll, kl if self.loss.draws_z else np.zeros_like(kl)

    def keep_best(self):
        """Give the model the parameters of its best epoch, and say which that was."""
        self.model.parameters.vector[...] = self.best
        return self.best_epoch


def terms(prefix, nll, kl):
    """The three numbers of a history row, in nats per example."""
    return {
        f"{prefix}_elbo": -float(nll + kl),
        f"{prefix}_nll": float(nll),
        f"{prefix}_kl": float(kl),
    }


def evaluate(
    model,
    X,
    seed,
    binarize=False,
    n_samples=1,
    batch_size=1000,
    missing=False,
    noise=True,
    engine=None,
):
    """The two parts of the bound for each row of X, with the same noise at every call.

    Shapes  X (N, D) → nll, kl (N,) float64
    Units   nats per example; elbo = −(nll + kl)
    """
    engine = engine or Alone()
    n_batches = -(-len(X) // batch_size)
    nll, kl = np.zeros((2, n_batches, batch_size))
    part = engine.part(n_batches)
    for i in range(part.start, part.stop):
        rows = slice(i * batch_size, (i + 1) * batch_size)
        rng = minibatches.stream(seed, *minibatches.EVALUATION, i)
        x = minibatches.take(X, rows, model.dtype, rng, binarize)
        x, observed = minibatches.split_missing(x) if missing else (x, None)
        eps = model.noise(rng, n_samples, len(x))
        here = i, slice(len(x))
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged model has a NaN bound
            nll[here], kl[here] = model.elbo_terms(x, eps if noise else 0.0 * eps, observed)
    engine.gather(nll)
    engine.gather(kl)
    return nll.ravel()[: len(X)], kl.ravel()[: len(X)]
