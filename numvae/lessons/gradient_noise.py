"""The noise of the gradient: the same model and minibatch, only ε is drawn again.

The estimators of the ELBO's gradient have the same mean, the true gradient; they differ in how far
a draw lies from it. The importance-weighted bound has a gradient of its own for every k, with two
estimators.
"""

import math
from typing import NamedTuple

import numpy as np

from numvae.network.objectives import (
    ELBO,
    DoublyReparameterized,
    ImportanceWeighted,
    SampledELBO,
    StickingTheLanding,
)
from numvae.rules import gaussian, score_function

# The estimators by name. Those with an objective train; the other two reach the encoder alone, for
# the decoder's gradient needs no path through z.
CLOSED, SAMPLED = "reparameterised, KL in closed form", "reparameterised, KL sampled"
LANDING, SCORE, BASELINE = (
    "through z alone (STL)",
    "score function",
    "score function less a baseline",
)
WEIGHTED, DOUBLY = "reparameterised, importance-weighted", "doubly reparameterised (DReG)"
OF_THE_ELBO = (CLOSED, LANDING, SAMPLED, BASELINE, SCORE)
OF_IWAE = (WEIGHTED, DOUBLY)
OBJECTIVES = {
    CLOSED: ELBO,
    SAMPLED: SampledELBO,
    LANDING: StickingTheLanding,
    WEIGHTED: ImportanceWeighted,
    DOUBLY: DoublyReparameterized,
}


class Moments(NamedTuple):
    """Mean and variance of n draws of a gradient of P parameters."""

    mean: np.ndarray  # (P,)
    variance: np.ndarray  # (P,)
    n: int

    @property
    def total_variance(self):
        """Σ_p Var g_p, the mean squared distance of a draw from the mean."""
        return float(self.variance.sum())

    def __getitem__(self, part):
        """The moments of some of the parameters (a slice)."""
        return Moments(self.mean[part], self.variance[part], self.n)


def moments(draws):
    """Mean and variance of each parameter's gradient, one draw after the other.

        δ    = g − mean
        mean ← mean + δ / n
        M    ← M + δ (g − mean),   variance = M / (n − 1)     (E3)

    Shapes  draws, an iterable of g (P,), at least two → Moments; none of them is kept
    Source  Welford 1962
    """
    n = mean = squares = 0
    for g in draws:
        n += 1
        difference = g - mean
        mean = mean + difference / n
        squares = squares + difference * (g - mean)
    return Moments(mean, squares / (n - 1), n)


def signal_to_noise(estimate):
    """The length of the mean gradient over the standard deviation of a draw; 0 if so many draws
    cannot tell the mean from noise.

        snr = √( (‖mean‖² − Σ_p Var g_p / n) / Σ_p Var g_p )     (E4)

    Source  of one parameter: Rainforth et al. 2018, equation 7
    Why     the mean of n draws is longer than the true one by its own noise, on average
            Σ_p Var g_p / n in squares
    """
    total = estimate.total_variance
    signal = float(estimate.mean @ estimate.mean) - total / estimate.n
    return math.sqrt(max(signal, 0.0) / total)


def deviation(estimate, truth):
    """The distance of a mean from the true gradient, both measured: in lengths of the true one, and
    in standard errors, which is near 1 where the two differ by chance alone.

        off    = ‖mean − truth‖ / ‖truth‖
        errors = ‖mean − truth‖ / √( Σ_p Var g_p / n + the same of the truth )     (E5)

    Shapes  estimate, truth Moments → two floats
    Why     the square of `errors` has mean 1 if the means agree
    """
    distance = np.linalg.norm(estimate.mean - truth.mean)
    chance = estimate.total_variance / estimate.n + truth.total_variance / truth.n
    return float(distance / np.linalg.norm(truth.mean)), float(distance / math.sqrt(chance))


def encoder(model):
    """Where the encoder's parameters lie in the flat vector: at its beginning."""
    layers = (*model.encoder.layers, model.mu_head, model.logvar_head)
    return slice(0, sum(layer.W.size + layer.b.size for layer in layers))


def gradient(model, x, eps, estimator, baseline=0.0):
    """One draw of the flat gradient by one of the estimators, overwritten by the next.

    Shapes  x (B, D), eps (L, B, Z), baseline (B,) of BASELINE → (P,), of SCORE and BASELINE only
            the encoder's part
    """
    if estimator in OBJECTIVES:
        return model.loss_and_grad(x, eps, 1.0, OBJECTIVES[estimator]())[1]
    return score_gradient(model, x, eps, baseline if estimator == BASELINE else 0.0)


def score_gradient(model, x, eps, baseline):
    """`loss_and_grad` with z held fixed, as far as the encoder goes.

    Shapes  x (B, D), eps (L, B, Z), baseline a number or (B,) → the encoder's part of the flat
            gradient, overwritten by the next call
    """
    # Forward.
    mu, logvar = model.encode(x)
    z = gaussian.reparameterize(mu, logvar, eps)
    log_w = model.log_likelihood(x, z) - gaussian.sampled_kl(z, logvar, eps)

    # Backward: from the values log w, not through them.
    dmu, dlogvar = score_function.backward(log_w, baseline, z, mu, logvar)
    dh = model.mu_head.backward(dmu) + model.logvar_head.backward(dlogvar)
    model.encoder.backward(dh, need_dx=False)
    return model.parameters.gradient[encoder(model)]


def ideal_baseline(model, x, rng, n_samples=1000):
    """The ELBO of each example, from draws of its own: what a learned baseline would approximate.

    Shapes  x (B, D) → (B,)
    """
    nll, kl = model.elbo_terms(x, model.noise(rng, n_samples, len(x)))
    return -(nll + kl)


def measure(model, x, rng, estimator, n_samples, n_draws, baseline=0.0):
    """The Moments of one estimator with L = n_samples, from so many draws."""
    noise = (model.noise(rng, n_samples, len(x)) for _ in range(n_draws))
    return moments(gradient(model, x, eps, estimator, baseline) for eps in noise)


def cloud(model, x, rng, estimator, n_draws, baseline=0.0):
    """Draws with L = 1 of two numbers of the gradient: of the biases of the first two μ.

    Shapes  x (B, D) → (n_draws, 2)
    """
    points = np.empty((n_draws, 2))
    for point in points:
        gradient(model, x, model.noise(rng, 1, len(x)), estimator, baseline)
        point[...] = model.parameters.gradients["mu.b"][:2]
    return points
