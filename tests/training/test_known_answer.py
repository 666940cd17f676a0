"""A linear-Gaussian VAE is probabilistic PCA, whose best answer is known: see lessons/ppca.py.

Its bound has no other maximum, and is tight there, because the columns of W are orthogonal and the
posterior covariance diagonal (Lucas et al. 2019).
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numvae.lessons import ppca
from numvae.network import Autoencoder
from numvae.settings import Settings
from numvae.streams import EVALUATION, WEIGHTS, stream
from numvae.training.loop import Training
from numvae.training.optimizers import Adam

N, D, Z, SIGMA = 1000, 8, 2, 0.5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1312)
    W, b = rng.standard_normal((D, Z)), rng.standard_normal(D)
    return ppca.PPCA(W, b, SIGMA).sample(rng, N)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_training_finds_probabilistic_pca(data, seed):
    """(P3) (P4)"""
    answer = ppca.fit(data, Z)
    sigma, best = answer.sigma, answer.log_density(data).mean()
    model = Autoencoder(D, Z, (), likelihood="gaussian-fixed", sigma=sigma, dtype="float64")
    model.initialize(stream(seed, *WEIGHTS))
    assert ppca.learned(model).log_density(data).mean() < best - 5.0

    for lr, epochs in ((0.05, 200), (0.01, 60), (0.001, 20)):
        settings = Settings(batch_size=50, n_samples=4, epochs=epochs)
        Training(model, Adam(model.parameters, lr), settings, seed).run(data)

    learned = ppca.learned(model)
    W, b = learned.W, learned.b
    found = learned.log_density(data).mean()
    assert best - 0.01 < found <= best + 1e-9  # nats per example

    nll, kl = model.elbo_terms(data, model.noise(stream(seed, *EVALUATION), 200, N))
    elbo = -(nll + kl).mean()
    assert best - 0.05 < elbo < best + 0.02  # tight, up to the noise of the samples

    assert_allclose(W @ W.T, answer.W @ answer.W.T, rtol=0.05, atol=0.1)
    assert_allclose(b, answer.b, atol=0.05)
    cosine = W[:, 0] @ W[:, 1] / np.linalg.norm(W[:, 0]) / np.linalg.norm(W[:, 1])
    assert abs(cosine) < 0.05
    mu, logvar = model.encode(data)
    M = W.T @ W + sigma**2 * np.eye(Z)  # the posterior of pPCA: N(M⁻¹ Wᵀ (x − b), σ² M⁻¹)
    assert_allclose(mu, (data - b) @ W @ np.linalg.inv(M), atol=0.25)
    assert_allclose(np.exp(logvar).mean(axis=0), np.diag(sigma**2 * np.linalg.inv(M)), rtol=0.1)
