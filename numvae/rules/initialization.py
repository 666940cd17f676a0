"""How large a weight should be before training: large enough that signals do not vanish, small
enough that they do not explode. Biases start at zero, but the last layer's may start where its
output is the mean of the data for every z: else the first epochs would go into learning that.

Read next: optimizers.
"""

import math

import numpy as np


def glorot(rng, n_in, n_out):
    """For layers whose activation is an odd function, up to a constant (tanh, sigmoid), or absent.

        W ~ U(−r, r),   r = √(6 / (n_in + n_out)),   so Var W = 2 / (n_in + n_out)     (I1)

    Shapes  → W (n_in, n_out) float64
    Source  Glorot & Bengio 2010, equation 16
    Why     x W has n_in Var W times the variance of x, and dy Wᵀ n_out Var W times that of dy; the
            mean of these two factors is 1
    """
    r = math.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-r, r, (n_in, n_out))


def he(rng, n_in, n_out):
    """For rectifiers, which pass on half of the variance.

        W ~ N(0, 2 / n_in)                                 (I2)

    Shapes  → W (n_in, n_out) float64
    Source  He et al. 2015, equation 10
    """
    return rng.normal(0.0, math.sqrt(2.0 / n_in), (n_in, n_out))


def normal(rng, n_in, n_out, sigma):
    """The same for every layer.

        W ~ N(0, σ²)                                       (I3)

    Shapes  → W (n_in, n_out) float64
    Source  Kingma & Welling 2014, section 5, with σ = 0.01
    """
    return rng.normal(0.0, sigma, (n_in, n_out))


def bernoulli_bias(mean):
    """The logits at which a Bernoulli has the mean of the data, clipped to [0.001, 0.999].

        b = log(m / (1 − m))                               (I4)

    Shapes  mean (D,) in [0, 1] → b (D,)
    Source  the code of Burda, Grosse & Salakhutdinov 2016
    """
    mean = np.clip(mean, 0.001, 0.999)
    return np.log(mean / (1.0 - mean))


def log_bias(mean):
    """The logits at which a categorical has the frequencies of the data, and the log rates at which
    a Poisson has its mean; both at least 0.001.

        b = log m                                          (I5)

    Shapes  mean (D,) ≥ 0 → b (D,)
    """
    return np.log(np.maximum(mean, 0.001))
