"""What an optimizer remembers: one array as long as the parameter vector, or two.

`update` walks the flat vectors in blocks that fit the processor's cache, so that the several passes
of a rule over a block find it there. The rule is elementwise: the blocks change no number.

Where the gradient stays 0 (a pixel that is rarely lit, a unit of relu that has died) a moment
decays below 10⁻³⁸, where float32 is denormal: processors are many times slower there, and rounding
keeps it there for ever. So what is too small to move a parameter is set to 0 now and then.

Read next: loop.
"""

import numpy as np

from numvae.rules import optimizers

BLOCK = 32768  # elements; the arrays of one block then fit a core's L2 cache in float32
SQUARES = "total", "v"  # memories of squared gradients, which are not negative
FORGET_EVERY = 64  # steps; in these a moment decays by less than the 10⁸ that stay above denormal


class Optimizer:
    """settings: the numbers of the rule by name; memory: its arrays by name; t: steps taken.

    lr_factor: what the schedule says; the rule is given lr times this.
    """

    def __init__(self, parameters, **settings):
        self.parameters, self.settings, self.t, self.lr_factor = parameters, settings, 0, 1.0
        self.memory = {name: np.zeros_like(parameters.vector) for name in self.memory_names}

    def update(self):
        """One step: move the parameters by their gradient."""
        self.t += 1
        vector, gradient = self.parameters.vector, self.parameters.gradient
        settings = {**self.settings, "lr": self.lr_factor * self.settings["lr"]}
        for start in range(0, vector.size, BLOCK):
            here = slice(start, start + BLOCK)
            memory = [array[here] for array in self.memory.values()]
            self.rule(vector[here], gradient[here], memory, settings)
            if self.t % FORGET_EVERY == 0:
                for array in memory:
                    array[np.abs(array) < 1e8 * np.finfo(array.dtype).tiny] = 0.0


class SGD(Optimizer):
    """Stochastic gradient descent with momentum."""

    memory_names = ("velocity",)

    def __init__(self, parameters, lr=1e-3, momentum=0.9):
        super().__init__(parameters, lr=lr, momentum=momentum)

    def rule(self, theta, g, memory, settings):
        optimizers.sgd(theta, g, *memory, **settings)


class Adagrad(Optimizer):
    """The optimizer of Kingma & Welling 2014."""

    memory_names = ("total",)

    def __init__(self, parameters, lr=1e-2, eps=1e-8):
        super().__init__(parameters, lr=lr, eps=eps)

    def rule(self, theta, g, memory, settings):
        optimizers.adagrad(theta, g, *memory, **settings)


class Adam(Optimizer):
    """Kingma & Ba 2015, Algorithm 1."""

    memory_names = "m", "v"

    def __init__(self, parameters, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(parameters, lr=lr, beta1=beta1, beta2=beta2, eps=eps)

    def rule(self, theta, g, memory, settings):
        optimizers.adam(theta, g, *memory, self.t, **settings)


OPTIMIZERS = dict(zip(optimizers.NAMES, (Adam, Adagrad, SGD)))
