"""Data of the user's own: a file of rows or of images, or a folder of images.

Read next: array_files, csv_file, image_folder.
"""

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numvae.datasets import array_files, csv_file, image_folder, table_files
from numvae.datasets.found import described
from numvae.rows import BLOCK_BYTES, ROUNDING, blocks, read
from numvae.rules.negative_binomial import COUNTS
from numvae.tables import columns as of_tables
from numvae.text import printable

READERS = {
    ".npy": array_files.npy,
    ".npz": array_files.npz,
    ".mat": array_files.mat_file,
    ".h5": array_files.hdf5_file,
    ".hdf5": array_files.hdf5_file,
    ".h5ad": array_files.hdf5_file,
    ".idx": array_files.idx_file,
    ".idx.gz": array_files.idx_file,
    "-ubyte": array_files.idx_file,
    "-ubyte.gz": array_files.idx_file,
}
TEXTS = tuple(
    f"{kind}{packed}" for kind in (".csv", ".tsv", ".txt", ".dat") for packed in ("", ".gz")
)
TABLES = (*TEXTS, *table_files.READERS)
NAMED = (".npz", ".mat", ".h5", ".hdf5", ".h5ad")  # may hold several: FILE:NAME is one of them
WHOLE, SAMPLED = 2**28, 1000  # bytes of which a digest is of all rows; else of so many rows
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")


def is_own(path):
    """Whether this is the path of something that can be read here."""
    return (
        path != "" and Path(path).is_dir() or _split(path)[0].lower().endswith((*READERS, *TABLES))
    )


def is_there(path):
    """Whether the file or folder of this path is there."""
    return Path(_split(path)[0]).exists()


def advice(path):
    """What to do with a file that is not read here, in a sentence, or nothing."""
    suffix = Path(path).suffix.lower()
    if suffix in PICKLES:
        return (
            f"{path} is a pickle, which can run any program while it is read, so it is not opened; "
            "if you trust it, load it yourself and save its array by np.save."
        )
    if suffix in image_folder.SUFFIXES:
        return f"{path} is one image file; give the folder that it lies in, with all the others."
    if Path(path).is_file():
        return (
            f"{path} has an ending that is not known; save it as one of "
            f"{', '.join((*READERS, *TABLES))}."
        )
    return ""


@dataclass
class Own:
    """Rows as they are on disk, and what they mean."""

    rows: np.ndarray  # (N, D)
    scale: float  # what a value is divided by
    dtype: str  # of the examples: float64 where they may need its digits
    shape: tuple  # of one example
    likelihood: str  # the one that suits the values
    limits: tuple  # the values that are drawn black and white: 0 and 1, or those of the examples
    bits: int | None  # of a pixel, where each value is one of 2^bits shades from 0 to 1
    summary: str  # one sentence about all this
    table: object = None  # the tables.columns.Table that was read, if it was one
    columns: object = None  # what its columns are for a model: tables.columns.Columns
    known: dict = field(default_factory=dict)  # name → (N,): labels, see `found.labels`
    n_train: int | None = None  # the first so many are to train on, by a split of the file's own

    def examples(self, numbers):
        """The examples of these numbers; of a memory map they stay on disk."""
        if isinstance(self.rows, (np.memmap, Mapped)):
            return Mapped(self.rows, numbers, self.scale, self.dtype)
        return scaled(self.rows[numbers], self.scale, self.dtype)

    def digest(self, names=()):
        """A hash of the examples in their order, and of the labels of these names: other numbers,
        or the same ones in another order, have another. Of more than 256 MB, 1,000 examples stand
        for all."""
        n, row = len(self.rows), self.rows.shape[1] * np.dtype(self.dtype).itemsize
        numbers = np.arange(n) if n * row <= WHOLE else np.linspace(0, n - 1, SAMPLED).astype(int)
        found = hashlib.sha256(f"{n} {self.rows.shape[1]} {self.dtype}".encode())
        for start in range(0, len(numbers), at_once := max(1, BLOCK_BYTES // row)):
            x = self.examples(numbers[start : start + at_once])[:]
            found.update(x.astype(x.dtype.newbyteorder("<"), copy=False))
        for name in (name for name in names if name in self.known):
            found.update(str(self.known[name].tolist()).encode())
        return found.hexdigest()[:32]


class Mapped:
    """Rows of a memory map that become real numbers when they are taken; for NumPy, an array.

    columns     which numbers of a row are taken, in this order; None: all
    """

    def __init__(self, X, numbers, scale, dtype, columns=None):
        self.X, self.numbers, self.scale, self.columns = X, numbers, scale, columns
        self.dtype = np.dtype(dtype)
        self.shape = len(numbers), X.shape[1] if columns is None else len(columns)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, rows):
        x = read(self.X, self.numbers[rows])
        x = x if self.columns is None else x[:, self.columns]
        return scaled(x, self.scale, self.dtype)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)


