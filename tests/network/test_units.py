import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.network import Autoencoder
from numvae.network.units import OwnUnits, StandardUnits

N, D, Z = 7, 4, 2


@pytest.fixture
def units(rng):
    return StandardUnits(rng.normal(size=D), np.exp(rng.normal(size=D)))


def test_rows_come_and_go(rng, units, dtype):
    x = rng.normal(size=(N, D)).astype(dtype)
    y = units.forward(x)
    assert y.dtype == units.inverse(y).dtype == dtype
    assert_allclose(y, (x - units.center) / units.scale, rtol=1e-5)
    assert_allclose(units.inverse(y), x, rtol=1e-5)


def test_some_columns_share_the_memory(units):
    some = units.columns(slice(1, 3))
    units.scale[1] = 7.0
    assert some.scale[0] == 7.0


def test_the_address_of_a_row_is_the_same_in_all_units(rng):
    x, a, c = rng.normal(size=(N, D)), np.exp(rng.normal(size=D)), rng.normal(size=D)
    one = StandardUnits(x.mean(axis=0), x.std(axis=0))
    other = StandardUnits((a * x + c).mean(axis=0), (a * x + c).std(axis=0))
    assert_array_equal(one.address(x), other.address(a * x + c))
    assert (one.address(x) != one.address(x + 0.01)).any()
    assert OwnUnits().address(x) is x


def models(rng, likelihood):
    """A model, and one with the same parameters that works in other units; the units."""
    plain = Autoencoder(D, Z, (5,), "tanh", likelihood, dtype="f8").initialize(rng)
    other = Autoencoder(D, Z, (5,), "tanh", likelihood, standardize=True, dtype="f8")
    other.parameters.vector[...] = plain.parameters.vector
    other.units.center[...], other.units.scale[...] = rng.normal(size=D), np.exp(rng.normal(size=D))
    return plain, other, other.units


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-sigma-z", "gaussian-fixed"])
@pytest.mark.parametrize("missing", [False, True])
def test_a_model_of_raw_rows_is_that_of_standardised_ones(rng, likelihood, missing):
    """log p(x) but for the log of the scales; the gradient to the last bits."""
    plain, model, units = models(rng, likelihood)
    x, eps, z = rng.normal(size=(N, D)), rng.normal(size=(3, N, Z)), rng.normal(size=(2, N, Z))
    y = units.forward(x)
    observed = (rng.random((N, D)) < 0.7).astype(float) if missing else None
    scales = np.log(units.scale) if observed is None else observed * np.log(units.scale)
    volume = scales.sum(axis=-1)
    assert_array_equal(model.encode(x), plain.encode(y))
    log_p = plain.log_likelihood(y, z, observed) - volume
    assert_allclose(model.log_likelihood(x, z, observed), log_p, rtol=1e-12)
    assert_allclose(model.decode(z[0]), units.inverse(plain.decode(z[0])))
    samples = model.sample(np.random.default_rng(3), z[0])
    assert_allclose(samples, units.inverse(plain.sample(np.random.default_rng(3), z[0])))
    losses, gradient = model.loss_and_grad(x, eps, observed=observed)
    wanted, wanted_gradient = plain.loss_and_grad(y, eps, observed=observed)
    assert losses.loss == pytest.approx(wanted.loss + np.mean(volume))
    assert_array_equal(gradient, wanted_gradient)


def test_in_blocks_only_the_gaussian_columns_have_units(rng):
    _, model, units = models(rng, "gaussian:1,bernoulli:2,gaussian:1")
    z = rng.normal(size=(N, Z))
    decoded = model.decode(z)
    assert ((decoded[:, 1:3] > 0) & (decoded[:, 1:3] < 1)).all()
    values = model.parameters.values
    h = model.decoder.forward(z)
    for i, column in ((0, 0), (2, 3)):
        m = h @ values[f"likelihood.{i}.mean.W"][:, 0] + values[f"likelihood.{i}.mean.b"][0]
        assert_allclose(decoded[:, column], units.center[column] + units.scale[column] * m)


def test_what_is_missing_is_filled_in_in_the_units_of_the_rows(rng):
    """By the center; with factors, by what they expect."""
    _, model, units = models(rng, "gaussian")
    x, observed = rng.normal(size=(N, D)), np.ones((N, D))
    observed[:, 1] = 0.0
    filled = model.fill(np.where(observed, x, np.nan), observed)
    assert_array_equal(filled[:, [0, 2, 3]], x[:, [0, 2, 3]])
    assert_allclose(filled[:, 1], units.center[1])
    skip = Autoencoder(D, Z, (5,), "tanh", "gaussian", skip=True, standardize=True, dtype="f8")
    skip.units.center[...], skip.units.scale[...] = units.center, units.scale
    for array, value in zip(skip.factors, (np.zeros(D), rng.normal(size=(D, Z)), np.ones(D))):
        array[...] = value
    C = skip.factors.W @ skip.factors.W.T + np.eye(D)
    rest = [0, 2, 3]
    regression = np.linalg.solve(C[np.ix_(rest, rest)], C[rest, 1])
    wanted = units.center[1] + units.scale[1] * (units.forward(x)[:, rest] @ regression)
    assert_allclose(skip.fill(np.where(observed, x, np.nan), observed)[:, 1], wanted)


def test_variances_at_the_start_are_those_of_the_noise(rng):
    model = Autoencoder(D, Z, (5,), "tanh", "gaussian-sigma-z", skip=True, dtype="f8")
    model.initialize(rng)
    psi = np.exp(rng.normal(size=D)) + 0.01
    model.initialize_factors(np.zeros(D), np.zeros(D), np.zeros((D, Z)), psi, np.zeros((D, 0)))
    z = rng.normal(size=(1, N, Z))
    wanted = stats.norm.logpdf(np.zeros((N, D)), 0.0, np.sqrt(psi)).sum(axis=1)
    assert_allclose(model.log_likelihood(np.zeros((N, D)), z)[0], wanted, rtol=1e-10)


def test_bounds_hold_every_value_of_a_row_and_ten_standard_deviations(rng):
    units = StandardUnits(rng.normal(size=D), np.exp(rng.normal(size=D)))
    near, far = rng.normal(size=(2, N, D))
    far[:, 2] = 300.0
    low, high = units.bounds(units.inverse(near))
    assert_allclose(units.forward(high), 10.0, atol=1e-6)
    assert_allclose(units.forward(low), -10.0, atol=1e-6)
    assert_allclose(units.forward(units.bounds(units.inverse(far))[1]), 300.0, atol=1e-5)
    assert OwnUnits().bounds(near) == (-np.inf, np.inf)
