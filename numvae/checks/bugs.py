"""Famous mistakes, planted one at a time. A check that cannot fail proves nothing.

Each bug replaces one function (or two, where a wrong forward comes with the backward that fits it,
so that no finite difference can see it), runs the checks, and takes itself out again. Most of them
train anyway, which is why nobody noticed: `consequences` measures it.

Read next: consequences.
"""

import contextlib
from typing import NamedTuple
from unittest import mock

import numpy as np

from numvae.checks import definitions, gradients
from numvae.network import Autoencoder
from numvae.network.dense import Dense
from numvae.network.likelihoods import Bernoulli, VarianceOfZ
from numvae.network.mlp import MLP
from numvae.rules import (
    activations,
    bernoulli,
    dense,
    dropout,
    gaussian,
    importance,
    initialization,
    objectives,
    optimizers,
)
from numvae.training import minibatches
from numvae.training.optimizers import Optimizer

# The classes of mistakes.
FORMULA = "Another formula, with the gradient that fits it: finite differences see nothing"
SLOPE = "A factor, a sign or a slope: the gradient is not that of the loss"
AXIS = "The right shape, the wrong axis or order"
PATH = "A path of the gradient forgotten, or taken twice"
MEMORY = "What backward uses is not what forward used"
AROUND = "Around the model: optimizer, start, data"


class Bug(NamedTuple):
    """One mistake.

    name     what is wrong
    kind     the class of mistakes it stands for
    caught   the checks that fail because of it
    patches  (owner, attribute, replacement) that make it so
    found    where it was found outside; "" where learners make it and nobody publishes it
    mode     what a model must be like for the bug to matter, as `consequences.train` takes it
    """

    name: str
    kind: str
    caught: tuple
    patches: tuple
    found: str = ""
    mode: dict = {}


@contextlib.contextmanager
def planted(bug):
    """Inside, the bug is in the package."""
    with contextlib.ExitStack() as patches:
        for owner, attribute, replacement in bug.patches:
            patches.enter_context(mock.patch.object(owner, attribute, replacement))
        yield


# Small models that together use all that a bug may be in.
MODES = ({}, {"likelihood": "gaussian-sigma-z", "hidden": (4,), "L": 1})
CHECKS = {
    "finite differences": lambda: [*gradients.rules(), *gradients.models(MODES)],
    "density": definitions.densities,
    "moments": definitions.moments,
    "optimizer": definitions.optimizer,
    "invariants": definitions.invariants,
    "epochs": definitions.epochs,
}


def caught_by(bug):
    """The names of the checks that fail while a bug is planted; empty if it survives."""
    with planted(bug):
        return tuple(name for name, f in CHECKS.items() if not all(line.ok for line in f()))


# What is right, for the wrong ones to use.
_dense_backward, _dense_forward = dense.backward, Dense.forward
_mlp_backward, _noise = MLP.backward, Autoencoder.noise
_bernoulli, _bernoulli_backward = bernoulli.log_likelihood, bernoulli.log_likelihood_backward
_kl, _kl_backward = gaussian.kl, gaussian.kl_backward
_log_density, _log_density_backward = gaussian.log_density, gaussian.log_density_backward
_reparameterize_backward = gaussian.reparameterize_backward
_log_mean_exp, _adam = importance.log_mean_exp, optimizers.adam
_elbo, _elbo_backward = objectives.elbo, objectives.elbo_backward
_importance_weighted_backward = objectives.importance_weighted_backward
_sigmoid = activations.sigmoid


def _dense_wrongly(wrong):
    """dense.backward by another formula, (dy, x, W) → (dx, dW, db), written where it should be."""

    def backward(dy, x, W, dW=None, db=None, need_dx=True):
        dx, *found = wrong(dy, x, W)
        for place, value in zip((dW, db), found):
            if place is not None:
                place[...] = value
        return dx if need_dx else None, *found

    return backward


def _no_sum_over_the_batch(dy, x, W):
    return dy @ W.T, x.T @ dy, dy[0]


def _columns_permuted(dy, x, W):
    return dy @ W.T, (x.T @ dy)[:, ::-1], dy.sum(axis=0)


