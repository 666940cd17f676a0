"""Which examples make up a step, and the random numbers that belong to it.

Every random number of a run has an address: the seed, the epoch and the step. Nothing needs to
remember where a generator stood: any step of any epoch can be computed again from its address.

Read next: optimizers.
"""

import mmap
import zlib

import numpy as np

from numvae.rules import bernoulli, corruption

# Steps are counted from 1, so step 0 of an epoch addresses its order. Epochs too: epoch 0 addresses
# what belongs to no epoch.
SHUFFLE = 0
WEIGHTS, SPLIT, PICTURES, EVALUATION, ROWS, BINARIZE = ((0, purpose) for purpose in range(6))

ROWS_PER_STREAM = 128  # rows of a batch that draw from one generator
READ_AT_ONCE = 32  # rows of a memory map; each may bring 2 MB of the file with it


def stream(seed, *address):
    """The numpy Generator at an address, such as (epoch, step), independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=address))


class RowStream:
    """The random numbers of a batch, addressed by row: the same whoever draws them.

    Each 128 rows have a generator of their own, far along the same stream: 2⁶⁴ numbers from the one
    before. Whoever needs a row draws those of its 128, and keeps what is asked for. The methods
    are those of a numpy Generator; of their shape (..., rows, n) the rows are those asked for.

    n      rows in the whole batch
    mine   slice of the rows to draw for
    """

    def __init__(self, seed, address, n, mine):
        first, last = mine.start // ROWS_PER_STREAM, -(-mine.stop // ROWS_PER_STREAM)
        self.blocks = []
        for block in range(first, last):
            rng = stream(seed, *address)
            rng.bit_generator.advance(block << 64)
            self.blocks.append((rng, min(ROWS_PER_STREAM, n - block * ROWS_PER_STREAM)))
        start = first * ROWS_PER_STREAM
        self.mine = slice(mine.start - start, mine.stop - start)

    def random(self, shape, dtype):
        return self._rows("random", shape, dtype)

    def standard_normal(self, shape, dtype):
        return self._rows("standard_normal", shape, dtype)

    def _rows(self, draw, shape, dtype):
        *lead, _, width = shape
        drawn = [getattr(rng, draw)((*lead, n, width), dtype) for rng, n in self.blocks]
        rows = drawn[0] if len(drawn) == 1 else np.concatenate(drawn, axis=-2)
        return rows[..., self.mine, :]


def shuffled(seed, epoch, n_examples, batch_size):
    """The minibatches of one epoch: every index once, in an order of the epoch's own.

    Returns a list of index arrays of length batch_size; the last holds what remains.
    """
    order = stream(seed, epoch, SHUFFLE).permutation(n_examples)
    return np.split(order, range(batch_size, n_examples, batch_size))


def take(X, rows, dtype, rng=None, binarize=False):
    """The rows of X as the model sees them, (B, D).

    binarize    draw each gray pixel as 0 or 1 with its own value as the probability
    """
    x = read(X, rows).astype(dtype, copy=False)
    return bernoulli.sample(rng, x) if binarize else x


def read(X, rows):
    """The rows of an array, a memory map or Rows, in C order: equal numbers then give equal sums.

    A memory map is read a little at a time, and its pages are given back to the system, which keeps
    them in its cache: they would count as this process's memory until all of the file is in it.
    """
    if isinstance(X, Rows):
        return read(X.X, X.numbers[rows])
    if getattr(X, "_mmap", None) is None or X.mode == "c":  # "c" has changes that are nowhere else
        return np.ascontiguousarray(X[rows])
    if isinstance(rows, slice):
        rows = np.arange(*rows.indices(len(X)))
    x = np.empty((len(rows), *X.shape[1:]), X.dtype)
    for start in range(0, len(rows), READ_AT_ONCE):
        here = slice(start, start + READ_AT_ONCE)
        x[here] = X[rows[here]]
        if hasattr(mmap, "MADV_DONTNEED"):
            X._mmap.madvise(mmap.MADV_DONTNEED)
    return x


class Rows:
    """Some rows of X, by their numbers, without a copy; to be had through `read`."""

    def __init__(self, X, numbers):
        self.X, self.numbers = X, numbers

    def __len__(self):
        return len(self.numbers)


def mean_of(X, n=10_000):
    """The mean of each column over the first n rows, where the decoder starts; NaN is left out.

    A column of nothing but NaN has mean 0. Shapes  X (N, D) → (D,) float64
    """
    total = known = 0
    for start in range(0, min(n, len(X)), 500):
        x = read(X, slice(start, start + 500)).astype(np.float64)
        missing = np.isnan(x)
        total = total + np.where(missing, 0.0, x).sum(axis=0)
        known = known + (~missing).sum(axis=0)
    return total / np.maximum(known, 1)


def split_missing(x):
    """Rows with NaN as the model takes them: zeros in the places, and where they are.

    Shapes  x (B, D) → x (B, D), observed (B, D): 1 where x is known, 0 where it is missing
    """
    missing = np.isnan(x)
    return np.where(missing, x.dtype.type(0), x), (~missing).astype(x.dtype)


def corrupt(rng, x, observed, kind, amount):
    """What the encoder sees of x when it is to learn to denoise; what is missing stays missing."""
    seen = getattr(corruption, kind)(rng, x, amount)
    return seen if observed is None else seen * observed


def row_noise(x, seed, n_samples, n_latent):
    """ε ~ N(0, I) that each row brings along, addressed by its content.

    So a row has the same noise wherever it stands and whatever stands beside it.

    Shapes  x (B, D) → eps (L, B, Z), in the dtype of x
    """
    streams = _row_streams(x, seed, *ROWS)
    draws = [rng.standard_normal((n_samples, n_latent), dtype=x.dtype) for rng in streams]
    return np.stack(draws, axis=1)


def row_binarized(x, seed):
    """Gray rows as black and white, each by noise that it brings along: the same at every call.

    Shapes  x (B, D) in [0, 1], NaN stays NaN → (B, D)
    """
    streams = _row_streams(x, seed, *BINARIZE)
    return np.stack([bernoulli.sample(rng, row) for rng, row in zip(streams, x)])


def _row_streams(x, seed, *address):
    """A generator for each row, addressed by its content."""
    return (stream(seed, *address, zlib.crc32(row)) for row in np.ascontiguousarray(x))
