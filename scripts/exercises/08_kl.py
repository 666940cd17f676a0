"""How far q(z|x) is from the prior: KL( N(μ, σ²) ‖ N(0, 1) ) in closed form.

Read first  the README's "What a VAE is"; numvae/rules/__init__.py
Run         python 08_kl.py; stuck: --hint, --hint 2, --solution
Time        10 minutes
"""

import numpy as np
from scipy import integrate, stats

from numvae.lessons.exercises import Exercise, draw
from numvae.rules import gaussian


def kl(mu, logvar):
    """The KL of each example and latent unit, in nats; logvar is log σ².

    Its formula you know from exercise 1: derive it on paper, from E_q[ log q(z) − log p(z) ].

    Shapes  mu, logvar (B, Z) → kl (B, Z)
    """
    raise NotImplementedError


def exercise():
    mu, logvar = draw((5, 4), (5, 4))
    q, p = stats.norm(mu, np.exp(logvar / 2)), stats.norm(0.0, 1.0)

    def density(t):
        """What is integrated, t standard deviations of q from its mean."""
        z = q.mean() + t * q.std()
        return stats.norm.pdf(t) * (q.logpdf(z) - p.logpdf(z))

    truth = {"kl": integrate.quad_vec(density, -9.0, 9.0)[0]}
    return Exercise(__file__, kl, gaussian.kl, inputs=(mu, logvar), truth=truth)


if __name__ == "__main__":
    exercise().main()
