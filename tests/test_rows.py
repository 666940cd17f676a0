import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import rows
from numvae.rows import (
    Inputs,
    Rows,
    binarized,
    blocks,
    by_blocks,
    column_moments,
    hold_out,
    mean_of,
    read,
    sample,
)
from numvae.streams import SPLIT, stream


@pytest.fixture
def mapped(tmp_path):
    """mapped(X, mode): the array as a memory map."""

    def mapped(X, mode="r"):
        X.tofile(tmp_path / "X")
        return np.memmap(tmp_path / "X", X.dtype, mode, shape=X.shape)

    return mapped


# Reading.


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("offset", [0, 128, 70_000])
def test_a_memory_map_whose_file_has_become_shorter_is_a_sentence(tmp_path, mode, offset):
    """To read it would end the process by a signal."""
    path = tmp_path / "X"
    path.write_bytes(bytes(offset + 4 * 5000))
    on_disk = np.memmap(path, "f4", mode, offset, (1000, 5))
    assert read(on_disk[500:], [3]).shape == (1, 5)
    os.truncate(path, offset + 4 * 4999)
    for X in (on_disk, on_disk[500:], Rows(on_disk, np.array([1, 2]))):
        with pytest.raises(OSError, match=f"{path} has become shorter"):
            read(X, [1])


@pytest.mark.parametrize("some", [[3, 0, 3], slice(2, 5), np.array([1])], ids=str)
def test_the_rows_asked_for_are_read_in_c_order(draw, dtype, some):
    X = draw(6, 4, dtype=dtype)
    for array in (X, np.asfortranarray(X)):
        x = read(array, some)
        assert x.dtype == dtype and x.flags.c_contiguous
        assert_array_equal(x, X[some])


def test_only_the_rows_asked_for_are_read():
    class OnDisk:
        """An array of which one can only ask for some rows."""

        def __getitem__(self, rows):
            asked.append(list(rows))
            return np.zeros((len(rows), 4), np.float32)

    asked = []
    read(OnDisk(), [5, 2])
    assert asked == [[5, 2]]


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("some", [[3, 0, 299], slice(2, 5), slice(None)], ids=str)
def test_a_memory_map_is_read_like_an_array(mapped, draw, mode, some):
    X = draw(300, 40, dtype="float32")
    on_disk = mapped(X, mode)
    assert_array_equal(read(on_disk, some), X[some])
    assert_array_equal(on_disk, X)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's smaps")
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_what_was_read_of_a_memory_map_does_not_stay_in_memory(mapped, mode):
    def resident():
        """Kilobytes of the file that are counted as this process's."""
        mappings = Path("/proc/self/smaps").read_text().split(f"{on_disk.filename}\n")[1:]
        return sum(int(re.search(r"Rss: +(\d+) kB", mapping)[1]) for mapping in mappings)

    on_disk = mapped(np.ones((100, 4096), "float32"), mode)
    assert on_disk.sum() == 100 * 4096 and resident() == 1600
    read(on_disk, slice(None))
    assert resident() == 0


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_reading_loses_nothing_that_was_written_into_a_memory_map(mapped, mode):
    on_disk = mapped(np.zeros((300, 40), "float32"), mode)
    on_disk[7] = 3.0
    assert (read(on_disk, [7]) == 3.0).all()
    assert (on_disk[7] == 3.0).all()


def test_rows_by_their_numbers_are_read_without_a_copy_of_all(mapped, draw):
    X = draw(30, 4)
    some = Rows(mapped(X), np.array([7, 2, 29, 2]))
    assert (len(some), some.shape, some.dtype) == (4, (4, 4), X.dtype)
    assert_array_equal(read(some, slice(1, 3)), X[[2, 29]])
    assert_array_equal(read(some, [3, 0]), X[[2, 7]])


# Block by block.


@pytest.mark.parametrize("size", [1, 7, 25, 1000, None])
def test_blocks_are_all_rows_in_order(mapped, draw, size):
    X = draw(25, 3)
    for array in (X, mapped(X), Rows(X, np.arange(25))):
        parts = list(blocks(array, size or 9))
        assert_array_equal(np.concatenate(parts), X)
        assert max(map(len, parts)) <= (size or 9)


def test_a_block_of_free_size_holds_no_more_than_its_bytes_but_a_row(draw, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 100)
    assert [len(x) for x in blocks(draw(10, 3))] == [4, 4, 2]
    assert [len(x) for x in blocks(draw(3, 20))] == [1, 1, 1]


def test_blocks_hold_16_mb_and_those_for_a_model_a_thousand_rows():
    rows = np.broadcast_to(np.float32(0.0), (1500, 4096))
    assert [len(x) for x in blocks(rows)] == [1024, 476]
    assert by_blocks(lambda x: np.full(1, len(x)), rows[:, :1]).tolist() == [1000, 500]


class Two(NamedTuple):
    total: np.ndarray
    twice: np.ndarray


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_is_computed_by_blocks_is_joined_as_it_came(draw, size):
    X = draw(25, 3)
    assert_array_equal(by_blocks(np.square, X, size), np.square(X))
    for kind in (Two, lambda *parts: parts):
        found = by_blocks(lambda x, kind=kind: kind(x.sum(axis=1), 2.0 * x), X, size)
        assert type(found) is (Two if kind is Two else tuple)
        assert_array_equal(found[0], X.sum(axis=1))
        assert_array_equal(found[1], 2.0 * X)


