"""Which examples make up a step, and the random numbers that belong to it.

Every random number of a run has an address: the seed, the epoch and the step. Nothing needs to
remember where a generator stood: any step of any epoch can be computed again from its address.

Read next: optimizers.
"""

import mmap
import zlib

import numpy as np

from numvae.rules import bernoulli

# Steps are counted from 1, so step 0 of an epoch addresses its order. Epochs too: epoch 0 addresses
# what belongs to no epoch.
SHUFFLE = 0
WEIGHTS, SPLIT, PICTURES, EVALUATION, ROWS = ((0, purpose) for purpose in range(5))

MEAN_OF = 10_000  # examples from whose mean the decoder starts


def stream(seed, *address):
    """The numpy Generator at an address, such as (epoch, step), independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=address))


def shuffled(seed, epoch, n_examples, batch_size):
    """The minibatches of one epoch: every index once, in an order of the epoch's own.

    Returns a list of index arrays of length batch_size; the last holds what remains.
    """
    order = stream(seed, epoch, SHUFFLE).permutation(n_examples)
    return np.split(order, range(batch_size, n_examples, batch_size))


def take(X, rows, dtype, rng=None, binarize=False):
    """The rows of X as the model sees them.

    X may be anything that NumPy can index, such as a memory map: only these rows are read.
    binarize    draw each gray pixel as 0 or 1 with its own value as the probability
    """
    x = np.asarray(X[rows], dtype)
    give_back(X)
    return bernoulli.sample(rng, x) if binarize else x


class Rows:
    """Some rows of X, by their numbers, without a copy."""

    def __init__(self, X, numbers):
        self.X, self.numbers = X, numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, rows):
        x = self.X[self.numbers[rows]]
        give_back(self.X)
        return x


def row_noise(x, seed, n_samples, n_latent):
    """ε ~ N(0, I) that each row brings along, addressed by its content.

    So a row has the same noise wherever it stands and whatever stands beside it.

    Shapes  x (B, D) → eps (L, B, Z), in the dtype of x
    """
    addresses = (zlib.crc32(row) for row in np.ascontiguousarray(x))
    streams = (stream(seed, *ROWS, address) for address in addresses)
    draws = [rng.standard_normal((n_samples, n_latent), dtype=x.dtype) for rng in streams]
    return np.stack(draws, axis=1)


def give_back(X):
    """Let go of the pages of a memory map that have been read.

    They would count as this process's memory until the whole file is in it. They stay in the
    system's cache, so reading them again is cheap. (Mode "c" holds changes that are nowhere else.)
    """
    if isinstance(X, np.memmap) and X.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
        X._mmap.madvise(mmap.MADV_DONTNEED)
