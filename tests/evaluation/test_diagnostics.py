import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, optimize, stats

from numvae.evaluation import conventions, diagnostics, importance
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES
from numvae.rows import Inputs, column_moments

D, Z = 6, 3


def make(likelihood="bernoulli", dtype="float64", n_features=D):
    model = Autoencoder(n_features, Z, (5,), "tanh", likelihood, dtype=dtype)
    return model.initialize(np.random.default_rng(3))


def diagnose(model, X, n_samples=3, seed=0, binarize=False, missing=False, **more):
    inputs = Inputs(model.dtype, seed, binarize, missing)
    estimate = importance.estimate(model, X, inputs, n_samples)
    return diagnostics.diagnose(model, X, inputs, estimate, n_samples, **more)


def lost_without_z(model, X):
    return diagnostics.lost_without_z(model, X, Inputs(model.dtype))


def switch_off(model, unit):
    """The posterior of a unit is the prior, and the decoder does not look at it."""
    values = model.parameters.values
    for name in ("mu", "logvar"):
        values[f"{name}.W"][:, unit] = 0.0
        values[f"{name}.b"][unit] = 0.0
    values["decoder.0.W"][unit] = 0.0


@pytest.fixture
def X(rng):
    """Two kinds of rows, as black as white."""
    p = np.where(rng.random((300, 1)) < 0.5, 0.9, 0.1)
    return (rng.random((300, D)) < p).astype(float)


# The units.


def test_a_dead_unit_is_seen_to_be_dead(X):
    """(S3) (S4)"""
    model = make()
    switch_off(model, 1)
    each = diagnostics.latent_units(*model.encode(X))
    assert each["kl"][1] == each["activity"][1] == each["mean"][1] == 0.0
    assert each["std"][1] == 1.0
    for unit in (0, 2):
        assert each["activity"][unit] > 0.01 and each["kl"][unit] > 0.01
    found = diagnose(model, X)
    assert found["n_active"] == 2 and diagnostics.lines(found)


def test_the_units_one_by_one(draw):
    mu, logvar = draw(40, Z), draw(40, Z)
    each = diagnostics.latent_units(mu, logvar)
    sigma = np.exp(logvar / 2)
    for u in range(Z):
        kl = np.mean((mu[:, u] ** 2 + sigma[:, u] ** 2 - 1) / 2 - np.log(sigma[:, u]))
        assert each["kl"][u] == pytest.approx(kl, rel=1e-12)
        variance = np.mean(sigma[:, u] ** 2 + mu[:, u] ** 2) - np.mean(mu[:, u]) ** 2
        assert each["std"][u] == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_the_kl_of_the_units_adds_up_to_that_of_the_bound(X):
    model = make()
    _, kl = model.elbo_terms(X, np.zeros((1, len(X), Z)))
    assert diagnose(model, X)["kl"] == pytest.approx(kl.mean(), rel=1e-12)


# Does the decoder look at z?


def test_nothing_is_lost_by_a_decoder_that_ignores_z(X):
    model = make()
    model.parameters.values["decoder.0.W"][...] = 0.0
    assert lost_without_z(model, X) == pytest.approx(0.0, abs=1e-12)


def test_nothing_is_lost_where_z_has_nothing_to_do_with_x(X, rng):
    """Although the decoder moves with z: the spread of its output would not notice."""
    model = make()
    model.parameters.values["decoder.0.W"][...] *= 3.0
    for unit in range(Z):
        decoder = model.parameters.values["decoder.0.W"].copy()
        switch_off(model, unit)
        model.parameters.values["decoder.0.W"][...] = decoder
    assert model.decode(rng.standard_normal((100, Z))).std(axis=0).mean() > 0.05
    big = np.tile(X, (3, 1))
    assert abs(lost_without_z(model, big)) < 0.3


