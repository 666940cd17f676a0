import numpy as np
import pytest

from numvae.evaluation import scaling
from numvae.evaluation.scaling import Costs, Network, step

COSTS = Costs(fixed=2e-4, row=2e-5, parameter=1.5e-9, message=5e-6, byte=1e-10)
NETWORK = Network(bandwidth=1.25e10, message=2e-6, ranks=16)
P = 650_000


def test_what_was_measured_is_found_again():
    batches, sizes = np.array([16, 64, 256]), np.array([1e5, 1e6, 1e7])
    passes = [step(COSTS, 1, batch, P).rows for batch in batches]
    exchanges = [step(COSTS, 2, 0, size / 4).exchange for size in sizes]
    optimizer = step(COSTS, 1, 0, P).optimizer
    found = scaling.fit(batches, passes, sizes, exchanges, optimizer, P)
    assert found == pytest.approx(COSTS, rel=1e-9)


def test_a_cost_is_never_below_0():
    found = scaling.fit([10, 20], [1.0, 3.0], [10, 20], [1.0, 3.0], 1.0, P)
    assert found.fixed == found.message == 0.0 and found.row > 0.0 and found.byte > 0.0


def test_one_rank_exchanges_nothing_and_halves_are_halves():
    alone, two = step(COSTS, 1, 1000, P), step(COSTS, 2, 1000, P)
    assert alone.exchange == 0.0
    assert alone.rows - COSTS.fixed == pytest.approx(2.0 * (two.rows - COSTS.fixed))
    assert alone.optimizer == pytest.approx(2.0 * two.optimizer)
    assert two.exchange == pytest.approx(2.0 * COSTS.message + COSTS.byte * 4 * P)


def test_within_a_machine_there_is_no_network():
    for n in (2, 8, 16):
        assert step(COSTS, n, 1000, P, NETWORK) == step(COSTS, n, 1000, P)


def test_what_goes_through_the_connection_of_a_machine_is_counted_message_by_message():
    """Two machines of two ranks: each rank sends each of the two others a quarter, twice."""
    network = Network(bandwidth=1e9, message=1e-6, ranks=2)
    none = COSTS._replace(message=0.0, byte=0.0)
    sent = sum(4 * P / 4 for here in range(2) for there in range(2))
    wanted = 2.0 * sent / 1e9 + 2.0 * 2 * 1e-6
    assert step(none, 4, 0, P, network).exchange == pytest.approx(wanted)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("n", [2, 16, 32, 1024])
def test_so_many_rows_hide_the_exchange(n, share):
    rows = scaling.rows_that_hide(COSTS, n, P, NETWORK, share)
    found = step(COSTS, n, n * rows, P, NETWORK)
    assert found.exchange <= share * sum(found) * (1.0 + 1e-9)
    assert rows == 0.0 or found.exchange == pytest.approx(share * sum(found))
    assert scaling.rows_that_hide(COSTS, 1, P, NETWORK) == 0.0
