"""How long a step of data-parallel training takes on many ranks, by a model of five numbers.

Each rank computes B/N rows of the batch and moves P/N of the parameters; between the two it sends
every other rank that rank's part of its gradient, and afterwards its part of the parameters:

    step     = fixed + row B/N + parameter P/N + exchange
    exchange = 2 (N − 1) message + 2 byte (bytes of P) (N − 1)/N          within a machine
    network  = 2 (bytes of P) R (N − R)/N / bandwidth                     with R ranks on each

The R ranks of a machine share its one connection, so what limits them is what goes through it. All
numbers are in seconds, and those of a machine are measured on it (scripts/scaling.py).
"""

from typing import NamedTuple

import numpy as np


class Costs(NamedTuple):
    """Seconds for: a step's fixed part, a row, a parameter, a message, a byte to another rank."""

    fixed: float
    row: float
    parameter: float
    message: float
    byte: float


class Network(NamedTuple):
    """What connects machines: bytes per second, seconds per message, and ranks on each machine."""

    bandwidth: float
    message: float
    ranks: int


class Step(NamedTuple):
    """Seconds of a step: of its rows, of the optimizer, of the exchange between ranks."""

    rows: float
    optimizer: float
    exchange: float


def fit(batches, passes, sizes, exchanges, optimizer, n_parameters):
    """Costs that come nearest to what was measured, none of them below 0.

    batches, passes     rows in a batch, and the seconds of its loss and gradient
    sizes, exchanges    bytes of a vector, and the seconds until two ranks have joined their halves
    optimizer           seconds for all n_parameters
    """
    fixed, row = _line(batches, passes)
    twice_message, byte = _line(sizes, exchanges)
    return Costs(fixed, row, optimizer / n_parameters, twice_message / 2.0, byte)


def _line(x, y):
    """The line a + b x whose relative error is smallest, a and b not negative."""
    from scipy.optimize import nnls

    x, y = np.asarray(x, float), np.asarray(y, float)
    return nnls(np.stack([np.ones_like(x), x], axis=1) / y[:, None], np.ones_like(y))[0].tolist()


def step(costs, n_ranks, batch, n_parameters, network=None):
    """The time of a step on n_ranks that share a batch, float32. Returns a Step."""
    n_bytes, N = 4 * n_parameters, n_ranks
    here = N if network is None else min(N, network.ranks)
    exchange = 2.0 * (here - 1) * costs.message + costs.byte * n_bytes * 2.0 * (here - 1) / N
    if here < N:
        exchange += 2.0 * (N - here) * network.message
        exchange += 2.0 * n_bytes * here * (N - here) / N / network.bandwidth
    return Step(costs.fixed + costs.row * batch / N, costs.parameter * n_parameters / N, exchange)


def rows_that_hide(costs, n_ranks, n_parameters, network=None, share=0.1):
    """Rows per rank from which the exchange is at most this share of the step."""
    rows, optimizer, exchange = step(costs, n_ranks, 0, n_parameters, network)
    return max(0.0, (exchange * (1.0 - share) / share - rows - optimizer) / costs.row)
