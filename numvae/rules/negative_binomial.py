"""Counts that vary more than those of a Poisson: the negative binomial distribution, from the log
of its mean, a, and the log of its dispersion, s.

It is a Poisson whose rate is drawn anew for each count, from a gamma distribution with the mean
m = e^a and the shape r = e^s. So the variance is m + m²/r, more than the mean; as r → ∞ the rate
does not vary, and the distribution is the Poisson.

Read next: model_choice.
"""

import numpy as np

from numvae.rules import activations, poisson

MOST = 16.0  # of a log dispersion: from here on it stays, and has no gradient; m²/r is m²/10⁷


def log_likelihood(x, log_mean, log_r, observed=None):
    """log p(x | log_mean, log_r), summed over the last axis.

        log p = Σ_d ( log Γ(x + r) − log Γ(r) − log x! + x (a − u) + r (s − u) )     (P26)
        u     = log(r + m) = s + softplus(a − s)                                     (P27)

    Shapes  x (B, D) counts, log_mean (..., B, D), log_r (D,) → (..., B); observed (B, D) as in
            `bernoulli`
    Units   nats
    Why     p(x) = Γ(x + r) / (Γ(r) x!) (m / (r + m))^x (r / (r + m))^r, with m = e^a and r = e^s.
            Summed in float64, as for the Poisson.
    """
    from scipy.special import gammaln  # here, so that all else needs NumPy alone

    x, a, s, r, softplus = _terms(x, log_mean, log_r)
    terms = gammaln(x + r) - gammaln(r) - poisson.log_factorial(x)
    terms = terms + x * (a - s - softplus) - r * softplus
    if observed is not None:
        terms = terms * observed
    return terms.sum(axis=-1).astype(log_mean.dtype)


def log_likelihood_backward(dlogp, x, log_mean, log_r, observed=None):
    """The gradient with respect to both logarithms.

        da = dlogp (x − (x + r) m / (r + m))                                   (P28)
        ds = dlogp r ( ψ(x + r) − ψ(r) − softplus(a − s) ) − da                (P29)

    Shapes  dlogp (..., B), x (B, D), log_mean (..., B, D), log_r (D,) → da, ds (..., B, D)
    Why     ∂u/∂a = m / (r + m) and ∂u/∂s = r / (r + m); ∂r/∂s = r; ψ is the derivative of log Γ.
            In ds what is left of u is −(x + r) ∂u/∂s + r = −(x − (x + r) ∂u/∂a).
    The gradients are those of each row. As one s serves all rows, the caller sums over them.
    """
    from scipy.special import digamma

    x, a, s, r, softplus = _terms(x, log_mean, log_r)
    dlogp = dlogp[..., None]
    if observed is not None:
        dlogp = dlogp * observed
    da = dlogp * (x - (x + r) * activations.sigmoid(a - s))
    ds = dlogp * r * (digamma(x + r) - digamma(r) - softplus) - da
    ds = np.where(log_r < MOST, ds, 0.0)
    return da.astype(log_mean.dtype), ds.astype(log_mean.dtype)


def _terms(x, log_mean, log_r):
    """x, a, s, r and softplus(a − s), in float64."""
    x, a = np.asarray(x, np.float64), np.asarray(log_mean, np.float64)
    s = np.minimum(np.asarray(log_r, np.float64), MOST)
    return x, a, s, np.exp(s), activations.softplus(a - s)


def sample(rng, log_mean, log_r):
    """A draw, whole numbers: of the rate, then of the count. Shapes  (..., D), (D,) → (..., D)"""
    r = np.exp(np.minimum(log_r, MOST)).astype(np.float64)
    rate = poisson.mean(log_mean) / r * rng.standard_gamma(np.broadcast_to(r, log_mean.shape))
    return rng.poisson(rate).astype(log_mean.dtype)


def log_dispersion(mean, variance):
    """The log of the dispersion with these moments, at most MOST; that of r = 0.01 at least.

        r = m² / (variance − m)                            (P30)

    Shapes  mean, variance (D,) → (D,)
    Why     the variance is m + m²/r
    """
    over = np.maximum(variance - mean, 1e-12)
    return np.log(np.clip(mean**2 / over, 0.01, np.exp(MOST)))


# What a user names: the distributions of counts.
COUNTS = ("poisson", "negative-binomial")
