"""A Training whose steps several ranks share.

They share it in one of two ways, by what has to travel less:

    rows     each rank computes the gradient of its rows of a batch, and the weighted sum over the
             ranks is the gradient of the batch. The rule of an optimizer is elementwise, so each
             rank needs that sum, and moves the parameters, in its own part of the flat vector only:
             one exchange sums the gradients part by part, another completes the parameters
    units    each rank computes all rows, for its own columns of every W, and the model exchanges
             activations (see `hidden_units`); every rank moves its own parameters

Read next: hidden_units.
"""

import contextlib
import math
import zlib
from types import SimpleNamespace

import numpy as np

from numvae import hardware
from numvae.network import Autoencoder
from numvae.network.objectives import Losses
from numvae.parallel.hidden_units import UnitShard, worth_sharing
from numvae.rows import BLOCK_ROWS, join, read
from numvae.streams import BatchStream
from numvae.training.loop import POSITION, Training
from numvae.training.watchdog import Diverged

FEWEST_PRODUCTS = 5_000_000  # of a step that is worth sharing, see `n_products`
FEWEST_ROWS = 500  # rows × samples of a batch for each process, of which sharing rows pays


class Team:
    """Processes that share a Training while it runs.

    shared  this rank's part of the Training that is running, or None
    shares  what they share of each step
    threads how many each uses for its matrix products
    """

    shared, shares = None, ""
    threads = property(lambda self: hardware.blas_threads())

    @contextlib.contextmanager
    def sharing(self, training, ranks):
        """This rank's part of a Training, to be run in the block; then the Training is where that
        stands."""
        self.shared = share(training, ranks)
        try:
            yield self.shared
        except Diverged:
            self.whole(training)
            raise
        else:
            self.whole(training)
        finally:
            self.shared = None

    def whole(self, training):
        """Bring a Training that is running up to date, on all ranks: after an epoch."""
        if self.shared:
            update(training, self.shared.whole())


def kind(training, size):
    """How so many processes share a Training: SharedUnits or SharedRows.

    Raises  ValueError   free bits where the rows would be shared
    """
    if worth_sharing(training.model, training.settings, size):
        return SharedUnits
    if training.settings.free_bits:
        raise ValueError(
            "free_bits is held against the mean KL of a whole batch, which no process has that "
            "shares the rows of a batch with others: set it to 0, or train in one process."
        )
    return SharedRows


