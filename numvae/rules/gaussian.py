"""All that a VAE needs of the Gaussian with diagonal covariance: N(μ, diag e^logvar).

`logvar` is log σ², unbounded, so that a network may output it. `sigma` is the standard deviation
e^(½ logvar): forgetting that ½ is the best-known mistake in hand-written VAEs.

Read next: bernoulli.
"""

import math

import numpy as np

from numvae.rules import activations

LOG_2PI = math.log(2.0 * math.pi)


def reparameterize(mu, logvar, eps):
    """L draws of z ~ N(μ, σ²) for each example, with the randomness moved into ε ~ N(0, 1).

        z = μ + σ ε,   σ = e^(½ logvar)                    (Z1)

    Shapes  mu, logvar (B, Z), eps (L, B, Z) → z (L, B, Z)
    Source  Kingma & Welling 2014, section 2.4
    Why     z written so is a differentiable function of μ and logvar: the gradient passes through
            the sample, which it cannot if z is simply drawn.
    """
    return mu + np.exp(0.5 * logvar) * eps


def reparameterize_backward(dz, logvar, eps):
    """The gradient that reaches μ and logvar through the samples.

        dμ      = Σ_l dz                                   (Z2)
        dlogvar = Σ_l dz ε · ½ σ                           (Z3)

    Shapes  dz, eps (L, B, Z), logvar (B, Z) → dmu, dlogvar (B, Z)
    Why     ∂σ/∂logvar = ½ σ; μ and logvar are in all L samples, whose gradients add.
    """
    dmu = dz.sum(axis=0)
    dlogvar = (dz * eps).sum(axis=0) * (0.5 * np.exp(0.5 * logvar))
    return dmu, dlogvar


def kl(mu, logvar):
    """KL( N(μ, e^logvar) ‖ N(0, 1) ) of each example and latent unit; KL is the sum over units.

        kl = ½ (μ² + e^logvar − 1 − logvar)                (K1)

    Shapes  mu, logvar (B, Z) → kl (B, Z)
    Units   nats
    Source  Kingma & Welling 2014, Appendix B (sign turned: KL, not −KL)
    Why     log q = −½ ((z − μ)²/σ² + logvar + log 2π), log p = −½ (z² + log 2π). In log q − log p
            both log 2π cancel: kl = ½ E_q[ z² − (z − μ)²/σ² − logvar ], with E_q z² = μ² + σ² and
            E_q (z − μ)² = σ². The units j are independent: log q(z|x), log p(z) and so KL are sums
            over j.
    """
    return 0.5 * (mu * mu + np.exp(logvar) - 1.0 - logvar)


def kl_backward(dkl, mu, logvar):
    """The gradient of the KL.

        dμ      = dkl · μ                                  (K2)
        dlogvar = dkl · ½ (e^logvar − 1)                   (K3)

    Shapes  dkl, mu, logvar (B, Z) → dmu, dlogvar (B, Z)
    Why     ∂ ½ μ²/∂μ = μ, and ∂ ½ (e^logvar − logvar)/∂logvar = ½ (e^logvar − 1)
    """
    return dkl * mu, dkl * (0.5 * np.expm1(logvar))


def sampled_kl(z, logvar, eps):
    """The same KL from samples z = μ + σ ε, where (z − μ)/σ = ε: right on average. It needs no
    closed form such as (K1).

        log q(z|x) = −½ Σ_j ( ε² + logvar + log 2π )
        log p(z)   = −½ Σ_j ( z² + log 2π )
        kl         = log q(z|x) − log p(z) = ½ Σ_j ( z² − ε² − logvar )     (K4)

    Shapes  z, eps (L, B, Z), logvar (B, Z) → kl (L, B)
    Units   nats; a single sample's may be negative
    Source  Kingma & Welling 2014, equation 6
    """
    return 0.5 * (z * z - eps * eps - logvar).sum(axis=-1)


