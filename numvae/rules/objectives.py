"""What is minimised. The objectives differ in the form of the KL and in the weight of each sample.

They take log p(x|z) of L samples, a KL (of each latent unit in closed form (K1), or of each sample
(K4)) and its weight β, which is 1 in the bound. A loss is in nats per example, averaged over the
batch.

Read next: network/__init__.py.
Side path: path_derivative.
"""

import numpy as np

from numvae.rules import importance


def elbo(log_px, kl, beta):
    """The negative bound with the KL in closed form (Kingma & Welling 2014, estimator B).

        loss = −mean_{l,n} log p(x|z) + β Σ_j mean_n kl     (O1)

    Shapes  log_px (L, B), kl (B, Z) → loss
    Source  Kingma & Welling 2014, equation 7; β: Higgins et al. 2017
    """
    return -log_px.mean() + beta * kl.mean(axis=0).sum()


def elbo_backward(log_px, kl, beta):
    """Every sample counts the same, and so does the KL of every row and unit.

        dlog_px = −1 / (L B)                               (O2)
        dkl     = β / B                                    (O3)

    Shapes  → dlog_px (L, B), dkl (B, Z)
    Why     the mean of L B numbers has the derivative 1 / (L B) in each; mean_n kl has 1 / B
    """
    L, B = log_px.shape
    return np.full_like(log_px, -1.0 / (L * B)), np.full_like(kl, beta / B)


def free_bits_elbo(log_px, kl, beta, free_bits):
    """The negative bound where the first nats of KL of each latent unit cost nothing: so a unit is
    not given up before the decoder has learned to use it.

        loss = −mean_{l,n} log p(x|z) + β Σ_j max(free_bits, mean_n kl)     (O4)

    Shapes  log_px (L, B), kl (B, Z), free_bits a number of nats → loss
    Source  Kingma et al. 2016, equation 15, whose λ is free_bits
    """
    return -log_px.mean() + beta * np.maximum(free_bits, kl.mean(axis=0)).sum()


def free_bits_elbo_backward(log_px, kl, beta, free_bits):
    """The gradients of (O1), but none for a unit whose mean KL is within its free bits.

        dlog_px = −1 / (L B)                               (O5)
        dkl     = β / B where mean_n kl > free_bits, else 0     (O6)

    Shapes  → dlog_px (L, B), dkl (B, Z)
    Why     max(free_bits, u) has the slope 1 in u above free_bits, and 0 below
    """
    L, B = log_px.shape
    dkl = np.full_like(kl, beta / B) * (kl.mean(axis=0) > free_bits)
    return np.full_like(log_px, -1.0 / (L * B)), dkl


def sampled_elbo(log_px, kl, beta):
    """The negative bound with the KL by the same samples (Kingma & Welling 2014, estimator A).

        loss = mean_{l,n} ( −log p(x|z) + β kl )           (O7)

    Shapes  log_px, kl (L, B) → loss
    Source  Kingma & Welling 2014, equation 6
    """
    return (beta * kl - log_px).mean()


def sampled_elbo_backward(log_px, kl, beta):
    """dlog_px = −1 / (L B),   dkl = β / (L B)              (O8)

    Why     the mean of L B numbers has the derivative 1 / (L B) in each
    """
    return np.full_like(log_px, -1.0 / log_px.size), np.full_like(kl, beta / kl.size)


def importance_weighted(log_px, kl, beta):
    """The negative importance-weighted bound (IWAE). With β = 1, w = p(x|z) p(z) / q(z|x) has the
    mean p(x), and so has the mean of L such weights. So the log of that mean is on average at most
    log p(x) (Jensen), and closer to it the larger L is (theorem 1 of the source). Another β serves
    the training only (`schedules.warmup`).

        log w = log p(x|z) − β kl
        loss  = −mean_n log mean_l w                       (O9)

    Shapes  log_px, kl (L, B) → loss
    Source  Burda, Grosse & Salakhutdinov 2016, equation 8
    """
    return -importance.log_mean_exp(log_px - beta * kl).mean()


def importance_weighted_backward(log_px, kl, beta):
    """A sample counts in proportion to its weight.

        v = w / Σ_l w,   dlog_px = −v / B,   dkl = β v / B     (O10)

    Shapes  → dlog_px, dkl (L, B)
    Source  Burda, Grosse & Salakhutdinov 2016, equation 14
    Why     ∂ log Σ_l′ w_l′ = (1 / Σ_l′ w_l′) Σ_l ∂w_l, and ∂w_l = w_l ∂log w_l: the factor of
            ∂log w_l is v_l. The 1/L of the mean over l is a constant in the log, and mean_n gives
            1/B. In log w, log p(x|z) has the factor 1 and kl the factor −β.
    """
    v = importance.normalize(log_px - beta * kl)
    B = log_px.shape[1]
    return -v / B, beta * (v / B)
