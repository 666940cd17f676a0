import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from numvae.rules import dropout


def test_the_units_that_stay_are_scaled_so_that_the_mean_stays(draw, rng):
    """(Q1)"""
    h = np.abs(draw(3, 4)) + 1.0
    outputs = [
        dropout.forward(h, dropout.draw(rng, h.shape, 0.4, "float64"), 0.4) for _ in range(20_000)
    ]
    assert_allclose(np.mean(outputs, axis=0), h, rtol=0.04)
    assert_allclose(np.unique(np.round(outputs / h, 12)), [0.0, 1.0 / 0.6])


def test_backward_is_the_derivative(draw, rng, is_derivative):
    """(Q2)"""
    h, dy = draw(3, 4), draw(3, 4)
    mask = dropout.draw(rng, h.shape, 0.4, "float64")
    dh = dropout.backward(dy, mask, 0.4)
    assert is_derivative(lambda h: (dy * dropout.forward(h, mask, 0.4)).sum(), h, dh)


def test_a_mask_keeps_the_share_it_should_and_repeats_with_the_seed(dtype):
    masks = [dropout.draw(np.random.default_rng(3), (200, 500), 0.3, dtype) for _ in range(2)]
    assert_array_equal(*masks)
    assert masks[0].dtype == dtype and set(np.unique(masks[0])) == {0.0, 1.0}
    assert abs(masks[0].mean() - 0.7) < 5.0 * np.sqrt(0.21 / 1e5)


def test_dtype_is_kept(dtype):
    h = np.ones((2, 2), dtype)
    assert dropout.forward(h, h, 0.5).dtype == dropout.backward(h, h, 0.5).dtype == dtype
