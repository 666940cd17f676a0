import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.checks.finite_differences import (
    LIMIT,
    STEP,
    compare,
    numerical_gradient,
    relative_error,
)


@pytest.mark.parametrize("shape", [(), (5,), (3, 2), (2, 3, 4)], ids=str)
def test_numerical_gradient_is_the_textbook_slope(draw, shape):
    """(N1) in every element, each with a slope of its own."""
    q, weights = draw(*shape).copy(), draw(*shape)
    found = numerical_gradient(lambda: (weights * np.sin(q)).sum(), q)
    assert_allclose(found, weights * np.cos(q), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("step", [0.5, 0.25])
def test_the_difference_is_central(step):
    """(N1): of q³ it is 3 q² + h² exactly; a one-sided one would be off by 3 q h."""
    q = np.array([-1.0, 0.0, 2.0])
    assert_array_equal(numerical_gradient(lambda: (q**3).sum(), q, step), 3 * q**2 + step**2)


def test_q_is_restored_to_the_bit_and_moved_one_element_at_a_time(draw):
    start, moves = draw(4, 3), []
    q = start.copy()
    numerical_gradient(lambda: moves.append(q - start) or 0.0, q)
    assert_array_equal(q, start)
    assert len(moves) == 2 * 12
    assert all(np.count_nonzero(move) == 1 for move in moves)
    assert_allclose(np.abs(moves).sum(axis=(1, 2)), STEP, rtol=1e-9)


def test_relative_error_goes_from_equal_to_opposite(draw):
    a = draw(5)
    assert relative_error(a, a) == 0.0
    assert relative_error(a, -a) == pytest.approx(1.0)
    assert relative_error(a, 0 * a) == 1.0
    assert relative_error(0 * a, 0 * a) == 0.0
    assert relative_error(1e-100 * a, 2e-100 * a) == pytest.approx(1 / 3)
    assert relative_error(a, 3 * a) == relative_error(3 * a, a) == pytest.approx(0.5)


def test_equal_gradients_pass_and_others_do_not(draw):
    a = draw(3, 4)
    line = compare("name", "what", a, a.copy())
    assert line.ok and line.error == 0.0 and line.cosine == pytest.approx(1.0)
    assert (line.name, line.what, line.shape) == ("name", "what", (3, 4))
    for wrong in (-a, 2 * a, a[:, ::-1], 0 * a, a + 1e-5 * draw(3, 4)):
        assert not compare("name", "what", wrong, a).ok
    assert compare("name", "what", 0 * a, 0 * a).ok


def test_the_cosine_is_that_of_the_angle():
    assert compare("", "", np.array([1.0, 0.0]), np.array([1.0, 1.0])).cosine == pytest.approx(
        np.sqrt(0.5)
    )
    assert compare("", "", np.array([2.0, 0.0]), np.array([-1.0, 0.0])).cosine == -1.0


def test_the_limit_is_where_it_says(draw):
    a = draw(4)
    for scale, ok in ((0.9, True), (1.1, False)):
        assert compare("", "", a, a * (1.0 + 2.0 * scale * LIMIT)).ok is ok


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_never_ok(draw, bad):
    a = draw(4).copy()
    b = a.copy()
    b[2] = bad
    with np.errstate(invalid="ignore"):
        for pair in ((a, b), (b, a), (b, b)):
            assert not compare("", "", *pair).ok


def test_another_shape_is_not_ok(draw):
    a = draw(4)
    assert not compare("", "", a, a[:, None]).ok
    assert not compare("", "", a[:1], np.full(4, a[0])).ok
    assert not compare("", "", a.sum(), a).ok
