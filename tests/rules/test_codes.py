import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

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


def test_a_quarter_of_a_circle():
    """(S2)"""
    found = codes.spherical(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([0.5]))
    assert_allclose(found, [[math.sqrt(2.0)] * 2], rtol=1e-12)


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