def best_size(training, n, n_most):
    """How many processes on this machine, n_most at most, train a model fastest on n rows."""
    settings, model = training.settings, training.model
    products = n_products(training, n)
    if products < FEWEST_PRODUCTS:
        return 1
    rows = products // model.parameters.vector.size
    by_rows = 1 if settings.free_bits else min(n_most, rows // FEWEST_ROWS)
    by_units = (size for size in range(n_most, 1, -1) if worth_sharing(model, settings, size))
    return next(by_units, max(by_rows, 1))


def n_products(training, n):
    """rows × samples × parameters of a step, of n rows in all."""
    settings, P = training.settings, training.model.parameters.vector.size
    return min(settings.batch_size, n) * settings.n_samples * P


def share(training, ranks):
    """The part of a Training that one of several ranks takes."""
    model = training.model
    if kind(training, ranks.size) is SharedUnits:
        own = UnitShard(model.config, ranks)
        own.parameters.vector[...] = own.own(model.parameters.vector)
        shared = converted(training, SharedUnits, own, own.parameters, own.own)
        shared.best = own.own(training.best)
    else:
        part = ranks.part(model.parameters.vector.size)
        own = SimpleNamespace(
            vector=model.parameters.vector[part], gradient=model.parameters.gradient[part]
        )
        shared = converted(training, SharedRows, model, own, lambda vector: vector[part])
    shared.ranks = ranks
    return shared


def converted(training, kind, model, parameters, convert):
    """The run as it stands as another kind of Training.

    parameters          what the optimizer is to move
    convert(vector)     from a vector of the optimizer's memory to the one for these parameters
    """
    old = training.optimizer
    optimizer = type(old)(parameters, **old.settings)
    optimizer.t = old.t
    for name, memory in old.memory.items():
        optimizer.memory[name][...] = convert(memory)
    run = kind(model, optimizer, training.settings, training.seed)
    for name in (*POSITION, "sums", "best"):
        setattr(run, name, getattr(training, name))
    return run


def update(training, run):
    """Have a Training stand where the same run, as another Training, stands."""
    training.model.parameters.vector[...] = run.model.parameters.vector
    training.optimizer.t = run.optimizer.t
    for name, memory in run.optimizer.memory.items():
        training.optimizer.memory[name][...] = memory
    for name in (*POSITION, "sums", "best"):
        setattr(training, name, getattr(run, name))


class Shared(Training):
    """A Training of which every rank takes a part; the gradient and its update are a rank's own."""

    def norm(self, gradient):
        squares = np.array(np.dot(gradient, gradient), np.float64)
        return math.sqrt(self.ranks.total(squares))


class SharedRows(Shared):
    """The ranks share the rows of every batch; each holds the whole model."""

    shares = "the rows of every batch"

    def minibatch(self, X, rows):
        own = self.own_rows(len(rows))
        rng = BatchStream(self.seed, (self.epoch + 1, self.step + 1), len(rows), own)
        return self.arguments(rng, read(X, rows[own]))

    def own_rows(self, n):
        """The slice of a batch of n rows that is computed here; the weights of all ranks follow."""
        size = self.ranks.size
        # Of fewer rows than there are ranks each computes all.
        parts = self.ranks.parts(n) if n >= size else [slice(0, n)] * size
        widths = [part.stop - part.start for part in parts]
        self.weights = [width / sum(widths) for width in widths]
        return parts[self.ranks.rank]

    def loss_and_grad(self, batch, beta):
        """The losses of the whole batch, and the own part of its gradient."""
        losses, gradient = super().loss_and_grad(batch, beta)
        weighted = self.weights[self.ranks.rank] * np.array(losses, np.float64)
        parts = [gradient[part] for part in self.ranks.parts(len(gradient))]
        own = parts[self.ranks.rank]
        every = self.ranks.exchange(parts, [np.empty_like(own) for _ in parts])
        own *= self.weights[self.ranks.rank]
        for rank, theirs in enumerate(every):
            if rank != self.ranks.rank:
                theirs *= self.weights[rank]
                own += theirs
        return Losses(*self.ranks.total(weighted).tolist()), own

    def update(self, gradient, norm):
        super().update(gradient, norm)
        self.ranks.gather(self.model.parameters.vector)

    def evaluate(self, X):
        blocks = range(-(-len(X) // BLOCK_ROWS))
        blocks = blocks[self.ranks.part(len(blocks))]
        return join(self.ranks.collect([self.evaluate_block(X, i) for i in blocks]))

    def whole(self):
        def gathered(memory):
            whole = np.empty_like(self.model.parameters.vector)
            whole[self.ranks.part(len(whole))] = memory
            self.ranks.gather(whole)
            return whole

        return converted(self, Training, self.model, self.model.parameters, gathered)


class SharedUnits(Shared):
    """The ranks share the units of every layer; each has all rows of a batch."""

    shares = "the units of every layer"

    def whole(self):
        model = Autoencoder(**self.model.config)
        model.parameters.vector[...] = self.model.whole(self.model.parameters.vector)
        run = converted(self, Training, model, model.parameters, self.model.whole)
        run.best = self.model.whole(self.best)
        return run


def fingerprint(training, X, size):
    """What `size` ranks that share a run on X must have in common: a dict of name → text.

    Raises  ValueError   a batch has fewer examples than there are ranks
    """
    batch = min(training.settings.batch_size, len(X))
    if batch < size:
        raise ValueError(
            f"a batch of {batch} examples cannot be shared by {size} ranks: start fewer ranks, or "
            "make the batches larger."
        )
    from importlib import metadata  # imported here: it is slow, and a worker never needs it

    some = np.linspace(0, len(X) - 1, min(len(X), 10)).astype(int)
    data = zlib.crc32(read(X, some).astype(training.model.dtype))
    return {
        "version of numvae": metadata.version("numvae"),
        "version of NumPy": np.__version__,
        "data": f"{len(X):,} examples with checksum {data:08x}",
        "model": str(training.model.config),
        "settings": str({**training.settings.plain(), "random_state": training.seed}),
        "position": f"epoch {training.epoch}, step {training.step}",
        "parameters": f"checksum {zlib.crc32(training.model.parameters.vector):08x}",
    }
