"""numvae: a variational autoencoder in NumPy, every gradient written by hand and checked.

    VAE     the estimator: fit, transform, sample, score_samples, save
    load    an estimator from a file that VAE.save or `numvae train` wrote

    DoubtfulFit     the category of the warnings that `fit` gives

README.md in this folder lists the files and the reading order: rules, then network, then training.
"""

from numvae.estimator import VAE, DoubtfulFit, load

__version__ = "0.2.0"
__all__ = ["VAE", "DoubtfulFit", "load"]
