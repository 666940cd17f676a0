"""Every gradient of the package against finite differences, in float64.

The upstream gradient is random: were it all ones, a dW with permuted columns would pass. Biases
are not zero: at zero, a forgotten one would not show.

Read next: definitions.
"""

import numpy as np

from numvae.checks.finite_differences import compare, numerical_gradient
from numvae.network import Autoencoder, likelihoods
from numvae.network.objectives import FreeBits, ImportanceWeighted, Reconstruction, SampledELBO
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    dense,
    dropout,
    gaussian,
    objectives,
    poisson,
    score_function,
)

SEED = 2014


# A row for each rule: module and name, the arguments of forward, those whose gradients backward
# returns, and what backward is given after dout, where that is not all of forward's arguments;
# `out` is what forward returned.
RULES = (
    (dense, "forward", "x W b", "x W b", "x W"),
    *((activations, name, "a", "a", "out") for name in activations.NAMES),
    (gaussian, "reparameterize", "mu logvar eps", "mu logvar", "logvar eps"),
    (gaussian, "kl", "mu logvar", "mu logvar"),
    (gaussian, "sampled_kl", "z logvar eps", "z logvar", "z"),
    (gaussian, "log_density", "x mu logvar", "mu logvar"),
    (gaussian, "floor_logvar", "s floor", "s", "out floor"),
    (bernoulli, "log_likelihood", "gray logits", "logits"),
    (bernoulli, "log_likelihood", "gray_observed logits observed", "logits"),
    (continuous_bernoulli, "log_likelihood", "gray logits", "logits"),
    (continuous_bernoulli, "log_likelihood", "gray_observed logits observed", "logits"),
    (categorical, "log_likelihood", "one_hot logits", "logits"),
    (categorical, "log_likelihood", "one_hot_observed logits observed_rows", "logits"),
    (poisson, "log_likelihood", "counts log_rate", "log_rate"),
    (poisson, "log_likelihood", "counts_observed log_rate observed", "log_rate"),
    (dropout, "forward", "h mask rate", "h", "mask rate"),
    (objectives, "elbo", "log_px kl beta", "log_px kl"),
    (objectives, "free_bits_elbo", "log_px kl beta free_bits", "log_px kl"),
    (objectives, "sampled_elbo", "log_px sampled_kl beta", "log_px sampled_kl"),
    (objectives, "importance_weighted", "log_px sampled_kl beta", "log_px sampled_kl"),
)


def arguments(rng):
    """A value for each name in RULES."""
    L, B, D = 3, 5, 4
    q = {"beta": 0.7, "free_bits": 0.5, "floor": 0.3, "rate": 0.4}
    q |= {name: rng.normal(size=(B, D)) for name in ("x", "h", "mu", "logvar")}
    q |= {name: 2.0 * rng.normal(size=(B, D)) for name in ("a", "s")}
    q |= {name: rng.random(size=(B, D)) for name in ("gray", "kl")}
    q |= {name: dropout.draw(rng, (B, D), q["rate"], "f8") for name in ("mask", "observed")}
    q |= {name: rng.normal(size=(L, B)) for name in ("log_px", "sampled_kl", "log_w")}
    q |= {"W": rng.normal(size=(D, 3)), "b": rng.normal(size=3), "baseline": rng.normal(size=B)}
    q |= {"logits": 3.0 * rng.normal(size=(2, B, D)), "eps": rng.normal(size=(L, B, D))}
    q |= {"counts": 1.0 * rng.poisson(2.0, (B, D)), "log_rate": rng.normal(size=(2, B, D))}
    q["z"] = gaussian.reparameterize(q["mu"], q["logvar"], q["eps"])
    q["one_hot"] = np.eye(D)[rng.integers(D, size=B)]
    q["observed_rows"] = np.repeat(q["observed"][:, :1], D, axis=1)
    q["gray_observed"] = q["gray"] * q["observed"]
    q["counts_observed"] = q["counts"] * q["observed"]
    q["one_hot_observed"] = q["one_hot"] * q["observed_rows"]
    return q


def rules():
    """One line for each gradient of each rule."""
    rng = np.random.default_rng(SEED)
    q = arguments(rng)
    for module, name, *row in RULES:
        backward = "backward" if name == "forward" else f"{name}_backward"
        title = f"{module.__name__.rpartition('.')[2]}.{name}"
        title += ", missing values" * ("observed" in row[0])
        yield from _rule(title, rng, q, getattr(module, name), getattr(module, backward), *row)

    def minus_dmu(*args):
        return -gaussian.log_density_backward(*args)[0]

    row = gaussian.log_density, minus_dmu, "x mu logvar", "x"
    yield from _rule("gaussian.log_density", rng, q, *row)

    def surrogate(log_w, baseline, z, mu, logvar):
        return -np.mean((log_w - baseline) * gaussian.log_density(z, mu, logvar))

    row = surrogate, score_function.backward, "log_w baseline z mu logvar", "mu logvar"
    yield from _rule("score_function, z held fixed", rng, q, *row)


