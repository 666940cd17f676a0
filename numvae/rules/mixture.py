"""A mixture of Gaussians: where the codes of the data lie, which the prior only approximates.

    k ~ π,   z | k ~ N(m_k, C_k),   so p(z) = Σ_k π_k N(z; m_k, C_k)

The decoder has learned to decode the codes of the data, and those are draws from q(z|x), whose mean
over x is the aggregate posterior. Where it is not the prior, codes drawn from the prior lie where
the decoder has never been. A mixture fitted to the codes lies where they do, and is drawn from as
easily as the prior.

Read next: network/__init__.py.
"""

import math
from typing import NamedTuple

import numpy as np

from numvae.rules import importance
from numvae.rules.gaussian import LOG_2PI


class Mixture(NamedTuple):
    """K Gaussians in Z dimensions, in float64."""

    shares: np.ndarray  # (K,) π_k, how probable each is; they sum to 1
    means: np.ndarray  # (K, Z) m_k
    covariances: np.ndarray  # (K, Z, Z) C_k


def log_joint(z, shares, means, covariances):
    """log p(k, z), for each component.

        log p(k, z) = log π_k − ½ ( |u|² + log |C_k| + Z log 2π )     (M11)
        u           = L⁻¹ (z − m_k),   L = chol C_k                   (M12)

    Shapes  z (N, Z), shares (K,), means (K, Z), covariances (K, Z, Z) → (N, K)
    Units   nats
    Why     C_k = L Lᵀ, so (z − m_k)ᵀ C_k⁻¹ (z − m_k) = |u|², and log |C_k| = 2 Σ_j log L_jj, since
            L is triangular
    """
    N, Z = z.shape
    joint = np.empty((N, len(shares)))
    for k, L in enumerate(np.linalg.cholesky(covariances)):
        u = np.linalg.solve(L, (z - means[k]).T)
        log_scale = np.log(np.diag(L)).sum() + 0.5 * Z * LOG_2PI
        joint[:, k] = np.log(shares[k]) - 0.5 * (u * u).sum(axis=0) - log_scale
    return joint


def log_density(z, shares, means, covariances):
    """The log-density of the mixture.

        log p(z) = log Σ_k p(k, z)                         (M13)

    Shapes  z (N, Z), the mixture as in `log_joint` → (N,)
    Units   nats
    """
    joint = log_joint(z, shares, means, covariances)
    return importance.log_mean_exp(joint.T) + math.log(len(shares))


def responsibilities(joint):
    """How probable it is that a point comes from each component.

        r_nk = p(k|z_n) = p(k, z_n) / Σ_k p(k, z_n)        (M14)

    Shapes  joint (N, K) of `log_joint` → (N, K), rows that sum to 1
    """
    return importance.normalize(joint.T).T


def maximize(z, r, spread=0.0, imagined=0.0):
    """The mixture that fits points best, given how far each belongs to each component.

        N_k = Σ_n r_nk,   π_k = N_k / N                                              (M15)
        m_k = Σ_n r_nk z_n / N_k                                                     (M16)
        C_k = ( Σ_n r_nk (z_n − m_k) (z_n − m_k)ᵀ + κ S ) / ( N_k + κ )              (M17)

    spread      S (Z, Z), positive definite
    imagined    κ, how many points to imagine in each component beside its own, around its mean and
                with the covariance S: without any, a component of a single point has C_k = 0, and
                the density there has no bound

    Shapes  z (N, Z), r (N, K) → Mixture
    Source  Dempster, Laird & Rubin 1977; κ S: Fraley & Raftery 2007
    Why     it maximises Σ_n Σ_k r_nk log p(k, z_n) − ½ κ Σ_k ( log |C_k| + tr C_k⁻¹ S ). By m_k its
            derivative is C_k⁻¹ Σ_n r_nk (z_n − m_k); by C_k⁻¹ it is ½ (N_k + κ) C_k − ½ Σ_n r_nk
            (z_n − m_k) (z_n − m_k)ᵀ − ½ κ S; by π_k, which sum to 1, it is N_k / π_k, the same for
            every k. All three vanish, or are the same, at (M15) to (M17)
    """
    n = r.sum(axis=0)
    means = (r.T @ z) / n[:, None]
    covariances = np.empty((len(n), z.shape[1], z.shape[1]))
    for k, mean in enumerate(means):
        weighted = np.sqrt(r[:, k, None]) * (z - mean)
        covariances[k] = (weighted.T @ weighted + imagined * spread) / (n[k] + imagined)
    return Mixture(n / len(z), means, covariances)


