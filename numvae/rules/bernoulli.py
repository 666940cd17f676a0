"""The Bernoulli likelihood of pixels that are 0 or 1, from logits.

The logit of a probability y is a = log(y / (1 − y)), any real number, so that a network may output
it. Solved for y it is the sigmoid (H11): p(x = 1) = y = sigmoid(a).

Working from logits keeps every value finite: sigmoid(a) rounds to exactly 1 in float32 once a > 17,
and log(1 − sigmoid(a)) would be −∞. For gray x in [0, 1] the same formula is the cross-entropy
−x log y − (1 − x) log(1 − y), a useful loss but not a density.

Read next: objectives.
Side path: continuous_bernoulli.
"""

import numpy as np

from numvae.rules import activations


def log_likelihood(x, logits, observed=None):
    """log p(x | logits), summed over the last axis.

        log p = Σ_d ( x a − log(1 + e^a) )                 (B1)

    Shapes  x (B, D), logits (..., B, D) → (..., B)
            observed (B, D), 1 where x is known and 0 where it is missing (and x is 0): only the
            known ones count
    Units   nats
    Source  Kingma & Welling 2014, Appendix C.1 with y = sigmoid(a): x log y + (1 − x) log(1 − y)
    Why     sigmoid(a) = e^a / (1 + e^a), so log y = a − log(1 + e^a) and
            log(1 − y) = −log(1 + e^a)
    """
    softplus = activations.softplus(logits)
    if observed is not None:
        softplus = softplus * observed
    return np.einsum("...d,...d->...", x, logits) - softplus.sum(axis=-1)  # Σ x a − Σ log(1 + e^a)


def log_likelihood_backward(dlogp, x, logits, observed=None):
    """The gradient with respect to the logits.

        da = dlogp (x − sigmoid(a))                        (B2)

    Shapes  dlogp (..., B), x (B, D), logits (..., B, D) → dlogits (..., B, D)
    Why     ∂(x a)/∂a = x, and ∂ log(1 + e^a)/∂a = e^a / (1 + e^a) = sigmoid(a)
    """
    dlogp = dlogp[..., None]
    if observed is not None:
        dlogp = dlogp * observed
    return dlogp * (x - activations.sigmoid(logits))


def sample(rng, mean):
    """A draw x ∈ {0, 1} with p(x = 1) = mean. Also how gray pixels are binarised.

    Shapes  mean (...) in [0, 1] → x (...) of the same dtype; where mean is NaN, missing, so is x
    Source  Salakhutdinov & Murray 2008: each gray value is the probability of a white pixel
    """
    draw = (rng.random(mean.shape, dtype=mean.dtype) < mean).astype(mean.dtype)
    return np.where(np.isnan(mean), mean, draw)
