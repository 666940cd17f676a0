"""The end of the decoder: what kind of noise p(x|z) puts around a reconstruction.

A likelihood is an owner like any other (`shapes`, `bind`, `initialize`). It can `start_at` the mean
of the data, and answers four calls from the decoder's features h:

    log_likelihood(x, h)    log p(x|z) of every sample and example, remembering what backward needs
    backward(dlog_px)       the gradient of h
    mean(h)                 E[x|z], what a picture shows
    sample(rng, h)          a draw x ~ p(x|z)

The Gaussian comes in three forms that differ in where its variance comes from, so the variance is
an owner of its own: FixedVariance, LearnedVariance, VarianceOfZ.

Read next: autoencoder.
"""

import math

import numpy as np

from numvae.network.dense import Dense
from numvae.rules import activations, bernoulli, continuous_bernoulli, gaussian, initialization


class Bernoulli:
    """Pixels that are 0 or 1, from logits."""

    rule = bernoulli

    def __init__(self, n_in, n_features):
        self.logits = Dense("likelihood.logits", n_in, n_features)
        self.shapes = self.logits.shapes
        self.bind = self.logits.bind

    def initialize(self, rng, sigma=None):
        self.logits.initialize(rng, sigma=sigma)

    def start_at(self, mean):
        """mean (D,): what to say as long as h says nothing."""
        self.logits.b[...] = initialization.bernoulli_bias(mean)

    def log_likelihood(self, x, h):
        """x (B, D), h (L·B, H) → log p(x|z) (L, B)."""
        self.x = x
        self.a = self.logits.forward(h).reshape(-1, *x.shape)
        return self.rule.log_likelihood(x, self.a)

    def backward(self, dlog_px):
        """dlog_px (L, B) → dh (L·B, H)."""
        da = self.rule.log_likelihood_backward(dlog_px, self.x, self.a)
        return self.logits.backward(da.reshape(-1, self.logits.n_out))

    def mean(self, h):
        """h (N, H) → the probability that each pixel is 1 (N, D)."""
        a = self.logits.forward(h)
        return activations.sigmoid(a, out=a)

    def sample(self, rng, h):
        """h (N, H) → pixels 0 or 1 (N, D)."""
        return bernoulli.sample(rng, self.mean(h))


class ContinuousBernoulli(Bernoulli):
    """Gray pixels, real numbers in [0, 1], from logits: the same layer under another rule."""

    rule = continuous_bernoulli

    def start_at(self, mean):
        """mean (D,): what to say as long as h says nothing."""
        self.logits.b[...] = continuous_bernoulli.logits_of_mean(mean)

    def mean(self, h):
        """h (N, H) → the mean of x (N, D)."""
        return continuous_bernoulli.mean(self.logits.forward(h))

    def sample(self, rng, h):
        """h (N, H) → numbers in [0, 1] (N, D)."""
        return continuous_bernoulli.sample(rng, self.logits.forward(h))


class Gaussian:
    """Real numbers, x ~ N(mean(z), e^logvar); where logvar comes from is up to `variance`."""

    def __init__(self, n_in, n_features, variance):
        self.mean_layer = Dense("likelihood.mean", n_in, n_features)
        self.variance = variance
        self.shapes = {**self.mean_layer.shapes, **variance.shapes}

    def bind(self, parameters):
        self.mean_layer.bind(parameters)
        self.variance.bind(parameters)

    def initialize(self, rng, sigma=None):
        self.mean_layer.initialize(rng, sigma=sigma)
        self.variance.initialize(rng, sigma)

    def start_at(self, mean):
        """mean (D,): what to say as long as h says nothing."""
        self.mean_layer.b[...] = mean

    def log_likelihood(self, x, h):
        """x (B, D), h (L·B, H) → log p(x|z) (L, B)."""
        self.x = x
        self.m = self.mean_layer.forward(h).reshape(-1, *x.shape)
        self.logvar = self.variance.forward(h, self.m.shape)
        return gaussian.log_density(x, self.m, self.logvar)

    def backward(self, dlog_px):
        """dlog_px (L, B) → dh (L·B, H)."""
        dm, dlogvar = gaussian.log_density_backward(dlog_px, self.x, self.m, self.logvar)
        dh = self.mean_layer.backward(dm.reshape(-1, self.mean_layer.n_out))
        dh += self.variance.backward(dlogvar)
        return dh

    def mean(self, h):
        """h (N, H) → the mean of x (N, D)."""
        return self.mean_layer.forward(h)

    def sample(self, rng, h):
        """h (N, H) → real numbers (N, D)."""
        m = self.mean(h)
        return gaussian.sample(rng, m, self.variance.forward(h, m.shape))