def _reshaped_for_transposed(dy, x, W):
    return dy @ W.T, (dy.T @ x).reshape(W.shape), dy.sum(axis=0)


def _added_to_what_was_there(dy, x, W, dW=0.0, db=0.0, need_dx=True):
    dx, more_W, more_b = _dense_backward(dy, x, W, need_dx=need_dx)
    dW += more_W
    db += more_b
    return dx, dW, db


def _rebound_instead_of_written(self, dy, need_dx=True):
    dx, self.dW, self.db = dense.backward(dy, self.x, self.W, need_dx=need_dx)
    return dx


def _remembers_the_minibatch_before(self, x):
    y, before = _dense_forward(self, x), getattr(self, "newest", None)
    self.x = before if np.shape(before) == x.shape else np.zeros_like(x)
    self.newest = x
    return y


_decoders = {}


def _encoder_takes_the_decoders_dh(self, dh, need_dx=True):
    if need_dx:  # the decoder, whose input z is no data
        _decoders["dh"] = dh.copy()
    elif _decoders["dh"].shape == dh.shape:
        dh = _decoders["dh"]
    return _mlp_backward(self, dh, need_dx)


def _divides_before_squaring(x, mu, logvar, observed=None):
    scaled = (x - mu) * np.exp(-logvar)
    return -0.5 * (scaled**2 + logvar + gaussian.LOG_2PI).sum(axis=-1)


def _divides_before_squaring_backward(dlogp, x, mu, logvar, observed=None):
    scaled = (x - mu) * np.exp(-logvar)
    dlogp = dlogp[..., None]
    return dlogp * scaled * np.exp(-logvar), dlogp * (scaled**2 - 0.5)


def _half_missing_in_dlogvar(dlogp, x, mu, logvar, observed=None):
    dmu, dlogvar = _log_density_backward(dlogp, x, mu, logvar, observed)
    return dmu, 2.0 * dlogvar


def _sigmoids_slope_in_dlogvar(dlogp, x, mu, logvar, observed=None):
    dmu, dlogvar = _log_density_backward(dlogp, x, mu, logvar, observed)
    return dmu, dlogvar * _slope(logvar)


def _slope(a):
    return activations.sigmoid_backward(1.0, _sigmoid(a))


def _adam_without_the_power(theta, g, m, v, t, lr, beta1, beta2, eps):
    _adam(theta, g, m, v, 1, lr, beta1, beta2, eps)


def _adam_without_its_correction(theta, g, m, v, t, lr, beta1, beta2, eps):
    m[...] = beta1 * m + (1.0 - beta1) * g
    v[...] = beta2 * v + (1.0 - beta2) * g * g
    theta -= lr * m / (np.sqrt(v) + eps)


def _adam_uphill(theta, g, m, v, t, lr, beta1, beta2, eps):
    _adam(theta, g, m, v, t, -lr, beta1, beta2, eps)


def _t_counted_per_tensor(self, part=slice(None)):
    vector, gradient = self.parameters.vector, self.parameters.gradient
    for tensor in np.array_split(np.arange(vector.size)[part], 3):
        self.t += 1
        here = slice(tensor[0], tensor[-1] + 1)
        memory = [array[here] for array in self.memory.values()]
        self.rule(vector[here], gradient[here], memory, self.settings)


def _weights_in_the_wrong_order(log_px, kl, beta):
    dlog_px, dkl = _importance_weighted_backward(log_px, kl, beta)
    return dlog_px.T.reshape(dlog_px.shape), dkl.T.reshape(dkl.shape)


def _batches_shuffled(seed, epoch, n_examples, batch_size):
    batches = np.split(np.arange(n_examples), range(batch_size, n_examples, batch_size))
    rng = minibatches.stream(seed, epoch, minibatches.SHUFFLE)
    return [batches[i] for i in rng.permutation(len(batches))]


GAUSSIAN = {"likelihood": "gaussian-sigma-z"}
IWAE = {"objective": "iwae", "n_samples": 5}

