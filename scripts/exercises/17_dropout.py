"""Dropout: units set to 0 at random, by a mask that is given. It may wait.

Read first  numvae/rules/dropout.py, its first lines
Run         python 17_dropout.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import dropout


def forward(h, mask, rate):
    """The units that stay, made larger by as much as keeps the mean: E[y] = h.

    Shapes  h, mask (B, H), rate a number; the mask is 1 with probability 1 − rate, else 0 → (B, H)
    """
    raise NotImplementedError


def exercise():
    RATE = 0.4
    h, u = draw((5, 4), (5, 4))
    mask = (u > 0.0).astype(float)
    return Exercise(
        __file__,
        forward,
        dropout.forward,
        inputs=(h, mask, RATE),
        truth={"y": np.where(mask == 1.0, h / (1.0 - RATE), 0.0)},
    )


if __name__ == "__main__":
    exercise().main()
