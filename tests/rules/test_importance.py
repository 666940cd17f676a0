import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats

from numvae.rules import gaussian, importance

L, B, Z = 5, 4, 3


def test_the_mean_weight_of_a_proposal_is_the_integral_it_stands_for(rng):
    """(K4) (W1): where x ~ N(z, σ²), p(x) is N(x; 0, 1 + σ²), wherever z is proposed."""
    n, x, sigma = 200_000, 0.7, 0.5
    mu, logvar = np.array([[0.3]]), np.array([[-0.4]])
    eps = rng.standard_normal((n, 1, 1))
    z = gaussian.reparameterize(mu, logvar, eps)
    log_w = stats.norm.logpdf(x, z[..., 0], sigma) - gaussian.sampled_kl(z, logvar, eps)
    error = np.exp(log_w).std() / np.exp(log_w).mean() / math.sqrt(n)
    wanted = stats.norm.logpdf(x, 0.0, math.sqrt(1.0 + sigma**2))
    assert abs(importance.log_mean_exp(log_w)[0] - wanted) < 5.0 * error < 0.02


def test_log_mean_exp_is_its_definition(draw):
    """(W1)"""
    log_w = draw(L, B)
    wanted = [math.log(sum(math.exp(w) for w in column) / L) for column in log_w.T]
    assert_allclose(importance.log_mean_exp(log_w), wanted, rtol=1e-12)
    assert_allclose(wanted, special.logsumexp(log_w, axis=0) - math.log(L), rtol=1e-12)


@pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
def test_log_mean_exp_of_weights_that_no_float_can_hold(draw, dtype, shift):
    """(W1)"""
    log_w = draw(L, B, dtype=dtype)
    found = importance.log_mean_exp(log_w + log_w.dtype.type(shift))
    assert found.dtype == dtype
    assert_allclose(found, importance.log_mean_exp(log_w) + shift, rtol=1e-6)


def test_one_huge_weight_outweighs_the_rest_and_no_weight_adds_nothing():
    """(W1)"""
    log_w = np.array([[-1e4, 0.0], [0.0, -np.inf]])
    assert_allclose(importance.log_mean_exp(log_w), [-math.log(2.0)] * 2)


def test_one_sample_is_its_own_weight(draw, dtype):
    """(W1) with L = 1 is the bound with a sampled KL."""
    log_w = draw(1, B, dtype=dtype)
    assert_array_equal(importance.log_mean_exp(log_w), log_w[0])


def test_the_estimate_lies_between_the_mean_and_the_largest_and_grows_with_samples(rng):
    """(W1): Burda, Grosse & Salakhutdinov 2016, theorem 1."""
    log_w = rng.standard_normal((50, 4000))
    estimate = importance.log_mean_exp(log_w)
    assert (log_w.mean(axis=0) <= estimate).all() and (estimate <= log_w.max(axis=0)).all()
    means = [importance.log_mean_exp(log_w[:n]).mean() for n in (1, 5, 50)]
    assert means == sorted(means)
    assert means[-1] == pytest.approx(0.5, abs=0.03)  # log E[e^w] of a standard normal w


def test_shares_are_the_weights_over_their_sum(draw, dtype):
    """(W2)"""
    log_w = draw(L, B, dtype=dtype)
    w = np.exp(log_w)
    shares = importance.normalize(log_w + log_w.dtype.type(-1e4))
    assert shares.dtype == dtype
    assert_allclose(shares, w / w.sum(axis=0), rtol=3e-3 if dtype == "float32" else 1e-10)
    assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-6)


def test_effective_samples_lie_between_one_and_all(draw):
    """(W3)"""
    log_w = draw(L, B)
    w = np.exp(log_w)
    found = importance.effective_samples(log_w)
    assert_allclose(found, w.sum(axis=0) ** 2 / (w**2).sum(axis=0))
    assert_allclose(importance.effective_samples(np.zeros((L, B))), L)
    one = np.where(np.arange(L)[:, None] == 2, 0.0, -1e4 * np.ones((L, B)))
    assert_allclose(importance.effective_samples(one), 1.0)


def test_standard_error_is_the_spread_of_repeated_estimates(rng):
    """(W4)"""
    log_w = 0.5 * rng.standard_normal((400, 2000))
    found = importance.standard_error(log_w)
    w = np.exp(log_w)
    assert_allclose(found, w.std(axis=0) / w.mean(axis=0) / math.sqrt(400))
    assert found.mean() == pytest.approx(importance.log_mean_exp(log_w).std(), rel=0.1)
    assert_array_equal(importance.standard_error(np.zeros((1, B))), 0.0)


def test_order_and_dtype_and_inputs_stay(draw, dtype):
    """(W1) (W3) (W4)"""
    log_w = draw(L, B, dtype=dtype)
    for rule in (importance.log_mean_exp, importance.effective_samples, importance.standard_error):
        assert rule(log_w).dtype == dtype
        assert_allclose(rule(log_w[::-1, ::-1]), rule(log_w)[::-1], rtol=1e-5)
