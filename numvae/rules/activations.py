"""Activations h = f(a), each with its derivative written in terms of its own output h.

Because f′ can be computed from h, a layer remembers h alone and not a.

Read next: gaussian.
"""

import numpy as np


def linear(a):
    """No activation.

        h = a                                              (H1)

    Shapes  a (...) → h (...), the same array
    """
    return a


def linear_backward(dh, h):
    """da = dh                                             (H2)

    Why     ∂h/∂a = 1
    """
    return dh


def tanh(a):
    """The hyperbolic tangent.

        h = tanh a                                         (H3)

    Shapes  a (...) → h (...)
    """
    return np.tanh(a)


def tanh_backward(dh, h):
    """da = dh (1 − h²)                                    (H4)

    Why     tanh = sinh / cosh, sinh′ = cosh and cosh′ = sinh, so by the quotient rule
            ∂h/∂a = (cosh² a − sinh² a) / cosh² a = 1 − tanh² a = 1 − h²
    """
    return dh * (1.0 - h * h)


def relu(a):
    """The rectifier.

        h = max(a, 0)                                      (H5)

    Shapes  a (...) → h (...)
    """
    return np.maximum(a, 0.0)


def relu_backward(dh, h):
    """da = dh where h > 0, else 0                         (H6)

    Why     h is a, with slope 1, where a > 0, and 0, with slope 0, where a < 0; h > 0 just where
            a > 0. At a = 0 there is a kink and no derivative: the rule takes 0, as most programs do
    """
    return dh * (h > 0.0)


def elu(a):
    """The exponential linear unit.

        h = a where a > 0, else e^a − 1                    (H7)

    Shapes  a (...) → h (...)
    Source  Clevert, Unterthiner & Hochreiter 2016, equation 15, α = 1
    """
    return np.maximum(a, 0.0) + (np.exp(np.minimum(a, 0.0)) - 1.0)


def elu_backward(dh, h):
    """da = dh where h > 0, else dh (h + 1)                (H8)

    Why     for a ≤ 0, ∂(e^a − 1)/∂a = e^a = h + 1
    """
    return dh * (np.minimum(h, 0.0) + 1.0)


def softplus(a):
    """A smooth rectifier, in the form in which nothing overflows.

        h = log(1 + e^a) = max(a, 0) + log(1 + e^−|a|)     (H9)

    Shapes  a (...) → h (...)
    The error is at most a rounding of 1, as it is in the sums that h goes into. log1p would keep
    more digits of a small h, and takes four times as long where NumPy has no vector code for it.
    """
    return np.maximum(a, 0.0) + np.log(1.0 + np.exp(-np.abs(a)))


def softplus_backward(dh, h):
    """da = dh (1 − e^−h)                                  (H10)

    Why     ∂h/∂a = e^a / (1 + e^a) = 1 − 1/(1 + e^a), and e^h = 1 + e^a
    """
    return dh * (1.0 - np.exp(-h))


def sigmoid(a):
    """The logistic function σ, by the identity that neither overflows nor divides.

        h = 1 / (1 + e^−a) = ½ tanh(½ a) + ½               (H11)

    Shapes  a (...) → h (...)
    """
    return 0.5 * np.tanh(0.5 * a) + 0.5


def sigmoid_backward(dh, h):
    """da = dh h (1 − h)                                   (H12)

    Why     ∂h/∂a = e^−a / (1 + e^−a)² = h · e^−a / (1 + e^−a), and the last factor is 1 − h
    """
    return dh * (h * (1.0 - h))


# What a user names; the backward of each is the function of the same name with `_backward`.
NAMES = ("tanh", "relu", "elu", "softplus", "sigmoid", "linear")
