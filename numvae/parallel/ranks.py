"""What the processes that share a training exchange, whatever carries it.

Read next: sharing.
"""

import functools

import numpy as np


class Ranks:
    """Processes with the numbers 0 … size − 1, of which this is `rank`.

    All of them call the same methods in the same order, with arrays of the same shapes. `mpi` and
    `workers` bring the three that carry something:

        reduce(array, operation)    the sum or the maximum over the ranks, in place; returns it
        exchange(give, into)        give each rank its array, two lists; into[rank] is then what
                                    that rank gives, and `into` is returned
        allgather(thing)            the list of what each rank gives, any object
    """

    rank, size = 0, 1

    def parts(self, n):
        """The part of n things that belongs to each rank, as slices."""
        return [slice(n * r // self.size, n * (r + 1) // self.size) for r in range(self.size)]

    def part(self, n):
        """The part of n things that belongs to this rank."""
        return self.parts(n)[self.rank]

    def total(self, array):
        """The sum over the ranks, in place; returns the array."""
        return self.reduce(array, np.add)

    def largest(self, number):
        """The largest whole number that any rank gave."""
        return int(self.reduce(np.array([number], np.int64), np.maximum)[0])

    def gather(self, array):
        """Fill the other ranks' parts of `array`, along its first axis, from the other ranks."""
        parts = [array[part] for part in self.parts(len(array))]
        self.exchange([parts[self.rank]] * self.size, parts)

    def collect(self, parts):
        """Every rank's list of arrays → one list, in the order of the ranks, on every rank."""
        return [array for arrays in self.allgather(parts) for array in arrays]

    def columns(self, own, n):
        """Every rank's own columns of a matrix (B, n) → all of it."""
        into = [np.empty((len(own), part.stop - part.start), own.dtype) for part in self.parts(n)]
        return np.concatenate(self.exchange([own] * self.size, into), axis=1)

    def own_columns(self, matrix):
        """Own columns of the sum over the ranks of a matrix (B, n)."""
        parts = [matrix[:, part] for part in self.parts(matrix.shape[1])]
        every = self.exchange(parts, [np.empty_like(parts[self.rank]) for _ in parts])
        return functools.reduce(np.add, every)
