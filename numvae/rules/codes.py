"""Arithmetic on codes z: paths from one to another, and statistics of many.

Read next: mixture.
"""

import numpy as np


def linear(a, b, t):
    """The straight line from a to b.

        z = (1 − t) a + t b                                (S1)

    Shapes  a, b (Z,), t (n,) → z (n, Z)
    """
    t = t[:, None]
    return (1.0 - t) * a + t * b


def spherical(a, b, t):
    """The arc from a to b, on which codes stay as long as those of the prior are.

        z = ( sin((1 − t) Ω) a + sin(t Ω) b ) / sin Ω,   cos Ω = a·b / |a||b|     (S2)

    and (S1) where a and b lie on one line through 0, which leaves the arc undetermined.

    Shapes  a, b (Z,), t (n,) → z (n, Z)
    Source  Shoemake 1985; for codes: White 2016
    Why     draws from N(0, I) in many dimensions lie near a sphere of radius √Z; the middle of a
            straight line between two of them is √½ as long, where the prior has hardly any mass
    """
    lengths = np.sqrt((a @ a) * (b @ b))
    cosine = np.clip((a @ b) / lengths, -1.0, 1.0) if lengths > 0.0 else 1.0
    angle = np.arccos(cosine)
    if 1.0 - abs(cosine) < 1e-6:
        return linear(a, b, t)
    t = t[:, None]
    return (np.sin((1.0 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def aggregate(mu, logvar):
    """Mean and variance of each unit of the aggregate posterior, q(z) = mean over x of q(z|x).

        mean     = mean_x μ
        variance = mean_x e^logvar + Var_x μ               (S3)

    Shapes  mu, logvar (N, Z) → mean, variance (Z,)
    Why     the law of total variance. Where the codes are spread like the prior these are 0 and 1.
    """
    return mu.mean(axis=0), np.exp(logvar).mean(axis=0) + mu.var(axis=0)


def activity(mu):
    """How much each unit's mean code moves with x; a unit is called active above 0.01.

        activity = Var_x E_q[z|x] = Var_x μ                (S4)

    Shapes  mu (N, Z) → (Z,)
    Source  Burda, Grosse & Salakhutdinov 2016, section 5
    """
    return mu.var(axis=0)
