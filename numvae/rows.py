"""Rows of arrays and memory maps: reading them block by block, and turning them into model inputs.

Read next: network.
"""

import mmap
from typing import NamedTuple

import numpy as np

from numvae.rules import bernoulli
from numvae.streams import BINARIZE, SPLIT, by_content, stream

BLOCK_BYTES = 2**24  # of a block whose number of rows is free
BLOCK_ROWS = 1000  # of a block that goes through a model
ROUNDING = 1e-6  # of values that should lie between 0 and 1
READ_AT_ONCE = 32  # rows of a memory map; each may bring 2 MB of the file with it


class Rows:
    """Some rows of X, by their numbers, without a copy; use with `read`."""

    def __init__(self, X, numbers):
        self.X, self.numbers = X, numbers
        self.shape, self.dtype = (len(numbers), *X.shape[1:]), X.dtype

    def __len__(self):
        return len(self.numbers)


def read(X, rows):
    """The rows of an array, a memory map or Rows, in C order: equal numbers then give equal sums.

    A memory map is read a little at a time, and its pages are given back to the system, which keeps
    them in its cache: they would count as this process's memory until all of the file is in it.

    Raises  OSError     the file of a memory map has become shorter
    """
    if isinstance(X, Rows):
        return read(X.X, X.numbers[rows])
    if getattr(X, "_mmap", None) is None:
        return np.ascontiguousarray(X[rows])
    if isinstance(rows, slice):
        rows = np.arange(*rows.indices(len(X)))
    x = np.empty((len(rows), *X.shape[1:]), X.dtype)
    # The changes of what is copied on write are in memory only.
    gives_back = hasattr(mmap, "MADV_DONTNEED") and X.mode != "c"
    for start in range(0, len(rows), READ_AT_ONCE):
        here = slice(start, start + READ_AT_ONCE)
        _check_length(X)
        x[here] = X[rows[here]]
        if gives_back:
            X._mmap.madvise(mmap.MADV_DONTNEED)
    return x


def _check_length(X):
    """To read what a file has no more would end the process by a signal, SIGBUS."""
    start = X.offset - X.offset % mmap.ALLOCATIONGRANULARITY
    if X._mmap.size() < start + len(X._mmap):
        raise OSError(f"{X.filename} has become shorter while it was read; begin again with it")


def blocks(X, size=None):
    """X, `size` rows at a time; None: as many as 16 MB hold. A memory map never fills the memory.

    Yields  x (B, D) with B ≤ size, in the dtype of X
    """
    size = size or max(1, BLOCK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    return (read(X, slice(start, start + size)) for start in range(0, len(X), size))


def by_blocks(function, X, size=BLOCK_ROWS):
    """function(x) for each block of rows, joined: an array (N, …), or a tuple of them.

    What is far out may overflow on the way, and what is improbable underflow, whatever the caller
    has told NumPy to do then.
    """
    with np.errstate(all="ignore"):
        return join([function(x) for x in blocks(X, size)])


def join(parts):
    """Arrays, or tuples of arrays, of some rows after the other → those of all rows."""
    if isinstance(parts[0], tuple):
        columns = map(np.concatenate, zip(*parts))
        make = getattr(type(parts[0]), "_make", tuple)  # a NamedTuple stays one
        return make(columns)
    return np.concatenate(parts)


def mean_of(X, n=10_000):
    """The mean of each column over the first n rows, where the decoder starts; NaN is left out.

    A column of nothing but NaN has mean 0. Shapes  X (N, D) → (D,) float64
    """
    return _column_means(Rows(X, np.arange(min(n, len(X)))))[1]


def column_moments(X):
    """Count, mean and variance of what is known in each column, in two passes.

    Shapes  X (N, D), NaN where missing → n, mean, variance (D,) float64
    """

    n, mean = _column_means(X)
    squares = sum(np.nansum((x - mean) ** 2, axis=0) for x in _in_float64(X))
    return n, mean, squares / np.maximum(n, 1)


def _column_means(X):
    n = total = 0
    for x in _in_float64(X):
        n, total = n + (~np.isnan(x)).sum(axis=0), total + np.nansum(x, axis=0)
    return n, total / np.maximum(n, 1)


def _in_float64(X):
    return (x.astype(np.float64) for x in blocks(X, BLOCK_ROWS))


def hold_out(n, n_valid, seed):
    """The numbers of n rows in a random order: those to train on, and n_valid that are held out."""
    order = stream(seed, *SPLIT).permutation(n)
    return order[: n - n_valid], order[n - n_valid :]


class Beside:
    """Rows of X (N, D) with those of y (N, C) beside them, (N, D + C): the rows of a conditioned
    model. X, which may be a memory map, is not copied; use with `read`, for NumPy an array."""

    def __init__(self, X, y):
        self.X, self.y = X, y
        self.dtype = np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
        self.shape = len(X), X.shape[1] + y.shape[1]

    def __len__(self):
        return len(self.X)

    def __getitem__(self, rows):
        return np.concatenate([read(self.X, rows), self.y[rows]], axis=1, dtype=self.dtype)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)