def scaled(x, scale, dtype):
    """The values in this dtype, divided by the scale."""
    x = np.asarray(x, dtype)
    return x if scale == 1 else x / x.dtype.type(scale)


def is_table(path):
    """Whether this is the path of a table, with columns of several kinds."""
    return str(path).lower().endswith(TABLES)


def read_table(path, na=()):
    """The tables.columns.Table in a file, see `load_table`."""
    is_text = str(path).lower().endswith(TEXTS)
    return csv_file.load(path, na) if is_text else table_files.load(path)


def load_table(path, columns=None, likelihood=None, chosen=None, na=(), condition=None):
    """The rows of a table in a file.

    columns     the Columns of a table that was read before; None: they are guessed
    likelihood  of the columns that are numbers; None: the usual one
    chosen      name → kind, where the user has chosen
    na          words that stand for what is not known, beside the usual ones
    condition   the names of the columns that are y, beside those that are described; columns that
                were read before say it themselves

    Returns Own; what is not known is NaN
    Raises  FileNotFoundError   no such file
            ValueError          damaged, without a column to train on, or not like `columns`
    """
    table = read_table(path, na)
    notes = [f"{path}: {len(table):,} rows of {len(table.columns)} columns"]
    try:
        if columns is None:
            columns = of_tables.guess(table, likelihood or "gaussian-sigma-z", chosen)
            columns = columns.conditioned(condition, table) if condition else columns
        elif unknown := columns.unknown(table):
            notes.append(f"left out, as the model does not know them: {', '.join(unknown)}")
        rows = columns.encode(table)
        for column, i in zip(columns.used, columns.starts):
            if np.isinf(rows[:, i]).any():
                raise ValueError(f"column {printable(column.name)} holds infinity; remove it.")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if table.note:
        notes.append(table.note)
    if (np.abs(rows) > MOST).any():
        raise ValueError(f"{path} holds numbers beyond 1e15, too large to train on; scale them.")
    return Own(
        rows=rows,
        scale=1,
        dtype="float64" if "gaussian" in columns.likelihood else "float32",
        shape=(len(columns.labels),),
        likelihood=columns.likelihood,
        limits=(0.0, 1.0),
        bits=None,
        summary="\n".join(["; ".join(notes) + ":", *columns.lines(), *of_tables.sentinels(table)]),
        table=table,
        columns=columns,
    )


def filled_cells(path, table, texts, n, na=()):
    """The names and the first n rows of cells of a table in a file, with what is not known filled
    in: all other cells of a text file are as they stand there.

    table   as it was read
    texts   for each of its columns (n,) what to write where nothing is known, or None

    Returns names, an iterator of rows
    """
    if str(path).lower().endswith(TEXTS):
        names, rows = csv_file.cells_of(path, na)
    else:
        names = list(table.columns)
        as_written = [
            of_tables.Column(name, "id", form=table.forms.get(name)).texts(values)
            for name, values in table.columns.items()
        ]
        rows = ([cell or None for cell in row] for row in zip(*as_written))

    def filled():
        for i, row in zip(range(n), rows):
            yield [
                (its_texts[i] if its_texts else "") if cell is None else cell
                for cell, its_texts in zip(row, texts)
            ]

    return names, filled()


