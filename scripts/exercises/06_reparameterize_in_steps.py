"""Draws z = μ + σ ε in the smallest steps, each differentiated alone.

Read first  numvae/rules/gaussian.py as far as `reparameterize`
Run         python 06_reparameterize_in_steps.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np

from numvae.lessons import solutions
from numvae.lessons.exercises import Exercise, draw, gradients


def reparameterize_in_steps(dz, logvar, eps):
    """dmu, dnoise, dsigma, dhalf, dlogvar from dz = ∂loss/∂z, where the forward pass was

        half = 0.5 * logvar
        sigma = np.exp(half)
        noise = sigma * eps
        z = mu + noise

    Shapes  dz, eps, dnoise (L, B, Z), everything else (B, Z): L draws for each example
    """
    raise NotImplementedError


def exercise():
    dz, eps, mu, logvar = draw((3, 5, 4), (3, 5, 4), (5, 4), (5, 4))
    half = logvar / 2
    sigma = np.exp(half)
    noise = sigma * eps
    return Exercise(
        __file__,
        reparameterize_in_steps,
        solutions.reparameterize_in_steps,
        inputs=(dz, logvar, eps),
        truth=gradients(lambda mu, noise: mu + noise, dz, mu=mu, noise=noise)
        | gradients(lambda sigma: mu + sigma * eps, dz, sigma=sigma)
        | gradients(lambda half: mu + np.exp(half) * eps, dz, half=half)
        | gradients(lambda logvar: mu + np.exp(logvar / 2) * eps, dz, logvar=logvar),
    )


if __name__ == "__main__":
    exercise().main()
