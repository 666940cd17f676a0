import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import log_softmax, softmax

from numvae.rules import categorical

B, K, L = 5, 4, 2


@pytest.fixture
def x(rng):
    return np.eye(K)[rng.integers(K, size=B)]


def test_log_likelihood_is_the_log_softmax_at_the_category(x, draw):
    """(T1)"""
    logits = draw(L, B, K)
    found = categorical.log_likelihood(x, logits)
    assert found.shape == (L, B)
    for sample, row in np.ndindex(L, B):
        p = softmax(logits[sample, row])
        wanted = stats.multinomial.logpmf(x[row], 1, p)
        assert found[sample, row] == pytest.approx(wanted, rel=1e-12)
        assert found[sample, row] == pytest.approx(log_softmax(logits[sample, row]) @ x[row])


def test_backward_is_the_derivative(x, draw, is_derivative):
    """(T2)"""
    logits, dlogp = draw(L, B, K), draw(L, B)
    da = categorical.log_likelihood_backward(dlogp, x, logits)
    assert is_derivative(lambda a: (dlogp * categorical.log_likelihood(x, a)).sum(), logits, da)


def test_missing_rows_count_for_nothing(x, draw):
    logits, dlogp = draw(L, B, K), draw(L, B)
    observed = np.repeat([[1.0], [0.0], [1.0], [0.0], [1.0]], K, axis=1)
    found = categorical.log_likelihood(x * observed, logits, observed)
    assert_allclose(found, categorical.log_likelihood(x, logits) * observed[:, 0])
    da = categorical.log_likelihood_backward(dlogp, x * observed, logits, observed)
    assert_allclose(da, categorical.log_likelihood_backward(dlogp, x, logits) * observed)


def test_mean_and_samples_have_the_probabilities(rng):
    """(T3) (T4)"""
    logits = np.array([0.0, 1.0, -2.0, 3.0])
    assert_allclose(categorical.mean(logits), softmax(logits))
    draws = categorical.sample(rng, np.tile(logits, (50_000, 1)))
    assert_array_equal(draws.sum(axis=1), 1.0)
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert stats.chisquare(draws.sum(axis=0), 50_000 * softmax(logits)).pvalue > 1e-3


def test_extreme_logits_stay_finite_and_dtype_is_kept(dtype):
    logits = np.array([[1e4, -1e4, 0.0]], dtype)
    x = np.array([[0.0, 1.0, 0.0]], dtype)
    outputs = [
        categorical.log_likelihood(x, logits),
        categorical.log_likelihood_backward(np.ones(1, dtype), x, logits),
        categorical.mean(logits),
        categorical.sample(np.random.default_rng(0), logits),
    ]
    assert all(np.isfinite(output).all() and output.dtype == dtype for output in outputs)


def test_a_category_that_is_certain_is_the_one_drawn_whatever_the_shape(rng):
    """(T4)"""
    for shape in ((), (B,), (L, B)):
        certain = np.eye(K)[rng.integers(K, size=shape)]
        assert_array_equal(categorical.sample(rng, 1e4 * certain), certain)
