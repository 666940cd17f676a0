"""The gradient of a variance that cannot fall below a floor: e^logvar = e^s + floor."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def floor_logvar_backward(dlogvar, logvar, floor):
    """ds from dlogvar = ∂loss/∂logvar: from what came out, not from s.

    Shapes  dlogvar, logvar (B, D), floor a number → ds (B, D)
    Hint    logvar = log(e^s + floor), so ∂logvar/∂s = e^s / (e^s + floor). Write it with logvar.
    """
    raise NotImplementedError


FLOOR = 0.3
dlogvar, s = draw((5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: gaussian.floor_logvar_backward(*inputs),
    inputs=(dlogvar, np.log(np.exp(s) + FLOOR), FLOOR),
    truth=gradients(lambda s: np.log(np.exp(s) + FLOOR), dlogvar, s=s),
)

if __name__ == "__main__":
    sys.exit(exercise.check(floor_logvar_backward))