def _rule(title, rng, q, forward, backward, takes, differentiated, remembers=None):
    """One line for each gradient of one rule; names as in RULES, and q their values."""

    def out():
        return forward(*[q[name] for name in takes.split()])

    dout = rng.normal(size=np.shape(out()))
    memory = [out() if name == "out" else q[name] for name in (remembers or takes).split()]
    if np.ndim(dout):
        gradients = backward(dout, *memory)
    else:  # a loss: its backward takes no dout
        gradients = [dout * gradient for gradient in backward(*memory)]
    if isinstance(gradients, np.ndarray):
        gradients = [gradients]
    for name, analytic in zip(differentiated.split(), gradients):
        if backward is gaussian.sampled_kl_backward:  # a column that counts for every unit
            analytic = np.broadcast_to(analytic, q[name].shape)
        numerical = numerical_gradient(lambda: np.sum(dout * out()), q[name])
        yield compare(title, f"d{name}", analytic, numerical)


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
        {"objective": FreeBits(1.0)},
        {"dropout": 0.4, "hidden": (5, 4)},
        {"denoise": True},
        {"skip": True, "likelihood": "gaussian-sigma-z"},
        {"skip": True, "likelihood": "gaussian", "hidden": ()},
        {"skip": True, "likelihood": "gaussian:2,categorical:3", "dropout": 0.4},
        {"skip": True, "likelihood": "gaussian-fixed", "objective": ImportanceWeighted(), "L": 3},
        {"missing": True, "likelihood": "bernoulli"},
        {"missing": True, "skip": True, "likelihood": "gaussian"},
        {"missing": True, "likelihood": "gaussian-sigma-z"},
        {"missing": True, "likelihood": "gaussian:2,categorical:3"},
        {"missing": True, "skip": True, "likelihood": "gaussian-sigma-z:2,poisson:3"},
        {
            "missing": True,
            "dropout": 0.4,
            "denoise": True,
            "objective": ImportanceWeighted(),
            "L": 3,
        },
    ]
    + [
        {"conditioned": True, "likelihood": name, "L": 3}
        for name in (*likelihoods.NAMES, "gaussian:2,categorical:3")
    ]
    + [{"conditioned": True, "hidden": hidden} for hidden in ((), (4,))]
    + [
        {"conditioned": True, "objective": SampledELBO(), "L": 3},
        {"conditioned": True, "objective": ImportanceWeighted(), "L": 3},
        {"conditioned": True, "objective": Reconstruction(), "L": 1},
        {"conditioned": True, "objective": FreeBits(1.0)},
        {"conditioned": True, "skip": True, "likelihood": "gaussian-sigma-z", "L": 3},
        {"conditioned": True, "skip": True, "likelihood": "gaussian", "hidden": ()},
        {"conditioned": True, "skip": True, "likelihood": "gaussian:2,poisson:3", "dropout": 0.4},
        {"conditioned": True, "missing": True, "skip": True, "likelihood": "gaussian"},
        {"conditioned": True, "missing": True, "denoise": True, "dropout": 0.4},
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
    skip=False,
    conditioned=False,
):
    """One line for each parameter of one model: ∂loss/∂parameter, as training uses it."""
    rng, C = np.random.default_rng(SEED), 3 * conditioned
    net = Autoencoder(
        *(5, 2, hidden, activation, likelihood, 0.5, 0.4, dropout, skip),
        standardize=skip,
        n_condition=C,
        dtype="f8",
    )
    net.initialize(rng)
    for array in net.constants.values():
        array[...] = rng.uniform(0.5, 2.0, array.shape)
    net.parameters.vector += 0.3 * rng.normal(size=net.parameters.vector.size)
    x, eps = rng.random((6, 5)), rng.normal(size=(L, 6, 2))
    if objective and not objective.draws_z:
        eps *= 0.0
    if "categorical" in likelihood:
        x[:, -3:] = np.eye(3)[rng.integers(3, size=6)]
    counts = likelihoods.column_kinds(likelihood, 5) == "poisson"
    x[:, counts] = rng.poisson(2.0, (6, counts.sum()))
    observed = None
    if missing:
        observed = (rng.random((6, 5)) < 0.7).astype(float)
        observed[:, -3:] = observed[:, -1:]  # a category is known or missing as a whole
        x = x * observed
    step = (x, eps, beta, objective, rng.random((6, 5)) if denoise else None, observed)
    step += (net.masks(rng, L, 6), rng.normal(size=(6, C)) if conditioned else None)
    net.loss_and_grad(*step)
    analytic = {name: g.copy() for name, g in net.parameters.gradients.items()}
    name = f"{likelihood}, {activation}, depth {len(hidden)}, L = {L}"
    if objective:
        name += f", {type(objective).__name__}"
    name += ", skip path and standardised columns" * skip
    name += ", conditioned" * conditioned
    name += ", dropout" * bool(dropout) + ", denoising" * denoise + ", missing values" * missing
    for parameter, q in net.parameters.values.items():
        numerical = numerical_gradient(lambda: net.loss_and_grad(*step)[0].loss, q)
        yield compare(name, parameter, analytic[parameter], numerical)
