"""The gradient of the log-density in both outputs of a Gaussian decoder, mean and log-variance."""

import sys

import numpy as np
from scipy import stats

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def log_density_backward(dlogp, x, mu, logvar):
    """dmu, dlogvar from dlogp = ∂loss/∂(log p), where log p is summed over the last axis.

    Shapes  dlogp (B,), x, mu, logvar (B, D) → dmu, dlogvar (B, D)
    Hint    log p = −½ Σ_d ( (x − μ)² e^−logvar + logvar + log 2π )
    """
    raise NotImplementedError


def log_density(mu, logvar):
    return stats.norm.logpdf(x, mu, np.exp(logvar / 2)).sum(axis=1)


dlogp, x, mu, logvar = draw(5, (5, 4), (5, 4), (5, 4))
exercise = Exercise(
    __file__,
    lambda *inputs: gaussian.log_density_backward(*inputs),
    inputs=(dlogp, x, mu, logvar),
    truth=gradients(log_density, dlogp, mu=mu, logvar=logvar),
)

if __name__ == "__main__":
    sys.exit(exercise.check(log_density_backward))
