import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit, softmax

from numvae.network.likelihoods import COUNTS, NAMES, is_density, likelihood, parse_blocks
from numvae.network.parameters import Parameters
from numvae.network.units import StandardUnits

L, B, H, D = 3, 4, 5, 6
SIGMA, SIGMA_MIN = 0.7, 0.2
each_likelihood = pytest.mark.parametrize("name", NAMES)


def bound(name, dtype="float64"):
    head = likelihood(name, H, D, SIGMA, SIGMA_MIN)
    parameters = Parameters(head.shapes, dtype)
    head.bind(parameters)
    parameters.vector[...] = np.random.default_rng(5).standard_normal(parameters.vector.size)
    parameters.gradient[...] = np.nan
    return head, parameters


class TiltedUniform:
    """The density ∝ e^(a x) on [0, 1]; its moments from scipy's truncated exponential."""

    def __init__(self, a):
        self.a, self.up = a, a > 0.0
        self.falling = stats.truncexpon(np.abs(a), scale=1.0 / np.abs(a))
        self.var, self.stats = self.falling.var, self.falling.stats

    def logpdf(self, x):
        return np.log(self.a / np.expm1(self.a)) + self.a * x

    def mean(self):
        return np.where(self.up, 1.0 - self.falling.mean(), self.falling.mean())


class OneOf:
    """One category of several: each column is a Bernoulli; its share of log p is x log p."""

    def __init__(self, p):
        column = stats.bernoulli(p)
        self.p, self.mean, self.var, self.stats = p, column.mean, column.var, column.stats

    def logpdf(self, x):
        return x * np.log(self.p)


def declared(name, values, h):
    """scipy's distribution of x given the features of one sample, one entry per dimension."""

    def affine(layer):
        W, b = values[f"likelihood.{layer}.W"], values[f"likelihood.{layer}.b"]
        return np.array([sum(h * W[:, d]) + b[d] for d in range(D)])

    if name == "bernoulli":
        return stats.bernoulli(expit(affine("logits")))
    if name == "categorical":
        return OneOf(softmax(affine("logits")))
    if name == "continuous-bernoulli":
        return TiltedUniform(affine("logits"))
    if name == "poisson":
        return stats.poisson(np.exp(affine("log_rate")))
    if name == "negative-binomial":
        m, r = np.exp(affine("log_mean")), np.exp(values["likelihood.log_r"])
        return stats.nbinom(r, r / (r + m))
    sigma = {
        "gaussian-fixed": lambda: SIGMA,
        "gaussian": lambda: np.sqrt(np.exp(values["likelihood.s"]) + SIGMA_MIN**2),
        "gaussian-sigma-z": lambda: np.sqrt(np.exp(affine("s")) + SIGMA_MIN**2),
    }[name]()
    return stats.norm(affine("mean"), sigma)


@pytest.fixture
def x(rng):
    x = np.eye(D)[rng.integers(D, size=B)]  # one-hot rows suit every likelihood
    x.setflags(write=False)
    return x


@each_likelihood
def test_log_likelihood_is_scipys_summed_over_the_dimensions(name, x, draw):
    """(B1) (C1) (G1) (F1) (P21), for L samples of each; row l·B + b of h is sample l of b."""
    head, parameters = bound(name)
    h = draw(L * B, H)
    log_px = head.log_likelihood(x, h)
    assert log_px.shape == (L, B)
    for sample, row in np.ndindex(L, B):
        p = declared(name, parameters.values, h[sample * B + row])
        log_p = p.logpmf(x[row]) if name in ("bernoulli", *COUNTS) else p.logpdf(x[row])
        assert log_px[sample, row] == pytest.approx(log_p.sum(), rel=1e-11)


@each_likelihood
def test_backward_overwrites_the_gradient_with_the_derivative(name, x, draw, assert_backward):
    """(B2) (G2) (G3) (F2) (P22)"""
    head, parameters = bound(name)
    h, dlog_px = draw(L * B, H), draw(L, B)
    head.log_likelihood(x, h)
    dh = head.backward(dlog_px)
    assert_backward(parameters, lambda h: head.log_likelihood(x, h), h, dlog_px, dh)


