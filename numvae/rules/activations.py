"""Activations h = f(a), each with its derivative written in terms of its own output h.

Because f′ can be read off h, a layer remembers h alone and the array a may be overwritten:
`out=a`, as in NumPy's own functions, says so. Without `out` nothing is changed.

Read next: gaussian.
"""

import numpy as np


def linear(a, out=None):
    """No activation.

        h = a                                              (H1)

    Shapes  a (...) → h (...), the same array
    """
    return a


def linear_backward(dh, h, out=None):
    """da = dh                                             (H2)"""
    return dh


def tanh(a, out=None):
    """The hyperbolic tangent.

        h = tanh a                                         (H3)

    Shapes  a (...) → h (...)
    """
    return np.tanh(a, out=out)


def tanh_backward(dh, h, out=None):
    """da = dh (1 − h²)                                    (H4)"""
    slope = h * h
    np.subtract(1.0, slope, out=slope)
    return np.multiply(dh, slope, out=out)


def relu(a, out=None):
    """The rectifier.

        h = max(a, 0)                                      (H5)

    Shapes  a (...) → h (...)
    """
    return np.maximum(a, 0.0, out=out)


def relu_backward(dh, h, out=None):
    """da = dh where h > 0, else 0                         (H6)"""
    return np.multiply(dh, h > 0.0, out=out)


def elu(a, out=None):
    """The exponential linear unit.

        h = a where a > 0, else e^a − 1                    (H7)

    Shapes  a (...) → h (...)
    Source  Clevert, Unterthiner & Hochreiter 2016, equation 15, α = 1
    """
    negative = np.expm1(np.minimum(a, 0.0))
    return np.add(np.maximum(a, 0.0), negative, out=out)


def elu_backward(dh, h, out=None):
    """da = dh where h > 0, else dh (h + 1)                (H8)

    Why     for a ≤ 0, ∂(e^a − 1)/∂a = e^a = h + 1
    """
    slope = np.minimum(h, 0.0)
    slope += 1.0
    return np.multiply(dh, slope, out=out)


def softplus(a, out=None):
    """A smooth rectifier, in the form in which nothing overflows.

        h = log(1 + e^a) = max(a, 0) + log(1 + e^−|a|)     (H9)

    Shapes  a (...) → h (...)
    """
    tail = np.abs(a)
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    return np.add(np.maximum(a, 0.0), tail, out=out)


def softplus_backward(dh, h, out=None):
    """da = dh (1 − e^−h)                                  (H10)

    Why     ∂h/∂a = e^a / (1 + e^a) = 1 − 1/(1 + e^a), and e^h = 1 + e^a
    """
    slope = np.expm1(-h)
    np.negative(slope, out=slope)
    return np.multiply(dh, slope, out=out)


def sigmoid(a, out=None):
    """The logistic function σ, by the identity that neither overflows nor divides.

        h = 1 / (1 + e^−a) = ½ tanh(½ a) + ½               (H11)

    Shapes  a (...) → h (...)
    """
    h = np.multiply(a, 0.5, out=out)
    h = np.tanh(h, out=h)
    h *= 0.5
    h += 0.5
    return h


def sigmoid_backward(dh, h, out=None):
    """da = dh h (1 − h)                                   (H12)"""
    slope = 1.0 - h
    slope *= h
    return np.multiply(dh, slope, out=out)


# What a user names; the backward of each is the function of the same name with `_backward`.
NAMES = ("tanh", "relu", "elu", "softplus", "sigmoid", "linear")
