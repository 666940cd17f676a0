"""The layers: they hold views of W, b, dW and db, remember what went in, and call the rules.

    Dense         y = x W + b
    HiddenOnly    the same, without the inputs that a skip path brings
    MLP           a multilayer perceptron: affine layers in a row, each followed by its activation

Read next: likelihoods.
Side path: units.
"""

import threading

import numpy as np

from numvae.rules import activations, dense, dropout, initialization


class Memory(threading.local):
    """What a layer keeps from `forward` for `backward`: each thread has its own, so that any
    number of them may use one model."""


class Dense:
    """y = x W + b with W (n_in, n_out) and b (n_out,)."""

    def __init__(self, name, n_in, n_out):
        self.name, self.n_in, self.n_out = name, n_in, n_out
        self.shapes = {f"{name}.W": (n_in, n_out), f"{name}.b": (n_out,)}
        self.memory = Memory()

    def bind(self, parameters):
        """Take this layer's views from the model's flat vectors."""
        self.W, self.b = (parameters.values[name] for name in self.shapes)
        self.dW, self.db = (parameters.gradients[name] for name in self.shapes)

    def initialize(self, rng, activation="linear", init_sigma=None):
        """Draw W by Glorot's or He's rule, by activation, or from N(0, init_sigma²); b = 0."""
        if init_sigma is not None:
            self.W[...] = initialization.normal(rng, self.n_in, self.n_out, init_sigma)
        elif activation in ("relu", "elu", "softplus"):
            self.W[...] = initialization.he(rng, self.n_in, self.n_out)
        else:
            self.W[...] = initialization.glorot(rng, self.n_in, self.n_out)
        self.b[...] = 0.0

    def initialize_linear(self, W, b):
        """Make y an affine function of the last inputs alone, which a skip path brings.

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
        dx, self.dW[...], self.db[...] = dense.backward(dy, self.memory.x, self.W, need_dx)
        return dx


class HiddenOnly(Dense):
    """A layer that leaves out what a skip path brings: the last n_skip of its inputs.

    For log-variances. A variance e^s with s linear in x or z, beginning at the factor analysis,
    would be unbounded far from the data; tanh and sigmoid units are bounded.
    """

    def __init__(self, name, n_in, n_out, n_skip):
        super().__init__(name, n_in - n_skip, n_out)
        self.n_skip = n_skip

    def forward(self, x):
        return super().forward(x[:, : self.n_in])

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        return np.pad(dx, ((0, 0), (0, self.n_skip))) if self.n_skip else dx


class MLP:
    """sizes (n_0, n_1, …, n_k): k layers. With k = 0 it passes its input through.

    names     the activation of each layer, k of them
    dropout   the fraction of each layer's units that is dropped where masks are given
    skip      whether the output is the last layer's with the input beside it, [h_k, h_0], so that
              what follows has a linear path past the layers
    n_out     the width of the output, of which the last n_skip are the input

    Of a conditioned model the last C of the n_0 inputs are y.
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

    def initialize(self, rng, init_sigma=None):
        for layer, activation in zip(self.layers, self.names):
            layer.initialize(rng, activation, init_sigma)

    def masks(self, rng, n_samples, n_examples, dtype):
        """One dropout mask (L·B, n_i) for each layer, or None if nothing is dropped."""
        if not self.dropout:
            return None
        masks = [
            dropout.draw(rng, (n_samples, n_examples, layer.n_out), self.dropout, dtype)
            for layer in self.layers
        ]
        return [mask.reshape(-1, mask.shape[-1]) for mask in masks]

    def forward(self, x, masks=None, y=None):
        """x (B, n_0) → (B, n_out), remembering each layer's output; masks as `masks` draws them.

        y   (B, C) to go in beside x (B, n_0 − C); it may have fewer rows, which then repeat
        """
        self.memory.n_y = 0 if y is None else y.shape[1]
        if y is not None:
            x = np.concatenate([x, np.tile(y, (len(x) // len(y), 1))], axis=1)
        h, outputs = x, []
        for i, (layer, activation) in enumerate(zip(self.layers, self.names)):
            a = layer.forward(h)
            h = getattr(activations, activation)(a)
            outputs.append(h)
            if masks:
                h = dropout.forward(h, masks[i], self.dropout)
        self.memory.outputs, self.memory.masks = outputs, masks
        return np.concatenate([h, x], axis=1) if self.skip else h

    def backward(self, dh, need_dx=True):
        """dh (B, n_out) → the gradient of the input x, without that of y, or None."""
        outputs, masks = self.memory.outputs, self.memory.masks
        if self.skip:
            dh, dskip = np.split(dh, [self.layers[-1].n_out], axis=1)
        for i in reversed(range(len(self.layers))):
            if masks:
                dh = dropout.backward(dh, masks[i], self.dropout)
            da = getattr(activations, f"{self.names[i]}_backward")(dh, outputs[i])
            dh = self.layers[i].backward(da, need_dx or i > 0)
        if self.skip and need_dx:
            dh = dh + dskip  # the input goes two ways, so its two gradients add
        return dh[:, : -self.memory.n_y] if self.memory.n_y and need_dx else dh
