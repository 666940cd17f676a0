"""The reparameterisation: draws of z ~ N(μ, σ²) from noise ε ~ N(0, 1) that is given."""

import sys

import numpy as np
from scipy import stats

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import gaussian


def reparameterize(mu, logvar, eps):
    """L draws of z for each example; logvar is log σ².

    Shapes  mu, logvar (B, Z), eps (L, B, Z) → z (L, B, Z)
    Hint    z is as many of its standard deviations from its mean as ε is: (z − μ) / σ = ε.
    """
    raise NotImplementedError


mu, logvar, eps = draw((5, 4), (5, 4), (3, 5, 4))
q = stats.norm(mu, np.sqrt(np.exp(logvar)))
exercise = Exercise(
    __file__,
    lambda *inputs: gaussian.reparameterize(*inputs),
    inputs=(mu, logvar, eps),
    truth={"z": q.ppf(stats.norm.cdf(eps))},  # as likely to be exceeded as ε is
)

if __name__ == "__main__":
    sys.exit(exercise.check(reparameterize))
