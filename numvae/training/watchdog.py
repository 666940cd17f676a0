"""What to do when a number is no longer finite: stop before the step, and say where it began.

Read next: history.
"""

import math

import numpy as np

from numvae.rules import gaussian


class Diverged(FloatingPointError):
    """A loss or a gradient is not finite. The model still has the parameters before that step."""


def check(training, batch, losses, norm):
    """Raise Diverged, with a sentence that helps, if the loss or the norm of the gradient is not
    finite. The norm is finite only if every element of the gradient is: one number tells of all.
    """
    if math.isfinite(losses.loss) and math.isfinite(norm):
        return
    raise Diverged(
        f"Training diverged in epoch {training.epoch + 1}, step {training.step + 1}: "
        f"{first_bad(training.model, batch)} is the first array that is not finite. What usually "
        "helps: a smaller learning rate, data scaled to about −1 … 1, or a larger sigma_min."
    )


def first_bad(model, batch):
    """The name of the first array, in the order of computation, that is not finite."""
    x = batch["x"]
    h = model.encoder.forward(batch["encoder_input"], y=batch["y"])
    mu, logvar = model.mu_head.forward(h), model.logvar_head.forward(h)
    z = gaussian.reparameterize(mu, logvar, batch["eps"])
    arrays = {"x": x, **model.parameters.values, "mu": mu, "logvar": logvar, "z": z}
    arrays["log p(x|z)"] = model.log_likelihood(x, z, batch["observed"], batch["y"])
    for name, gradient in reversed(model.parameters.gradients.items()):
        arrays[f"the gradient of {name}"] = gradient
    bad = (name for name, array in arrays.items() if not np.isfinite(array).all())
    return next(bad, "the norm of the gradient")
