"""Every gradient of the package against finite differences, in float64.

The gradient that comes from above is random: with ones in its place, a dW whose columns are
permuted would pass. Biases are not zero: at zero, a forgotten one would not show.

Read next: definitions.
"""

import numpy as np

from numvae.checks.finite_differences import compare, numerical_gradient
from numvae.network import Autoencoder, likelihoods
from numvae.network.objectives import ELBO, ImportanceWeighted, Reconstruction, SampledELBO
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    dense,
    dropout,
    gaussian,
    objectives,
    score_function,
)

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

    z = gaussian.reparameterize(mu, logvar, eps)
    yield from _rule(
        "sampled KL",
        lambda q: gaussian.sampled_kl(q["z"], q["logvar"], eps),
        lambda dkl, q: {
            "z": gaussian.sampled_kl_backward(dkl, q["z"])[0],
            "logvar": np.repeat(gaussian.sampled_kl_backward(dkl, q["z"])[1], 4, axis=1),
        },
        {"z": z, "logvar": logvar},
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
    gray, one_hot = rng.random(size=(5, 4)), np.eye(4)[rng.integers(4, size=5)]
    some = (rng.random((5, 4)) < 0.6).astype(float)
    whole_rows = np.repeat(some[:, :1], 4, axis=1)
    for name, rule, x, observed in (
        ("Bernoulli log-likelihood", bernoulli, gray, None),
        ("… with missing values", bernoulli, gray * some, some),
        ("continuous Bernoulli log-likelihood", continuous_bernoulli, gray, None),
        ("… with missing values", continuous_bernoulli, gray * some, some),
        ("categorical log-likelihood", categorical, one_hot, None),
        ("… with missing values", categorical, one_hot * whole_rows, whole_rows),
    ):
        yield from _rule(
            name,
            lambda q, r=rule, x=x, seen=observed: r.log_likelihood(x, q["logits"], seen),
            lambda dlogp, q, r=rule, x=x, seen=observed: {
                "logits": r.log_likelihood_backward(dlogp, x, q["logits"], seen)
            },
            {"logits": 3.0 * rng.normal(size=(2, 5, 4))},
            rng,
        )
    mask = dropout.draw(rng, (5, 4), 0.4, "f8")
    yield from _rule(
        "dropout",
        lambda q: dropout.forward(q["h"], mask, 0.4),
        lambda dy, q: {"h": dropout.backward(dy, mask, 0.4)},
        {"h": rng.normal(size=(5, 4))},
        rng,
    )
    for name, kl in (
        ("elbo", rng.random((5, 4))),
        ("sampled_elbo", rng.normal(size=(3, 5))),
        ("importance_weighted", rng.normal(size=(3, 5))),
    ):
        forward, backward = getattr(objectives, name), getattr(objectives, f"{name}_backward")
        settings = (0.7, 0.5) if name == "elbo" else (0.7,)
        yield from _rule(
            f"objective {name}",
            lambda q, f=forward, s=settings: np.asarray(f(q["log_px"], q["kl"], *s)),
            lambda d, q, b=backward, s=settings: dict(
                zip(("log_px", "kl"), (d * g for g in b(q["log_px"], q["kl"], *s)))
            ),
            {"log_px": rng.normal(size=(3, 5)), "kl": kl},
            rng,
        )
    log_w, baseline = rng.normal(size=(3, 5)), rng.normal(size=5)

    def score_function_backward(d, q):
        dmu, dlogvar = score_function.backward(log_w, baseline, z, q["mu"], q["logvar"])
        return {"mu": d * dmu, "logvar": d * dlogvar}

    yield from _rule(
        "score function, z held fixed",
        lambda q: -np.mean((log_w - baseline) * gaussian.log_density(z, q["mu"], q["logvar"])),
        score_function_backward,
        {"mu": mu, "logvar": logvar},
        rng,
    )


def _rule(name, forward, backward, inputs, rng):
    """forward(inputs) → out; backward(dout, inputs) → dict of input name → gradient."""
    dout = rng.normal(size=forward(inputs).shape)
    analytic = backward(dout, inputs)
    for what, q in inputs.items():
        numerical = numerical_gradient(lambda: np.sum(dout * forward(inputs)), q)
        yield compare(name, f"d{what}", analytic[what], numerical)


# The modes of the whole model, each likelihood with one sample and with three; every activation,
# depth and objective; dropout, denoising and missing values. Small, so that each of a few hundred
# parameters can be moved.
MODES = (
    [
        {"likelihood": name, "L": L}
        for name in (*likelihoods.NAMES, "gaussian:2,categorical:3")
        for L in (1, 3)
    ]
    + [{"activation": name} for name in (*activations.NAMES, "elu,tanh")]
    + [{"hidden": hidden} for hidden in ((), (4,), (4, 3), (4, 3, 5))]
    + [
        {"objective": SampledELBO(), "L": 1},
        {"objective": SampledELBO(), "L": 3},
        {"objective": ImportanceWeighted(), "L": 1},
        {"objective": ImportanceWeighted(), "L": 5, "likelihood": "gaussian-sigma-z"},
        {"objective": Reconstruction(), "L": 1},
        {"objective": ELBO(free_bits=1.0)},
        {"dropout": 0.4, "hidden": (5, 4)},
        {"denoise": True},
        {"missing": True, "likelihood": "bernoulli"},
        {"missing": True, "likelihood": "gaussian-sigma-z"},
        {"missing": True, "likelihood": "gaussian:2,categorical:3"},
        {
            "missing": True,
            "dropout": 0.4,
            "denoise": True,
            "objective": ImportanceWeighted(),
            "L": 3,
        },
    ]
)


def models(modes=MODES):
    """One line for each parameter of each model."""
    for mode in modes:
        yield from model(**mode)


def model(
    likelihood="bernoulli",
    activation="tanh",
    hidden=(4, 3),
    L=2,
    beta=0.7,
    objective=None,
    dropout=0.0,
    denoise=False,
    missing=False,
):
    """One line for each parameter of one model: ∂loss/∂parameter, as training uses it."""
    rng = np.random.default_rng(SEED)
    net = Autoencoder(5, 2, hidden, activation, likelihood, 0.5, 0.4, dropout, dtype="f8")
    net.initialize(rng)
    net.parameters.vector += 0.3 * rng.normal(size=net.parameters.vector.size)
    x, eps = rng.random((6, 5)), rng.normal(size=(L, 6, 2))
    if "categorical" in likelihood:
        x[:, -3:] = np.eye(3)[rng.integers(3, size=6)]
    observed = None
    if missing:
        observed = (rng.random((6, 5)) < 0.7).astype(float)
        observed[:, -3:] = observed[:, -1:]  # a category is known or missing as a whole
        x = x * observed
    step = (x, eps, beta, objective, rng.random((6, 5)) if denoise else None, observed)
    step += (net.masks(rng, L, 6),)
    net.loss_and_grad(*step)
    analytic = {name: g.copy() for name, g in net.parameters.gradients.items()}
    name = f"{likelihood}, {activation}, depth {len(hidden)}, L = {L}"
    if objective:
        name += f", {type(objective).__name__}"
    name += ", dropout" * bool(dropout) + ", denoising" * denoise + ", missing values" * missing
    for parameter, q in net.parameters.values.items():
        numerical = numerical_gradient(lambda: net.loss_and_grad(*step)[0].loss, q)
        yield compare(name, parameter, analytic[parameter], numerical)