def beside(X, y):
    """X, or where there is y, X with y beside it."""
    return X if y is None else Beside(X, y)


def split_condition(rows, n_condition):
    """Rows of a model (B, D + C) → x (B, D), y (B, C); where C is 0, x and None."""
    return np.split(rows, [-n_condition], axis=1) if n_condition else (rows, None)


def without_condition(X, n_condition):
    """x (N, D) of rows (N, D + C), without a copy."""
    return X.X if isinstance(X, Beside) else X[:, :-n_condition] if n_condition else X


def condition_of(X, n_condition):
    """y (N, C) of rows (N, D + C), without reading x; None where C is 0."""
    if isinstance(X, Beside):
        return X.y
    return np.asarray(X[:, -n_condition:]) if n_condition else None


def cycled(y, n):
    """n rows of y (N, C), which are used again where they are fewer; None without y."""
    return None if y is None else np.resize(y, (n, y.shape[1]))


def sample(X, n, seed):
    """At most n rows of X, chosen at random by the seed, in their order: Rows."""
    return Rows(X, np.sort(stream(seed, *SPLIT, 1).permutation(len(X))[:n]))


def split_missing(x, fill=None, y=None):
    """Rows with NaN as a model takes them: something in their places, and where they are.

    fill    a function of x, with 0 where it is missing, observed and y; None: the zeros stay

    Shapes  x (B, D), y (B, C) or None → x (B, D), observed (B, D): 1 where x is known, 0 where it
            is missing
    """
    missing = np.isnan(x)
    observed, x = (~missing).astype(x.dtype), np.where(missing, x.dtype.type(0), x)
    return fill(x, observed, y) if fill else x, observed


def binarized(rows, seed, n_condition=0):
    """Gray rows as black and white, each by noise addressed by its content: the same at every call.

    Shapes  rows (B, D + C), x of them in [0, 1], NaN stays NaN → (B, D + C)
    """
    x, y = split_condition(rows, n_condition)
    streams = by_content(x, seed, *BINARIZE)
    x = np.stack([bernoulli.sample(rng, row) for rng, row in zip(streams, x)])
    return np.asarray(beside(x, y))


class Inputs(NamedTuple):
    """How a trained model takes rows: in its dtype, gray pixels drawn as 0 or 1, y and NaN split
    off."""

    dtype: np.dtype
    seed: int = 0
    binarize: bool = False
    missing: bool = False
    fill: object = None  # what puts something where a value is missing, see `split_missing`
    n_condition: int = 0

    def __call__(self, rows):
        """Rows (B, D + C) → x, observed (B, D) as `split_missing` has it, or None without NaN, and
        y (B, C), or None where C is 0."""
        x, y = split_condition(self.drawn(rows), self.n_condition)
        has_holes = self.missing or np.isnan(x).any()
        return (*(split_missing(x, self.fill, y) if has_holes else (x, None)), y)

    def drawn(self, rows):
        """Rows in the model's dtype, drawn as 0 or 1 where the model was trained so; NaN stays."""
        rows = np.asarray(rows, self.dtype)
        return binarized(rows, self.seed, self.n_condition) if self.binarize else rows
