"""The aggregate posterior, q(z) = mean over x of q(z|x): where the codes of the data lie, and how
far that is from the prior.

The decoder has learned to decode draws from it. Where they do not fill the prior, samples from the
prior are unlike the data; draws from the posterior of rows, or from a mixture that is fitted to
such draws, are like them.
"""

import numpy as np

from numvae.evaluation import diagnostics, importance
from numvae.rows import Rows, condition_of
from numvae.rules import gaussian, mixture
from numvae.streams import CODES, stream

SOURCES = "prior", "posterior", "mixture"
ROWS, DRAWS = 5000, 500  # rows at most, and draws of z at least, that a mixture is fitted to
MEASURED, FEWEST = 0.1, 10  # the share of these rows kept to measure it on; how many, at least
COMPONENTS = 10
NEAREST = 20  # rows that are drawn from where no row has the y wanted


def fit(training, X):
    """A Mixture fitted to draws z ~ q(z|x) of rows X that were trained on; the prior if no
    draw is finite.

    They are at most 5,000, chosen by the seed, with one draw each, or a few where rows are few.
    The mixture has ten components, or as many as have a row for each of their numbers.

    Shapes  X (N, D)
    """
    X, Z = _rows(training, X)[0], training.model.n_latent
    rng = stream(training.seed, *CODES, 1)
    z = codes(training, rng, X, -(-DRAWS // len(X)))
    z = z[np.isfinite(z).all(axis=1)]
    if not len(z):
        return mixture.Mixture(np.ones(1), np.zeros((1, Z)), np.eye(Z)[None])
    n_components = len(X) // (Z * (Z + 3) // 2)
    return mixture.fit(rng, z, min(max(n_components, 1), COMPONENTS))


def from_prior(training, X):
    """How far the aggregate posterior of rows X is from the prior: at least so many nats, and the
    standard error; None if there are too few rows. They are those that `fit` was given, and some
    that it left out are looked at.

        KL( q(z) ‖ p ) ≥ E_q[ log r(z) − log p(z) ]        (M21)

    with r the density of the mixture.

    Shapes  X (N, D) → two floats
    Units   nats
    Why     KL( q ‖ p ) = E_q[ log q − log p ] = E_q[ log r − log p ] + KL( q ‖ r ), and no KL is
            below 0. If q were p cut down to a part of its mass, KL( q ‖ p ) = d nats would say that
            this part is e^−d: so many of the draws from the prior would be like those of q
    """
    X = _rows(training, X)[1]
    if len(X) < FEWEST or training.mixture is None:
        return None
    z = codes(training, stream(training.seed, *CODES, 2), X)
    log_p = gaussian.log_density(z, 0.0, np.zeros(1))
    return importance.mean_and_error(mixture.log_density(z, *training.mixture) - log_p)


def codes(training, rng, X, n_draws=1):
    """Draws z ~ q(z|x) of each row; of a plain autoencoder, z = mu.

    Shapes  X (N, D) → (n_draws · N, Z) float64
    """
    mu, logvar = diagnostics.encode(training.model, X, training.inputs)
    eps = training.objective.noise(training.model, rng, n_draws, len(mu))
    return gaussian.reparameterize(mu, logvar, eps).reshape(-1, mu.shape[1]).astype(np.float64)


def draw(training, rng, n, source="prior", X=None, y=None):
    """n codes from one of SOURCES. Those of the posterior are of rows that are drawn from X, of a
    conditioned model from those that have the y wanted; the mixture is of the codes of all y.

    Shapes  X (N, D + C), y (n, C) → (n, Z) in the model's dtype

    Raises  ValueError   there is no mixture
    """
    dtype = training.model.dtype
    if source == "prior":
        return rng.standard_normal((n, training.model.n_latent), dtype=dtype)
    if source == "posterior":
        if y is None:
            rows = rng.integers(len(X), size=n)
        else:
            rows = _like(rng, condition_of(X, training.model.n_condition), y)
        return codes(training, rng, Rows(X, rows)).astype(dtype)
    if training.mixture is None:
        raise ValueError(
            "This model has no mixture of its codes: it is from an older numvae, or from a run "
            "that has not come to its end. Draw from the posterior of rows instead."
        )
    return mixture.sample(rng, n, *training.mixture).astype(dtype)


def _like(rng, y, wanted):
    """For each y that is wanted a row at random that has it; if none has, one of the nearest.

    Shapes  y (N, C), wanted (n, C) → (n,)
    """
    rows = np.empty(len(wanted), int)
    each, of = np.unique(wanted, axis=0, return_inverse=True)
    for k, one in enumerate(each):
        far = ((y - one) ** 2).sum(axis=1)
        alike = np.flatnonzero(far < 1e-9)  # y may have been rounded to float32
        here = of.reshape(-1) == k
        among = alike if len(alike) else np.argsort(far, kind="stable")[:NEAREST]
        rows[here] = rng.choice(among, here.sum())
    return rows


def _rows(training, X):
    """Some rows of X, chosen by the seed: those to fit a mixture to, and those to measure it on."""
    numbers = stream(training.seed, *CODES, 0).permutation(len(X))[:ROWS]
    n_measured = int(MEASURED * len(numbers))
    return Rows(X, np.sort(numbers[n_measured:])), Rows(X, np.sort(numbers[:n_measured]))