BUGS = (
    Bug(
        "z = μ + e^logvar ε: the ½ in σ forgotten",
        FORMULA,
        ("density", "moments"),
        (
            (gaussian, "reparameterize", lambda mu, v, eps: mu + np.exp(v) * eps),
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(v)),
            ),
        ),
        "found in two published NumPy VAEs",
    ),
    Bug(
        "ε drawn with standard deviation 0.01",
        FORMULA,
        ("moments",),
        ((Autoencoder, "noise", lambda self, *args: 0.01 * _noise(self, *args)),),
        "found in a framework's old example",
    ),
    Bug(
        "KL without its ½",
        FORMULA,
        ("density",),
        (
            (gaussian, "kl", lambda mu, v: 2.0 * _kl(mu, v)),
            (gaussian, "kl_backward", lambda dkl, mu, v: _kl_backward(2.0 * dkl, mu, v)),
        ),
    ),
    Bug(
        "KL averaged over the latent units, not summed",
        FORMULA,
        ("density",),
        (
            (gaussian, "kl", lambda mu, v: _kl(mu, v) / mu.shape[1]),
            (gaussian, "kl_backward", lambda d, mu, v: _kl_backward(d / mu.shape[1], mu, v)),
        ),
    ),
    Bug(
        "KL with σ in the place of σ²",
        FORMULA,
        ("density",),
        (
            (gaussian, "kl", lambda mu, v: _kl(mu, 0.5 * v)),
            (
                gaussian,
                "kl_backward",
                lambda dkl, mu, v: (dkl * mu, dkl * 0.25 * np.expm1(0.5 * v)),
            ),
        ),
    ),
    Bug(
        "Bernoulli averaged over pixels, the KL summed",
        FORMULA,
        ("density",),
        (
            (bernoulli, "log_likelihood", lambda x, a, seen=None: _bernoulli(x, a) / x.shape[-1]),
            (
                bernoulli,
                "log_likelihood_backward",
                lambda d, x, a, seen=None: _bernoulli_backward(d, x, a) / x.shape[-1],
            ),
        ),
        "found in three published VAEs, a framework's example among them",
    ),
    Bug(
        "a sigmoid in the decoder, and another in the loss",
        FORMULA,
        ("density",),
        (
            (bernoulli, "log_likelihood", lambda x, a, seen=None: _bernoulli(x, _sigmoid(a), seen)),
            (
                bernoulli,
                "log_likelihood_backward",
                lambda d, x, a, seen=None: _bernoulli_backward(d, x, _sigmoid(a), seen) * _slope(a),
            ),
        ),
    ),
    Bug(
        "softplus of the logits drawn as a probability",
        FORMULA,
        ("moments",),
        ((Bernoulli, "mean", lambda self, h: activations.softplus(self.logits.forward(h))),),
        "found in a framework's example",
    ),
    Bug(
        "Gaussian divides by σ² before squaring",
        FORMULA,
        ("density",),
        (
            (gaussian, "log_density", _divides_before_squaring),
            (gaussian, "log_density_backward", _divides_before_squaring_backward),
        ),
        "found in a published NumPy VAE",
        GAUSSIAN,
    ),
    Bug(
        "½ log 2π left out of the log-density",
        FORMULA,
        ("density",),
        (
            (
                gaussian,
                "log_density",
                lambda x, *rest: _log_density(x, *rest) + 0.5 * x.shape[-1] * gaussian.LOG_2PI,
            ),
        ),
        "found in a published VAE: 515 nats on a Frey face",
        GAUSSIAN,
    ),
    Bug(
        "IWAE without − log L: the sum of the weights, not their mean",
        FORMULA,
        ("density",),
        (
            (
                importance,
                "log_mean_exp",
                lambda log_w: _log_mean_exp(log_w) + np.log(len(log_w)).item(),
            ),
        ),
        mode=IWAE,
    ),
    Bug(
        "IWAE averages the logarithms of the weights",
        FORMULA,
        ("density",),
        (
            (objectives, "importance_weighted", objectives.sampled_elbo),
            (objectives, "importance_weighted_backward", objectives.sampled_elbo_backward),
        ),
        mode=IWAE,
    ),
    Bug(
        "β weighs the reconstruction instead of the KL",
        FORMULA,
        ("density",),
        (
            (
                objectives,
                "elbo",
                lambda log_px, kl, beta, *free: _elbo(beta * log_px, kl, 1.0, *free),
            ),
            (
                objectives,
                "elbo_backward",
                lambda log_px, kl, beta, *free: (
                    beta * _elbo_backward(log_px, kl, 1.0, *free)[0],
                    _elbo_backward(log_px, kl, 1.0, *free)[1],
                ),
            ),
        ),
        mode={"beta": 4.0},
    ),
    Bug(
        "dropout without 1 / (1 − rate)",
        FORMULA,
        ("moments",),
        (
            (dropout, "forward", lambda h, mask, rate: h * mask),
            (dropout, "backward", lambda dy, mask, rate: dy * mask),
        ),
        mode={"dropout": 0.3},
    ),
    Bug(
        "KL gradient without its ½",
        SLOPE,
        ("finite differences",),
        (
            (
                gaussian,
                "kl_backward",
                lambda dkl, mu, v: (_kl_backward(dkl, mu, v)[0], dkl * np.expm1(v)),
            ),
        ),
    ),
    Bug(
        "KL gradient with the wrong sign",
        SLOPE,
        ("finite differences",),
        ((gaussian, "kl_backward", lambda dkl, mu, v: _kl_backward(-dkl, mu, v)),),
    ),
    Bug(
        "∂σ/∂logvar without its ½",
        SLOPE,
        ("finite differences",),
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(0.5 * v)),
            ),
        ),
    ),
    Bug(
        "Bernoulli gradient times the slope of the sigmoid once more",
        SLOPE,
        ("finite differences",),
        (
            (
                bernoulli,
                "log_likelihood_backward",
                lambda d, x, a, seen=None: _bernoulli_backward(d, x, a, seen) * _slope(a),
            ),
        ),
    ),
    Bug(
        "the ½ of the σ head's gradient missing",
        SLOPE,
        ("finite differences",),
        ((gaussian, "log_density_backward", _half_missing_in_dlogvar),),
        "found in two published NumPy VAEs",
        GAUSSIAN,
    ),
    Bug(
        "the σ head's gradient times the slope of a sigmoid that is not there",
        SLOPE,
        ("finite differences",),
        ((gaussian, "log_density_backward", _sigmoids_slope_in_dlogvar),),
        "found in two published NumPy VAEs",
        GAUSSIAN,
    ),
    Bug(
        "variance floor with the derivative of no floor",
        SLOPE,
        ("finite differences",),
        ((gaussian, "floor_logvar_backward", lambda dlogvar, logvar, floor: dlogvar),),
        mode=GAUSSIAN,
    ),
    Bug(
        "tanh's slope from its input: 1 − a² for 1 − h²",
        SLOPE,
        ("finite differences",),
        (
            (
                activations,
                "tanh_backward",
                lambda dh, h, out=None: np.multiply(dh, 1.0 - np.arctanh(0.999 * h) ** 2, out=out),
            ),
        ),
    ),
    Bug(
        "tanh applied twice in its slope: 1 − tanh² h for 1 − h²",
        SLOPE,
        ("finite differences",),
        (
            (
                activations,
                "tanh_backward",
                lambda dh, h, out=None: np.multiply(dh, 1.0 - np.tanh(h) ** 2, out=out),
            ),
        ),
    ),
    Bug(
        "bias gradient not summed over the batch",
        AXIS,
        ("finite differences", "invariants"),
        ((dense, "backward", _dense_wrongly(_no_sum_over_the_batch)),),
    ),
    Bug(
        "dW with its columns permuted",
        AXIS,
        ("finite differences",),
        ((dense, "backward", _dense_wrongly(_columns_permuted)),),
        "passes the tests of a published library, whose upstream gradient is all ones",
    ),
    Bug(
        "dW = dyᵀ x, made to fit by reshape instead of a transpose",
        AXIS,
        ("finite differences",),
        ((dense, "backward", _dense_wrongly(_reshaped_for_transposed)),),
    ),
    Bug(
        "loss averaged over the batch, its gradient summed",
        AXIS,
        ("finite differences", "invariants"),
        (
            (
                objectives,
                "elbo_backward",
                lambda log_px, kl, beta, *free: tuple(
                    len(kl) * g for g in _elbo_backward(log_px, kl, beta, *free)
                ),
            ),
        ),
    ),
    Bug(
        "gradient of the L samples averaged where it adds up",
        AXIS,
        ("finite differences",),
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: tuple(
                    g / len(eps) for g in _reparameterize_backward(dz, v, eps)
                ),
            ),
        ),
        mode={"n_samples": 5},
    ),
    Bug(
        "IWAE's weights flattened in the wrong order",
        AXIS,
        ("finite differences",),
        ((objectives, "importance_weighted_backward", _weights_in_the_wrong_order),),
        "found in a published NumPy IWAE",
        IWAE,
    ),
    Bug(
        "the path through ε into logvar forgotten",
        PATH,
        ("finite differences",),
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (dz.sum(axis=0), np.zeros_like(v)),
            ),
        ),
    ),
    Bug(
        "the path from the decoder to the encoder forgotten",
        PATH,
        ("finite differences",),
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (np.zeros_like(v), np.zeros_like(v)),
            ),
        ),
    ),
    Bug(
        "the decoder's dz given to μ and to logvar alike",
        PATH,
        ("finite differences",),
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (dz.sum(axis=0), dz.sum(axis=0)),
            ),
        ),
    ),
    Bug(
        "the decoder's gradient used for the encoder's hidden layer",
        PATH,
        ("finite differences",),
        ((MLP, "backward", _encoder_takes_the_decoders_dh),),
        "found in a published NumPy VAE",
    ),
    Bug(
        "KL in the loss, but not in the gradient",
        PATH,
        ("finite differences",),
        ((gaussian, "kl_backward", lambda dkl, mu, v: _kl_backward(0.0 * dkl, mu, v)),),
    ),
    Bug(
        "the path through σ(z) into the hidden layer missing",
        PATH,
        ("finite differences",),
        (
            (
                VarianceOfZ,
                "backward",
                lambda self, d, right=VarianceOfZ.backward: 0.0 * right(self, d),
            ),
        ),
        "found in two published NumPy VAEs",
        GAUSSIAN,
    ),
    Bug(
        "other noise in the backward pass than in the forward",
        MEMORY,
        ("finite differences",),
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: _reparameterize_backward(dz, v, np.roll(eps, 1, axis=1)),
            ),
        ),
        "found in a published NumPy VAE",
    ),
    Bug(
        "a layer remembers its input of the minibatch before",
        MEMORY,
        ("finite differences", "invariants"),
        ((Dense, "forward", _remembers_the_minibatch_before),),
    ),
    Bug(
        "gradients added to those of the step before",
        MEMORY,
        ("invariants",),
        ((dense, "backward", _added_to_what_was_there),),
    ),
    Bug(
        "the gradient written into a new array that nobody reads",
        MEMORY,
        ("finite differences",),
        ((Dense, "backward", _rebound_instead_of_written),),
        "found in a well-known library",
    ),
    Bug(
        "relu masked by the sign of the gradient",
        MEMORY,
        ("finite differences",),
        ((activations, "relu_backward", lambda dh, h, out=None: np.multiply(dh, dh > 0, out=out)),),
        mode={"activation": "relu"},
    ),
    Bug(
        "Adam divides by 1 − β instead of 1 − β^t",
        AROUND,
        ("optimizer",),
        ((optimizers, "adam", _adam_without_the_power),),
        "found in a published optimizer",
    ),
    Bug(
        "Adam counts t once per tensor",
        AROUND,
        ("optimizer",),
        ((Optimizer, "update", _t_counted_per_tensor),),
        "found in a published optimizer",
    ),
    Bug(
        "Adam's bias correction computed and not used",
        AROUND,
        ("optimizer",),
        ((optimizers, "adam", _adam_without_its_correction),),
        "found in a published optimizer",
    ),
    Bug(
        "the loss climbed instead of descended",
        AROUND,
        ("optimizer",),
        ((optimizers, "adam", _adam_uphill),),
    ),
    Bug(
        "all weights 0 at the start",
        AROUND,
        ("moments",),
        ((initialization, "glorot", lambda rng, n_in, n_out: np.zeros((n_in, n_out))),),
    ),
    Bug(
        "the batches shuffled, not the examples",
        AROUND,
        ("epochs",),
        ((minibatches, "shuffled", _batches_shuffled),),
        "found in a published teaching network",
    ),
)
