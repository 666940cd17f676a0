import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.network.units import OwnUnits, StandardUnits
from numvae.rules import corruption
from numvae.training.minibatches import corrupt, shuffled


@pytest.mark.parametrize(
    ("n", "batch_size"), [(10, 3), (10, 5), (10, 10), (10, 11), (1, 4), (7, 1)]
)
def test_every_example_is_seen_once_and_the_last_batch_holds_what_remains(n, batch_size):
    batches = shuffled(0, 1, n, batch_size)
    full, rest = divmod(n, batch_size)
    assert [len(batch) for batch in batches] == [batch_size] * full + [rest] * (rest > 0)
    assert sorted(np.concatenate(batches)) == list(range(n))


def test_the_address_decides_the_order():
    first, again, epoch, seed = (
        np.concatenate(shuffled(seed, epoch, 100, 10))
        for seed, epoch in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert_array_equal(first, again)
    assert (first != epoch).any() and (first != seed).any()


def test_another_epoch_puts_other_examples_together():
    """Not the same batches in another order."""
    groups = [{frozenset(batch) for batch in shuffled(0, epoch, 100, 10)} for epoch in (1, 2)]
    assert not groups[0] & groups[1]


def test_every_example_comes_to_every_place():
    places = np.array([np.concatenate(shuffled(0, epoch, 5, 2)) for epoch in range(2000)])
    for column in places.T:
        assert_allclose(np.bincount(column), 400, atol=5 * np.sqrt(400))


@pytest.mark.parametrize("kind", corruption.NAMES)
def test_what_is_missing_stays_missing_when_the_rest_is_corrupted(rng, kind):
    x, observed = np.full((50, 8), 0.5), np.ones((50, 8))
    corrupted = corrupt(rng, x, None, OwnUnits(), kind, 0.9)
    assert 0.2 < (corrupted != x).mean() <= 1.0 and (x == 0.5).all()
    x[:, 3] = observed[:, 3] = 0.0
    corrupted = corrupt(rng, x, observed, OwnUnits(), kind, 0.9)
    assert (corrupted[:, 3] == 0.0).all() and (corrupted[:, 2] != 0.5).any()


@pytest.mark.parametrize("kind", corruption.NAMES)
def test_what_stands_in_for_the_missing_is_not_corrupted_and_noise_is_in_the_models_units(
    rng, kind
):
    """As the encoder sees it later, when nothing is corrupted."""
    units = StandardUnits(np.full(4, 100.0), np.full(4, 7.0))
    x, observed = np.full((5000, 4), 107.0), np.ones((5000, 4))
    observed[:, 2] = 0.0
    corrupted = corrupt(rng, x, observed, units, kind, 0.5)
    assert (corrupted[:, 2] == 107.0).all() and (corrupted[:, 0] != 107.0).any()
    if kind == "gaussian":
        assert_allclose(corrupted[:, 0].std(), 0.5 * 7.0, rtol=0.05)
