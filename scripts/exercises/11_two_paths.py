"""μ and logvar reach the loss by two paths, through z and through the KL: they add.

Read first  python -m numvae.lessons.derivations loss_and_grad
Run         python 11_two_paths.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np

from numvae.lessons import small_model, solutions
from numvae.lessons.exercises import Exercise, draw, gradients


def two_paths(dz, mu, logvar, eps):
    """dmu, dlogvar of loss = nll + kl, with kl = mean_n Σ_j kl_nj; nll depends on z = μ + σ ε
    alone, and dz = ∂nll/∂z is known.

    Shapes  all (B, Z): one draw for each example
    """
    raise NotImplementedError


def exercise():
    dz, mu, logvar, eps = draw((5, 3), (5, 3), (5, 3), (5, 3))

    def loss(mu, logvar):
        z, kl = mu + np.exp(logvar / 2) * eps, (mu**2 + np.exp(logvar) - 1 - logvar) / 2
        return np.sum(dz * z) + np.mean(kl.sum(axis=1))

    return Exercise(
        __file__,
        two_paths,
        solutions.two_paths,
        inputs=(dz, mu, logvar, eps),
        truth=gradients(loss, 1.0, mu=mu, logvar=logvar),
        rule=small_model.two_paths,
    )


if __name__ == "__main__":
    exercise().main()
