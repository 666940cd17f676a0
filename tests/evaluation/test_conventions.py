import math

import numpy as np
import pytest
from scipy import stats

from numvae.evaluation.conventions import bits_per_dimension, conventions


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


def test_conventions_by_hand():
    """(V1), from the probabilities and codes of a batch as other programs add them up."""
    rng = np.random.default_rng(0)
    B, D, Z = 5, 7, 3
    x, p = rng.integers(0, 2, (B, D)), rng.uniform(0.1, 0.9, (B, D))
    mu, logvar = rng.standard_normal((2, B, Z))
    bce = -(x * np.log(p) + (1 - x) * np.log(1 - p))
    kld = -0.5 * (1 + logvar - mu**2 - np.exp(logvar))
    found = conventions(bce.sum() / B, kld.sum() / B, D, Z, B)
    wanted = [
        (bce.sum(axis=1).mean() + kld.sum(axis=1).mean(), 1.0),
        (bce.sum() + kld.sum(), 1.0),
        (bce.mean() + kld.sum() / (B * D), 1.0),
        (bce.mean(axis=1).mean() + kld.sum(axis=1).mean(), D),
        (bce.mean() + kld.mean(), D / Z),
        (bce.mean() + kld.sum(), D * B),
        (bce.sum(axis=1).mean() + kld.sum() / (B * D), 1.0 / D),
    ]
    assert len({c.name for c in found}) == len(found) == len(wanted)
    for convention, (loss, beta) in zip(found, wanted):
        assert convention.loss == pytest.approx(loss, rel=1e-12), convention.name
        assert convention.beta == pytest.approx(beta, rel=1e-12), convention.name


def test_a_convention_is_the_loss_with_its_beta_in_another_unit():
    """(V1): loss / a = nll + beta kl, so equal betas have equal minima."""
    for one, other in zip(
        conventions(80.0, 25.0, 784, 20, 100), conventions(60.0, 40.0, 784, 20, 100)
    ):
        assert one.loss / (80.0 + one.beta * 25.0) == pytest.approx(
            other.loss / (60.0 + other.beta * 40.0), rel=1e-12
        )
