import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numvae.evaluation import importance
from numvae.lessons import ppca
from numvae.network import Autoencoder
from numvae.rows import Inputs

D, LENGTHS, SIGMA = 6, (3.0, 2.0), 0.5


@pytest.fixture
def truth(rng):
    return ppca.with_spectrum(rng, LENGTHS, D, SIGMA)


def test_the_spectrum_is_the_one_asked_for(truth):
    """(P2)"""
    eigenvalues = np.linalg.eigvalsh(truth.covariance())[::-1]
    assert_allclose(eigenvalues, [9.25, 4.25, 0.25, 0.25, 0.25, 0.25], rtol=1e-10)
    assert_allclose(truth.W.T @ truth.W, np.diag(np.square(LENGTHS)), atol=1e-10)


def test_the_density_integrates_z_out(truth, rng):
    """(P2) against the mean of p(x|z) over the prior."""
    x = truth.b + 0.1
    z = rng.standard_normal((400_000, 2))
    p = np.exp(stats.norm.logpdf(x, z @ truth.W.T + truth.b, SIGMA).sum(axis=1))
    error = p.std() / np.sqrt(len(p)) / p.mean()
    assert np.log(p.mean()) == pytest.approx(truth.log_density(x[None])[()], abs=5.0 * error)


def test_the_posterior_is_what_is_left_of_the_joint_density(truth, rng):
    """(P7): p(x|z) p(z) / p(z|x) is p(x) at every z."""
    x, z = truth.sample(rng, 1), rng.standard_normal((5, 2))
    mean, S = truth.posterior(x)
    joint = stats.norm.logpdf(x, z @ truth.W.T + truth.b, SIGMA).sum(axis=1)
    joint += stats.norm.logpdf(z).sum(axis=1)
    log_p = joint - stats.multivariate_normal(mean[0], S).logpdf(z)
    assert_allclose(log_p, truth.log_density(x), rtol=1e-10)


def test_the_free_energy_is_above_minus_log_p_by_the_divergence_from_the_posterior(truth, rng):
    """(P8), with a mean energy by draws and an entropy by scipy, for a poor encoder."""
    x, mu, logvar = truth.sample(rng, 1), np.array([[0.3, -0.2]]), np.array([[-0.5, -2.0]])
    q = stats.multivariate_normal(mu[0], np.diag(np.exp(logvar[0])))
    z = q.rvs(200_000, random_state=rng)
    energy = -stats.norm.logpdf(x, z @ truth.W.T + truth.b, SIGMA).sum(axis=1)
    energy -= stats.norm.logpdf(z).sum(axis=1)
    free_energy, error = energy.mean() - q.entropy(), energy.std() / np.sqrt(len(z))
    gap = truth.gap(x, mu, logvar)[0]
    assert gap > 1.0
    assert -truth.log_density(x)[()] == pytest.approx(free_energy - gap, abs=5.0 * error)


def test_samples_have_the_covariance_declared(truth, rng):
    X = truth.sample(rng, 100_000)
    assert_allclose(np.cov(X.T), truth.covariance(), atol=0.15)
    assert_allclose(X.mean(axis=0), truth.b, atol=0.05)


def test_no_other_model_is_as_likely(truth, rng):
    """(P3) (P4)"""
    X = truth.sample(rng, 500)
    best = ppca.fit(X, 2)
    explained = np.linalg.solve(best.covariance(), np.cov(X.T, bias=True))
    assert np.trace(explained) == pytest.approx(D, rel=1e-10)
    top = best.log_density(X).mean()
    assert top > truth.log_density(X).mean()
    for _ in range(20):
        for step in (1e-2, 1e-1):
            near = ppca.PPCA(
                best.W + step * rng.standard_normal(best.W.shape),
                best.b + step * rng.standard_normal(D),
                best.sigma * np.exp(step * rng.standard_normal()),
            )
            assert near.log_density(X).mean() < top
    for sigma in (0.99 * best.sigma, 1.01 * best.sigma):
        assert best._replace(sigma=sigma).log_density(X).mean() < top


def test_rows_of_its_own_give_the_model_back(truth, rng):
    """(P3) (P4)"""
    found = ppca.fit(truth.sample(rng, 100_000), 2)
    assert found.sigma == pytest.approx(SIGMA, rel=0.01)
    assert_allclose(found.covariance(), truth.covariance(), atol=0.15)


def test_a_vae_that_is_the_answer_measures_as_the_answer(truth, rng):
    """(P5), with equality, and with the exact posterior N(M⁻¹Wᵀ(x − b), σ²M⁻¹)."""
    X, X_valid = truth.sample(rng, 300), truth.sample(rng, 100)
    best = ppca.fit(X, 2)
    model = Autoencoder(D, 2, (), likelihood="gaussian-fixed", sigma=best.sigma, dtype="float64")
    p, inverse = (
        model.parameters.values,
        np.linalg.inv(best.W.T @ best.W + best.sigma**2 * np.eye(2)),
    )
    p["likelihood.mean.W"][...], p["likelihood.mean.b"][...] = best.W.T, best.b
    p["mu.W"][...] = best.W @ inverse
    p["mu.b"][...] = -best.b @ best.W @ inverse
    p["logvar.b"][...] = np.log(best.sigma**2 * np.diag(inverse))
    found = ppca.measure(model, X, X_valid, best, seed=0, n_samples=5)
    top = best.log_density(X).mean()
    assert [found[name] for name in ("elbo", "estimate", "log_p")] == pytest.approx([top] * 3)
    assert found["valid"] == pytest.approx(best.log_density(X_valid).mean())
    assert found["gap"] == pytest.approx(0.0, abs=1e-10)
    assert found["error"] < 1e-6 and found["angles"].max() < 1e-5
    p["mu.b"] += 0.3  # a poorer encoder: only the bounds fall
    found = ppca.measure(model, X, X_valid, best, seed=0, n_samples=500)
    assert found["elbo"] < found["estimate"] - 0.1
    assert found["elbo"] + found["gap"] == pytest.approx(top, abs=0.02)
    assert found["log_p"] == pytest.approx(top)
    assert found["estimate"] == pytest.approx(top, abs=5.0 * found["error"] + 0.01)
    errors = importance.estimate(model, X, Inputs("float64", 0), 500).standard_error
    assert found["error"] == pytest.approx(np.linalg.norm(errors) / 300, rel=1e-12)
