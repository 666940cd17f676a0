"""Which distribution describes whole numbers best: are they counts, quantities or classes?

Read next: standardization.
"""

import math

import numpy as np

from numvae.rules import gaussian, negative_binomial, poisson


def bic(x):
    """The Bayesian information criterion of four distributions of the same whole numbers: a Poisson
    and a negative binomial, a Gaussian, and a probability for each number that occurs.

        bic = log p(x | θ) − ½ P log n      (P33)

    The P parameters θ are those with the mean and the variance of x; the probabilities are its
    frequencies, of which the last follows from the others. The distribution with the largest bic
    describes x best.

    Shapes  x (n,) from 0 on, not all 0, not all alike → name → a number
    Units   nats, for all n numbers
    Source  Schwarz 1978, with the sign of a log-likelihood
    Why     log ∫ p(x|θ) p(θ) dθ, by a Gaussian around its peak: n numbers narrow the peak in each
            of the P directions to a width ∝ 1/√n
    """
    x = np.asarray(x, np.float64)[None]
    n, mean, variance = x.size, x.mean(), x.var()
    log_mean = np.full_like(x, math.log(mean))
    log_r = np.full(n, negative_binomial.log_dispersion(mean, variance))
    often = np.unique(x, return_counts=True)[1]
    found = {
        "poisson": (1, poisson.log_likelihood(x, log_mean)[0]),
        "negative-binomial": (2, negative_binomial.log_likelihood(x, log_mean, log_r)[0]),
        "gaussian": (2, gaussian.log_density(x, mean, np.log(variance))[0]),
        "categorical": (len(often) - 1, (often * np.log(often / n)).sum()),
    }
    return {name: log_p - 0.5 * P * math.log(n) for name, (P, log_p) in found.items()}
