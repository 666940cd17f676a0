"""Which examples make up a step, and what a denoising model's encoder is given of them.

Read next: start.
"""

import numpy as np

from numvae.rules import corruption
from numvae.streams import SHUFFLE, stream


def shuffled(seed, epoch, n_examples, batch_size):
    """The minibatches of one epoch: every index once, in an order of the epoch's own.

    Returns a list of index arrays of length batch_size; the last holds what remains.
    """
    order = stream(seed, epoch, SHUFFLE).permutation(n_examples)
    return np.split(order, range(batch_size, n_examples, batch_size))


def corrupt(rng, x, observed, units, kind, amount):
    """What the encoder sees of x when it is to learn to denoise; what is missing stays missing.

    units   of the model; the amount is in those
    """
    corrupted = units.inverse(getattr(corruption, kind)(rng, units.forward(x), amount))
    return corrupted if observed is None else np.where(observed, corrupted, x)
