import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.rules import standardization


@pytest.fixture
def units(rng):
    return rng.normal(size=3), np.exp(rng.normal(size=3))


def test_standardised_columns_have_mean_0_and_standard_deviation_1(rng):
    """(U4): but for the rounding, half a step of 2⁻²⁶ at most."""
    x = rng.normal([1.0, -200.0, 0.0], [0.01, 3.0, 1e6], (50, 3))
    y = standardization.forward(x, x.mean(axis=0), x.std(axis=0))
    assert_allclose(y, (x - x.mean(axis=0)) / x.std(axis=0), rtol=0, atol=2.0**-27)
    assert_allclose(y.mean(axis=0), 0.0, atol=2.0**-27)
    assert_allclose(y.std(axis=0), 1.0, atol=2.0**-27)


def test_rounded_they_are_the_same_in_all_units(rng):
    """(U4)"""
    x, a, c = rng.normal(size=(2000, 3)), np.exp(9 * rng.normal(size=3)), rng.normal(size=3)
    there = a * x + 5 * a * c
    one = standardization.forward(x, x.mean(axis=0), x.std(axis=0))
    other = standardization.forward(there, there.mean(axis=0), there.std(axis=0))
    assert_array_equal(one, other)
    unrounded = ((z - z.mean(axis=0)) / z.std(axis=0) for z in (x, there))
    assert (np.subtract(*unrounded) != 0.0).any()


def test_the_way_back_is_the_inverse(rng, units):
    """(U5)"""
    y = np.round(rng.normal(size=(4, 3)), 3)
    x = standardization.inverse(y, *units)
    assert_allclose(x, units[0] + y * units[1], rtol=1e-12)
    assert_allclose(standardization.forward(x, *units), y, rtol=0, atol=2.0**-27)


def test_log_volume_is_that_of_a_change_of_variables(rng, units):
    """(U6): a normal y makes x = center + scale · y normal too, with scale as its σ."""
    center, scale = units
    x = rng.normal(size=(4, 3))
    of_y = stats.norm.logpdf(standardization.forward(x, *units)).sum(axis=1)
    of_x = stats.norm.logpdf(x, center, scale).sum(axis=1)
    assert_allclose(of_y - standardization.log_volume(scale), of_x, atol=1e-12)


def test_what_is_missing_has_no_volume(rng, units):
    """(U6)"""
    observed = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    volumes = standardization.log_volume(units[1], observed)
    assert_allclose(volumes, [np.log(units[1][[0, 2]]).sum(), 0.0], atol=1e-12)
