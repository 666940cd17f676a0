import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.rules import codes


def test_a_straight_line_point_by_point(draw, dtype):
    """(S1)"""
    a, b, t = draw(3, dtype=dtype), draw(3, dtype=dtype), np.linspace(0, 1, 4).astype(dtype)
    found = codes.linear(a, b, t)
    assert found.shape == (4, 3) and found.dtype == dtype
    for i, z in np.ndindex(4, 3):
        assert found[i, z] == pytest.approx((1 - t[i]) * a[z] + t[i] * b[z], rel=1e-5, abs=1e-6)


def test_an_arc_point_by_point(draw, dtype):
    """(S2)"""
    a, b, t = draw(3, dtype=dtype), draw(3, dtype=dtype), np.linspace(0, 1, 4).astype(dtype)
    found = codes.spherical(a, b, t)
    assert found.shape == (4, 3) and found.dtype == dtype
    angle = math.acos(float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)))
    for i, z in np.ndindex(4, 3):
        parts = math.sin((1 - t[i]) * angle) * a[z] + math.sin(t[i] * angle) * b[z]
        assert found[i, z] == pytest.approx(parts / math.sin(angle), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_a_quarter_of_a_circle(radius):
    """(S2)"""
    found = codes.spherical(np.array([radius, 0.0]), np.array([0.0, radius]), np.array([0.5]))
    assert_allclose(found, [[radius * math.sqrt(0.5)] * 2], rtol=1e-12)


@pytest.mark.parametrize("factor", [1.0, 3.0, -3.0, 0.0])
def test_codes_on_one_line_are_joined_by_it(draw, factor):
    """(S1) (S2), even where rounding makes the cosine leave [−1, 1]."""
    t = np.linspace(0.0, 1.0, 4)
    for a in draw(100, 5):
        assert_array_equal(codes.spherical(a, factor * a, t), codes.linear(a, factor * a, t))


@pytest.mark.parametrize("gap", [0.5e-6, 1.5e-6])
def test_an_arc_is_an_arc_until_its_ends_are_all_but_opposite(gap):
    """(S2): its middle is as long as its ends; that of a line is not."""
    angle = math.acos(gap - 1.0)
    a, b = np.array([1.0, 0.0]), np.array([math.cos(angle), math.sin(angle)])
    middle = codes.spherical(a, b, np.array([0.5]))[0]
    wanted = 1.0 if gap > 1e-6 else math.cos(angle / 2.0)
    assert np.linalg.norm(middle) == pytest.approx(wanted, rel=1e-6)


def test_the_aggregate_posterior_has_the_moments_of_its_draws(draw, rng):
    """(S3)"""
    mu, logvar = 2.0 * draw(6, 3), draw(6, 3)
    mean, variance = codes.aggregate(mu, logvar)
    z = mu + np.exp(logvar / 2) * rng.standard_normal((100_000, 6, 3))
    assert_allclose(mean, z.mean(axis=(0, 1)), atol=0.02)
    assert_allclose(variance, z.var(axis=(0, 1)), rtol=0.02)


def test_activity_is_the_variance_of_the_mean_code(draw):
    """(S4)"""
    mu = draw(6, 3)
    wanted = [sum((m - sum(u) / 6) ** 2 for m in u) / 6 for u in mu.T]
    assert_allclose(codes.activity(mu), wanted, rtol=1e-12)
