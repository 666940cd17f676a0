"""Famous mistakes, planted one at a time. A check that cannot fail proves nothing.

Each bug replaces one function (or two, where a wrong forward comes with the backward that fits it,
so that no finite difference can see it), runs the checks, and takes itself out again.
"""

import contextlib
from typing import NamedTuple
from unittest import mock

import numpy as np

from numvae.checks import definitions, gradients
from numvae.network import Autoencoder
from numvae.rules import (
    activations,
    bernoulli,
    dense,
    dropout,
    gaussian,
    objectives,
    optimizers,
)
from numvae.training.optimizers import Optimizer


class Bug(NamedTuple):
    """name: what is wrong. patches: (owner, attribute, replacement) that make it so."""

    name: str
    patches: tuple


def caught_by(bug):
    """The names of the checks that fail while a bug is planted; empty if it survives."""
    with contextlib.ExitStack() as planted:
        for owner, attribute, replacement in bug.patches:
            planted.enter_context(mock.patch.object(owner, attribute, replacement))
        lines = {
            "finite differences": [*gradients.rules(), *gradients.model()],
            "density": definitions.densities(),
            "moments": definitions.moments(),
            "optimizer": definitions.optimizer(),
            "invariants": definitions.invariants(),
        }
        return [check for check, found in lines.items() if not all(line.ok for line in found)]


def _dense_backward_forgets_the_sum(dy, x, W, dW=None, db=None, need_dx=True):
    dx, dW, _ = _dense_backward(dy, x, W, dW, db, need_dx)
    db = np.copyto(db, dy[0]) if db is not None else dy[0]
    return dx, dW, db


def _dense_backward_permutes_columns(dy, x, W, dW=None, db=None, need_dx=True):
    dx, dW, db = _dense_backward(dy, x, W, dW, db, need_dx)
    dW[...] = dW[:, ::-1].copy()
    return dx, dW, db


def _log_density_divides_before_squaring(x, mu, logvar, observed=None):
    scaled = (x - mu) * np.exp(-logvar)
    return -0.5 * (scaled**2 + logvar + gaussian.LOG_2PI).sum(axis=-1)


def _log_density_backward_to_match(dlogp, x, mu, logvar, observed=None):
    scaled = (x - mu) * np.exp(-logvar)
    dlogp = dlogp[..., None]
    return dlogp * scaled * np.exp(-logvar), dlogp * (scaled**2 - 0.5)


def _adam_without_the_power(theta, g, m, v, t, lr, beta1, beta2, eps):
    _adam(theta, g, m, v, 1, lr, beta1, beta2, eps)


def _update_counts_t_per_tensor(self):
    vector, gradient = self.parameters.vector, self.parameters.gradient
    for part in np.array_split(np.arange(vector.size), 3):
        self.t += 1
        here = slice(part[0], part[-1] + 1)
        memory = [array[here] for array in self.memory.values()]
        self.rule(vector[here], gradient[here], memory, self.settings)


def _importance_weighted_backward_shuffles_the_weights(log_px, kl, beta):
    dlog_px, dkl = _importance_weighted_backward(log_px, kl, beta)
    return dlog_px.T.reshape(dlog_px.shape), dkl.T.reshape(dkl.shape)


_dense_backward, _adam, _noise = dense.backward, optimizers.adam, Autoencoder.noise
_kl_backward, _reparameterize_backward = gaussian.kl_backward, gaussian.reparameterize_backward
_log_density = gaussian.log_density
_importance_weighted_backward = objectives.importance_weighted_backward
_bernoulli, _bernoulli_backward = bernoulli.log_likelihood, bernoulli.log_likelihood_backward

BUGS = (
    Bug(
        "z = μ + e^logvar ε, with the backward that fits it",
        (
            (gaussian, "reparameterize", lambda mu, v, eps: mu + np.exp(v) * eps),
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(v)),
            ),
        ),
    ),
    Bug(
        "ε drawn with standard deviation 0.01",
        ((Autoencoder, "noise", lambda self, *args: 0.01 * _noise(self, *args)),),
    ),
    Bug(
        "the path through ε into logvar forgotten",
        (
            (
                gaussian,
                "reparameterize_backward",
                lambda dz, v, eps: (_reparameterize_backward(dz, v, eps)[0], np.zeros_like(v)),
            ),
        ),
    ),
    Bug(
        "KL gradient without its ½",
        (
            (
                gaussian,
                "kl_backward",
                lambda dkl, mu, v: (_kl_backward(dkl, mu, v)[0], dkl * np.expm1(v)),
            ),
        ),
    ),
    Bug(
        "Gaussian divides by σ² before squaring, with the backward that fits it",
        (
            (gaussian, "log_density", _log_density_divides_before_squaring),
            (gaussian, "log_density_backward", _log_density_backward_to_match),
        ),
    ),
    Bug(
        "½ log 2π left out of the log-density",
        (
            (
                gaussian,
                "log_density",
                lambda x, *rest: _log_density(x, *rest) + 0.5 * x.shape[-1] * gaussian.LOG_2PI,
            ),
        ),
    ),
    Bug(
        "Bernoulli averaged over pixels, with the backward that fits it",
        (
            (bernoulli, "log_likelihood", lambda x, a, seen=None: _bernoulli(x, a) / x.shape[-1]),
            (
                bernoulli,
                "log_likelihood_backward",
                lambda d, x, a, seen=None: _bernoulli_backward(d, x, a) / x.shape[-1],
            ),
        ),
    ),
    Bug(
        "softplus used as the probability when sampling",
        ((activations, "sigmoid", activations.softplus),),
    ),
    Bug(
        "variance floor with the derivative of no floor",
        ((gaussian, "floor_logvar_backward", lambda dlogvar, logvar, floor: dlogvar),),
    ),
    Bug(
        "bias gradient not summed over the batch",
        ((dense, "backward", _dense_backward_forgets_the_sum),),
    ),
    Bug("dW with its columns permuted", ((dense, "backward", _dense_backward_permutes_columns),)),
    Bug(
        "IWAE's weights flattened in the wrong order",
        (
            (
                objectives,
                "importance_weighted_backward",
                _importance_weighted_backward_shuffles_the_weights,
            ),
        ),
    ),
    Bug(
        "dropout without its 1 / (1 − rate), with the backward that fits it",
        (
            (dropout, "forward", lambda h, mask, rate: h * mask),
            (dropout, "backward", lambda dy, mask, rate: dy * mask),
        ),
    ),
    Bug(
        "relu masked by the sign of the gradient",
        ((activations, "relu_backward", lambda dh, h, out=None: np.multiply(dh, dh > 0, out=out)),),
    ),
    Bug(
        "Adam divides by 1 − β instead of 1 − β^t", ((optimizers, "adam", _adam_without_the_power),)
    ),
    Bug("Adam counts t once per tensor", ((Optimizer, "update", _update_counts_t_per_tensor),)),
)
