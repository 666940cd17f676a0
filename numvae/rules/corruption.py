"""How an input is corrupted for a denoising model, which must give back the clean one.

Read next: initialization.
"""

import numpy as np


def salt_and_pepper(rng, x, amount):
    """Each value is replaced with probability `amount`, by 0 or 1 with the same chance.

    Shapes  x (...) → (...)
    """
    u = rng.random(x.shape, dtype=x.dtype)
    return np.where(u < amount, (u < 0.5 * amount).astype(x.dtype), x)


def gaussian(rng, x, amount):
    """Noise with standard deviation `amount` is added.

    Shapes  x (...) → (...)
    """
    return x + amount * rng.standard_normal(x.shape, dtype=x.dtype)


# What a user names.
NAMES = ("salt_and_pepper", "gaussian")
