"""What is minimised. The objectives differ only in how much each sample of z counts.

They take log p(x|z) of L samples, a KL (of each latent unit in closed form (K1), or of each sample
(K4)) and its weight β, which is 1 in the bound. A loss is in nats per example, averaged over the
batch.

Read next: score_function.
"""

import numpy as np

from numvae.rules import importance


def elbo(log_px, kl, beta, free_bits):
    """The negative bound with the KL in closed form (Kingma & Welling 2014, estimator B).

        loss = −mean_{l,n} log p(x|z) + β Σ_j max(λ, mean_n kl)     (O1)

    Shapes  log_px (L, B), kl (B, Z) → loss
    Source  Kingma & Welling 2014, equation 7; β: Higgins et al. 2017; λ (free bits, in nats for
            each latent unit): Kingma et al. 2016, equation 15
    """
    return -log_px.mean() + beta * np.maximum(free_bits, kl.mean(axis=0)).sum()


def elbo_backward(log_px, kl, beta, free_bits):
    """Every sample counts the same; a unit within its free bits gets no push.

        dlog_px = −1 / (L B)                               (O2)
        dkl     = β / B where mean_n kl > λ, else 0        (O3)

    Shapes  → dlog_px (L, B), dkl (B, Z)
    Why     the mean of L B numbers has the derivative 1 / (L B) in each; mean_n kl has 1 / B, and
            max(λ, ·) has the slope 1 above λ and 0 below
    """
    L, B = log_px.shape
    dlog_px = np.full_like(log_px, -1.0 / (L * B))
    dkl = np.full_like(kl, beta / B)
    if free_bits:
        dkl *= kl.mean(axis=0) > free_bits
    return dlog_px, dkl


def sampled_elbo(log_px, kl, beta):
    """The negative bound with the KL by the same samples (Kingma & Welling 2014, estimator A).

        loss = mean_{l,n} ( −log p(x|z) + β kl )           (O4)

    Shapes  log_px, kl (L, B) → loss
    Source  Kingma & Welling 2014, equation 6
    """
    return (beta * kl - log_px).mean()


def sampled_elbo_backward(log_px, kl, beta):
    """dlog_px = −1 / (L B),   dkl = β / (L B)              (O5)

    Why     the mean of L B numbers has the derivative 1 / (L B) in each
    """
    return np.full_like(log_px, -1.0 / log_px.size), np.full_like(kl, beta / kl.size)


def importance_weighted(log_px, kl, beta):
    """The negative importance-weighted bound: with β = 1 a bound on log p(x), on average tighter
    the more samples there are. Another β serves the training only (`schedules.warmup`).

        log w = log p(x|z) − β kl
        loss  = −mean_n log mean_l w                       (O6)

    Shapes  log_px, kl (L, B) → loss
    Source  Burda, Grosse & Salakhutdinov 2016, equation 8
    """
    return -importance.log_mean_exp(log_px - beta * kl).mean()


def importance_weighted_backward(log_px, kl, beta):
    """A sample counts by its share of the weight.

        v = w / Σ_l w,   dlog_px = −v / B,   dkl = β v / B     (O7)

    Shapes  → dlog_px, dkl (L, B)
    Source  Burda, Grosse & Salakhutdinov 2016, equation 14
    Why     ∂ log Σ_r w_r = Σ_l ∂w_l / Σ_r w_r, and ∂w_l = w_l ∂log w_l: the factor of ∂log w_l is
            v_l. In log w, log p(x|z) has the factor 1 and kl the factor −β.
    """
    v = importance.normalize(log_px - beta * kl)
    B = log_px.shape[1]
    return -v / B, beta * (v / B)
