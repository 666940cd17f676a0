"""A linear-Gaussian VAE is probabilistic PCA, whose best answer is known in closed form.

Tipping & Bishop 1999: for a given σ², the likelihood is greatest at W = U (Λ − σ² I)^½, b = mean,
with the Z largest eigenvalues Λ of the covariance. Lucas et al. 2019: the bound of a linear VAE has
no other maximum, and is tight there, because the columns of W are orthogonal and the posterior
covariance diagonal.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numvae.network import Autoencoder
from numvae.training.loop import Training, evaluate
from numvae.training.minibatches import stream
from numvae.training.optimizers import Adam

N, D, Z, SIGMA = 1000, 8, 2, 0.5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1312)
    W, b = rng.standard_normal((D, Z)), rng.standard_normal(D)
    return rng.standard_normal((N, Z)) @ W.T + b + SIGMA * rng.standard_normal((N, D))


def log_likelihood(X, W, b):
    """The exact mean log N(x; b, W Wᵀ + σ² I)."""
    return stats.multivariate_normal(b, W @ W.T + SIGMA**2 * np.eye(D)).logpdf(X).mean()


@pytest.fixture(scope="module")
def closed_form(data):
    eigenvalues, U = np.linalg.eigh(np.cov(data.T, bias=True))
    W = U[:, -Z:] * np.sqrt(eigenvalues[-Z:] - SIGMA**2)
    return W, data.mean(axis=0)


@pytest.mark.parametrize("seed", [0, 1])
def test_training_finds_probabilistic_pca(data, closed_form, seed):
    model = Autoencoder(D, Z, (), likelihood="gaussian-fixed", sigma=SIGMA, dtype="float64")
    model.initialize(stream(seed, 0, 0))
    p = model.parameters.values
    best = log_likelihood(data, *closed_form)
    assert log_likelihood(data, p["likelihood.mean.W"].T, p["likelihood.mean.b"]) < best - 5.0

    for lr, epochs in ((0.05, 200), (0.01, 60), (0.001, 20)):
        training = Training(model, Adam(model.parameters, lr), seed, batch_size=50, n_samples=4)
        for _ in range(epochs):
            for _ in training.steps(data):
                pass
            training.finish_epoch()

    W, b = p["likelihood.mean.W"].T, p["likelihood.mean.b"]
    found = log_likelihood(data, W, b)
    assert best - 0.01 < found <= best + 1e-9  # nats per example

    nll, kl = evaluate(model, data, seed, n_samples=200)
    elbo = -(nll + kl).mean()
    assert best - 0.05 < elbo < best + 0.02  # tight, up to the noise of the samples

    assert_allclose(W @ W.T, closed_form[0] @ closed_form[0].T, rtol=0.05, atol=0.1)
    assert_allclose(b, closed_form[1], atol=0.05)
    cosine = W[:, 0] @ W[:, 1] / np.linalg.norm(W[:, 0]) / np.linalg.norm(W[:, 1])
    assert abs(cosine) < 0.05
    mu, logvar = model.encode(data)
    M = W.T @ W + SIGMA**2 * np.eye(Z)  # the posterior of pPCA: N(M⁻¹ Wᵀ (x − b), σ² M⁻¹)
    assert_allclose(mu, (data - b) @ W @ np.linalg.inv(M), atol=0.25)
    assert_allclose(np.exp(logvar).mean(axis=0), np.diag(SIGMA**2 * np.linalg.inv(M)), rtol=0.1)
