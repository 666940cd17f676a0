"""The backward pass of the rectifier, h = max(a, 0), from its output. It may wait.

Read first  numvae/rules/activations.py as far as `relu`
Run         python 05_relu_backward.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import activations


def relu_backward(dh, h):
    """da from dh = ∂loss/∂h.

    Shapes  dh, h (B, H) → da (B, H)
    """
    raise NotImplementedError


def exercise():
    dh, a = draw((5, 4), (5, 4))
    return Exercise(
        __file__,
        relu_backward,
        activations.relu_backward,
        inputs=(dh, np.maximum(a, 0.0)),
        truth=gradients(lambda a: np.maximum(a, 0.0), dh, a=a),
    )


if __name__ == "__main__":
    exercise().main()
