import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit, log_expit

from numvae.rules import bernoulli

L, B, D = 3, 4, 5


@pytest.fixture
def black_and_white(rng):
    return (rng.random((B, D)) < 0.5).astype(float)


def test_log_likelihood_is_that_of_scipy(draw, black_and_white):
    """(B1)"""
    logits = draw(L, B, D)
    wanted = stats.bernoulli.logpmf(black_and_white, expit(logits)).sum(axis=-1)
    assert wanted.shape == (L, B)
    assert_allclose(bernoulli.log_likelihood(black_and_white, logits), wanted, rtol=1e-12)


def test_log_likelihood_of_gray_pixels_is_the_cross_entropy(draw, rng):
    """(B1) entry by entry."""
    x, logits = rng.random((B, D)), draw(B, D)
    for row, got in enumerate(bernoulli.log_likelihood(x, logits)):
        total = 0.0
        for d in range(D):
            a = logits[row, d]
            total += x[row, d] * log_expit(a) + (1.0 - x[row, d]) * log_expit(-a)
        assert got == pytest.approx(total, rel=1e-12)


def test_probabilities_of_all_images_sum_to_one(draw):
    """(B1)"""
    images = np.array(list(itertools.product([0.0, 1.0], repeat=D)))
    log_p = bernoulli.log_likelihood(images, np.broadcast_to(draw(D), images.shape))
    assert np.exp(log_p).sum() == pytest.approx(1.0, rel=1e-12)


def test_backward_is_the_pixel_minus_its_probability(draw, rng):
    """(B2)"""
    x, logits, dlogp = rng.random((B, D)), draw(L, B, D), draw(L, B)
    wanted = dlogp[:, :, None] * (x - expit(logits))
    got = bernoulli.log_likelihood_backward(dlogp, x, logits)
    assert_allclose(got, wanted, rtol=1e-12, atol=1e-15)


def test_backward_is_the_derivative(draw, rng, is_derivative):
    """(B2)"""
    x, logits, dlogp = rng.random((B, D)), draw(L, B, D), draw(L, B)
    dlogits = bernoulli.log_likelihood_backward(dlogp, x, logits)
    assert is_derivative(lambda a: (dlogp * bernoulli.log_likelihood(x, a)).sum(), logits, dlogits)


def test_extreme_logits_stay_finite_and_exact(dtype):
    """(B1) (B2): sure and right costs nothing, sure and wrong costs the logit."""
    x = np.array([[0.0, 1.0], [1.0, 0.0]], dtype)
    logits = np.array([[-1e4, 1e4], [-1e4, 1e4]], dtype)
    dlogp = np.ones(2, dtype)
    assert_array_equal(bernoulli.log_likelihood(x, logits), [0.0, -2e4])
    assert_array_equal(bernoulli.log_likelihood_backward(dlogp, x, logits), [[0, 0], [1, -1]])


def test_dtype_in_is_dtype_out(draw, rng, dtype):
    x, logits, dlogp = draw(B, D, dtype=dtype), draw(L, B, D, dtype=dtype), draw(L, B, dtype=dtype)
    mean = rng.random((B, D)).astype(dtype)
    assert bernoulli.log_likelihood(x, logits).dtype == dtype
    assert bernoulli.log_likelihood_backward(dlogp, x, logits).dtype == dtype
    assert bernoulli.sample(rng, mean).dtype == dtype


def test_single_precision_agrees_with_double(draw, rng):
    x, logits = (rng.random((B, 784)) < 0.5).astype("float32"), 5.0 * draw(L, B, 784)
    single = bernoulli.log_likelihood(x, logits.astype("float32"))
    assert_allclose(single, bernoulli.log_likelihood(x.astype(float), logits), rtol=1e-5)


def test_permuting_the_examples_permutes_the_results(draw, black_and_white):
    logits, dlogp, order = draw(L, B, D), draw(L, B), np.array([2, 0, 3, 1])
    x, x_p, logits_p = black_and_white, black_and_white[order], logits[:, order]
    log_p = bernoulli.log_likelihood(x, logits)
    assert_allclose(bernoulli.log_likelihood(x_p, logits_p), log_p[:, order], rtol=1e-12)
    dlogits = bernoulli.log_likelihood_backward(dlogp, x, logits)
    permuted = bernoulli.log_likelihood_backward(dlogp[:, order], x_p, logits_p)
    assert_allclose(permuted, dlogits[:, order], rtol=1e-12)


def test_sample_is_white_as_often_as_declared(rng, dtype):
    n, mean = 100_000, np.array([0.0, 0.01, 0.3, 0.5, 0.9, 1.0], dtype)
    mean.setflags(write=False)
    x = bernoulli.sample(rng, np.broadcast_to(mean, (n, 6)))
    assert set(np.unique(x)) == {0.0, 1.0}
    error = np.abs(x.mean(axis=0, dtype=float) - mean)
    assert (error <= 5.0 * np.sqrt(mean * (1.0 - mean)) / math.sqrt(n)).all()


def test_sample_repeats_with_its_seed(rng):
    mean = rng.random((20, 20))
    first, again, other = (bernoulli.sample(np.random.default_rng(s), mean) for s in (7, 7, 8))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_what_is_missing_is_drawn_as_missing(rng):
    drawn = bernoulli.sample(rng, np.array([1.0, np.nan, 0.0]))
    assert drawn[0] == 1.0 and np.isnan(drawn[1]) and drawn[2] == 0.0


def test_missing_pixels_count_for_nothing(draw, black_and_white, rng):
    """(B1) (B2)"""
    x, logits, dlogp = black_and_white, draw(L, B, D), draw(L, B)
    observed = (rng.random((B, D)) < 0.6).astype(float)
    wanted = (stats.bernoulli.logpmf(x, expit(logits)) * observed).sum(axis=-1)
    found = bernoulli.log_likelihood(x * observed, logits, observed)
    assert_allclose(found, wanted, rtol=1e-12)
    da = bernoulli.log_likelihood_backward(dlogp, x * observed, logits, observed)
    assert_allclose(da, dlogp[..., None] * (x - expit(logits)) * observed, rtol=1e-12, atol=1e-15)
