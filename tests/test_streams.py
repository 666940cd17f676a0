import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae import streams
from numvae.streams import BatchStream, by_content, stream


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


def test_no_purpose_shares_its_address_with_another_or_with_a_step():
    s = streams
    purposes = {s.WEIGHTS, s.SPLIT, s.PICTURES, s.EVALUATION, s.ROWS, s.BINARIZE}
    assert len(purposes) == 6
    assert {epoch for epoch, _ in purposes} == {0}  # epochs of training are counted from 1
    assert s.SHUFFLE == 0  # and so are their steps


# By content.


def test_a_row_has_the_same_numbers_wherever_it_stands_and_whatever_stands_beside_it(draw, dtype):
    x = draw(5, 3, dtype=dtype)
    numbers = [rng.random() for rng in by_content(x, 7, 0, 4)]
    assert len(set(numbers)) == 5
    for rows in ([3, 0, 3], slice(None, None, -1), [1]):
        found = [rng.random() for rng in by_content(x[rows], 7, 0, 4)]
        assert_array_equal(found, np.array(numbers)[rows])
    assert [rng.random() for rng in by_content(np.asfortranarray(x), 7, 0, 4)] == numbers


def test_another_seed_address_or_number_in_the_row_is_another_stream(draw):
    x = draw(1, 3)
    other = x.copy()
    other[0, 2] = np.nextafter(x[0, 2], np.inf)
    streams = (by_content(x, 7, 0, 4), by_content(x, 8, 0, 4), by_content(x, 7, 0, 5))
    assert len({rng.random() for (rng,) in (*streams, by_content(other, 7, 0, 4))}) == 4


# By place in a batch.


def draws(n, rows=None, address=(2, 3)):
    """What a BatchStream gives for three calls in a row."""
    rng = BatchStream(1, address, n, rows)
    B = n if rows is None else rows.stop - rows.start
    return (
        rng.random((B, 3), dtype=np.float32),
        rng.standard_normal((2, B, 3), dtype=np.float32),
        rng.standard_normal((2, B, 3), dtype=np.float64),
    )


@pytest.mark.parametrize("n", [1, 20, 128, 129, 300])
def test_rows_of_a_batch_have_the_same_numbers_whichever_are_drawn(n):
    whole = draws(n)
    for start, stop in itertools.product((0, 1, n // 3, 127, 128, 200), (1, n // 2, 128, 256, n)):
        if start < stop <= n:
            for part, all_rows in zip(draws(n, slice(start, stop)), whole):
                assert_array_equal(part, all_rows[..., start:stop, :])


def test_the_first_rows_draw_from_the_stream_of_the_address():
    assert_array_equal(draws(50)[0], stream(1, 2, 3).random((50, 3), dtype=np.float32))


def test_each_128_rows_draw_from_further_along_the_stream():
    """As they always did: a run must go on to the same bits."""
    rng = stream(1, 2, 3)
    rng.bit_generator.advance(1 << 64)
    assert_array_equal(draws(200)[0][128:], rng.random((72, 3), dtype=np.float32))


def test_blocks_of_rows_and_steps_draw_different_numbers():
    numbers = [draws(512, address=(2, step))[2] for step in (1, 2)]
    assert len(np.unique(numbers)) == np.size(numbers)
    blocks = np.array(numbers).reshape(2, 2, 4, 128 * 3).transpose(0, 2, 1, 3).reshape(8, -1)
    assert np.abs(np.corrcoef(blocks)[np.triu_indices(8, 1)]).max() < 5.0 / np.sqrt(768)


def test_the_last_block_has_as_many_rows_as_are_left():
    """Of each of two samples: more rows would change the numbers of the second."""
    rng = stream(1, 2, 3)
    rng.bit_generator.advance(1 << 64)
    wanted = rng.standard_normal((2, 5, 3), dtype=np.float32)
    drawn = BatchStream(1, (2, 3), 133).standard_normal((2, 133, 3), dtype=np.float32)
    assert_array_equal(drawn[:, 128:], wanted)
