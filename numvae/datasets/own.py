"""Data of the user's own: a file of rows or of images, or a folder of images.

Read next: array_files, csv_file, image_folder.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numvae.datasets import array_files, csv_file, image_folder
from numvae.rows import blocks, read

READERS = {
    ".npy": array_files.npy,
    ".npz": array_files.npz,
    ".mat": array_files.mat,
    ".csv": csv_file.load,
    ".idx": array_files.idx_file,
    ".idx.gz": array_files.idx_file,
    "-ubyte": array_files.idx_file,
    "-ubyte.gz": array_files.idx_file,
}
NAMED = (".npz", ".mat")  # may hold several arrays: FILE:NAME is one of them


def is_own(path):
    """Whether this is the path of something that can be read here."""
    return path != "" and Path(path).is_dir() or _split(path)[0].lower().endswith(tuple(READERS))


@dataclass
class Own:
    """Rows as they are on disk, and what they mean."""

    rows: np.ndarray  # (N, D)
    scale: int  # what a value is divided by: 255 for bytes, else 1
    dtype: str  # of the examples: float64 where they may need its digits
    shape: tuple  # of one example
    likelihood: str  # the one that suits the values
    summary: str  # one sentence about all this

    def examples(self, numbers):
        """The examples of these numbers; of a memory map they stay on disk."""
        if isinstance(self.rows, np.memmap):
            return Mapped(self.rows, numbers, self.scale, self.dtype)
        return scaled(self.rows[numbers], self.scale, self.dtype)


class Mapped:
    """Rows of a memory map that become real numbers when they are taken; for NumPy, an array."""

    def __init__(self, X, numbers, scale, dtype):
        self.X, self.numbers, self.scale = X, numbers, scale
        self.shape, self.dtype = (len(numbers), X.shape[1]), np.dtype(dtype)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, rows):
        return scaled(read(self.X, self.numbers[rows]), self.scale, self.dtype)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)


def scaled(x, scale, dtype):
    """The values in this dtype, divided by the scale."""
    x = np.asarray(x, dtype)
    return x if scale == 1 else x / x.dtype.type(scale)


def load(path, resize=None, missing=False, scale=None):
    """The examples in a file or a folder.

    (N, D) are rows, (N, H, W) or (N, H, W, 3) are images. Bytes (uint8) from 0 to 255 become 0 … 1,
    and so do images of whole numbers from 0 to 255 of any other type; where all are 0 or 1, they
    stay as they are.

    path    FILE.npy, .npz, .mat, .csv, .idx, .idx.gz; FILE.npz:NAME or FILE.mat:NAME for one of
            several arrays; or a folder of images
    resize  (H, W) for a folder of images; None: as they are
    scale   what to divide by, where that has been found out before; None: by the rule above
    missing NaN, and an empty cell of a .csv, means: not known. Otherwise it is a mistake

    Returns Own
    Raises  FileNotFoundError   no such file
            ValueError          not an array of numbers of such a shape, empty, NaN or infinite,
                                or damaged in any other way
    """
    file, name = _split(path)
    if Path(file).is_dir():
        array, note = image_folder.load(file, resize)
    elif resize:
        raise ValueError(f"Only a folder of images can be resized, and {path} is none.")
    else:
        suffix = max((s for s in READERS if file.lower().endswith(s)), key=len)
        more = [name] if name else [missing] if suffix == ".csv" else []
        array, note = READERS[suffix](file, *more)
    _check_shape(path, array)
    rows, shape = array.reshape(len(array), -1), array.shape[1:]
    low, high, whole, unknown = _survey(path, rows, missing)
    binary = whole and low >= 0 and high <= 1
    is_image = len(shape) > 1
    in_bytes = array.dtype == np.uint8 or is_image and whole and low >= 0 and high <= 255
    scale = scale or (255 if in_bytes and not binary else 1)
    likelihood, why = _suits(binary, is_image, low / scale, high / scale)
    small = np.can_cast(array.dtype, np.float32) or is_image or scale > 1 or binary
    what = "images" if is_image else "rows"
    notes = [
        f"{path}: {len(rows):,} {what} of {' × '.join(map(str, shape))} numbers",
        *([note] if note else []),
        f"{array.dtype} from {low:g} to {high:g}" + (", scaled to 0–1" if scale > 1 else ""),
        *([f"{unknown:.1%} of them missing"] if unknown else []),
        f"likelihood {likelihood} suits them: {why}",
    ]
    dtype = "float32" if small else "float64"
    return Own(rows, scale, dtype, shape, likelihood, "; ".join(notes) + ".")


def _split(path):
    """FILE and NAME of FILE:NAME; NAME is None where there is none."""
    file, _, name = str(path).rpartition(":")
    return (file, name) if file.lower().endswith(NAMED) else (str(path), None)


def _check_shape(path, array):
    if array.dtype.kind not in "buif":
        raise ValueError(f"{path} must hold one array of real numbers.")
    if array.ndim not in (2, 3) and not (array.ndim == 4 and array.shape[3] == 3):
        raise ValueError(
            f"{path} has shape {array.shape}; expected (N, D) rows or (N, H, W[, 3]) images."
        )
    if array.size == 0:
        raise ValueError(f"{path} is empty: its shape is {array.shape}.")


def _survey(path, rows, missing):
    """The smallest value, the largest, whether all are whole numbers, and the share of NaN."""
    low, high, whole, unknown, bad = np.inf, -np.inf, True, 0, 0
    for block in blocks(rows):
        known = ~np.isnan(block)
        unknown += block.size - int(known.sum())
        bad += int((np.isinf(block) | (~known & (not missing))).any(axis=1).sum())
        values = block[known]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            whole = whole and bool(values.dtype.kind in "bui" or (values == np.floor(values)).all())
    if bad:
        what = "infinity" if missing else "NaN or infinity"
        hint = "" if missing or np.isinf([low, high]).any() else ", or train with --missing"
        raise ValueError(f"{path} holds {what} in {bad} of {len(rows)} rows; remove them{hint}.")
    if unknown == rows.size:
        raise ValueError(f"{path} holds nothing but NaN.")
    if max(-low, high) > 1e15:
        raise ValueError(f"{path} holds numbers beyond 1e15, too large to train on; scale them.")
    return low, high, whole, unknown / rows.size


def _suits(binary, is_image, low, high):
    """The likelihood for data of which only the values are known, and why."""
    if binary:
        return "bernoulli", "all are 0 or 1"
    if not is_image:
        return "gaussian-sigma-z", "they are rows of numbers, not all 0 or 1"
    if low >= 0 and high <= 1:
        return "continuous-bernoulli", "they are shades from 0 to 1"
    return "gaussian-sigma-z", "they go beyond 0 to 1"
