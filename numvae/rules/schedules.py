"""How the learning rate falls over a run: a factor for each epoch 0, 1, …, epochs − 1.

Read next: network/parameters.py.
"""

import math


def constant(epoch, epochs):
    """The same learning rate throughout.

    factor = 1                                         (Y1)
    """
    return 1.0


def cosine(epoch, epochs):
    """From 1 down to nearly 0 along half a cosine: large steps first, then a quiet landing.

        factor = ½ (1 + cos(π epoch / epochs))             (Y2)

    Source  Loshchilov & Hutter 2017, equation 5, without restarts
    """
    return 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))


NAMES = ("constant", "cosine")
