"""A table in a text file, as people have them: commas, semicolons, tabs or blanks between cells,
a header or none, decimal points or commas, holes, a comment at the top, packed or not."""

import codecs
import contextlib
import csv
import gzip
import io
import re
from itertools import islice

import numpy as np

from numvae.datasets import files
from numvae.tables import cells
from numvae.tables.columns import Table
from numvae.text import printable

ROWS = 10_000  # that are read at once
LOOKED_AT = 50  # rows, to see what stands between cells, and whether the first is a header
DELIMITERS = "\t;|,"
UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE


def load(path, missing=()):
    """The Table in a text file.

    missing     words that stand for what is not known, beside `cells.MISSING`

    Raises  FileNotFoundError   no such file
            ValueError          not text, rows of different lengths, no rows
    """
    words = _words(missing)
    with files.reading(path, "table of text"):
        text = Text(path)
        columns, mistake = _columns(text, words)
    if mistake:
        raise ValueError(f"{path} {mistake}.")
    return _understood(text, columns)


def _words(missing):
    return cells.MISSING | {word.lower() for word in missing} if missing else cells.MISSING


class Text:
    """A text file as rows of cells.

    names       of the columns, from the header; None without one
    """

    def __init__(self, path):
        self.path, self.encoding = path, "utf-8-sig"
        with open(path, "rb") as file:
            start = file.read(2)
        self.is_packed = start == b"\x1f\x8b"
        if start in UTF_16:
            self.encoding = "utf-16"
        if start == b"PK":
            raise ValueError("it is a zip archive; if it is from Excel, let its name end in .xlsx")
        try:
            with self._opened() as file:
                for _ in file:
                    pass
        except UnicodeDecodeError:  # of programs that are older than UTF-8
            self.encoding = "cp1252"
        self.delimiter, self.n_skipped = None, 0
        with self._opened() as file:
            lines = list(islice(file, 4 * LOOKED_AT))
        if any("\0" in line for line in lines):
            raise ValueError("it holds bytes that are no text")
        filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        said = filled and re.fullmatch("sep=(.)\\s*", filled[0][1])  # which Excel puts first
        if said:
            self.n_skipped, _ = filled.pop(0)
        n_comments = next((i for i, (_, line) in enumerate(filled) if line[0] != "#"), len(filled))
        comments, below = filled[:n_comments], [line for _, line in filled[n_comments:]]
        self.delimiter = said[1] if said else _delimiter(below[:LOOKED_AT])
        if comments and self.delimiter:  # the last may be the header, as NumPy writes it
            rows = list(csv.reader([comments[-1][1], *below[:1]], delimiter=self.delimiter))
            if len(rows) == 2 and len(rows[0]) == len(rows[1]) > 1:
                comments.pop()
        if comments:
            self.n_skipped, _ = comments[-1]
        first = list(islice(self._rows(), LOOKED_AT))
        self.width, self.names = 0, None
        if first:
            self._look(first)

    def _look(self, first):
        """Find the header among the first rows, each (line, cells)."""
        header, *rest = ([cell.strip() for cell in row] for _, row in first)
        self.width = len(header)
        if _is_header(header, rest):
            names = [printable(name) for name in header]
            if names[0].startswith("# "):
                names[0] = names[0][2:]
            if rest and len(rest[0]) == len(header) + 1 and rest[0][-1]:  # R names its rows so
                names = ["", *names]
            self.names, self.width = _different(names), len(names)

    @contextlib.contextmanager
    def _opened(self):
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(self.path, "rb"))
            if self.is_packed:
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
            yield io.TextIOWrapper(file, encoding=self.encoding, newline="")

    def _rows(self):
        """(line, cells) of every row that is not blank, lines counted as a spreadsheet does."""
        with self._opened() as file:
            lines = islice(file, self.n_skipped, None)
            if self.delimiter == " ":
                lines = (" ".join(line.split()) for line in lines)
            reader = csv.reader(lines, delimiter=self.delimiter or ",")
            for row in reader:
                if len(row) > 1 or row and row[0].strip():
                    yield reader.line_num + self.n_skipped, row

    def rows(self):
        """The same without the header."""
        return islice(self._rows(), int(self.names is not None), None)


