"""What the tests of several rules share."""

import pytest


@pytest.fixture
def counts(rng):
    """Small counts and large ones (B, D), read-only."""
    x = rng.poisson(3.0, (4, 5)).astype(float)
    x[0] = 0.0, 1.0, 255.0, 256.0, 4000.0
    x.setflags(write=False)
    return x
