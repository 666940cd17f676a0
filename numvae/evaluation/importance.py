"""log p(x), the number that models are compared by, estimated by importance sampling.

The posterior q(z|x) proposes z's, and each is weighted by how much more probable the model finds it
than the proposal did. The estimate is a lower bound on average, and rises to log p(x) with L.
"""

import numpy as np

from numvae.rules import gaussian, importance

ROWS_AT_ONCE = 4096  # samples × examples that the decoder sees at a time, which bounds the memory


def log_likelihood(model, x, eps):
    """log p(x) of each example, from L draws.

    Shapes  x (B, D), eps (L, B, Z) → (B,) float64
    Units   nats
    """
    mu, logvar = model.encode(x)
    L, B, _ = eps.shape
    at_once = max(1, ROWS_AT_ONCE // B)
    log_w = np.empty((L, B))
    for start in range(0, L, at_once):
        some = eps[start : start + at_once]
        z = gaussian.reparameterize(mu, logvar, some)
        log_px = model.log_likelihood(x, z)
        log_w[start : start + at_once] = importance.log_weights(log_px, z, logvar, some)
    return importance.log_mean_exp(log_w)
