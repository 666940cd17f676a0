"""One number in the units that other papers print."""

import math


def bits_per_dimension(elbo, n_features, gray_levels=None):
    """How many bits the model needs for one number of an example, by its lower bound.

        bits = −elbo / (D log 2)                           (U1)
        bits = −elbo / (D log 2) + log₂ levels             (U2)

    U1 is for discrete data: black and white pixels. A density on [0, 1] is brought to pixels of
    `gray_levels` levels by U2: each level is 1/levels wide, and holds density · width.

    Units   elbo in nats per example → bits per dimension
    """
    bits = -elbo / (n_features * math.log(2.0))
    return bits + math.log2(gray_levels) if gray_levels else bits
