"""Addresses of random numbers.

Every random number of a run has an address: the seed, the epoch and the step; or, for a row that is
scored, the seed and the content of the row. So no generator's state has to be saved: any step of
any epoch can be computed again from its address, and the same row always meets the same noise.

Read next: rows.
"""

import zlib

import numpy as np

# Epochs and steps are counted from 1: step 0 is the address of an epoch's order, epoch 0 that of
# what belongs to no epoch.
SHUFFLE = 0
WEIGHTS, SPLIT, PICTURES, EVALUATION, ROWS, BINARIZE, START, CODES = ((0, n) for n in range(8))

ROWS_PER_STREAM = 128  # rows of a batch that draw from one generator


def stream(seed, *address):
    """The numpy Generator at an address, such as (epoch, step), independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=address))


def by_content(x, seed, *address):
    """A Generator for each row of x (B, D), addressed by the row's bytes.

    So a row has the same noise wherever it stands and whatever stands beside it.
    """
    return [stream(seed, *address, zlib.crc32(row)) for row in np.ascontiguousarray(x)]


class BatchStream:
    """The random numbers of one minibatch, addressed by row.

    Each 128 rows have a generator of their own, far along the same stream: 2⁶⁴ numbers from the one
    before. To get a row, draw its block of 128 and keep that row. The methods are those of a numpy
    Generator; the last axis but one of `shape` counts rows.

    n      rows in the batch
    rows   slice of the rows to draw for; None: all
    """

    def __init__(self, seed, address, n, rows=None):
        rows = rows or slice(0, n)
        first, last = rows.start // ROWS_PER_STREAM, -(-rows.stop // ROWS_PER_STREAM)
        self.blocks = []
        for block in range(first, last):
            rng = stream(seed, *address)
            rng.bit_generator.advance(block << 64)
            self.blocks.append((rng, min(ROWS_PER_STREAM, n - block * ROWS_PER_STREAM)))
        start = first * ROWS_PER_STREAM
        self.rows = slice(rows.start - start, rows.stop - start)

    def random(self, shape, dtype):
        return self._draw("random", shape, dtype)

    def standard_normal(self, shape, dtype):
        return self._draw("standard_normal", shape, dtype)

    def _draw(self, method, shape, dtype):
        *lead, _, width = shape
        drawn = [getattr(rng, method)((*lead, n, width), dtype) for rng, n in self.blocks]
        rows = drawn[0] if len(drawn) == 1 else np.concatenate(drawn, axis=-2)
        return rows[..., self.rows, :]
