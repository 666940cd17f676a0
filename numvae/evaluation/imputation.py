"""Missing values, filled in by what the model expects where the known ones are as they are."""

import numpy as np

from numvae.rules import gaussian, importance

AT_ONCE = 1024  # rows × draws at a time


def impute(model, x, observed, rng, n_steps=None, n_draws=None, y=None):
    """The mean of the missing values given the known ones.

    n_draws chains for each row fill in the missing values and guess z from the result, in turns
    (pseudo-Gibbs sampling). What encoders see at the first step is `model.fill`, as in training.
    This alone would only be right if q(z|x) were the exact posterior; so the last z's are weighted:

        log w_l = log p(known x|z_l) + log p(z_l) − log (1/L) Σ_j q(z_l | x_j)     (J1)

    where x_j is the row as chain j has filled it. The mean is that of E[x|z_l] by weight.

    n_steps, n_draws    None: 5 and 200 where a factor analysis fills in, which comes near to what
                        is to be drawn; else 20 and 50

    Shapes  x, observed (N, D): observed is 1 where x is known and 0 where it is missing, and there
            x may hold anything; y (N, C) or None → (N, D), in the dtype of x, known values
            untouched
    Source  Rezende, Mohamed & Wierstra 2014, appendix F; weights: Mattei & Frellsen 2018 and 2019;
            the mixture in J1: Veach & Guibas 1995
    Why     a weight by each chain's own q alone has a variance without bound where much is missing,
            since one q is narrower than p(z | known x); all of them together are about as wide
    """
    usual = (5, 200) if model.factors else (20, 50)
    n_steps, n_draws = n_steps or usual[0], n_draws or usual[1]
    known = np.asarray(observed) != 0
    mean = np.empty_like(x)
    at_once = max(1, AT_ONCE // n_draws)
    for start in range(0, len(x), at_once):
        rows = slice(start, start + at_once)
        given = None if y is None else y[rows]
        filled = model.fill(x[rows], known[rows], given).astype(model.dtype)
        z, log_w = _chains(model, filled, known[rows], given, rng, n_steps, n_draws)
        shares = importance.normalize(log_w)
        decoded = model.decode(z.reshape(-1, model.n_latent), given)
        decoded = decoded.reshape(n_draws, *filled.shape)
        mean[rows] = np.einsum("lb,lbd->bd", shares, decoded)
    mean[known] = x[known]
    return mean


def _chains(model, x, known, y, rng, n_steps, L):
    """The last z of each of L chains, and its log-weight: z (L, B, Z), log w (L, B) float64."""
    B, D = x.shape
    low, high = model.units.bounds(x)
    filled = np.repeat(x[None], L, axis=0).reshape(L * B, D)
    missing = np.tile(~known, (L, 1))
    for _ in range(n_steps):
        z = gaussian.sample(rng, *model.encode(filled, y))
        drawn = model.sample(rng, z, y).reshape(L, B, D)
        filled[missing] = np.clip(drawn, low, high).reshape(L * B, D)[missing]
    mu, logvar = (q.reshape(L, B, -1) for q in model.encode(filled, y))
    z = gaussian.sample(rng, mu, logvar)
    log_q = [importance.log_mean_exp(gaussian.log_density(z_l, mu, logvar)) for z_l in z]
    log_px, log_pz = model.log_likelihood(x, z, known, y), gaussian.log_density(z, 0.0, 0.0)
    log_w = np.subtract(log_px + log_pz, np.stack(log_q), dtype=np.float64)
    return z, np.where(np.isnan(log_w), -np.inf, log_w)  # a row far out may overflow
