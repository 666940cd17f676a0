"""What is minimised: each objective names its rule, and the KL that the rule is given.

    noise(model, rng, L, B)                     the eps that `loss_and_grad` is given
    forward(log_px, mu, logvar, z, eps, beta)   Losses, remembering what backward needs
    backward()                                  the gradients with respect to its arguments log_px,
                                                z, mu and logvar, 0.0 where there is none
    reweighted(dz)                              the gradient that goes on from z to mu and logvar

Read next: autoencoder.
"""

from typing import NamedTuple

import numpy as np

from numvae.rules import gaussian, objectives, path_derivative


class Losses(NamedTuple):
    """Nats per example, averaged over the batch; nll and kl as they are, without weights."""

    loss: float
    nll: float
    kl: float


class Objective:
    """draws_z: False where z = mu; of_the_loss: False where the gradient is that of the loss only
    on average."""

    draws_z = of_the_loss = True

    def noise(self, model, rng, n_samples, n_examples):
        """ε for L samples of each of B examples: (L, B, Z), all 0 where z = mu."""
        eps = model.noise(rng, n_samples, n_examples)
        return eps if self.draws_z else np.zeros_like(eps)

    def reweighted(self, dz):
        return dz


class ELBO(Objective):
    """The bound with the KL in closed form: the loss is nll + beta · kl."""

    def forward(self, log_px, mu, logvar, z, eps, beta):
        kl = gaussian.kl(mu, logvar)
        self.memory = mu, logvar, (log_px, kl, beta)
        loss = self.loss(log_px, kl, beta)
        return Losses(float(loss), float(-log_px.mean()), float(kl.sum(axis=1).mean()))

    def backward(self):
        mu, logvar, terms = self.memory
        dlog_px, dkl = self.loss_backward(*terms)
        dmu, dlogvar = gaussian.kl_backward(dkl, mu, logvar)
        return dlog_px, 0.0, dmu, dlogvar

    def loss(self, *terms):
        return objectives.elbo(*terms)

    def loss_backward(self, *terms):
        return objectives.elbo_backward(*terms)


class FreeBits(ELBO):
    """The bound where `free_bits` nats of the KL of each latent unit cost nothing."""

    def __init__(self, free_bits):
        self.free_bits = free_bits

    def loss(self, *terms):
        return objectives.free_bits_elbo(*terms, self.free_bits)

    def loss_backward(self, *terms):
        return objectives.free_bits_elbo_backward(*terms, self.free_bits)


class SampledELBO(Objective):
    """The bound with the KL estimated by the samples of z."""

    def forward(self, log_px, mu, logvar, z, eps, beta):
        kl = gaussian.sampled_kl(z, logvar, eps)
        self.memory = z, logvar, eps, (log_px, kl, beta)
        loss = self.loss(log_px, kl, beta)
        return Losses(float(loss), float(-log_px.mean()), float(kl.mean()))

    def backward(self):
        z, _, _, terms = self.memory
        dlog_px, dkl = self.loss_backward(*terms)
        dz, dlogvar = gaussian.sampled_kl_backward(dkl, z)
        return dlog_px, dz, 0.0, dlogvar

    def loss(self, *terms):
        return objectives.sampled_elbo(*terms)

    def loss_backward(self, *terms):
        return objectives.sampled_elbo_backward(*terms)


class ImportanceWeighted(SampledELBO):
    """The importance-weighted bound (IWAE) with as many samples as z has."""

    def loss(self, *terms):
        return objectives.importance_weighted(*terms)

    def loss_backward(self, *terms):
        return objectives.importance_weighted_backward(*terms)


class StickingTheLanding(SampledELBO):
    """STL: the bound with the KL estimated by the samples of z, and q differentiated through z
    alone."""

    of_the_loss = False

    def backward(self):
        z, logvar, eps, terms = self.memory
        dlog_px, dkl = self.loss_backward(*terms)
        dz = path_derivative.stl_backward(dkl, z, logvar, eps)
        return dlog_px, dz, 0.0, 0.0


class DoublyReparameterized(StickingTheLanding, ImportanceWeighted):
    """DReG: the importance-weighted bound, with q differentiated through z alone."""

    def reweighted(self, dz):
        return path_derivative.dreg_backward(dz, *self.memory[-1])


class Reconstruction(ELBO):
    """A plain autoencoder: no KL, and z = mu, for its noise is 0."""

    draws_z = False

    def forward(self, log_px, mu, logvar, z, eps, beta):
        return super().forward(log_px, mu, logvar, z, eps, 0.0)._replace(kl=0.0)


# What a user names.
NAMES = ("elbo", "sampled-elbo", "stl", "iwae", "dreg", "autoencoder")


def objective(name, free_bits=0.0):
    """The objective for one of NAMES; only the first may have free bits."""
    if free_bits:
        return FreeBits(free_bits)
    return {
        "elbo": ELBO,
        "sampled-elbo": SampledELBO,
        "stl": StickingTheLanding,
        "iwae": ImportanceWeighted,
        "dreg": DoublyReparameterized,
        "autoencoder": Reconstruction,
    }[name]()
