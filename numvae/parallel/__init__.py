"""Several processes that train one model. See README.md in this folder.

    ranks         the ranks of an MPI communicator, and what they exchange
    sharing       a Training whose steps several ranks share, by rows or by units
    hidden_units  a model of which each rank holds some units of every layer

A program asks for a `team`, which shares and completes its `Training`:

    team = parallel.started()             one process, or those that mpiexec started
    with team.together(): …               what one rank raises, all raise at its end
    with team.as_one(): …                 what ends one rank ends the program
    shared = team.share(training, X)      a Training to `run`, on every rank
    training = team.whole(shared)         the whole run again, on every rank alike
    team.first(function)                  what only one of them does, such as writing a file

Every rank calls every method in the same order with arrays of the same shape.

Read next: ranks.
"""

import contextlib
import os
import sys


class OneProcess:
    """A team of one: there is nothing to share."""

    rank, size = 0, 1

    def together(self):
        return contextlib.nullcontext()

    def as_one(self):
        return contextlib.nullcontext()

    def first(self, function):
        return function()

    def share(self, training, X):
        return training

    def whole(self, training):
        return training


def team(comm=None):
    """The team of an MPI communicator, such as mpi4py's MPI.COMM_WORLD; None: one process."""
    if comm is None:
        return OneProcess()
    from numvae.parallel.ranks import Ranks

    return Ranks(comm)


# What launchers tell a process: that it is a rank, and how many ranks are on its machine.
RANK = "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"
NEIGHBOURS = "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"
THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"


def started():
    """The team of a program: the ranks that `mpiexec` started, or one process.

    Each rank gets its part of the machine's cores for its matrix products, unless the environment
    says how many threads they may use. Only rank 0 prints, and a rank that fails ends them all.

    Raises  ValueError   started by mpiexec, but mpi4py or threadpoolctl is not installed
    """
    if not any(name in os.environ for name in RANK):
        return OneProcess()
    try:
        from mpi4py import MPI
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ValueError(
            f"mpiexec started this program, but {error.name} is not installed: pip install -e "
            '".[mpi]".'
        ) from None
    neighbours = next((int(os.environ[name]) for name in NEIGHBOURS if name in os.environ), None)
    if neighbours and not any(name in os.environ for name in THREADS):
        threads = max(1, os.cpu_count() // neighbours)
        threadpool_limits(threads)
        os.environ[THREADS[0]] = str(threads)  # for who asks how many there are

    ranks = team(MPI.COMM_WORLD)
    sys.excepthook = lambda kind, error, trace: ranks.abort(error)
    if ranks.rank:
        nowhere = open(os.devnull, "w", encoding="utf-8", errors="ignore")  # noqa: SIM115
        sys.stdout = sys.stderr = nowhere  # until the process ends
    return ranks
