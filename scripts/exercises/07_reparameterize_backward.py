"""The backward pass of z = μ + σ ε in closed form: what makes a VAE trainable.

Read first  your exercise 6
Run         python 07_reparameterize_backward.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def reparameterize_backward(dz, logvar, eps):
    """dmu, dlogvar from dz = ∂loss/∂z, with the noise of the forward pass, in one line each.

    Shapes  dz, eps (L, B, Z), logvar (B, Z) → dmu, dlogvar (B, Z)
    """
    raise NotImplementedError


def exercise():
    dz, eps, mu, logvar = draw((3, 5, 4), (3, 5, 4), (5, 4), (5, 4))
    return Exercise(
        __file__,
        reparameterize_backward,
        gaussian.reparameterize_backward,
        inputs=(dz, logvar, eps),
        truth=gradients(lambda mu, logvar: mu + np.exp(logvar / 2) * eps, dz, mu=mu, logvar=logvar),
        steps="reparameterize_in_steps",
    )


if __name__ == "__main__":
    exercise().main()
