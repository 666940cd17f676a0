"""Who trains: one process alone, or several ranks under MPI that share every batch.

Data-parallel training: each rank computes the gradient of its rows, and the sum over the ranks is
the gradient of the batch. An optimizer's rule is elementwise, so each rank needs that sum, and
moves the parameters, in its own part of the flat vector only: one collective joins the gradients,
part by part, and another puts the parameters together again. The loop asks an engine for this, and
an engine that is alone has next to nothing to do.

Every rank calls every method in the same order with arrays of the same shape: that is all there is
to know about programs under MPI.

Read next: watchdog, history, checkpoint, progress.
"""

import contextlib
import math
import os
import subprocess
import sys
import traceback

import numpy as np

from numvae.network.objectives import Losses


class Alone:
    """One process, and nobody to talk to."""

    rank, size = 0, 1

    def rows(self, n):
        """The rows of a batch of n that are computed here, and their share in its mean."""
        return slice(0, n), 1.0

    def part(self, n):
        """The part of n things that is this rank's."""
        return slice(0, n)

    def join(self, losses, gradient):
        """From this rank's share of the losses and the gradient to the sums over all ranks.

        Afterwards the rank's own part of `gradient` is that of the whole batch.

        Returns  Losses, and the norm of the whole gradient
        """
        return losses, math.sqrt(np.dot(gradient, gradient))

    def gather(self, vector):
        """Every rank's own part of `vector`, to all of them."""

    def total(self, array):
        """The sum over the ranks, in place; returns the array."""
        return array

    def largest(self, number):
        """The largest whole number that any rank gave."""
        return number

    def first(self, function):
        """What rank 0 gets by calling function(), or the exception it gets, to all ranks."""
        return function()

    @contextlib.contextmanager
    def together(self):
        """What any rank raises inside, all raise: else the others would wait for it for ever."""
        yield

    @contextlib.contextmanager
    def last_words(self, text):
        """Inside, `text` is what is said if a rank is killed, for then mpiexec kills the others."""
        yield

    def agree(self, facts):
        """Look whether all ranks begin with the same: facts() is a dict of name → text.

        Raises  ValueError   the ranks differ: the sentence names the first difference
                             what facts() raises on any rank
        """


class Ranks(Alone):
    """The processes of an MPI communicator, such as mpi4py's MPI.COMM_WORLD."""

    def __init__(self, comm):
        from mpi4py import MPI

        self.MPI, self.comm, self.rank, self.size = MPI, comm, comm.rank, comm.size
        self.others = np.arange(self.size) != self.rank
        self.received = np.empty((0, 0))

    def rows(self, n):
        if n < self.size:  # too few to share: each computes them all, and counts for little
            return slice(0, n), 1.0 / self.size
        mine = self.part(n)
        return mine, (mine.stop - mine.start) / n

    def part(self, n):
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def join(self, losses, gradient):
        mine = gradient[self.part(gradient.size)]
        shape = self.size - 1, mine.size
        if (self.received.shape, self.received.dtype) != (shape, mine.dtype):
            self.received = np.empty(shape, mine.dtype)
        each = mine.size * self.others  # of these numbers comes from every other rank
        starts = np.cumsum(each) - each
        theirs = self._their_parts(gradient.size)
        self.comm.Alltoallv([gradient, theirs], [self.received, (each, starts)])
        for gradient_of_other in self.received:
            mine += gradient_of_other
        numbers = self.total(np.array([*losses, np.dot(mine, mine)], np.float64))
        *losses, squared = numbers.tolist()
        return Losses(*losses), math.sqrt(squared)

    def gather(self, vector):
        part = self.part(vector.size)
        to_each = (part.stop - part.start) * self.others, np.full(self.size, part.start)
        self.comm.Alltoallv([vector, to_each], [vector, self._their_parts(vector.size)])

    def total(self, array, operation=None):
        self.comm.Allreduce(self.MPI.IN_PLACE, array, operation or self.MPI.SUM)
        return array

    def largest(self, number):
        return int(self.total(np.array([number]), self.MPI.MAX)[0])

    def first(self, function):
        with self.together():
            value = function() if self.rank == 0 else None
        return self.comm.bcast(value)

    @contextlib.contextmanager
    def together(self):
        mine = None
        try:
            yield
        except Exception as error:
            mine = error
        raised = [error for error in self.comm.allgather(mine) if error is not None]
        if raised:
            raise mine or raised[0]

    @contextlib.contextmanager
    def last_words(self, text):
        if self.rank:
            yield
            return
        speak = "import sys; sys.stdin.read() or print(sys.argv[1], file=sys.stderr)"
        with subprocess.Popen(
            [sys.executable, "-c", speak, text], stdin=subprocess.PIPE, start_new_session=True
        ) as witness:  # reads to the end of a pipe, which is closed if this process is no more
            try:
                yield
            finally:
                witness.communicate(b"all is well")

    def agree(self, facts):
        with self.together():
            mine = facts()
        every = self.comm.allgather(mine)
        for rank, theirs in enumerate(every):
            for name, value in theirs.items():
                if value != every[0][name]:
                    raise ValueError(
                        f"rank {rank} differs from rank 0 in its {name}: {value}, not "
                        f"{every[0][name]}; start all ranks with the same installation, settings "
                        "and data."
                    )

    def _their_parts(self, n):
        """(sizes, starts) of every rank's part of n things, one's own with size 0."""
        edges = np.arange(self.size + 1) * n // self.size
        return np.diff(edges) * self.others, edges[:-1]


# What launchers tell a process: that it is a rank, and how many ranks are on its machine.
RANK = "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"
NEIGHBOURS = "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"
THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"


def started():
    """The engine of a program: Ranks if `mpiexec` started it, else Alone. To be called first.

    Each rank has its share of the machine's cores for its products, unless the environment says
    how many threads they may use. Ranks other than the first say nothing, and one that fails ends
    them all.

    Raises  ValueError   started by mpiexec, and mpi4py is not there
    """
    if not any(name in os.environ for name in RANK):
        return Alone()
    neighbours = next((int(os.environ[name]) for name in NEIGHBOURS if name in os.environ), None)
    if neighbours and not any(name in os.environ for name in THREADS):
        os.environ[THREADS[0]] = str(max(1, os.cpu_count() // neighbours))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # NumPy reads it only once
    try:
        from mpi4py import MPI
    except ImportError:
        raise ValueError(
            'mpiexec started this program, but mpi4py is not installed: pip install -e ".[mpi]".'
        ) from None

    def fail(*error):
        print(f"Rank {MPI.COMM_WORLD.rank} failed, so all are stopped:", file=sys.__stderr__)
        traceback.print_exception(*error, file=sys.__stderr__)
        MPI.COMM_WORLD.Abort(1)

    sys.excepthook = fail
    if MPI.COMM_WORLD.rank:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 until the process ends
    return Ranks(MPI.COMM_WORLD)
