import math
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats
from scipy.special import expit

from numvae.rules import initialization

N_IN, N_OUT = 300, 100
RULES = {
    "glorot": initialization.glorot,
    "he": initialization.he,
    "normal": partial(initialization.normal, sigma=0.01),
}
RADIUS = math.sqrt(6.0 / (N_IN + N_OUT))
DISTRIBUTIONS = {
    "glorot": stats.uniform(-RADIUS, 2.0 * RADIUS),  # (I1)
    "he": stats.norm(0.0, math.sqrt(2.0 / N_IN)),  # (I2)
    "normal": stats.norm(0.0, 0.01),  # (I3)
}
VARIANCES = {"glorot": 2.0 / (N_IN + N_OUT), "he": 2.0 / N_IN, "normal": 1e-4}
each_rule = pytest.mark.parametrize("name", RULES)


@each_rule
def test_weights_follow_the_distribution_declared(name, rng):
    """(I1) (I2) (I3) by the Kolmogorov-Smirnov test."""
    W = RULES[name](rng, N_IN, N_OUT)
    assert stats.kstest(W.ravel(), DISTRIBUTIONS[name].cdf).pvalue > 1e-3


@each_rule
def test_variance_is_the_one_of_the_paper(name, rng):
    """(I1) (I2) (I3)"""
    W = RULES[name](rng, N_IN, N_OUT)
    assert W.var() == pytest.approx(VARIANCES[name], rel=0.04)  # 5 standard errors
    assert abs(W.mean()) < 5.0 * math.sqrt(VARIANCES[name] / W.size)


@each_rule
def test_shape_dtype_and_seed(name):
    first, again, other = (RULES[name](np.random.default_rng(s), 7, 5) for s in (1, 1, 2))
    assert first.shape == (7, 5) and first.dtype == np.float64
    assert_array_equal(first, again)
    assert (first != other).any()


def test_he_keeps_the_mean_square_of_a_rectified_signal(rng):
    """(I2): what the factor 2 is for."""
    x = rng.standard_normal((500, N_IN))
    for _ in range(5):
        x = np.maximum(x @ initialization.he(rng, N_IN, N_IN), 0.0)
    assert 0.5 < (x * x).mean() < 2.0


def test_bernoulli_bias_has_the_mean_of_the_data(dtype):
    """(I4)"""
    mean = np.array([0.001, 0.2, 0.5, 0.999], dtype)
    found = initialization.bernoulli_bias(mean)
    np.testing.assert_allclose(expit(found), mean, rtol=1e-5)
    assert found.dtype == dtype
    assert np.isfinite(initialization.bernoulli_bias(np.array([0.0, 1.0], dtype))).all()


def test_log_bias_has_the_frequencies_or_the_counts_of_the_data(dtype):
    """(I5)"""
    mean = np.array([0.1, 0.2, 0.7], dtype)
    found = initialization.log_bias(mean)
    np.testing.assert_allclose(np.exp(found) / np.exp(found).sum(), mean, rtol=1e-5)
    assert found.dtype == dtype
    np.testing.assert_allclose(np.exp(initialization.log_bias(50.0 * mean)), 50.0 * mean, rtol=1e-5)
    rare = initialization.log_bias(np.array([0.0, 1.0], dtype))
    np.testing.assert_allclose(rare, [math.log(0.001), 0.0], rtol=1e-6)
