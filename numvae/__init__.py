"""numvae: a variational autoencoder in NumPy, every gradient written by hand and proven.

    VAE     the estimator: fit, transform, sample, score_samples, save
    load    an estimator from a file that VAE.save or scripts/train.py wrote

To read: rules, then network, then training; each file says what comes next.
"""

from numvae.estimator import VAE, load

__version__ = "0.1.0"
__all__ = ["VAE", "load"]
