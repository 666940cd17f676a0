"""Every gradient of the package against finite differences, in float64.

The upstream gradient is random: were it all ones, a dW with permuted columns would pass. Biases
are not zero: at zero, a forgotten one would not show.

Read next: definitions.
"""

import numpy as np

from numvae.checks.finite_differences import compare, numerical_gradient
from numvae.network import Autoencoder, likelihoods
from numvae.network.objectives import (
    DoublyReparameterized,
    FreeBits,
    ImportanceWeighted,
    Reconstruction,
    SampledELBO,
    StickingTheLanding,
)
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    dense,
    dropout,
    gaussian,
    negative_binomial,
    objectives,
    path_derivative,
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
    (negative_binomial, "log_likelihood", "counts log_mean log_r", "log_mean log_r"),
    (
        negative_binomial,
        "log_likelihood",
        "counts_observed log_mean log_r observed",
        "log_mean log_r",
    ),
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
    q |= {"log_mean": rng.normal(size=(2, B, D)), "log_r": rng.normal(size=(2, B, D))}
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

    backward = path_derivative.stl_backward
    q["eps_of_z"] = (q["z"] - q["mu"]) * np.exp(-0.5 * q["logvar"])
    row = _kl_of_densities, backward, "z mu logvar", "z", "z logvar eps_of_z"
    yield from _rule("path_derivative, mu and logvar held fixed", rng, q, *row)

    def weighted(z, log_px, kl, beta):
        w = np.exp(log_px - beta * kl)
        return z - beta * (1.0 - w / w.sum(axis=0))[..., None] * z

    backward = path_derivative.dreg_backward
    row = weighted, backward, "z log_px sampled_kl beta", "z", "log_px sampled_kl beta"
    yield from _rule("path_derivative, weights held fixed", rng, q, *row)


def _kl_of_densities(z, mu, logvar):
    """log q(z|x) − log p(z) as a function of z and of q's parameters."""
    return 0.5 * (z**2 - (z - mu) ** 2 * np.exp(-logvar) - logvar).sum(axis=-1)


class Held(SampledELBO):
    """For an objective whose gradient is that of its loss only on average, the loss of which it is
    the gradient: in that, μ and logvar of log q(z|x) and the weights of the samples are constants.

    of_encoder  whether it is for the encoder's parameters, to which dreg gives other weights
    """

    def __init__(self, objective, of_encoder):
        self.weighs = isinstance(objective, ImportanceWeighted)
        self.of_encoder, self.held = of_encoder, None

    def forward(self, log_px, mu, logvar, z, eps, beta):
        losses = super().forward(log_px, mu, logvar, z, eps, beta)
        if self.held is None:
            w = np.exp(self.weighs * (log_px - beta * _kl_of_densities(z, mu, logvar)))
            v = w / w.sum(axis=0)
            if self.weighs and self.of_encoder:
                v = v * (1.0 - beta * (1.0 - v))
            self.held = mu.copy(), logvar.copy(), v / log_px.shape[1]
        mu, logvar, weights = self.held
        loss = np.sum(weights * (beta * _kl_of_densities(z, mu, logvar) - log_px))
        return losses._replace(loss=float(loss))


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
        {"objective": StickingTheLanding(), "L": 1},
        {"objective": StickingTheLanding(), "L": 3, "likelihood": "gaussian-sigma-z"},
        {"objective": DoublyReparameterized(), "L": 1},
        {"objective": DoublyReparameterized(), "L": 5},
        {"objective": DoublyReparameterized(), "L": 3, "beta": 1.0},
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
        {"missing": True, "skip": True, "likelihood": "gaussian:3,negative-binomial:2"},
        {
            "missing": True,
            "dropout": 0.4,
            "denoise": True,
            "objective": ImportanceWeighted(),
            "L": 3,
        },
        {"missing": True, "dropout": 0.4, "objective": DoublyReparameterized(), "L": 3},
    ]
    + [
        {"conditioned": True, "likelihood": name, "L": 3}
        for name in (*likelihoods.NAMES, "gaussian:2,categorical:3")
    ]
    + [{"conditioned": True, "hidden": hidden} for hidden in ((), (4,))]
    + [
        {"conditioned": True, "objective": SampledELBO(), "L": 3},
        {"conditioned": True, "objective": ImportanceWeighted(), "L": 3},
        {"conditioned": True, "objective": StickingTheLanding(), "L": 3},
        {"conditioned": True, "objective": DoublyReparameterized(), "L": 3},
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
    counts = np.isin(likelihoods.column_kinds(likelihood, 5), likelihoods.COUNTS)
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
        if objective and not objective.of_the_loss:
            of_encoder = parameter.startswith(("encoder", "mu", "logvar"))
            step = (*step[:3], Held(objective, of_encoder), *step[4:])
            net.loss_and_grad(*step)
        numerical = numerical_gradient(lambda step=step: net.loss_and_grad(*step)[0].loss, q)
        yield compare(name, parameter, analytic[parameter], numerical)
