"""The processes of an MPI communicator, and what they exchange.

Read next: sharing.
"""

import contextlib
import functools
import sys
import time
import traceback

import numpy as np

from numvae.parallel import sharing

PATIENCE = 5.0  # seconds from the first rank that ends to the last


class Ranks:
    """The team of an MPI communicator."""

    def __init__(self, comm):
        from mpi4py import MPI

        self.MPI, self.comm, self.rank, self.size = MPI, comm, comm.rank, comm.size

    # What a program asks of its team.

    @contextlib.contextmanager
    def together(self):
        """What any rank raises inside, all raise: the others would wait for it for ever."""
        mine = None
        try:
            yield
        except BaseException as error:
            mine = error
        raised = [error for error in self.comm.allgather(mine) if error is not None]
        if raised:
            raise mine or raised[0]

    @contextlib.contextmanager
    def as_one(self):
        """What all ranks raise inside is raised; what one raises alone ends the program: the others
        wait for it, each in its own place, for ever."""
        try:
            yield
        except BaseException as error:
            arrived, until = self.comm.Ibarrier(), time.monotonic() + PATIENCE
            while not arrived.Test():
                if time.monotonic() > until:
                    self.abort(error)
                time.sleep(0.01)
            raise

    def abort(self, error):
        """End all ranks, with the traceback of the error that ended this one."""
        with contextlib.suppress(OSError):  # stderr may be a closed pipe
            print(f"Rank {self.rank} failed, so all are stopped:", file=sys.__stderr__)
            traceback.print_exception(error, file=sys.__stderr__)
        time.sleep(0.2)  # for mpiexec to pass this on: it ends at once when a rank aborts
        self.comm.Abort(1)

    def first(self, function):
        """What function() returns or raises on rank 0, on every rank."""
        with self.together():
            value = function() if self.rank == 0 else None
        return self.comm.bcast(value)

    def share(self, training, X):
        """This rank's part of a Training that all ranks hold alike, to be run on X.

        Raises  ValueError   the ranks do not begin with the same: the sentence names the first
                             difference; or they cannot share it
        """
        if self.size == 1:
            return training
        with self.together():
            mine = sharing.fingerprint(training, X, self.size)
        every = self.comm.allgather(mine)
        for rank, theirs in enumerate(every):
            for name, value in theirs.items():
                if value != every[0][name]:
                    raise ValueError(
                        f"rank {rank} differs from rank 0 in its {name}: {value}, not "
                        f"{every[0][name]}; start all ranks with the same installation, settings "
                        "and data."
                    )
        return sharing.share(training, self)

    def whole(self, training):
        """The run as it stands, from what `share` gave to each rank: on every rank alike."""
        return training if self.size == 1 else training.whole()

    # What the sharing exchanges.

    def parts(self, n):
        """The part of n things that belongs to each rank, as slices."""
        return [slice(n * r // self.size, n * (r + 1) // self.size) for r in range(self.size)]

    def part(self, n):
        """The part of n things that belongs to this rank."""
        return self.parts(n)[self.rank]

    def total(self, array, operation=None):
        """The sum over the ranks, in place; returns the array."""
        self.comm.Allreduce(self.MPI.IN_PLACE, array, operation or self.MPI.SUM)
        return array

    def largest(self, number):
        """The largest whole number that any rank gave."""
        return int(self.total(np.array([number]), self.MPI.MAX)[0])

    def gather(self, array):
        """Fill the other ranks' parts of `array`, along its first axis, from the other ranks."""
        parts = [array[part] for part in self.parts(len(array))]
        self.exchange([parts[self.rank]] * self.size, parts)

    def collect(self, parts):
        """Every rank's list of arrays → one list, in the order of the ranks, on every rank."""
        return [array for arrays in self.comm.allgather(parts) for array in arrays]

    def columns(self, own, n):
        """Every rank's own columns of a matrix (B, n) → all of it."""
        into = [np.empty((len(own), part.stop - part.start), own.dtype) for part in self.parts(n)]
        return np.concatenate(self.exchange([own] * self.size, into), axis=1)

    def own_columns(self, matrix):
        """Own columns of the sum over the ranks of a matrix (B, n)."""
        parts = [matrix[:, part] for part in self.parts(matrix.shape[1])]
        every = self.exchange(parts, [np.empty_like(parts[self.rank]) for _ in parts])
        return functools.reduce(np.add, every)

    def exchange(self, give, into):
        """Give each rank its array; into[rank] is then what that rank gives, and is returned."""
        into[self.rank] = give[self.rank]
        requests = []
        for rank in range(self.size):
            if rank != self.rank:
                requests.append(self.comm.Irecv(into[rank], rank))
                requests.append(self.comm.Isend(np.ascontiguousarray(give[rank]), rank))
        self.MPI.Request.Waitall(requests)
        return into
