import numpy as np
import pytest
from numpy.testing import assert_allclose

from numvae.rules import objectives

L, B, Z, BETA = 3, 5, 4, 0.7


@pytest.fixture
def log_px(draw):
    return draw(L, B)


@pytest.fixture
def kl(rng):
    """Means from about 0.1 to 1.5 nats, unit by unit."""
    return rng.random((B, Z)) * np.array([0.2, 1.0, 2.0, 3.0])


def test_elbo_is_the_mean_loss(log_px, kl):
    """(O1)"""
    wanted = -sum(log_px[l, n] for l in range(L) for n in range(B)) / (L * B)
    wanted += sum(BETA * sum(kl[:, j]) / B for j in range(Z))
    assert objectives.elbo(log_px, kl, BETA) == pytest.approx(wanted, rel=1e-12)


def test_elbo_backward_is_the_derivative(log_px, kl, is_derivative):
    """(O2) (O3)"""
    dlog_px, dkl = objectives.elbo_backward(log_px, kl, BETA)
    assert is_derivative(lambda a: objectives.elbo(a, kl, BETA), log_px, dlog_px)
    assert is_derivative(lambda k: objectives.elbo(log_px, k, BETA), kl, dkl)


def test_with_free_bits_each_unit_costs_at_least_these(log_px, kl):
    """(O4)"""
    wanted = -log_px.mean() + sum(BETA * max(0.6, sum(kl[:, j]) / B) for j in range(Z))
    found = objectives.free_bits_elbo(log_px, kl, BETA, 0.6)
    assert found == pytest.approx(wanted, rel=1e-12)
    plain = objectives.elbo(log_px, kl, BETA)
    assert objectives.free_bits_elbo(log_px, kl, BETA, 0.0) == plain < found


def test_a_unit_within_its_free_bits_has_no_gradient(log_px, kl, is_derivative):
    """(O5) (O6)"""
    rule = objectives.free_bits_elbo
    dlog_px, dkl = objectives.free_bits_elbo_backward(log_px, kl, BETA, 0.6)
    assert is_derivative(lambda a: rule(a, kl, BETA, 0.6), log_px, dlog_px)
    assert is_derivative(lambda k: rule(log_px, k, BETA, 0.6), kl, dkl)
    assert not dkl[:, 0].any() and dkl[:, 2:].all()


def test_sampled_elbo_and_its_backward(log_px, draw, is_derivative):
    """(O7) (O8)"""
    kl = draw(L, B)
    wanted = np.mean([[BETA * kl[l, b] - log_px[l, b] for b in range(B)] for l in range(L)])
    assert objectives.sampled_elbo(log_px, kl, BETA) == pytest.approx(wanted, rel=1e-12)
    dlog_px, dkl = objectives.sampled_elbo_backward(log_px, kl, BETA)
    assert is_derivative(lambda a: objectives.sampled_elbo(a, kl, BETA), log_px, dlog_px)
    assert is_derivative(lambda k: objectives.sampled_elbo(log_px, k, BETA), kl, dkl)


def test_importance_weighted_and_its_backward(log_px, draw, is_derivative):
    """(O9) (O10)"""
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
    for gradient in objectives.free_bits_elbo_backward(log_px, kl, 1.0, 0.5):
        assert gradient.dtype == dtype