def test_much_is_lost_where_z_is_x():
    model = Autoencoder(2, 2, (), "tanh", "gaussian-fixed", sigma=0.1, dtype="float64")
    values = model.parameters.values
    for name in ("mu.W", "likelihood.mean.W"):
        values[name][...] = np.eye(2)
    values["logvar.b"][...] = -20.0
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    lost = lost_without_z(model, x)
    assert lost == pytest.approx(25.0 / 0.02, rel=0.01)  # log N(x; x, σ²) − log N(x; other, σ²)
    assert np.isnan(lost_without_z(model, x[:1]))


# The baseline.


def config(likelihood, sigma_min=0.01):
    return {"likelihood": likelihood, "sigma_min": sigma_min, "standardize": False}


def test_baseline_of_black_and_white_pixels(X):
    """(X1)"""
    moments = column_moments(X[:200])
    found = diagnostics.baseline(config("bernoulli"), moments, X[200:])
    p = (X[:200].sum(axis=0) + 1) / 202
    assert_allclose(found, stats.bernoulli.logpmf(X[200:].astype(int), p).sum(axis=1), rtol=1e-12)


def test_baseline_allows_what_was_never_seen():
    """(X1) (X2)"""
    for likelihood, seen in (("bernoulli", [[0.0, 1.0]] * 9), ("categorical", [[0.0, 1.0]] * 9)):
        moments = column_moments(np.array(seen))
        found = diagnostics.baseline(config(likelihood), moments, np.array([[1.0, 0.0]]))
        wanted = 2 * np.log(1 / 11) if likelihood == "bernoulli" else np.log(1 / 11)
        assert_allclose(found, wanted, rtol=1e-12)


def test_baseline_of_counts(rng):
    """(X3)"""
    X = rng.poisson([0.0, 0.3, 20.0], (220, 3)).astype(float)
    found = diagnostics.baseline(config("poisson"), column_moments(X[:200]), X[200:])
    rate = (X[:200].sum(axis=0) + 1) / 201
    assert_allclose(found, stats.poisson.logpmf(X[200:], rate).sum(axis=1), rtol=1e-12)


def test_baseline_of_counts_that_vary_more(rng):
    """(X3) (P30)"""
    X = rng.negative_binomial([2.0, 0.5], [0.3, 0.1], (220, 2)).astype(float)
    moments = column_moments(X[:200])
    found = diagnostics.baseline(config("negative-binomial"), moments, X[200:])
    m, variance = (X[:200].sum(axis=0) + 1) / 201, X[:200].var(axis=0)
    r = m * m / (variance - m)
    wanted = stats.nbinom.logpmf(X[200:], r, r / (r + m)).sum(axis=1)
    assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-fixed", "gaussian-sigma-z"])
def test_baseline_of_real_numbers(draw, likelihood):
    train, x = 3.0 * draw(500, D) + 1e4, 3.0 * draw(20, D) + 1e4
    found = diagnostics.baseline(config(likelihood), column_moments(train), x)
    wanted = stats.norm.logpdf(x, train.mean(axis=0), train.std(axis=0)).sum(axis=1)
    assert_allclose(found, wanted, rtol=1e-9)


def test_baseline_of_a_column_that_never_moves_is_bounded_by_sigma_min():
    moments = column_moments(np.full((10, 1), 4.0))
    found = diagnostics.baseline(config("gaussian", 0.1), moments, np.array([[4.0]]))
    assert_allclose(found, stats.norm.logpdf(4.0, 4.0, 0.1), rtol=1e-12)


def test_where_columns_are_standardised_sigma_min_bounds_only_those_that_never_move():
    X = np.column_stack([np.full(10, 4.0), 1e-6 * np.arange(10)])
    its_config = {**config("gaussian", 0.1), "standardize": True}
    found = diagnostics.baseline(its_config, column_moments(X), X)
    wanted = stats.norm.logpdf(X, X.mean(axis=0), [0.1, X[:, 1].std()]).sum(axis=1)
    assert_allclose(found, wanted, rtol=1e-12)


