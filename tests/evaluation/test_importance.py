import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numvae.evaluation import importance
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES
from numvae.rules import gaussian
from numvae.rules.importance import log_mean_exp

D, Z, B = 4, 2, 6


def make(likelihood="gaussian-fixed", hidden=(), dtype="float64", sigma=0.5):
    model = Autoencoder(D, Z, hidden, "tanh", likelihood, sigma=sigma, dtype=dtype)
    return model.initialize(np.random.default_rng(3))


def exact(model, x, sigma=0.5):
    """log p(x) of a decoder without hidden layers: N(x; b, WᵀW + σ² I)."""
    values = model.parameters.values
    W, b = values["likelihood.mean.W"], values["likelihood.mean.b"]
    return stats.multivariate_normal.logpdf(x, b, W.T @ W + sigma**2 * np.eye(D))


def test_it_is_log_p_of_a_linear_gaussian_model(draw, rng):
    """With the prior for a proposal, which is wide enough."""
    model, x = make(sigma=1.0), draw(B, D)
    for name in ("mu.W", "logvar.W"):
        model.parameters.values[name][...] = 0.0
    log_p = exact(model, x, sigma=1.0)
    for n, tolerance in ((1000, 0.5), (100_000, 0.05)):
        eps = rng.standard_normal((n, B, Z))
        assert_allclose(importance.log_likelihood(model, x, eps), log_p, atol=tolerance)


def test_it_is_exact_from_a_single_sample_of_the_exact_posterior(draw):
    """With one latent unit the posterior is of q's own form, and every weight is p(x)."""
    model, x = (
        Autoencoder(D, 1, (), "tanh", "gaussian-fixed", sigma=0.5, dtype="float64"),
        draw(B, D),
    )
    model.initialize(np.random.default_rng(3))
    values = model.parameters.values
    W, b = values["likelihood.mean.W"], values["likelihood.mean.b"]
    variance = 1.0 / (1.0 + (W @ W.T).item() / 0.25)
    values["mu.W"][...] = variance * W.T / 0.25
    values["mu.b"][...] = -b @ values["mu.W"]
    values["logvar.W"][...], values["logvar.b"][...] = 0.0, math.log(variance)
    found = importance.log_likelihood(model, x, draw(1, B, 1))
    assert_allclose(found, exact(model, x), rtol=1e-12)


def test_samples_are_taken_in_parts_that_change_nothing(draw, monkeypatch):
    model, x, eps = make(hidden=(5,)), draw(B, D), draw(50, B, Z)
    seen = []

    def spy(x, z, log_likelihood=model.log_likelihood):
        seen.append(len(z) * len(x))
        return log_likelihood(x, z)

    monkeypatch.setattr(model, "log_likelihood", spy)
    whole = importance.log_likelihood(model, x, eps)
    monkeypatch.setattr(importance, "ROWS_AT_ONCE", 45)
    assert_allclose(importance.log_likelihood(model, x, eps), whole, rtol=1e-12)
    assert seen[0] == 50 * B and sum(seen[1:]) == 50 * B and max(seen[1:]) <= 45


def test_examples_more_than_fit_at_once_are_still_done(draw, monkeypatch):
    model, x, eps = make(hidden=(5,)), draw(B, D), draw(7, B, Z)
    whole = importance.log_likelihood(model, x, eps)
    monkeypatch.setattr(importance, "ROWS_AT_ONCE", 2)
    assert_allclose(importance.log_likelihood(model, x, eps), whole, rtol=1e-12)


@pytest.mark.parametrize("likelihood", NAMES)
def test_one_sample_gives_the_bound_with_a_sampled_kl(likelihood, rng, draw, dtype):
    model, x = make(likelihood, (5,), dtype), rng.random((B, D)).astype(dtype)
    eps = draw(1, B, Z, dtype=dtype)
    mu, logvar = model.encode(x)
    z = gaussian.reparameterize(mu, logvar, eps)[0]
    log_q = stats.norm.logpdf(z, mu, np.exp(logvar / 2)).sum(axis=1)
    wanted = model.log_likelihood(x, z[None])[0] + stats.norm.logpdf(z).sum(axis=1) - log_q
    found = importance.log_likelihood(model, x, eps)
    assert found.dtype == np.float64
    assert_allclose(found, wanted, rtol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("likelihood", NAMES)
def test_on_average_it_lies_above_the_bound_and_more_so_with_more_samples(likelihood, rng):
    model, x = make(likelihood, (5,)), rng.random((B, D))
    model.parameters.vector *= 3.0  # a posterior that is far from right
    eps = rng.standard_normal((4000, B, Z))
    elbo = -sum(model.elbo_terms(x, eps))
    by_fives = eps.reshape(800, 5, B, Z)
    of_five = np.mean([importance.log_likelihood(model, x, e) for e in by_fives], axis=0)
    assert elbo.mean() < of_five.mean() < importance.log_likelihood(model, x, eps).mean()


def test_weights_that_no_float_can_hold_are_fine(draw):
    """(W2) with a log p(x|z) of −10⁴ and below."""
    model, x, eps = make(sigma=0.01), draw(B, D), draw(20, B, Z)
    found = importance.log_likelihood(model, x, eps)
    assert np.isfinite(found).all() and found.max() < -1e3
    assert (found >= log_mean_exp(np.full((20, B), found.min()))).all()
