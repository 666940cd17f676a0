"""The pixel of exercise 1 in arrays: many pixels at once, each with its own numbers.

Read first  numvae/rules/__init__.py, the README's "What a VAE is"
Run         python 02_one_pixel_in_arrays.py; stuck: --hint, --hint 2, --solution
Time        5 minutes
"""

import numpy as np
from scipy import integrate, stats

from numvae.lessons import solutions
from numvae.lessons.exercises import Exercise, draw


def one_pixel_in_arrays(x, mu, logvar, eps, w, b):
    """z, a, nll, kl, loss of each row, as in exercise 1.

    z = mu + σ eps, a draw from q(z|x); a = w z + b, the logit of x = 1; nll = −log p(x|z);
    kl = KL( N(mu, σ²) ‖ N(0, 1) ); loss = nll + kl. logvar is log σ².

    Shapes  all (B,); x is 0 or 1
    """
    raise NotImplementedError


def exercise():
    x, mu, logvar, eps, w, b = draw(5, 5, 5, 5, 5, 5)
    x = np.where(x > 0.0, 1.0, 0.0)
    q, p = stats.norm(mu, np.sqrt(np.exp(logvar))), stats.norm(0.0, 1.0)
    z = q.ppf(stats.norm.cdf(eps))  # as likely to be exceeded as eps is
    nll = -stats.bernoulli.logpmf(x, 1.0 / (1.0 + np.exp(-(w * z + b))))

    def density(t):
        """What is integrated, t standard deviations of q from its mean."""
        z = q.mean() + t * q.std()
        return stats.norm.pdf(t) * (q.logpdf(z) - p.logpdf(z))

    kl = integrate.quad_vec(density, -9.0, 9.0)[0]
    return Exercise(
        __file__,
        one_pixel_in_arrays,
        solutions.one_pixel_in_arrays,
        inputs=(x, mu, logvar, eps, w, b),
        truth={"z": z, "a": w * z + b, "nll": nll, "kl": kl, "loss": nll + kl},
    )


if __name__ == "__main__":
    exercise().main()
