"""The backward pass of an affine layer, y = x W + b: the pattern that all others repeat."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import dense


def backward(dy, x, W):
    """dx, dW, db from dy = ∂loss/∂y.

    Shapes  dy (B, O), x (B, I), W (I, O) → dx (B, I), dW (I, O), db (O,)
    Hint    y_no = Σ_i x_ni W_io + b_o, so ∂y_no/∂W_io = x_ni: for dW, sum over the rows n that
            share W_io; for db, over those that share b_o; for dx, over the outputs o of x_ni.
    """
    raise NotImplementedError


dy, x, W, b = draw((5, 3), (5, 4), (4, 3), 3)
exercise = Exercise(
    __file__,
    lambda *inputs: dense.backward(*inputs),
    inputs=(dy, x, W),
    truth=gradients(lambda x, W, b: np.matmul(x, W) + b, dy, x=x, W=W, b=b),
)

if __name__ == "__main__":
    sys.exit(exercise.check(backward))
