"""The gradient of the importance-weighted bound (IWAE): each sample in proportion to its weight."""

import sys

import numpy as np
from scipy import special

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import objectives


def importance_weighted_backward(log_px, kl, beta):
    """dlog_px, dkl of loss = −mean_n log mean_l w, where log w = log p(x|z) − β kl.

    Shapes  log_px, kl (L, B), beta a number → dlog_px, dkl (L, B)
    Hint    ∂ log Σ_l w_l / ∂ log w_l = w_l / Σ_l w_l. Subtract the largest log w before e^(log w).
    """
    raise NotImplementedError


def loss(log_px, kl):
    return -np.mean(special.logsumexp(log_px - BETA * kl, axis=0) - np.log(3.0))


BETA = 0.7
log_px, kl = draw((3, 5), (3, 5))
exercise = Exercise(
    __file__,
    lambda *inputs: objectives.importance_weighted_backward(*inputs),
    inputs=(log_px, kl, BETA),
    truth=gradients(loss, 1.0, log_px=log_px, kl=kl),
)

if __name__ == "__main__":
    sys.exit(exercise.check(importance_weighted_backward))
