"""The end of the decoder: the distribution p(x|z) around its output.

A likelihood is a layer too: it has parameters (`shapes`, `bind`, `initialize`). At first its mean
is the mean of the data (`initialize_mean`) or that of a factor analysis (`initialize_factors`).
`sigma` is the σ of each column (D,), NaN where it depends on z. Four methods take h_dec, the
output of the decoder's hidden layers, or return its gradient:

    log_likelihood(x, h_dec, observed)  log p(x|z) of each sample and example, remembering what
                                        backward needs; observed (B, D) is 1 where x is known and 0
                                        where it is missing, None if all of x is known
    backward(dlog_px)                   the gradient with respect to h_dec
    mean(h_dec)                         E[x|z], for pictures
    sample(rng, h_dec)                  a draw x ~ p(x|z)

The Gaussian comes in three forms that differ in where its variance comes from, so the variance is
a layer of its own: FixedVariance, LearnedVariance, VarianceOfZ. A table whose columns are of
several kinds has one likelihood for each block of columns: Blocks.

Read next: objectives.
"""

import itertools
import math

import numpy as np

from numvae.network.layers import Dense, HiddenOnly, Memory
from numvae.network.units import OwnUnits
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    gaussian,
    initialization,
    negative_binomial,
    poisson,
)


class Bernoulli:
    """Pixels that are 0 or 1, from logits."""

    rule = bernoulli
    parameter = "logits"  # of the distribution: the output of the layer

    def __init__(self, name, n_in, n_features):
        self.layer = Dense(f"{name}.{self.parameter}", n_in, n_features)
        self.shapes, self.memory = self.layer.shapes, Memory()

    def bind(self, parameters):
        self.layer.bind(parameters)

    def initialize(self, rng, init_sigma=None):
        self.layer.initialize(rng, init_sigma=init_sigma)

    def initialize_mean(self, mean, variance=None):
        """Make the mean of p(x|z) equal to `mean` (D,) where h_dec is 0; a variance that does not
        follow from the mean may begin at `variance` (D,)."""
        self.layer.b[...] = initialization.bernoulli_bias(mean)

    def initialize_factors(self, mean, b, W, psi):
        """Make the mean of p(x|z) that of the data, `mean` (D,), for every z: only real numbers
        have factors."""
        self.layer.W[...] = 0.0
        self.initialize_mean(mean)

    def log_likelihood(self, x, h_dec, observed=None):
        """x (B, D), h_dec (L·B, H) → log p(x|z) (L, B)."""
        a = self.layer.forward(h_dec).reshape(-1, *x.shape)
        self.memory.terms = x, a, observed
        return self.rule.log_likelihood(x, a, observed)

    def backward(self, dlog_px):
        """dlog_px (L, B) → dh_dec (L·B, H)."""
        da = self.rule.log_likelihood_backward(dlog_px, *self.memory.terms)
        return self.layer.backward(da.reshape(-1, self.layer.n_out))

    def mean(self, h_dec):
        """h_dec (N, H) → the probability that each pixel is 1 (N, D)."""
        return activations.sigmoid(self.layer.forward(h_dec))

    def sample(self, rng, h_dec):
        """h_dec (N, H) → pixels 0 or 1 (N, D)."""
        return bernoulli.sample(rng, self.mean(h_dec))

    def sigma(self):
        return np.full(self.layer.n_out, np.nan)


class ContinuousBernoulli(Bernoulli):
    """Gray pixels, real numbers in [0, 1], from logits: the same layer under another rule."""

    rule = continuous_bernoulli

    def initialize_mean(self, mean, variance=None):
        self.layer.b[...] = continuous_bernoulli.logits_of_mean(mean)

    def mean(self, h_dec):
        """h_dec (N, H) → the mean of x (N, D)."""
        return continuous_bernoulli.mean(self.layer.forward(h_dec))

    def sample(self, rng, h_dec):
        """h_dec (N, H) → numbers in [0, 1] (N, D)."""
        return continuous_bernoulli.sample(rng, self.layer.forward(h_dec))


class Categorical(Bernoulli):
    """One category, as a one-hot block of columns, from logits: the same layer once more."""

    rule = categorical

    def initialize_mean(self, mean, variance=None):
        self.layer.b[...] = initialization.log_bias(mean)

    def mean(self, h_dec):
        """h_dec (N, H) → the probability of each category (N, K)."""
        return categorical.mean(self.layer.forward(h_dec))

    def sample(self, rng, h_dec):
        """h_dec (N, H) → one-hot rows (N, K)."""
        return categorical.sample(rng, self.layer.forward(h_dec))


