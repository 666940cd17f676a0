"""All of it: the loss of a VAE and its gradient, put together from the rules."""

import sys

import numpy as np

from numvae.checks.finite_differences import numerical_gradient
from numvae.lessons.exercises import Exercise, draw
from numvae.network import Autoencoder


def loss_and_grad(q, x, eps):
    """loss, gradients: a number, and a dict with the names and the shapes of q, the parameters.

    x → "encoder.0" → tanh → "mu", "logvar" → z → "decoder.0" → tanh → "likelihood.logits"
    Each layer has W and b, q["mu.W"] (I, O) and q["mu.b"] (O,); x is 0 or 1 (Bernoulli).

    Shapes  x (B, D), eps (1, B, Z), so z[0] is (B, Z)
    Hint    loss = mean_n ( −log p(x|z) + Σ_j kl ). Import what you need from numvae.rules: dense,
            activations, gaussian, bernoulli. Write the forward, then the same lines upwards; where
            a value was used twice, what comes back from both adds up.
    """
    raise NotImplementedError


def package(q, x, eps):
    net = Autoencoder(5, 2, (4,), "tanh", dtype=x.dtype)
    for name, value in q.items():
        net.parameters.values[name][...] = value
    return net.loss_and_grad(x, eps)[0].loss, net.parameters.gradients


def in_order(function, *inputs):
    """The loss, and the gradients by name in the order of q."""
    found = function(*inputs)
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
        return found[0], *map(found[1].get, q)
    return found


shapes = Autoencoder(5, 2, (4,)).parameters.shapes
x, eps, *values = draw((6, 5), (1, 6, 2), *shapes.values())
q, x = dict(zip(shapes, values)), np.where(x > 0.0, 1.0, 0.0)
truth = {"loss": package(q, x, eps)[0]}
truth |= {name: numerical_gradient(lambda: package(q, x, eps)[0], q[name]) for name in q}
exercise = Exercise(__file__, package, (q, x, eps), truth, in_order)

if __name__ == "__main__":
    sys.exit(exercise.check(loss_and_grad))
