import math

import pytest

from numvae.checks import definitions
from numvae.rules import gaussian

PARTS = [
    definitions.densities,
    definitions.moments,
    definitions.optimizer,
    definitions.invariants,
    definitions.epochs,
    definitions.linear_start,
    definitions.units,
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_definition_holds(part):
    lines = list(part())
    assert [line for line in lines if not line.ok] == []
    assert lines
    assert all(math.isfinite(line.error) and line.limit <= 0.01 for line in lines)


def test_the_table_holds_all_parts(monkeypatch):
    for part in PARTS:
        monkeypatch.setattr(definitions, part.__name__, lambda part=part: [part])
    assert list(definitions.definitions()) == PARTS


def test_a_density_without_its_constant_is_found(monkeypatch):
    """No gradient can see a constant that is missing."""
    right = gaussian.log_density
    monkeypatch.setattr(gaussian, "log_density", lambda x, mu, logvar: right(x, mu, logvar) + 1e-6)
    assert any(not line.ok for line in definitions.densities())


def test_a_density_that_is_not_a_number_is_found(monkeypatch):
    monkeypatch.setattr(gaussian, "kl", lambda mu, logvar: float("nan") * mu)
    assert any(not line.ok for line in definitions.densities())
