"""The ranks of an MPI communicator: a team that shares a training.

Read next: workers.
"""

import contextlib
import signal
import sys
import time
import traceback

import numpy as np

from numvae.parallel import sharing
from numvae.parallel.ranks import Ranks
from numvae.training.interrupt import Interrupt

PATIENCE = 5.0  # seconds from the first rank that ends to the last


class SharedInterrupt(Interrupt):
    """A signal that any rank was sent, on all of them."""

    def __init__(self, ranks, *more):
        super().__init__(*more)
        self.ranks = ranks

    def asked(self):
        number = self.ranks.largest(self.signal or 0)
        return signal.Signals(number) if number else None


class MPIRanks(sharing.Team, Ranks):
    """The team of an MPI communicator."""

    def __init__(self, comm):
        from mpi4py import MPI

        self.MPI, self.comm, self.rank, self.size = MPI, comm, comm.rank, comm.size
        self.operations = {np.add: MPI.SUM, np.maximum: MPI.MAX}

    @contextlib.contextmanager
    def together(self):
        """What any rank raises inside, all raise: the others would wait for it for ever."""
        mine = None
        try:
            yield
        except BaseException as error:
            mine = error
        raised = [error for error in self.allgather(mine) if error is not None]
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
        """Make sure that all ranks hold the same Training and rows X, and can share it.

        Raises  ValueError   the sentence names the first difference
        """
        if self.size == 1:
            return
        with self.together():
            mine = sharing.fingerprint(training, X, self.size)
            self.shares = sharing.kind(training, self.size).shares
        every = self.allgather(mine)
        for rank, theirs in enumerate(every):
            for name, value in theirs.items():
                if value != every[0][name]:
                    raise ValueError(
                        f"rank {rank} differs from rank 0 in its {name}: {value}, not "
                        f"{every[0][name]}; start all ranks with the same installation, settings "
                        "and data."
                    )

    def interrupt(self, *more):
        return SharedInterrupt(self, *more) if self.size > 1 else Interrupt(*more)

    def run(self, training, *rows, **more):
        if self.size == 1:
            return training.run(*rows, **more)
        with self.sharing(training, self) as shared:
            shared.run(*rows, **more)

    # What `Ranks` builds on.

    def reduce(self, array, operation):
        self.comm.Allreduce(self.MPI.IN_PLACE, array, self.operations[operation])
        return array

    def exchange(self, give, into):
        into[self.rank] = give[self.rank]
        requests = []
        for rank in range(self.size):
            if rank != self.rank:
                requests.append(self.comm.Irecv(into[rank], rank))
                requests.append(self.comm.Isend(np.ascontiguousarray(give[rank]), rank))
        self.MPI.Request.Waitall(requests)
        return into

    def allgather(self, thing):
        return self.comm.allgather(thing)
