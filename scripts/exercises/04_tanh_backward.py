"""The backward pass of h = tanh a, from its output: the input a may be forgotten.

Read first  numvae/rules/activations.py as far as `tanh`
Run         python 04_tanh_backward.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import activations


def tanh_backward(dh, h):
    """da from dh = ∂loss/∂h.

    Shapes  dh, h (B, H) → da (B, H)
    """
    raise NotImplementedError


def exercise():
    dh, a = draw((5, 4), (5, 4))
    return Exercise(
        __file__,
        tanh_backward,
        activations.tanh_backward,
        inputs=(dh, np.tanh(a)),
        truth=gradients(lambda a: np.tanh(a), dh, a=a),
    )


if __name__ == "__main__":
    exercise().main()
