"""The latent space: where to look at it, and whether it knows what made the data."""

import numpy as np

from numvae.rules import codes


def prior_quantiles(n):
    """n values of a latent unit, in the middle of n parts of equal prior probability.

        z = Φ⁻¹( (i + ½) / n ),   i = 0 … n − 1            (U3)

    Shapes  → (n,) increasing
    Source  Kingma & Welling 2014, Appendix A and Figure 4
    """
    from scipy.special import ndtri

    return ndtri((np.arange(n) + 0.5) / n)


def plane(horizontal, vertical, n_latent, axes):
    """The latent points of a picture of two units, all others 0.

    Shapes  horizontal (C,), vertical (R,): values of unit axes[0] and axes[1] → z (R, C, Z)
    """
    z = np.zeros((len(vertical), len(horizontal), n_latent))
    z[..., axes[1]] = vertical[:, None]
    z[..., axes[0]] = horizontal
    return z


def interpolate(start, end, n, path="linear"):
    """n codes on the way from one to the other, both included.

    path    linear, or spherical: an arc around 0 that keeps to where the prior has its mass

    Shapes  start, end (Z,) → z (n, Z)
    """
    return getattr(codes, path)(start, end, np.linspace(0.0, 1.0, n).astype(start.dtype))


def traverse(z, unit, values):
    """One unit moves over the values, such as `prior_quantiles(n)`; the others stay.

    Shapes  z (Z,), values (n,) → (n, Z)
    """
    path = np.repeat(z[None], len(values), axis=0)
    path[:, unit] = values
    return path


def is_class(known):
    """Whether what is known of the examples (N,) are classes, integers or text, or a factor."""
    return known.dtype.kind in "iuU"


def recovery(mu, known, mu_new, known_new, k=10):
    """How well something known about the data can be read off the latent code.

    Each new example is given the mean (a factor) or the majority (a class) of its k nearest
    neighbours among the first examples' codes.

    Shapes  mu (N, Z), known (N,), mu_new (M, Z), known_new (M,)
    Returns R² of the prediction for factors (floats; NaN if known_new does not vary), the accuracy
            for classes (integers or text)
    """
    from scipy.spatial import cKDTree
    from scipy.stats import mode

    _, nearest = cKDTree(mu).query(mu_new, k=min(k, len(mu)))
    neighbours = known[nearest].reshape(len(mu_new), -1)
    if is_class(known):
        classes, neighbours = np.unique(neighbours, return_inverse=True)
        most = mode(neighbours.reshape(len(mu_new), -1), axis=1).mode
        return float(np.mean(classes[most] == known_new))
    residual, spread = np.mean((neighbours.mean(axis=1) - known_new) ** 2), np.var(known_new)
    return float(1.0 - residual / spread) if spread else float("nan")


def alignment(mu, factor):
    """|Spearman's ρ| between each latent axis and a factor: 1 where the axis is the factor, up to a
    monotone map; 0 for an axis that never moves.

    Shapes  mu (N, Z), factor (N,) → (Z,)
    """
    from scipy.stats import spearmanr

    moves = mu.min(axis=0) < mu.max(axis=0)
    rho = [abs(spearmanr(axis, factor).statistic) if m else 0.0 for axis, m in zip(mu.T, moves)]
    return np.array(rho)