class Poisson(Bernoulli):
    """Counts, from the logarithms of their rates."""

    rule, parameter = poisson, "log_rate"

    def initialize_mean(self, mean, variance=None):
        self.layer.b[...] = initialization.log_bias(mean)

    def mean(self, h_dec):
        """h_dec (N, H) → the rate, which is the mean count (N, D)."""
        return poisson.mean(self.layer.forward(h_dec))

    def sample(self, rng, h_dec):
        """h_dec (N, H) → whole numbers (N, D)."""
        return poisson.sample(rng, self.layer.forward(h_dec))


class NegativeBinomial(Poisson):
    """Counts that vary more, from the logarithms of their means, with one learned dispersion per
    column, the same for every z."""

    rule, parameter = negative_binomial, "log_mean"

    def __init__(self, name, n_in, n_features):
        super().__init__(name, n_in, n_features)
        self.name = f"{name}.log_r"
        self.shapes = {**self.layer.shapes, self.name: (n_features,)}

    def bind(self, parameters):
        super().bind(parameters)
        self.log_r, self.dlog_r = parameters.values[self.name], parameters.gradients[self.name]

    def initialize(self, rng, init_sigma=None):
        super().initialize(rng, init_sigma)
        self.log_r[...] = 0.0

    def initialize_mean(self, mean, variance=None):
        super().initialize_mean(mean)
        if variance is not None:  # start far above its r, so that z explains the variance first
            log_r = negative_binomial.log_dispersion(mean, variance) + math.log(100.0)
            self.log_r[...] = np.minimum(log_r, negative_binomial.MOST - 1.0)

    def log_likelihood(self, x, h_dec, observed=None):
        """x (B, D), h_dec (L·B, H) → log p(x|z) (L, B)."""
        a = self.layer.forward(h_dec).reshape(-1, *x.shape)
        self.memory.terms = x, a, self.log_r, observed
        return self.rule.log_likelihood(*self.memory.terms)

    def backward(self, dlog_px):
        """dlog_px (L, B) → dh_dec (L·B, H)."""
        da, ds = self.rule.log_likelihood_backward(dlog_px, *self.memory.terms)
        self.dlog_r[...] = ds.sum(axis=(0, 1))
        return self.layer.backward(da.reshape(-1, self.layer.n_out))

    def sample(self, rng, h_dec):
        """h_dec (N, H) → whole numbers (N, D)."""
        return negative_binomial.sample(rng, self.layer.forward(h_dec), self.log_r)


class Gaussian:
    """Real numbers, x ~ N(mean(z), e^logvar); where logvar comes from is up to `variance`.

    units   of the columns: mean and logvar are those of standardised columns
    """

    def __init__(self, name, n_in, n_features, variance, units):
        self.mean_layer = Dense(f"{name}.mean", n_in, n_features)
        self.variance, self.units, self.memory = variance, units, Memory()
        self.shapes = {**self.mean_layer.shapes, **variance.shapes}

    def bind(self, parameters):
        self.mean_layer.bind(parameters)
        self.variance.bind(parameters)

    def initialize(self, rng, init_sigma=None):
        self.mean_layer.initialize(rng, init_sigma=init_sigma)
        self.variance.initialize(rng, init_sigma)

    def initialize_mean(self, mean, variance=None):
        """Make the mean of p(x|z) equal to `mean` (D,) where h_dec is 0."""
        self.mean_layer.b[...] = self.units.forward(mean)

    def initialize_factors(self, mean, b, W, psi):
        """Make p(x|z) that of a factor analysis of standardised columns: z is the end of h_dec."""
        self.mean_layer.initialize_linear(W.T, b)
        self.variance.initialize_variance(psi)

    def log_likelihood(self, x, h_dec, observed=None):
        """x (B, D), h_dec (L·B, H) → log p(x|z) (L, B)."""
        y, m = self.units.forward(x), self.mean_layer.forward(h_dec).reshape(-1, *x.shape)
        self.memory.terms = y, m, self.variance.forward(h_dec, m.shape), observed
        log_py = gaussian.log_density(*self.memory.terms)
        return self.units.log_density(log_py, observed)

    def backward(self, dlog_px):
        """dlog_px (L, B) → dh_dec (L·B, H)."""
        dm, dlogvar = gaussian.log_density_backward(dlog_px, *self.memory.terms)
        dh_mean = self.mean_layer.backward(dm.reshape(-1, self.mean_layer.n_out))
        return dh_mean + self.variance.backward(dlogvar)

    def mean(self, h_dec):
        """h_dec (N, H) → the mean of x (N, D)."""
        return self.units.inverse(self.mean_layer.forward(h_dec))

    def sample(self, rng, h_dec):
        """h_dec (N, H) → real numbers (N, D)."""
        m = self.mean_layer.forward(h_dec)
        y = gaussian.sample(rng, m, self.variance.forward(h_dec, m.shape))
        return self.units.inverse(y)

    def sigma(self):
        """In the units of the columns; NaN where it depends on z."""
        b = self.mean_layer.b
        if isinstance(self.variance, VarianceOfZ):
            return np.full(len(b), np.nan)
        logvar = self.variance.forward(b, b.shape)
        return self.units.scale * np.exp(0.5 * logvar) * np.ones(len(b))