def load(path, resize=None, missing=False, scale=None, skip_bad=False):
    """The examples in a file or a folder.

    (N, D) are rows, (N, H, W) or (N, H, W, 3) are images, and what can be taken for them is (see
    `_arranged`). What images are divided by says `full_scale`; rows of bytes (uint8) are divided by
    255, if they are not all 0 or 1.

    path    FILE.npy, .npz, .mat, .h5, .idx, …; FILE.npz:NAME, FILE.mat:NAME or FILE.h5:NAME for one
            of several arrays; or a folder of images
    resize  (H, W) for a folder of images; None: as they are
    scale   what to divide by, where that has been found out before; None: by the rule above
    missing NaN means: not known. Otherwise it is a mistake
    skip_bad    leave out the files of a folder that cannot be read. Otherwise one is a mistake

    Returns Own
    Raises  FileNotFoundError   no such file
            ValueError          not an array of numbers of such a shape, empty, NaN or infinite,
                                or damaged in any other way
    """
    file, name = _split(path)
    if Path(file).is_dir():
        found_there = image_folder.load(file, resize, skip_bad)
    else:
        check_no_folder(path, resize, skip_bad)
        suffix = next(suffix for suffix in READERS if file.lower().endswith(suffix))
        found_there = READERS[suffix](file, *([name] if name else []))
    array, note, known, n_train = found_there
    shape, columns, arranged = _arranged(path, array)
    rows = array.reshape(len(array), -1)
    if columns is not None and isinstance(rows, np.memmap):
        rows = Mapped(rows, np.arange(len(rows)), 1, rows.dtype, columns)
    elif columns is not None:
        rows = rows[:, columns]
    is_image, found = len(shape) > 1, _survey(path, rows, missing)
    if scale is None:
        by_type = 255 if array.dtype == np.uint8 and found.high > 1 else 1
        scale = full_scale(found) if is_image else by_type
    low, high = found.low / scale, found.high / scale
    in_range = low >= -ROUNDING and high <= 1 + ROUNDING
    binary = found.values is not None and found.values <= {0, scale}
    may_count = not is_image and found.whole and low >= 0 and scale == 1
    likelihood, why = _suits(binary, is_image, in_range, _counts(rows) if may_count else None)
    small = np.can_cast(array.dtype, np.float32) or is_image or scale > 1 or binary
    what = "images" if is_image else "rows"
    notes = [
        f"{path}: {len(rows):,} {what} of {' × '.join(map(str, shape))} numbers",
        *filter(None, (note, arranged, described(known))),
        f"{array.dtype} from {found.low:g} to {found.high:g}",
        *([f"divided by {scale:g}{_meaning(scale, found.high)}"] if scale != 1 else []),
        *([f"{found.unknown:.1%} of them missing"] if found.unknown else []),
        f"likelihood {likelihood} suits them: {why}",
    ]
    return Own(
        rows=rows,
        scale=scale,
        dtype="float32" if small else "float64",
        shape=shape,
        likelihood=likelihood,
        limits=(0.0, 1.0) if in_range else (low, high),
        bits=_bits(scale, found) if is_image and in_range and not binary else None,
        summary="; ".join(notes) + ".",
        known=known,
        n_train=n_train,
    )


def check_no_folder(name, resize, skip_bad):
    """Refuse what is for a folder of images only.

    Raises  ValueError
    """
    if resize:
        raise ValueError(f"Only a folder of images can be resized, and {name} is none.")
    if skip_bad:
        raise ValueError(f"Only of a folder can bad images be left out, and {name} is none.")


MOST = 1e15  # the largest number to train on
BITS = {2**bits - 1: bits for bits in (8, 10, 12, 14, 16)}  # largest value → bits of a camera


def full_scale(found):
    """What images are divided by to become shades from 0 (black) to 1 (white).

    What the numbers are kept in says little: 12 bits are kept in 16, and bytes in any type. So

    - what has negative numbers, or lies between 0 and 1 already, stays as it is;
    - whole numbers are divided by the largest value of 8, 10, 12, 14 or 16 bits, the fewest bits
      that hold them all: 255, 1023, 4095, 16383 or 65535. Those all below 64, nearly black if they
      were bytes, are divided by the largest of them;
    - other numbers, such as of images that were resized, are divided by 255 or 65535 if the largest
      is in the upper half of that;
    - anything else stays as it is, in its own units.
    """
    low, high, whole = found.low, found.high, found.whole
    if low < -ROUNDING:
        return 1
    if whole and high < 64:
        return max(1, int(high))
    scale = next((largest for largest in (BITS if whole else (255, 65535)) if high <= largest), 1)
    return scale if whole or high > scale / 2 else 1


def _meaning(scale, high):
    if scale in BITS:
        return f", the largest value of {BITS[scale]} bits"
    return ", their largest value" if scale == high else ""


def _bits(scale, found):
    """The bits of a pixel; None if its shades are not known to be those of so many bits."""
    if scale == 1:
        return 8 if found.in_bytes else None
    return BITS.get(scale) if found.whole else None


def _split(path):
    """FILE and NAME of FILE:NAME; NAME is None where there is none."""
    file, _, name = str(path).rpartition(":")
    return (file, name) if file.lower().endswith(NAMED) else (str(path), None)


