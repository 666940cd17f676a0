"""Worker processes on one machine that share a training, without MPI.

The program is rank 0. It starts the others when a training runs, sends them the rows, and trains
alone while they start: a fixed number of steps, so that every run has the same bits. Then it sends
them the training as it stands. A worker is a new interpreter: it imports numvae and nothing of the
program, so scripts, notebooks and threads can start it.

All that a step exchanges, and the rows, lies in memory that the processes map. It has no name: when
the last of them has ended, however that was, nothing of it is left.

Read next: hidden_units.
"""

import contextlib
import io
import itertools
import math
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import numpy as np

from numvae.hardware import THREADS, limited_threads
from numvae.parallel import OneProcess, sharing
from numvae.parallel.ranks import Ranks
from numvae.training.watchdog import Diverged

BOX = 2**22  # bytes that one rank gives another at a time
LARGE = 2**16  # bytes of an array that is sent through shared memory
LINE = 128  # bytes between two counters, so that no two are in one line of a cache
SPINS = 3000  # times a waiting rank reads a counter before it yields the processor
ALONE = 3_000_000_000  # products, see `sharing.n_products`, in the time in which a worker starts
PATIENCE = 0.002  # seconds of reading and yielding before it sleeps between reads
MAIN = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from numvae.parallel import workers; workers.main()"
)


# Memory.


def shared_memory(size, file=None):
    """Zeros (size,) of one byte that other processes can map by the number of the open file."""
    if file is None:
        file = os.memfd_create("numvae") if hasattr(os, "memfd_create") else _nameless()
        os.ftruncate(file, size)
    return np.frombuffer(mmap.mmap(file, size), np.uint8), file


