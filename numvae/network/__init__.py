"""The owners: objects that hold parameters and remember inputs, put the rules together, and contain
no derivative.

    parameters      one flat vector of parameters, one of gradients, and named views into both
    dense           the affine layer
    mlp             layers and activations in a row
    likelihoods     p(x|z): Bernoulli, categories, and the Gaussian in three forms
    objectives      what is minimised: the ELBO in two forms, IWAE, a plain autoencoder
    autoencoder     the model, and `loss_and_grad`: the page this package exists for
    units           the same model, the units of every layer shared out over several processes

Read next: parameters.
"""

from numvae.network.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
