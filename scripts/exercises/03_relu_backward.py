"""The backward pass of the rectifier, h = max(a, 0), from its output."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import activations


def relu_backward(dh, h):
    """da from dh = ∂loss/∂h.

    Shapes  dh, h (B, H) → da (B, H)
    Hint    where a > 0, h = a and ∂h/∂a = 1; elsewhere h does not move. How does h tell which?
    """
    raise NotImplementedError


dh, a = draw((5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: activations.relu_backward(*inputs),
    inputs=(dh, np.maximum(a, 0.0)),
    truth=gradients(lambda a: np.maximum(a, 0.0), dh, a=a),
)

if __name__ == "__main__":
    sys.exit(exercise.check(relu_backward))