class FixedVariance:
    """One σ² that is given and stays: squared error in its right units."""

    def __init__(self, sigma):
        self.sigma = sigma
        self.shapes = {}

    def bind(self, parameters):
        pass

    def initialize(self, rng, sigma=None):
        pass

    def forward(self, h, shape):
        """→ logvar (1,)"""
        return np.full(1, 2.0 * math.log(self.sigma), h.dtype)

    def backward(self, dlogvar):
        """A constant has no gradient to pass on."""
        return 0.0


class LearnedVariance:
    """One learned σ² per dimension, the same for every z, never below sigma_min²."""

    def __init__(self, n_features, sigma_min):
        self.floor = sigma_min**2
        self.shapes = {"likelihood.s": (n_features,)}

    def bind(self, parameters):
        self.s, self.ds = parameters.values["likelihood.s"], parameters.gradients["likelihood.s"]

    def initialize(self, rng, sigma=None):
        self.s[...] = 0.0

    def forward(self, h, shape):
        """→ logvar (D,)"""
        self.logvar = gaussian.floor_logvar(self.s, self.floor)
        return self.logvar

    def backward(self, dlogvar):
        """dlogvar (L, B, D): every row shares s, so their gradients add. Nothing flows on to h."""
        dlogvar = dlogvar.sum(axis=(0, 1))
        self.ds[...] = gaussian.floor_logvar_backward(dlogvar, self.logvar, self.floor)
        return 0.0


class VarianceOfZ:
    """σ²(z): a second head says how sure the decoder is, pixel by pixel; never below sigma_min²."""

    def __init__(self, n_in, n_features, sigma_min):
        self.floor = sigma_min**2
        self.layer = Dense("likelihood.s", n_in, n_features)
        self.shapes = self.layer.shapes
        self.bind = self.layer.bind

    def initialize(self, rng, sigma=None):
        self.layer.initialize(rng, sigma=sigma)

    def forward(self, h, shape):
        """h (L·B, H) → logvar, in the shape of the mean"""
        self.logvar = gaussian.floor_logvar(self.layer.forward(h).reshape(shape), self.floor)
        return self.logvar

    def backward(self, dlogvar):
        """dlogvar (L, B, D) → its share of dh (L·B, H)."""
        ds = gaussian.floor_logvar_backward(dlogvar, self.logvar, self.floor)
        return self.layer.backward(ds.reshape(-1, self.layer.n_out))


# What a user names. `sigma` is the σ of gaussian-fixed, `sigma_min` the floor of the learned ones.
NAMES = ("bernoulli", "continuous-bernoulli", "gaussian-fixed", "gaussian", "gaussian-sigma-z")


def likelihood(name, n_in, n_features, sigma, sigma_min):
    """The owner for one of NAMES."""
    if name == "bernoulli":
        return Bernoulli(n_in, n_features)
    if name == "continuous-bernoulli":
        return ContinuousBernoulli(n_in, n_features)
    variance = {
        "gaussian-fixed": lambda: FixedVariance(sigma),
        "gaussian": lambda: LearnedVariance(n_features, sigma_min),
        "gaussian-sigma-z": lambda: VarianceOfZ(n_in, n_features, sigma_min),
    }[name]()
    return Gaussian(n_in, n_features, variance)
