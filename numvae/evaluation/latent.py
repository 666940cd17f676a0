"""The latent space: where to look at it, and whether it knows what made the data."""

import numpy as np


def manifold_grid(n_rows, n_columns, n_latent, axes=(0, 1)):
    """Latent points on a grid whose cells hold equal prior probability; the other axes are 0.

        z = Φ⁻¹( (i + ½) / n ),   i = 0 … n − 1            (U3)

    Shapes  → z (n_rows, n_columns, Z): row and column 0 hold the smallest values; axes[0] goes
            along the columns, axes[1] along the rows
    Source  Kingma & Welling 2014, Appendix A and Figure 4
    """
    from scipy.special import ndtri

    z = np.zeros((n_rows, n_columns, n_latent), np.float32)
    z[..., axes[0]] = ndtri((np.arange(n_columns) + 0.5) / n_columns)
    if n_latent > 1:
        z[..., axes[1]] = ndtri((np.arange(n_rows) + 0.5) / n_rows)[:, None]
    return z


def recovery(mu, known, mu_new, known_new, k=10):
    """How well something known about the data can be read off the latent code.

    Each new example is given the mean (a factor) or the majority (a class) of its k nearest
    neighbours among the first examples' codes.

    Shapes  mu (N, Z), known (N,), mu_new (M, Z), known_new (M,)
    Returns R² of the prediction for factors (floats), the accuracy for classes (integers)
    """
    from scipy.spatial import cKDTree
    from scipy.stats import mode

    _, nearest = cKDTree(mu).query(mu_new, k=min(k, len(mu)))
    neighbours = known[nearest].reshape(len(mu_new), -1)
    if np.issubdtype(known.dtype, np.integer):
        return float(np.mean(mode(neighbours, axis=1).mode == known_new))
    residual = np.mean((neighbours.mean(axis=1) - known_new) ** 2)
    return float(1.0 - residual / np.var(known_new))


def alignment(mu, factor):
    """|Spearman's ρ| between each latent axis and a factor: 1 where the axis is the factor, up to a
    monotone map.

    Shapes  mu (N, Z), factor (N,) → (Z,)
    """
    from scipy.stats import spearmanr

    return np.array([abs(spearmanr(column, factor).statistic) for column in mu.T])