def cells_of(path, missing=()):
    """The names of the columns, and an iterator of the rows of cells, as they stand in a file that
    `load` has read; a cell that says nothing is None."""
    text, words = Text(path), _words(missing)
    names = text.names or [f"x{i + 1}" for i in range(text.width)]

    def rows():
        for _, row in text.rows():
            says = cells.known(row, words)
            yield [None if say is None else cell for say, cell in zip(says, row)][: text.width]

    return names, rows()


def _delimiter(lines):
    """What stands between the cells of lines; None: they have a single cell."""
    best = None, 0.5
    for mark in DELIMITERS:
        lengths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        if lengths and max(lengths) > 1:
            most = max(lengths)
            share = lengths.count(most) / len(lengths)
            if share > best[1]:
                best = mark, share
    if best[0] is None:
        lengths = {len(line.split()) for line in lines}
        return " " if len(lengths) == 1 and lengths != {1} else None
    return best[0]


def _is_header(first, rest):
    """Whether the first row names the columns: it has no number, or a text where numbers are below,
    or its numbers count something, such as years, and those below do not."""
    if not any(first):
        return False
    if not any(_number(cell) is not None for cell in first):
        return True
    for name, *below in zip(first, *rest):
        numbers = [_number(cell) is not None for cell in below if cell.lower() not in cells.MISSING]
        if name and _number(name) is None and numbers and all(numbers):
            return True
    return _counts(first) and not any(map(_counts, rest[:3]))


def _counts(row):
    """Whether the numbers in a row rise evenly: 1960, 1961, …; five at least, or three from 0 on,
    or beside an empty cell or a text."""
    numbers = [x for x in map(_number, row) if x is not None]
    steps = set(np.round(np.diff(numbers), 9))
    fewest = 2 if row[0] == "" else 3 if len(numbers) < len(row) or numbers[0] == 0 else 5
    return len(steps) == 1 and steps.pop() > 0 and len(numbers) >= fewest


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def _different(names):
    """The names, the second of a kind as a.1, as pandas has it."""
    seen, found = {}, []
    for name in names:
        n = seen.get(name, 0)
        seen[name] = n + 1
        found.append(f"{name}.{n}" if n else name)
    return found


def _columns(text, words):
    """The columns of a text, of numbers (float64) or of texts (objects, None: not known), and what
    is wrong with it, or None.

    A column in which a text comes late is read again from its start.
    """
    of_text, again = set(), True
    while again:
        parts, again, rows = [[] for _ in range(text.width)], False, text.rows()
        while block := list(islice(rows, ROWS)):
            for line, row in block:
                if len(row) != text.width:
                    if not "".join(row[text.width :]).strip():
                        del row[text.width :]
                    if len(row) == text.width:
                        continue
                    n = f"{len(row)} cell{'s' * (len(row) != 1)} in row {line}"
                    return [], f"has {n}, but {text.width} in its first row"
            for i, column in enumerate(zip(*(row for _, row in block))):
                numbers = None if i in of_text else cells.plain_numbers(column, words)
                if numbers is None:
                    again = again or i not in of_text and bool(parts[i])
                    of_text.add(i)
                    numbers = np.array(cells.known(column, words), dtype=object)
                parts[i].append(numbers)
    if not text.width:
        return [], "is empty"
    if not parts[0]:
        return [], "has nothing but a header"
    return [np.concatenate(part) for part in parts], None


def _understood(text, columns):
    """The Table of columns: texts that are numbers or dates, however written, become numbers."""
    names = text.names or [f"x{i + 1}" for i in range(len(columns))]
    table = dict(zip(names, columns))
    texts = [name for name, values in table.items() if values.dtype == object]
    read = {
        decimal: {name: cells.numbers(table[name], decimal) for name in texts}
        for decimal in (".", ",")
    }
    n_read = {decimal: sum(map(bool, found.values())) for decimal, found in read.items()}
    comma = n_read[","] > n_read["."] or n_read[","] == n_read["."] > 0 and text.delimiter != ","
    decimal, forms = "," if comma else ".", {}
    for name in texts:
        if found := read[decimal][name] or cells.dates(table[name]):
            table[name], forms[name] = found
    return Table(
        table,
        {name: form for name, form in forms.items() if form != "{}"},
        named=text.names is not None,
        delimiter={None: ",", " ": ","}.get(text.delimiter, text.delimiter),
        decimal=decimal,
        first=1 + text.n_skipped + (text.names is not None),
        note=f"read as {text.encoding}" if text.encoding in ("cp1252", "utf-16") else "",
    )
