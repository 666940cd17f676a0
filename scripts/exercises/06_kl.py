"""How far a posterior is from the prior: KL( N(μ, σ²) ‖ N(0, 1) ) in closed form."""

import sys

import numpy as np
from scipy import integrate, stats

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import gaussian


def kl(mu, logvar):
    """The KL of each example and latent unit, in nats; logvar is log σ².

    Shapes  mu, logvar (B, Z) → kl (B, Z)
    Hint    kl = E_q[ log q(z) − log p(z) ] = E_q[ −½ (z − μ)²/σ² − ½ logvar + ½ z² ];
            E_q (z − μ)² = σ², and E_q z² = μ² + σ².
    """
    raise NotImplementedError


mu, logvar = draw((5, 4), (5, 4))
q, p = stats.norm(mu, np.exp(logvar / 2)), stats.norm(0.0, 1.0)


def density(t):
    """What is integrated, t standard deviations of q from its mean."""
    z = q.mean() + t * q.std()
    return stats.norm.pdf(t) * (q.logpdf(z) - p.logpdf(z))


truth = {"kl": integrate.quad_vec(density, -9.0, 9.0)[0]}
exercise = Exercise(__file__, lambda *inputs: gaussian.kl(*inputs), (mu, logvar), truth)

if __name__ == "__main__":
    sys.exit(exercise.check(kl))
