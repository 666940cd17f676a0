"""Units: columns of mean 0 and standard deviation 1, and what that does to a density.

Read next: factor_analysis.
"""

import numpy as np

GRID = 2.0**26


def forward(x, center, scale):
    """Each column with its own zero and its own unit, to seven decimals.

        y = round( (x − center) / scale · 2²⁶ ) / 2²⁶      (U4)

    Shapes  x (..., D), center, scale (D,) → y (..., D)
    Why     rounded, y is the same to the last bit whatever the units of x: else the last bits of
            a x + c would differ, and a thousand steps of training amplify such differences
    """
    return np.rint((x - center) / scale * GRID) / GRID


def inverse(y, center, scale):
    """Back in the units of x.

        x = center + scale · y                             (U5)

    Shapes  y (..., D), center, scale (D,) → x (..., D)
    """
    return center + scale * y


def log_volume(scale, observed=None):
    """What turns a density of y into one of x.

        log p(x) = log p(y) − Σ_d log scale_d              (U6)

    Shapes  scale (D,) → Σ log scale, a number; observed (B, D), 1 where x is known: (B,), the sum
            over the known ones
    Units   nats
    Why     p(x) |dx| = p(y) |dy|, and dx = scale · dy: where the unit of x is small, the same
            probability lies on a longer interval, so its density is lower
    """
    logs = np.log(scale)
    return logs.sum() if observed is None else observed @ logs