def _arranged(path, array):
    """How the examples of an array (N, …) are taken: as (N, D), (N, H, W) or (N, H, W, 3).

    (N, H, W, 1) and (N, 1, H, W) become (N, H, W), and (N, 3, H, W), as PyTorch has it, becomes
    (N, H, W, 3). Alpha, the fourth of four channels, is dropped. A series (N, T, 1) or (N, 1, T)
    becomes a row.

    Returns the shape of an example; the numbers that make it up, by their places in a row of the
            file, or None if these are all in their order; and what was done, in a few words
    Raises  ValueError   it is none of these
    """
    if array.dtype.kind not in "buif":
        raise ValueError(f"{path} must hold one array of real numbers.")
    if array.size == 0:
        raise ValueError(f"{path} is empty: its shape is {array.shape}.")
    shape, n_axes, done = array.shape[1:], array.ndim - 1, []
    places = np.arange(math.prod(shape)).reshape(shape)
    if n_axes == 3 and shape[2] not in (1, 3) and shape[0] in (1, 3):
        places = np.moveaxis(places, 0, 2)
        done = ["channels moved from the first axis of an image to its last"] * (shape[0] == 3)
    if n_axes == 3 and places.shape[2] == 4:
        places, done = places[..., :3], [*done, "alpha dropped"]
    if n_axes == 3 and places.shape[2] == 1:
        places = places[..., 0]
    elif n_axes == 2 and 1 in shape:
        places = places.ravel()
    if n_axes not in (1, 2, 3) or places.ndim == 3 and places.shape[2] != 3:
        raise ValueError(
            f"{path} has shape {array.shape}; expected (N, D) rows or (N, H, W[, 3]) images, one "
            "example after the other."
        )
    return places.shape, places.ravel() if done else None, ", ".join(done)


class Survey(NamedTuple):
    """What the values of an array are."""

    low: float  # the smallest
    high: float  # the largest
    whole: bool  # whether all are whole numbers
    in_bytes: bool  # whether all are multiples of 1/255
    values: set | None  # all values, if there are at most two in any block of rows
    unknown: float  # the share of NaN


def _survey(path, rows, missing):
    """The Survey of the known values of rows (N, D)."""
    low, high, whole, in_bytes, values, unknown, bad = np.inf, -np.inf, True, True, set(), 0, 0
    for block in blocks(rows):
        known = ~np.isnan(block)
        unknown += block.size - int(known.sum())
        bad += int((np.isinf(block) | (~known & (not missing))).any(axis=1).sum())
        x = block[known]
        if x.size:
            least, most = x.min(), x.max()
            low, high = min(low, float(least)), max(high, float(most))
            whole = whole and bool(x.dtype.kind in "bui" or (x == np.floor(x)).all())
            in_bytes = in_bytes and x.dtype.kind == "f" and _are_in_bytes(x)
            if values is not None and ((x == least) | (x == most)).all():
                values |= {float(least), float(most)}
            else:
                values = None
    if bad:
        what = "infinity" if missing else "NaN or infinity"
        hint = "" if np.isinf([low, high]).any() else ", or train with --missing"
        raise ValueError(f"{path} holds {what} in {bad} of {len(rows)} rows; remove them{hint}.")
    size = math.prod(rows.shape)
    if unknown == size:
        raise ValueError(f"{path} holds nothing but NaN.")
    if max(-low, high) > MOST:
        raise ValueError(f"{path} holds numbers beyond 1e15, too large to train on; scale them.")
    return Survey(low, high, whole, in_bytes, values, unknown / size)


def _are_in_bytes(x):
    """Whether all values are multiples of 1/255, but for rounding."""
    with np.errstate(all="ignore"):  # of what is far beyond 1
        shades = 255 * x.astype(np.float32)
        return bool((np.abs(shades - np.rint(shades)) < 1e-3).all())


def _counts(rows):
    """The likelihood of rows (N, D) if each column that goes beyond a few holds counts, else
    None."""
    some = read(rows, np.linspace(0, len(rows) - 1, min(len(rows), SAMPLED)).astype(int))
    columns = (column[~np.isnan(column)] for column in some.T.astype(np.float64))
    kinds = {of_tables.kind_of_counts(x) for x in columns if x.max(initial=0) > of_tables.A_FEW}
    if not kinds or None in kinds:
        return None
    return max(kinds, key=COUNTS.index)


def _suits(binary, is_image, in_range, counts):
    """The likelihood for data of which only the values are known, and why."""
    if binary:
        return "bernoulli", "all are 0 or 1"
    if counts:
        return counts, "they are counts" + " that vary more" * (counts != "poisson")
    if not is_image:
        return "gaussian-sigma-z", "they are rows of numbers, not all 0 or 1"
    if in_range:
        return "continuous-bernoulli", "they are shades from 0 to 1"
    return "gaussian-sigma-z", "they go beyond 0 to 1"
