"""One number in the units that other papers print, and the loss as other programs print it."""

import math
from typing import NamedTuple


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


class Convention(NamedTuple):
    """One way to write the loss down."""

    name: str
    loss: float  # what a program that writes it so would print for this model
    beta: float  # the weight of the KL that a program minimises which writes it so


def conventions(nll, kl, n_features, n_latent, batch_size):
    """The same nll and KL in the conventions of other programs, and the beta each stands for.

        loss = a nll + b kl,   beta = b / a                (V1)

    with a = 1, b = 1 here: sums over pixels and units, averaged over the batch. A mean in place of
    a sum over one of the two terms alone is not a matter of units: it is another objective.
    Keras' binary_crossentropy and every loss of PyTorch with reduction="mean" are such means.

    Units   nll, kl in nats per example → a list of Convention
    """
    D, Z, B = n_features, n_latent, batch_size
    table = (
        ("sum over pixels, sum over units (as here)", 1.0, 1.0),
        ("the same, summed over a batch too", B, B),
        ("mean over pixels, KL of a batch / (B D)", 1.0 / D, 1.0 / D),
        ("mean over pixels, sum over units", 1.0 / D, 1.0),
        ("mean over pixels, mean over units", 1.0 / D, 1.0 / Z),
        ("mean over pixels, sum over units and batch", 1.0 / D, B),
        ("sum over pixels, KL of a batch / (B D)", 1.0, 1.0 / D),
    )
    return [Convention(name, a * nll + b * kl, b / a) for name, a, b in table]
