"""The gradient of the KL, which pulls each posterior towards the prior."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def kl_backward(dkl, mu, logvar):
    """dmu, dlogvar from dkl = ∂loss/∂kl.

    Shapes  dkl, mu, logvar (B, Z) → dmu, dlogvar (B, Z)
    Hint    kl = ½ (μ² + s − 1 − log s) with s = e^logvar, and ∂s/∂logvar = s.
    """
    raise NotImplementedError


dkl, mu, logvar = draw((5, 4), (5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: gaussian.kl_backward(*inputs),
    inputs=(dkl, mu, logvar),
    truth=gradients(
        lambda mu, logvar: (mu**2 + np.exp(logvar) - 1 - logvar) / 2, dkl, mu=mu, logvar=logvar
    ),
)

if __name__ == "__main__":
    sys.exit(exercise.check(kl_backward))