class FixedVariance:
    """One σ² that is given and stays: the squared error, in nats."""

    def __init__(self, sigma):
        self.sigma = sigma
        self.shapes = {}

    def bind(self, parameters):
        pass

    def initialize(self, rng, init_sigma=None):
        pass

    def initialize_variance(self, psi):
        pass

    def forward(self, h_dec, shape):
        """→ logvar (1,)"""
        return np.full(1, 2.0 * math.log(self.sigma), h_dec.dtype)

    def backward(self, dlogvar):
        """A constant has no gradient."""
        return 0.0


class LearnedVariance:
    """One learned σ² per dimension, the same for every z, never below sigma_min²."""

    def __init__(self, name, n_features, sigma_min):
        self.name, self.floor, self.memory = f"{name}.s", sigma_min**2, Memory()
        self.shapes = {self.name: (n_features,)}

    def bind(self, parameters):
        self.s, self.ds = parameters.values[self.name], parameters.gradients[self.name]

    def initialize(self, rng, init_sigma=None):
        self.s[...] = 0.0

    def initialize_variance(self, psi):
        """Make the variance psi (D,), above sigma_min²."""
        self.s[...] = gaussian.floor_logvar_inverse(np.log(psi), self.floor)

    def forward(self, h_dec, shape):
        """→ logvar (D,)"""
        self.memory.logvar = gaussian.floor_logvar(self.s, self.floor)
        return self.memory.logvar

    def backward(self, dlogvar):
        """dlogvar (L, B, D): all rows have the same s, so their gradients add; h_dec has none."""
        dlogvar = dlogvar.sum(axis=(0, 1))
        self.ds[...] = gaussian.floor_logvar_backward(dlogvar, self.memory.logvar, self.floor)
        return 0.0


class VarianceOfZ:
    """σ²(z): the variance of each column from a second layer, never below sigma_min²."""

    def __init__(self, name, n_in, n_features, sigma_min, n_skip):
        self.floor, self.memory = sigma_min**2, Memory()
        self.layer = HiddenOnly(f"{name}.s", n_in, n_features, n_skip)
        self.shapes = self.layer.shapes
        self.bind = self.layer.bind

    def initialize(self, rng, init_sigma=None):
        self.layer.initialize(rng, init_sigma=init_sigma)

    def initialize_variance(self, psi):
        """Make the variance psi (D,), above sigma_min², for every z."""
        self.layer.W[...] = 0.0
        self.layer.b[...] = gaussian.floor_logvar_inverse(np.log(psi), self.floor)

    def forward(self, h_dec, shape):
        """h_dec (L·B, H) → logvar, in the shape of the mean"""
        s = self.layer.forward(h_dec).reshape(shape)
        self.memory.logvar = gaussian.floor_logvar(s, self.floor)
        return self.memory.logvar

    def backward(self, dlogvar):
        """dlogvar (L, B, D) → the gradient of h_dec (L·B, H) by this path."""
        ds = gaussian.floor_logvar_backward(dlogvar, self.memory.logvar, self.floor)
        return self.layer.backward(ds.reshape(-1, self.layer.n_out))


