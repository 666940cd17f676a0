import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.network.dense import Dense
from numvae.network.parameters import Parameters

B, N_IN, N_OUT = 5, 4, 3


def bound(n_in=N_IN, n_out=N_OUT, dtype="float64"):
    layer = Dense("layer", n_in, n_out)
    parameters = Parameters(layer.shapes, dtype)
    layer.bind(parameters)
    return layer, parameters


@pytest.fixture
def layer(rng):
    layer, parameters = bound()
    parameters.vector[...] = rng.standard_normal(parameters.vector.size)
    parameters.gradient[...] = np.nan
    return layer, parameters


def test_forward_is_the_affine_map_of_the_flat_vector(layer, draw):
    """(D1) with W and b cut out of the vector by hand."""
    dense, parameters = layer
    x = draw(B, N_IN)
    W, b = parameters.vector[: N_IN * N_OUT].reshape(N_IN, N_OUT), parameters.vector[-N_OUT:]
    wanted = [[sum(row * W[:, o]) + b[o] for o in range(N_OUT)] for row in x]
    assert_allclose(dense.forward(x), wanted, rtol=1e-12)


def test_backward_overwrites_the_flat_gradient_with_the_derivative(layer, draw, assert_backward):
    """(D2) (D3) (D4)"""
    dense, parameters = layer
    x, dy = draw(B, N_IN), draw(B, N_OUT)
    dense.forward(x)
    assert_backward(parameters, dense.forward, x, dy, dense.backward(dy))


def test_the_four_arrays_stay_views_after_a_backward_pass(layer, draw):
    dense, parameters = layer
    dense.forward(draw(B, N_IN))
    dense.backward(draw(B, N_OUT))
    assert dense.W.base is parameters.vector and dense.b.base is parameters.vector
    assert dense.dW.base is parameters.gradient and dense.db.base is parameters.gradient


def test_dx_that_nobody_needs_is_none_and_the_gradient_the_same(layer, draw):
    dense, parameters = layer
    dy = draw(B, N_OUT)
    dense.forward(draw(B, N_IN))
    dense.backward(dy)
    gradient = parameters.gradient.copy()
    assert dense.backward(dy, need_dx=False) is None
    assert_array_equal(parameters.gradient, gradient)


def test_dtype_in_is_dtype_out(draw, dtype):
    dense, _ = bound(dtype=dtype)
    assert dense.forward(draw(B, N_IN, dtype=dtype)).dtype == dtype
    assert dense.backward(draw(B, N_OUT, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "linear", "relu", "elu", "softplus"])
def test_initialize_follows_he_for_rectifiers_and_glorot_for_the_rest(activation, rng):
    """(I1) (I2)"""
    dense, parameters = bound(300, 100)
    parameters.vector[...] = np.nan
    dense.initialize(rng, activation)
    rectifier = activation in ("relu", "elu", "softplus")
    variance = 2.0 / 300 if rectifier else 2.0 / 400
    assert dense.W.var() == pytest.approx(variance, rel=0.04)
    assert_array_equal(dense.b, np.zeros(100))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_sigma_overrides_the_rule_of_the_activation(activation, rng):
    """(I3)"""
    dense, _ = bound(300, 100)
    dense.initialize(rng, activation, sigma=0.01)
    assert dense.W.std() == pytest.approx(0.01, rel=0.02)
    assert not dense.b.any()


def test_what_a_layer_remembers_is_each_thread_s_own(layer, draw):
    dense, parameters = layer
    x, dy = draw(B, N_IN), draw(B, N_OUT)
    dense.forward(x)
    dense.backward(dy)
    gradient = parameters.gradient.copy()
    dense.forward(x)
    other = threading.Thread(target=dense.forward, args=(draw(2, N_IN),))
    other.start()
    other.join()
    dense.backward(dy)
    assert_array_equal(parameters.gradient, gradient)
