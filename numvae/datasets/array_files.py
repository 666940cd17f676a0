"""Arrays in files of the user's own: .npy, .npz, .mat and .idx.

Each function takes a path and returns (array, note): the note says what a reader should know of
what was chosen, or is empty. FileNotFoundError and ValueError as in `files.reading`.
"""

import math
import zipfile
from pathlib import Path

import numpy as np

from numvae.datasets import files, idx, mat
from numvae.text import printable

LARGE = 2**28  # bytes from which on a .npy file is mapped and not read
REAL = "buif"  # the kinds of real numbers


def npy(path):
    """The array in a .npy file; a large one as a memory map."""
    with files.reading(path, ".npy array"), open(path, "rb") as file:
        size = Path(path).stat().st_size
        _header(file, size)
        if size >= LARGE:
            return np.lib.format.open_memmap(path, mode="r"), "read from the disk as needed"
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False), ""


def _header(file, size):
    """The shape and the dtype that a .npy file declares, which must fit into so many bytes.

    Older NumPys read a file that declares a negative shape as if it were another one.
    """
    if np.lib.format.read_magic(file) == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"it declares the shape {shape}")
    return shape, dtype


def npz(path, name=None):
    """The array of that name in a .npz file; without a name, X or the only one there is."""
    with files.reading(path, ".npz archive"), open(path, "rb") as file:
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            raise ValueError("it is a .npy file")
        archive, shapes = zipfile.ZipFile(file), {}
        for member in archive.infolist():
            name_of, _, ending = member.filename.rpartition(".")
            if ending == "npy":
                files.check_unpacked(member.file_size, Path(path).stat().st_size)
                with archive.open(member) as array:
                    shape, dtype = _header(array, member.file_size)
                if dtype.kind in REAL:
                    shapes[name_of] = shape
    name = _chosen(path, shapes, name)
    with files.reading(path, ".npz archive"), np.load(path, allow_pickle=False) as archive:
        return archive[name], f"array {printable(name)}"


def mat_file(path, name=None):
    """The array of that name in a MATLAB file; without a name, X or the only one there is."""
    with files.reading(path, "MATLAB file"):
        arrays = mat.arrays(path)
    name = _chosen(path, {key: array.shape for key, array in arrays.items()}, name)
    return arrays[name], f"array {printable(name)}"


def idx_file(path):
    """The array in an idx file of bytes, packed or not."""
    with files.reading(path, "idx file"):
        content = files.unpack(Path(path).read_bytes())
    return idx.parse(content, path), ""


def _chosen(path, shapes, name):
    """The name of the array that is meant, among dict of name → shape."""
    if name is not None:
        if name not in shapes:
            raise ValueError(
                f"{path} has no array of numbers named {name!r}; it has {_list(shapes)}."
            )
        return name
    # Labels, sizes and settings lie beside the data as vectors or single numbers.
    tables = {key: shape for key, shape in shapes.items() if sum(n != 1 for n in shape) > 1}
    tables = tables or {key: shape for key, shape in shapes.items() if len(shape) > 1}
    if "X" in tables:
        tables = {"X": tables["X"]}
    if not tables:
        raise ValueError(f"{path} holds no array of numbers with rows; it has {_list(shapes)}.")
    if len(tables) > 1:
        first = printable(next(iter(tables)))
        raise ValueError(
            f"{path} holds several arrays, {_list(tables)}; say which, as in {path}:{first}."
        )
    (name,) = tables
    return name


def _list(shapes):
    described = [f"{printable(key)} {shape}" for key, shape in shapes.items()]
    return ", ".join(described[:8]) + (", …" if len(described) > 8 else "") or "none"
