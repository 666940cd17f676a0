"""The layers: objects that hold parameters and remember inputs, put the rules together, and contain
no derivative.

    parameters      one flat vector of parameters, one of gradients, and named views into both
    dense           the affine layer
    mlp             layers and activations in a row
    likelihoods     p(x|z): Bernoulli, categories, and the Gaussian in three forms
    objectives      what is minimised: the ELBO in two forms, IWAE, a plain autoencoder
    autoencoder     the model, and `loss_and_grad`: the page this package exists for
    units           the same model, the units of every layer shared out over several processes

A rule is called as `module.function`, looked up at each call: never imported by its own name, and
never stored in an object. So whoever replaces a function of a module reaches every call of it, as
the planted bugs and the trace of numvae/lessons do.

Read next: parameters.
"""

from numvae.network.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
