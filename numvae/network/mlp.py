"""A multilayer perceptron: affine layers in a row, each followed by its activation.

Read next: likelihoods.
"""

import numpy as np

from numvae.network.dense import Dense, Memory
from numvae.rules import activations, dropout


class MLP:
    """sizes (n_0, n_1, …, n_k): k layers. With k = 0 it passes its input through.

    names is the activation of each layer (k of them); dropout the fraction of each layer's units
    that is dropped where masks are given; skip whether the output is the last layer's with the
    input beside it, [h_k, h_0], so that what follows has a linear path past the layers. n_out is
    the width of the output, of which the last n_skip are the input.
    """

    def __init__(self, name, sizes, names, dropout=0.0, skip=False):
        self.dropout, self.skip = dropout, skip and len(sizes) > 1
        self.layers = [
            Dense(f"{name}.{i}", n_in, n_out)
            for i, (n_in, n_out, _) in enumerate(zip(sizes[:-1], sizes[1:], names, strict=True))
        ]
        self.shapes = {name: s for layer in self.layers for name, s in layer.shapes.items()}
        self.n_skip = self.skip * sizes[0]
        self.n_out = sizes[-1] + self.n_skip
        if any(name not in activations.NAMES for name in names):
            raise ValueError(f"found activations {names}; expected some of {activations.NAMES}")
        self.names, self.memory = names, Memory()

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
        """h (B, n_0) → (B, n_out), remembering each layer's output; masks as `masks` draws them."""
        x, outputs = h, []
        for i, (layer, activation) in enumerate(zip(self.layers, self.names)):
            a = layer.forward(h)
            h = getattr(activations, activation)(a, out=a)
            outputs.append(h)
            if masks:
                h = dropout.forward(h, masks[i], self.dropout)
        self.memory.outputs, self.memory.masks = outputs, masks
        return np.concatenate([h, x], axis=1) if self.skip else h

    def backward(self, dh, need_dx=True):
        """dh (B, n_out) → gradient of the input (B, n_0), or None; dh is overwritten on the way."""
        outputs, masks = self.memory.outputs, self.memory.masks
        if self.skip:
            dh, dskip = np.split(dh, [self.layers[-1].n_out], axis=1)
            dh = np.ascontiguousarray(dh)
        for i in reversed(range(len(self.layers))):
            if masks:
                dh = dropout.backward(dh, masks[i], self.dropout)
            da = getattr(activations, f"{self.names[i]}_backward")(dh, outputs[i], out=dh)
            dh = self.layers[i].backward(da, need_dx or i > 0)
        if self.skip and need_dx:
            dh += dskip  # the input goes two ways, so its two gradients add
        return dh
