"""Worker processes of one machine that share a training, without MPI: a team that starts them.

The program is rank 0. `share` gives it its part of a Training; `run` starts the other ranks, and
sends each of them the training, the rows, and what to do next. A worker is a new interpreter: it
imports numvae and nothing of the program, so scripts, notebooks and threads may start one.

What a step exchanges goes through memory that all processes map. It has no name: when the last of
them has ended, however that was, nothing is left of it. So the training rows are there once.

Read next: hidden_units.
"""

import contextlib
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import numpy as np

from numvae import threads
from numvae.parallel import sharing
from numvae.parallel.ranks import Ranks
from numvae.rows import Rows
from numvae.training.interrupt import Interrupt
from numvae.training.watchdog import Diverged

BOX = 2**22  # bytes that one rank gives another at once
SPINS = 2000  # looks at the counters before a waiting rank lets others run
PATIENCE = 0.002  # seconds after which it sleeps between its looks, and sees whether all are alive
START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from numvae.parallel.workers import work; work()"
)


class Memory:
    """Bytes that this process and its workers map. `number` is that of an open file."""

    def __init__(self, size, number=None):
        if number is None:
            number = os.memfd_create("numvae") if hasattr(os, "memfd_create") else _file()
            os.ftruncate(number, size)
        self.number, self.size = number, size
        self.bytes = np.frombuffer(mmap.mmap(number, size), np.uint8)

    def close(self):
        """The pages go when nothing maps them any more."""
        os.close(self.number)


def _file():
    with tempfile.TemporaryFile() as file:  # has no name
        return os.dup(file.fileno())


class Exchange(Ranks):
    """Ranks that exchange arrays through memory.

    Each rank has a counter in the memory, and for each rank that it gives something a box, two of
    each: what is in one may still be read while the other is filled. A counter rises when a rank
    has filled its boxes; a rank that has seen all counters rise may read.

    alive()     is called by a rank that waits; raises if it would wait for ever
    """

    def __init__(self, memory, rank, size, alive):
        self.rank, self.size, self.alive, self.turn = rank, size, alive, 0
        counters = memory.bytes[: size * mmap.PAGESIZE].view(np.int64)
        self.counters = counters[:: mmap.PAGESIZE // 8]  # no two in one line of a cache
        self.boxes = memory.bytes[size * mmap.PAGESIZE :].reshape(2, size, size, BOX)

    @staticmethod
    def bytes_needed(size):
        return size * mmap.PAGESIZE + 2 * size * size * BOX

    def reduce(self, array, operation):
        every = [np.empty_like(array) for _ in range(self.size)]
        self.exchange([array.copy()] * self.size, every)
        array[...] = every[0]
        for other in every[1:]:  # in the same order on all ranks: the same bits
            operation(array, other, out=array)
        return array

    def exchange(self, give, into):
        out = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in give]
        received = [np.empty(array.nbytes, np.uint8) for array in into]
        longest = max(part.nbytes for part in out + received)
        for start in range(0, longest, BOX):
            boxes = self.boxes[self.turn % 2]
            for rank in range(self.size):
                part = out[rank][start : start + BOX]
                boxes[self.rank, rank, : len(part)] = part
            self.wait()
            for rank in range(self.size):
                part = received[rank][start : start + BOX]
                part[...] = boxes[rank, self.rank, : len(part)]
        for array, part in zip(into, received):
            array[...] = part.view(array.dtype).reshape(array.shape)
        return into

    def allgather(self, thing):
        mine = np.frombuffer(pickle.dumps(thing), np.uint8)
        sizes = [np.zeros(1, np.int64) for _ in range(self.size)]
        self.exchange([np.array([mine.size])] * self.size, sizes)
        parts = [np.empty(int(size[0]), np.uint8) for size in sizes]
        return [pickle.loads(part) for part in self.exchange([mine] * self.size, parts)]

    def wait(self):
        """Until every rank is here."""
        self.turn += 1
        self.counters[self.rank] = self.turn
        looks, began = 0, time.monotonic()
        while self.counters.min() < self.turn:
            looks += 1
            if looks > SPINS:
                waited = time.monotonic() - began
                time.sleep(0 if waited < PATIENCE else PATIENCE)
                if waited > PATIENCE:
                    self.alive()
