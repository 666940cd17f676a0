"""The solutions of those exercises whose answer is no rule of the package in its plain form.

Read next: hints.
"""

import numpy as np


def one_pixel_in_arrays(x, mu, logvar, eps, w, b):
    """z, a, nll, kl, loss of each row: the lines of exercise 1, which arrays do not change.

    Why     every operation works number by number, so B rows take the same code as one
    """
    z = mu + np.exp(0.5 * logvar) * eps
    a = w * z + b
    nll = np.log(1.0 + np.exp(a)) - x * a
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1.0 - logvar)
    return z, a, nll, kl, nll + kl


def reparameterize_in_steps(dz, logvar, eps):
    """dmu, dnoise, dsigma, dhalf, dlogvar of half = ½ logvar, sigma = e^half, noise = sigma ε,
    z = mu + noise.

    Why     Each step has the gradient of what it makes, times its own slope: 1 for a sum, ε for
            noise in sigma, e^half = sigma for sigma in half, ½ for half in logvar. The L draws
            share mu and sigma, so what comes from them adds up.
    """
    sigma = np.exp(0.5 * logvar)
    dmu = dz.sum(axis=0)
    dnoise = dz
    dsigma = (dnoise * eps).sum(axis=0)
    dhalf = dsigma * sigma
    dlogvar = dhalf * 0.5
    return dmu, dnoise, dsigma, dhalf, dlogvar


def kl_in_steps(dkl, mu, logvar):
    """dbracket, dsquare, dvar, dmu, dlogvar of square = mu², var = e^logvar,
    bracket = square + var − 1 − logvar, kl = ½ bracket.

    Why     var has the slope e^logvar in logvar. logvar is in var and in the bracket itself: its
            gradients by the two paths add, dvar e^logvar − dbracket.
    """
    dbracket = 0.5 * dkl
    dsquare = dbracket
    dvar = dbracket
    dmu = dsquare * 2.0 * mu
    dlogvar = dvar * np.exp(logvar) - dbracket
    return dbracket, dsquare, dvar, dmu, dlogvar


def two_paths(dz, mu, logvar, eps):
    """dmu, dlogvar of loss = nll + kl, where nll depends on z alone and dz = ∂nll/∂z.

    Why     μ and logvar reach the loss through z and through the KL: the gradients by the two
            paths add. That of the KL is (K2, K3) with dkl = 1 / B: the loss is a mean over rows.
    """
    B = len(dz)
    sigma = np.exp(0.5 * logvar)
    dmu = dz + mu / B
    dlogvar = dz * eps * 0.5 * sigma + 0.5 * (np.exp(logvar) - 1.0) / B
    return dmu, dlogvar


def bernoulli_in_steps(dlogp, x, logits):
    """don, doff, dy, dlogits of y = 1 / (1 + e^−logits), on = log y, off = log(1 − y),
    logp = Σ_d ( x on + (1 − x) off ).

    Why     The sum over pixels gives its gradient to each of them. y is in on, with the slope 1/y,
            and in off, with −1/(1 − y): the two add. The slope of the sigmoid is y (1 − y).
    """
    y = 1.0 / (1.0 + np.exp(-logits))
    don = dlogp[:, None] * x
    doff = dlogp[:, None] * (1.0 - x)
    dy = don / y - doff / (1.0 - y)
    dlogits = dy * y * (1.0 - y)
    return don, doff, dy, dlogits


def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    """Algorithm 1 of Kingma & Ba 2015; numvae/rules/optimizers.py has it with fewer passes.

    Why     m and v are sums of all g and g² so far, with weights (1 − β) β^age that add up to
            1 − β^t: divided by that, they are weighted means. The assignments are in place, since
            the caller keeps theta, m and v.
    """
    m[...] = beta1 * m + (1.0 - beta1) * g
    v[...] = beta2 * v + (1.0 - beta2) * g**2
    m_hat = m / (1.0 - beta1**t)
    v_hat = v / (1.0 - beta2**t)
    theta -= lr * m_hat / (np.sqrt(v_hat) + eps)


def loss_and_grad(q, x, eps):
    """The lines of the forward pass, then the same from the last to the first.

    Why     Every line of the second half is one of the exercises before: dense (twice in the
            decoder, three times in the encoder), tanh, the two paths, Bernoulli. h goes into mu and
            into logvar, so what comes back from both adds up.
    """
    B = len(x)
    h = np.tanh(x @ q["W_1"] + q["b_1"])
    mu = h @ q["W_mu"] + q["b_mu"]
    logvar = h @ q["W_logvar"] + q["b_logvar"]
    sigma = np.exp(0.5 * logvar)
    z = mu + sigma * eps
    h_dec = np.tanh(z @ q["W_2"] + q["b_2"])
    a = h_dec @ q["W_3"] + q["b_3"]
    nll = np.log(1.0 + np.exp(a)) - x * a
    kl = 0.5 * (mu**2 + sigma**2 - 1.0 - logvar)
    loss = (nll.sum() + kl.sum()) / B

    d = {}
    da = (1.0 / (1.0 + np.exp(-a)) - x) / B
    d["W_3"], d["b_3"] = h_dec.T @ da, da.sum(axis=0)
    dh_dec = da @ q["W_3"].T
    dt = dh_dec * (1.0 - h_dec**2)
    d["W_2"], d["b_2"] = z.T @ dt, dt.sum(axis=0)
    dz = dt @ q["W_2"].T
    dmu = dz + mu / B
    dlogvar = dz * eps * 0.5 * sigma + 0.5 * (sigma**2 - 1.0) / B
    d["W_mu"], d["b_mu"] = h.T @ dmu, dmu.sum(axis=0)
    d["W_logvar"], d["b_logvar"] = h.T @ dlogvar, dlogvar.sum(axis=0)
    dh = dmu @ q["W_mu"].T + dlogvar @ q["W_logvar"].T
    dt = dh * (1.0 - h**2)
    d["W_1"], d["b_1"] = x.T @ dt, dt.sum(axis=0)
    return loss, d


def decode(q, z):
    """The mean of p(x|z): the second half of the forward pass, up to the probability of each pixel.

    Why     the mean of a pixel that is 1 with probability y, else 0, is y = 1 / (1 + e^−a)
    """
    h_dec = np.tanh(z @ q["W_2"] + q["b_2"])
    a = h_dec @ q["W_3"] + q["b_3"]
    return 1.0 / (1.0 + np.exp(-a))
