"""The log-density of real numbers x under N(μ, σ²)."""

import sys

import numpy as np
from scipy import stats

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import gaussian


def log_density(x, mu, logvar):
    """log p(x), summed over the last axis, in nats; logvar is log σ².

    Shapes  x, mu, logvar (B, D) → (B,)
    Hint    p(x) = Π_d e^(−½ (x − μ)²/σ²) / √(2π σ²): take the logarithm, and leave nothing out.
    """
    raise NotImplementedError


x, mu, logvar = draw((5, 4), (5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: gaussian.log_density(*inputs),
    inputs=(x, mu, logvar),
    truth={"log p": stats.norm.logpdf(x, mu, np.exp(logvar / 2)).sum(axis=1)},
)

if __name__ == "__main__":
    sys.exit(exercise.check(log_density))