def begin(rng, z, n_components):
    """Where `fit` starts: each point belongs to the nearest of some centres, which are points that
    are drawn one after the other, each far from those before (k-means++).

        p(z_n) = d_n² / Σ_n d_n²                           (M18)

    where d_n is the distance to the nearest centre so far; the first is any point.

    Shapes  z (N, Z) → r (N, K), 1 for the nearest centre, else 0; K is n_components, or less if
            there are fewer points that differ
    Source  Arthur & Vassilvitskii 2007
    """
    centre = z[rng.integers(len(z))]
    squared = ((z - centre) ** 2).sum(axis=1)[:, None]
    while squared.shape[1] < n_components and (d2 := squared.min(axis=1)).any():
        centre = z[rng.choice(len(z), p=d2 / d2.sum())]
        squared = np.column_stack([squared, ((z - centre) ** 2).sum(axis=1)])
    return np.eye(squared.shape[1])[squared.argmin(axis=1)]


def fit(rng, z, n_components, imagined=10.0, n_steps=200, enough=1e-2):
    """A mixture of (nearly) the highest likelihood near its start, by expectation (M14) and
    maximisation (M15) to (M17) in turns (EM).

    The imagined points are spread as those around each centre are at the start, and a little in
    every direction, so that no covariance is singular:

        S = Σ_k π_k C_k + 10⁻⁶ (1 + Σ_k π_k tr C_k / Z) I      (M19)

    with π_k and C_k of the start, by (M15) to (M17) without imagined points.

    n_steps     at most; fewer once the mean of log p(z) rises by less than `enough` nats

    Shapes  z (N, Z) → Mixture
    Source  Dempster, Laird & Rubin 1977
    Why     for any r, log p(z) = Σ_k r_k log ( p(k, z) / r_k ) + KL( r ‖ p(k|z) ). (M14) makes the
            KL 0 and leaves log p(z) as it is; then (M15) to (M17) raise the first term, and the KL
            can only rise from 0: so Σ_n log p(z_n) − ½ κ Σ_k ( log |C_k| + tr C_k⁻¹ S ) never falls
    """
    r = begin(rng, z, n_components)
    shares, _, covariances = maximize(z, r)
    spread, Z = np.tensordot(shares, covariances, 1), z.shape[1]
    spread += 1e-6 * (1.0 + spread.trace() / Z) * np.eye(Z)
    mixture = maximize(z, r, spread, imagined)
    latest = -math.inf
    for _ in range(n_steps):
        joint = log_joint(z, *mixture)
        log_p = importance.log_mean_exp(joint.T).mean()
        if log_p - latest < enough:
            break
        latest = log_p
        mixture = maximize(z, responsibilities(joint), spread, imagined)
    return mixture


def sample(rng, n, shares, means, covariances):
    """n draws from the mixture.

        k ~ π,   z = m_k + chol(C_k) ε,   ε ~ N(0, I)      (M20)

    Shapes  the mixture as in `log_joint` → z (n, Z)
    """
    of = rng.choice(len(shares), n, p=shares)
    z = rng.standard_normal((n, means.shape[1]))
    for k, L in enumerate(np.linalg.cholesky(covariances)):
        z[of == k] = means[k] + z[of == k] @ L.T
    return z
