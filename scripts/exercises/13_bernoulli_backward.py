"""The gradient of that log-likelihood in closed form, in which much cancels.

Read first  your exercise 12
Run         python 13_bernoulli_backward.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np
from scipy import special, stats

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import bernoulli


def bernoulli_backward(dlogp, x, logits):
    """dlogits from dlogp = ∂loss/∂logp, where logp = log p(x|z) is a sum over pixels; one line.

    Shapes  dlogp (B,), x, logits (B, D) → dlogits (B, D)
    """
    raise NotImplementedError


def exercise():
    dlogp, x, logits = draw(5, (5, 4), (5, 4))
    x = np.where(x > 0.0, 1.0, 0.0)
    return Exercise(
        __file__,
        bernoulli_backward,
        bernoulli.log_likelihood_backward,
        inputs=(dlogp, x, logits),
        truth=gradients(
            lambda logits: stats.bernoulli.logpmf(x, special.expit(logits)).sum(axis=1),
            dlogp,
            logits=logits,
        ),
        steps="bernoulli_in_steps",
    )


if __name__ == "__main__":
    exercise().main()
