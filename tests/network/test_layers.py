import math
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.network.layers import MLP, Dense, HiddenOnly
from numvae.network.parameters import Parameters
from numvae.rules import activations

B, N_IN, N_OUT = 5, 4, 3
SIZES = (4, 6, 3)


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
    dense.initialize(rng, activation, init_sigma=0.01)
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


def test_an_affine_function_of_the_last_inputs_is_what_a_layer_can_start_as(layer, draw):
    dense, _ = layer
    x, W, b = draw(B, N_IN), draw(2, N_OUT), draw(N_OUT)
    dense.initialize_linear(W, b)
    assert_allclose(dense.forward(x), x[:, -2:] @ W + b, rtol=1e-12)


def test_a_layer_of_hidden_units_only_does_not_see_what_a_skip_path_brings(draw, assert_backward):
    dense = HiddenOnly("layer", N_IN, N_OUT, n_skip=1)
    parameters = Parameters(dense.shapes, "float64")
    dense.bind(parameters)
    parameters.vector[...] = draw(parameters.vector.size)
    x, dy = draw(B, N_IN), draw(B, N_OUT)
    assert_allclose(dense.forward(x), x[:, :3] @ dense.W + dense.b, rtol=1e-12)
    dx = dense.backward(dy)
    assert_array_equal(dx[:, 3], 0.0)
    assert_backward(parameters, dense.forward, x, dy, dx)


# Layers in a row.


def multilayer(sizes, activation="tanh", dtype="float64"):
    mlp = MLP("net", sizes, [activation] * (len(sizes) - 1))
    parameters = Parameters(mlp.shapes, dtype)
    mlp.bind(parameters)
    parameters.vector[...] = np.random.default_rng(5).standard_normal(parameters.vector.size)
    parameters.gradient[...] = np.nan
    return mlp, parameters


def test_names_and_shapes():
    shapes = {"net.0.W": (4, 6), "net.0.b": (6,), "net.1.W": (6, 3), "net.1.b": (3,)}
    mlp = MLP("net", SIZES, ["tanh"] * 2)
    assert mlp.shapes == shapes
    assert mlp.n_out == 3


@pytest.mark.parametrize("n", [1, 3])
def test_each_layer_has_its_activation(n):
    with pytest.raises(ValueError, match="zip"):
        MLP("net", SIZES, ["tanh"] * n)


def test_forward_is_layer_after_layer_entry_by_entry(draw):
    """(D1) and (H3), the activation after the last layer too."""
    mlp, parameters = multilayer(SIZES)
    x = draw(B, 4)
    got = mlp.forward(x)
    for row in range(B):
        h = x[row].tolist()
        for i in range(2):
            W, b = parameters.values[f"net.{i}.W"], parameters.values[f"net.{i}.b"]
            h = [
                math.tanh(sum(hj * W[j, o] for j, hj in enumerate(h)) + b[o]) for o in range(len(b))
            ]
        assert_allclose(got[row], h, rtol=1e-12)


@pytest.mark.parametrize("activation", activations.NAMES)
@pytest.mark.parametrize("sizes", [(4, 3), SIZES, (4, 6, 5, 3)], ids=str)
def test_backward_is_the_derivative(sizes, activation, draw, assert_backward):
    mlp, parameters = multilayer(sizes, activation)
    x, dh = draw(B, 4), draw(B, 3)
    mlp.forward(x)
    assert_backward(parameters, mlp.forward, x, dh, mlp.backward(dh))


def test_every_layer_may_have_its_own_activation(draw):
    mlp, parameters = multilayer(SIZES)
    mixed = MLP("net", SIZES, ["elu", "sigmoid"])
    mixed.bind(parameters)
    x, p = draw(B, 4), parameters.values
    h = x @ p["net.0.W"] + p["net.0.b"]
    h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))
    truth = 1 / (1 + np.exp(-(h @ p["net.1.W"] + p["net.1.b"])))
    assert_allclose(mixed.forward(x), truth, rtol=1e-12)


def test_an_activation_that_does_not_exist_is_refused_before_it_is_called():
    with pytest.raises(ValueError, match="found activations .*sine.*; expected some of .*tanh"):
        MLP("net", SIZES, ["tanh", "sine"])


def test_a_bug_planted_in_an_activation_reaches_a_layer_that_is_there_already(draw, monkeypatch):
    mlp, _ = multilayer(SIZES)
    monkeypatch.setattr(activations, "tanh", lambda a: 0.0 * a)
    monkeypatch.setattr(activations, "tanh_backward", lambda dh, h: 0.0 * dh)
    assert not mlp.forward(draw(B, 4)).any() and not mlp.backward(draw(B, 3)).any()


