import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.training import minibatches
from numvae.rows import take
from numvae.streams import stream
from numvae.training.minibatches import shuffled

# The streams.


def test_an_address_always_gives_the_same_stream_and_another_address_another():
    addresses = list(itertools.product((0, 1, 2, 10**30), (0, 1, 2, 500), (0, 1, 2, 10**6)))
    draws = {address: tuple(stream(*address).random(2)) for address in addresses}
    assert len(set(draws.values())) == len(addresses)
    assert all(tuple(stream(*address).random(2)) == draw for address, draw in draws.items())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_neighbouring_streams_are_independent(axis):
    addresses = 3 * np.ones((40, 3), int)
    addresses[:, axis] += np.arange(40)
    draws = np.array([stream(*map(int, a)).standard_normal(5000) for a in addresses])
    correlations = np.corrcoef(draws)[np.triu_indices(40, 1)]
    assert np.abs(correlations).max() < 5.0 / np.sqrt(5000)


def draws(n, mine, address=(2, 3)):
    """What a RowStream gives for three calls in a row."""
    rng = streams.BatchStream(1, address, n, mine)
    shape = (2, mine.stop - mine.start, 3)
    return (
        rng.random(shape[1:], dtype=np.float32),
        rng.standard_normal(shape, dtype=np.float32),
        rng.standard_normal(shape, dtype=np.float64),
    )


@pytest.mark.parametrize("n", [1, 20, 128, 129, 300])
def test_rows_have_the_same_numbers_whoever_draws_them(n):
    whole = draws(n, slice(0, n))
    for start, stop in itertools.product((0, 1, n // 3, 127, 128, 200), (1, n // 2, 128, 256, n)):
        if start < stop <= n:
            for part, all_rows in zip(draws(n, slice(start, stop)), whole):
                assert_array_equal(part, all_rows[..., start:stop, :])


def test_the_first_rows_draw_from_the_stream_of_the_address():
    rng = stream(1, 2, 3)
    assert_array_equal(draws(50, slice(0, 50))[0], rng.random((50, 3), dtype=np.float32))


def test_blocks_of_rows_and_steps_draw_different_numbers():
    numbers = [draws(512, slice(0, 512), (2, step))[2] for step in (1, 2)]
    assert len(np.unique(numbers)) == np.size(numbers)
    blocks = np.array(numbers).reshape(2, 2, 4, 128 * 3).transpose(0, 2, 1, 3).reshape(8, -1)
    assert np.abs(np.corrcoef(blocks)[np.triu_indices(8, 1)]).max() < 5.0 / np.sqrt(768)


# The order of an epoch.


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


# The examples.


@pytest.mark.parametrize("rows", [[3, 0, 3], slice(2, 5), np.array([1])], ids=str)
def test_take_gives_the_rows_asked_for_in_the_dtype_asked_for(draw, dtype, rows):
    X = draw(6, 4)
    x = take(X, rows, dtype, stream(0, 0, 0), False)
    assert x.dtype == dtype
    assert_array_equal(x, X[rows].astype(dtype))


def test_take_reads_only_the_rows_asked_for():
    class OnDisk:
        """An array of which one can only ask for some rows."""

        def __getitem__(self, rows):
            asked.append(list(rows))
            return np.zeros((len(rows), 4), np.float32)

    asked = []
    take(OnDisk(), [5, 2], "float32", stream(0, 0, 0), False)
    assert asked == [[5, 2]]


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("rows", [[3, 0, 299], slice(2, 5)], ids=str)
def test_take_from_a_memory_map_is_take_from_an_array(tmp_path, draw, mode, rows):
    X = draw(300, 40, dtype="float32")
    X.tofile(tmp_path / "X")
    on_disk = np.memmap(tmp_path / "X", "float32", mode, shape=(300, 40))
    for binarize in (False, True):
        found, wanted = (take(A, rows, "float32", stream(0, 0, 0), binarize) for A in (on_disk, X))
        assert_array_equal(found, wanted)
    assert_array_equal(on_disk, X)


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_take_loses_nothing_that_was_written_into_a_memory_map(tmp_path, mode):
    np.zeros((300, 40), "float32").tofile(tmp_path / "X")
    on_disk = np.memmap(tmp_path / "X", "float32", mode, shape=(300, 40))
    on_disk[7] = 3.0
    assert (take(on_disk, [7], "float32", stream(0, 0, 0), False) == 3.0).all()
    assert (on_disk[7] == 3.0).all()


def test_binarized_pixels_are_white_as_often_as_they_are_gray():
    gray = np.linspace(0.0, 1.0, 11)
    gray.setflags(write=False)
    X = np.broadcast_to(gray, (20_000, 11))
    x = take(X, slice(None), "float32", stream(0, 1, 1), True)
    assert x.dtype == np.float32 and set(np.unique(x)) == {0.0, 1.0}
    assert (np.abs(x.mean(axis=0) - gray) <= 5.0 * np.sqrt(gray * (1 - gray) / 20_000)).all()


def test_no_purpose_shares_its_address_with_another_or_with_a_step():
    m = minibatches
    purposes = {m.WEIGHTS, m.SPLIT, m.PICTURES, m.EVALUATION, m.ROWS}
    assert len(purposes) == 5
    assert {epoch for epoch, _ in purposes} == {0}  # epochs of training are counted from 1
    assert m.SHUFFLE == 0  # and so are their steps


def test_a_row_brings_its_own_black_and_white_along(rng):
    gray = rng.random((50, 200))
    gray[3, 7] = np.nan
    drawn = minibatches.row_binarized(gray, 5)
    assert set(np.unique(drawn[~np.isnan(drawn)])) == {0.0, 1.0} and np.isnan(drawn[3, 7])
    np.testing.assert_array_equal(minibatches.row_binarized(gray[::-1], 5), drawn[::-1])
    assert (minibatches.row_binarized(gray, 6) != drawn).mean() > 0.2
    assert abs(np.nanmean(drawn - gray)) < 0.01
