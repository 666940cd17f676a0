import math

import pytest

from numvae.rules import schedules


@pytest.mark.parametrize("epoch", [0, 3, 9])
def test_constant_is_one(epoch):
    """(Y1)"""
    assert schedules.constant(epoch, 10) == 1.0


def test_cosine_is_half_a_cosine():
    """(Y2) as the squared cosine of half the angle, and at the places that need no formula."""
    for epoch in range(12):
        wanted = math.cos(math.pi * epoch / 24) ** 2
        assert schedules.cosine(epoch, 12) == pytest.approx(wanted, rel=1e-12)
    known = {0: 1.0, 4: 0.75, 6: 0.5, 8: 0.25}
    assert {n: schedules.cosine(n, 12) for n in known} == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize("epochs", [1, 2, 100])
def test_every_schedule_starts_at_one_and_only_falls_and_never_reaches_zero(epochs):
    """(Y1) (Y2)"""
    for name in schedules.NAMES:
        factors = [getattr(schedules, name)(epoch, epochs) for epoch in range(epochs)]
        assert factors[0] == 1.0 and factors[-1] > 0.0
        assert factors == sorted(factors, reverse=True)
        assert all(type(factor) is float for factor in factors)  # float32 stays float32


def test_burda_has_eight_stages_each_three_times_as_long():
    """(Y3)"""
    factors = [schedules.burda(epoch, 3280) for epoch in range(3280)]
    wanted = [10 ** (-i / 7) for i in range(8) for _ in range(3**i)]
    assert factors == pytest.approx(wanted, rel=1e-12)
    short = [schedules.burda(epoch, 328) for epoch in range(328)]
    assert short == pytest.approx(wanted[::10], rel=1e-12)
    long = [schedules.burda(epoch, 6560) for epoch in range(6560)]
    assert long[::2] == long[1::2] == pytest.approx(wanted, rel=1e-12)


def test_warmup_rises_in_a_line_and_stays():
    """(Y4)"""
    assert [schedules.warmup(epoch, 4) for epoch in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedules.warmup(0, 0) == 1.0
