"""An affine layer: views of W, b, dW and db, one remembered input, no formula.

Read next: units.
"""

import threading

import numpy as np

from numvae.rules import dense, initialization


class Memory(threading.local):
    """What a module keeps from `forward` for `backward`: each thread has its own, so that any
    number of them may use one model."""


class Dense:
    """y = x W + b with W (n_in, n_out) and b (n_out,)."""

    def __init__(self, name, n_in, n_out):
        self.name, self.n_in, self.n_out = name, n_in, n_out
        self.shapes = {f"{name}.W": (n_in, n_out), f"{name}.b": (n_out,)}
        self.memory = Memory()

    def bind(self, parameters):
        """Take this layer's views, by its two names, from the model's flat vectors."""
        W, b = self.shapes
        self.W, self.b = parameters.values[W], parameters.values[b]
        self.dW, self.db = parameters.gradients[W], parameters.gradients[b]

    def initialize(self, rng, activation="linear", sigma=None):
        """Draw W by Glorot's or He's rule, as the activation asks, or from N(0, σ²); b = 0."""
        if sigma is not None:
            self.W[...] = initialization.normal(rng, self.n_in, self.n_out, sigma)
        elif activation in ("relu", "elu", "softplus"):
            self.W[...] = initialization.he(rng, self.n_in, self.n_out)
        else:
            self.W[...] = initialization.glorot(rng, self.n_in, self.n_out)
        self.b[...] = 0.0

    def begin(self, W, b):
        """Start as an affine function of the last inputs alone, as a skip path brings them.

        Shapes  W (n, n_out) with n ≤ n_in, b broadcast to (n_out,)
        """
        self.W[...] = 0.0
        self.W[self.n_in - len(W) :] = W
        self.b[...] = b

    def forward(self, x):
        """x (B, n_in) → y (B, n_out), remembering x."""
        self.memory.x = x
        return dense.forward(x, self.W, self.b)

    def backward(self, dy, need_dx=True):
        """dy (B, n_out) → dx (B, n_in), writing dW and db into the flat gradient."""
        dx, _, _ = dense.backward(dy, self.memory.x, self.W, self.dW, self.db, need_dx)
        return dx


class HiddenOnly(Dense):
    """A layer that leaves out what a skip path brings: the last n_skip of its inputs.

    For log-variances. A variance e^s with s linear in x or z would have no bound; hidden units have
    one, or grow more slowly.
    """

    def __init__(self, name, n_in, n_out, n_skip):
        super().__init__(name, n_in - n_skip, n_out)
        self.n_skip = n_skip

    def forward(self, x):
        return super().forward(x[:, : self.n_in])

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        return np.pad(dx, ((0, 0), (0, self.n_skip))) if self.n_skip else dx
