"""Adam: steps of nearly one length, whatever the size of the gradients."""

import sys

import numpy as np

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import optimizers


def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    """Step t = 1, 2, …: change theta, m and v in place (m *= …, not m = …); nothing is returned.

    Shapes  theta, g, m, v (P,); m and v are 0 before the first step
    Hint    m̂ is a weighted mean of all g so far, the weight β₁ times less with each step into the
            past, and v̂ of all g² with β₂: keep sums of them in m and v, and divide by what the
            weights add up to, (1 − β^t) / (1 − β). Then θ moves by −lr m̂ / (√v̂ + ε).
    """
    raise NotImplementedError


def path(function, theta, gradients, lr, beta1, beta2, eps):
    """Where theta is after some steps."""
    theta, m, v = theta.copy(), np.zeros_like(theta), np.zeros_like(theta)
    for t, g in enumerate(gradients, start=1):
        function(theta, g, m, v, t, lr, beta1, beta2, eps)
    return theta


theta, g = draw(4, (6, 4))
moved = theta.copy()
for t in range(1, 7):  # the weighted means, each from the whole past
    past = np.arange(t)[::-1]
    m_hat = np.average(g[:t], axis=0, weights=0.9**past)
    v_hat = np.average(g[:t] ** 2, axis=0, weights=0.999**past)
    moved -= 0.1 * m_hat / (np.sqrt(v_hat) + 1e-3)
exercise = Exercise(
    __file__,
    lambda *inputs: optimizers.adam(*inputs),
    inputs=(theta, g, 0.1, 0.9, 0.999, 1e-3),
    truth={"theta": moved},
    call=path,
)

if __name__ == "__main__":
    sys.exit(exercise.check(adam))
