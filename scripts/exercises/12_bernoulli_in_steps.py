"""The log-likelihood of black and white pixels in the smallest steps, each by itself.

Read first  numvae/rules/bernoulli.py, its first lines
Run         python 12_bernoulli_in_steps.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np
from scipy import special, stats

from numvae.lessons import solutions
from numvae.lessons.exercises import Exercise, draw, gradients


def bernoulli_in_steps(dlogp, x, logits):
    """don, doff, dy, dlogits from dlogp = ∂loss/∂logp, where the forward pass was

        y = 1 / (1 + np.exp(-logits))
        on, off = np.log(y), np.log(1 - y)
        logp = (x * on + (1 - x) * off).sum(axis=1)

    Shapes  dlogp (B,), x, logits (B, D) → (B, D) each; x is 0 or 1
    """
    raise NotImplementedError


def exercise():
    dlogp, x, logits = draw(5, (5, 4), (5, 4))
    x, y = np.where(x > 0.0, 1.0, 0.0), special.expit(logits)
    return Exercise(
        __file__,
        bernoulli_in_steps,
        solutions.bernoulli_in_steps,
        inputs=(dlogp, x, logits),
        truth=gradients(
            lambda on, off: (x * on + (1 - x) * off).sum(axis=1),
            dlogp,
            on=np.log(y),
            off=np.log(1 - y),
        )
        | gradients(lambda y: stats.bernoulli.logpmf(x, y).sum(axis=1), dlogp, y=y)
        | gradients(
            lambda logits: stats.bernoulli.logpmf(x, special.expit(logits)).sum(axis=1),
            dlogp,
            logits=logits,
        ),
    )


if __name__ == "__main__":
    exercise().main()
