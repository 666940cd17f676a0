import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from numvae.rules import gaussian

L, B, Z = 3, 4, 2
FLOOR = 0.01**2


@pytest.fixture
def posterior(draw):
    return draw(B, Z), draw(B, Z), draw(L, B, Z)


# Reparameterisation.


def test_reparameterize_entry_by_entry(posterior):
    """(Z1)"""
    mu, logvar, eps = posterior
    z = gaussian.reparameterize(mu, logvar, eps)
    assert z.shape == (L, B, Z)
    for sample, row, unit in np.ndindex(L, B, Z):
        sigma = math.sqrt(math.exp(logvar[row, unit]))
        wanted = mu[row, unit] + sigma * eps[sample, row, unit]
        assert z[sample, row, unit] == pytest.approx(wanted, rel=1e-12)


def test_reparameterized_samples_have_the_mean_and_standard_deviation_declared(posterior, rng):
    """(Z1): with e^logvar where σ belongs, the standard deviation is wrong."""
    mu, logvar, _ = posterior
    n, sigma = 100_000, np.exp(logvar) ** 0.5
    z = gaussian.reparameterize(mu, logvar, rng.standard_normal((n, B, Z)))
    assert (np.abs(z.mean(axis=0) - mu) < 5.0 * sigma / math.sqrt(n)).all()
    assert (np.abs(z.std(axis=0) - sigma) < 5.0 * sigma / math.sqrt(2 * n)).all()


def test_reparameterize_backward_adds_the_samples_entry_by_entry(posterior, draw):
    """(Z2) (Z3)"""
    mu, logvar, eps = posterior
    dz = draw(L, B, Z)
    dmu, dlogvar = gaussian.reparameterize_backward(dz, logvar, eps)
    for row, unit in np.ndindex(B, Z):
        half_sigma = math.sqrt(math.exp(logvar[row, unit])) / 2.0
        through_mu = sum(dz[sample, row, unit] for sample in range(L))
        through_sigma = sum(dz[s, row, unit] * eps[s, row, unit] * half_sigma for s in range(L))
        assert dmu[row, unit] == pytest.approx(through_mu, rel=1e-12)
        assert dlogvar[row, unit] == pytest.approx(through_sigma, rel=1e-12)


def test_reparameterize_backward_is_the_derivative(posterior, draw, is_derivative):
    mu, logvar, eps = posterior
    dz = draw(L, B, Z)
    dmu, dlogvar = gaussian.reparameterize_backward(dz, logvar, eps)
    assert is_derivative(lambda m: (dz * gaussian.reparameterize(m, logvar, eps)).sum(), mu, dmu)
    assert is_derivative(
        lambda s: (dz * gaussian.reparameterize(mu, s, eps)).sum(), logvar, dlogvar
    )


# The KL divergence.


def test_kl_is_the_integral_of_q_log_q_over_p(posterior):
    """(K1) by quadrature, one latent unit at a time."""
    mu, logvar, _ = posterior
    kl = gaussian.kl(mu, logvar)
    assert kl.shape == (B, Z)
    for row, unit in np.ndindex(B, Z):
        m, sigma = mu[row, unit], math.sqrt(math.exp(logvar[row, unit]))
        q, width = stats.norm(m, sigma), 12.0 * sigma
        ratio = lambda z, q=q: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z))  # noqa: E731
        integral, _ = integrate.quad(ratio, m - width, m + width)
        assert kl[row, unit] == pytest.approx(integral, rel=1e-8)


def test_kl_is_the_mean_log_ratio_of_its_own_samples(posterior, rng):
    """(K1) and (Z1) speak of the same q."""
    mu, logvar, _ = posterior
    n = 50_000
    z = gaussian.reparameterize(mu, logvar, rng.standard_normal((n, B, Z)))
    log_q = stats.norm.logpdf(z, mu, np.sqrt(np.exp(logvar))).sum(axis=-1)
    log_ratio = log_q - stats.norm.logpdf(z).sum(axis=-1)
    error = np.abs(log_ratio.mean(axis=0) - gaussian.kl(mu, logvar).sum(axis=1))
    assert (error < 5.0 * log_ratio.std(axis=0) / math.sqrt(n)).all()


def test_kl_backward_is_the_derivative(posterior, draw, is_derivative):
    """(K2) (K3)"""
    mu, logvar, _ = posterior
    dkl = draw(B, Z)
    dmu, dlogvar = gaussian.kl_backward(dkl, mu, logvar)
    assert is_derivative(lambda m: (dkl * gaussian.kl(m, logvar)).sum(), mu, dmu)
    assert is_derivative(lambda s: (dkl * gaussian.kl(mu, s)).sum(), logvar, dlogvar)


def test_kl_of_the_prior_is_zero_and_a_minimum(draw):
    """(K1) (K2) (K3)"""
    zeros = np.zeros((B, Z))
    assert_array_equal(gaussian.kl(zeros, zeros), zeros)
    for gradient in gaussian.kl_backward(draw(B, Z), zeros, zeros):
        assert_array_equal(gradient, zeros)
    assert (gaussian.kl(0.01 * draw(100, Z), 0.01 * draw(100, Z)) > 0.0).all()


