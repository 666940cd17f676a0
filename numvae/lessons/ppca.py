"""The model whose best answer is known: a linear-Gaussian VAE is probabilistic PCA.

Without hidden layers x = W z + b + σ ε, so log p(x) has a closed form, and so has the W, b and σ
that make it greatest. The bound of such a VAE has no other maximum and is tight there, because the
columns of W are then orthogonal and the posterior covariance diagonal: it is of the form that the
encoder can express. So it is known where training must end, to the last nat.

The VAE is given the best σ (`gaussian-fixed`), and learns W, b and its encoder. With a σ of its own
for each column it would be factor analysis, which has no closed form, and may come out a little
above on the rows it was fitted to.

Source  Tipping & Bishop 1999; the VAE: Lucas et al. 2019

Read next: gradient_noise.
"""

from typing import NamedTuple

import numpy as np

from numvae.evaluation import importance
from numvae.rows import Inputs


class PPCA(NamedTuple):
    """x ~ N(b, W Wᵀ + σ² I)."""

    W: np.ndarray  # (D, Z)
    b: np.ndarray  # (D,)
    sigma: float

    def covariance(self):
        """C = W Wᵀ + σ² I                                     (P2)"""
        return self.W @ self.W.T + self.sigma**2 * np.eye(len(self.b))

    def log_density(self, X):
        """log N(x; b, C) of each row, exactly.

        Shapes  X (N, D) → (N,)
        Units   nats
        """
        from scipy import stats

        return stats.multivariate_normal(self.b, self.covariance()).logpdf(X)

    def posterior(self, X):
        """p(z|x) = N( M⁻¹ Wᵀ (x − b), S ): its mean for each row, and S, the same for all.

            M = Wᵀ W + σ² I,   S = σ² M⁻¹                      (P7)

        Shapes  X (N, D) → (N, Z), (Z, Z)
        """
        S = np.linalg.inv(np.eye(self.W.shape[1]) + self.W.T @ self.W / self.sigma**2)
        return (X - self.b) @ self.W @ S / self.sigma**2, S

    def gap(self, X, mu, logvar):
        """KL( q(z|x) ‖ p(z|x) ) of each row, for q = N(mu, e^logvar): by so much the variational
        free energy F = nll + kl = −ELBO is above −log p(x).

            −log p(x) = F − KL( q(z|x) ‖ p(z|x) )              (P8)

        Shapes  X (N, D), mu and logvar (N, Z) → (N,)
        Units   nats
        """
        mean, S = self.posterior(X)
        P, d = np.linalg.inv(S), mu - mean
        distance = np.exp(logvar) @ np.diag(P) + np.einsum("nj,jk,nk->n", d, P, d)
        return 0.5 * (distance - len(S) + np.linalg.slogdet(S)[1] - logvar.sum(axis=1))

    def sample(self, rng, n):
        """n rows, (n, D)."""
        z = rng.standard_normal((n, self.W.shape[1]))
        return z @ self.W.T + self.b + self.sigma * rng.standard_normal((n, len(self.b)))


def with_spectrum(rng, lengths, n_features, sigma):
    """A model whose W has orthogonal columns of these lengths, in directions drawn at random.

    Its covariance has the eigenvalues lengths² + σ² and σ².
    """
    directions, _ = np.linalg.qr(rng.standard_normal((n_features, len(lengths))))
    return PPCA(directions * lengths, rng.standard_normal(n_features), sigma)


def fit(X, n_latent):
    """The model of highest likelihood, from the eigenvalues λ₁ ≥ λ₂ ≥ … of the covariance of X.

        σ² = mean of λ_{Z+1} … λ_D                         (P3)
        W  = U (Λ − σ² I)^½,   b = mean x                  (P4)

    with the eigenvectors U of the Z largest. Any rotation of W's columns is as good.

    Shapes  X (N, D) → PPCA
    Source  Tipping & Bishop 1999, equations 7 and 8
    """
    eigenvalues, U = np.linalg.eigh(np.cov(X.T, bias=True))
    variance = eigenvalues[:-n_latent].mean()
    W = U[:, -n_latent:] * np.sqrt(eigenvalues[-n_latent:] - variance)
    return PPCA(W, X.mean(axis=0), float(np.sqrt(variance)))


def learned(model):
    """The PPCA that the decoder of a linear VAE with one σ has become."""
    p = model.parameters.values
    return PPCA(
        p["likelihood.mean.W"].T.copy(), p["likelihood.mean.b"].copy(), model.config["sigma"]
    )


def measure(model, X, X_valid, best, seed, n_samples=100):
    """A linear VAE beside the best PPCA, as a dict, in nats per example and degrees.

        elbo ≤ estimate of log p ≤ log p ≤ that of `best`      (P5)

    of X, the second on average; `error` is the standard error of the estimate from its draws alone.
    gap: by how much the ELBO is below log p, see (P8).
    valid: log p of rows not trained on, which need not be below that of `best`. angles (Z,):
    between the span of W and that of `best`, the largest first.
    """
    from scipy import linalg

    estimate = importance.estimate(model, X, Inputs(model.dtype, seed), n_samples)
    exact = learned(model)
    return {
        "elbo": estimate.elbo.mean(),
        "gap": exact.gap(X, *model.encode(X)).mean(),
        "estimate": estimate.log_p.mean(),
        "error": np.sqrt((estimate.standard_error**2).sum()) / len(X),
        "log_p": exact.log_density(X).mean(),
        "valid": exact.log_density(X_valid).mean(),
        "angles": np.degrees(linalg.subspace_angles(exact.W, best.W)),
    }
