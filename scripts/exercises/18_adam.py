"""Adam: steps of nearly one length, whatever the size of the gradients.

Read first  the equations of `adam` in numvae/rules/optimizers.py
Run         python 18_adam.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np

from numvae.lessons import solutions
from numvae.lessons.exercises import Exercise, draw
from numvae.lessons.judge import Wrong
from numvae.rules import optimizers


def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    """Step t = 1, 2, …: change theta, m and v in place (m[...] = …, not m = …); return nothing.

    m̂ is a weighted mean of all g so far, the weight β₁ times less with each step into the past; v̂
    is one of all g², with β₂. Then θ moves by −lr m̂ / (√v̂ + ε).

    Shapes  theta, g, m, v (P,); m and v are 0 before the first step
    """
    raise NotImplementedError


def exercise():
    def moved(function, theta, gradients, *settings):
        """Where theta is after some steps."""
        before = {"m": np.zeros_like(theta), "v": np.zeros_like(theta), "theta": theta}
        m, v, theta = after = [array.copy() for array in before.values()]
        for t, g in enumerate(gradients, start=1):
            function(theta, g, m, v, t, *settings)
        for (name, array), changed in zip(before.items(), after):
            if np.array_equal(array, changed):
                raise Wrong(
                    f"{name} is unchanged: {name} = … makes a new array, {name}[...] = … does not."
                )
        return theta

    theta, g = draw(4, (6, 4))
    truth = theta.copy()
    for t in range(1, 7):  # the weighted means, each from the whole past
        past = np.arange(t)[::-1]
        m_hat = np.average(g[:t], axis=0, weights=0.9**past)
        v_hat = np.average(g[:t] ** 2, axis=0, weights=0.999**past)
        truth -= 0.05 * m_hat / (np.sqrt(v_hat) + 1e-3)
    return Exercise(
        __file__,
        adam,
        solutions.adam,
        inputs=(theta, g, 0.05, 0.9, 0.999, 1e-3),
        truth={"theta": truth},
        call=moved,
        rule=lambda *inputs: optimizers.adam(*inputs),
    )


if __name__ == "__main__":
    exercise().main()