def test_sampled_kl_is_the_log_ratio_of_the_densities(posterior):
    """(K4)"""
    mu, logvar, eps = posterior
    z = gaussian.reparameterize(mu, logvar, eps)
    log_q = stats.norm.logpdf(z, mu, np.sqrt(np.exp(logvar))).sum(axis=-1)
    ratio = log_q - stats.norm.logpdf(z).sum(axis=-1)
    assert_allclose(gaussian.sampled_kl(z, logvar, eps), ratio, rtol=1e-10)


def test_sampled_kl_backward_is_the_derivative(posterior, draw, is_derivative):
    """(K5) (K6)"""
    _, logvar, eps = posterior
    z, dkl = draw(*eps.shape), draw(*eps.shape[:2])
    dz, dlogvar = gaussian.sampled_kl_backward(dkl, z)
    dlogvar = np.repeat(dlogvar, logvar.shape[1], axis=1)
    assert is_derivative(lambda z: (dkl * gaussian.sampled_kl(z, logvar, eps)).sum(), z, dz)
    assert is_derivative(lambda s: (dkl * gaussian.sampled_kl(z, s, eps)).sum(), logvar, dlogvar)


# The density.

# logvar for each entry, one per dimension, one for all: what the three Gaussian likelihoods give.
each_shape_of_logvar = pytest.mark.parametrize("shape", [(L, B, Z), (Z,), (1,)], ids=str)


@each_shape_of_logvar
def test_log_density_is_that_of_scipy(draw, shape):
    """(G1) as a sum of univariate log-densities, ½ log 2π included."""
    x, mu, logvar = draw(B, Z), draw(L, B, Z), draw(*shape)
    wanted = stats.norm.logpdf(x, mu, np.sqrt(np.exp(logvar))).sum(axis=-1)
    assert_allclose(gaussian.log_density(x, mu, logvar), wanted, rtol=1e-12)


def test_log_density_is_the_multivariate_normal(draw):
    """(G1) with a diagonal covariance matrix."""
    x, mu, logvar = draw(B, 5), draw(5), draw(5)
    wanted = stats.multivariate_normal.logpdf(x, mu, np.diag(np.exp(logvar)))
    assert_allclose(gaussian.log_density(x, mu, logvar), wanted, rtol=1e-10)


@each_shape_of_logvar
def test_log_density_backward_is_the_derivative(draw, is_derivative, shape):
    """(G2) (G3), and a logvar that rows share gets the sum of its rows."""
    x, mu, logvar, dlogp = draw(L, B, Z), draw(L, B, Z), draw(*shape), draw(L, B)
    dmu, dlogvar = gaussian.log_density_backward(dlogp, x, mu, logvar)
    assert dmu.shape == dlogvar.shape == (L, B, Z)
    if len(shape) == 1:
        dlogvar = dlogvar.sum(axis=(0, 1))
    if shape == (1,):
        dlogvar = dlogvar.sum(keepdims=True)
    density = gaussian.log_density
    assert is_derivative(lambda m: (dlogp * density(x, m, logvar)).sum(), mu, dmu)
    assert is_derivative(lambda x: (dlogp * density(x, mu, logvar)).sum(), x, -dmu)
    assert is_derivative(lambda s: (dlogp * density(x, mu, s)).sum(), logvar, dlogvar)


def test_missing_values_count_for_nothing(draw):
    """(G1) (G2) (G3)"""
    x, mu, logvar, dlogp = draw(B, Z), draw(L, B, Z), draw(L, B, Z), draw(L, B)
    observed = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    wanted = (stats.norm.logpdf(x, mu, np.sqrt(np.exp(logvar))) * observed).sum(axis=-1)
    found = gaussian.log_density(x * observed, mu, logvar, observed)
    assert_allclose(found, wanted, rtol=1e-12)
    gradients = gaussian.log_density_backward(dlogp, x * observed, mu, logvar, observed)
    for got, whole in zip(gradients, gaussian.log_density_backward(dlogp, x, mu, logvar)):
        assert_allclose(got, whole * observed, rtol=1e-12)


# The floor under the variance.


def test_floor_adds_to_the_variance():
    """(F1)"""
    s = np.linspace(-30.0, 10.0, 41)
    wanted = [math.log(math.exp(si) + FLOOR) for si in s]
    assert_allclose(gaussian.floor_logvar(s, FLOOR), wanted, rtol=1e-12)


def test_floor_backward_is_the_derivative(draw, is_derivative):
    """(F2), above, around and below the floor."""
    s, dlogvar = math.log(FLOOR) + 3.0 * draw(3, 4), draw(3, 4)
    ds = gaussian.floor_logvar_backward(dlogvar, gaussian.floor_logvar(s, FLOOR), FLOOR)
    assert is_derivative(lambda s: (dlogvar * gaussian.floor_logvar(s, FLOOR)).sum(), s, ds)


