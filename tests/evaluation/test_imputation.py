import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.evaluation import imputation
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES
from numvae.rules import gaussian
from numvae.settings import Settings
from numvae.training.loop import Training

D, Z, N, SIGMA = 5, 2, 6, 0.5


def linear(wrong=0.0):
    """A linear-Gaussian model with the exact posterior means, or beside them by `wrong`."""
    model = Autoencoder(D, Z, (), "tanh", "gaussian-fixed", sigma=SIGMA, dtype="float64")
    model.initialize(np.random.default_rng(3))
    values = model.parameters.values
    values["likelihood.mean.b"][...] = [1.0, -1.0, 0.5, 0.0, 2.0]
    W, b = values["likelihood.mean.W"], values["likelihood.mean.b"]
    posterior = np.linalg.inv(np.eye(Z) + W @ W.T / SIGMA**2)
    values["mu.W"][...] = W.T @ posterior / SIGMA**2
    values["mu.b"][...] = -b @ values["mu.W"] + wrong
    values["logvar.W"][...] = 0.0
    values["logvar.b"][...] = np.log(np.diag(posterior)) + wrong
    return model


def conditional(model, x, known):
    """Mean and covariance of the missing values of one row given the known ones, exactly."""
    W, b = (model.parameters.values[f"likelihood.mean.{name}"] for name in "Wb")
    C = W.T @ W + SIGMA**2 * np.eye(D)
    gain = C[~known][:, known] @ np.linalg.inv(C[known][:, known])
    mean = b[~known] + gain @ (x - b)[known]
    return mean, C[~known][:, ~known] - gain @ C[known][:, ~known]


@pytest.fixture
def data(rng):
    model = linear()
    x = model.sample(rng, rng.standard_normal((N, Z)))
    observed = (rng.random((N, D)) < 0.6).astype(float)
    observed[0] = [1, 1, 1, 1, 0]
    observed[1] = [0, 1, 0, 0, 0]
    return x, observed


@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_the_mean_is_the_exact_conditional_mean_of_a_linear_model(data, wrong):
    """(J1), also from a posterior that is wrong."""
    x, observed = data
    found = imputation.impute(
        linear(wrong), x * observed, observed, np.random.default_rng(0), 10, 1000
    )
    for row, known, mean in zip(x, observed == 1, found):
        wanted, covariance = conditional(linear(), row, known)
        error = np.sqrt(np.diag(covariance) / 1000)
        assert_allclose(mean[~known], wanted, atol=8.0 * error.max(initial=0.0) + 1e-12)


def test_without_the_weights_a_wrong_posterior_gives_a_wrong_mean(data, monkeypatch):
    """What (J1) is there for."""
    x, observed = data

    def error(model):
        found = imputation.impute(model, x, observed, np.random.default_rng(0), 10, 1000)
        exact = [conditional(linear(), r, k)[0] for r, k in zip(x, observed == 1)]
        return np.abs(found[observed == 0] - np.concatenate(exact)).max()

    with_weights = error(linear(0.2))
    even = lambda log_w: np.full(log_w.shape, 1.0 / len(log_w))  # noqa: E731
    monkeypatch.setattr(imputation.importance, "normalize", even)
    assert error(linear(0.2)) > 3.0 * with_weights


def test_the_weights_are_their_definition(draw):
    """(J1), one density at a time by scipy."""
    model, x = linear(0.2), draw(2, D)
    known = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 0]], bool)
    L, B = 4, 2
    zeros = np.where(known, x, 0.0)
    z, log_w = imputation._chains(model, zeros, known, None, np.random.default_rng(1), 0, L)
    mu, logvar = model.encode(zeros)  # no step: all chains see zeros
    for l, b in np.ndindex(L, B):
        said = model.decode(z[l, b][None])[0]
        log_px = stats.norm.logpdf(x[b], said, SIGMA)[known[b]].sum()
        log_pz = stats.norm.logpdf(z[l, b]).sum()
        log_q = stats.norm.logpdf(z[l, b], mu[b], np.exp(logvar[b] / 2)).sum()
        assert log_w[l, b] == pytest.approx(log_px + log_pz - log_q, rel=1e-10)