class Blocks:
    """Columns of several kinds, side by side: a likelihood for each block of columns."""

    def __init__(self, likelihoods, edges):
        self.likelihoods, self.edges = likelihoods, edges
        self.shapes = {name: s for block in likelihoods for name, s in block.shapes.items()}

    def bind(self, parameters):
        for block in self.likelihoods:
            block.bind(parameters)

    def initialize(self, rng, init_sigma=None):
        for block in self.likelihoods:
            block.initialize(rng, init_sigma)

    def initialize_mean(self, mean, variance=None):
        variances = [None] * len(self.likelihoods) if variance is None else self._split(variance)
        for block, its_mean, its in zip(self.likelihoods, self._split(mean), variances):
            block.initialize_mean(its_mean, its)

    def initialize_factors(self, mean, b, W, psi):
        parts = zip(self._split(mean), self._split(b), self._split(W.T), self._split(psi))
        for block, (its_mean, its_b, its_WT, its_psi) in zip(self.likelihoods, parts):
            block.initialize_factors(its_mean, its_b, its_WT.T, its_psi)

    def log_likelihood(self, x, h_dec, observed=None):
        """x (B, D), h_dec (L·B, H) → log p(x|z) (L, B): given z the columns are independent."""
        masks = [None] * len(self.likelihoods) if observed is None else self._split(observed)
        return sum(
            block.log_likelihood(columns, h_dec, mask)
            for block, columns, mask in zip(self.likelihoods, self._split(x), masks)
        )

    def backward(self, dlog_px):
        """dlog_px (L, B) → dh_dec (L·B, H): h_dec goes into all blocks; their gradients add."""
        return sum(block.backward(dlog_px) for block in self.likelihoods)

    def mean(self, h_dec):
        """h_dec (N, H) → (N, D)"""
        return np.concatenate([block.mean(h_dec) for block in self.likelihoods], axis=1)

    def sample(self, rng, h_dec):
        """h_dec (N, H) → (N, D)"""
        return np.concatenate([block.sample(rng, h_dec) for block in self.likelihoods], axis=1)

    def sigma(self):
        return np.concatenate([block.sigma() for block in self.likelihoods])

    def _split(self, array):
        return np.split(array, self.edges, axis=-1)


OWN_UNITS = OwnUnits()

# What a user names. `sigma` is the σ of gaussian-fixed, `sigma_min` the floor of the learned ones.
NAMES = (
    "bernoulli",
    "continuous-bernoulli",
    "categorical",
    "poisson",
    "negative-binomial",
    "gaussian-fixed",
    "gaussian",
    "gaussian-sigma-z",
)

COUNTS = negative_binomial.COUNTS  # whose columns are counts


def describes_counts(kind):
    """Whether any column of a likelihood, as `likelihood` takes it, is one of counts."""
    return any(name in kind for name in COUNTS)


def likelihood(kind, n_in, n_features, sigma, sigma_min, units=OWN_UNITS, n_skip=0):
    """The likelihood of one of NAMES, or of blocks of columns, as gaussian:3,categorical:5.

    units   of the columns, see `numvae.network.units`
    n_skip  how many of its n_in inputs are z itself, by a skip path
    """
    blocks, several, parts = parse_blocks(kind, n_features), ":" in kind, []
    for i, (one, here) in enumerate(blocks):
        name = f"likelihood.{i}" if several else "likelihood"
        n_columns, its_units = here.stop - here.start, units.columns(here)
        parts.append(_single(one, name, n_in, n_columns, sigma, sigma_min, its_units, n_skip))
    return Blocks(parts, [here.start for _, here in blocks[1:]]) if several else parts[0]


def column_kinds(kind, n_features):
    """The name of each column's likelihood. Shapes  → (D,)"""
    names, places = zip(*parse_blocks(kind, n_features))
    return np.repeat(names, [here.stop - here.start for here in places])


def is_density(kind):
    """Whether log p(x|z) is a density of real numbers, and not a probability."""
    return "gaussian" in kind or "continuous" in kind


def parse_blocks(kind, n_features):
    """ "gaussian:3,categorical:5" → [("gaussian", slice(0, 3)), ("categorical", slice(3, 8))]

    A name without a width, such as "bernoulli", is one block of all n_features.

    Raises  ValueError   the blocks have not n_features columns
    """
    if ":" not in kind:
        return [(kind, slice(0, n_features))]
    names, _, widths = zip(*(block.partition(":") for block in kind.split(",")))
    edges = np.cumsum([0, *map(int, widths)]).tolist()
    if edges[-1] != n_features:
        raise ValueError(
            f"The likelihood {kind} describes {edges[-1]} columns, found {n_features}."
        )
    return [(name, slice(*ends)) for name, ends in zip(names, itertools.pairwise(edges))]


def _single(kind, name, n_in, n_features, sigma, sigma_min, units, n_skip):
    one_layer = {
        "bernoulli": Bernoulli,
        "continuous-bernoulli": ContinuousBernoulli,
        "categorical": Categorical,
        "poisson": Poisson,
        "negative-binomial": NegativeBinomial,
    }
    if kind in one_layer:
        return one_layer[kind](name, n_in, n_features)
    variance = {
        "gaussian-fixed": lambda: FixedVariance(sigma),
        "gaussian": lambda: LearnedVariance(name, n_features, sigma_min),
        "gaussian-sigma-z": lambda: VarianceOfZ(name, n_in, n_features, sigma_min, n_skip),
    }[kind]()
    return Gaussian(name, n_in, n_features, variance, units)
