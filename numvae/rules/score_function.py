"""The other way to differentiate an average over draws: the score function, known as REINFORCE.

The reparameterisation (Z1) lets the gradient pass through the draw z. The score function keeps z
fixed and differentiates its probability:

    ∇ E_q[f(z)] = E_q[ f(z) ∇ log q(z) ]

because ∇q = q ∇ log q; ∇ log q is the score. It uses the value of f alone, so f need have no
derivative. But a value of f holds little about its slope: the estimate is right on average, and
noisier by orders of magnitude. A baseline, a number subtracted from f(z), takes away most of the
noise, but less of it with more latent units. Nothing here is trained by it;
scripts/gradient_noise.py measures it.

Read next: dropout.
"""

from numvae.rules import gaussian


def backward(log_w, baseline, z, mu, logvar):
    """The gradient of the negative bound −mean_{l,n} log w, estimated without a path through z.

        dlog_q      = −(log w − baseline) / (L B)          (E1)
        dμ, dlogvar = Σ_l dlog_q ∇ log q(z|x), by (G2, G3)     (E2)

    Shapes  log_w (L, B), baseline a number or (B,), z (L, B, Z), mu, logvar (B, Z)
            → dmu, dlogvar (B, Z)
    Source  Williams 1992; for a bound: Paisley, Blei & Jordan 2012; a baseline for each example:
            Mnih & Gregor 2014
    Why     log w holds −log q(z|x) too, but the mean of ∇ log q is 0: so it adds nothing on
            average, and neither does a baseline that does not depend on z. A baseline near the mean
            of log w leaves the least to multiply the score by.
    """
    dlog_q = -(log_w - baseline) / log_w.size
    dmu, dlogvar = gaussian.log_density_backward(dlog_q, z, mu, logvar)
    return dmu.sum(axis=0), dlogvar.sum(axis=0)
