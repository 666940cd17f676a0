"""Famous mistakes, planted one at a time. A check that cannot fail proves nothing.

Each bug is a wrong function that takes the place of the right one of its name (or two, where a
wrong forward comes with the backward that fits it, so that no finite difference can see it). Most
of them train anyway, which is why nobody noticed: `consequences` measures it.

Read next: consequences.
"""
# ruff: noqa: F811 (the wrong functions have the names of the right ones)

import contextlib
import functools
import itertools
from typing import NamedTuple
from unittest import mock

import numpy as np

from numvae import streams
from numvae.checks import definitions, gradients
from numvae.network import Autoencoder
from numvae.network.layers import MLP, Dense
from numvae.network.likelihoods import Bernoulli, VarianceOfZ
from numvae.network.objectives import objective
from numvae.rules import (
    activations,
    bernoulli,
    dense,
    dropout,
    factor_analysis,
    gaussian,
    importance,
    initialization,
    negative_binomial,
    objectives,
    optimizers,
    path_derivative,
    poisson,
    standardization,
)
from numvae.text import short
from numvae.training import minibatches
from numvae.training.optimizers import Optimizer

# The classes of mistakes.
FORMULA = "Another formula, with the gradient that fits it: finite differences see nothing"
SLOPE = "A factor, a sign or a slope: the gradient is not that of the loss"
AXIS = "The right shape, the wrong axis or order"
PATH = "A path of the gradient forgotten, or taken twice"
MEMORY = "What backward uses is not what forward used"
AROUND = "Around the model: optimizer, start, data"
GRADIENT = SLOPE, AXIS, PATH, MEMORY  # the loss is right, and its gradient is not


class Bug(NamedTuple):
    """One mistake."""

    name: str  # what is wrong
    kind: str  # the class of mistakes it stands for
    caught: tuple  # the checks that fail because of it
    patches: tuple  # (module or class, name of its function, replacement) that make it so
    found: str = ""  # where it was found outside; "" where learners make it and it is not published
    mode: dict = {}  # what a model must be like for it to matter, as `consequences.train` takes it


@contextlib.contextmanager
def planted(bug):
    """Inside, the bug is in the package."""
    with contextlib.ExitStack() as patches:
        for patch in bug.patches:
            patches.enter_context(mock.patch.object(*patch))
        yield


def of_the_gradient(*settings):
    """The bugs that make a gradient wrong in a model like `trace.example()`, or in one that differs
    from it in no more than these settings; the gradient of stl and dreg is not that of a loss."""
    return [
        bug
        for bug in BUGS
        if bug.kind in GRADIENT and {*bug.mode} <= {*settings}
        if objective(bug.mode.get("objective", "elbo")).of_the_loss
    ]


def named(text, known):
    """The one of some bugs whose name, or a part of it in small or capital letters, is the text.

    Errors  ValueError if that is none or several of them
    """
    found = [bug for bug in known if text.lower() in bug.name.lower()]
    found = [bug for bug in found if bug.name == text] or found
    if len(found) != 1:
        which = f"in the names of {len(found)} bugs" if found else "in the name of no bug"
        names = "; ".join(bug.name for bug in found or known)
        raise ValueError(f"{short(text)} is {which}; expected a part of one of these: {names}.")
    return found[0]


# Small models that together use all that a bug may be in.
MODES = (
    {},
    {"likelihood": "gaussian-sigma-z", "hidden": (4,), "L": 1},
    {"likelihood": "gaussian", "skip": True, "hidden": (3,), "L": 1},
)
CHECKS = {
    "finite differences": lambda: itertools.chain(gradients.rules(), gradients.models(MODES)),
    "density": definitions.densities,
    "moments": definitions.moments,
    "optimizer": definitions.optimizer,
    "invariants": definitions.invariants,
    "epochs": definitions.epochs,
    "linear start": definitions.linear_start,
    "units": definitions.units,
}
DIFFERENCES = "finite differences"


def caught_by(bug):
    """The names of the checks that fail while a bug is planted; empty if it survives."""
    with planted(bug):
        return tuple(name for name, f in CHECKS.items() if not all(line.ok for line in f()))


def outcome(caught):
    """The names of checks as words."""
    return "caught by " + ", ".join(caught) if caught else "SURVIVES"


BUGS = []


