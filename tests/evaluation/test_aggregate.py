import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.evaluation import aggregate
from numvae.rules import mixture
from numvae.rules.mixture import Mixture
from numvae.settings import Settings
from numvae.training.loop import Training

D, Z = 3, 2


def a_training(X, n_latent=Z, **settings):
    """A model of rows X that is not trained further than its start."""
    settings = Settings(n_latent, hidden=(4,), likelihood="gaussian", **settings).checked()
    return Training.new(settings, X, 3)


def encoding(training, mu, logvar):
    """Make the model encode every row as mu and logvar of its first number."""
    training.model.encode = lambda x, y=None: (
        mu(x[:, :1]) * np.ones(training.model.n_latent),
        np.full((len(x), training.model.n_latent), logvar),
    )
    return training


def groups(n):
    """Rows whose first number is −2 or 2."""
    X = np.random.default_rng(1).standard_normal((n, D))
    X[:, 0] = np.where(np.arange(n) % 2, 2.0, -2.0)
    return X


@pytest.fixture
def X():
    return groups(1000)


# The mixture.


def test_the_mixture_lies_where_the_codes_do(X):
    training = encoding(a_training(X), lambda x: x, np.log(0.01))
    found = aggregate.fit(training, X)
    assert len(found.shares) == 10 and found.shares.sum() == pytest.approx(1.0)
    assert_allclose(np.abs(found.means), 2.0, atol=0.3)
    z = mixture.sample(np.random.default_rng(0), 2000, *found)
    assert_allclose(np.abs(z), 2.0, atol=0.6)
    assert_allclose(z[:, 0], z[:, 1], atol=0.8)


def test_the_seed_decides_it(X):
    some = [aggregate.fit(a_training(X), X) for _ in range(2)]
    for one, other in zip(*some):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("n", "n_latent", "components"),
    [(1, 2, 1), (5, 2, 1), (11, 2, 2), (1000, 2, 10), (100, 5, 4), (20_000, 1, 10), (20, 10, 1)],
)
def test_there_is_a_row_for_each_number_of_a_component(n, n_latent, components):
    X = np.random.default_rng(0).standard_normal((n, D))
    training = encoding(a_training(X, n_latent), lambda x: x, 0.0)
    found = aggregate.fit(training, X)
    assert found.means.shape == (components, n_latent)
    assert np.isfinite(np.linalg.cholesky(found.covariances)).all()


def test_few_rows_have_several_draws_and_many_are_not_all_read(monkeypatch):
    def fit(rng, z, n_components, fit=mixture.fit):
        drawn.append(len(z))
        return fit(rng, z, n_components)

    drawn = []
    monkeypatch.setattr(mixture, "fit", fit)
    for n, seen in ((3, 3), (300, 270), (6000, 4500)):
        X = np.random.default_rng(0).standard_normal((n, D))
        training, rows = a_training(X), []
        encode = training.model.encode
        training.model.encode = lambda x, y, rows=rows, encode=encode: rows.append(x) or encode(x)
        aggregate.fit(training, X)
        assert sum(map(len, rows)) == seen
    assert drawn == [3 * 167, 270 * 2, 4500]  # 500 at least
    one = encoding(a_training(X[:1]), lambda x: 0.0 * x, np.log(4.0))
    assert_allclose(aggregate.fit(one, X[:1]).covariances[0], 4.0 * np.eye(Z), atol=1.0)


def test_codes_that_are_not_finite_are_left_out(X):
    some = encoding(a_training(X), lambda x: np.where(x > 0.0, np.inf, x), np.log(0.01))
    assert_allclose(aggregate.fit(some, X).means, -2.0, atol=0.3)
    none = aggregate.fit(encoding(a_training(X), lambda x: np.nan * x, 0.0), X)
    for array, wanted in zip(none, (np.ones(1), np.zeros((1, Z)), np.eye(Z)[None])):
        assert_array_equal(array, wanted)


# How far the codes are from the prior.


def test_codes_that_fill_the_prior_are_at_no_distance():
    X = np.random.default_rng(0).standard_normal((5000, D))
    training = encoding(a_training(X, 1), lambda x: np.sqrt(0.75) * x, np.log(0.25))
    training.mixture = aggregate.fit(training, X)
    nats, error = aggregate.from_prior(training, X)
    assert nats == pytest.approx(0.0, abs=0.03) and 0.0 < error < 0.02


