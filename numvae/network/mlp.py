"""A multilayer perceptron: affine layers in a row, each followed by its activation.

Read next: likelihoods.
"""

from numvae.network.dense import Dense
from numvae.rules import activations, dropout


class MLP:
    """sizes (n_0, n_1, …, n_k): k layers. With k = 0 it passes its input through.

    names is the activation of each layer (k of them); dropout the fraction of each layer's units
    that is dropped where masks are given.
    """

    def __init__(self, name, sizes, names, dropout=0.0):
        self.dropout = dropout
        self.layers = [
            Dense(f"{name}.{i}", n_in, n_out)
            for i, (n_in, n_out, _) in enumerate(zip(sizes[:-1], sizes[1:], names, strict=True))
        ]
        self.shapes = {name: s for layer in self.layers for name, s in layer.shapes.items()}
        self.n_out = sizes[-1]
        if any(name not in activations.NAMES for name in names):
            raise ValueError(f"found activations {names}; expected some of {activations.NAMES}")
        self.names = names

    def bind(self, parameters):
        for layer in self.layers:
            layer.bind(parameters)

    def initialize(self, rng, sigma=None):
        for layer, activation in zip(self.layers, self.names):
            layer.initialize(rng, activation, sigma)

    def masks(self, rng, n_samples, n_examples, dtype):
        """One dropout mask (L·B, n_i) for each layer, or None if nothing is dropped."""
        if not self.dropout:
            return None
        masks = [
            dropout.draw(rng, (n_samples, n_examples, layer.n_out), self.dropout, dtype)
            for layer in self.layers
        ]
        return [mask.reshape(-1, mask.shape[-1]) for mask in masks]

    def forward(self, h, masks=None):
        """h (B, n_0) → (B, n_k), remembering every layer's output; masks as `masks` draws them."""
        self.outputs, self.used_masks = [], masks
        for i, (layer, activation) in enumerate(zip(self.layers, self.names)):
            a = layer.forward(h)
            h = getattr(activations, activation)(a, out=a)
            self.outputs.append(h)
            if masks:
                h = dropout.forward(h, masks[i], self.dropout)
        return h

    def backward(self, dh, need_dx=True):
        """dh (B, n_k) → gradient of the input (B, n_0), or None; dh is overwritten on the way."""
        for i in reversed(range(len(self.layers))):
            if self.used_masks:
                dh = dropout.backward(dh, self.used_masks[i], self.dropout)
            da = getattr(activations, f"{self.names[i]}_backward")(dh, self.outputs[i], out=dh)
            dh = self.layers[i].backward(da, need_dx or i > 0)
        return dh