def wrong(kind, name, where, *caught, **mode):
    """A decorator: in a Bug the function replaces that of its name in `where`, a module or a class.

    Its docstring says where it was found; `caught` is DIFFERENCES if not given.
    """

    def append(function):
        patch, found = (where, function.__name__, function), function.__doc__ or ""
        BUGS.append(Bug(name, kind, caught or (DIFFERENCES,), (patch,), found, mode))
        return function

    return append


def fitting(function):
    """A decorator: the function belongs to the bug above it, as the backward that fits."""
    bug = BUGS.pop()
    patch = bug.patches[0][0], function.__name__, function
    BUGS.append(bug._replace(patches=(*bug.patches, patch)))


# The right functions, for the wrong ones to use.
_dense_forward, _mlp_backward = Dense.forward, MLP.backward
_noise, _sigma_backward = Autoencoder.noise, VarianceOfZ.backward
_log_likelihood, _likelihood_backward = bernoulli.log_likelihood, bernoulli.log_likelihood_backward
_kl, _kl_backward = gaussian.kl, gaussian.kl_backward
_log_density, _log_density_backward = gaussian.log_density, gaussian.log_density_backward
_log_p_counts, _counts_backward = poisson.log_likelihood, poisson.log_likelihood_backward
_overdispersed_backward = negative_binomial.log_likelihood_backward
_reparameterize_backward = gaussian.reparameterize_backward
_log_mean_exp, _adam = importance.log_mean_exp, optimizers.adam
_floor_logvar_inverse, _log_volume = gaussian.floor_logvar_inverse, standardization.log_volume
_elbo, _elbo_backward = objectives.elbo, objectives.elbo_backward
_importance_weighted_backward = objectives.importance_weighted_backward
_sigmoid, _sigmoid_backward = activations.sigmoid, activations.sigmoid_backward


def _slope(a):
    """sigmoid′(a)"""
    return _sigmoid_backward(1.0, _sigmoid(a))


TABLE = {"likelihood": "gaussian", "skip": True, "standardize": True, "hidden": (16,)}
GAUSSIAN = {"likelihood": "gaussian-sigma-z"}
COUNTS, OVERDISPERSED = ({"likelihood": name} for name in ("poisson", "negative-binomial"))
IWAE, DREG = ({"objective": name, "n_samples": 5} for name in ("iwae", "dreg"))

formula = functools.partial(wrong, FORMULA)


@formula(
    "z = μ + e^logvar ε: the ½ in σ forgotten",
    gaussian,
    "density",
    "moments",
    "linear start",
    "units",
)
def reparameterize(mu, logvar, eps):
    """found in two published NumPy VAEs"""
    return mu + np.exp(logvar) * eps


@fitting
def reparameterize_backward(dz, logvar, eps):
    return dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(logvar)


@formula("ε drawn with standard deviation 0.01", Autoencoder, "moments")
def noise(self, *args):
    """found in a framework's old example"""
    return 0.01 * _noise(self, *args)


@formula("KL without its ½", gaussian, "density")
def kl(mu, logvar):
    return 2.0 * _kl(mu, logvar)


@fitting
def kl_backward(dkl, mu, logvar):
    return _kl_backward(2.0 * dkl, mu, logvar)


@formula("KL averaged over the latent units, not summed", gaussian, "density")
def kl(mu, logvar):
    return _kl(mu, logvar) / mu.shape[1]


@fitting
def kl_backward(dkl, mu, logvar):
    return _kl_backward(dkl / mu.shape[1], mu, logvar)


@formula("KL with σ in the place of σ²", gaussian, "density")
def kl(mu, logvar):
    return _kl(mu, 0.5 * logvar)


@fitting
def kl_backward(dkl, mu, logvar):
    return dkl * mu, dkl * 0.25 * np.expm1(0.5 * logvar)


@formula("Bernoulli averaged over pixels, the KL summed", bernoulli, "density")
def log_likelihood(x, logits, observed=None):
    """found in three published VAEs, a framework's example among them"""
    return _log_likelihood(x, logits) / x.shape[-1]


@fitting
def log_likelihood_backward(dlogp, x, logits, observed=None):
    return _likelihood_backward(dlogp, x, logits) / x.shape[-1]


