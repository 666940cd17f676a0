"""The backward pass of h = tanh a, from its output: the input a may be forgotten."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import activations


def tanh_backward(dh, h):
    """da from dh = ∂loss/∂h.

    Shapes  dh, h (B, H) → da (B, H)
    Hint    tanh a = sinh a / cosh a, so ∂h/∂a = (cosh² a − sinh² a) / cosh² a. Write it with h.
    """
    raise NotImplementedError


dh, a = draw((5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: activations.tanh_backward(*inputs),
    inputs=(dh, np.tanh(a)),
    truth=gradients(lambda a: np.tanh(a), dh, a=a),
)

if __name__ == "__main__":
    sys.exit(exercise.check(tanh_backward))
