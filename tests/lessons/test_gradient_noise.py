import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numvae.lessons import gradient_noise as noise
from numvae.network import Autoencoder
from numvae.rules import gaussian, path_derivative, score_function
from numvae.settings import Settings
from numvae.training.loop import Training

D, Z, B, SIGMA, DRAWS = 4, 2, 3, 0.7, 3000


@pytest.fixture
def linear(rng):
    """A linear-Gaussian model, the truth about whose gradient is known, and a minibatch."""
    model = Autoencoder(D, Z, (), likelihood="gaussian-fixed", sigma=SIGMA, dtype="float64")
    model.initialize(rng)
    return model, rng.standard_normal((B, D))


def exact(model, x):
    """The encoder's part of the ELBO's gradient: E_q log p(x|z) is a polynomial here."""
    W, b = (model.parameters.values[f"likelihood.mean.{name}"] for name in "Wb")
    mu, logvar = model.encode(x)
    dmu = (-(x - b - mu @ W) @ W.T / SIGMA**2 + mu) / B
    dlogvar = 0.5 * np.exp(logvar) * (W * W).sum(axis=1) / SIGMA**2 + 0.5 * np.expm1(logvar)
    dlogvar /= B
    parts = (x.T @ dmu, dmu.sum(axis=0), x.T @ dlogvar, dlogvar.sum(axis=0))
    return np.concatenate([part.ravel() for part in parts])


def known(truth):
    return noise.Moments(truth, np.zeros_like(truth), 1)


# What is said about draws.


def test_moments_are_those_of_numpy(draw):
    """(E3), far from 0 too, where a sum of squares would lose them."""
    draws = 1e6 + draw(50, 7)
    found = noise.moments(iter(draws))
    assert_allclose(found.mean, draws.mean(axis=0), rtol=1e-12)
    assert_allclose(found.variance, draws.var(axis=0, ddof=1), rtol=1e-6)
    assert found.n == 50
    assert found.total_variance == pytest.approx(draws.var(axis=0, ddof=1).sum(), rel=1e-6)


def test_draws_that_are_overwritten_by_the_next_are_not_kept(draw):
    draws, same_array = draw(20, 3), np.empty(3)

    def overwritten():
        for g in draws:
            same_array[...] = g
            yield same_array

    assert_allclose(noise.moments(overwritten()).mean, draws.mean(axis=0), rtol=1e-12)


def test_a_part_of_the_parameters(draw):
    draws = draw(9, 5)
    part = noise.moments(draws)[1:3]
    assert_allclose(part.variance, draws[:, 1:3].var(axis=0, ddof=1))
    assert part.n == 9


def test_signal_to_noise_without_the_noise_of_the_mean(rng):
    """(E4): ‖mean‖ alone would say 0.32 where there is no signal."""
    mean = np.array([0.3, 0.4])
    found = noise.moments(mean + rng.standard_normal((100_000, 2)))
    assert noise.signal_to_noise(found) == pytest.approx(0.5 / math.sqrt(2.0), rel=0.02)
    silent = [noise.moments(rng.standard_normal((10, 50))) for _ in range(200)]
    squares = [(m.mean @ m.mean - m.total_variance / m.n) / m.total_variance for m in silent]
    assert abs(np.mean(squares)) < 0.01
    assert noise.signal_to_noise(silent[int(np.argmin(squares))]) == 0.0


def test_the_deviation_of_agreeing_means_is_one_standard_error_on_average(rng):
    """(E5)"""
    truth = np.ones(50)
    squares = []
    for _ in range(300):
        one, other = (noise.moments(truth + 2 * rng.standard_normal((20, 50))) for _ in range(2))
        squares.append(noise.deviation(one, other)[1] ** 2)
    assert np.mean(squares) == pytest.approx(1.0, abs=0.05)
    off, errors = noise.deviation(noise.Moments(1.5 * truth, truth, 100), known(truth))
    assert off == pytest.approx(0.5)
    assert errors == pytest.approx(5.0)  # 0.5 √50 over √(50 / 100)


# The estimators.