def test_the_mean_of_the_first_rows_leaves_out_what_is_missing(draw):
    X = 3.0 * draw(1200, 4) + 5.0
    assert_allclose(mean_of(X), X.mean(axis=0), rtol=1e-12)
    assert_allclose(mean_of(X, 700), X[:700].mean(axis=0), rtol=1e-12)
    assert mean_of(np.append(np.zeros((10_000, 1)), [[1e9]], axis=0)) == 0.0  # unless told, 10,000
    holes = np.where(X > 5.0, np.nan, X)
    holes[:, 3] = np.nan
    assert_allclose(mean_of(holes), [*np.nanmean(holes[:, :3], axis=0), 0.0], rtol=1e-12)


def test_column_moments_of_more_rows_than_are_taken_at_once(rng):
    X = rng.standard_normal((2300, 4)) + 1e6
    X[100:, 1], X[:, 2], X[1:, 3] = np.nan, np.nan, np.nan
    n, mean, variance = column_moments(X)
    assert_array_equal(n, [2300, 100, 0, 1])
    assert_allclose(mean, [X[:, 0].mean(), X[:100, 1].mean(), 0.0, X[0, 3]], rtol=1e-12)
    assert_allclose(variance, [X[:, 0].var(), X[:100, 1].var(), 0.0, 0.0], rtol=1e-7)


def test_rows_held_out_are_others_than_those_to_train_on_and_chosen_by_the_seed():
    train, valid = hold_out(100, 30, seed=1)
    assert len(train) == 70 and len(valid) == 30
    assert sorted([*train, *valid]) == list(range(100))
    assert_array_equal(hold_out(100, 30, seed=1)[1], valid)
    assert set(hold_out(100, 30, seed=2)[1]) != set(valid)
    assert_array_equal(np.concatenate([train, valid]), stream(1, *SPLIT).permutation(100))


# Black and white, and missing.


def test_binarized_pixels_are_white_as_often_as_they_are_gray():
    gray = np.linspace(0.0, 1.0, 11)
    x = np.tile(gray, (2000, 1))
    x[:, 5] = np.linspace(0.4, 0.6, 2000)  # the noise of a row is addressed by its content
    x = binarized(x.astype("f4"), 1)
    assert x.dtype == np.float32 and set(np.unique(x)) == {0.0, 1.0}
    assert (np.abs(x.mean(axis=0) - gray) <= 5.0 * np.sqrt(gray * (1 - gray) / 2000)).all()


def test_a_row_brings_its_own_black_and_white_along(rng):
    gray = rng.random((50, 200))
    gray[3, 7] = np.nan
    drawn = binarized(gray, 5)
    assert set(np.unique(drawn[~np.isnan(drawn)])) == {0.0, 1.0} and np.isnan(drawn[3, 7])
    assert_array_equal(binarized(gray[::-1], 5), drawn[::-1])
    assert (binarized(gray, 6) != drawn).mean() > 0.2
    assert abs(np.nanmean(drawn - gray)) < 0.01


@pytest.mark.parametrize("binarize", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_inputs_are_rows_as_the_model_was_trained_on_them(rng, dtype, binarize, missing):
    gray = rng.random((20, 6))
    if missing:
        gray[3, 2] = np.nan
    inputs = Inputs(np.dtype(dtype), 5, binarize, missing)
    wanted = binarized(gray.astype(dtype), 5) if binarize else gray.astype(dtype)
    assert_array_equal(inputs.drawn(gray), wanted)
    x, observed, _ = inputs(gray)
    assert x.dtype == dtype
    if missing:
        assert observed.dtype == dtype and x[3, 2] == observed[3, 2] == 0.0
        assert observed.sum() == gray.size - 1
        x[3, 2] = np.nan
    else:
        assert observed is None
    assert_array_equal(x, wanted)
    assert Inputs(np.dtype(dtype)) == (dtype, 0, False, False, None, 0)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("holes", [False, True])
def test_what_is_known_is_said_where_something_is_missing_or_may_be(rng, missing, holes):
    x = np.where(rng.random((20, 6)) < 0.5 * holes, np.nan, 1.0)
    seen, observed, _ = Inputs(np.dtype("f8"), missing=missing)(x)
    assert_array_equal(seen, np.nan_to_num(x))
    if missing or holes:
        assert_array_equal(observed, ~np.isnan(x))
    else:
        assert observed is None


def test_a_sample_is_of_rows_all_over_and_the_seed_decides_which(rng):
    X = rng.random((1000, 3))
    drawn, again, other = (read(sample(X, 100, seed), slice(None)) for seed in (1, 1, 2))
    numbers = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in drawn]
    assert numbers == sorted(set(numbers)) and numbers[0] < 50 and numbers[-1] > 950
    assert_array_equal(drawn, again)
    assert (drawn != other).any()
    assert_array_equal(read(sample(X, 2000, 1), slice(None)), X)
