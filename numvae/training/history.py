"""What every epoch measured, and the CSV file of it, which a spreadsheet opens.

Columns, all in nats per example:

    epoch                               1, 2, …
    train_elbo, train_nll, train_kl     averaged while the epoch was being trained
    valid_elbo, valid_nll, valid_kl     on the held-out examples, after the epoch
    gradient_norm                       ‖∂loss/∂parameters‖, averaged over the epoch's steps

with elbo = −(nll + kl), whatever the weight of the KL in the loss was.

Read next: checkpoint.
"""

import csv
import io
import itertools
import math
from pathlib import Path

from numvae.constraints import COUNT, Fields, Measured
from numvae.files import append, write_atomically

TRAIN, VALID = (
    [f"{prefix}_{term}" for term in ("elbo", "nll", "kl")] for prefix in ("train", "valid")
)
COLUMNS = ["epoch", *TRAIN, "gradient_norm"], ["epoch", *TRAIN, *VALID, "gradient_norm"]
MOST = 10_000  # rows in a model's file
NUMBERS = dict.fromkeys([*TRAIN, *VALID, "gradient_norm"], Measured())
FIELDS = Fields({"epoch": COUNT, **NUMBERS}, may_lack=VALID)


def row(value):
    """A constraint: a row of a history, with or without what was measured on held-out examples."""
    value = FIELDS(value)
    if 0 < len(value.keys() & VALID) < len(VALID):
        raise ValueError(f"must have all of {', '.join(VALID)}, or none.")
    return value


def in_order(rows, epoch):
    """Whether rows are of epochs from 1 to `epoch`, each later than the one before."""
    epochs = itertools.chain([0], (row["epoch"] for row in rows), [epoch + 1])
    return all(a < b for a, b in itertools.pairwise(epochs))


def thinned(rows):
    """At most so many rows as a model's file holds: all of them, or evenly some, and the last."""
    return rows[:: -max(1, math.ceil(len(rows) / MOST))][::-1]


class History(list):
    """A list of one dict per epoch that was measured. Its file only grows, so that saving a long
    history costs no more than a short one."""

    saved = None, 0, 0  # the file as it was left: its path, how many rows, how many bytes

    def save(self, path):
        """Append the rows that are new to the file, with every digit that the numbers have.

        A file that is not as this history left it, such as that of a process that died after it
        had written more, is written anew.
        """
        if not self:
            return
        path, (where, n, size) = Path(path), self.saved
        if where != path or not path.is_file() or path.stat().st_size != size:
            n, size = 0, 0
        text = io.StringIO()
        writer = csv.DictWriter(text, self[0], lineterminator="\n")
        if n == 0:
            writer.writeheader()
        writer.writerows(self[n:])
        content = text.getvalue().encode()
        (append if n else write_atomically)(path, content)
        self.saved = path, len(self), size + len(content)

    @classmethod
    def read(cls, path, n, epoch):
        """The first n rows of a file, measured up to an epoch; none where there is no file.

        Raises  ValueError   it does not hold them
        """
        path = Path(path)
        if not path.is_file():
            return cls()
        try:
            with open(path, newline="", encoding="utf-8-sig") as file:
                if not in_order(_rows(file, n), epoch):  # before any row is kept
                    raise ValueError
                file.seek(0)
                return cls(_rows(file, n))
        except (ValueError, csv.Error):
            raise ValueError(
                f"{path} does not begin with the {n} rows of its checkpoint, as they were written. "
                "Put the file back as it was, or delete it to go on without them."
            ) from None


def _rows(file, n):
    """The first n rows of an open file, one by one.

    Raises  ValueError, csv.Error   there are none, or not so many
    """
    table = csv.reader(_lines(file))
    columns = next(table, None)
    if columns not in COLUMNS:
        raise ValueError
    kinds = [int, *[float] * (len(columns) - 1)]
    for _ in range(n):
        values = zip(columns, kinds, next(table, ()), strict=True)
        yield {name: kind(text) for name, kind, text in values}


def _lines(file):
    """The lines of an open file, each of which must have its end.

    Raises  ValueError   one has none, or is longer than any row
    """
    while line := file.readline(1000):
        if line[-1] != "\n":
            raise ValueError
        yield line