def test_with_dropout_backward_is_the_derivative_still(draw, assert_backward):
    """(Q1) (Q2), after every activation."""
    mlp = MLP("net", SIZES, ["tanh", "softplus"], dropout=0.4)
    parameters = Parameters(mlp.shapes, "float64")
    mlp.bind(parameters)
    parameters.vector[...] = draw(parameters.vector.size)
    masks = mlp.masks(np.random.default_rng(1), 1, B, "float64")
    x, dh = draw(B, 4), draw(B, 3)
    y = mlp.forward(x, masks)
    assert_array_equal(y == 0.0, masks[1] == 0.0)
    dx = mlp.backward(dh)
    assert_backward(parameters, lambda x: mlp.forward(x, masks), x, dh, dx)


@pytest.mark.parametrize("activation", activations.NAMES)
def test_without_dx_the_parameters_get_the_same_gradient(activation, draw):
    mlp, parameters = multilayer(SIZES, activation)
    dh = draw(B, 3)
    mlp.forward(draw(B, 4))
    mlp.backward(dh)
    gradient = parameters.gradient.copy()
    parameters.gradient[...] = np.nan
    assert mlp.backward(dh, need_dx=False) is None
    assert_array_equal(parameters.gradient, gradient)


def test_no_layers_pass_input_and_gradient_through(draw):
    mlp, parameters = multilayer((4,))
    x, dh = draw(B, 4), draw(B, 4)
    assert parameters.vector.size == 0 and mlp.n_out == 4
    assert_array_equal(mlp.forward(x), x)
    assert_array_equal(mlp.backward(dh, need_dx=False), dh)


@pytest.mark.parametrize("activation", activations.NAMES)
def test_dtype_in_is_dtype_out_layer_after_layer(activation, draw, dtype):
    mlp, _ = multilayer(SIZES, activation, dtype)
    assert mlp.forward(draw(B, 4, dtype=dtype)).dtype == dtype
    assert mlp.backward(draw(B, 3, dtype=dtype)).dtype == dtype


def test_initialize_hands_its_activation_and_sigma_to_every_layer():
    """(I1) (I2) (I3)"""
    sizes = (200, 300, 100)
    for activation, sigma, variances in [
        ("tanh", None, (2.0 / 500, 2.0 / 400)),
        ("relu", None, (2.0 / 200, 2.0 / 300)),
        ("relu", 0.01, (1e-4, 1e-4)),
    ]:
        mlp, _ = multilayer(sizes, activation)
        mlp.initialize(np.random.default_rng(0), sigma)
        for layer, variance in zip(mlp.layers, variances):
            assert layer.W.var() == pytest.approx(variance, rel=0.04)
            assert not layer.b.any()


def test_masks_silence_the_share_said_and_none_is_drawn_where_nothing_is_dropped(rng):
    """(Q1)"""
    assert MLP("net", SIZES, ["tanh"] * 2).masks(rng, 1, B, "f4") is None
    masks = MLP("net", SIZES, ["tanh"] * 2, dropout=0.25).masks(rng, 2, 5_000, "f4")
    assert [mask.shape for mask in masks] == [(10_000, 6), (10_000, 3)]
    assert all(abs(mask.mean() - 0.75) < 0.02 for mask in masks)


def with_skip(sizes, dropout=0.0):
    mlp = MLP("net", sizes, ["tanh"] * (len(sizes) - 1), dropout, skip=True)
    parameters = Parameters(mlp.shapes, "float64")
    mlp.bind(parameters)
    parameters.vector[...] = np.random.default_rng(5).standard_normal(parameters.vector.size)
    return mlp, parameters


def test_a_skip_path_puts_the_input_beside_the_last_layer(draw):
    x, (mlp, _), (plain, _) = draw(B, 4), with_skip(SIZES), multilayer(SIZES)
    h = mlp.forward(x)
    assert (mlp.n_out, mlp.n_skip) == (3 + 4, 4)
    assert_array_equal(h[:, :3], plain.forward(x))
    assert_array_equal(h[:, 3:], x)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_backward_with_a_skip_path_is_the_derivative(dropout, draw, rng, assert_backward):
    mlp, parameters = with_skip(SIZES, dropout)
    x, dh, masks = draw(B, 4), draw(B, 7), mlp.masks(rng, 1, B, "float64")

    def forward(x):
        return mlp.forward(x, masks)

    forward(x)
    assert_backward(parameters, forward, x, dh, mlp.backward(dh))


def test_without_hidden_layers_there_is_nothing_to_skip(draw):
    mlp = MLP("net", (4,), [], skip=True)
    x = draw(B, 4)
    assert (mlp.n_out, mlp.n_skip) == (4, 0) and mlp.forward(x) is x
