"""Every gradient of the package against finite differences, in float64.

The gradient that comes from above is random: with ones in its place, a dW whose columns are
permuted would pass. Biases are not zero: at zero, a forgotten one would not show.

Read next: definitions.
"""

import numpy as np

from numvae.checks.finite_differences import compare, numerical_gradient
from numvae.network import Autoencoder, likelihoods
from numvae.rules import activations, bernoulli, continuous_bernoulli, dense, gaussian

SEED = 2014


def rules():
    """One line for each gradient of each rule."""
    rng = np.random.default_rng(SEED)
    yield from _rule(
        "dense",
        lambda q: dense.forward(q["x"], q["W"], q["b"]),
        lambda dy, q: dict(zip("xWb", dense.backward(dy, q["x"], q["W"]))),
        {"x": rng.normal(size=(5, 4)), "W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)},
        rng,
    )
    for name in activations.NAMES:
        forward = getattr(activations, name)
        backward = getattr(activations, f"{name}_backward")
        yield from _rule(
            name,
            lambda q, forward=forward: forward(q["a"]),
            lambda dh, q, f=forward, b=backward: {"a": b(dh, f(q["a"]))},
            {"a": 2.0 * rng.normal(size=(5, 4))},
            rng,
        )
    mu, logvar, eps = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.normal(size=(3, 5, 4))
    yield from _rule(
        "reparameterize",
        lambda q: gaussian.reparameterize(q["mu"], q["logvar"], eps),
        lambda dz, q: dict(
            zip(("mu", "logvar"), gaussian.reparameterize_backward(dz, q["logvar"], eps))
        ),
        {"mu": mu, "logvar": logvar},
        rng,
    )
    yield from _rule(
        "KL",
        lambda q: gaussian.kl(q["mu"], q["logvar"]),
        lambda dkl, q: dict(zip(("mu", "logvar"), gaussian.kl_backward(dkl, q["mu"], q["logvar"]))),
        {"mu": mu, "logvar": logvar},
        rng,
    )

    def log_density_backward(dlogp, q):
        dmu, dlogvar = gaussian.log_density_backward(dlogp, q["x"], q["mu"], q["logvar"])
        return {"x": -dmu, "mu": dmu, "logvar": dlogvar}

    yield from _rule(
        "Gaussian log-density",
        lambda q: gaussian.log_density(q["x"], q["mu"], q["logvar"]),
        log_density_backward,
        {"x": rng.normal(size=(5, 4)), "mu": mu, "logvar": logvar},
        rng,
    )
    floor = 0.3
    yield from _rule(
        "variance floor",
        lambda q: gaussian.floor_logvar(q["s"], floor),
        lambda dlogvar, q: {
            "s": gaussian.floor_logvar_backward(
                dlogvar, gaussian.floor_logvar(q["s"], floor), floor
            )
        },
        {"s": 2.0 * rng.normal(size=(5, 4))},
        rng,
    )
    x = rng.random(size=(5, 4))
    for name, rule in (
        ("Bernoulli log-likelihood", bernoulli),
        ("continuous Bernoulli log-likelihood", continuous_bernoulli),
    ):
        yield from _rule(
            name,
            lambda q, rule=rule: rule.log_likelihood(x, q["logits"]),
            lambda dlogp, q, rule=rule: {
                "logits": rule.log_likelihood_backward(dlogp, x, q["logits"])
            },
            {"logits": 3.0 * rng.normal(size=(2, 5, 4))},
            rng,
        )


def _rule(name, forward, backward, inputs, rng):
    """forward(inputs) → out; backward(dout, inputs) → dict of input name → gradient."""
    dout = rng.normal(size=forward(inputs).shape)
    analytic = backward(dout, inputs)
    for what, q in inputs.items():
        numerical = numerical_gradient(lambda: np.sum(dout * forward(inputs)), q)
        yield compare(name, f"d{what}", analytic[what], numerical)


# The modes of the whole model: every likelihood with one sample and with three, every activation,
# every depth. Small, so that each of a few hundred parameters can be moved.
MODES = (
    [{"likelihood": name, "L": L} for name in likelihoods.NAMES for L in (1, 3)]
    + [{"activation": name} for name in activations.NAMES]
    + [{"hidden": hidden} for hidden in ((), (4,), (4, 3), (4, 3, 5))]
)


def models(modes=MODES):
    """One line for each parameter of each model."""
    for mode in modes:
        yield from model(**mode)


def model(likelihood="bernoulli", activation="tanh", hidden=(4, 3), L=2, beta=0.7):
    """One line for each parameter of one model: ∂loss/∂parameter, as training uses it."""
    rng = np.random.default_rng(SEED)
    net = Autoencoder(5, 2, hidden, activation, likelihood, sigma=0.5, sigma_min=0.4, dtype="f8")
    net.initialize(rng)
    net.parameters.vector += 0.3 * rng.normal(size=net.parameters.vector.size)
    x, eps = rng.random((6, 5)), rng.normal(size=(L, 6, 2))
    net.loss_and_grad(x, eps, beta)
    analytic = {name: g.copy() for name, g in net.parameters.gradients.items()}
    depth = len(hidden)
    name = f"{likelihood}, {activation}, depth {depth}, L = {L}"
    for parameter, q in net.parameters.values.items():
        numerical = numerical_gradient(lambda: net.loss_and_grad(x, eps, beta)[0].loss, q)
        yield compare(name, parameter, analytic[parameter], numerical)
