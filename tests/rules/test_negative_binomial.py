import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.rules import negative_binomial as nb
from numvae.rules import poisson

L, B, D = 3, 4, 5


@pytest.fixture
def x(counts):
    return counts


def scipys(x, log_mean, log_r):
    m, r = np.exp(log_mean), np.exp(log_r)
    return stats.nbinom.logpmf(x, r, r / (r + m))


def test_log_likelihood_is_that_of_scipy(x, draw):
    """(P26) (P27)"""
    log_mean, log_r = 3.0 * draw(L, B, D), 2.0 * draw(D)
    found = nb.log_likelihood(x, log_mean, log_r)
    assert found.shape == (L, B)
    assert_allclose(found, scipys(x, log_mean, log_r).sum(axis=-1), rtol=1e-10)


def test_it_is_a_poisson_whose_rate_is_drawn_from_a_gamma():
    """(P26) as a sum over rates."""
    m, r = 2.5, 1.7
    rate = np.linspace(1e-6, 60.0, 200_001)
    for count in (0.0, 1.0, 7.0):
        density = stats.poisson.pmf(count, rate) * stats.gamma.pdf(rate, r, scale=m / r)
        wanted = np.log(np.trapezoid(density, rate))
        found = nb.log_likelihood(np.array([[count]]), np.log([[m]]), np.log([r]))
        assert found[0] == pytest.approx(wanted, abs=1e-6)


def test_backward_is_the_derivative(rng, draw, is_derivative):
    """(P28) (P29)"""
    x, log_mean, log_r, dlogp = rng.poisson(2.0, (B, D)), draw(L, B, D), draw(D), draw(L, B)
    da, ds = nb.log_likelihood_backward(dlogp, x, log_mean, log_r)
    assert ds.shape == (L, B, D)
    assert is_derivative(lambda a: (dlogp * nb.log_likelihood(x, a, log_r)).sum(), log_mean, da)
    assert is_derivative(
        lambda s: (dlogp * nb.log_likelihood(x, log_mean, s)).sum(), log_r, ds.sum(axis=(0, 1))
    )


def test_with_a_large_dispersion_it_is_the_poisson(rng, draw):
    """(P26) (P28) as r → ∞, beyond the largest of which nothing changes."""
    x, a, dlogp = rng.poisson(3.0, (B, D)).astype(float), draw(L, B, D), draw(L, B)
    gaps = []
    for s in (4.0, 8.0, nb.MOST):
        gaps.append(np.abs(nb.log_likelihood(x, a, np.full(D, s)) - poisson.log_likelihood(x, a)))
    assert (gaps[1] < 0.05 * gaps[0]).all() and (gaps[2] < 1e-4).all()
    da, ds = nb.log_likelihood_backward(dlogp, x, a, np.full(D, 99.0))
    assert_allclose(da, poisson.log_likelihood_backward(dlogp, x, a), rtol=1e-4, atol=1e-4)
    assert not ds.any()
    far = nb.log_likelihood(x, a, np.full(D, 99.0))
    assert_array_equal(far, nb.log_likelihood(x, a, np.full(D, nb.MOST)))


def test_missing_counts_count_for_nothing(x, draw, rng):
    """(P26) (P28) (P29)"""
    log_mean, log_r, dlogp = draw(L, B, D), draw(D), draw(L, B)
    observed = (rng.random((B, D)) < 0.6).astype(float)
    wanted = (scipys(x, log_mean, log_r) * observed).sum(axis=-1)
    found = nb.log_likelihood(np.where(observed, x, 3.0), log_mean, log_r, observed)
    assert_allclose(found, wanted, rtol=1e-10)
    whole = nb.log_likelihood_backward(dlogp, x, log_mean, log_r)
    for found, all_of_it in zip(
        nb.log_likelihood_backward(dlogp, x * observed, log_mean, log_r, observed), whole
    ):
        assert_allclose(found, all_of_it * observed, rtol=1e-12, atol=1e-15)


def test_extreme_values_stay_finite_and_dtype_is_kept(dtype):
    x = np.array([[0.0, 7.0, 0.0, 1e12]], dtype)
    log_mean = np.array([[-1e4, -1e4, 1e4, 1e4]], dtype)
    for s in (-300.0, 0.0, 1e4):
        log_r = np.full(4, min(s, 80.0) if dtype == "float32" else s, dtype)
        outputs = [
            nb.log_likelihood(x, log_mean, log_r),
            *nb.log_likelihood_backward(np.ones(1, dtype), x, log_mean, log_r),
            nb.sample(np.random.default_rng(0), log_mean, np.maximum(log_r, -5)),
        ]
        assert all(np.isfinite(output).all() and output.dtype == dtype for output in outputs)


def test_samples_have_the_moments(rng, dtype):
    n, m, r = 100_000, np.array([0.5, 3.0, 40.0]), np.array([0.5, 2.0, 8.0])
    log_mean = np.broadcast_to(np.log(m), (n, 3)).astype(dtype)
    draws = nb.sample(rng, log_mean, np.log(r).astype(dtype))
    assert draws.dtype == dtype
    assert_array_equal(draws, np.rint(draws))
    truth = stats.nbinom(r, r / (r + m))
    draws = draws.astype(float)
    assert (np.abs(draws.mean(axis=0) - m) < 5.0 * np.sqrt(truth.var() / n)).all()
    error = truth.var() * np.sqrt((2.0 + truth.stats(moments="k")) / n)
    assert (np.abs(draws.var(axis=0) - truth.var()) < 5.0 * error).all()


def test_the_dispersion_of_moments():
    """(P30); none is so large or so small that it could not be learned."""
    mean, r = np.array([0.5, 3.0, 40.0]), np.array([0.5, 2.0, 8.0])
    found = nb.log_dispersion(mean, stats.nbinom(r, r / (r + mean)).var())
    assert_allclose(np.exp(found), r, rtol=1e-12)
    ends = nb.log_dispersion(np.array([2.0, 2.0, 0.0]), np.array([1.0, 1e9, 0.0]))
    assert_allclose(ends, [nb.MOST, np.log(0.01), np.log(0.01)])
