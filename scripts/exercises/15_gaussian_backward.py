"""The gradient of the log-density in both outputs of a Gaussian decoder. It may wait.

Read first  numvae/rules/gaussian.py, `log_density`
Run         python 15_gaussian_backward.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np
from scipy import stats

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def log_density_backward(dlogp, x, mu, logvar):
    """dmu, dlogvar from dlogp = ∂loss/∂(log p), where log p is summed over the last axis.

    Shapes  dlogp (B,), x, mu, logvar (B, D) → dmu, dlogvar (B, D)
    """
    raise NotImplementedError


def exercise():
    dlogp, x, mu, logvar = draw(5, (5, 4), (5, 4), (5, 4))

    def log_density(mu, logvar):
        return stats.norm.logpdf(x, mu, np.exp(logvar / 2)).sum(axis=1)

    return Exercise(
        __file__,
        log_density_backward,
        gaussian.log_density_backward,
        inputs=(dlogp, x, mu, logvar),
        truth=gradients(log_density, dlogp, mu=mu, logvar=logvar),
    )


if __name__ == "__main__":
    exercise().main()
