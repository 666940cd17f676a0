"""The gradient of the importance-weighted bound (IWAE). It may wait.

Read first  numvae/rules/objectives.py, `importance_weighted`
Run         python 16_importance_weighted_backward.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np
from scipy import special

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import objectives


def importance_weighted_backward(log_px, kl, beta):
    """dlog_px, dkl of loss = −mean_n log mean_l w, where log w = log p(x|z) − β kl.

    Shapes  log_px, kl (L, B), beta a number → dlog_px, dkl (L, B)
    """
    raise NotImplementedError


def exercise():
    def loss(log_px, kl):
        return -np.mean(special.logsumexp(log_px - BETA * kl, axis=0) - np.log(3.0))

    BETA = 0.7
    log_px, kl = draw((3, 5), (3, 5))
    return Exercise(
        __file__,
        importance_weighted_backward,
        objectives.importance_weighted_backward,
        inputs=(log_px, kl, BETA),
        truth=gradients(loss, 1.0, log_px=log_px, kl=kl),
    )


if __name__ == "__main__":
    exercise().main()
