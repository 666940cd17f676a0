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


# The tail of the weights.


@pytest.mark.parametrize("k", [-0.3, 0.2, 0.5, 0.7, 1.0])
def test_pareto_k_is_the_shape_of_the_tail_that_the_weights_have(k, rng):
    """(W9)"""
    w = 3.0 + stats.genpareto.rvs(k, scale=2.0, size=(10_000, 100), random_state=rng)
    found = importance.pareto_k(np.log(w))
    wanted = (300 * k + 5.0) / 310
    assert found.mean() == pytest.approx(wanted, abs=0.04)
    assert found.std() < 0.2


@pytest.mark.parametrize("n", [25, 30, 100, 400])
def test_pareto_k_is_its_definition(draw, n):
    """(W5) (W6) (W7) (W8) (W9): the tail of one column, by scipy's log-density."""
    log_w = draw(n, B)
    M = {25: 5, 30: 6, 100: 20, 400: 60}[n]
    quarter = {5: 1, 6: 2, 20: 5, 60: 15}[M]
    m = {5: 32, 6: 32, 20: 34, 60: 37}[M]
    for column, found in zip(log_w.T, importance.pareto_k(log_w)):
        w = sorted(math.exp(value) for value in column)
        x = [value - w[-M - 1] for value in w[-M:]]
        grid, logp = [], []
        for i in range(1, m + 1):
            b = 1.0 / x[-1] + (1.0 - math.sqrt(m / (i - 0.5))) / 3.0 / x[quarter - 1]
            k = sum(math.log(1.0 - b * value) for value in x) / M
            grid.append(b)
            logp.append(stats.genpareto.logpdf(x, k, scale=-k / b).sum())
        b = np.average(grid, weights=special.softmax(logp))
        k = sum(math.log(1.0 - b * value) for value in x) / M
        assert found == pytest.approx((M * k + 5.0) / (M + 10.0), rel=1e-9)


def test_pareto_k_does_not_depend_on_p_of_x_nor_on_the_order(draw, dtype):
    log_w = draw(100, B, dtype=dtype)
    before, found = log_w.copy(), importance.pareto_k(log_w)
    assert found.dtype == dtype
    assert_array_equal(log_w, before)
    shifted = importance.pareto_k(log_w + log_w.dtype.type(64.0))
    assert_allclose(shifted, found, rtol=1e-3 if dtype == "float32" else 1e-9)
    assert_array_equal(importance.pareto_k(log_w[::-1, ::-1]), found[::-1])


def test_pareto_k_rises_with_the_spread_of_the_weights(draw):
    log_w = draw(1000, B)
    found = [importance.pareto_k(spread * log_w) for spread in (0.1, 0.5, 1.0, 2.0, 5.0)]
    assert (np.diff(found, axis=0) > 0.0).all()
    assert (found[0] < 0.7).all() and (found[-1] > 0.7).all()


@pytest.mark.parametrize("rounding", [0.0, 1e-15, 1e-4])
def test_pareto_k_of_equal_weights_is_zero(draw, dtype, rounding):
    log_w = (-90.0 + rounding * np.round(draw(100, B))).astype(dtype)
    assert_array_equal(importance.pareto_k(log_w), 0.0)
    log_w[7] += 0.1
    assert (importance.pareto_k(log_w) > 0.7).all()


def test_pareto_k_of_weights_that_are_not_quite_equal():
    """Whether the twenty largest or the one next to them are apart by more than a thousandth."""
    log_w = np.zeros((100, 2))
    log_w[0, 0] = 0.0015
    log_w[20:, 1] = -0.1
    one_larger, twenty_larger = importance.pareto_k(log_w)
    assert one_larger > 0.7 and twenty_larger < -0.3


@pytest.mark.parametrize("rest", [-1e4, -np.inf])
def test_pareto_k_of_weights_that_no_float_can_hold(dtype, rest):
    log_w = np.full((100, B), rest, dtype)
    log_w[3] = 0.0
    found = importance.pareto_k(log_w)
    assert np.isfinite(found).all() and (found > 1.0).all()


def test_pareto_k_of_too_few_draws_is_not_known(draw, dtype):
    found = importance.pareto_k(draw(24, B, dtype=dtype))
    assert found.shape == (B,) and found.dtype == dtype and np.isnan(found).all()
    assert np.isfinite(importance.pareto_k(draw(25, B))).all()


def test_weights_that_are_all_zero_have_equal_shares_and_a_sum_of_zero(dtype):
    """What a row so far out that everything overflows has."""
    log_w = np.full((100, B), -np.inf, dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert_array_equal(importance.log_mean_exp(log_w), -np.inf)
        assert_array_equal(importance.pareto_k(log_w), 0.0)
    assert_allclose(importance.normalize(log_w), 0.01, rtol=1e-6)
    assert importance.normalize(log_w).dtype == dtype
    assert_allclose(importance.effective_samples(log_w), 100.0, rtol=1e-5)
    assert (importance.standard_error(log_w) < 1e-3).all()
