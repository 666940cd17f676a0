"""Several processes that train one model. See README.md in this folder.

    ranks         what the processes exchange
    workers       processes on this machine, started by the program
    mpi           the ranks of an MPI communicator
    sharing       a Training whose steps several ranks share, by rows or by units
    hidden_units  a model of which each rank holds some units of every layer

A program asks for a `team`, which shares and completes its `Training`:

    team = parallel.started()             one process, or those that mpiexec started
    with team.together(): …               what one rank raises inside, all raise at its end
    with team.as_one(): …                 an error that ends one rank inside ends the program
    team.share(training, X)               check that it can be shared, by `team.size` ranks
    with team.interrupt() as interrupt: … a signal to one rank is one to all
    team.run(training, X, …)              `training.run(X, …)`, shared
    team.whole(training)                  bring it up to date while it runs, after an epoch
    team.first(function)                  what only one of them does, such as writing a file

Every rank calls every method in the same order with arrays of the same shape.

Read next: ranks.
"""

import contextlib
import os
import sys

from numvae import hardware
from numvae.training.interrupt import Interrupt


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
        pass

    def interrupt(self, *more):
        return Interrupt(*more)

    def run(self, training, *rows, **more):
        with hardware.limited_threads(hardware.cores()):
            training.run(*rows, **more)

    def whole(self, training):
        pass


def team(comm=None, n_jobs=None):
    """The team of an MPI communicator, such as mpi4py's MPI.COMM_WORLD; without one, this process
    and its workers.

    n_jobs  how many processes at most: None for one, −1 for as many as there are cores, −2 for one
            less; small models are trained by one. In a process or thread that a program has started
            to work in parallel, it is always one
    """
    if comm is not None:
        from numvae.parallel.mpi import MPIRanks

        return MPIRanks(comm)
    n = n_jobs or 1
    n = n if n > 0 else max(1, hardware.cores() + 1 + n)
    if n == 1 or _stays_alone():
        return OneProcess()
    from numvae.parallel.workers import Workers

    return Workers(n)


def _stays_alone():
    """Whether this is a process or thread of joblib or multiprocessing, which has its own part of
    the cores; or a system on which a process cannot give memory to another, or a program that is
    not run by a Python interpreter that could be started again."""
    multiprocessing = sys.modules.get("multiprocessing")  # loaded in every child of it
    if (multiprocessing and multiprocessing.parent_process()) or os.name == "nt":
        return True
    if not sys.executable or getattr(sys, "frozen", False):
        return True
    joblib = sys.modules.get("joblib")
    return bool(joblib and joblib.parallel.get_active_backend()[0].nesting_level)


# What launchers tell a process: that it is a rank, and how many ranks are on its machine.
RANK = "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"
NEIGHBOURS = "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"


def started():
    """The team of a program: the ranks that `mpiexec` started, or one process.

    Each rank gets its part of the machine's cores for its matrix products, unless the environment
    says how many threads they may use. Only rank 0 prints, and a rank that fails ends them all.

    Raises  ValueError   started by mpiexec, but mpi4py is not installed
    """
    if not any(name in os.environ for name in RANK):
        return OneProcess()
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ValueError(
            f"mpiexec started this program, but {error.name} is not installed: pip install -e "
            '".[mpi]".'
        ) from None
    neighbours = next((int(os.environ[name]) for name in NEIGHBOURS if name in os.environ), None)
    if neighbours and not any(name in os.environ for name in hardware.THREADS):
        hardware.set_blas_threads(max(1, hardware.cores() // neighbours))

    ranks = team(MPI.COMM_WORLD)
    sys.excepthook = lambda kind, error, trace: ranks.abort(error)
    if ranks.rank:
        nowhere = open(os.devnull, "w", encoding="utf-8", errors="ignore")  # noqa: SIM115
        sys.stdout = sys.stderr = nowhere  # until the process ends
    return ranks
