"""Against scipy's normal distribution, and against a maximiser that knows nothing of EM."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg, optimize, stats

from numvae.rules import factor_analysis

D, Z, N = 5, 2, 120
FLOOR = 1e-4


@pytest.fixture
def model(rng):
    return rng.normal(size=D), rng.normal(size=(D, Z)), np.exp(rng.normal(size=D))


@pytest.fixture
def x(rng, model):
    """Rows of a model, standardised."""
    b, W, psi = model
    x = b + rng.normal(size=(N, Z)) @ W.T + np.sqrt(psi) * rng.normal(size=(N, D))
    return (x - x.mean(axis=0)) / x.std(axis=0)


def complete(x):
    return np.ones((1, x.shape[1])), np.zeros(len(x), int)


def with_holes(x, rng):
    """x with zeros where it is missing, and observed; all rows have a value."""
    observed = (rng.random(x.shape) < 0.7).astype(float)
    observed[:, 0] = 1.0
    return x * observed, observed


def log_density(x, observed, b, W, psi):
    """The oracle: each row under the normal distribution of the columns that it has."""
    C = W @ W.T + np.diag(psi)
    kept = observed.astype(bool)
    return np.array(
        [stats.multivariate_normal(b[o], C[np.ix_(o, o)]).logpdf(row[o]) for row, o in zip(x, kept)]
    )


def test_log_p_is_that_of_the_normal_distribution(x, model):
    """(P16)"""
    log_p, _, _ = factor_analysis.posterior(x, *complete(x), *model)
    assert_allclose(log_p, log_density(x, np.ones_like(x), *model), rtol=1e-10)


def test_log_p_of_what_is_known(x, model, rng):
    """(P16)"""
    x, observed = with_holes(x, rng)
    log_p, _, _ = factor_analysis.posterior(x, observed, np.arange(N), *model)
    assert_allclose(log_p, log_density(x, observed, *model), rtol=1e-10)


@pytest.mark.parametrize("n_patterns", [1, 2, 3])
def test_rows_of_one_pattern_share_what_depends_on_it_alone(x, model, rng, n_patterns):
    """(P14) (P15) (P16)"""
    patterns = np.eye(D)[:n_patterns] + np.eye(D)[-1]
    index = np.arange(N) % n_patterns
    found = factor_analysis.posterior(x, patterns, index, *model)
    wanted = factor_analysis.posterior(x, patterns[index], np.arange(N), *model)
    for shared, alone in zip((*found[:2], found[2][index]), wanted):
        assert_allclose(shared, alone, rtol=1e-10)


def test_posterior_is_the_conditional_of_the_joint_normal(x, model, rng):
    """(P14) (P15): by the blocks of the covariance of (z, x)."""
    b, W, psi = model
    x, observed = with_holes(x, rng)
    _, ez, C = factor_analysis.posterior(x, observed, np.arange(N), *model)
    for row, o, mean, covariance in zip(x[:5], observed[:5].astype(bool), ez, C):
        across, within = W[o].T, (W @ W.T + np.diag(psi))[np.ix_(o, o)]
        assert_allclose(mean, across @ np.linalg.solve(within, row[o] - b[o]), atol=1e-10)
        assert_allclose(
            covariance, np.eye(Z) - across @ np.linalg.solve(within, across.T), atol=1e-10
        )


def test_expectation_of_what_is_missing_is_that_of_the_normal_distribution(x, model, rng):
    """(P19)"""
    b, W, psi = model
    holes, observed = with_holes(x[:20], rng)
    C = W @ W.T + np.diag(psi)
    found = factor_analysis.expectation(holes, observed, *model)
    for row, known, filled, o in zip(x, holes, found, observed.astype(bool)):
        within = np.linalg.solve(C[np.ix_(o, o)], row[o] - b[o])
        assert_allclose(filled[~o], b[~o] + C[np.ix_(~o, o)] @ within, atol=1e-10)
        assert_allclose(filled[o], known[o])


def likelihood_of(x, observed, parameters):
    """The mean of log p of a flat vector of b, W and log ψ."""
    b, W, log_psi = np.split(parameters, [D, D + D * Z])
    return log_density(x, observed, b, W.reshape(D, Z), np.exp(log_psi)).mean()


@pytest.mark.parametrize("missing", [pytest.param(False, marks=pytest.mark.slow), True])
def test_no_small_step_makes_the_fit_better(x, rng, missing):
    """(P11) (P12) (P13)"""
    x, observed = with_holes(x, rng) if missing else (x, np.ones_like(x))
    b, W, psi = factor_analysis.fit(
        x, observed if missing else None, Z, FLOOR, n_steps=5000, enough=1e-12
    )
    best = np.concatenate([b, W.ravel(), np.log(psi)])
    gradient = optimize.approx_fprime(best, lambda p: likelihood_of(x, observed, p), 1e-6)
    assert_allclose(gradient, 0.0, atol=1e-4)


@pytest.mark.parametrize("missing", ["nothing", "most of a column", "here and there"])
def test_a_step_is_the_regression_of_each_column_on_the_codes(x, rng, missing):
    """(P11) (P12) (P13): row by row and column by column, with imagined rows."""
    observed, k = np.ones_like(x), 3.0
    if missing == "here and there":
        x, observed = with_holes(x, rng)
    elif missing == "most of a column":  # two patterns, and a column of one value
        observed[1:, 3] = 0.0
        x = x * observed
    given = None if missing == "nothing" else observed
    start, after = (factor_analysis.fit(x, given, Z, FLOOR, imagined=k, n_steps=n) for n in (0, 1))
    _, ez, C = factor_analysis.posterior(x, observed, np.arange(N), *start)
    u = np.column_stack([ez, np.ones(N)])
    uu = [np.outer(v, v) + linalg.block_diag(c, 0.0) for v, c in zip(u, C)]
    b, W, psi = np.empty(D), np.empty((D, Z)), np.empty(D)
    for d, (column, o) in enumerate(zip(x.T, observed.T)):
        on = sum(o[n] * uu[n] for n in range(N)) + k * np.diag([1.0] * Z + [0.0])
        w = np.linalg.solve(on, (o * column) @ u)
        W[d], b[d] = w[:Z], w[Z]
        psi[d] = ((o * column) @ (column - u @ w) + k) / (o.sum() + k)
    spread = (sum(uu)[:Z, :Z] + k * np.eye(Z)) / (N + k)
    for found, wanted in zip(after, (b, W @ np.linalg.cholesky(spread), psi)):
        assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("missing", [False, True])
def test_it_begins_with_half_the_variance_along_each_principal_axis(x, rng, missing):
    x, observed = with_holes(x + 3.0, rng) if missing else (x + 3.0, np.ones_like(x))
    b, W, psi = factor_analysis.fit(x, observed if missing else None, Z, FLOOR, n_steps=0)
    assert_allclose(b, x.sum(axis=0) / observed.sum(axis=0), rtol=1e-12)
    centered = (x - b) * observed
    strength, axes = linalg.eigh(centered.T @ centered / N)
    assert_allclose(W @ W.T, 0.5 * (axes * strength)[:, -Z:] @ axes[:, -Z:].T, atol=1e-12)
    assert_allclose(psi + (W * W).sum(axis=1), (centered**2).mean(axis=0), rtol=1e-12)


def test_it_begins_at_the_one_value_of_a_column_that_has_no_other(x):
    observed = np.ones_like(x)
    observed[1:, 3] = observed[:, 4] = 0.0
    b, _, _ = factor_analysis.fit((x + 3.0) * observed, observed, Z, FLOOR, n_steps=0)
    assert_allclose(b[3:], [x[0, 3] + 3.0, 0.0])
    b, W, _ = factor_analysis.fit((x + 3.0) * observed, observed, Z, FLOOR, imagined=1.0)
    assert b[4] == 0.0 and (W[4] == 0.0).all()


def test_it_begins_within_the_bounds_of_the_noise(x):
    _, _, psi = factor_analysis.fit(x, None, Z, 0.6, np.full(D, 0.7), n_steps=0)
    assert (psi >= 0.6).all() and (psi <= 0.7).all() and psi.min() < psi.max()


def test_a_fit_ends_a_thousandth_of_a_nat_below_the_best_at_most(x):
    best, found = (
        log_density(x, np.ones_like(x), *factor_analysis.fit(x, None, Z, FLOOR, **more)).mean()
        for more in ({"n_steps": 5000, "enough": 0.0}, {})
    )
    assert best - 1e-3 < found <= best + 1e-12


def test_every_step_raises_the_likelihood(x, rng):
    """(P11) (P12) (P13)"""
    x, observed = with_holes(x, rng)
    fits = [
        factor_analysis.fit(x, observed, Z, FLOOR, n_steps=n, enough=0.0) for n in (1, 2, 4, 8, 16)
    ]
    assert (np.diff([log_density(x, observed, *fit).mean() for fit in fits]) > 0).all()


def test_rotation_leaves_p_of_x_and_makes_the_factors_independent(model):
    """(P17)"""
    _, W, psi = model
    turned, strength = factor_analysis.rotated(W, psi)
    assert_allclose(turned @ turned.T, W @ W.T, atol=1e-12)
    assert_allclose(turned.T @ np.diag(1 / psi) @ turned, np.diag(strength), atol=1e-10)
    assert strength[0] >= strength[1]


def test_encoder_is_the_posterior(x, model):
    """(P18)"""
    b, W, psi = model
    W, strength = factor_analysis.rotated(W, psi)
    V, c, logvar = factor_analysis.encoder(b, W, psi, np.zeros((D, 0)))
    _, ez, C = factor_analysis.posterior(x, *complete(x), b, W, psi)
    assert_allclose(x @ V + c, ez, atol=1e-10)
    assert_allclose(np.diag(np.exp(logvar)), C[0], atol=1e-10)
    assert_allclose(np.exp(-logvar), 1.0 + strength, atol=1e-10)


def test_encoder_given_y_is_the_posterior_of_what_y_does_not_explain(x, model, rng):
    """(P20) (P32)"""
    b, W, psi = model
    W, _ = factor_analysis.rotated(W, psi)
    y, U = rng.normal(size=(N, 3)), rng.normal(size=(D, 3))
    V, c, logvar = factor_analysis.encoder(b, W, psi, U)
    for row, its_y, mean in zip(x, y, np.column_stack([x, y]) @ V + c):
        expected = np.array([b[d] + sum(U[d] * its_y) for d in range(D)])
        assert_allclose(factor_analysis.given(its_y[None], b, U)[0], expected, rtol=1e-12)
        _, ez, C = factor_analysis.posterior(row[None], *complete(x[:1]), expected, W, psi)
        assert_allclose(mean, ez[0], atol=1e-10)
    assert_allclose(np.diag(np.exp(logvar)), C[0], atol=1e-10)
    assert factor_analysis.given(None, b, U) is b


@pytest.mark.parametrize("missing", [False, True])
def test_regression_is_least_squares_of_each_column(x, rng, missing):
    """(P31): with κ rows in which y has variance 1 and x is 0."""
    y, k = rng.normal(size=(N, 3)), 2.0
    x, observed = with_holes(x, rng) if missing else (x, np.ones_like(x))
    observed[1:, 4] = 0.0  # nothing but one value
    x = x * observed
    b, U = factor_analysis.regression(x, observed, y, k)
    imagined = np.sqrt(k) * np.eye(3, 4)
    for d in range(D):
        known = observed[:, d] == 1
        v = np.column_stack([y, np.ones(N)])[known]
        w, *_ = np.linalg.lstsq(np.vstack([v, imagined]), [*x[known, d], *np.zeros(3)])
        assert_allclose([*U[d], b[d]], w, atol=1e-10)
    whole = factor_analysis.regression(x, None, y)
    assert_allclose(whole[1], factor_analysis.regression(x, np.ones_like(x), y)[1], rtol=1e-10)
    b, U = factor_analysis.regression(0.0 * x, 0.0 * x, y, k)
    assert not b.any() and not U.any()


def test_least_squares_and_the_factors_of_what_is_left_are_the_best_given_y(x, rng):
    """(P31): no small step makes b, U, W and ψ together better."""
    y = rng.normal(size=(N, 2))
    x = x + y @ rng.normal(size=(2, D))
    b, U = factor_analysis.regression(x, None, y)
    left = x - factor_analysis.given(y, b, U)
    _, W, psi = factor_analysis.fit(left, None, Z, FLOOR, n_steps=5000, enough=1e-12)

    def likelihood(parameters):
        b, U, W, log_psi = np.split(parameters, np.cumsum([D, 2 * D, Z * D]))
        W = W.reshape(D, Z)
        normal = stats.multivariate_normal(np.zeros(D), W @ W.T + np.diag(np.exp(log_psi)))
        return normal.logpdf(x - b - y @ U.reshape(D, 2).T).mean()

    best = np.concatenate([b, U.ravel(), W.ravel(), np.log(psi)])
    assert_allclose(optimize.approx_fprime(best, likelihood, 1e-6), 0.0, atol=1e-4)


def test_imagined_rows_pull_towards_independent_columns(x):
    """(P11) (P12)"""
    few = x[:8]
    fits = [factor_analysis.fit(few, None, Z, FLOOR, imagined=k) for k in (0.0, 1.0, 10.0, 1e6)]
    sizes = [linalg.norm(W) for _, W, _ in fits]
    assert sizes == sorted(sizes, reverse=True)
    assert_allclose(fits[-1][2], 1.0, atol=1e-4)


def test_noise_keeps_within_its_bounds(rng):
    z = rng.normal(size=(100, 1))
    x = z @ np.ones((1, 3))  # three equal columns
    _, _, psi = factor_analysis.fit(x, None, 1, FLOOR)
    assert_allclose(psi, FLOOR)
    _, _, psi = factor_analysis.fit(x, None, 1, np.full(3, 0.5), np.full(3, 0.5))
    assert_allclose(psi, 0.5)


def test_more_factors_than_columns_or_rows(rng):
    x = rng.normal(size=(3, 4))
    b, W, psi = factor_analysis.fit(x, None, 6, FLOOR, imagined=1.0)
    assert W.shape == (4, 6) and np.isfinite(W).all() and (psi > 0).all()
    _, W, _ = factor_analysis.fit(x, None, 6, FLOOR, n_steps=0)
    assert (W[:, 3:] == 0.0).all() and (W[:, 0] != 0.0).all()