@formula("a sigmoid in the decoder, and another in the loss", bernoulli, "density")
def log_likelihood(x, logits, observed=None):
    return _log_likelihood(x, _sigmoid(logits), observed)


@fitting
def log_likelihood_backward(dlogp, x, logits, observed=None):
    return _likelihood_backward(dlogp, x, _sigmoid(logits), observed) * _slope(logits)


@formula("softplus of the logits drawn as a probability", Bernoulli, "moments")
def mean(self, h):
    """found in a framework's example"""
    return activations.softplus(self.layer.forward(h))


@formula(
    "Gaussian divides by σ² before squaring",
    gaussian,
    "density",
    "linear start",
    "units",
    **GAUSSIAN,
)
def log_density(x, mu, logvar, observed=None):
    """found in a published NumPy VAE"""
    scaled = (x - mu) * np.exp(-logvar)
    return -0.5 * (scaled**2 + logvar + gaussian.LOG_2PI).sum(axis=-1)


@fitting
def log_density_backward(dlogp, x, mu, logvar, observed=None):
    scaled, dlogp = (x - mu) * np.exp(-logvar), dlogp[..., None]
    return dlogp * scaled * np.exp(-logvar), dlogp * (scaled**2 - 0.5)


@formula(
    "½ log 2π left out of the log-density", gaussian, "density", "linear start", "units", **GAUSSIAN
)
def log_density(x, *parameters):
    """found in a published VAE: 515 nats on a Frey face"""
    return _log_density(x, *parameters) + 0.5 * x.shape[-1] * gaussian.LOG_2PI


@formula("log x! left out of the Poisson", poisson, "density", **COUNTS)
def log_likelihood(x, log_rate, observed=None):
    """found in two frameworks, as the default of their Poisson loss"""
    return _log_p_counts(x, log_rate, observed) + poisson.log_factorial(x).sum(axis=-1)


@formula(
    "IWAE without − log L: the sum of the weights, not their mean", importance, "density", **IWAE
)
def log_mean_exp(log_w):
    return _log_mean_exp(log_w) + np.log(len(log_w)).item()


@formula("IWAE averages the logarithms of the weights", objectives, "density", **IWAE)
def importance_weighted(*terms):
    return objectives.sampled_elbo(*terms)


@fitting
def importance_weighted_backward(*terms):
    return objectives.sampled_elbo_backward(*terms)


@formula("β weighs the reconstruction instead of the KL", objectives, "density", beta=4.0)
def elbo(log_px, kl, beta):
    return _elbo(beta * log_px, kl, 1.0)


@fitting
def elbo_backward(log_px, kl, beta):
    dlog_px, dkl = _elbo_backward(log_px, kl, 1.0)
    return beta * dlog_px, dkl


@formula("dropout without 1 / (1 − rate)", dropout, "moments", dropout=0.3)
def forward(h, mask, rate):
    return h * mask


@fitting
def backward(dy, mask, rate):
    return dy * mask


slope = functools.partial(wrong, SLOPE)


@slope("KL gradient without its ½", gaussian)
def kl_backward(dkl, mu, logvar):
    return dkl * mu, dkl * np.expm1(logvar)


@slope("KL gradient with the wrong sign", gaussian)
def kl_backward(dkl, mu, logvar):
    return _kl_backward(-dkl, mu, logvar)


@slope("∂σ/∂logvar without its ½", gaussian)
def reparameterize_backward(dz, logvar, eps):
    return dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(0.5 * logvar)


@slope("Bernoulli gradient times the slope of the sigmoid once more", bernoulli)
def log_likelihood_backward(dlogp, x, logits, observed=None):
    return _likelihood_backward(dlogp, x, logits, observed) * _slope(logits)


@slope("the ½ of the σ head's gradient missing", gaussian, **GAUSSIAN)
def log_density_backward(dlogp, x, mu, logvar, observed=None):
    """found in two published NumPy VAEs"""
    dmu, dlogvar = _log_density_backward(dlogp, x, mu, logvar, observed)
    return dmu, 2.0 * dlogvar


@slope("the σ head's gradient times the slope of a sigmoid that is not there", gaussian, **GAUSSIAN)
def log_density_backward(dlogp, x, mu, logvar, observed=None):
    """found in two published NumPy VAEs"""
    dmu, dlogvar = _log_density_backward(dlogp, x, mu, logvar, observed)
    return dmu, dlogvar * _slope(logvar)


