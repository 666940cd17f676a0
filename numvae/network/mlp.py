"""A multilayer perceptron: affine layers in a row, each followed by the same activation.

Read next: likelihoods.
"""

from numvae.network.dense import Dense
from numvae.rules import activations


class MLP:
    """sizes (n_0, n_1, …, n_k): k layers. With k = 0 it passes its input through."""

    def __init__(self, name, sizes, activation):
        self.layers = [
            Dense(f"{name}.{i}", n_in, n_out)
            for i, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:]))
        ]
        self.shapes = {name: s for layer in self.layers for name, s in layer.shapes.items()}
        self.n_out = sizes[-1]
        self.activation = activation
        self.activate = getattr(activations, activation)
        self.activate_backward = getattr(activations, activation + "_backward")

    def bind(self, parameters):
        for layer in self.layers:
            layer.bind(parameters)

    def initialize(self, rng, sigma=None):
        for layer in self.layers:
            layer.initialize(rng, self.activation, sigma)

    def forward(self, h):
        """h (B, n_0) → (B, n_k), remembering every layer's output."""
        self.outputs = []
        for layer in self.layers:
            a = layer.forward(h)
            h = self.activate(a, out=a)
            self.outputs.append(h)
        return h

    def backward(self, dh, need_dx=True):
        """dh (B, n_k) → gradient of the input (B, n_0); dh is overwritten on the way."""
        for layer, h in zip(reversed(self.layers), reversed(self.outputs)):
            da = self.activate_backward(dh, h, out=dh)
            dh = layer.backward(da, need_dx or layer is not self.layers[0])
        return dh
