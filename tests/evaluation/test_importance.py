import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae import rows
from numvae.evaluation import importance
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES
from numvae.rows import Inputs, binarized
from numvae.rules import gaussian
from numvae.rules.importance import effective_samples, log_mean_exp, pareto_k, standard_error
from numvae.streams import ROWS, by_content

D, Z, B = 4, 2, 6


def make(likelihood="gaussian-fixed", hidden=(), dtype="float64", sigma=0.5):
    model = Autoencoder(D, Z, hidden, "tanh", likelihood, sigma=sigma, dtype=dtype)
    return model.initialize(np.random.default_rng(3))


def exact(model, x, sigma=0.5):
    """log p(x) of a decoder without hidden layers: N(x; b, WᵀW + σ² I)."""
    values = model.parameters.values
    W, b = values["likelihood.mean.W"], values["likelihood.mean.b"]
    return stats.multivariate_normal.logpdf(x, b, W.T @ W + sigma**2 * np.eye(D))


def posterior_of_one_unit(dtype="float64", width=1.0):
    """A linear-Gaussian model of one latent unit, whose q(z|x) has so many times the true σ."""
    model = Autoencoder(D, 1, (), "tanh", "gaussian-fixed", sigma=0.5, dtype=dtype)
    values = model.initialize(np.random.default_rng(3)).parameters.values
    W, b = values["likelihood.mean.W"], values["likelihood.mean.b"]
    variance = 1.0 / (1.0 + (W @ W.T).item() / 0.25)
    values["mu.W"][...] = variance * W.T / 0.25
    values["mu.b"][...] = -b @ values["mu.W"]
    values["logvar.W"][...] = 0.0
    values["logvar.b"][...] = math.log(variance * width**2)
    return model


def log_likelihood(model, x, eps, observed=None):
    """log p(x) of each example from the draws that are given."""
    return log_mean_exp(importance.log_weights(model, x, observed, [eps]))


def estimate(model, x, n_samples, seed=0, missing=False):
    return importance.estimate(model, x, Inputs(model.dtype, seed, missing=missing), n_samples)


# The weights of draws that are given.


def test_it_is_log_p_of_a_linear_gaussian_model(draw, rng):
    """With the prior for a proposal, which is wide enough."""
    model, x = make(sigma=1.0), draw(B, D)
    for name in ("mu.W", "logvar.W"):
        model.parameters.values[name][...] = 0.0
    log_p = exact(model, x, sigma=1.0)
    for n, tolerance in ((1000, 0.5), (100_000, 0.05)):
        eps = rng.standard_normal((n, B, Z))
        assert_allclose(log_likelihood(model, x, eps), log_p, atol=tolerance)


def test_it_is_exact_from_a_single_sample_of_the_exact_posterior(draw):
    """With one latent unit the posterior is of q's own form, and every weight is p(x)."""
    model, x = posterior_of_one_unit(), draw(B, D)
    found = log_likelihood(model, x, draw(1, B, 1))
    assert_allclose(found, exact(model, x), rtol=1e-12)


