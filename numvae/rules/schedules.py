"""What changes over a run, as a factor for each epoch 0, 1, …, epochs − 1: the learning rate falls,
the weight of the KL rises.

Read next: codes.
"""

import math


def constant(epoch, epochs):
    """The same learning rate throughout: factor = 1          (Y1)"""
    return 1.0


def cosine(epoch, epochs):
    """From 1 down to nearly 0 along half a cosine: large steps first, small ones at the end.

        factor = ½ (1 + cos(π epoch / epochs))             (Y2)

    Source  Loshchilov & Hutter 2017, equation 5, without restarts
    """
    return 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))


def burda(epoch, epochs):
    """Eight stages, each three times as long as the one before and a little slower.

        factor = 10^(−i/7) in stage i = 0 … 7, which lasts 3^i of 3,280 passes     (Y3)

    A run of fewer passes has the same stages, shortened alike.

    Source  Burda, Grosse & Salakhutdinov 2016, section 5
    """
    passes, stage = 3280 * epoch / epochs, 0
    while passes >= (3 ** (stage + 1) - 1) / 2:  # the sum of 3^0 … 3^stage
        stage += 1
    return 10.0 ** (-stage / 7)


# What a user names for the learning rate.
NAMES = ("constant", "cosine", "burda")


def warmup(epoch, length):
    """The weight of the KL, from 0 in a straight line to 1 after `length` epochs: so the decoder
    learns to use z before the KL costs anything.

        factor = min(1, epoch / length), and 1 if length is 0     (Y4)

    Source  Sønderby et al. 2016, section 2.3
    """
    return min(1.0, epoch / length) if length else 1.0