@each_likelihood
def test_mean_is_the_mean_declared(name, draw):
    head, parameters = bound(name)
    h = draw(7, H)
    wanted = [declared(name, parameters.values, row).mean() for row in h]
    assert_allclose(head.mean(h), wanted, rtol=1e-10)


@each_likelihood
def test_samples_have_the_moments_declared(name, draw, rng):
    head, parameters = bound(name)
    n, h = 50_000, draw(H)
    samples = head.sample(rng, np.broadcast_to(h, (n, H)))
    p = declared(name, parameters.values, h)
    mean_error = np.sqrt(p.var() / n)
    variance_error = np.sqrt(p.var() ** 2 * (2.0 + p.stats(moments="k")) / n)
    assert samples.shape == (n, D)
    assert (np.abs(samples.mean(axis=0) - p.mean()) < 5.0 * mean_error).all()
    assert (np.abs(samples.var(axis=0) - p.var()) < 5.0 * variance_error + 1e-12).all()


@each_likelihood
def test_dtype_in_is_dtype_out(name, draw, rng, dtype):
    head, parameters = bound(name, dtype)
    h, x = draw(L * B, H, dtype=dtype), draw(B, D, dtype=dtype)
    outputs = [head.log_likelihood(x, h), head.backward(draw(L, B, dtype=dtype))]
    outputs += [head.mean(h), head.sample(rng, h), parameters.gradient]
    assert {str(output.dtype) for output in outputs} == {dtype}


@pytest.mark.parametrize("name", ["gaussian", "gaussian-sigma-z"])
def test_learned_variance_is_smooth_and_never_below_its_floor(name, dtype):
    """(F1) over the whole range of s: rising, without a kink, flat at the floor."""
    head, parameters = bound(name, dtype)
    parameters.vector[...] = 0.0
    s, logvars = np.arange(-60.0, 20.0, 0.25), []
    for value in s:
        bias = "likelihood.s" if name == "gaussian" else "likelihood.s.b"
        parameters.values[bias][...] = value
        logvar = head.variance.forward(np.zeros((1, H), dtype), (1, 1, D))
        logvars.append(float(logvar.flat[0]))
    variance, slope = np.exp(logvars), np.diff(logvars) / 0.25
    assert (variance >= SIGMA_MIN**2 * (1.0 - 1e-6)).all()
    assert variance[0] == pytest.approx(SIGMA_MIN**2, rel=1e-6)
    assert (slope > -1e-4).all() and (slope < 1.0 + 1e-4).all()
    assert (np.abs(np.diff(slope)) < 0.25 * 0.25 + 1e-4).all()  # a softplus bends by ¼ at most


@each_likelihood
def test_extreme_parameters_stay_finite(name, draw, dtype):
    head, parameters = bound(name, dtype)
    x, h = draw(B, D, dtype=dtype), draw(L * B, H, dtype=dtype)
    for layer in ("logits", "log_rate", "s"):
        for key in (f"likelihood.{layer}", f"likelihood.{layer}.b"):
            if key in parameters.values:
                parameters.values[key][:2] = -1e4, 1e4
    assert np.isfinite(head.log_likelihood(x, h)).all()
    assert np.isfinite(head.backward(np.ones((L, B), dtype))).all()
    assert np.isfinite(parameters.gradient).all()
    assert np.isfinite(head.mean(h)).all()


@each_likelihood
def test_permuting_the_examples_permutes_the_results_and_keeps_the_gradient(name, x, draw):
    head, parameters = bound(name)
    h, dlog_px, order = draw(L, B, H), draw(L, B), np.array([2, 0, 3, 1])
    log_px = head.log_likelihood(x, h.reshape(L * B, H))
    dh = head.backward(dlog_px).reshape(L, B, H)
    gradient = parameters.gradient.copy()
    log_px_p = head.log_likelihood(x[order], h[:, order].reshape(L * B, H))
    dh_p = head.backward(dlog_px[:, order]).reshape(L, B, H)
    assert_allclose(log_px_p, log_px[:, order], rtol=1e-12)
    assert_allclose(dh_p, dh[:, order], rtol=1e-10)
    assert_allclose(parameters.gradient, gradient, rtol=1e-10, atol=1e-14)