def sampled_kl_backward(dkl, z):
    """The gradients of (K4) with respect to its arguments z and logvar, the others held fixed; what
    comes through z into μ and logvar is added by (Z2, Z3).

        dz      = dkl z                                    (K5)
        dlogvar = −½ Σ_l dkl                               (K6)

    Shapes  dkl (L, B), z (L, B, Z) → dz (L, B, Z), dlogvar (B, 1)
    Why     (z − μ)/σ is ε whatever μ and σ are, so kl depends on μ only through z: ∂kl/∂z_j = z_j,
            and no dμ is left. With z and ε fixed, logvar has the factor −½ for every unit; it is in
            all L samples, whose gradients add. (With z fixed and ε not, ∂kl/∂logvar is ½ (ε² − 1)
            and ∂kl/∂z has −ε/σ more, which (Z3) multiplies by ½ σ ε: together −½ again.)
    """
    return dkl[..., None] * z, -0.5 * dkl.sum(axis=0)[:, None]


def log_density(x, mu, logvar, observed=None):
    """log N(x; μ, diag e^logvar), summed over the last axis.

        log p = −½ Σ_d ( (x − μ)² e^−logvar + logvar + log 2π )     (G1)

    Shapes  x − mu (..., D), logvar broadcast to it → (...)
            observed (B, D), 1 where x is known and 0 where it is missing: only the known ones count
    Units   nats; a density, so it may be positive
    """
    terms = np.square(x - mu) * np.exp(-logvar) + logvar + LOG_2PI
    if observed is not None:
        terms = terms * observed
    return -0.5 * terms.sum(axis=-1)


def log_density_backward(dlogp, x, mu, logvar, observed=None):
    """The gradient of the log-density with respect to its two parameters.

        dμ      = dlogp (x − μ) e^−logvar                  (G2)
        dlogvar = dlogp ½ ( (x − μ)² e^−logvar − 1 )       (G3)

    Shapes  dlogp (...), x − mu (..., D), logvar broadcast to it → dmu, dlogvar (..., D)
    Why     ∂(x − μ)²/∂μ = −2 (x − μ), and ∂e^−logvar/∂logvar = −e^−logvar; times the −½ of (G1)
    The gradients are those of each row. If one logvar serves all rows, the caller sums over them.
    """
    dlogp = dlogp[..., None]
    if observed is not None:
        dlogp = dlogp * observed
    error = x - mu
    scaled = error * np.exp(-logvar)
    return dlogp * scaled, 0.5 * dlogp * (error * scaled - 1.0)


def floor_logvar(s, floor):
    """The log-variance from any real number s, with a smooth lower bound on the variance.

        e^logvar = e^s + floor,   logvar = log floor + softplus(s − log floor)     (F1)

    Shapes  s (...) → logvar (...)
    Why     a decoder that can shrink σ without limit around one example drives the density to
            infinity; a hard `max` would do, but its gradient vanishes below the floor.
    """
    log_floor = math.log(floor)
    return activations.softplus(s - log_floor) + log_floor


def floor_logvar_backward(dlogvar, logvar, floor):
    """The gradient of the floored log-variance.

        ds = dlogvar (1 − floor e^−logvar)                 (F2)

    Shapes  dlogvar, logvar (...) → ds (...)
    Why     ∂logvar/∂s = e^s / (e^s + floor) = 1 − floor / e^logvar
    """
    return activations.softplus_backward(dlogvar, logvar - math.log(floor))


def floor_logvar_inverse(logvar, floor):
    """The s from which `floor_logvar` makes this log-variance.

        s = logvar + log(1 − floor e^−logvar)              (F3)

    Shapes  logvar (...), above log floor → s (...)
    """
    return logvar + np.log1p(-floor * np.exp(-logvar))


def sample(rng, mu, logvar):
    """A draw x ~ N(μ, diag e^logvar).

    Shapes  mu (..., D), logvar broadcast to it → x (..., D)
    """
    eps = rng.standard_normal(mu.shape, dtype=mu.dtype)
    return reparameterize(mu, logvar, eps)
