"""Arrays in files of the user's own: .npy, .npz, .mat, .h5 and .idx.

Each function takes a path and returns what it has `Found`. FileNotFoundError and ValueError as in
`files.reading`.

In files of several arrays, labels lie beside the data: arrays named as in LABELS. What Keras saves,
x_train and x_test, y_train and y_test, is one set of data with a split of its own.
"""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numvae.datasets import files, hdf5, idx, mat
from numvae.datasets.found import Found, labels
from numvae.text import listed, printable

LARGE = 2**28  # bytes from which on a .npy file is mapped and not read
REAL = "buif"  # the kinds of real numbers
TEXT = "SU"  # and of text; objects are left alone, as to read them may run any program
LABELS = "y", "label", "labels", "target", "targets"
PARTS = "_train", "_test"


def npy(path):
    """The array in a .npy file; a large one as a memory map."""
    with files.reading(path, ".npy array"), open(path, "rb") as file:
        size = Path(path).stat().st_size
        _header(file, size)
        if size >= LARGE:
            array = np.lib.format.open_memmap(path, mode="r")
            return Found(array, "read from the disk as needed")
        file.seek(0)
        return Found(np.lib.format.read_array(file, allow_pickle=False))


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


@dataclass
class Member:
    """An array in a .npz file, which is read when it is taken."""

    path: str
    name: str
    shape: tuple
    dtype: np.dtype

    def __array__(self, dtype=None, copy=None):
        whole = files.reading(self.path, ".npz archive")
        with whole, np.load(self.path, allow_pickle=False) as archive:
            return np.asarray(archive[self.name], dtype)


def npz(path, name=None):
    """The array of that name in a .npz file; without a name, X or the only one there is."""
    with files.reading(path, ".npz archive"), open(path, "rb") as file:
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            raise ValueError("it is a .npy file")
        archive, arrays = zipfile.ZipFile(file), {}
        for member in archive.infolist():
            key, _, ending = member.filename.rpartition(".")
            if ending == "npy":
                files.check_unpacked(member.file_size, Path(path).stat().st_size)
                with archive.open(member) as array:
                    arrays[key] = Member(path, key, *_header(array, member.file_size))
    return _found(path, arrays, name)


def mat_file(path, name=None):
    """The array of that name in a MATLAB file; without a name, X or the only one there is."""
    with files.reading(path, "MATLAB file"):
        module = hdf5 if mat.is_hdf5(path) else mat
    if module is hdf5:
        hdf5.check_installed(path, "save it in MATLAB with -v7")
    with files.reading(path, "MATLAB file"):
        arrays = module.arrays(path)
    return _found(path, arrays, name)


def hdf5_file(path, name=None):
    """The array of that name in an HDF5 file; without a name, X or the only one there is. Of an
    .h5ad file, the categories that its obs gives each row are labels."""
    hdf5.check_installed(path, "save its array with numpy.save")
    with files.reading(path, "HDF5 file"):
        arrays = hdf5.arrays(path)
    found = _found(path, arrays, name)
    of_obs = {key.removeprefix("obs/"): a for key, a in arrays.items() if key.startswith("obs/")}
    texts = {key: a for key, a in of_obs.items() if a.dtype.kind == "U"}
    return found._replace(known={**found.known, **_known(texts, len(found.array))})


def idx_file(path):
    """The array in an idx file of bytes, packed or not."""
    with files.reading(path, "idx file"):
        content = files.unpack(Path(path).read_bytes())
    return Found(idx.parse(content, path))


def _found(path, arrays, name=None):
    """The array of that name, or the one that is meant, with the labels beside it.

    arrays  dict of name → anything with a shape and a dtype that NumPy takes for an array
    """
    shapes = {key: array.shape for key, array in arrays.items() if array.dtype.kind in REAL}
    if name is None and (parts := _parts(shapes)):
        train, test = (np.asarray(arrays[part]) for part in parts)
        known = [_beside(arrays, part, len(x)) for part, x in zip(parts, (train, test))]
        known = {key: np.concatenate([known[0][key], known[1].get(key, [])]) for key in known[0]}
        array = np.concatenate([train, test])
        note = f"arrays {' and '.join(map(printable, parts))}"
        return Found(array, note, _known(known, len(array)), len(train))
    name = _chosen(path, shapes, name)
    array = np.asarray(arrays[name])
    known = _known(_beside(arrays, name, len(array)), len(array))
    return Found(array, f"array {printable(name)}", known)


def _parts(shapes):
    """The names of x_train and x_test, in small letters or large, or None."""
    names = {key.lower(): key for key in shapes}
    train, test = parts = [names.get("x" + part) for part in PARTS]
    if train and test and len(shapes[train]) > 1 and shapes[train][1:] == shapes[test][1:]:
        return parts
    return None


def _beside(arrays, name, n):
    """The arrays of n labels beside the array of that name: of x_test such as y_test, else y."""
    part = next((part for part in PARTS if name.lower().endswith(part)), "")
    folder = name[: name.rfind("/") + 1]
    names = {f"{folder}{label}{part}".lower(): label for label in LABELS}
    readable = {k: a for k, a in arrays.items() if a.dtype.kind in REAL + TEXT}
    beside = {names[k.lower()]: a for k, a in readable.items() if k.lower() in names and k != name}
    return {label: np.ravel(a) for label, a in beside.items() if math.prod(a.shape) == n}


def _known(arrays, n):
    """Those of the arrays that are `labels` of n examples."""
    found = {printable(key): labels(array, n) for key, array in arrays.items()}
    return {key: values for key, values in found.items() if values is not None}


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
    return listed([f"{key} {shape}" for key, shape in shapes.items()], 8) or "none"