@each_likelihood
def test_initialize_leaves_no_parameter_untouched_and_biases_zero(name, rng):
    head, parameters = bound(name)
    parameters.vector[...] = np.nan
    head.initialize(rng)
    for key, value in parameters.values.items():
        if key.endswith(".W"):
            assert value.all() and np.abs(value).max() <= math.sqrt(6.0 / (H + D))  # (I1)
        else:
            assert_array_equal(value, np.zeros(D))


@each_likelihood
def test_initialize_with_sigma_draws_every_weight_from_it(name, rng):
    """(I3)"""
    head, parameters = bound(name)
    head.initialize(rng, init_sigma=1e-3)
    weights = [value for key, value in parameters.values.items() if key.endswith(".W")]
    assert all(0.5e-3 < W.std() < 2e-3 for W in weights)


@each_likelihood
def test_it_can_start_at_the_mean_of_the_data(name, dtype):
    """(I4) (C4)"""
    head, parameters = bound(name, dtype)
    head.initialize(np.random.default_rng(0))
    mean = np.linspace(0.1, 0.9, D).astype(dtype)
    if name == "categorical":
        mean /= mean.sum()
    head.initialize_mean(mean)
    assert_allclose(head.mean(np.zeros((1, H), dtype))[0], mean, rtol=1e-5)


@each_likelihood
def test_it_can_begin_as_a_factor_analysis(name, draw, dtype):
    """x ~ N(b + W z, ψ) for every z; what cannot be linear says the mean of the data, always."""
    n_z = 2
    head = likelihood(name, H, D, SIGMA, SIGMA_MIN, n_skip=n_z)
    parameters = Parameters(head.shapes, dtype)
    head.bind(parameters)
    parameters.vector[...] = 7.0  # nothing is left of this
    h, b, W, x = (draw(*shape, dtype=dtype) for shape in ((9, H), (D,), (D, n_z), (9, D)))
    mean, psi = np.full(D, 1 / D), np.linspace(1.1, 9.0, D) * SIGMA_MIN**2
    head.initialize_factors(mean, b, W, psi)
    if "gaussian" not in name:
        assert_allclose(head.mean(h), np.tile(mean, (9, 1)), rtol=1e-5)
        return
    wanted, sigma = b + h[:, -n_z:] @ W.T, SIGMA if name == "gaussian-fixed" else np.sqrt(psi)
    assert_allclose(head.mean(h), wanted, rtol=1e-4, atol=1e-5)
    log_p = stats.norm.logpdf(x, wanted, sigma).sum(axis=1)
    assert_allclose(head.log_likelihood(x, h)[0], log_p, rtol=1e-3 if dtype == "float32" else 1e-9)


def test_a_dispersion_can_start_at_the_moments_of_the_data(rng):
    """(P30), in a block of its own columns, with a hundred times the dispersion of all rows."""
    head, _ = bound("poisson:2,negative-binomial:4")
    head.initialize(rng)
    mean, r = np.linspace(0.5, 9.0, D), np.array([0.3, 2.0, 5.0, 40.0])
    variance = mean + np.concatenate([np.ones(2), mean[2:] ** 2 / r])
    head.initialize_mean(mean, variance)
    assert_allclose(head.mean(np.zeros((1, H)))[0], mean, rtol=1e-12)
    assert_allclose(np.exp(head.likelihoods[1].log_r), 100.0 * r, rtol=1e-10)


@pytest.mark.parametrize(("mean", "variance"), [(1e6, 1.1e7), (3.0, 3.0), (3.0, 0.5)])
def test_a_dispersion_starts_where_it_can_be_learned(mean, variance, rng):
    """Large counts may vary far more than a Poisson's, and yet have a large dispersion."""
    head, parameters = bound("negative-binomial")
    head.initialize(rng)
    head.initialize_mean(np.full(D, mean), np.full(D, variance))
    x = rng.poisson(mean * rng.gamma(10.0, 0.1, (B, D)))
    head.log_likelihood(x, np.zeros((B, H)))
    head.backward(np.ones((1, B)))
    assert parameters.gradients["likelihood.log_r"].all()


# Blocks of columns.

BLOCKS, COLUMNS = "bernoulli:2,gaussian:1,categorical:3", (slice(0, 2), slice(2, 3), slice(3, 6))


