import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.evaluation.anomaly import p_values


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
