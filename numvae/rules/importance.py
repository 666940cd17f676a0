"""Importance weights: how a posterior that is only nearly right still measures log p(x) rightly.

Read next: initialization.
"""

import math

import numpy as np


def log_weights(log_px, z, logvar, eps):
    """log w = log p(x|z) + log p(z) − log q(z|x), for z = μ + σ ε.

        log p(z)   = −½ Σ_z ( z² + log 2π )
        log q(z|x) = −½ Σ_z ( ε² + logvar + log 2π )
        log w      = log p(x|z) + ½ Σ_z ( ε² + logvar − z² )        (W1)

    Shapes  log_px (L, B), z, eps (L, B, Z), logvar (B, Z) → (L, B)
    Units   nats
    Source  Burda, Grosse & Salakhutdinov 2016, equation 7
    """
    return log_px + 0.5 * (eps * eps + logvar - z * z).sum(axis=-1)


def log_mean_exp(log_w):
    """The logarithm of the mean weight, without ever forming e^(log w).

        log p(x) ≈ log (1/L) Σ_l w_l
                 = m + log Σ_l e^(log w_l − m) − log L,   m = max_l log w_l     (W2)

    Shapes  log_w (L, B) → (B,)
    Source  Burda, Grosse & Salakhutdinov 2016, equation 8
    """
    m = log_w.max(axis=0)
    return m + np.log(np.exp(log_w - m).sum(axis=0)) - math.log(len(log_w))
