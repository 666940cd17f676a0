"""Dropout: units set to 0 at random, by a mask that is given."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import dropout


def forward(h, mask, rate):
    """The units that stay, made larger by as much as keeps the mean.

    Shapes  h, mask (B, H), rate a number; the mask is 1 with probability 1 − rate, else 0 → (B, H)
    Hint    E[h m] = (1 − rate) h, and E[y] should be h.
    """
    raise NotImplementedError


RATE = 0.4
h, u = draw((5, 4), (5, 4))
mask = (u > 0.0).astype(float)
exercise = Exercise(
    __file__,
    lambda *inputs: dropout.forward(*inputs),
    inputs=(h, mask, RATE),
    truth={"y": np.where(mask == 1.0, h / (1.0 - RATE), 0.0)},
)

if __name__ == "__main__":
    sys.exit(exercise.check(forward))
