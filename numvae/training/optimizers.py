"""The owners of what an optimizer remembers: one array as long as the parameter vector, or two.

`update` walks the flat vectors in blocks that fit the processor's cache, so that the several passes
of a rule over a block find it there. The rule is elementwise: the blocks change no number.

Read next: loop.
"""

import numpy as np

from numvae.rules import optimizers

BLOCK = 32768  # elements; the arrays of one block then fit a core's L2 cache in float32


class Optimizer:
    """Base: `memory` holds the arrays of the rule by name, `t` counts the steps."""

    memory_names = ()

    def __init__(self, parameters, lr):
        self.parameters = parameters
        self.lr = lr
        self.t = 0
        self.memory = {name: np.zeros_like(parameters.vector) for name in self.memory_names}

    def update(self):
        """One step: move the parameters by their gradient."""
        self.t += 1
        vector, gradient = self.parameters.vector, self.parameters.gradient
        for start in range(0, vector.size, BLOCK):
            here = slice(start, start + BLOCK)
            self.rule(vector[here], gradient[here], *(m[here] for m in self.memory.values()))


class SGD(Optimizer):
    """Stochastic gradient descent with momentum."""

    memory_names = ("velocity",)

    def __init__(self, parameters, lr=1e-3, momentum=0.9):
        super().__init__(parameters, lr)
        self.momentum = momentum

    def rule(self, theta, g, velocity):
        optimizers.sgd(theta, g, velocity, self.lr, self.momentum)


class Adagrad(Optimizer):
    """The optimizer of Kingma & Welling 2014."""

    memory_names = ("total",)

    def __init__(self, parameters, lr=1e-2, eps=1e-8):
        super().__init__(parameters, lr)
        self.eps = eps

    def rule(self, theta, g, total):
        optimizers.adagrad(theta, g, total, self.lr, self.eps)


class Adam(Optimizer):
    """Kingma & Ba 2015, Algorithm 1."""

    memory_names = ("m", "v")

    def __init__(self, parameters, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(parameters, lr)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def rule(self, theta, g, m, v):
        optimizers.adam(theta, g, m, v, self.t, self.lr, self.beta1, self.beta2, self.eps)


OPTIMIZERS = {"adam": Adam, "adagrad": Adagrad, "sgd": SGD}