@pytest.mark.parametrize("estimator", noise.OF_THE_ELBO)
@pytest.mark.parametrize("L", [1, 4])
def test_every_estimator_of_the_elbo_has_the_true_gradient_for_its_mean(linear, rng, estimator, L):
    model, x = linear
    part, baseline = noise.encoder(model), noise.ideal_baseline(model, x, rng)
    found = noise.measure(model, x, rng, estimator, L, DRAWS, baseline)[part]
    off, errors = noise.deviation(found, known(exact(model, x)))
    assert errors < 2.5
    if estimator != noise.SCORE:  # else so many draws prove little
        assert off < 0.15


def test_a_baseline_made_of_the_same_draws_is_caught_as_biased(linear, rng, monkeypatch):
    """With the mean of L log w for a baseline the gradient is too short by 1/L."""
    model, x = linear
    right = score_function.backward
    monkeypatch.setattr(
        score_function, "backward", lambda w, b, *rest: right(w, w.mean(axis=0), *rest)
    )
    found = noise.measure(model, x, rng, noise.BASELINE, 2, DRAWS)[noise.encoder(model)]
    truth = exact(model, x)
    assert noise.deviation(found, known(truth))[1] > 5.0
    assert noise.deviation(found, known(truth / 2))[1] < 2.5


def test_a_forgotten_path_is_caught_as_biased(linear, rng, monkeypatch):
    model, x = linear
    right = gaussian.reparameterize_backward
    monkeypatch.setattr(
        gaussian,
        "reparameterize_backward",
        lambda dz, v, eps: (right(dz, v, eps)[0], np.zeros_like(v)),
    )
    found = noise.measure(model, x, rng, noise.CLOSED, 1, DRAWS)[noise.encoder(model)]
    assert noise.deviation(found, known(exact(model, x)))[1] > 5.0


def test_the_score_function_is_noisier_and_a_baseline_helps(linear, rng):
    model, x = linear
    x, part = x + 10.0, noise.encoder(model)  # where log p(x|z) is far from 0
    baseline = noise.ideal_baseline(model, x, rng)
    path, less, score = (
        noise.measure(model, x, rng, name, 1, 500, baseline)[part].total_variance
        for name in (noise.CLOSED, noise.BASELINE, noise.SCORE)
    )
    assert score > 3.0 * less > 3.0 * path


@pytest.mark.parametrize("estimator", noise.OF_THE_ELBO)
def test_the_variance_falls_as_one_over_the_samples(linear, rng, estimator):
    model, x = linear
    one, ten = (
        noise.measure(model, x, rng, estimator, L, 2000)[noise.encoder(model)].total_variance
        for L in (1, 10)
    )
    assert one / ten == pytest.approx(10.0, rel=0.3)


def test_one_importance_weighted_sample_is_the_sampled_elbo(linear, rng):
    model, x = linear
    eps = model.noise(rng, 1, B)
    sampled = noise.gradient(model, x, eps, noise.SAMPLED).copy()
    assert_allclose(noise.gradient(model, x, eps, noise.WEIGHTED), sampled, rtol=1e-12)


@pytest.fixture
def at_its_start(rng):
    """A model at its factor analysis, whose posterior is exact, and a minibatch."""
    x = rng.standard_normal((200, Z)) @ rng.standard_normal((Z, D))
    x += rng.standard_normal((200, D))
    training = Training.new(Settings(n_latent=Z, likelihood="gaussian").checked(), x, 0)
    return training.model, x[:B]


@pytest.fixture
def broad(at_its_start):
    """The same, but q is off, and so broad that no weight is far larger than the others."""
    model, x = at_its_start
    model.parameters.values["mu.b"] += 0.3
    model.parameters.values["logvar.b"] += 0.7
    return model, x


def test_through_z_alone_there_is_no_noise_where_q_is_the_posterior(at_its_start, rng):
    """(K7): the encoder's gradient is 0, whatever is drawn."""
    model, x = at_its_start
    closed, landing = (
        noise.measure(model, x, rng, name, 1, 20)[noise.encoder(model)]
        for name in (noise.CLOSED, noise.LANDING)
    )
    assert closed.total_variance > 1e-2
    assert landing.total_variance < 1e-20 and np.abs(landing.mean).max() < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("L", [2, 6])
