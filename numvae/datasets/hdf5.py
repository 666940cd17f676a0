"""HDF5 files, read by h5py where it is installed: .h5, .hdf5, .h5ad and .mat of version 7.3."""

import importlib.util
import math
import os
from dataclasses import dataclass

import numpy as np

from numvae.datasets import files

SPARSE = {"csr_matrix": "csr", "csr": "csr", "csc_matrix": "csc", "csc": "csc"}


@dataclass
class Stored:
    """An array in an HDF5 file, which is read when it is taken."""

    path: str
    name: str
    shape: tuple
    dtype: np.dtype  # U of any text
    read: object  # a function: what h5py has under that name → array

    def __array__(self, dtype=None, copy=None):
        import h5py

        with files.reading(self.path, "HDF5 file"), h5py.File(self.path, "r") as file:
            n_bytes = math.prod(self.shape) * max(1, self.dtype.itemsize)
            files.check_unpacked(n_bytes, os.path.getsize(self.path))
            return np.asarray(self.read(file[self.name]), dtype)


def check_installed(path, otherwise):
    """Refuse a file where h5py is not installed.

    Raises  ValueError   with what to do otherwise; FileNotFoundError
    """
    with files.reading(path, "HDF5 file"):
        os.stat(path)
    if importlib.util.find_spec("h5py") is None:
        raise ValueError(
            f"{path} is an HDF5 file, which takes h5py: pip install h5py, or {otherwise}."
        )


def arrays(path):
    """name → Stored of the arrays, by their paths in the file. The sparse matrices of anndata are
    arrays, and its columns of categories are text."""
    import h5py

    found, groups = {}, []

    def visit(name, item):
        if isinstance(name, bytes):  # not UTF-8
            return
        is_group = not isinstance(item, h5py.Dataset)
        stored = _of_group(item) if is_group else _of_dataset(item)
        if stored and not name.startswith(tuple(groups)):
            found[name] = Stored(path, name, *stored)
            groups.extend([f"{name}/"] * is_group)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _of_dataset(item):
    """(shape, dtype, read) of a dataset; None if it holds nothing that is of use."""
    from h5py import check_string_dtype

    if item.shape is None:
        return None
    if check_string_dtype(item.dtype):
        return item.shape, np.dtype("U"), lambda item: np.asarray(item.asstr()[()], str)
    in_matlab = _attribute(item, "MATLAB_class")
    if in_matlab is None:
        return item.shape, item.dtype, lambda item: item[()]
    if in_matlab == "char" or "MATLAB_empty" in item.attrs:
        return None
    return item.shape[::-1], item.dtype, lambda item: item[()].T  # it writes column by column


def _of_group(item):
    """(shape, dtype, read) of a group that is one array; None if it is none."""
    kind = _attribute(item, "encoding-type", "h5sparse_format")
    if kind in SPARSE:
        shape = tuple(int(n) for n in _attribute(item, "shape", "h5sparse_shape"))
        return shape, item["data"].dtype, _dense
    if kind == "categorical":
        return item["codes"].shape, np.dtype("U"), _categories
    return None


def _dense(item):
    """The array of a sparse matrix in compressed rows or columns."""
    import scipy.sparse

    kind = SPARSE[_attribute(item, "encoding-type", "h5sparse_format")]
    shape = tuple(int(n) for n in _attribute(item, "shape", "h5sparse_shape"))
    parts = tuple(item[name][()] for name in ("data", "indices", "indptr"))
    matrix = getattr(scipy.sparse, f"{kind}_matrix")(parts, shape)
    matrix.check_format(full_check=True)
    return matrix.toarray()


def _categories(item):
    """The category of each row, as text; what is not known is "unknown"."""
    categories = item["categories"]
    is_text = categories.dtype.kind == "O"
    names = categories.asstr()[()] if is_text else categories[()].astype(str)
    return np.append(names, "unknown").astype(str)[item["codes"][()]]


def _attribute(item, *names):
    """The first of these attributes that there is, bytes as text; or None."""
    value = next((item.attrs[name] for name in names if name in item.attrs), None)
    return value.decode() if isinstance(value, bytes) else value
