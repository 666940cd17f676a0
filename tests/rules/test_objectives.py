import numpy as np
import pytest
from numpy.testing import assert_allclose

from numvae.rules import objectives

L, B, Z, BETA = 3, 5, 4, 0.7


@pytest.fixture
def log_px(draw):
    return draw(L, B)


def test_elbo_is_the_mean_loss_with_each_unit_held_above_its_free_bits(log_px, rng):
    """(O1)"""
    kl = rng.random((B, Z)) * np.array([0.2, 1.0, 2.0, 3.0])
    wanted = -sum(log_px[l, b] for l in range(L) for b in range(B)) / (L * B)
    for z in range(Z):
        wanted += BETA * max(0.6, sum(kl[:, z]) / B)
    assert objectives.elbo(log_px, kl, BETA, 0.6) == pytest.approx(wanted, rel=1e-12)
    plain = -log_px.mean() + BETA * kl.sum(axis=1).mean()
    assert objectives.elbo(log_px, kl, BETA, 0.0) == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("free_bits", [0.0, 0.6])
def test_elbo_backward_is_the_derivative(log_px, rng, is_derivative, free_bits):
    """(O2) (O3)"""
    kl = rng.random((B, Z)) * np.array([0.2, 1.0, 2.0, 3.0])
    dlog_px, dkl = objectives.elbo_backward(log_px, kl, BETA, free_bits)
    assert is_derivative(lambda a: objectives.elbo(a, kl, BETA, free_bits), log_px, dlog_px)
    assert is_derivative(lambda k: objectives.elbo(log_px, k, BETA, free_bits), kl, dkl)
    assert (dkl[:, 0] == 0.0).all() == (
        free_bits > 0.0
    )  # a unit within its free bits is left alone


def test_sampled_elbo_and_its_backward(log_px, draw, is_derivative):
    """(O4) (O5)"""
    kl = draw(L, B)
    wanted = np.mean([[BETA * kl[l, b] - log_px[l, b] for b in range(B)] for l in range(L)])
    assert objectives.sampled_elbo(log_px, kl, BETA) == pytest.approx(wanted, rel=1e-12)
    dlog_px, dkl = objectives.sampled_elbo_backward(log_px, kl, BETA)
    assert is_derivative(lambda a: objectives.sampled_elbo(a, kl, BETA), log_px, dlog_px)
    assert is_derivative(lambda k: objectives.sampled_elbo(log_px, k, BETA), kl, dkl)


def test_importance_weighted_and_its_backward(log_px, draw, is_derivative):
    """(O6) (O7)"""
    kl = draw(L, B)
    w = np.exp(log_px - BETA * kl)
    wanted = -np.mean([np.log(sum(w[:, b]) / L) for b in range(B)])
    found = objectives.importance_weighted(log_px, kl, BETA)
    assert found == pytest.approx(wanted, rel=1e-12)
    dlog_px, dkl = objectives.importance_weighted_backward(log_px, kl, BETA)
    assert_allclose(-B * dlog_px.sum(axis=0), 1.0)
    assert is_derivative(lambda a: objectives.importance_weighted(a, kl, BETA), log_px, dlog_px)
    assert is_derivative(lambda k: objectives.importance_weighted(log_px, k, BETA), kl, dkl)


def test_one_sample_makes_the_importance_weighted_bound_the_sampled_one_to_the_last_digit(draw):
    log_px, kl = draw(1, B), draw(1, B)
    assert objectives.importance_weighted(log_px, kl, BETA) == pytest.approx(
        objectives.sampled_elbo(log_px, kl, BETA), rel=1e-15
    )
    for a, b in zip(
        objectives.importance_weighted_backward(log_px, kl, BETA),
        objectives.sampled_elbo_backward(log_px, kl, BETA),
    ):
        assert_allclose(a, b, rtol=1e-15)


def test_more_samples_raise_the_bound_on_average(rng):
    log_w = rng.normal(size=(512, 200))
    bounds = [-objectives.importance_weighted(log_w[:k], 0.0 * log_w[:k], 1.0) for k in (1, 8, 512)]
    assert bounds[0] < bounds[1] < bounds[2]


def test_hopeless_samples_stay_finite_and_dtype_is_kept(dtype):
    log_px, kl = np.full((L, B), -1e4, dtype), np.ones((L, B), dtype)
    log_px[0] = -2e4
    assert np.isfinite(objectives.importance_weighted(log_px, kl, 1.0))
    for gradient in objectives.importance_weighted_backward(log_px, kl, 1.0):
        assert np.isfinite(gradient).all() and gradient.dtype == dtype
    for gradient in objectives.elbo_backward(log_px, kl, 1.0, 0.5):
        assert gradient.dtype == dtype
