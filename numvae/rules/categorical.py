"""One of K categories, written as a one-hot block of K columns, from logits a.

Read next: poisson.
"""

import numpy as np


def log_likelihood(x, logits, observed=None):
    """log p(x | logits), the log-softmax at the category that is 1.

        log p = Σ_k x a − log Σ_k e^a                      (T1)

    Shapes  x (B, K) one-hot, logits (..., B, K) → (..., B); observed (B, K) as in `bernoulli`, a
            row all 0 or all 1
    Units   nats
    """
    highest = logits.max(axis=-1)
    log_sum = highest + np.log(np.exp(logits - highest[..., None]).sum(axis=-1))
    if observed is not None:
        log_sum = log_sum * observed[..., 0]
    return np.einsum("...k,...k->...", x, logits) - log_sum


def log_likelihood_backward(dlogp, x, logits, observed=None):
    """The gradient with respect to the logits.

        da = dlogp (x − softmax(a))                        (T2)

    Shapes  dlogp (..., B), x (B, K), logits (..., B, K) → (..., B, K)
    Why     ∂ Σ_k x a / ∂a = x, and ∂ log Σ_k e^a / ∂a = e^a / Σ_k e^a = softmax(a)
    """
    dlogp = dlogp[..., None]
    if observed is not None:
        dlogp = dlogp * observed
    return dlogp * (x - mean(logits))


def mean(logits):
    """The probabilities of the categories.

        softmax(a) = e^a / Σ_k e^a                         (T3)

    Shapes  (..., K) → (..., K)
    """
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sample(rng, logits):
    """A one-hot draw, by the largest of the logits with Gumbel noise.

        argmax_k (a − log(−log u)),   u ~ U(0, 1)          (T4)

    Shapes  (..., K) → (..., K)
    Source  Maddison, Tarlow & Minka 2014
    """
    noise = rng.gumbel(size=logits.shape).astype(logits.dtype)
    winner = (logits + noise).argmax(axis=-1)
    return np.eye(logits.shape[-1], dtype=logits.dtype)[winner]
