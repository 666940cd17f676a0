"""A variational autoencoder (Kingma & Welling 2014) in plain NumPy: python scripts/minimal.py

It draws faces, checks its gradients, trains for a few seconds, and draws a plane of new faces into
minimal.png. B examples x have D numbers each; H is hidden units, Z latent numbers; dy is ∂loss/∂y.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

SIGMA = 0.2  # standard deviation of the noise around the mean of each pixel


def faces(n, rng):
    """n gray images of 28 × 20 pixels from 0 to 1, as rows: a head turns, and smiles or frowns."""
    turn, smile = rng.uniform(-1, 1, (2, n, 1, 1))
    y, x = np.mgrid[-14:14, -9.5:10.5]

    def ellipse(u, v, w, h):  # 1 inside, 0 outside, with a soft edge
        return np.clip(3 - 2.5 * np.hypot((x - u) / w, (y - v) / h), 0, 1)

    mouth = 7 + 1.5 * smile * (1 - (x - 2 * turn) ** 2 / 8)
    parts = [(0.15, ellipse(-turn, -3, 10, 12)), (0.8, ellipse(turn, 1, 8, 11))]  # hair, skin
    parts += [(0.1, ellipse(2.5 * turn + eye, -2 - smile, 2.5, 2)) for eye in (-3, 3)]
    parts += [(0.5, ellipse(3.2 * turn, 2, 1.6, 3)), (0.2, ellipse(2 * turn, mouth, 6, 2))]  # nose
    image = np.full((n, 28, 20), 0.4)
    for gray, part in parts:  # each is painted over those before
        image += (gray - image) * part
    return image.reshape(n, -1)


def parameters(D, H, Z, rng):
    """Name → array: random weights that make outputs about as large as inputs; biases 0."""
    shapes = {"1": (D, H), "mu": (H, Z), "logvar": (H, Z), "2": (Z, H), "3": (H, D)}
    p = {f"W_{k}": np.sqrt(2 / sum(s)) * rng.standard_normal(s) for k, s in shapes.items()}
    return p | {f"b_{k}": np.zeros(s[1]) for k, s in shapes.items()}


def loss_and_grad(p, x, eps):
    """The loss, −ELBO in nats per example, and its derivative with respect to every parameter.

    x (B, D); eps (B, Z), numbers from N(0, 1): given, so that the loss is a function of p alone.
    """
    # Forward: x → h → mu, logvar → z → h_dec → mean, that of p(x|z).
    h = np.tanh(x @ p["W_1"] + p["b_1"])
    mu = h @ p["W_mu"] + p["b_mu"]
    logvar = h @ p["W_logvar"] + p["b_logvar"]  # log σ² may be any number, σ only above 0
    sigma = np.exp(0.5 * logvar)
    z = mu + sigma * eps  # a draw from q(z|x) = N(mu, σ²)
    h_dec = np.tanh(z @ p["W_2"] + p["b_2"])
    mean = h_dec @ p["W_3"] + p["b_3"]
    nll = 0.5 * ((x - mean) / SIGMA) ** 2 + np.log(SIGMA) + 0.5 * np.log(2 * np.pi)  # −log p(x|z)
    kl = 0.5 * (mu**2 + sigma**2 - 1 - logvar)  # KL( N(mu, σ²) ‖ N(0, 1) )
    loss = (nll.sum() + kl.sum()) / len(x)

    # Backward: the same lines from the last to the first. d holds what the optimizer needs.
    d = {}
    dnll = dkl = 1 / len(x)  # for every entry
    dmean = dnll * (mean - x) / SIGMA**2  # ∂nll/∂mean = (mean − x) / SIGMA²
    d["W_3"], d["b_3"] = h_dec.T @ dmean, dmean.sum(axis=0)  # all rows share W and b
    dh_dec = dmean @ p["W_3"].T
    da = dh_dec * (1 - h_dec**2)  # h_dec = tanh(a), tanh′ = 1 − tanh²
    d["W_2"], d["b_2"] = z.T @ da, da.sum(axis=0)
    dz = da @ p["W_2"].T
    dmu = dz + dkl * mu  # mu goes into z and into kl: ∂z/∂mu = 1, ∂kl/∂mu = mu
    dlogvar = dz * eps * 0.5 * sigma + dkl * 0.5 * (sigma**2 - 1)  # ∂σ/∂logvar = ½ σ
    d["W_mu"], d["b_mu"] = h.T @ dmu, dmu.sum(axis=0)
    d["W_logvar"], d["b_logvar"] = h.T @ dlogvar, dlogvar.sum(axis=0)
    dh = dmu @ p["W_mu"].T + dlogvar @ p["W_logvar"].T  # h goes into both
    da = dh * (1 - h**2)
    d["W_1"], d["b_1"] = x.T @ da, da.sum(axis=0)
    return loss, d


def largest_error(rng, step=1e-5):
    """Finite differences: each parameter of a small model is moved a little up and down."""
    p, x, eps = parameters(6, 5, 2, rng), rng.random((4, 6)), rng.standard_normal((4, 2))
    _, d = loss_and_grad(p, x, eps)
    errors = []
    for name, array in p.items():
        for i in np.ndindex(array.shape):
            value, losses = array[i], []
            for moved in (value + step, value - step):
                array[i] = moved
                losses.append(loss_and_grad(p, x, eps)[0])
            array[i] = value
            errors.append(abs((losses[0] - losses[1]) / (2 * step) - d[name][i]))
    return max(errors) / max(abs(dq).max() for dq in d.values())


def adam(p, d, m, v, t, rate=2e-3, beta1=0.9, beta2=0.999):
    """Step t = 1, 2, …: mean gradient / root of mean squared gradient (Kingma & Ba 2015)."""
    for k in p:
        m[k] = beta1 * m[k] + (1 - beta1) * d[k]
        v[k] = beta2 * v[k] + (1 - beta2) * d[k] ** 2
        m_hat, v_hat = m[k] / (1 - beta1**t), v[k] / (1 - beta2**t)  # averages began at 0
        p[k] = p[k] - rate * m_hat / (np.sqrt(v_hat) + 1e-8)


def train(x, H, Z, rng, epochs=60, B=50):
    p, t = parameters(x.shape[1], H, Z, rng), 0
    p["b_3"] = x.mean(axis=0)  # begin at the mean face
    m, v = ({k: np.zeros_like(array) for k, array in p.items()} for _ in range(2))
    for epoch in range(1, epochs + 1):
        losses = []
        for rows in np.split(rng.permutation(len(x)), len(x) // B):
            loss, d = loss_and_grad(p, x[rows], rng.standard_normal((B, Z)))
            adam(p, d, m, v, t := t + 1)
            losses.append(loss)
        if epoch % 10 == 0:
            print(f"epoch {epoch}: ELBO {-np.mean(losses):.1f} nats per face")
    return p


if __name__ == "__main__":
    if Path("minimal.png").exists():
        raise SystemExit("minimal.png exists already, and is not overwritten: move it away.")
    rng = np.random.default_rng(0)
    print(f"largest relative error of a gradient, by finite differences: {largest_error(rng):.0e}")
    p = train(faces(1000, rng), H=64, Z=2, rng=rng)

    values = np.linspace(-2, 2, 13)  # of each latent number, in standard deviations of the prior
    z = np.stack(np.meshgrid(values, values[::-1]), axis=-1).reshape(-1, 2)
    mean = np.tanh(z @ p["W_2"] + p["b_2"]) @ p["W_3"] + p["b_3"]
    plane = mean.reshape(13, 13, 28, 20).transpose(0, 2, 1, 3).reshape(13 * 28, 13 * 20)
    plt.figure(figsize=(5, 7), layout="constrained")
    plt.imshow(plane, cmap="gray", vmin=0, vmax=1, extent=(-2.2, 2.2, -2.2, 2.2), aspect=1.4)
    plt.xlabel("$z_1$"), plt.ylabel("$z_2$"), plt.title("Faces decoded from a plane of codes")
    plt.savefig("minimal.png", dpi=150), print("The faces are drawn in minimal.png.")
