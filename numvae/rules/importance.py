"""Importance weights: log p(x) from draws of an approximate posterior.

    log w = log p(x|z) + log p(z) − log q(z|x) = log p(x|z) − kl,   kl of the sample, (K4)

Whatever q is, the mean of w over z ~ q(z|x) is ∫ p(x|z) p(z) dz = p(x).

Read next: objectives.
"""

import math

import numpy as np


def log_mean_exp(log_w):
    """The logarithm of the mean weight, without ever forming e^(log w).

        log p(x) ≈ log (1/L) Σ_l w_l
                 = m + log Σ_l e^(log w_l − m) − log L,   m = max_l log w_l     (W1)

    Shapes  log_w (L, B) → (B,)
    Source  Burda, Grosse & Salakhutdinov 2016, equation 8
    """
    m = _largest(log_w)
    return m + np.log(np.exp(log_w - m).sum(axis=0)) - math.log(len(log_w))


def normalize(log_w):
    """The weights of each example over their sum.

        v_l = w_l / Σ_l w_l                                (W2)

    Shapes  log_w (L, B) → (L, B), columns that sum to 1; all equal where all weights are 0
    Source  Burda, Grosse & Salakhutdinov 2016, equation 14
    """
    w = np.exp(log_w - _largest(log_w))
    total = w.sum(axis=0)
    return np.where(total > 0.0, w, 1.0) / np.where(total > 0.0, total, len(w))


def effective_samples(log_w):
    """How many equally weighted samples the estimate is worth: L if all weigh the same, 1 if one
    outweighs the rest.

        ess = (Σ_l w_l)² / Σ_l w_l²                        (W3)

    Shapes  log_w (L, B) → (B,)
    Source  Kong 1992
    """
    return 1.0 / (normalize(log_w) ** 2).sum(axis=0)


def standard_error(log_w):
    """The standard error of `log_mean_exp`: that of the mean weight over the mean weight.

        se = √( Var w / L ) / mean w = √( (L / ess − 1) / L )       (W4)

    Shapes  log_w (L, B) → (B,)
    Why     Var w = mean w² − (mean w)², and L / ess = mean w² / (mean w)²
    """
    return np.sqrt(np.maximum(1.0 / effective_samples(log_w) - 1.0 / len(log_w), 0.0))


def pareto_k(log_w):
    """How heavy the tail of the weights is: k̂, the shape of a generalized Pareto distribution that
    is fitted to the largest of them.

    Such a tail has no variance from k = ½ on, and no mean from k = 1 on. Above 0.7, a few weights
    make up most of the sum, and the largest ones have probably not been drawn.

    The M largest weights, M = min(L / 5, 3 √L), exceed the next one by x_1 ≤ … ≤ x_M. The fit has a
    single parameter b < 1 / x_M: its shape is k(b), its scale −k(b) / b, its log-likelihood ℓ(b)
    but for a constant. b̂ is a posterior mean, over a grid of b's that are equally probable before:

        k(b) = (1/M) Σ_j log(1 − b x_j)                                         (W5)
        ℓ(b) = M (log(−b / k(b)) − k(b))                                        (W6)
        b_i  = 1 / x_M + (1 − √(m / (i − ½))) / (3 x_⌊M/4 + ½⌋),  i = 1 … m     (W7)
        b̂    = Σ_i b_i e^ℓ(b_i) / Σ_i e^ℓ(b_i)                                  (W8)
        k̂    = (M k(b̂) + 10 · ½) / (M + 10)                                     (W9)

    with m = 30 + ⌊√M⌋. (W9) counts ten more observations of ½, since M is small.

    Shapes  log_w (L, B) → (B,): NaN for L < 25, which is too few; 0 where the M + 1 largest weights
            agree to a thousandth, as all do if q(z|x) is the posterior
    Source  Zhang & Stephens 2009, whose k is −k here; m and (W9): Vehtari, Simpson, Gelman, Yao &
            Gabry 2024, "Pareto smoothed importance sampling"
    Why     the density is (1 + k x / σ)^(−1 − 1/k) / σ; with b = −k / σ its log-likelihood is
            M log(−b / k) − (1 + 1/k) Σ_j log(1 − b x_j), which is highest in k at (W5)
    """
    L, B = log_w.shape
    M = int(min(L / 5, 3.0 * math.sqrt(L)))
    if M < 5:
        return np.full(B, np.nan, log_w.dtype)
    largest = np.sort(log_w, axis=0)[-M - 1 :]
    equal = ~(largest[-1] - largest[0] >= 1e-3)  # also where all weights are 0
    w = np.exp(largest - largest[-1])
    x = np.where(equal, 1.0, w[1:] - w[0])
    quartile = np.maximum(x[int(M / 4 + 0.5) - 1], np.finfo(x.dtype).tiny)  # e^(log w) may be 0

    m = 30 + int(math.sqrt(M))
    i = np.arange(1, m + 1, dtype=x.dtype)[:, None]
    b = 1.0 / x[-1] + (1.0 - np.sqrt(m / (i - 0.5))) / (3.0 * quartile)
    k = _shape(b, x)
    b = (b * normalize(M * (np.log(-b / k) - k))).sum(axis=0)
    return np.where(equal, 0.0, (M * _shape(b, x) + 5.0) / (M + 10.0))


def _largest(log_w):
    """The largest log-weight, (B,); a finite number even where all weights are 0."""
    return np.maximum(log_w.max(axis=0), np.finfo(log_w.dtype).min)


def _shape(b, x):
    """(W5). Shapes  b (…, B), x (M, B) → (…, B)"""
    return np.log1p(-b[..., None, :] * x).mean(axis=-2)
