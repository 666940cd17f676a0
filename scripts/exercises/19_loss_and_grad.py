"""All of it: the loss of a VAE and its gradient.

Read first  your exercises; scripts/minimal.py has another likelihood
Run         python 19_loss_and_grad.py; stuck: --hint, --hint 2, --solution
Time        30 minutes
"""

import numpy as np

from numvae.lessons import small_model, solutions
from numvae.lessons.exercises import Exercise, draw


def loss_and_grad(q, x, eps):
    """loss, d: a number, and a dict with the names and the shapes of q, the parameters.

    The forward pass has five layers, each with W and b, as q["W_mu"] (I, O) and q["b_mu"] (O,):

        x → "1" → tanh → h;  h → "mu" → mu;  h → "logvar" → logvar
        z = mu + σ eps → "2" → tanh → "3" → a, the logit of each pixel

    loss = mean_n ( −log p(x_n|z_n) + Σ_j kl_nj )

    Shapes  x (B, D), which is 0 or 1, eps and z (B, Z)
    """
    raise NotImplementedError


def exercise():
    x, eps, *values = draw((6, 5), (6, 3), *small_model.SHAPES.values())
    q, x = dict(zip(small_model.SHAPES, values)), np.where(x > 0.0, 1.0, 0.0)
    return Exercise(
        __file__,
        loss_and_grad,
        solutions.loss_and_grad,
        inputs=(q, x, eps),
        truth=small_model.numerical(q, x, eps),
        call=small_model.in_order,
        rule=small_model.package,
    )


if __name__ == "__main__":
    exercise().main()
