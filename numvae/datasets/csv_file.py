"""A table of numbers in a text file: commas, semicolons or tabs between the cells."""

import csv
import warnings

import numpy as np

from numvae.datasets import files
from numvae.text import printable


def load(path, missing=False):
    """The table (N, D) float64 in a .csv file, and a note about its header.

    The first row is a header, and left out, if none of its cells is a number, or if it counts the
    columns: 0, 1, 2, …

    missing an empty cell is NaN; otherwise it is a mistake

    Raises  FileNotFoundError   no such file
            ValueError          a cell that is no number, rows of different lengths, no rows
    """
    with files.reading(path, "CSV text"):
        with open(path, encoding="utf-8-sig", newline="") as file:
            line = next(filter(str.strip, file), "")
        between = next((mark for mark in "\t;" if mark in line), ",")
        _, first = next(_rows(path, between), (1, []))
    if not first:
        raise ValueError(f"{path} is empty.")
    counted = len(first) > 2 and first == [str(i) for i in range(len(first))]
    named = any(first) and not any(map(_is_number, first))
    header = list(map(printable, first)) if counted or named else None
    with files.reading(path, "CSV text"):
        try:
            table = _parse(path, between, header, missing)
            if table.size and table.shape[1] != len(first):
                raise ValueError("its quotes do not match")
        except ValueError:
            mistake = _mistake(path, between, header, first, missing)
            if mistake is None:
                raise
        else:
            mistake = "nothing but a header" if table.size == 0 else None
    if mistake:
        raise ValueError(f"{path} has {mistake}.")
    names = ", ".join((header or [])[:3]) + (", …" if len(first) > 3 else "")
    return table, f"columns {names}" if header else ""


def _parse(path, between, header, missing):
    with open(path, encoding="utf-8-sig", newline="") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an empty table
        lines = filter(str.strip, file)
        if header:
            next(lines)
        number = (lambda cell: float(cell) if cell.strip() else np.nan) if missing else None
        return np.loadtxt(
            *(lines, float, None, between, number), ndmin=2, quotechar='"', encoding=None
        )


def _mistake(path, between, header, first, missing):
    """What is wrong with a table that could not be read, found by a second, slow reading."""
    rows = _rows(path, between)
    if header:
        next(rows)
    for number, row in rows:
        if len(row) != len(first):
            return f"{len(row)} cells in row {number}, but {len(first)} in its first row"
        for column, cell in enumerate(row):
            if not (_is_number(cell) or missing and not cell):
                name = f" ({header[column]})" if header else ""
                where = f"row {number}, column {column + 1}{name}"
                if not cell.strip():
                    return f"an empty cell in {where}; if it is not known, train with --missing"
                return f"{cell!r} in {where}; expected a number"


def _rows(path, between):
    """(number, cells) of every row that is not blank, counted as a spreadsheet does."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=between)
        for row in reader:
            if len(row) > 1 or row and row[0].strip():  # not a blank line
                yield reader.line_num, [cell.strip() for cell in row]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
