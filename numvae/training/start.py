"""Where training begins: the units of the columns, weights drawn at random, the decoder at the mean
of the data; and where a linear model of real numbers has a place in it, at their factor analysis.

Read next: optimizers.
"""

import math

import numpy as np

from numvae.network.likelihoods import COUNTS, column_kinds
from numvae.rows import column_moments, mean_of, read, split_condition, split_missing
from numvae.rules import factor_analysis
from numvae.streams import START, WEIGHTS, stream

MOST_ROWS = 10_000  # of the factor analysis, at most
ABOVE_FLOOR = 1.1  # its ψ in units of sigma_min²: at the floor itself, σ would have no gradient


def begin(model, X, settings, seed):
    """Bring a model to where its training on rows X (N, D) begins.

    Raises  ValueError   numbers whose squares are beyond all numbers
    """
    D = model.n_features
    kinds = column_kinds(settings.likelihood, D)
    if model.config["standardize"]:
        model.units.center[...], model.units.scale[...] = units(X, kinds)
    mean, variance = mean_of(X)[:D], None
    if (kinds == "negative-binomial").any():
        _, mean, variance = (moment[:D] for moment in column_moments(X))
    model.initialize(stream(seed, *WEIGHTS), settings.init_sigma, mean, variance)
    if settings.objective == "autoencoder":  # z = mu: nothing trains logvar, and it could overflow
        model.logvar_head.initialize_linear(np.zeros((0, model.n_latent)), 0.0)
    if is_known(settings):
        model.initialize_factors(mean, *factors(model, X, kinds, stream(seed, *START)))


def is_known(settings):
    """Whether training begins at a factor analysis, which is the best of the linear models."""
    return settings.skip and "gaussian" in settings.likelihood and settings.init_sigma is None


def units(X, kinds):
    """Mean and standard deviation of real numbers and counts; 0 and 1 of the other columns.

    A column that does not vary has the scale 1. Shapes  X (N, D or more), kinds (D,) → center,
    scale (D,) float64
    """
    with np.errstate(over="ignore"):
        _, mean, variance = (moment[: len(kinds)] for moment in column_moments(X))
    if not np.isfinite(variance).all():
        raise ValueError(
            f"Column {int(np.isfinite(variance).argmin()) + 1} holds numbers too large to be "
            "standardised; divide it by some power of ten."
        )
    measured = np.char.startswith(kinds, "gaussian") | np.isin(kinds, COUNTS)
    varies = variance > (4.0 * np.finfo(np.float64).eps * mean) ** 2
    return np.where(measured, mean, 0.0), np.sqrt(np.where(measured & varies, variance, 1.0))


def factors(model, X, kinds, rng):
    """The factor analysis of the Gaussian columns, in the model's units.

    With D columns and N rows, 2D/N rows of independent columns, at most 2, are imagined beside
    these: they keep few rows from being taken too seriously. A column that does not vary in the
    rows that are looked at has no factors, and the variance of all rows.

    Shapes  X (N, D + C) → b (D,), W (D, Z), psi (D,), U (D, C); 0, 0, 1 and 0 for all other columns
    """
    real, C = np.char.startswith(kinds, "gaussian"), model.n_condition
    numbers = np.sort(rng.permutation(len(X))[:MOST_ROWS])
    x, y = split_condition(read(X, numbers).astype(np.float64), C)
    x = model.units.forward(x)[:, real]
    still = ~(np.fmin.reduce(x) < np.fmax.reduce(x))  # all NaN: NaN compares false
    imagined = min(2.0, 2.0 * x.shape[1] / len(x))
    U = np.zeros((x.shape[1], C))
    if C:
        _, U = factor_analysis.regression(*split_missing(x), y, imagined)
        U[still] = 0.0
        x = x - factor_analysis.given(y, 0.0, U)
    center, scale = units(x, kinds[real])
    x, observed = split_missing((x - center) / scale)
    fixed = kinds[real] == "gaussian-fixed"
    sigma, sigma_min = (model.config[name] / scale for name in ("sigma", "sigma_min"))
    b, W, psi = factor_analysis.fit(
        x,
        None if observed.all() else observed,
        model.n_latent,
        floor=np.where(fixed, sigma**2, ABOVE_FLOOR * sigma_min**2),
        ceiling=np.where(fixed, sigma**2, math.inf),
        imagined=imagined,
    )
    W[still], psi[still & ~fixed] = 0.0, 1.0
    W, _ = factor_analysis.rotated(W, psi)
    D, Z = len(kinds), model.n_latent
    whole = np.zeros(D), np.zeros((D, Z)), np.ones(D), np.zeros((D, C))
    for array, part in zip(whole, (center + scale * b, scale[:, None] * W, scale**2 * psi, U)):
        array[real] = part
    return whole