@slope("Poisson gradient in the rate, x / rate − 1, not in its log", poisson, **COUNTS)
def log_likelihood_backward(dlogp, x, log_rate, observed=None):
    return _counts_backward(dlogp, x, log_rate, observed) / poisson.mean(log_rate)


@slope("the dispersion's gradient in r, not in its log", negative_binomial, **OVERDISPERSED)
def log_likelihood_backward(dlogp, x, log_mean, log_r, observed=None):
    da, ds = _overdispersed_backward(dlogp, x, log_mean, log_r, observed)
    return da, ds / np.exp(log_r)


@slope("variance floor with the derivative of no floor", gaussian, **GAUSSIAN)
def floor_logvar_backward(dlogvar, logvar, floor):
    return dlogvar


@slope("tanh's slope from its input: 1 − a² for 1 − h²", activations)
def tanh_backward(dh, h):
    return dh * (1.0 - np.arctanh(0.999 * h) ** 2)


@slope("tanh applied twice in its slope: 1 − tanh² h for 1 − h²", activations)
def tanh_backward(dh, h):
    return dh * (1.0 - np.tanh(h) ** 2)


@slope("DReG's weights not squared for the encoder", path_derivative, **DREG)
def dreg_backward(dz, log_px, kl, beta):
    return dz


axis = functools.partial(wrong, AXIS)


@axis("bias gradient not summed over the batch", dense, DIFFERENCES, "invariants")
def backward(dy, x, W, need_dx=True):
    return dy @ W.T, x.T @ dy, dy[0]


@axis("dW with its columns permuted", dense)
def backward(dy, x, W, need_dx=True):
    """passes the tests of a published library, whose upstream gradient is all ones"""
    return dy @ W.T, (x.T @ dy)[:, ::-1], dy.sum(axis=0)


@axis("dW = dyᵀ x, made to fit by reshape instead of a transpose", dense)
def backward(dy, x, W, need_dx=True):
    return dy @ W.T, (dy.T @ x).reshape(W.shape), dy.sum(axis=0)


@axis("loss averaged over the batch, its gradient summed", objectives, DIFFERENCES, "invariants")
def elbo_backward(log_px, kl, beta):
    return tuple(len(kl) * g for g in _elbo_backward(log_px, kl, beta))


@axis("gradient of the L samples averaged where it adds up", gaussian, n_samples=5)
def reparameterize_backward(dz, logvar, eps):
    return tuple(g / len(eps) for g in _reparameterize_backward(dz, logvar, eps))


@axis("IWAE's weights flattened in the wrong order", objectives, **IWAE)
def importance_weighted_backward(log_px, kl, beta):
    """found in a published NumPy IWAE"""
    dlog_px, dkl = _importance_weighted_backward(log_px, kl, beta)
    return dlog_px.T.reshape(dlog_px.shape), dkl.T.reshape(dkl.shape)


path = functools.partial(wrong, PATH)


@path("the path through ε into logvar forgotten", gaussian)
def reparameterize_backward(dz, logvar, eps):
    return dz.sum(axis=0), np.zeros_like(logvar)


@path("the path from the decoder to the encoder forgotten", gaussian)
def reparameterize_backward(dz, logvar, eps):
    return np.zeros_like(logvar), np.zeros_like(logvar)


@path("the decoder's dz given to μ and to logvar alike", gaussian)
def reparameterize_backward(dz, logvar, eps):
    return dz.sum(axis=0), dz.sum(axis=0)


_decoders = {}


@path("the decoder's gradient used for the encoder's hidden layer", MLP)
def backward(self, dh, need_dx=True):
    """found in a published NumPy VAE"""
    if need_dx:  # the decoder, whose input z is no data
        _decoders["dh"] = dh.copy()
    elif _decoders["dh"].shape == dh.shape:
        dh = _decoders["dh"]
    return _mlp_backward(self, dh, need_dx)


@path("the path through z into log q(z|x) forgotten", path_derivative, objective="stl")
def stl_backward(dkl, z, logvar, eps):
    return dkl[..., None] * z


@path("KL in the loss, but not in the gradient", gaussian)
def kl_backward(dkl, mu, logvar):
    return _kl_backward(0.0, mu, logvar)


