import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import gammaln

from numvae.rules import poisson

L, B, D = 3, 4, 5


@pytest.fixture
def x(counts):
    return counts


def test_log_likelihood_is_that_of_scipy(x, draw):
    """(P21)"""
    log_rate = 3.0 * draw(L, B, D)
    wanted = stats.poisson.logpmf(x, np.exp(log_rate)).sum(axis=-1)
    assert wanted.shape == (L, B)
    assert_allclose(poisson.log_likelihood(x, log_rate), wanted, rtol=1e-12)


def test_probabilities_of_all_counts_sum_to_one(draw):
    """(P21)"""
    counts = np.arange(200.0)[:, None]
    for a in (*draw(5), -30.0, 3.0):
        log_p = poisson.log_likelihood(counts, np.full_like(counts, a))
        assert np.exp(log_p).sum() == pytest.approx(1.0, rel=1e-12)


def test_backward_is_the_count_less_its_mean(x, draw):
    """(P22)"""
    log_rate, dlogp = draw(L, B, D), draw(L, B)
    wanted = dlogp[:, :, None] * (x - np.exp(log_rate))
    found = poisson.log_likelihood_backward(dlogp, x, log_rate)
    assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


def test_backward_is_the_derivative(rng, draw, is_derivative):
    """(P22)"""
    x, log_rate, dlogp = rng.poisson(2.0, (B, D)), draw(L, B, D), draw(L, B)
    da = poisson.log_likelihood_backward(dlogp, x, log_rate)
    assert is_derivative(lambda a: (dlogp * poisson.log_likelihood(x, a)).sum(), log_rate, da)


def test_missing_counts_count_for_nothing(x, draw, rng):
    """(P21) (P22)"""
    log_rate, dlogp = draw(L, B, D), draw(L, B)
    observed = (rng.random((B, D)) < 0.6).astype(float)
    wanted = (stats.poisson.logpmf(x, np.exp(log_rate)) * observed).sum(axis=-1)
    found = poisson.log_likelihood(x * observed, log_rate, observed)
    assert_allclose(found, wanted, rtol=1e-12)
    filled = poisson.log_likelihood(np.where(observed, x, 3.7), log_rate, observed)
    assert_array_equal(filled, found)  # what stands where a count is missing does not matter
    da = poisson.log_likelihood_backward(dlogp, x * observed, log_rate, observed)
    wanted = dlogp[..., None] * (x - np.exp(log_rate)) * observed
    assert_allclose(da, wanted, rtol=1e-12, atol=1e-15)


def test_beyond_the_largest_log_rate_the_rate_goes_on_as_its_tangent(is_derivative):
    """(P21) (P22): without a kink, and the gradient leads back."""
    top = poisson.MOST
    a, x = np.array([[top - 1e-7, top, top + 1e-7, top + 1.0, top + 5.0]]), np.full((1, 5), 3.0)
    tangent = math.exp(top) * np.maximum(a - top, 0.0)
    wanted = x * a - np.exp(np.minimum(a, top)) - tangent - math.log(6.0)
    assert_allclose(poisson.log_likelihood(x, a)[0], wanted.sum(), rtol=1e-12)
    far, dlogp = a[:, 3:] + 0.0, np.ones(1)
    da = poisson.log_likelihood_backward(dlogp, x[:, 3:], far)
    assert (da < -1e12).all()
    assert is_derivative(lambda a: poisson.log_likelihood(x[:, 3:], a).sum(), far, da)


def test_extreme_log_rates_stay_finite_and_dtype_is_kept(dtype):
    """Sure and right costs nothing; sure that there is none, and wrong, costs x times as much."""
    x = np.array([[0.0, 7.0, 0.0, 1e12]], dtype)
    log_rate = np.array([[-1e4, -1e4, 1e4, 1e4]], dtype)
    outputs = [
        poisson.log_likelihood(x, log_rate),
        poisson.log_likelihood_backward(np.ones(1, dtype), x, log_rate),
        poisson.mean(log_rate),
        poisson.sample(np.random.default_rng(0), log_rate),
    ]
    assert all(np.isfinite(output).all() and output.dtype == dtype for output in outputs)
    assert_allclose(poisson.mean(log_rate), [[0.0, 0.0, math.exp(30.0), math.exp(30.0)]], rtol=1e-6)
    assert poisson.log_likelihood(x[:, :1], log_rate[:, :1]) == 0.0
    assert_allclose(poisson.log_likelihood(x[:, 1:2], log_rate[:, 1:2]), -7e4, rtol=1e-3)


def test_single_precision_agrees_with_double_even_for_large_counts(rng):
    """The terms of (P21) are a million times their sum."""
    x = rng.poisson(1e6, (B, D)).astype("float32")
    log_rate = np.log(x) + np.float32(1e-3)
    single = poisson.log_likelihood(x, log_rate)
    assert single.dtype == np.float32
    double = stats.poisson.logpmf(x, np.exp(log_rate.astype(float))).sum(axis=-1)
    assert_allclose(single, double, rtol=1e-6)


def test_mean_and_samples_are_those_of_the_rate(rng, dtype):
    """(P23)"""
    n, log_rate = 50_000, np.array([-5.0, 0.0, 2.0, 8.0], dtype)
    assert_allclose(poisson.mean(log_rate), np.exp(log_rate), rtol=1e-6)
    draws = poisson.sample(rng, np.broadcast_to(log_rate, (n, 4)))
    assert draws.dtype == dtype
    assert_array_equal(draws, np.rint(draws))
    rate, draws = np.exp(log_rate.astype(float)), draws.astype(float)
    assert (np.abs(draws.mean(axis=0) - rate) < 5.0 * np.sqrt(rate / n)).all()
    error = np.sqrt((rate + 2.0 * rate**2) / n)
    assert (np.abs(draws.var(axis=0) - rate) < 5.0 * error).all()


def test_log_factorials_are_those_of_the_gamma_function():
    """(P24) (P25)"""
    x = np.concatenate([np.arange(3000.0), 10.0 ** np.arange(4, 13)])
    found = poisson.log_factorial(x)
    assert found[:2].tolist() == [0.0, 0.0]
    assert_allclose(found, gammaln(x + 1.0), rtol=1e-14)
    single = poisson.log_factorial(x[:3000].reshape(60, 50).astype("float32"))
    assert single.shape == (60, 50) and single.dtype == np.float64
    assert_array_equal(single.ravel(), found[:3000])