@pytest.mark.parametrize("likelihood", NAMES)
def test_one_sample_gives_the_bound_with_a_sampled_kl(likelihood, rng, draw, dtype):
    model, x = make(likelihood, (5,), dtype), rng.random((B, D)).astype(dtype)
    eps = draw(1, B, Z, dtype=dtype)
    mu, logvar = model.encode(x)
    z = gaussian.reparameterize(mu, logvar, eps)[0]
    log_q = stats.norm.logpdf(z, mu, np.exp(logvar / 2)).sum(axis=1)
    wanted = model.log_likelihood(x, z[None])[0] + stats.norm.logpdf(z).sum(axis=1) - log_q
    found = log_likelihood(model, x, eps)
    assert found.dtype == np.float64
    assert_allclose(found, wanted, rtol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("likelihood", NAMES)
def test_on_average_it_lies_above_the_bound_and_more_so_with_more_samples(likelihood, rng):
    model, x = make(likelihood, (5,)), rng.random((B, D))
    model.parameters.vector *= 3.0  # a posterior that is far from right
    eps = rng.standard_normal((4000, B, Z))
    elbo = -sum(model.elbo_terms(x, eps))
    by_fives = eps.reshape(800, 5, B, Z)
    of_five = np.mean([log_likelihood(model, x, e) for e in by_fives], axis=0)
    assert elbo.mean() < of_five.mean() < log_likelihood(model, x, eps).mean()


def test_weights_that_no_float_can_hold_are_fine(draw):
    """(W1) with a log p(x|z) of −10⁴ and below."""
    model, x, eps = make(sigma=0.01), draw(B, D), draw(20, B, Z)
    found = log_likelihood(model, x, eps)
    assert np.isfinite(found).all() and found.max() < -1e3
    assert (found >= log_mean_exp(np.full((20, B), found.min()))).all()


def test_what_is_missing_does_not_count(draw, rng):
    """With the decoder of a linear-Gaussian model: the marginal of the known columns."""
    model, x = make(sigma=1.0), draw(B, D)
    for name in ("mu.W", "logvar.W"):
        model.parameters.values[name][...] = 0.0
    observed = np.tile([1.0, 0.0, 1.0, 1.0], (B, 1))
    W, b = (model.parameters.values[f"likelihood.mean.{name}"] for name in "Wb")
    some = [0, 2, 3]
    covariance = (W.T @ W + np.eye(D))[np.ix_(some, some)]
    wanted = stats.multivariate_normal.logpdf(x[:, some], b[some], covariance)
    eps = rng.standard_normal((50_000, B, Z))
    found = log_likelihood(model, x * observed, eps, observed)
    assert_allclose(found, wanted, atol=0.06)


# The driver, which draws its own noise.


def linear(wrong=0.4, n=40):
    """A linear-Gaussian model, data of its own, and a posterior that is nearly right."""
    model, rng = make(sigma=1.0), np.random.default_rng(5)
    values = model.parameters.values
    W = values["likelihood.mean.W"]
    posterior = np.linalg.inv(np.eye(Z) + W @ W.T)
    values["mu.W"][...] = W.T @ posterior
    values["mu.b"][...] = wrong
    values["logvar.W"][...] = 0.0
    values["logvar.b"][...] = np.log(np.diag(posterior)) + wrong
    x = rng.standard_normal((n, Z)) @ W + rng.standard_normal((n, D))
    return model, x


def test_bound_below_estimate_below_truth_and_tighter_with_every_sample():
    model, x = linear(n=1000)
    log_p, found = exact(model, x, sigma=1.0), estimate(model, x, 500)
    assert (found.elbo < found.log_p).all()
    assert (abs(found.log_p - log_p) < 6.0 * found.standard_error).all()
    errors = np.mean(found.curve - log_p[:, None], axis=0)
    assert importance.prefixes(500) == [1, 5, 50, 500]
    assert errors[0] < 3.0 * errors[1] < 9.0 * errors[2] < 0.0
    assert np.mean(found.elbo - log_p) == pytest.approx(errors[0], abs=0.1)
    assert abs(errors[-1]) < 5.0 * np.sqrt((found.standard_error**2).sum()) / 1000 < 0.01
    assert_array_equal(found.curve[:, -1], found.log_p)


def test_the_bound_of_an_estimate_is_the_bound(rng):
    model, x = linear()
    elbo = -sum(model.elbo_terms(x, rng.standard_normal((4000, *x.shape[:1], Z))))
    found = estimate(model, x, 4000).elbo
    assert_allclose(found.mean(), elbo.mean(), atol=0.02)


def test_the_standard_error_is_the_spread_over_seeds():
    """(W4)"""
    model, x = linear(n=10)
    many = [estimate(model, x, 200, seed) for seed in range(60)]
    spread = np.std([found.log_p for found in many], axis=0, ddof=1)
    said = np.sqrt(np.mean([found.standard_error**2 for found in many], axis=0))
    assert_allclose(said.mean(), spread.mean(), rtol=0.15)
    assert_allclose(said, spread, rtol=0.5)


def test_effective_samples_lie_between_one_and_all():
    """(W3)"""
    model, x = linear()
    found = estimate(model, x, 50)
    assert (found.effective_samples >= 1.0).all() and (found.effective_samples < 50.0).all()
    model.parameters.vector *= 20.0
    far = estimate(model, x, 50)
    assert far.effective_samples.mean() < found.effective_samples.mean()
    assert np.isfinite(far.log_p).all() and (far.effective_samples >= 1.0 - 1e-9).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_exact_posterior_has_no_gap_and_no_tail(draw, dtype):
    """(W9) Its weights are equal but for rounding, which is no tail."""
    found = estimate(posterior_of_one_unit(dtype), draw(B, D, dtype=dtype), 200)
    assert_allclose(found.log_p, found.elbo, atol=1e-4 if dtype == "float32" else 1e-12)
    assert_array_equal(found.pareto_k, 0.0)


@pytest.mark.parametrize("width", [0.5, 0.6, 0.8, 1.2])
def test_pareto_k_is_that_of_a_gaussian_of_another_width(draw, width):
    """(W9) Where x ~ N(0, 1) is drawn from N(0, width²), P(w > t) falls as t^(−1/k), but for a
    logarithm, with k = 1 − width²: of no second moment from width² = ½ down. A wider proposal has
    bounded weights, k < 0."""
    found = estimate(posterior_of_one_unit(width=width), draw(40, D), 5000).pareto_k
    if width > 1.0:
        assert found.max() < 0.2
    else:
        assert np.median(found) == pytest.approx(1.0 - width**2, abs=0.12)


@pytest.mark.parametrize("n_samples", [1, 3, 40])
def test_parts_of_any_size_change_nothing(monkeypatch, n_samples):
    model, x = linear(n=7)
    whole, decoded = estimate(model, x, n_samples, 3), []

    def spy(x, z, observed, y, log_likelihood=model.log_likelihood):
        decoded.append(len(x) * len(z))
        return log_likelihood(x, z, observed)

    monkeypatch.setattr(model, "log_likelihood", spy)
    for at_once in (1, 2, 7, 10_000):
        monkeypatch.setattr(importance, "AT_ONCE", at_once)
        parts = list(importance.estimates(model, x, Inputs(model.dtype, 3), n_samples))
        assert sum(len(part.log_p) for part in parts) == 7
        assert sum(decoded) == 7 * n_samples and max(decoded) <= at_once
        decoded.clear()
        for a, b in zip(rows.join(parts), whole):
            assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_noise_of_float32_does_not_depend_on_its_parts():
    streams = [[np.random.default_rng(s) for s in range(3)] for _ in range(2)]
    whole = np.concatenate(list(importance._noise(streams[0], 1500, 3, np.float32)))
    assert whole.shape == (1500, 3, 3) and whole.dtype == np.float32
    assert_array_equal(whole[:, 1], np.random.default_rng(1).standard_normal((1500, 3), np.float32))


def test_it_repeats_and_another_seed_is_another_draw():
    model, x = linear(n=5)
    a, b, c = (estimate(model, x, 20, seed).log_p for seed in (1, 1, 2))
    assert_array_equal(a, b)
    assert (a != c).all()


def test_a_row_has_its_estimate_wherever_it_stands_and_as_often_as_it_does():
    model, x = linear(n=8)
    x = np.tile(x, (2, 1))
    found = estimate(model, x, 20)
    assert_allclose(found.log_p[:8], found.log_p[8:], rtol=1e-12)
    alone = estimate(model, x[3:4], 20)
    for a, b in zip(alone, found):
        assert_allclose(a[0], b[3], rtol=1e-9)


@pytest.mark.parametrize("binarize", [False, True])
def test_rows_go_through_the_model_as_it_takes_them(rng, monkeypatch, binarize):
    """In its dtype, and gray pixels as black or white; so do those after the first thousand."""
    model = make("bernoulli", (5,), "float32")
    X = rng.random((1003, D))
    seen = []

    def spy(x, y, encode=model.encode):
        seen.append(x.copy())
        return encode(x)

    monkeypatch.setattr(model, "encode", spy)
    found = importance.estimate(model, X, Inputs(model.dtype, 4, binarize), 2)
    x = X.astype("float32")
    assert_array_equal(np.concatenate(seen), binarized(x, 4) if binarize else x)
    assert {x.dtype for x in seen} == {model.dtype}
    assert len(found.log_p) == 1003 and len(np.unique(found.log_p)) > 900


def test_missing_values_are_taken_from_nan():
    model, x = linear(n=6)
    holes = np.where(np.arange(x.size).reshape(x.shape) % 5 == 0, np.nan, x)
    found = estimate(model, holes, 20_000, missing=True)
    W, b = (model.parameters.values[f"likelihood.mean.{name}"] for name in "Wb")
    for row, log_p, error in zip(holes, found.log_p, found.standard_error):
        some = ~np.isnan(row)
        covariance = (W.T @ W + np.eye(D))[np.ix_(some, some)]
        wanted = stats.multivariate_normal.logpdf(row[some], b[some], covariance)
        assert log_p == pytest.approx(wanted, abs=5.0 * error + 0.01)


@pytest.mark.parametrize(
    "n, wanted", [(1, [1]), (2, [1, 2]), (5, [1, 5]), (6, [1, 5, 6]), (700, [1, 5, 50, 500, 700])]
)
def test_prefixes(n, wanted):
    assert importance.prefixes(n) == wanted


def test_the_curve_is_the_estimate_from_the_first_draws():
    model, x = linear(n=30)
    found, few = estimate(model, x, 60), estimate(model, x, 5)
    points = importance.curve(found, 60)
    assert [k for k, _, _ in points] == [1, 5, 50, 60]
    assert points[1][1] == pytest.approx(few.log_p.mean(), rel=1e-9)
    assert points[1][2] == pytest.approx(stats.sem(few.log_p), rel=1e-9)


def test_mean_and_error(draw):
    values = draw(20)
    assert importance.mean_and_error(values) == pytest.approx((values.mean(), stats.sem(values)))
    assert importance.mean_and_error(values[:1]) == (values[0], 0.0)


def test_the_numbers_of_a_row_are_those_of_its_weights(draw):
    """(W1) (W3) (W4) (W9)"""
    model, x = linear(n=1)
    found = estimate(model, x, 30, 9)
    (rng,) = by_content(x, 9, *ROWS)
    log_w = importance.log_weights(model, x, None, [rng.standard_normal((30, 1, Z))])
    assert_allclose(found.log_p, log_mean_exp(log_w), rtol=1e-12)
    assert_allclose(found.standard_error, standard_error(log_w), rtol=1e-12)
    assert_allclose(found.effective_samples, effective_samples(log_w), rtol=1e-12)
    assert_allclose(found.pareto_k, pareto_k(log_w), rtol=1e-9)
    assert_allclose(found.elbo, log_w.mean(axis=0), rtol=1e-12)
