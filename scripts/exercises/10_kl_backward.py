"""The gradient of the KL in closed form: it pulls each q(z|x) towards the prior.

Read first  your exercise 9
Run         python 10_kl_backward.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np

from numvae.lessons.exercises import Exercise, draw, gradients
from numvae.rules import gaussian


def kl_backward(dkl, mu, logvar):
    """dmu, dlogvar from dkl = ∂loss/∂kl, in one line each.

    Shapes  dkl, mu, logvar (B, Z) → dmu, dlogvar (B, Z)
    """
    raise NotImplementedError


def exercise():
    dkl, mu, logvar = draw((5, 4), (5, 4), (5, 4))
    return Exercise(
        __file__,
        kl_backward,
        gaussian.kl_backward,
        inputs=(dkl, mu, logvar),
        truth=gradients(
            lambda mu, logvar: (mu**2 + np.exp(logvar) - 1 - logvar) / 2, dkl, mu=mu, logvar=logvar
        ),
        steps="kl_in_steps",
    )


if __name__ == "__main__":
    exercise().main()