def test_the_distance_is_that_of_two_groups(X):
    """(M21): log 2 less than to either normal distribution, which do not overlap."""
    X = groups(5000)
    training = encoding(a_training(X, 1), lambda x: x, np.log(0.04))
    training.mixture = aggregate.fit(training, X)
    nats, error = aggregate.from_prior(training, X)
    wanted = 0.5 * (4.0 + 0.04 - 1.0 - np.log(0.04)) - np.log(2.0)
    assert nats == pytest.approx(wanted, abs=4.0 * error + 0.02) and error < 0.05
    other = Mixture(np.ones(1), np.zeros((1, 1)), np.array([[[5.0]]]))
    training.mixture = other
    assert aggregate.from_prior(training, X)[0] < wanted - 0.5
    z = aggregate.codes(training, np.random.default_rng(0), X)
    log_r = stats.norm.logpdf(z, 0.0, np.sqrt(5.0)) - stats.norm.logpdf(z)
    assert aggregate.from_prior(training, X)[0] == pytest.approx(log_r.mean(), abs=0.1)


def test_it_is_measured_on_rows_that_the_mixture_was_not_fitted_to(monkeypatch):
    X = np.random.default_rng(0).standard_normal((200, D))
    training, seen = a_training(X), []
    codes = aggregate.codes
    monkeypatch.setattr(
        aggregate, "codes", lambda t, rng, X, n=1: seen.append(X.numbers) or codes(t, rng, X, n)
    )
    training.mixture = aggregate.fit(training, X)
    aggregate.from_prior(training, X)
    assert sorted(np.concatenate(seen)) == list(range(200)) and len(seen[1]) == 20


def test_of_few_rows_or_without_a_mixture_it_is_not_measured():
    for n, measured in ((99, False), (100, True)):
        X = np.random.default_rng(0).standard_normal((n, D))
        training = a_training(X)
        assert aggregate.from_prior(training, X) is None
        training.mixture = aggregate.fit(training, X)
        assert (aggregate.from_prior(training, X) is not None) == measured


# New codes.


def test_codes_are_draws_of_the_posterior_and_of_an_autoencoder_its_mean(X):
    training = encoding(a_training(X), lambda x: x, np.log(0.04))
    z = aggregate.codes(training, np.random.default_rng(0), X, 50)
    assert z.shape == (50_000, Z) and z.dtype == np.float64
    assert_allclose((z.reshape(50, 1000, Z) - X[:, :1]).std(axis=0), 0.2, atol=0.12)
    training = encoding(a_training(X, objective="autoencoder"), lambda x: x, 0.0)
    z = aggregate.codes(training, np.random.default_rng(0), X)
    assert_array_equal(z, X[:, :1] * np.ones(Z))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_each_source_has_codes_of_its_own(X, dtype):
    X = X.astype(dtype)
    training = encoding(a_training(X), lambda x: x, np.log(0.01))
    training.mixture = Mixture(np.ones(1), np.full((1, Z), 5.0), 0.01 * np.eye(Z)[None])
    z = {
        source: aggregate.draw(training, np.random.default_rng(0), 400, source, X[:500])
        for source in aggregate.SOURCES
    }
    assert all(codes.shape == (400, Z) and codes.dtype == dtype for codes in z.values())
    wanted = np.random.default_rng(0).standard_normal((400, Z), dtype=dtype)
    assert_array_equal(z["prior"], wanted)
    assert_allclose(np.abs(z["posterior"]), 2.0, atol=0.5)
    assert 150 < (z["posterior"][:, 0] > 0.0).sum() < 250
    assert_allclose(z["mixture"], 5.0, atol=0.5)


def test_the_rows_of_a_y_are_those_that_have_it_or_else_the_nearest(monkeypatch):
    monkeypatch.setattr(aggregate, "NEAREST", 3)
    y = np.repeat([[0.1, 1.0], [0.2, 0.0], [3.0, 0.0]], [5, 2, 40], axis=0).astype("f4")
    wanted = np.array([[0.1, 1.0]] * 90 + [[1.0, 0.0]] * 90 + [[0.1, 1.0]] * 10)
    rows = aggregate._like(np.random.default_rng(0), y, wanted)
    assert set(rows[:90]) == set(range(5)) and set(rows[180:]) <= set(range(5))
    assert set(rows[90:180]) == {0, 5, 6}  # two at 0.8, and of those at 1.3 the first


def test_without_a_mixture_none_can_be_drawn_from(X):
    with pytest.raises(ValueError, match="has no mixture of its codes.*Draw from the posterior"):
        aggregate.draw(a_training(X), np.random.default_rng(0), 5, "mixture")
