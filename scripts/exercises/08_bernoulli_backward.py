"""The gradient of the log-likelihood of black and white pixels, in the logits."""

import sys

import numpy as np
from scipy import special, stats

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import bernoulli


def log_likelihood_backward(dlogp, x, logits):
    """dlogits from dlogp = ∂loss/∂(log p), where log p is summed over the pixels.

    Shapes  dlogp (B,), x, logits (B, D) → dlogits (B, D)
    Hint    log p = x log y + (1 − x) log(1 − y) with y = 1 / (1 + e^−a), so
            ∂log p/∂y = x/y − (1 − x)/(1 − y), and ∂y/∂a = y (1 − y). Much cancels.
    """
    raise NotImplementedError


dlogp, x, logits = draw(5, (5, 4), (5, 4))
x = np.where(x > 0.0, 1.0, 0.0)
exercise = Exercise(
    __file__,
    lambda *inputs: bernoulli.log_likelihood_backward(*inputs),
    inputs=(dlogp, x, logits),
    truth=gradients(
        lambda logits: stats.bernoulli.logpmf(x, special.expit(logits)).sum(axis=1),
        dlogp,
        logits=logits,
    ),
)

if __name__ == "__main__":
    sys.exit(exercise.check(log_likelihood_backward))