def test_doubly_reparameterised_the_mean_is_that_of_iwae_and_the_variance_smaller(broad, rng, L):
    """(O11), encoder and decoder."""
    model, x = broad
    plain, doubly = (noise.measure(model, x, rng, name, L, DRAWS) for name in noise.OF_IWAE)
    part = noise.encoder(model)
    for here in (part, slice(part.stop, None)):
        assert noise.deviation(doubly[here], plain[here])[1] < 2.0
    assert doubly[part].total_variance < 0.5 * plain[part].total_variance


@pytest.mark.slow
def test_weights_that_are_not_squared_are_caught_as_biased(broad, rng, monkeypatch):
    model, x = broad
    plain = noise.measure(model, x, rng, noise.WEIGHTED, 6, DRAWS)
    monkeypatch.setattr(path_derivative, "dreg_backward", lambda dz, *terms: dz)
    assert noise.deviation(noise.measure(model, x, rng, noise.DOUBLY, 6, DRAWS), plain)[1] > 5.0


@pytest.mark.slow
def test_doubly_reparameterised_more_samples_make_the_encoders_gradient_clearer(broad, rng):
    """Rainforth et al. 2018 for IWAE; Tucker et al. 2019 for DReG."""
    model, x = broad
    part = noise.encoder(model)
    plain, doubly = (
        [noise.signal_to_noise(noise.measure(model, x, rng, name, L, 1000)[part]) for L in (4, 64)]
        for name in noise.OF_IWAE
    )
    assert plain[1] < 0.5 * plain[0] and doubly[1] > 2.0 * doubly[0]


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
def test_the_encoder_is_the_first_part_of_the_vector(hidden):
    model = Autoencoder(D, Z, hidden)
    values = model.parameters.values
    parts = {"encoder", "mu", "logvar"}
    wanted = sum(v.size for k, v in values.items() if k.split(".")[0] in parts)
    assert noise.encoder(model) == slice(0, wanted)
    model.parameters.vector[noise.encoder(model)] = 1.0
    assert {k.split(".")[0] for k, v in values.items() if v.any()} <= parts


def test_the_score_function_reaches_the_encoder_alone(linear, rng):
    model, x = linear
    model.parameters.gradient[...] = 7.0
    found = noise.score_gradient(model, x, model.noise(rng, 2, B), 0.0)
    assert found.base is model.parameters.gradient and not (found == 7.0).any()
    assert (model.parameters.gradient[len(found) :] == 7.0).all()


def test_without_a_baseline_it_is_the_score_function(linear):
    model, x = linear
    eps, found = model.noise(np.random.default_rng(5), 2, B), []
    for name in (noise.SCORE, noise.BASELINE):
        drawn = noise.cloud(model, x, np.random.default_rng(5), name, 3)
        measured = noise.measure(model, x, np.random.default_rng(5), name, 1, 3).mean
        found.append((noise.gradient(model, x, eps, name).copy(), drawn, measured))
    for score, less in zip(*found):
        assert_allclose(score, less, rtol=1e-12)


def test_the_ideal_baseline_is_the_elbo(linear, rng):
    model, x = linear
    mu, logvar = model.encode(x)
    z = gaussian.reparameterize(mu, logvar, model.noise(rng, 50_000, B))
    log_px = model.log_likelihood(x, z)
    wanted = log_px.mean(axis=0) - gaussian.kl(mu, logvar).sum(axis=1)
    error = np.abs(noise.ideal_baseline(model, x, rng, 1000) - wanted)
    assert (error < 5.0 * log_px.std(axis=0) / math.sqrt(1000)).all()


def test_a_cloud_is_the_draws_of_two_biases(rng):
    model, x = Autoencoder(D, 3, (), dtype="float64").initialize(rng), rng.random((B, D))
    found = noise.cloud(model, x, np.random.default_rng(5), noise.CLOSED, 3)
    rng = np.random.default_rng(5)
    for point in found:
        model.loss_and_grad(x, model.noise(rng, 1, B))
        assert_allclose(point, model.parameters.gradients["mu.b"][:2])
