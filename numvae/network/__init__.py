"""The layers: objects that hold parameters, remember inputs and call the rules. They contain no
derivative.

    parameters      one flat vector of parameters, one of gradients, and named views into both
    layers          the affine layer, and layers with activations in a row
    units           the units of measurement of the columns
    likelihoods     p(x|z): Bernoulli, categorical, counts, three forms of the Gaussian, blocks
    objectives      what is minimised: the ELBO, IWAE, a plain autoencoder, and by which gradient
    autoencoder     the model and `loss_and_grad`, its forward and backward pass

A rule is called as `module.function`, looked up at each call. It is never imported by its own name
and never stored in an object. So whoever replaces a function of a module replaces it in every call,
as numvae/lessons does to plant bugs and to trace a step.

Read next: parameters.
"""

from numvae.network.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
