"""The KL in the smallest steps, each differentiated alone. One value is used twice.

Read first  numvae/rules/gaussian.py, `kl`
Run         python 09_kl_in_steps.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np

from numvae.lessons import solutions
from numvae.lessons.exercises import Exercise, draw, gradients


def kl_in_steps(dkl, mu, logvar):
    """dbracket, dsquare, dvar, dmu, dlogvar from dkl = ∂loss/∂kl, where the forward pass was

        square = mu**2
        var = np.exp(logvar)
        bracket = square + var - 1.0 - logvar
        kl = 0.5 * bracket

    Shapes  all (B, Z)
    """
    raise NotImplementedError


def exercise():
    dkl, mu, logvar = draw((5, 4), (5, 4), (5, 4))
    square, var = mu**2, np.exp(logvar)
    return Exercise(
        __file__,
        kl_in_steps,
        solutions.kl_in_steps,
        inputs=(dkl, mu, logvar),
        truth=gradients(lambda bracket: bracket / 2, dkl, bracket=square + var - 1 - logvar)
        | gradients(
            lambda square, var: (square + var - 1 - logvar) / 2, dkl, square=square, var=var
        )
        | gradients(lambda mu: (mu**2 + var - 1 - logvar) / 2, dkl, mu=mu)
        | gradients(lambda logvar: (square + np.exp(logvar) - 1 - logvar) / 2, dkl, logvar=logvar),
    )


if __name__ == "__main__":
    exercise().main()
