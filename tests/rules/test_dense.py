import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.rules import dense

B, I, O = 4, 3, 5


@pytest.fixture
def layer(draw):
    return draw(B, I), draw(I, O), draw(O), draw(B, O)


def test_forward_is_the_definition(layer):
    """(D1) entry by entry."""
    x, W, b, _ = layer
    y = dense.forward(x, W, b)
    for row in range(B):
        for o in range(O):
            total = float(b[o])
            for i in range(I):
                total += float(x[row, i]) * float(W[i, o])
            assert y[row, o] == pytest.approx(total, rel=1e-12)


def test_backward_is_the_chain_rule_entry_by_entry(layer):
    """(D2) (D3) (D4): every product x W that a parameter takes part in, one at a time."""
    x, W, b, dy = layer
    dW, db, dx = np.zeros_like(W), np.zeros_like(b), np.zeros_like(x)
    for row in range(B):
        for o in range(O):
            db[o] += dy[row, o]
            for i in range(I):
                dW[i, o] += x[row, i] * dy[row, o]
                dx[row, i] += W[i, o] * dy[row, o]
    for got, wanted in zip(dense.backward(dy, x, W), (dx, dW, db)):
        assert_allclose(got, wanted, rtol=1e-12)


def test_backward_is_the_derivative(layer, is_derivative):
    x, W, b, dy = layer
    dx, dW, db = dense.backward(dy, x, W)
    assert is_derivative(lambda x: (dy * dense.forward(x, W, b)).sum(), x, dx)
    assert is_derivative(lambda W: (dy * dense.forward(x, W, b)).sum(), W, dW)
    assert is_derivative(lambda b: (dy * dense.forward(x, W, b)).sum(), b, db)


def test_dtype_in_is_dtype_out(draw, dtype):
    x, W, b, dy = (draw(*s, dtype=dtype) for s in [(B, I), (I, O), (O,), (B, O)])
    assert dense.forward(x, W, b).dtype == dtype
    assert all(gradient.dtype == dtype for gradient in dense.backward(dy, x, W))


def test_dx_that_nobody_needs_is_none_and_the_rest_unchanged(layer):
    x, W, b, dy = layer
    _, dW, db = dense.backward(dy, x, W)
    dx, dW_again, db_again = dense.backward(dy, x, W, need_dx=False)
    assert dx is None
    assert_array_equal(dW_again, dW)
    assert_array_equal(db_again, db)


def test_permuting_the_rows_permutes_y_and_dx_and_keeps_dW_and_db(layer):
    x, W, b, dy = layer
    order = np.array([2, 0, 3, 1])
    dx, dW, db = dense.backward(dy, x, W)
    dx_permuted, dW_permuted, db_permuted = dense.backward(dy[order], x[order], W)
    assert_allclose(dense.forward(x[order], W, b), dense.forward(x, W, b)[order], rtol=1e-12)
    assert_allclose(dx_permuted, dx[order], rtol=1e-12)
    assert_allclose(dW_permuted, dW, rtol=1e-12)
    assert_allclose(db_permuted, db, rtol=1e-12)