def test_baseline_of_gray_pixels(rng):
    """The density with the column's mean, which is the one of highest likelihood."""
    train, x = rng.beta(2.0, 1.0, (400, 2)), rng.random((7, 2))
    moments = column_moments(train)
    found = diagnostics.baseline(config("continuous-bernoulli"), moments, x)
    total = np.zeros(7)
    for column, m in zip(x.T, train.mean(axis=0)):

        def mean(a):
            return integrate.quad(lambda t: t * np.exp(a * t) * a / np.expm1(a), 0, 1)[0]

        a = optimize.brentq(lambda a, m=m: mean(a) - m, 1e-3, 50.0)
        total += a * column - np.log(np.expm1(a) / a)
    assert_allclose(found, total, rtol=1e-5)


def test_baseline_of_blocks_and_of_missing_values(rng, draw):
    """(X2): each block by its own kind; what is missing counts neither here nor in the fit."""
    kinds = rng.choice(3, 100, p=[0.6, 0.3, 0.1])
    train = np.concatenate([draw(100, 2), np.eye(3)[kinds]], axis=1)
    train[:40, 0] = np.nan
    train[50:60, 2:] = np.nan
    x = np.concatenate([draw(2, 2), np.eye(3)[[1, 2]]], axis=1)
    observed = np.array([[1.0, 0, 1, 1, 1], [1, 1, 0, 0, 0]])
    blocks, moments = config("gaussian:2,categorical:3"), column_moments(train)
    found = diagnostics.baseline(blocks, moments, x * observed, observed)
    one = stats.norm(train[40:, 0].mean(), train[40:, 0].std())
    two = stats.norm(train[:, 1].mean(), train[:, 1].std())
    counted = np.bincount(np.concatenate([kinds[:50], kinds[60:]]), minlength=3)
    share = (counted + 1) / 93
    wanted = [one.logpdf(x[0, 0]) + np.log(share[1]), one.logpdf(x[1, 0]) + two.logpdf(x[1, 1])]
    assert_allclose(found, wanted, rtol=1e-9)


# All of it together.


@pytest.mark.parametrize("likelihood", [*NAMES, "gaussian:2,categorical:4"])
def test_diagnosis_of_every_likelihood(rng, likelihood):
    model = make(likelihood, "float32")
    x = rng.random((30, D)).astype("float32")
    found = diagnose(model, x, 20, X_train=x)
    estimate = importance.estimate(model, x, Inputs(model.dtype), 20)
    assert found["log_p"] == pytest.approx(estimate.log_p.mean())
    assert found["log_p_error"] == pytest.approx(stats.sem(estimate.log_p))
    assert found["elbo"] == pytest.approx(estimate.elbo.mean())
    assert found["gap"] == pytest.approx(found["log_p"] - found["elbo"]) and found["gap"] > 0.0
    assert found["elbo"] == pytest.approx(-found["nll"] - found["kl"], rel=1e-12)
    assert found["bits"] == pytest.approx(-found["elbo"] / np.log(2) / D)
    assert found["batch_size"] == 100
    wanted = conventions.conventions(found["nll"], found["kl"], D, Z, 100)
    assert found["conventions"] == wanted
    moments = column_moments(x)
    baseline = diagnostics.baseline(model.config, moments, x).mean()
    assert found["baseline"] == pytest.approx(baseline, rel=1e-6)
    text = "\n".join(diagnostics.lines(found))
    for number in (found["log_p"], found["elbo"], found["baseline"], found["kl"]):
        assert f"{number:.2f}" in text
    assert all(convention.name in text for convention in found["conventions"])


def test_what_was_measured_is_put_into_words():
    """Of numbers by hand, all different."""
    each = units(kl=[2.5, 0.001, 4.25, 0.75], activity=[0.5, 0.001, 0.9123, 0.25])
    each |= {"mean": np.array([0.01, 0.02, -0.03, 0.04]), "std": np.array([0.99, 1.0, 1.01, 0.98])}
    found = {
        **{"n_examples": 12_000, "n_features": 1_500, "n_latent": 4, "n_samples": 2_000},
        **{"log_p": -91.25, "log_p_error": 0.61, "effective_samples": 31.5},
        **{"monte_carlo_error": 0.07, "pareto_k": np.zeros(3), "elbo": -95.5, "elbo_error": 0.63},
        **{"nll": 88.0, "kl": 7.5, "gap": 4.25, "bits": 0.125, "baseline": -200.75},
        **{"lost_without_z": 60.5, "n_active": 3, "units": each, "batch_size": 100},
        "from_prior": (2.25, 0.75),
        "conventions": [conventions.Convention("summed", 9550.0, 1.0)],
    }
    assert "\n".join(diagnostics.lines(found, most=2)) == WORDS


