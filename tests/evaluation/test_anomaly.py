import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.evaluation.anomaly import Reference, offset, p_values, reference_rows
from numvae.network import Autoencoder
from numvae.rows import Inputs


def test_a_p_value_counts_one_by_one(draw):
    """(P1)"""
    scores, reference = draw(20).round(1), draw(30).round(1)
    wanted = [(1 + sum(r <= s for r in reference)) / 31 for s in scores]
    assert_allclose(p_values(scores, reference), wanted, rtol=1e-12)


def test_p_values_of_rows_like_the_reference_are_uniform(rng):
    reference, scores = rng.gamma(2.0, size=4000), rng.gamma(2.0, size=4000)
    assert stats.kstest(p_values(scores, reference), "uniform").pvalue > 0.01


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.5])
def test_a_p_value_is_below_alpha_no_more_often_than_alpha(rng, alpha):
    """(P1) is exact for any n: here 19, over many references."""
    scores, references = rng.standard_normal(20_000), rng.standard_normal((20_000, 19))
    p = np.array([p_values(s[None], r)[0] for s, r in zip(scores, references)])
    assert np.mean(p <= alpha) == pytest.approx(alpha, abs=4.0 * np.sqrt(alpha / 20_000))


def test_extremes_and_ties():
    """(P1): never 0, and a tie counts as as low."""
    found = p_values(np.array([-np.inf, -5.0, 1.0, 9.0]), np.array([1.0, 1.0, 2.0]))
    assert_array_equal(found, [0.25, 0.25, 0.75, 1.0])


def test_a_lower_score_has_no_higher_p(draw):
    scores = np.sort(draw(50))
    assert (np.diff(p_values(scores, draw(20))) >= 0.0).all()


def test_a_score_that_is_not_a_number_is_the_lowest():
    reference = np.array([-2.0, -1.0, np.nan, 0.0])
    found = p_values(np.array([np.nan, -np.inf, -1e300, 0.0]), reference)
    assert_allclose(found, [2 / 5, 2 / 5, 2 / 5, 1.0])
    assert_allclose(p_values(np.array([np.nan]), reference[[0, 1, 3]]), 1 / 4)


@pytest.mark.parametrize("n", [1, 9, 19, 99, 100])
@pytest.mark.parametrize("contamination", [0.01, 0.07, 0.1, 0.29, 0.5])
def test_below_the_offset_are_the_rows_whose_p_value_is_at_most_the_contamination(
    n, contamination, rng
):
    """(P6)"""
    reference, scores = rng.normal(size=n), rng.normal(size=500)
    least = max(contamination, 1 / (1 + n))  # or nothing would be unusual, however far out
    wanted = p_values(scores, reference) <= least
    assert_array_equal(scores < offset(reference, contamination), wanted)
    assert not (reference < offset(reference, contamination))[
        reference.argsort()[-(-n // 2) :]
    ].any()


@pytest.mark.parametrize(("D", "n"), [(10, 1000), (2_500, 1000), (5_000, 500), (10**6, 100)])
def test_a_reference_is_of_fewer_rows_where_they_are_long(D, n):
    X = np.broadcast_to(np.arange(1200.0)[:, None], (1200, D))
    rows = reference_rows(X, 0)
    assert rows.shape == (n, D) and len(set(rows.numbers)) == n
    assert len(reference_rows(X[:5], 0)) == 5


def test_rounding_does_not_decide_about_the_row_at_the_offset():
    reference = np.array([-3.0, -2.0, -1.0]) * 1e4
    assert offset(reference, 0.25) == pytest.approx(-3e4 * (1 + 1e-6), rel=1e-9)
    assert offset(np.array([0.0, 1.0]), 0.1) == pytest.approx(-1e-6, rel=1e-9)
    lowest = -np.finfo(float).max
    assert offset(np.array([lowest, 0.0]), 0.1) == lowest


def test_a_reference_is_scored_when_it_is_asked_for_and_once_for_each_number_of_draws(
    rng, monkeypatch
):
    model = Autoencoder(3, 2, likelihood="gaussian", dtype="float64").initialize(rng)
    calls, log_likelihood = [], model.log_likelihood
    monkeypatch.setattr(model, "log_likelihood", lambda *a: calls.append(1) or log_likelihood(*a))
    reference, inputs = Reference(rng.normal(size=(5, 3)), True), Inputs(model.dtype)
    assert not calls
    first = reference.scores(model, inputs, 3)
    n = len(calls)
    assert n and reference.scores(model, inputs, 3) is first and len(calls) == n
    assert (reference.scores(model, inputs, 30) != first).all() and len(calls) > n


def test_scores_without_rows_are_for_their_number_of_draws_alone():
    plain = {"samples": 100, "log_p": [0.0, -np.inf, np.nan], "held_out": False}
    reference = Reference.of_plain(plain)
    assert_array_equal(reference.scores(None, None, 100), [0.0, *[-np.finfo(float).max] * 2])
    assert not reference.held_out
    with pytest.raises(ValueError, match="scored with n_importance=100, .* set n_importance back"):
        reference.scores(None, None, 99)


def test_a_reference_row_that_overflows_has_the_lowest_number(rng):
    model = Autoencoder(2, 1, likelihood="gaussian", dtype="float64").initialize(rng)
    scores = Reference(np.array([[1e300, 0.0], [0.0, 0.0]]), True).scores(
        model, Inputs(model.dtype), 5
    )
    assert scores[0] == -np.finfo(float).max and np.isfinite(scores[1])
