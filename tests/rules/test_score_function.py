import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numvae.rules import gaussian, score_function

L, B, Z = 3, 4, 2


@pytest.fixture
def posterior(draw):
    """mu, logvar and draws z of q, as the rule is given them."""
    mu, logvar = draw(B, Z), draw(B, Z)
    return mu, logvar, gaussian.reparameterize(mu, logvar, draw(L, B, Z))


def test_it_is_the_derivative_of_log_q_weighted_by_what_is_above_the_baseline(
    posterior, draw, is_derivative
):
    """(E1) (E2), with scipy's log q, and z held fixed."""
    mu, logvar, z = posterior
    log_w, baseline = draw(L, B), draw(B)

    def loss(mu, logvar):
        log_q = stats.norm.logpdf(z, mu, np.exp(0.5 * logvar)).sum(axis=-1)
        return -((log_w - baseline) * log_q).mean()

    dmu, dlogvar = score_function.backward(log_w, baseline, z, mu, logvar)
    assert is_derivative(lambda m: loss(m, logvar), mu, dmu)
    assert is_derivative(lambda s: loss(mu, s), logvar, dlogvar)


@pytest.mark.parametrize("baseline", [0.0, 5.0])
def test_its_mean_under_q_is_the_gradient_of_the_mean(baseline):
    """(E1) (E2) by quadrature: of f(z) = sin z, whose mean is e^(−½σ²) sin μ; any baseline."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    mu, logvar = np.array([[0.7]]), np.array([[-0.5]])
    z = gaussian.reparameterize(mu, logvar, nodes[:, None, None])
    share = len(nodes) * weights[:, None] / weights.sum()  # the rule counts all draws the same
    f = share * (np.sin(z[..., 0]) - baseline)
    dmu, dlogvar = score_function.backward(f, 0.0, z, mu, logvar)
    variance = np.exp(logvar)
    assert_allclose(dmu, -np.exp(-0.5 * variance) * np.cos(mu), rtol=1e-10)
    assert_allclose(dlogvar, 0.5 * variance * np.exp(-0.5 * variance) * np.sin(mu), rtol=1e-10)


def test_dtype_in_is_dtype_out(draw, dtype):
    mu, logvar, z, log_w = (draw(*s, dtype=dtype) for s in [(B, Z), (B, Z), (L, B, Z), (L, B)])
    for baseline in (0.0, log_w[0]):
        gradients = score_function.backward(log_w, baseline, z, mu, logvar)
        assert [str(g.dtype) for g in gradients] == [dtype, dtype]
        assert [g.shape for g in gradients] == [(B, Z), (B, Z)]


def test_duplicating_the_batch_or_the_samples_changes_nothing(posterior, draw):
    mu, logvar, z = posterior
    log_w = draw(L, B)
    once = score_function.backward(log_w, 1.0, z, mu, logvar)
    samples = score_function.backward(
        np.tile(log_w, (2, 1)), 1.0, np.tile(z, (2, 1, 1)), mu, logvar
    )
    both = [np.tile(a, (2, 1)) for a in (mu, logvar)]
    batch = score_function.backward(np.tile(log_w, 2), 1.0, np.tile(z, (1, 2, 1)), *both)
    for one, other, half in zip(once, samples, batch):
        assert_allclose(other, one, rtol=1e-12)
        assert_allclose(half[:B] + half[B:], one, rtol=1e-12)
