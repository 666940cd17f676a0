import math

import pytest
from scipy import stats

from numvae.evaluation.units import bits_per_dimension


def test_a_fair_coin_costs_one_bit():
    """(U1)"""
    assert bits_per_dimension(784 * math.log(0.5), 784) == pytest.approx(1.0, rel=1e-12)


def test_bits_are_the_mean_surprise_in_base_two():
    """(U1)"""
    p = [0.9, 0.25, 0.5, 0.99]
    elbo = sum(math.log(pi) for pi in p)
    wanted = sum(-math.log2(pi) for pi in p) / 4
    assert bits_per_dimension(elbo, 4) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_an_even_density_costs_the_bits_of_the_levels(levels):
    """(U2): it is 1 on [0, 1], so each level is as likely as the others."""
    assert bits_per_dimension(0.0, 784, levels) == pytest.approx(math.log2(levels))


def test_a_smooth_density_costs_what_its_discretized_levels_cost():
    """(U2): each level holds density · width, which is nearly the integral over it."""
    p, levels = stats.beta(2.0, 3.0), 256
    x = (100 + 0.5) / levels
    mass = p.cdf(101 / levels) - p.cdf(100 / levels)
    found = bits_per_dimension(5 * p.logpdf(x), 5, levels)
    assert found == pytest.approx(-math.log2(mass), abs=1e-4)
