"""The log-density of real numbers x under N(μ, σ²). It may wait.

Read first  numvae/rules/gaussian.py, its first lines
Run         python 14_gaussian_log_density.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np
from scipy import stats

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import gaussian


def log_density(x, mu, logvar):
    """log p(x), summed over the last axis, in nats; logvar is log σ².

    Shapes  x, mu, logvar (B, D) → (B,)
    """
    raise NotImplementedError


def exercise():
    x, mu, logvar = draw((5, 4), (5, 4), (5, 4))
    return Exercise(
        __file__,
        log_density,
        gaussian.log_density,
        inputs=(x, mu, logvar),
        truth={"log p": stats.norm.logpdf(x, mu, np.exp(logvar / 2)).sum(axis=1)},
    )


if __name__ == "__main__":
    exercise().main()
