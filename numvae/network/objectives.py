"""The owners of what is minimised: each names its rule, and which KL the rule is given.

    forward(log_px, mu, logvar, z, eps, beta, of_batch)   Losses, remembering what backward needs;
                                                of_batch(mean): what a mean over these rows is over
                                                the whole batch, if they are only a Share of it
    backward()                                  the direct gradients of log_px, z, mu and logvar,
                                                0.0 where there is none
    draws_z                                     False: whoever calls loss_and_grad gives eps = 0, as
                                                training/loop.py does

Read next: autoencoder.
"""

from typing import NamedTuple

from numvae.rules import gaussian, objectives


class Losses(NamedTuple):
    """Nats per example, averaged over the batch; nll and kl as they are, without weights."""

    loss: float
    nll: float
    kl: float


def same(mean):
    """These rows are the whole batch."""
    return mean


class ELBO:
    """The bound with the KL in closed form; free_bits: nats that each unit may have for nothing.

    Without free bits its loss is nll + beta · kl.
    """

    draws_z = True

    def __init__(self, free_bits=0.0):
        self.free_bits = free_bits

    def forward(self, log_px, mu, logvar, z, eps, beta, of_batch=same):
        kl = gaussian.kl(mu, logvar)
        mean_kl = of_batch(kl.mean(axis=0)) if self.free_bits else None
        self.memory = mu, logvar, (log_px, kl, beta, self.free_bits, mean_kl)
        loss = objectives.elbo(*self.memory[-1])
        return Losses(float(loss), float(-log_px.mean()), float(kl.sum(axis=1).mean()))

    def backward(self):
        mu, logvar, terms = self.memory
        dlog_px, dkl = objectives.elbo_backward(*terms)
        dmu, dlogvar = gaussian.kl_backward(dkl, mu, logvar)
        return dlog_px, 0.0, dmu, dlogvar


class SampledELBO:
    """The bound with the KL estimated by the samples of z."""

    draws_z = True

    def forward(self, log_px, mu, logvar, z, eps, beta, of_batch=same):
        kl = gaussian.sampled_kl(z, logvar, eps)
        self.memory = z, (log_px, kl, beta)
        loss = self.loss(log_px, kl, beta)
        return Losses(float(loss), float(-log_px.mean()), float(kl.mean()))

    def backward(self):
        z, terms = self.memory
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


class Reconstruction(ELBO):
    """A plain autoencoder: no KL, and z = mu if eps is 0, as `draws_z` asks."""

    draws_z = False

    def forward(self, log_px, mu, logvar, z, eps, beta, of_batch=same):
        return super().forward(log_px, mu, logvar, z, eps, 0.0)._replace(kl=0.0)


class Share:
    """An objective on some rows of a batch: their share of its mean, so that all shares add up.

    share         these rows' weight in a mean over the batch
    total(array)  the sum of what all shares give
    """

    def __init__(self, objective, share, total):
        self.objective, self.share, self.total = objective, share, total

    def forward(self, *args):
        losses = self.objective.forward(*args, lambda mean: self.total(self.share * mean))
        return Losses(*(self.share * loss for loss in losses))

    def backward(self):
        return tuple(self.share * direct for direct in self.objective.backward())


# What a user names.
NAMES = ("elbo", "sampled-elbo", "iwae", "autoencoder")


def objective(name, free_bits=0.0):
    """The owner for one of NAMES; free bits are a matter of the first alone."""
    if name == "elbo":
        return ELBO(free_bits)
    return {
        "sampled-elbo": SampledELBO,
        "iwae": ImportanceWeighted,
        "autoencoder": Reconstruction,
    }[name]()