WORDS = """\
12,000 examples of 1,500 numbers, 4 latent units; nats per example, higher is better:
  log p(x)      -91.25 ± 0.61  importance sampling, 2,000 draws, of which 31.5 effective; ± 0.07 \
by the draws alone
  ELBO          -95.50 ± 0.63  = −nll − KL = −(88.00) − 7.50; 0.125 bits per dimension
  gap             4.25  at least, lost because q(z|x) is not quite right
  codes           2.25 ± 0.75 nats from the prior, at least: KL( q(z) ‖ p(z) )
  baseline     -200.75  independent columns and no z; the ELBO is 105.25 better
  wrong z       -60.50  log p(x|z) changes by that with the z of another example (0: the decoder \
ignores z)
Active units: 3 of 4 (the mean code varies by more than 0.01).
    unit      KL  activity    mean    std   (all codes: 0 and 1)
       3   4.250    0.9123  -0.030  1.010
       1   2.500    0.5000   0.010  0.990
  others   0.751  the other 2 together
The same loss as other programs print it (D = 1500, Z = 4, batches of 100), and the beta it \
corresponds to:
            9550   beta 1          summed"""


def test_no_distance_from_the_prior_is_below_0():
    (line,) = diagnostics.distance((-0.3, 0.11))
    assert line.endswith("  0.00 ± 0.11 nats from the prior, at least: KL( q(z) ‖ p(z) )")


def test_of_a_conditioned_model_the_distance_is_said_to_be_that_of_all_y():
    (line,) = diagnostics.distance((0.3, 0.11), conditioned=True)
    assert line.endswith("KL( q(z) ‖ p(z) ), of all y together: of one y it may be more")


def test_the_nll_is_that_of_the_bound_with_less_noise(X, rng):
    model = make()
    nll, _ = model.elbo_terms(X, rng.standard_normal((2000, len(X), Z)))
    assert diagnose(model, X, 2000)["nll"] == pytest.approx(nll.mean(), abs=0.02)


def test_the_error_by_the_draws_alone_is_that_of_a_mean_of_independent_errors(X):
    model, inputs = make(), Inputs(np.dtype("f8"))
    estimate = importance.estimate(model, X, inputs, 3)._replace(
        standard_error=np.linspace(0.1, 0.7, len(X)), effective_samples=np.linspace(1, 3, len(X))
    )
    found = diagnostics.diagnose(model, X, inputs, estimate, 3)
    errors = np.random.default_rng(0).normal(0.0, estimate.standard_error, (20_000, len(X)))
    assert found["monte_carlo_error"] == pytest.approx(errors.mean(axis=1).std(), rel=0.03)
    assert found["effective_samples"] == 2.0


def test_diagnosis_of_binarized_pixels_and_of_missing_values(rng):
    model, X = make(), rng.random((50, D))
    assert diagnose(model, X, 5, binarize=True, X_train=X)["elbo"] < 0.0
    X[rng.random(X.shape) < 0.3] = np.nan
    found = diagnose(make("gaussian"), X, 5, missing=True, X_train=X, gray_levels=256)
    assert np.isfinite([found[name] for name in ("log_p", "baseline", "lost_without_z")]).all()
    assert found["bits"] == pytest.approx(-found["elbo"] / np.log(2) / D + 8.0)


def test_the_bound_is_held_against_the_baseline(X):
    found = diagnose(make(), X)
    for less, says in ((2.5, "2.50 better"), (0.0, "0.00 better"), (-2.5, "2.50 worse")):
        lines = diagnostics.lines({**found, "baseline": found["elbo"] - less})
        assert any(f"no z; the ELBO is {says}" in line for line in lines)


