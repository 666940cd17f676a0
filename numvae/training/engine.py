"""Who trains: one process alone, or several ranks under MPI that share every step.

They share it in one of two ways, by what has to travel less. `Ranks` share the rows of a batch:
each computes the gradient of its rows, and the sum over the ranks is the gradient of the batch. An
optimizer's rule is elementwise, so each rank needs that sum, and moves the parameters, in its own
part of the flat vector only: one exchange joins the gradients, part by part, and another puts the
parameters together again. `Units` share the units of every layer: each rank computes all rows, for
its own columns of every W, and its model exchanges activations (see network/units.py). The loop
asks an engine for this, and an engine that is alone has next to nothing to do.

Every rank calls every method in the same order with arrays of the same shape: that is all there is
to know about programs under MPI.

Read next: network/units.py, or on with watchdog, history, checkpoint.
"""

import contextlib
import functools
import math
import os
import subprocess
import sys
import time
import traceback

import numpy as np

from numvae.network.autoencoder import Autoencoder
from numvae.network.objectives import Losses
from numvae.network.units import OwnUnits, width, worth_sharing


class Alone:
    """One process, and nobody to talk to."""

    rank, size = 0, 1
    shares = "nothing"

    def share(self, training):
        """What this rank is to do of a run that all ranks have alike: a Training, to be trained."""
        training.engine = self
        return training

    def whole(self, training):
        """The run as it stands, from what `share` gave to each rank: on all of them alike."""
        return training

    def rows(self, n):
        """The rows of a batch of n that are computed here, and their share in its mean."""
        return slice(0, n), 1.0

    def part(self, n):
        """The part of n things that is this rank's."""
        return slice(0, n)

    def join(self, losses, gradient):
        """From this rank's share of the losses and the gradient to the sums over all ranks.

        Returns  Losses; in `gradient` the rank's own part is then that of the whole batch
        """
        return losses

    def norm(self, gradient):
        """The length of the whole gradient, of which each rank has its own part."""
        own = gradient[self.part(gradient.size)]
        return math.sqrt(self.total(np.array(np.dot(own, own), np.float64)))

    def gather(self, array):
        """Every rank's own part of `array`, along its first axis, to all of them."""

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
    """The processes of an MPI communicator, such as mpi4py's MPI.COMM_WORLD; they share rows."""

    shares = "the rows of every batch"

    def __init__(self, comm):
        from mpi4py import MPI

        self.MPI, self.comm, self.rank, self.size = MPI, comm, comm.rank, comm.size

    def share(self, training):
        examples, samples = training.batch_size, training.n_samples
        if self.size > 1 and worth_sharing(training.model, examples, samples, self.size):
            return Units(self.comm).share(training)
        return super().share(training)

    def whole(self, training):
        for memory in training.optimizer.memory.values():
            self.gather(memory)
        return training

    def rows(self, n):
        if n < self.size:  # too few to share: each computes them all, and counts for little
            return slice(0, n), 1.0 / self.size
        mine = self.part(n)
        return mine, width(mine) / n

    def part(self, n):
        return self._parts(n)[self.rank]

    def join(self, losses, gradient):
        parts = [gradient[part] for part in self._parts(len(gradient))]
        own = parts[self.rank]
        for rank, theirs in enumerate(self._exchange(parts, [np.empty_like(own) for _ in parts])):
            if rank != self.rank:
                own += theirs
        return Losses(*self.total(np.array(losses, np.float64)).tolist())

    def gather(self, array):
        parts = [array[part] for part in self._parts(len(array))]
        self._exchange([parts[self.rank]] * self.size, parts)

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

    def columns(self, own, n):
        """From every rank's own columns of a matrix (B, n) to all of it."""
        into = [np.empty((len(own), width(part)), own.dtype) for part in self._parts(n)]
        return np.concatenate(self._exchange([own] * self.size, into), axis=1)

    def own_columns(self, matrix):
        """Own columns of the sum over the ranks of a matrix (B, n)."""
        parts = [matrix[:, part] for part in self._parts(matrix.shape[1])]
        every = self._exchange(parts, [np.empty_like(parts[self.rank]) for _ in parts])
        return functools.reduce(np.add, every)

    def _parts(self, n):
        """Every rank's part of n things."""
        return [slice(n * r // self.size, n * (r + 1) // self.size) for r in range(self.size)]

    def _exchange(self, give, into):
        """Give each rank its array; into[rank] is then what that rank gives, and is returned."""
        into[self.rank] = give[self.rank]
        requests = []
        for rank in range(self.size):
            if rank != self.rank:
                requests.append(self.comm.Irecv(into[rank], rank))
                requests.append(self.comm.Isend(np.ascontiguousarray(give[rank]), rank))
        self.MPI.Request.Waitall(requests)
        return into


class Units(Ranks):
    """The same processes; they share the units of the model, and each has all rows of a batch.

    The model that a rank trains has own parameters only, so there is nothing to join and gather.
    """

    shares = "the units of every layer"
    rows, part, join, gather = Alone.rows, Alone.part, Alone.join, Alone.gather

    def share(self, training):
        own = OwnUnits(training.model.config, Ranks(self.comm))
        return Alone.share(self, training.with_model(own, own.own))

    def whole(self, training):
        model = Autoencoder(**training.model.config)
        return training.with_model(model, training.model.whole)


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
        time.sleep(0.2)  # for mpiexec to pass this on: it ends at once when a rank aborts
        MPI.COMM_WORLD.Abort(1)

    sys.excepthook = fail
    if MPI.COMM_WORLD.rank:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 until the process ends
    return Ranks(MPI.COMM_WORLD)
