import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from numvae.rules import activations

# h and ∂h/∂a of one number a, from the textbook.
DEFINITIONS = {
    "linear": (lambda a: a, lambda a: 1.0),  # (H1) (H2)
    "tanh": (  # (H3) (H4)
        lambda a: (math.exp(a) - math.exp(-a)) / (math.exp(a) + math.exp(-a)),
        lambda a: 1.0 / math.cosh(a) ** 2,
    ),
    "relu": (lambda a: a if a > 0 else 0.0, lambda a: 1.0 if a > 0 else 0.0),  # (H5) (H6)
    "elu": (  # (H7) (H8)
        lambda a: a if a > 0 else math.exp(a) - 1.0,
        lambda a: 1.0 if a > 0 else math.exp(a),
    ),
    "softplus": (lambda a: math.log(1.0 + math.exp(a)), lambda a: expit(a)),  # (H9) (H10)
    "sigmoid": (expit, lambda a: math.exp(-a) / (1.0 + math.exp(-a)) ** 2),  # (H11) (H12)
}
each_activation = pytest.mark.parametrize("name", activations.NAMES)


def pair(name):
    return getattr(activations, name), getattr(activations, name + "_backward")


def test_every_name_has_a_definition_here():
    assert set(activations.NAMES) == set(DEFINITIONS)


@each_activation
def test_forward_is_the_definition(name):
    a = np.linspace(-6.0, 6.0, 49)  # 0 among them
    wanted = [DEFINITIONS[name][0](float(ai)) for ai in a]
    assert_allclose(pair(name)[0](a), wanted, rtol=1e-12, atol=1e-15)


@each_activation
def test_backward_is_the_textbook_slope(name, draw):
    forward, backward = pair(name)
    a, dh = np.linspace(-6.0, 6.0, 49), draw(49)
    wanted = [dhi * DEFINITIONS[name][1](float(ai)) for ai, dhi in zip(a, dh)]
    assert_allclose(backward(dh, forward(a)), wanted, rtol=1e-9, atol=1e-15)


@each_activation
def test_backward_is_the_derivative(name, draw, is_derivative):
    forward, backward = pair(name)
    a, dh = draw(3, 4), draw(3, 4)
    a = a + 0.1 * np.sign(a)  # away from the kink of the rectifier
    assert is_derivative(lambda a: (dh * forward(a)).sum(), a, backward(dh, forward(a)))


@each_activation
def test_dtype_in_is_dtype_out(name, draw, dtype):
    forward, backward = pair(name)
    h = forward(draw(3, 4, dtype=dtype))
    assert h.dtype == dtype
    assert backward(draw(3, 4, dtype=dtype), h).dtype == dtype


@each_activation
def test_backward_reads_its_inputs_only(name, draw):
    h = pair(name)[0](draw(3, 4))
    h.setflags(write=False)
    assert pair(name)[1](draw(3, 4), h).shape == (3, 4)


@each_activation
def test_extreme_inputs_stay_finite(name, dtype):
    forward, backward = pair(name)
    a = np.array([-1e4, -1e2, -1e-6, 0.0, 1e-6, 1e2, 1e4], dtype)
    h = forward(a)
    assert np.isfinite(h).all()
    assert np.isfinite(backward(np.ones_like(a), h)).all()


@each_activation
def test_permuting_the_inputs_permutes_the_outputs(name, draw):
    a, order = draw(40), np.random.default_rng(0).permutation(40)
    assert_allclose(pair(name)[0](a[order]), pair(name)[0](a)[order], rtol=1e-14)


def test_sigmoid_never_leaves_the_unit_interval(dtype):
    h = activations.sigmoid(np.linspace(-1e4, 1e4, 20001).astype(dtype))
    assert h.min() == 0.0 and h.max() == 1.0
    assert (np.diff(h) >= 0.0).all()


def test_softplus_is_a_rectifier_far_from_zero_and_never_negative(dtype):
    h = activations.softplus(np.array([-1e4, 1e4], dtype))
    assert_array_equal(h, [0.0, 1e4])
    assert (activations.softplus(np.linspace(-200.0, 0.0, 401).astype(dtype)) >= 0.0).all()


def test_softplus_is_within_a_rounding_of_1_in_the_tail():
    a = np.linspace(-700.0, -20.0, 50)
    assert_allclose(activations.softplus(a), np.exp(a), rtol=0, atol=np.finfo(float).eps)