@path("the path through σ(z) into the hidden layer missing", VarianceOfZ, **GAUSSIAN)
def backward(self, dlogvar):
    """found in two published NumPy VAEs"""
    return 0.0 * _sigma_backward(self, dlogvar)


@path("the input's gradient through the skip path forgotten", MLP, **TABLE)
def backward(self, dh, need_dx=True):
    dx = _mlp_backward(self, dh, need_dx)
    return dx - dh[:, -self.n_skip :] if self.n_skip and need_dx else dx


memory = functools.partial(wrong, MEMORY)


@memory("other noise in the backward pass than in the forward", gaussian)
def reparameterize_backward(dz, logvar, eps):
    """found in a published NumPy VAE"""
    return _reparameterize_backward(dz, logvar, np.roll(eps, 1, axis=1))


@memory("a layer remembers its input of the minibatch before", Dense, DIFFERENCES, "invariants")
def forward(self, x):
    y, before = _dense_forward(self, x), getattr(self, "newest", None)
    self.memory.x = before if np.shape(before) == x.shape else np.zeros_like(x)
    self.newest = x
    return y


@memory("gradients added to those of the step before", Dense, "invariants")
def backward(self, dy, need_dx=True):
    dx, dW, db = dense.backward(dy, self.memory.x, self.W, need_dx)
    self.dW += dW
    self.db += db
    return dx


@memory("the gradient written into a new array that nobody reads", Dense)
def backward(self, dy, need_dx=True):
    """found in a well-known library"""
    dx, self.dW, self.db = dense.backward(dy, self.memory.x, self.W, need_dx)
    return dx


@memory("relu masked by the sign of the gradient", activations, activation="relu")
def relu_backward(dh, h):
    return dh * (dh > 0.0)


around = functools.partial(wrong, AROUND)


@around("Adam divides by 1 − β instead of 1 − β^t", optimizers, "optimizer")
def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    """found in a published optimizer"""
    _adam(theta, g, m, v, 1, lr, beta1, beta2, eps)


@around("Adam counts t once per tensor", Optimizer, "optimizer")
def update(self):
    """found in a published optimizer"""
    vector, gradient = self.parameters.vector, self.parameters.gradient
    for tensor in np.array_split(np.arange(vector.size), 3):
        self.t += 1
        here = slice(tensor[0], tensor[-1] + 1)
        memory = [array[here] for array in self.memory.values()]
        self.rule(vector[here], gradient[here], memory, self.settings)


@around("Adam's bias correction computed and not used", optimizers, "optimizer")
def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    """found in a published optimizer"""
    m[...] = beta1 * m + (1.0 - beta1) * g
    v[...] = beta2 * v + (1.0 - beta2) * g * g
    theta -= lr * m / (np.sqrt(v) + eps)


@around("the loss climbed instead of descended", optimizers, "optimizer")
def adam(theta, g, m, v, t, lr, beta1, beta2, eps):
    _adam(theta, g, m, v, t, -lr, beta1, beta2, eps)


@around("weight decay that lets the weights grow", optimizers, "optimizer", weight_decay=0.1)
def weight_decay(g, theta, decay):
    g -= decay * theta


@around("all weights 0 at the start", initialization, "moments")
def glorot(rng, n_in, n_out):
    return np.zeros((n_in, n_out))


@around("the batches shuffled, not the examples", minibatches, "epochs")
def shuffled(seed, epoch, n_examples, batch_size):
    """found in a published teaching network"""
    batches = np.split(np.arange(n_examples), range(batch_size, n_examples, batch_size))
    rng = streams.stream(seed, epoch, streams.SHUFFLE)
    return [batches[i] for i in rng.permutation(len(batches))]


@around("factors at the start not rotated", factor_analysis, "linear start", **TABLE)
def rotated(W, psi):
    return W, None


@around("σ where σ² belongs, at the start", gaussian, "linear start", "units", **TABLE)
def floor_logvar_inverse(logvar, floor):
    return _floor_logvar_inverse(0.5 * logvar, floor)


@around("the sign of the log-volume", standardization, "linear start", "units", **TABLE)
def log_volume(scale, observed=None):
    return -_log_volume(scale, observed)


@around("the scale forgotten on the way back", standardization, "units", **TABLE)
def inverse(y, center, scale):
    return center + y
