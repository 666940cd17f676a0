from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import integrate, stats

from numvae.rules import continuous_bernoulli as rule

# λ = sigmoid(a) from 1e-6 to 1 − 1e-6, both sides of the series' edge, and zero.
LOGITS = [-13.8155, -5.0, -1.0, -0.6001, -0.6, -0.5999, -1e-4, 0.0, 1e-9, 0.3, 0.6, 2.0, 13.8155]


def density(t, a):
    """Loaiza-Ganem & Cunningham's own form, C(λ) λ^x (1 − λ)^(1 − x), away from λ = ½."""
    lam = 1.0 / (1.0 + np.exp(-a))
    c = 2.0 * np.arctanh(1.0 - 2.0 * lam) / (1.0 - 2.0 * lam)
    return c * lam**t * (1.0 - lam) ** (1.0 - t)


@pytest.mark.parametrize("a", LOGITS)
def test_density_integrates_to_one(a):
    """(C1), (C6)"""
    total, _ = integrate.quad(
        lambda t: np.exp(rule.log_likelihood(np.array([t]), np.array([a]))), 0.0, 1.0, limit=200
    )
    assert total == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("a", [-13.8155, -4.0, -0.7, -0.5, 0.2, 3.0, 13.8155])
def test_density_is_that_of_the_paper(a):
    """(C1)"""
    for t in (0.0, 0.3, 1.0):
        found = rule.log_likelihood(np.array([t]), np.array([a]))
        assert found == pytest.approx(np.log(density(t, a)), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("u", [1e-3, 0.05, 0.15, 0.25, 0.29, 0.31, 0.45, 0.59, 1.2, 2.0])
def test_series_and_closed_forms_are_exact(u):
    """(C6) (C7) against 40 digits."""
    with localcontext() as context:
        context.prec = 40
        up, down = Decimal(u).exp(), Decimal(-u).exp()
        log_sinhc = float(((up - down) / 2 / Decimal(u)).ln())
        langevin = float((up + down) / (up - down) - 1 / Decimal(u))
    for a in (np.array([2.0 * u]), np.array([-2.0 * u])):
        assert abs(rule.log_likelihood(np.array([0.5]), a) + log_sinhc) < 1e-13
        assert abs(rule.mean(a)[0] - 0.5 - 0.5 * np.sign(a[0]) * langevin) < 1e-13


def test_log_likelihood_sums_over_pixels_and_keeps_samples_apart(rng):
    """(C1)"""
    x, a = rng.random((5, 4)), 3.0 * rng.normal(size=(2, 5, 4))
    found = rule.log_likelihood(x, a)
    assert found.shape == (2, 5)
    assert found[1, 3] == pytest.approx(np.log(density(x[3], a[1, 3])).sum())


@pytest.mark.parametrize("a", LOGITS)
def test_mean_is_the_first_moment(a):
    """(C3), (C7)"""
    moment, _ = integrate.quad(
        lambda t: t * np.exp(rule.log_likelihood(np.array([t]), np.array([a]))), 0.0, 1.0, limit=200
    )
    assert rule.mean(np.array([a]))[0] == pytest.approx(moment, abs=1e-9)


def test_gradient_is_the_derivative(draw, rng, is_derivative):
    """(C2)"""
    x, logits, dlogp = rng.random((5, 4)), draw(2, 5, 4), draw(2, 5)
    da = rule.log_likelihood_backward(dlogp, x, logits)
    assert is_derivative(lambda a: (dlogp * rule.log_likelihood(x, a)).sum(), logits, da)


def test_missing_pixels_count_for_nothing(draw, rng):
    """(C1) (C2)"""
    x, logits, dlogp = rng.random((5, 4)), 3.0 * draw(2, 5, 4), draw(2, 5)
    observed = (rng.random((5, 4)) < 0.6).astype(float)
    found = rule.log_likelihood(x * observed, logits, observed)
    wanted = (np.log(density(x, logits)) * observed).sum(axis=-1)
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-9)
    da = rule.log_likelihood_backward(dlogp, x * observed, logits, observed)
    whole = rule.log_likelihood_backward(dlogp, x, logits)
    np.testing.assert_allclose(da, whole * observed, rtol=1e-12)


@pytest.mark.parametrize("a", [-30.0, -1.5, -2e-3, -1.1e-3, -1e-4, 0.0, 1e-5, 1.1e-3, 0.5, 8.0])
def test_a_draw_is_the_quantile_of_a_uniform_one(a):
    """(C5)"""
    x = rule.sample(np.random.default_rng(3), np.full(100, a))
    v = np.random.default_rng(3).random(100)
    v = 1.0 - v if a > 0.0 else v  # p(x | a) is p(1 − x | −a)
    quantile = np.log1p(v * np.expm1(a)) / a if abs(a) > 1e-3 else v
    np.testing.assert_allclose(x, quantile, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("a", [-30.0, -2.0, -1e-4, 0.0, 1e-5, 0.5, 8.0])
def test_samples_follow_the_distribution(rng, a):
    """(C5): against the integral of the density."""
    x = rule.sample(rng, np.full(5000, a))

    def cdf(t):
        return t if abs(a) < 1e-12 else np.expm1(a * t) / np.expm1(a)

    assert stats.kstest(x, cdf).pvalue > 1e-3


def test_extreme_logits_stay_finite(dtype):
    a = np.array([[-1e4, -50.0, 0.0, 50.0, 1e4]], dtype)
    x = np.array([[0.0, 0.5, 0.5, 0.5, 1.0]], dtype)
    assert np.isfinite(rule.log_likelihood(x, a)).all()
    assert ((rule.mean(a) >= 0.0) & (rule.mean(a) <= 1.0)).all()
    samples = rule.sample(np.random.default_rng(0), a)
    assert ((samples >= 0.0) & (samples <= 1.0)).all()


def test_dtype_is_kept(dtype):
    a, x = np.array([[0.2, -3.0]], dtype), np.array([[0.5, 0.25]], dtype)
    assert rule.log_likelihood(x, a).dtype == dtype
    assert rule.log_likelihood_backward(np.ones(1, dtype), x, a).dtype == dtype
    assert rule.mean(a).dtype == dtype
    assert rule.sample(np.random.default_rng(0), a).dtype == dtype


def test_logits_of_a_mean_have_that_mean(dtype):
    """(C4)"""
    wanted = np.array([0.02, 0.3, 0.5, 0.7, 0.98], dtype)
    found = rule.mean(rule.logits_of_mean(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert found.dtype == dtype
    ends = rule.mean(rule.logits_of_mean(np.array([0.0, 1.0], dtype)))
    np.testing.assert_allclose(ends, [0.02, 0.98], rtol=1e-5)