def _nameless():
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Exchange(Ranks):
    """What each rank gives another lies in a box of the memory, and a counter says that it is
    there. Of each box there are two: one is read while the other is filled.

    check   called by a rank that waits: raises if it would wait for ever
    """

    def __init__(self, memory, rank, size, check):
        self.rank, self.size, self.check, self.turn = rank, size, check, 0
        self.others = [other for other in range(size) if other != rank]
        self.counters = memoryview(memory)[: size * LINE].cast("q")
        self.boxes = memory[size * LINE :].reshape(2, size, size, BOX)
        self.fence = threading.Lock()

    @staticmethod
    def bytes_needed(size):
        return size * LINE + 2 * size * size * BOX

    def reduce(self, array, operation):
        into = [np.empty_like(array) for _ in range(self.size)]
        first, *others = self.exchange([array] * self.size, into)
        array[...] = first
        for other in others:  # in the same order on every rank, for the same bits
            operation(array, other, out=array)
        return array

    def exchange(self, give, into):
        into[self.rank][...] = give[self.rank]
        n = max(array.nbytes for array in (*give, *into))
        if n <= BOX:
            self._exchange(give, into)
        else:
            n_parts = 2 * -(-n // BOX)
            parts = [[np.array_split(a.reshape(-1), n_parts) for a in g] for g in (give, into)]
            for some in zip(*parts[0], *parts[1]):
                self._exchange(some[: self.size], some[self.size :])
        return into

    def _exchange(self, give, into):
        boxes = self.boxes[self.turn % 2]
        for rank in self.others:
            _as(boxes[self.rank, rank], give[rank])[...] = give[rank]
        self.wait()
        for rank in self.others:
            into[rank][...] = _as(boxes[rank, self.rank], into[rank])

    def allgather(self, thing):
        mine = np.frombuffer(pickle.dumps(thing), np.uint8)
        sizes = self.exchange(
            [np.array([mine.size])] * self.size, [np.zeros(1, int) for _ in range(self.size)]
        )
        every = self.exchange([mine] * self.size, [np.empty(int(n[0]), np.uint8) for n in sizes])
        return [pickle.loads(each) for each in every]

    def wait(self):
        """Return when every rank has come here."""
        for _ in range(2):  # what was written before is seen before the counter, on any processor
            with self.fence:
                pass
        self.turn += 1
        counters, step, looks = self.counters, LINE // 8, 0
        counters[step * self.rank] = self.turn
        for other in self.others:
            while counters[step * other] < self.turn:
                looks += 1
                if looks == SPINS:
                    began = time.monotonic()
                elif looks > SPINS:
                    waited = time.monotonic() - began
                    time.sleep(0.0 if waited < PATIENCE else min(0.01, waited / 10))
                    if waited > PATIENCE:
                        self.check()


def _as(box, array):
    """The box as an array of the same kind."""
    return box[: array.nbytes].view(array.dtype).reshape(array.shape)


# The program, rank 0.


class Started(Exception):
    """Raised in the program's own training when the workers have started."""


class Workers(sharing.Team, OneProcess):
    """A team of one, whose trainings worker processes share while they run."""

    threads = 1

    def __init__(self, n_most):
        self.n_most, self.processes = n_most, []

    def share(self, training, X):
        self.size = sharing.best_size(training, len(X), self.n_most)
        if self.size > 1:
            self.shares = sharing.kind(training, self.size).shares

    def run(
        self,
        training,
        X,
        X_valid=None,
        epochs=None,
        on_step=None,
        on_epoch=None,
        asked=bool,
        close_epoch=False,
    ):
        if self.size > 1:
            try:
                ranks = self.start((X, X_valid, epochs, close_epoch))
            except OSError as error:
                if isinstance(error, ChildProcessError):  # it was started, and has ended
                    raise
                self.size = 1
                text = f"No worker process could be started ({error}): one process trains alone."
                warnings.warn(text, RuntimeWarning, stacklevel=2)
        if self.size == 1:
            super().run(training, X, X_valid, epochs, on_step, on_epoch, asked, close_epoch)
            return

        taken, n_alone = itertools.count(1), math.ceil(ALONE / sharing.n_products(training, len(X)))

        def alone(n_seen):
            if on_step:
                on_step(n_seen)
            if next(taken) >= n_alone:
                raise Started

        def then(row):
            if on_epoch:
                on_epoch(row)
            self.send("go on")

        def agreed():
            return ranks.largest(asked() or 0)

        try:
            with limited_threads(self.threads):
                try:
                    training.run(X, X_valid, epochs, alone, on_epoch, asked, close_epoch)
                    return  # it has ended before they were needed
                except Started:
                    self.send(training)
                with self.sharing(training, ranks) as shared:
                    shared.run(X, X_valid, epochs, on_step, then, agreed, close_epoch)
        finally:
            self.end()

    def whole(self, training):
        if self.shared:
            self.send("whole")
        super().whole(training)

    def start(self, things):
        """Start the workers, and send each of them its place and some things → the Ranks of all."""
        memory, file = shared_memory(Exchange.bytes_needed(self.size))
        message, files, fill = packed(things)
        try:
            for _ in range(1, self.size):
                with contextlib.ExitStack() as unless_started:
                    errors = unless_started.enter_context(tempfile.TemporaryFile())
                    process = subprocess.Popen(
                        [sys.executable, "-c", MAIN],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=errors,
                        pass_fds=[file, *files],
                        env={**os.environ, **dict.fromkeys(THREADS, str(self.threads))},
                        start_new_session=True,  # Ctrl-C, a closed terminal: rank 0 notices them
                    )
                    self.processes.append((process, errors))
                    unless_started.pop_all()
            fill()  # while the interpreters start
            for rank, (process, _) in enumerate(self.processes, start=1):
                place = pickle.dumps((file, rank, self.size, os.getpid()))
                self._write(process, pickle.dumps(sys.path) + place + message)
        except BaseException:
            self.end()
            raise
        finally:
            for each in (file, *files):
                os.close(each)
        return Exchange(memory, 0, self.size, self.check)

    def send(self, what):
        """Send the workers, which wait for it, a training to run, or what to do after an epoch or a
        run."""
        for process, _ in self.processes:
            self._write(process, pickle.dumps(what))

    def _write(self, process, message):
        try:
            process.stdin.write(message)
            process.stdin.flush()
        except BrokenPipeError:
            process.wait()
            self.check()

    def check(self):
        """Raises  ChildProcessError   a worker has ended"""
        for process, errors in self.processes:
            if process.poll() is not None:
                errors.seek(0)
                said = errors.read().decode(errors="replace").split("\n")
                why = next((line for line in reversed(said) if line), "it says nothing")
                if process.returncode < 0:
                    why = signal.Signals(-process.returncode).name
                raise ChildProcessError(
                    f"a worker process that shared the training has ended ({why}), so the training "
                    "has ended too."
                )

    def end(self):
        for process, errors in self.processes:
            process.kill()
            process.wait()
            errors.close()
            with contextlib.suppress(BrokenPipeError):  # of what it has not read
                process.stdin.close()
        self.processes = []


# A worker.


def main():
    """What a worker does: run what it is sent, and at the end of each epoch as it is told."""
    orders = sys.stdin.buffer
    file, rank, size, parent = pickle.load(orders)

    def check():
        if os.getppid() != parent:
            sys.exit("the program has ended")

    memory, _ = shared_memory(Exchange.bytes_needed(size), file)
    ranks = Exchange(memory, rank, size, check)
    X, X_valid, epochs, close_epoch = Unpacker(orders).load()
    training = pickle.load(orders)
    shared = sharing.share(training, ranks)

    def obey(row=None):
        while pickle.load(orders) == "whole":
            shared.whole()

    def asked():
        return ranks.largest(0)

    with contextlib.suppress(Diverged):  # rank 0 says it
        shared.run(X, X_valid, epochs, on_epoch=obey, asked=asked, close_epoch=close_epoch)
    obey()


# What is sent to the workers.


class Packer(pickle.Pickler):
    """Pickles large arrays as places in shared memory, and memory maps as places in their file."""

    def __init__(self, stream):
        super().__init__(stream)
        self.files, self.places, self.copies = [], {}, []

    def persistent_id(self, thing):
        if isinstance(thing, np.memmap) and _is_whole(thing) and thing.mode == "r":
            return "map", str(thing.filename), thing.dtype, thing.offset, thing.shape
        if not isinstance(thing, np.ndarray) or thing.nbytes < LARGE or thing.dtype.hasobject:
            return None
        if id(thing) not in self.places:
            memory, file = shared_memory(thing.nbytes)
            self.copies.append((_as(memory, thing), thing))
            self.files.append(file)
            self.places[id(thing)] = "memory", file, thing.nbytes, thing.dtype, thing.shape
        return self.places[id(thing)]


def _is_whole(X):
    """Whether a memory map is all that was mapped: a part of it has the offset of the whole."""
    return isinstance(X.base, mmap.mmap) and X.flags.c_contiguous


class Unpacker(pickle.Unpickler):
    """The way back. Large arrays are there once, so they cannot be written to."""

    def persistent_load(self, place):
        kind, where, *rest = place
        if kind == "map":
            dtype, offset, shape = rest
            return np.memmap(where, dtype, "r", offset, shape)
        size, dtype, shape = rest
        memory, _ = shared_memory(size, where)
        memory.flags.writeable = False
        return memory.view(dtype).reshape(shape)


def packed(thing):
    """The bytes of a pickle, the open files that it speaks of, and what fills them: a function."""
    stream = io.BytesIO()
    packer = Packer(stream)
    packer.dump(thing)

    def fill():
        for memory, array in packer.copies:
            memory[...] = array

    return stream.getvalue(), packer.files, fill
