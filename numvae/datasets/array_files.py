"""Arrays in files of the user's own: .npy, .npz, .mat and .idx.

Each function takes a path and returns (array, note): the note says what a reader should know of
what was chosen, or is empty. FileNotFoundError and ValueError as in `files.reading`.
"""

from pathlib import Path

import numpy as np

from numvae.datasets import files, idx
from numvae.text import printable

LARGE = 2**28  # bytes from which on a .npy file is mapped and not read


def npy(path):
    """The array in a .npy file; a large one as a memory map."""
    with files.reading(path, ".npy array"), open(path, "rb") as file:
        if Path(path).stat().st_size >= LARGE:
            return np.lib.format.open_memmap(path, mode="r"), "read from the disk as needed"
        _check_header(file)
        return np.lib.format.read_array(file, allow_pickle=False), ""


def _check_header(file):
    """Older NumPys read a file that declares a negative shape as if it were another one."""
    if np.lib.format.read_magic(file) == (1, 0):
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, _ = np.lib.format.read_array_header_2_0(file)
    if min(shape, default=0) < 0:
        raise ValueError(f"it declares the shape {shape}")
    file.seek(0)


def npz(path, name=None):
    """The array of that name in a .npz file; without a name, X or the only one there is."""
    with files.reading(path, ".npz archive"), open(path, "rb") as file:
        archive = np.load(file, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("it is a .npy file")
        with archive:
            arrays = {key: _member(archive, key) for key in archive.files}
    return _chosen(path, arrays, name)


def mat(path, name=None):
    """The array of that name in a MATLAB file; without a name, X or the only one there is."""
    from scipy.io import loadmat

    with files.reading(path, "MATLAB file"), open(path, "rb") as file:
        try:
            content = loadmat(file)
        except NotImplementedError:
            raise ValueError("its version is 7.3; save it with -v7") from None
    arrays = {key: value for key, value in content.items() if not key.startswith("__")}
    return _chosen(path, arrays, name)


def idx_file(path):
    """The array in an idx file of bytes, packed or not."""
    with files.reading(path, "idx file"):
        content = files.unpack(Path(path).read_bytes())
    return idx.parse(content, path), ""


def _member(archive, key):
    """One array of an archive; None for one of objects, which would run code to be read."""
    try:
        return archive[key]
    except ValueError as error:
        if "allow_pickle" in str(error):
            return None
        raise


def _chosen(path, arrays, name):
    """The array that is meant among dict of name → array or whatever else was in the file."""
    shapes = {key: array.shape for key, array in arrays.items() if _is_numeric(array)}
    if name is not None:
        if name not in shapes:
            raise ValueError(
                f"{path} has no array of numbers named {name!r}; it has {_list(shapes)}."
            )
        return arrays[name], f"array {printable(name)}"
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
    return arrays[name], f"array {printable(name)}"


def _is_numeric(array):
    return isinstance(array, np.ndarray) and array.dtype.kind in "buif"


def _list(shapes):
    described = [f"{printable(key)} {shape}" for key, shape in shapes.items()]
    return ", ".join(described[:8]) + (", …" if len(described) > 8 else "") or "none"