def test_the_proposal_is_the_mixture_of_all_chains(draw):
    """(J1) after some steps: the same encodings, found again from the filled rows."""
    model, x, seen = linear(), draw(1, D), []
    known = np.array([[1, 0, 0, 1, 0]], bool)

    def spy(x, y, encode=model.encode):
        seen.append(encode(x))
        return seen[-1]

    model.encode = spy
    zeros = np.where(known, x, 0.0)
    z, log_w = imputation._chains(model, zeros, known, None, np.random.default_rng(1), 3, 5)
    mu, logvar = seen[-1]
    for l in range(5):
        q = [np.exp(stats.norm.logpdf(z[l, 0], m, np.exp(v / 2)).sum()) for m, v in zip(mu, logvar)]
        log_p = gaussian.log_density(z[l, 0], 0.0, 0.0) + model.log_likelihood(
            x, z[l][None], known.astype(float)
        )
        assert log_w[l, 0] == pytest.approx((log_p - np.log(np.mean(q))).item(), rel=1e-10)
    assert mu.std(axis=0).min() > 1e-3


@pytest.mark.parametrize("likelihood", NAMES)
@pytest.mark.parametrize("given", ["float32", "float64"])
def test_known_values_are_untouched_bit_for_bit(rng, likelihood, given):
    """Whatever the missing places hold, and whichever dtype the model computes in."""
    model = Autoencoder(D, Z, (4,), "tanh", likelihood).initialize(rng)
    x = rng.random((30, D)).astype(given)
    known = rng.random((30, D)) < 0.5
    known[0], known[1] = True, False
    if likelihood == "categorical":
        x, known = np.eye(D, dtype=given)[rng.integers(0, D, 30)], np.tile(known[:, :1], (1, D))
    holes = np.where(known, x, np.nan).astype(given)
    before = holes.copy()
    found = imputation.impute(model, holes, known, rng, 2, 3)
    assert_array_equal(holes, before)
    assert found.dtype == given
    assert_array_equal(found[known], x[known])
    assert np.isfinite(found).all()


def test_at_the_first_step_the_encoder_sees_zeros(draw):
    model, seen = linear(), []

    def spy(x, y, encode=model.encode):
        seen.append(x.copy())
        return encode(x)

    model.encode = spy
    x, known = draw(1, D), np.array([[1, 0, 1, 0, 0]])
    imputation.impute(model, np.where(known, x, np.nan), known, np.random.default_rng(0), 2, 3)
    assert_array_equal(seen[0], np.repeat(np.where(known, x, 0.0), 3, axis=0))
    assert len(seen) == 3 and (seen[1][:, [1, 3, 4]] != 0.0).all()


def encoded(model, *arguments):
    """How many rows the encoder sees at a time while values are filled in."""
    seen, encode = [], model.encode
    model.encode = lambda x, y: seen.append(len(x)) or encode(x)
    imputation.impute(model, *arguments)
    return seen


def test_fewer_steps_and_more_draws_are_taken_where_a_factor_analysis_fills_in(data):
    x, observed = data
    settings = Settings(Z, hidden=(4,), likelihood="gaussian").checked()
    known_start = Training.new(settings, x, 0).model
    for model, n_steps, n_draws in ((linear(), 20, 50), (known_start, 5, 200)):
        seen = encoded(model, x[:1], observed[:1], np.random.default_rng(0))
        assert seen == [n_draws] * (n_steps + 1)


@pytest.mark.parametrize(
    ("at_once", "parts"), [(60, [60, 60]), (59, [40] * 3), (1, [20] * 6), (10_000, [120])]
)
def test_no_more_rows_are_taken_at_once_than_fit(data, monkeypatch, at_once, parts):
    monkeypatch.setattr(imputation, "AT_ONCE", at_once)
    seen = encoded(linear(), *data, np.random.default_rng(0), 1, 20)
    assert seen[::2] == seen[1::2] == parts


def test_rows_are_taken_in_parts(data, monkeypatch):
    """Other draws then, but the same answer."""
    x, observed = data
    monkeypatch.setattr(imputation, "AT_ONCE", 1)
    found = imputation.impute(linear(), x, observed, np.random.default_rng(0), 5, 1000)
    for row, known, mean in zip(x, observed == 1, found):
        assert_allclose(mean[~known], conditional(linear(), row, known)[0], atol=0.2)
