"""log p(x), the number that models are compared by, estimated by importance sampling.

The posterior q(z|x) proposes z's, and each is weighted by how much more probable the model finds it
than the proposal did. The estimate is a lower bound on average, and rises to log p(x) with L.

Where the weights have a heavy tail (`Estimate.pareto_k` above 0.7) it is probably well below, and
its standard error too small: both lack the few large weights that have not been drawn. The share of
such rows says how far to trust the estimates of a model. For a single row k̂, which comes from the
same draws, is a hint: it misses half or more of the rows whose errors are too small.

Read next: diagnostics.
"""

from typing import NamedTuple

import numpy as np

from numvae.rows import blocks, join, split_condition
from numvae.rules import gaussian, importance
from numvae.streams import ROWS, by_content

AT_ONCE = 1024  # samples × rows decoded at a time: what a layer makes of them fits in the cache


class Estimate(NamedTuple):
    """What L draws say about each of N examples, in nats."""

    log_p: np.ndarray  # (N,) log p(x)
    standard_error: np.ndarray  # (N,) of log_p, (W4)
    effective_samples: np.ndarray  # (N,) between 1 and L, (W3)
    pareto_k: np.ndarray  # (N,) how heavy the tail of the weights is, (W9); NaN if L < 25
    elbo: np.ndarray  # (N,) the bound, from the same draws: never above log_p
    curve: np.ndarray  # (N, K) log p(x) from the first k draws alone, for each k of `prefixes(L)`


def log_weights(model, x, observed, noise, y=None):
    """log w = log p(x|z) + log p(z) − log q(z|x) of every draw; −inf where that overflows, as it
    may for a row far out.

    Shapes  x, observed (B, D), observed as in `bernoulli` or None; noise an iterable of eps (some
            of L, B, Z); y (B, C) or None → (L, B) float64
    """
    mu, logvar = model.encode(x, y)
    parts = []
    for eps in noise:
        z = gaussian.reparameterize(mu, logvar, eps)
        log_px = model.log_likelihood(x, z, observed, y)
        parts.append(np.subtract(log_px, gaussian.sampled_kl(z, logvar, eps), dtype=np.float64))
    log_w = np.concatenate(parts)
    return np.where(np.isnan(log_w), -np.inf, log_w)


def estimate(model, X, inputs, n_samples):
    """log p(x) of every row of X, each by noise of its own: the same row has the same estimate.

    X may be a memory map; memory is bounded whatever N is. On a machine that is shared, NumPy is
    several times as fast here with one thread (OPENBLAS_NUM_THREADS=1) as with several, which wait
    for each other at every product.

    inputs      how the model takes rows, see `numvae.rows.Inputs`

    Of a conditioned model it is log p(x|y), and the noise is that of x alone: the same for every y.

    Shapes  X (N, D + C) → Estimate
    """
    return join(list(estimates(model, X, inputs, n_samples)))


def estimates(model, X, inputs, n_samples):
    """The same, a few rows after the other, for a caller who shows progress: yields Estimates.

    A row's noise is addressed by its content, so neither its neighbours nor how many rows or
    samples are taken at a time change its estimate beyond rounding.
    """
    for x in blocks(X, max(1, AT_ONCE // n_samples)):
        with np.errstate(all="ignore"):  # as in `by_blocks`
            part = _estimate(model, x, inputs, n_samples)
        yield part


def _estimate(model, rows, inputs, n_samples):
    """The Estimate of the rows (B, D + C)."""
    x, _ = split_condition(rows.astype(model.dtype, copy=False), model.n_condition)
    address = model.units.address(x)
    streams = by_content(address, inputs.seed, *ROWS)
    noise = _noise(streams, n_samples, model.n_latent, model.dtype)
    x, observed, y = inputs(rows)
    log_w = log_weights(model, x, observed, noise, y)
    return Estimate(
        importance.log_mean_exp(log_w),
        importance.standard_error(log_w),
        importance.effective_samples(log_w),
        importance.pareto_k(log_w),
        log_w.mean(axis=0),
        np.stack([importance.log_mean_exp(log_w[:k]) for k in prefixes(n_samples)], axis=1),
    )


def prefixes(n_samples):
    """The k at which the curve is drawn: [1, 5, 50, 500, …, n_samples]."""
    fives = (5 * 10**i for i in range(len(str(n_samples))))
    return [k for k in (1, *fives) if k < n_samples] + [n_samples]


def curve(estimate, n_samples):
    """How the mean estimate rises with k: a list of (k, mean over the rows, its standard error).

    The standard error holds both the choice of the rows and the noise of the draws.
    """
    return [(k, *mean_and_error(c)) for k, c in zip(prefixes(n_samples), estimate.curve.T)]


def mean_and_error(values):
    """The mean of independent numbers, and its standard error (0 for a single one).

    Shapes  values (N,) → two floats
    """
    n = len(values)
    return float(np.mean(values)), float(np.std(values, ddof=min(1, n - 1)) / np.sqrt(n))


def _noise(streams, n_samples, n_latent, dtype):
    """ε ~ N(0, I) for one row of each stream, a part of the samples at a time: (some, B, Z)."""
    for start in range(0, n_samples, AT_ONCE):
        shape = min(AT_ONCE, n_samples - start), n_latent
        yield np.stack([rng.standard_normal(shape, dtype=dtype) for rng in streams], axis=1)
