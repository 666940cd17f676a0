"""The backward pass of an affine layer, y = x W + b: the pattern that all others repeat.

Read first  numvae/rules/dense.py as far as `forward`
Run         python 03_dense_backward.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import dense


def dense_backward(dy, x, W):
    """dx, dW, db from dy = ∂loss/∂y, which has the shape of y.

    Shapes  dy (B, O), x (B, I), W (I, O) → dx (B, I), dW (I, O), db (O,)
    """
    raise NotImplementedError


def exercise():
    dy, x, W, b = draw((5, 3), (5, 4), (4, 3), 3)
    return Exercise(
        __file__,
        dense_backward,
        dense.backward,
        inputs=(dy, x, W),
        truth=gradients(lambda x, W, b: np.matmul(x, W) + b, dy, x=x, W=W, b=b),
    )


if __name__ == "__main__":
    exercise().main()
