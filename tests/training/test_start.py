"""Where training begins, against scipy's normal distribution."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numvae import VAE
from numvae.settings import Settings
from numvae.streams import START, stream
from numvae.training import start as where
from numvae.training.loop import Training

N, D, Z = 120, 5, 2
SCALE, SHIFT = 10.0 ** np.arange(-2, 3), 10.0 ** np.arange(5)


@pytest.fixture
def X(rng):
    """Rows of a linear model, in units of all sizes."""
    x = rng.normal(size=(N, Z)) @ rng.normal(size=(Z, D)) + 0.5 * rng.normal(size=(N, D))
    return x * SCALE + SHIFT


def start(X, **settings):
    return Training.new(Settings(**{"n_latent": Z, "hidden": (6,), **settings}).checked(), X, 7)


def exact(model, X):
    """log p(x) of the factor analysis that a model began at, of raw rows."""
    b, W, psi, _ = model.factors
    units = model.config["standardize"]
    y = np.rint(2**26 * (X - X.mean(axis=0)) / X.std(axis=0)) / 2**26 if units else X
    log_p = stats.multivariate_normal(b, W @ W.T + np.diag(psi)).logpdf(y)
    return log_p - units * np.log(X.std(axis=0)).sum()


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-sigma-z", "gaussian-fixed"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)], ids=str)
@pytest.mark.parametrize("standardize", [True, False])
def test_the_elbo_is_log_p_is_the_factor_analysis(X, likelihood, hidden, standardize):
    settings = {"likelihood": likelihood, "hidden": hidden, "sigma": 0.5}
    if not standardize:
        X = (X - SHIFT) / SCALE  # sigma_min is in the units of X then
    training = start(X, standardize=standardize, **settings)
    model = training.model
    for seed in (0, 1):  # any draws will do: the posterior is exact
        eps = np.random.default_rng(seed).normal(size=(1, N, Z))
        mu, logvar = model.encode(X)
        z = mu + np.exp(0.5 * logvar) * eps
        log_q = stats.norm.logpdf(z, mu, np.exp(0.5 * logvar)).sum(axis=-1)
        log_pz = stats.norm.logpdf(z).sum(axis=-1)
        elbo = model.log_likelihood(X, z) + log_pz - log_q
        assert_allclose(elbo[0], exact(model, X), rtol=0, atol=1e-9)


def test_the_factor_analysis_is_a_good_one(X):
    """No worse on its own rows than the model that they come from, fitted by its moments."""
    model = start(X).model
    independent = stats.norm.logpdf(X, X.mean(axis=0), X.std(axis=0)).sum(axis=1).mean()
    full = stats.multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True)).logpdf(X).mean()
    assert independent + 1.0 < exact(model, X).mean() < full < exact(model, X).mean() + 0.2


@pytest.mark.parametrize(
    ("n", "settings", "floor", "ceiling", "imagined"),
    [
        (N, {"sigma_min": 0.05}, 1.1 * 0.05**2, np.inf, 2 * D / N),
        (4, {}, 1.1 * 0.01**2, np.inf, 2.0),
        (N, {"likelihood": "gaussian-fixed", "sigma": 0.3}, 0.3**2, 0.3**2, 2 * D / N),
    ],
)
def test_the_noise_is_bounded_as_in_the_model_and_few_rows_are_joined_by_imagined_ones(
    X, monkeypatch, n, settings, floor, ceiling, imagined
):
    def fit(*args, fit=where.factor_analysis.fit, **options):
        given.update(options)
        return fit(*args, **options)

    given = {}
    monkeypatch.setattr(where.factor_analysis, "fit", fit)
    start(X[:n], **settings)
    for name, wanted in (("floor", floor), ("ceiling", ceiling), ("imagined", imagined)):
        assert_allclose(given[name], wanted, rtol=1e-6)  # columns are standardised but for rounding


def test_the_factors_of_the_rows_looked_at_are_those_of_the_model_s_units(X, monkeypatch):
    monkeypatch.setattr(where, "MOST_ROWS", 40)
    model = start(X).model
    numbers = stream(7, *START).permutation(N)[:40]
    assert_allclose(model.factors.b, model.units.forward(X[numbers]).mean(axis=0), atol=1e-6)


def test_a_column_that_differs_by_rounding_alone_does_not_vary():
    x = np.full((50, 2), 1e6)
    x[::2] = np.nextafter(1e6, 2e6)
    x[:, 1] += 1e-8 * np.arange(50)  # some hundred times as much
    center, scale = where.units(x, np.full(2, "gaussian"))
    assert_allclose(center, 1e6)
    assert_allclose(scale, [1.0, x[:, 1].std()])


def test_only_what_is_measured_or_counted_has_units():
    x = np.array([[1.0, 1.0, 1.0], [5.0, 0.0, 3.0]])
    center, scale = where.units(x, np.array(["gaussian-fixed", "bernoulli", "poisson"]))
    assert_allclose(center, [3.0, 0.0, 2.0])
    assert_allclose(scale, [2.0, 1.0, 1.0])


def test_ten_thousand_rows_are_looked_at(monkeypatch):
    def fit(x, *args, fit=where.factor_analysis.fit, **options):
        looked_at.append(len(x))
        return fit(x, *args, **options)

    looked_at = []
    monkeypatch.setattr(where.factor_analysis, "fit", fit)
    start(np.arange(20_002.0).reshape(10_001, 2) % 7)
    assert looked_at == [10_000]


def test_counts_are_standardised_for_the_encoder_and_start_at_their_mean(rng):
    counts = rng.poisson([0.0, 0.3, 200.0], (N, 3)).astype(float)
    model = start(counts, likelihood="poisson", n_latent=1).model
    assert_allclose(model.units.center, counts.mean(axis=0))
    assert_allclose(model.units.scale, [1.0, *counts[:, 1:].std(axis=0)])
    rate = model.likelihood.mean(np.zeros((1, 6)))[0]
    assert_allclose(rate, [0.001, *counts.mean(axis=0)[1:]])
    seen = model.encoder.layers[0].memory
    model.encode(counts)
    assert_allclose(seen.x, (counts - model.units.center) / model.units.scale, atol=1e-7)


def test_a_dispersion_starts_at_the_moments_of_its_column(rng):
    """(P30), times a hundred: z has yet to explain some of the variance."""
    counts = rng.negative_binomial([2.0, 0.5], [0.3, 0.1], (N, 2)).astype(float)
    rows = np.hstack([rng.normal(size=(N, 1)), counts])
    model = start(rows, likelihood="gaussian:1,negative-binomial:2", n_latent=1).model
    mean, variance = counts.mean(axis=0), counts.var(axis=0)
    r = np.exp(model.parameters.values["likelihood.1.log_r"])
    assert_allclose(r, 100.0 * mean**2 / (variance - mean), rtol=1e-6)
    decoded = model.decode(rng.normal(size=(5, 1)))[:, 1:]
    assert_allclose(decoded, np.tile(mean, (5, 1)), rtol=1e-6)


def test_an_estimator_without_rows_to_decide_stays_there(X):
    with pytest.warns(UserWarning, match="factor analysis, as it began"):
        vae = VAE(Z, random_state=0).fit(X[:90])
    assert (vae.n_iter_, vae.history_) == (0, [])
    assert_allclose(vae.score_samples(X[:90]), exact(vae.network_, X[:90]), atol=1e-9)
    assert_allclose(vae.elbo(X[:90]), vae.score_samples(X[:90]), atol=1e-9)


def test_with_values_missing_the_bound_is_below_what_is_known(X, rng):
    holes = np.where(rng.random(X.shape) < 0.2, np.nan, X)
    training = start(holes, missing=True)
    model, (x, observed, _) = training.model, training.inputs(holes)
    b, W, psi, _ = model.factors
    C = W @ W.T + np.diag(psi)
    y = (X - model.units.center) / model.units.scale
    log_p = [
        stats.multivariate_normal(b[o], C[np.ix_(o, o)]).logpdf(row[o])
        - np.log(model.units.scale[o]).sum()
        for row, o in zip(y, observed.astype(bool))
    ]
    nll, kl = model.elbo_terms(x, rng.normal(size=(200, N, Z)), observed)
    gap = np.array(log_p) + nll + kl
    assert gap.mean() > 0 and (gap > -0.5).all()
    whole = observed.all(axis=1)
    assert_allclose(gap[whole], 0.0, atol=0.4)  # of 200 draws, with the KL in closed form


def test_columns_of_other_kinds_start_at_their_frequencies(X, rng):
    kinds = np.eye(3)[rng.choice(3, N, p=[0.6, 0.3, 0.1])]
    rows = np.hstack([X[:, :2], kinds, X[:, 2:3]])
    model = start(rows, likelihood="gaussian:2,categorical:3,gaussian-sigma-z:1").model
    decoded = model.decode(rng.normal(size=(50, Z)))
    assert_allclose(decoded[:, 2:5], np.tile(kinds.mean(axis=0), (50, 1)), atol=1e-12)
    assert decoded[:, 0].std() > 0.1 * X[:, 0].std()
    assert not model.factors.W[2:5].any() and model.factors.W[[0, 1, 5]].any()


def test_columns_of_other_kinds_and_those_that_do_not_vary_have_no_factors_whatever_y_is(X, rng):
    rows = np.hstack(
        [X[:, :2], np.full((N, 1), 3.0), np.eye(3)[rng.integers(3, size=N)], X[:, 2:3]]
    )
    settings = Settings(Z, hidden=(6,), likelihood="gaussian:3,categorical:3").checked()
    b, W, psi, U = Training.new(settings, rows, 7, n_condition=1).model.factors
    assert not (b[2:].any() or W[2:].any() or U[2:].any()) and (psi[2:] == 1.0).all()
    assert W[:2].all() and U[:2].all()


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("n_latent", [1, 9])
def test_few_rows_constant_columns_and_many_units_are_fine(X, n, n_latent):
    rows = X[:n].copy()
    rows[:, 1] = 3.0
    model = start(rows, n_latent=n_latent).model
    assert np.isfinite(model.parameters.vector).all()
    assert np.isfinite(model.log_likelihood(rows, np.zeros((1, n, n_latent)))).all()
    assert model.units.scale[1] == 1.0


def test_the_start_is_that_of_the_training_rows_alone(X):
    wild = np.vstack([X, 1e6 * X[:14]])
    vae = VAE(Z, epochs=1, random_state=0)
    first = vae.fit(X).network_.units.scale.copy()
    order = [*range(N), *range(N, N + 14)]
    assert (vae.fit(wild[order]).network_.units.scale > first).all()
    training_rows = start(X[20:]).model.units
    assert_allclose(training_rows.center, X[20:].mean(axis=0))
    assert_allclose(training_rows.scale, X[20:].std(axis=0))


def test_weights_drawn_by_hand_or_no_skip_path_leave_the_factors_out(X):
    for settings in ({"init_sigma": 0.1}, {"skip": False}):
        model = start(X, **settings).model
        assert model.parameters.values["mu.W"].all()  # drawn, none of them 0
        assert model.factors is None or not model.factors.W.any()


def test_a_column_without_values_starts_at_0_with_its_variance(X):
    holes = X.copy()
    holes[:, 1] = np.nan
    model = start(holes, missing=True).model
    assert (model.factors.b[1], model.factors.psi[1]) == (0.0, pytest.approx(1.0, abs=0.2))
    assert not model.factors.W[1].any() and np.isfinite(model.parameters.vector).all()


def test_a_column_that_varies_only_in_rows_not_looked_at_has_all_its_noise(X, monkeypatch):
    monkeypatch.setattr(where, "MOST_ROWS", 50)
    rows = np.repeat(X, 5, axis=0)
    rows[:, 2] = 0.0
    for last in range(len(rows)):  # one that is not among those
        rows[last, 2] = 7.0
        model = start(rows).model
        if not model.factors.W[2].any():
            break
        rows[last, 2] = 0.0
    assert model.factors.psi[2] == pytest.approx(1.0)
    assert model.units.scale[2] == pytest.approx(rows[:, 2].std())


def test_a_wide_table_is_begun_in_a_moment_and_well(rng):
    x = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 1000)) + 0.5 * rng.normal(size=(80, 1000))
    model = start(x[:60], n_latent=3).model
    assert model.factors.psi.mean() < 0.2
    new = model.log_likelihood(x[60:], model.encode(x[60:])[0][None]).mean()
    independent = stats.norm.logpdf(x[60:], x[:60].mean(axis=0), x[:60].std(axis=0))
    assert new > independent.sum(axis=1).mean() + 500
