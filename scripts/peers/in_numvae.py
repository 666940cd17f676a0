"""A training step of numvae, as `training/loop.py` takes it."""

import numpy as np
from case import BETA1, BETA2, EPS, LR, SIGMA_MIN, batches, run, told

from numvae.network import Autoencoder
from numvae.training.optimizers import Adam

case, seconds, _ = told()
rng = np.random.default_rng(0)
model = Autoencoder(
    case.D, case.Z, case.hidden, case.activation, case.likelihood, sigma_min=SIGMA_MIN
).initialize(rng)
optimizer = Adam(model.parameters, LR, BETA1, BETA2, EPS)


def step(x):
    losses, _ = model.loss_and_grad(x, model.noise(rng, 1, len(x)))
    optimizer.update()
    return losses.loss


run(step, batches(case), seconds)
