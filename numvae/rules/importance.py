"""Importance weights: how a posterior that is only nearly right still measures log p(x) rightly.

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
    m = np.maximum(log_w.max(axis=0), np.finfo(log_w.dtype).min)  # finite, even if no weight is
    return m + np.log(np.exp(log_w - m).sum(axis=0)) - math.log(len(log_w))


def normalize(log_w):
    """Each sample's share of the weight.

        v_l = w_l / Σ_l w_l                                (W2)

    Shapes  log_w (L, B) → (L, B), columns that sum to 1
    Source  Burda, Grosse & Salakhutdinov 2016, equation 14
    """
    w = np.exp(log_w - log_w.max(axis=0))
    return w / w.sum(axis=0)


def effective_samples(log_w):
    """How many equally weighted samples the estimate is worth: L if all weigh the same, 1 if one
    outweighs the rest.

        ess = (Σ_l w_l)² / Σ_l w_l²                        (W3)

    Shapes  log_w (L, B) → (B,)
    Source  Kong 1992
    """
    return 1.0 / (normalize(log_w) ** 2).sum(axis=0)


def standard_error(log_w):
    """Of log p(x) as estimated by `log_mean_exp`: that of the mean weight, relative to it.

        se = √( Var w / L ) / mean w = √( (L / ess − 1) / L )       (W4)

    Shapes  log_w (L, B) → (B,)
    Why     Var w = mean w² − (mean w)², and L / ess = mean w² / (mean w)²
    """
    return np.sqrt(np.maximum(1.0 / effective_samples(log_w) - 1.0 / len(log_w), 0.0))
