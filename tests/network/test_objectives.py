import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats

from numvae.network import Autoencoder, objectives
from numvae.rules import gaussian

L, B, Z, BETA = 3, 4, 2, 0.7
OF_THE_LOSS = [name for name in objectives.NAMES if objectives.objective(name).of_the_loss]


@pytest.fixture
def batch(draw):
    """log_px, mu, logvar, z, eps"""
    mu, logvar, eps = draw(B, Z), draw(B, Z), draw(L, B, Z)
    return draw(L, B), mu, logvar, gaussian.reparameterize(mu, logvar, eps), eps


@pytest.fixture
def log_ratio(batch):
    """log q(z|x) − log p(z) of each sample and example."""
    _, mu, logvar, z, _ = batch
    ratio = stats.norm.logpdf(z, mu, np.sqrt(np.exp(logvar))) - stats.norm.logpdf(z)
    return ratio.sum(axis=-1)


@pytest.mark.parametrize("free_bits", [0.0, 0.6])
def test_the_elbo_reports_the_whole_kl_and_is_given_the_kl_of_each_unit(batch, free_bits):
    """(O1) (O4) (K1)"""
    log_px, mu, logvar, _, _ = batch
    kl = (mu**2 + np.exp(logvar) - 1.0 - logvar) / 2.0
    losses = objectives.objective("elbo", free_bits).forward(*batch, BETA)
    assert losses.nll == pytest.approx(-log_px.sum() / (L * B), rel=1e-12)
    assert losses.kl == pytest.approx(kl.sum() / B, rel=1e-12)
    units = [max(unit.sum() / B, free_bits) for unit in kl.T]
    assert losses.loss == pytest.approx(losses.nll + BETA * sum(units), rel=1e-12)


def test_the_sampled_elbo_is_given_the_kl_of_each_sample(batch, log_ratio):
    """(O7) (K4)"""
    losses = objectives.SampledELBO().forward(*batch, BETA)
    wanted = -batch[0].sum() / (L * B), log_ratio.sum() / (L * B)
    assert_allclose(losses, (wanted[0] + BETA * wanted[1], *wanted), rtol=1e-10)


def test_the_importance_weighted_bound_reports_the_parts_of_the_sampled_one(batch, log_ratio):
    """(O9) (K4)"""
    losses = objectives.ImportanceWeighted().forward(*batch, BETA)
    bound = special.logsumexp(batch[0] - BETA * log_ratio, axis=0) - np.log(L)
    assert losses.loss == pytest.approx(-bound.mean(), rel=1e-10)
    assert losses[1:] == objectives.SampledELBO().forward(*batch, BETA)[1:]


def test_a_plain_autoencoder_has_no_kl(batch):
    plain = objectives.Reconstruction()
    losses = plain.forward(*batch, BETA)
    assert losses.loss == losses.nll == pytest.approx(-batch[0].mean(), rel=1e-12)
    assert losses.kl == 0.0
    dlog_px, dz, dmu, dlogvar = plain.backward()
    assert_allclose(dlog_px, -1.0 / (L * B))
    assert dz == 0.0
    assert_array_equal(dmu, np.zeros((B, Z)))
    assert_array_equal(dlogvar, np.zeros((B, Z)))


@pytest.mark.parametrize("name", OF_THE_LOSS)
def test_backward_is_the_derivative_in_all_that_forward_is_given(name, batch, draw, is_derivative):
    """(O2) (O3) (O8) (O10) (K2) (K3) (K5) (K6), and 0 in what it does not look at."""
    objective = objectives.objective(name)

    def loss(i, q):
        given = [*batch[:i], q, *batch[i + 1 :]]
        return objective.forward(*given, BETA).loss

    objective.forward(*batch, BETA)
    for i, gradient in zip((0, 3, 1, 2), objective.backward()):  # log_px, z, mu, logvar
        gradient = np.array(np.broadcast_to(gradient, batch[i].shape))
        if gradient.any():
            assert is_derivative(lambda q, i=i: loss(i, q), batch[i], gradient)
        else:
            assert loss(i, batch[i] + 0.5) == pytest.approx(loss(i, batch[i]), rel=1e-12)
    dz = draw(L, B, Z)
    assert_array_equal(objective.reweighted(dz), dz)


@pytest.mark.parametrize(("name", "bound"), [("stl", "sampled-elbo"), ("dreg", "iwae")])
def test_the_bound_is_as_ever_and_q_has_its_gradient_through_z_alone(name, bound, batch, draw):
    """(K7) (O11), which are held against the truth in tests/rules and by the checks."""
    objective, plain = objectives.objective(name), objectives.objective(bound)
    assert objective.forward(*batch, BETA) == plain.forward(*batch, BETA)
    dlog_px, dz, dmu, dlogvar = objective.backward()
    assert_array_equal(dlog_px, plain.backward()[0])
    _, _, logvar, z, eps = batch
    assert_allclose(
        dz, -BETA * dlog_px[..., None] * (z - eps / np.sqrt(np.exp(logvar))), rtol=1e-10
    )
    assert dmu == dlogvar == 0.0
    weights = -B * dlog_px[..., None] if name == "dreg" else 1.0
    given = draw(L, B, Z)
    assert_allclose(objective.reweighted(given), given * (1.0 - BETA * (1.0 - weights)))


@pytest.mark.parametrize("name", objectives.NAMES)
def test_the_parts_of_a_batch_add_up_to_it(name, batch):
    """Of rows 0, 1, 2 and row 3, by weight: as processes do that share the rows of a batch."""
    objective = objectives.objective(name)
    whole, direct = objective.forward(*batch, BETA), objective.backward()
    log_px, mu, logvar, z, eps = batch
    losses, gradients = np.zeros(3), []
    for weight, rows in ((0.75, slice(0, 3)), (0.25, slice(3, 4))):
        here = log_px[:, rows], mu[rows], logvar[rows], z[:, rows], eps[:, rows]
        losses += np.multiply(weight, objective.forward(*here, BETA))
        gradients.append([weight * gradient for gradient in objective.backward()])
    assert_allclose(losses, whole, rtol=1e-12)
    for wanted, axis, parts in zip(direct, (1, 1, 0, 0), zip(*gradients)):
        if np.ndim(wanted):
            assert_allclose(np.concatenate(parts, axis), wanted, rtol=1e-12)
        else:
            assert wanted == sum(parts) == 0.0


@pytest.mark.parametrize("name", objectives.NAMES)
def test_the_noise_is_the_models_or_none(name, dtype):
    model = Autoencoder(5, Z, (), dtype=dtype)
    eps = objectives.objective(name).noise(model, np.random.default_rng(0), L, B)
    wanted = model.noise(np.random.default_rng(0), L, B)
    assert eps.shape == (L, B, Z) and eps.dtype == dtype
    assert_array_equal(eps, 0.0 * wanted if name == "autoencoder" else wanted)


def test_names_and_free_bits():
    found = {name: objectives.objective(name) for name in objectives.NAMES}
    assert {name: type(objective) for name, objective in found.items()} == {
        "elbo": objectives.ELBO,
        "sampled-elbo": objectives.SampledELBO,
        "stl": objectives.StickingTheLanding,
        "iwae": objectives.ImportanceWeighted,
        "dreg": objectives.DoublyReparameterized,
        "autoencoder": objectives.Reconstruction,
    }
    assert objectives.objective("elbo", 0.5).free_bits == 0.5
    assert [name for name, objective in found.items() if not objective.draws_z] == ["autoencoder"]
    assert {*found} - {*OF_THE_LOSS} == {"stl", "dreg"}
