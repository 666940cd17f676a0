"""The continuous Bernoulli: a density for gray pixels, real numbers in [0, 1].

The Bernoulli formula x a − log(1 + e^a), applied to gray x, is no density: it does not integrate to
1 over [0, 1]. Normalised, it becomes p(x) ∝ e^(a x), and all that one needs has a closed form.
Written in u = a/2 it is symmetric, and only the neighbourhood of u = 0 needs a series.

Read next: categorical.
"""

import math

import numpy as np

LOG_2 = math.log(2.0)
SMALL = 0.3  # below, the series are exact to 1e-12; above, the closed forms lose nothing


def log_likelihood(x, logits, observed=None):
    """log p(x | logits), summed over the last axis.

        log p = Σ_d ( x a − log ∫₀¹ e^(a t) dt )
              = Σ_d ( (x − ½) a − log (sinh u / u) ),  u = ½ a      (C1)

    Shapes  x (B, D) in [0, 1], logits (..., B, D) → (..., B); observed (B, D) as in `bernoulli`
    Units   nats; a density, so it may be positive
    Source  Loaiza-Ganem & Cunningham 2019, equations 3–6, whose λ is sigmoid(a)
    Why     ∫₀¹ e^(a t) dt = (e^a − 1) / a = e^u sinh u / u
    """
    centred, log_sinhc = x - 0.5, _log_sinhc(0.5 * logits)
    if observed is not None:
        centred, log_sinhc = centred * observed, log_sinhc * observed
    return np.einsum("...d,...d->...", centred, logits) - log_sinhc.sum(axis=-1)


def log_likelihood_backward(dlogp, x, logits, observed=None):
    """The gradient with respect to the logits: as for the Bernoulli, the data less the mean.

        da = dlogp (x − E[x|a])                            (C2)

    Shapes  dlogp (..., B), x (B, D), logits (..., B, D) → dlogits (..., B, D)
    Why     ∂ log ∫ e^(a t) dt / ∂a = ∫ t e^(a t) dt / ∫ e^(a t) dt, which is the mean
    """
    dlogp = dlogp[..., None]
    if observed is not None:
        dlogp = dlogp * observed
    return dlogp * (x - mean(logits))


def mean(logits):
    """E[x | logits]: not sigmoid(a), and never quite 0 or 1.

        E[x] = ½ + ½ (coth u − 1/u),   u = ½ a             (C3)

    Shapes  logits (...) → (...) in (0, 1)
    Why     by (C2) it is ½ + ∂ log (sinh u / u) / ∂a
    """
    return 0.5 + 0.5 * _langevin(0.5 * logits)


def logits_of_mean(wanted):
    """The logits whose mean is `wanted`, clipped to [0.02, 0.98], by halving an interval.

        E[x | a] = wanted                                  (C4)

    Shapes  wanted (D,) in [0, 1] → logits (D,)
    """
    wanted = np.clip(wanted, 0.02, 0.98)  # E[x | a = ±60] is just outside
    low, high = np.full_like(wanted, -60.0), np.full_like(wanted, 60.0)
    for _ in range(50):
        middle = 0.5 * (low + high)
        below = mean(middle) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def sample(rng, logits):
    """A draw by the inverse of the distribution function F, from v ~ U(0, 1).

        F⁻¹(v) = log(1 + v (e^a − 1)) / a,   and F⁻¹ → v as a → 0     (C5)

    Shapes  logits (...) → x (...) in [0, 1]
    Why     written for −|a|, where nothing overflows; p(x | a) is p(1 − x | −a)
    """
    v = rng.random(logits.shape, dtype=logits.dtype)
    a = -np.abs(logits)
    flat = a > -1e-3
    x = np.log1p(v * np.expm1(a)) / np.where(flat, 1.0, a)
    x = np.where(flat, v, np.minimum(x, 1.0))
    return np.where(logits > 0.0, 1.0 - x, x)


def _log_sinhc(u):
    """log (sinh u / u) = |u| + log(1 − e^(−2|u|)) − log 2|u|, or its series around 0    (C6)"""
    u = np.abs(u)
    small = u < SMALL
    square = np.where(small, u * u, 0.0)
    tail = 1 / 2835 - square * (1 / 37800 - square / 467775)
    series = square * (1 / 6 - square * (1 / 180 - square * tail))
    u = np.where(small, 1.0, u)
    return np.where(small, series, u + np.log(1.0 - np.exp(-2.0 * u)) - np.log(u) - LOG_2)


def _langevin(u):
    """The Langevin function coth u − 1/u, or its series around 0     (C7)"""
    small = np.abs(u) < SMALL
    square = np.where(small, u * u, 0.0)
    tail = 2 / 945 - square * (1 / 4725 - square * (2 / 93555 - square * (1382 / 638512875)))
    series = u * (1 / 3 - square * (1 / 45 - square * tail))
    u = np.where(small, 1.0, u)
    return np.where(small, series, 1.0 / np.tanh(u) - 1.0 / u)
