"""The model of the last two exercises: its truth by the package, and the faces it is trained on.

Read next: trace.
"""

import contextlib
import math
import numbers

import numpy as np

from numvae import plots
from numvae.checks.finite_differences import numerical_gradient
from numvae.datasets import faces
from numvae.lessons.exercises import Exercise, load, relative
from numvae.lessons.judge import Wrong
from numvae.network import Autoencoder
from numvae.rules import gaussian, objectives

LAYERS = {  # in the order of the backward pass, so that the first wrong gradient comes first
    "3": "likelihood.logits",
    "2": "decoder.0",
    "mu": "mu",
    "logvar": "logvar",
    "1": "encoder.0",
}
EPOCHS = 300
# The name of a parameter here → in the package.
NAMES = {f"{kind}_{k}": f"{layer}.{kind}" for k, layer in LAYERS.items() for kind in "Wb"}


def package_model(*sizes, **settings):
    return Autoencoder(*sizes, "tanh", **settings)


SHAPES = {q: package_model(5, 3, (4,)).parameters.shapes[name] for q, name in NAMES.items()}


def loaded(q):
    """The package's model with these parameters."""
    (D, H), Z = q["W_1"].shape, q["W_mu"].shape[1]
    net = package_model(D, Z, (H,), dtype=q["W_1"].dtype)
    for name, value in q.items():
        net.parameters.values[NAMES[name]][...] = value
    return net


def package(q, x, eps):
    """The package's loss_and_grad."""
    net = loaded(q)
    loss = net.loss_and_grad(x, eps[None])[0].loss
    return loss, {name: net.parameters.gradients[NAMES[name]] for name in q}


def numerical(q, x, eps):
    """The loss, and its gradient in each parameter by finite differences."""
    truth = {"loss": package(q, x, eps)[0]}
    return truth | {n: numerical_gradient(lambda: package(q, x, eps)[0], q[n]) for n in q}


def two_paths(dz, mu, logvar, eps):
    """What the package's rules give by each of the two paths, added."""
    _, dkl = objectives.elbo_backward(mu[None, :, 0], mu, 1.0)
    dmu_z, dlogvar_z = gaussian.reparameterize_backward(dz[None], logvar, eps[None])
    dmu_kl, dlogvar_kl = gaussian.kl_backward(dkl, mu, logvar)
    return dmu_z + dmu_kl, dlogvar_z + dlogvar_kl


def in_order(function, q, x, eps):
    """The loss, and the gradients in the order of q.

    Raises  Wrong   one is missing; the sentence says whether the loss is right
    """
    found = function(q, x, eps)
    found = (found, {}) if isinstance(found, numbers.Real) else found
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
        if missing := ", ".join(name for name in q if name not in found[1]):
            loss, mine = package(q, x, eps)[0], found[0]
            right = isinstance(mine, numbers.Real) and math.isclose(mine, loss, rel_tol=1e-6)
            says = "The loss is right" if right else f"The loss should be {loss:.6g}"
            raise Wrong(f"{says}. The dict of gradients has no {missing}.")
        return found[0], *(found[1][name] for name in q)
    return found


def decoded(q, z):
    return loaded(q).decode(z)


class Faces(Exercise):
    """The last exercise: with its function and two before it, faces are learned and drawn."""

    def state(self):
        waits = not self.file.with_suffix(".png").exists()
        return "waits to be run" if (state := super().state()) == "done" and waits else state

    def check(self, function):
        if super().check(function):
            return 1
        picture = self.file.with_suffix(".png")
        written = {}
        for path in sorted(self.file.parent.glob("1[0-9]_*.py")):
            if path.stem[3:] in ("adam", "loss_and_grad"):
                with contextlib.suppress(Wrong):
                    exercise = load(path)
                    if exercise.state() == "done":
                        written[exercise.name] = exercise.function
        if len(written) < 2:
            print("It trains the faces as soon as your adam and your loss_and_grad are right, too.")
        elif picture.exists():
            print(f"{relative(picture)} is there already; to train again, move it away.")
        else:
            print("Now your code learns 1000 faces of 28 × 20 pixels:")
            draw_faces(function, picture, **written)
            print(f"What your decoder makes of a plane of codes is drawn in {relative(picture)}.")
        return 0


def draw_faces(decode, picture, loss_and_grad, adam):
    """Train with a learner's functions, and draw the plane of the two latent units."""
    q = trained(loss_and_grad, adam, faces.faces(1000)[0].reshape(1000, -1))
    values = np.linspace(-2.0, 2.0, 13)
    z = np.stack(np.meshgrid(values, values), axis=-1).reshape(-1, 2)
    images = decode(q, z.astype("f4")).reshape(13, 13, faces.HEIGHT, faces.WIDTH)
    plots.save(plots.manifold(images, (values, values)), picture)


def trained(loss_and_grad, adam, x, batch=50):
    """The parameters of a 560-64-2-64-560 model after training; x (N, D).

    Gray pixels are no draws of a Bernoulli: the loss is their cross-entropy.
    """
    rng = np.random.default_rng(0)
    net = package_model(x.shape[1], 2, (64,), dtype="float32").initialize(rng, mean=x.mean(axis=0))
    q = {name: net.parameters.values[NAMES[name]].copy() for name in NAMES}
    m, v = ({name: np.zeros_like(array) for name, array in q.items()} for _ in range(2))
    t = 0
    for epoch in range(1, EPOCHS + 1):
        losses = []
        for rows in np.split(rng.permutation(len(x)), len(x) // batch):
            loss, d = loss_and_grad(q, x[rows], rng.standard_normal((batch, 2), dtype="f4"))
            losses.append(loss)
            t += 1
            for name in q:
                adam(q[name], d[name], m[name], v[name], t, 5e-3, 0.9, 0.999, 1e-8)
        if epoch == 1 or epoch % 50 == 0:
            print(f"epoch {epoch}: loss {np.mean(losses):.2f} nats per face", flush=True)
    return q
