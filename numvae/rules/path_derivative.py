"""The gradient of a sampled bound through the samples alone.

μ and σ reach the sampled KL by two ways: through z, the path (Z2, Z3), and directly, as parameters
of log q(z|x), with z held fixed. The second derivative is the score, ∇ log q(z|x). Its mean is
∫ ∇q dz = ∇1 = 0, so the gradient may do without it: on average it is the same, and the nearer q is
to the posterior, the less noise it has. If q is the posterior, log p(x|z) − kl is log p(x) for
every z, and its slope in z is 0.

In the importance-weighted bound the score is multiplied by a weight that depends on z, so its mean
is not 0. But there it can be replaced by a path, once more.

Read next: score_function.
"""

import numpy as np

from numvae.rules import importance


def stl_backward(dkl, z, logvar, eps):
    """Sticking the landing: the gradient of (K4) through z alone. In log q(z|x), μ and logvar are
    held fixed.

        dz = dkl ( z − ε/σ )                               (K7)

    Shapes  dkl (L, B), z, eps (L, B, Z), logvar (B, Z) → dz (L, B, Z)
    Source  Roeder, Wu & Duvenaud 2017
    Why     −log p(z) has the slope z. log q(z|x) = −½ Σ_j ( (z − μ)²/σ² + … ) has the slope
            −(z − μ)/σ², which is −ε/σ.
    """
    return dkl[..., None] * (z - eps * np.exp(-0.5 * logvar))


def dreg_backward(dz, log_px, kl, beta):
    """The doubly reparameterised gradient: what reaches z by (O10) and (K7), weighted so that on
    average the encoder's gradient is that of (O9). With β = 1 a sample counts by v² for the
    encoder, and by v for the decoder.

        dz ← (1 − β + β v) dz,   v = w / Σ_l w_l           (O11)

    Shapes  dz (L, B, Z), log_px, kl (L, B) → (L, B, Z)
    Source  Tucker, Lawson, Gu & Maddison 2019, for β = 1
    Why     (K7) leaves out −β v_l ∂log q(z_l|x)/∂μ. For any f(z) the score becomes a path:
            E_q[f ∂log q/∂μ] = ∂E_q[f]/∂μ = E_q[∂f/∂z]. So the mean of what is left out is that of
            −β ∂v_l/∂z_l = −β v_l (1 − v_l) ∂log w_l/∂z_l. Together with the v_l ∂log w_l/∂z_l of
            (O10) this is (1 − β (1 − v_l)) times that.
    """
    v = importance.normalize(log_px - beta * kl)
    return (1.0 - beta + beta * v)[..., None] * dz
