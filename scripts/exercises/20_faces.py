"""What it was for: your loss_and_grad and your adam learn faces, and your decoder draws them.

Read first  your exercises 18 and 19
Run         python 20_faces.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np  # noqa: F401 (for you to use)

from numvae.lessons import small_model, solutions
from numvae.lessons.exercises import draw


def decode(q, z):
    """The mean of p(x|z): the probability that each pixel is white, with the parameters of
    exercise 19.

    Shapes  z (B, Z) → (B, D)
    """
    raise NotImplementedError


def exercise():
    z, *values = draw((6, 3), *small_model.SHAPES.values())
    q = dict(zip(small_model.SHAPES, values))
    return small_model.Faces(
        __file__,
        decode,
        solutions.decode,
        inputs=(q, z),
        truth={"y": small_model.decoded(q, z)},
    )


if __name__ == "__main__":
    exercise().main()
