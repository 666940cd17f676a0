"""The backward pass of z = μ + σ ε: what makes a VAE trainable."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def reparameterize_backward(dz, logvar, eps):
    """dmu, dlogvar from dz = ∂loss/∂z, with the noise of the forward pass.

    Shapes  dz, eps (L, B, Z), logvar (B, Z) → dmu, dlogvar (B, Z)
    Hint    ∂z/∂μ = 1 and ∂z/∂logvar = ε ∂σ/∂logvar, where σ = e^(½ logvar). The L draws of an
            example share its μ and logvar.
    """
    raise NotImplementedError


dz, eps, mu, logvar = draw((3, 5, 4), (3, 5, 4), (5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: gaussian.reparameterize_backward(*inputs),
    inputs=(dz, logvar, eps),
    truth=gradients(lambda mu, logvar: mu + np.exp(logvar / 2) * eps, dz, mu=mu, logvar=logvar),
)

if __name__ == "__main__":
    sys.exit(exercise.check(reparameterize_backward))
