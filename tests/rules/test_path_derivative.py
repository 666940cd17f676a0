import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.rules import gaussian, objectives, path_derivative

L, B, Z = 3, 4, 2


@pytest.fixture
def posterior(draw):
    """mu, logvar, draws z of q, and their eps."""
    mu, logvar, eps = draw(B, Z), draw(B, Z), draw(L, B, Z)
    return mu, logvar, gaussian.reparameterize(mu, logvar, eps), eps


def test_dz_is_the_derivative_of_scipys_densities_with_mu_and_logvar_fixed(
    posterior, draw, is_derivative
):
    """(K7)"""
    mu, logvar, z, eps = posterior
    dkl = draw(L, B)

    def kl(z):
        log_q = stats.norm.logpdf(z, mu, np.exp(0.5 * logvar))
        return (dkl * (log_q - stats.norm.logpdf(z)).sum(axis=-1)).sum()

    assert is_derivative(kl, z, path_derivative.stl_backward(dkl, z, logvar, eps))


def test_where_q_is_the_posterior_every_draw_has_the_gradient_zero(draw):
    """(K7) of x ~ N(z, s²) with z ~ N(0, 1), whose posterior is N(x / (1 + s²), s² / (1 + s²))."""
    x, s2 = draw(B, Z), 0.3
    mu, logvar, eps = x / (1.0 + s2), np.full((B, Z), np.log(s2 / (1.0 + s2))), draw(L, B, Z)
    z = gaussian.reparameterize(mu, logvar, eps)
    dz = path_derivative.stl_backward(np.ones((L, B)), z, logvar, eps)
    assert_allclose(dz, (x - z) / s2, rtol=1e-12)  # ∂log p(x|z)/∂z, which it is subtracted from


def test_a_sample_is_weighted_twice(draw):
    """(O11)"""
    dz, log_px, kl = draw(L, B, Z), draw(L, B), draw(L, B)
    for beta in (1.0, 0.7, 0.0):
        w = np.exp(log_px - beta * kl)
        found = path_derivative.dreg_backward(dz, log_px, kl, beta)
        for l, n in np.ndindex(L, B):
            v = w[l, n] / sum(w[:, n])
            assert_allclose(found[l, n], (1.0 - beta * (1.0 - v)) * dz[l, n], rtol=1e-12)


def test_one_sample_has_the_whole_weight(draw):
    """(O11): with one sample DReG is STL, to the last digit."""
    dz = draw(1, B, Z)
    found = path_derivative.dreg_backward(dz, draw(1, B), draw(1, B), 1.0)
    assert_array_equal(found, dz)


@pytest.mark.parametrize("beta", [1.0, 0.4])
def test_its_mean_is_the_gradient_of_the_mean_bound(beta):
    """(K7) (O11) as a sum over a grid of two samples, for log p(x|z) = sin 2z − ½ z²."""
    line = np.arange(-9.0, 9.0, 0.1)
    eps = np.stack(np.meshgrid(line, line)).reshape(2, -1, 1)
    share = stats.norm.pdf(eps).prod(axis=0)[:, 0] * 0.1**2

    def terms(mu, logvar):
        z = gaussian.reparameterize(np.full_like(eps[0], mu), np.full_like(eps[0], logvar), eps)
        kl = gaussian.sampled_kl(z, np.full_like(eps[0], logvar), eps)
        return z, (np.sin(2.0 * z) - 0.5 * z * z)[..., 0], kl

    def loss(mu, logvar):
        _, log_px, kl = terms(mu, logvar)
        return -share @ np.log(np.exp(log_px - beta * kl).mean(axis=0))

    mu, logvar, h = 0.7, -0.5, 1e-5
    z, log_px, kl = terms(mu, logvar)
    dlog_px, dkl = objectives.importance_weighted_backward(log_px, kl, beta)
    logvars = np.full_like(eps[0], logvar)
    dz = path_derivative.stl_backward(dkl, z, logvars, eps)
    dz = dz + dlog_px[..., None] * (2.0 * np.cos(2.0 * z) - z)
    dz = path_derivative.dreg_backward(dz, log_px, kl, beta)
    found = gaussian.reparameterize_backward(dz, logvars, eps)
    found = [share @ d[:, 0] * len(share) for d in found]  # the rules have divided by B
    wanted = (
        (loss(mu + h, logvar) - loss(mu - h, logvar)) / (2.0 * h),
        (loss(mu, logvar + h) - loss(mu, logvar - h)) / (2.0 * h),
    )
    assert_allclose(found, wanted, rtol=1e-6)


def test_hopeless_samples_stay_finite_and_dtype_is_kept(dtype):
    log_px, kl, eps = (
        np.full((L, B), -1e4, dtype),
        np.ones((L, B), dtype),
        np.ones((L, B, Z), dtype),
    )
    log_px[0] = -2e4
    outputs = (
        path_derivative.stl_backward(kl, eps, -8.0 * eps[0], eps),
        path_derivative.dreg_backward(eps, log_px, kl, 1.0),
    )
    assert all(np.isfinite(output).all() and output.dtype == dtype for output in outputs)