def test_floor_holds_and_stays_finite_at_the_extremes(dtype):
    """(F1) (F2)"""
    s = np.array([-1e4, -50.0, 0.0, 50.0, 1e4], dtype)
    logvar = gaussian.floor_logvar(s, FLOOR)
    slope = gaussian.floor_logvar_backward(np.ones_like(s), logvar, FLOOR)
    assert_allclose(logvar[[0, -1]], [math.log(FLOOR), 1e4], rtol=1e-6)
    assert (logvar >= logvar[0]).all()
    assert_allclose(slope[[0, -1]], [0.0, 1.0], atol=1e-6)
    assert ((slope >= 0.0) & (slope <= 1.0)).all()


# Draws.


@pytest.mark.parametrize("shape", [(3,), (1,), (1, 3)], ids=str)
def test_sample_has_the_moments_declared(draw, rng, shape):
    n, mu, logvar = 100_000, draw(3), draw(*shape)
    x = gaussian.sample(rng, np.broadcast_to(mu, (n, 3)), logvar)
    sigma = np.exp(logvar) ** 0.5
    assert x.shape == (n, 3)
    assert (np.abs(x.mean(axis=0) - mu) < 5.0 * sigma / math.sqrt(n)).all()
    assert (np.abs(x.std(axis=0) - sigma) < 5.0 * sigma / math.sqrt(2 * n)).all()


def test_sample_repeats_with_its_seed_and_broadcasts_both_ways(draw):
    mu, logvar = draw(3), draw(5, 3)
    first, again = (gaussian.sample(np.random.default_rng(7), mu, logvar) for _ in range(2))
    assert first.shape == (5, 3)
    assert_array_equal(first, again)


# Invariants of all.


def test_dtype_in_is_dtype_out(draw, rng, dtype):
    mu, logvar, eps = (draw(*s, dtype=dtype) for s in [(B, Z), (B, Z), (L, B, Z)])
    x, dlogp, dkl = (draw(*s, dtype=dtype) for s in [(L, B, Z), (L, B), (B, Z)])
    outputs = [
        gaussian.reparameterize(mu, logvar, eps),
        *gaussian.reparameterize_backward(x, logvar, eps),
        gaussian.kl(mu, logvar),
        *gaussian.kl_backward(dkl, mu, logvar),
        gaussian.sampled_kl(x, logvar, eps),
        *gaussian.sampled_kl_backward(dlogp, x),
        gaussian.log_density(x, mu, logvar),
        *gaussian.log_density_backward(dlogp, x, mu, logvar),
        gaussian.floor_logvar(logvar, FLOOR),
        gaussian.floor_logvar_backward(mu, logvar, FLOOR),
        gaussian.sample(rng, mu, logvar),
    ]
    assert {str(output.dtype) for output in outputs} == {dtype}


def test_a_vanishing_variance_stays_finite(dtype):
    """(Z1) (Z3) (K1) (K3)"""
    mu, logvar = np.ones((B, Z), dtype), np.full((B, Z), -1e4, dtype)
    eps = np.ones((L, B, Z), dtype)
    assert_array_equal(gaussian.reparameterize(mu, logvar, eps), eps)
    assert_array_equal(gaussian.reparameterize_backward(eps, logvar, eps)[1], 0.0 * mu)
    assert_allclose(gaussian.kl(mu, logvar), np.full((B, Z), 5e3), rtol=1e-6)
    assert_allclose(gaussian.kl_backward(mu, mu, logvar)[1], -0.5 * mu)


def test_permuting_the_examples_permutes_the_results(posterior, draw):
    mu, logvar, eps = posterior
    order, x, dlogp = np.array([2, 0, 3, 1]), draw(B, Z), draw(B)
    mu_p, logvar_p, eps_p, x_p = mu[order], logvar[order], eps[:, order], x[order]
    z = gaussian.reparameterize(mu, logvar, eps)
    assert_allclose(gaussian.reparameterize(mu_p, logvar_p, eps_p), z[:, order])
    assert_allclose(gaussian.kl(mu_p, logvar_p), gaussian.kl(mu, logvar)[order])
    density = gaussian.log_density(x, mu, logvar)
    assert_allclose(gaussian.log_density(x_p, mu_p, logvar_p), density[order])
    gradients = gaussian.log_density_backward(dlogp, x, mu, logvar)
    permuted = gaussian.log_density_backward(dlogp[order], x_p, mu_p, logvar_p)
    for got, wanted in zip(permuted, gradients):
        assert_allclose(got, wanted[order])


def test_floor_logvar_inverse_is_the_inverse(draw):
    """(F3)"""
    s = 3.0 * draw(50)
    logvar = gaussian.floor_logvar(s, FLOOR)
    assert_allclose(gaussian.floor_logvar_inverse(logvar, FLOOR), s, rtol=1e-9)