def test_blocks_are_their_likelihoods_side_by_side(draw, x):
    head, _ = bound(BLOCKS)
    names = [type(block).__name__ for block in head.likelihoods]
    assert names == ["Bernoulli", "Gaussian", "Categorical"]
    h, observed = draw(L * B, H), np.ones((B, D))
    observed[0, 0] = observed[1, 2] = observed[2, 3:] = 0.0
    for seen in (None, observed):
        wanted = 0.0
        for block, here in zip(head.likelihoods, COLUMNS):
            its_seen = None if seen is None else seen[:, here]
            wanted = wanted + block.log_likelihood(x[:, here], h, its_seen)
        assert_allclose(head.log_likelihood(x, h, seen), wanted, rtol=1e-12)
    for block, here in zip(head.likelihoods, COLUMNS):
        assert_array_equal(head.mean(h)[:, here], block.mean(h))
    dlog_px = draw(L, B)
    head.log_likelihood(x, h)
    dh = head.backward(dlog_px)
    assert_allclose(dh, np.sum([block.backward(dlog_px) for block in head.likelihoods], axis=0))


def test_blocks_start_at_the_mean_of_their_columns_and_draw_around_it(rng):
    head, parameters = bound(BLOCKS)
    parameters.vector[...] = np.nan
    head.initialize(rng, 0.01)
    mean = np.array([0.2, 0.7, -3.0, 0.5, 0.3, 0.2])
    head.initialize_mean(mean)
    assert_allclose(head.mean(np.zeros((1, H)))[0], mean, rtol=1e-12)
    samples = head.sample(rng, np.zeros((20_000, H)))
    assert samples.shape == (20_000, D)
    assert_allclose(samples.mean(axis=0), mean, atol=0.05)


def test_each_block_begins_with_its_own_columns(draw):
    head, _ = bound(BLOCKS)
    h, b, W, psi = draw(9, H), draw(D), draw(D, 2), np.full(D, 0.3)
    mean = np.array([0.2, 0.7, -3.0, 0.5, 0.3, 0.2])
    head.initialize_factors(mean, b, W, psi)
    wanted = np.tile(mean, (9, 1))
    wanted[:, 2] = b[2] + h[:, -2:] @ W[2]
    assert_allclose(head.mean(h), wanted)


@each_likelihood
def test_sigma_is_that_of_draws_in_the_units_of_the_columns(name, draw, rng):
    units = StandardUnits(np.zeros(D), np.arange(1.0, D + 1.0))
    head = likelihood(name, H, D, SIGMA, SIGMA_MIN, units)
    parameters = Parameters(head.shapes, "float64")
    head.bind(parameters)
    parameters.vector[...] = rng.standard_normal(parameters.vector.size)
    sigma = head.sigma()
    assert sigma.shape == (D,)
    if name in ("gaussian", "gaussian-fixed"):
        draws = head.sample(rng, np.repeat(draw(1, H), 20_000, axis=0))
        assert_allclose(sigma, draws.std(axis=0), rtol=0.03)
    else:
        assert np.isnan(sigma).all()


def test_sigma_of_blocks_and_of_columns_that_are_left_as_they_come():
    head, _ = bound(f"gaussian-fixed:2,bernoulli:1,gaussian:{D - 3}")
    assert_array_equal(np.isnan(head.sigma()), [False, False, True, False, False, False])
    assert_allclose(head.sigma()[:2], SIGMA)


def test_blocks_are_read_from_their_text():
    names, ends = ("bernoulli", "gaussian", "categorical"), ((0, 2), (2, 3), (3, 6))
    assert parse_blocks(BLOCKS, 6) == [(name, slice(*pair)) for name, pair in zip(names, ends)]
    assert parse_blocks("bernoulli", 7) == [("bernoulli", slice(0, 7))]
    with pytest.raises(ValueError, match=f"likelihood {BLOCKS} describes 6 columns, found 7"):
        parse_blocks(BLOCKS, 7)


@each_likelihood
def test_real_numbers_have_a_density_and_choices_have_not(name):
    wanted = name not in ("bernoulli", "categorical", *COUNTS)
    assert is_density(name) == is_density(f"{name}:2,bernoulli:1") == wanted