def test_few_units_are_summed_up(X):
    found = diagnose(make(), X)
    assert found["baseline"] is None
    text = "\n".join(diagnostics.lines(found, most=1))
    rest = np.sort(found["units"]["kl"])[:-1].sum()
    assert "the other 2 together" in text and f"{rest:.3f}" in text and "baseline" not in text
    assert not any("others" in line for line in diagnostics.lines(found, most=Z))
    many = {**found, "n_latent": 12, "units": units(kl=np.arange(12.0))}
    assert any("others   1.000  the other 2 together" in line for line in diagnostics.lines(many))


def test_an_estimate_whose_weights_have_heavy_tails_is_called_too_low(X):
    model = make()
    found = diagnose(model, X[:20], 500)
    assert found["pareto_k"].shape == (20,) and not diagnostics.doubts(found["pareto_k"])
    model.parameters.values["logvar.b"][...] -= 3.0  # q(z|x) much narrower than the posterior
    found = diagnose(model, X[:20], 500)
    doubts = diagnostics.doubts(found["pareto_k"])
    assert "too low" in "".join(doubts) and diagnostics.lines(found)[2 : 2 + len(doubts)] == doubts


def test_one_row_in_ten_may_have_a_heavy_tail():
    assert diagnostics.doubts(np.array([0.8] + [0.6] * 9)) == []
    assert "20%" in diagnostics.doubts(np.array([0.8, 0.8] + [0.6] * 8))[0]


def test_from_a_few_draws_nothing_is_known_about_the_tail(X):
    found = diagnose(make(), X[:20], 5)
    (line,) = diagnostics.doubts(found["pareto_k"])
    assert "take more draws" in line and line in diagnostics.lines(found)


# Advice.


def test_advice_when_the_posterior_has_collapsed(X):
    model = make()
    for unit in range(Z):
        switch_off(model, unit)
    found = diagnose(model, X)
    (line,) = diagnostics.advice(found["units"])
    assert "collapsed: 0 of 3" in line and found["n_active"] == 0
    assert diagnostics.lines(found)[-1] == line
    assert found["gap"] == pytest.approx(0.0, abs=1e-9)


def units(**values):
    """Units by hand; those not said are well."""
    well = {"kl": [1.0], "activity": [0.9], "mean": [0.0], "std": [1.0]}
    Z = max(map(len, values.values()))
    return {name: np.array(values.get(name, well[name] * Z)) for name in well}


def test_a_unit_is_active_above_the_limit_and_not_at_it(X, monkeypatch):
    each = units(activity=[0.01, 0.011, 0.0])
    monkeypatch.setattr(diagnostics, "latent_units", lambda *_: each)
    found = diagnose(make(), X)
    assert found["n_active"] == 1
    assert any("Active units: 1 of 3" in line for line in diagnostics.lines(found))


def test_one_unit_in_ten_is_a_collapse_and_two_are_none():
    few = np.full(10, 0.001)
    few[3] = 0.02
    assert "collapsed: 1 of 10" in diagnostics.collapsed(units(activity=few))[0]
    few[4] = 0.02
    assert diagnostics.collapsed(units(activity=few)) == []


def test_codes_are_far_from_the_prior_if_by_more_than_a_nat_and_surely():
    well = units(kl=[1.0])
    for near in (None, (1.0, 0.0), (2.9, 1.0), (-5.0, 1.0)):
        assert diagnostics.advice(well, near) == []
    (line,) = diagnostics.advice(well, (3.25, 1.0))
    assert "at least 3.2 nats from the prior" in line and 'source="mixture"' in line
    (line,) = diagnostics.advice(units(activity=[0.0]), (3.25, 1.0))
    assert "collapsed" in line


def test_no_advice_where_none_is_needed():
    """Codes that are N(0, 1) over the data."""
    mu = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)[:, None] * np.sqrt(0.9)
    each = diagnostics.latent_units(mu, np.full_like(mu, np.log(0.1)))
    assert diagnostics.advice(each) == []
