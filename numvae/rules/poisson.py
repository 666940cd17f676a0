"""Counts, whole numbers from 0: the Poisson distribution, from the log of its rate, a.

The rate e^a is the mean count. Beyond M = MOST, where it is more than any count, about 10¹³, e^a
goes on as its tangent: nothing overflows, and the gradient still leads back.

Read next: negative_binomial.
"""

import math

import numpy as np

MOST = 30.0  # of a log rate
SMALL = 256  # counts below are looked up; from here on the series is exact to 1e-15
LOG_FACTORIALS = np.cumsum(np.log([1, *range(1, SMALL)]))
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def log_likelihood(x, log_rate, observed=None):
    """log p(x | log_rate), summed over the last axis.

        log p = Σ_d ( x a − e^a − log x! ),   e^a → e^M (1 + a − M) where a > M     (P21)

    Shapes  x (B, D) counts, log_rate (..., B, D) → (..., B); observed (B, D) as in `bernoulli`
    Units   nats
    Why     p(x) = rate^x e^−rate / x!, with rate = e^a. Summed in float64: of large counts the
            terms are far larger than their sum.
    """
    x, a = np.asarray(x, np.float64), np.asarray(log_rate, np.float64)
    rate = mean(a) * (1.0 + np.maximum(a - MOST, 0.0))
    terms = x * a - rate - log_factorial(x)
    if observed is not None:
        terms = terms * observed
    return terms.sum(axis=-1).astype(log_rate.dtype)


def log_likelihood_backward(dlogp, x, log_rate, observed=None):
    """The gradient with respect to the log rate: as for the Bernoulli, the data less the mean.

        da = dlogp (x − E[x|a])                            (P22)

    Shapes  dlogp (..., B), x (B, D), log_rate (..., B, D) → (..., B, D)
    Why     ∂(x a)/∂a = x, and ∂e^a/∂a = e^a, the mean; the slope of the tangent is e^M
    """
    dlogp = dlogp[..., None]
    if observed is not None:
        dlogp = dlogp * observed
    return dlogp * (x - mean(log_rate))


def mean(log_rate):
    """The rate.

        E[x|a] = e^min(a, M)                               (P23)

    Shapes  (...) → (...)
    """
    return np.exp(np.minimum(log_rate, MOST))


def sample(rng, log_rate):
    """A draw, whole numbers. Shapes  (...) → (...)"""
    return rng.poisson(mean(log_rate)).astype(log_rate.dtype)


def log_factorial(x):
    """log x! of whole numbers.

        log x! = Σ_k log k over k = 1 … x,   where x is small                       (P24)
               = (x + ½) log x − x + ½ log 2π + 1/(12 x) − 1/(360 x³) + …, else     (P25)

    Shapes  (...) → (...) float64
    Source  P25: Stirling's series
    """
    x = np.asarray(x, np.float64)
    result = LOG_FACTORIALS[np.minimum(x, SMALL - 1).astype(int)]
    large = x >= SMALL
    n = x[large]
    correction = 1.0 / (12.0 * n) - 1.0 / (360.0 * n**3)
    result[large] = (n + 0.5) * np.log(n) - n + HALF_LOG_2PI + correction
    return result
