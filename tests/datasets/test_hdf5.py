import importlib.util

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from numvae.datasets import array_files, hdf5

A, B = np.arange(12.0).reshape(4, 3), np.arange(48).reshape(4, 3, 4)
Y = np.array([0, 1, 1, 0])


@pytest.fixture
def written(tmp_path):
    """written(name, fill): the path of an HDF5 file of that name, filled by fill(file)."""
    h5py = pytest.importorskip("h5py")

    def write(name, fill, **options):
        with h5py.File(tmp_path / name, "w", **options) as file:
            fill(file)
        return str(tmp_path / name)

    return write


def test_the_array_that_is_meant_is_read_with_its_labels(written):
    def fill(file):
        file.create_dataset("X", data=B, compression="gzip")
        file["y"], file["names"] = Y, ["a", "b"]
        file["more/Z"], file["more/target"] = A, ["cat", "dog", "dog", "cat"]

    path = written("my.h5", fill)
    found = array_files.hdf5_file(path)
    assert_array_equal(found.array, B)
    assert found.note == "array X" and found.array.dtype == B.dtype
    assert_array_equal(found.known["y"], Y)
    other = array_files.hdf5_file(path, "more/Z")
    assert_array_equal(other.array, A)
    assert other.known["target"].tolist() == ["cat", "dog", "dog", "cat"] and len(other.known) == 1
    with pytest.raises(ValueError, match=r"named 'Z'; it has X \(4, 3, 4\), more/Z"):
        array_files.hdf5_file(path, "Z")


@pytest.mark.parametrize("kind", ["csr", "csc", "dense", "h5sparse"])
def test_a_file_of_anndata_is_a_table_with_the_categories_of_its_rows(written, kind):
    matrix = sparse.random(6, 4, 0.4, "csc" if kind == "csc" else "csr", np.float32, random_state=0)

    def fill(file):
        if kind == "dense":
            file["X"] = matrix.toarray()
        else:
            X = file.create_group("X")
            old = kind == "h5sparse"
            X.attrs["h5sparse_format" if old else "encoding-type"] = (
                "csr" if old else f"{kind}_matrix"
            )
            X.attrs["h5sparse_shape" if old else "shape"] = matrix.shape
            for name in ("data", "indices", "indptr"):
                X[name] = getattr(matrix, name)
        file["obs/_index"] = [f"cell {i}" for i in range(6)]
        file["obs/n_counts"] = np.arange(6)
        column = file.create_group("obs/kind")
        column.attrs["encoding-type"] = "categorical"
        column["codes"], column["categories"] = np.int8([0, 1, 1, 0, -1, 1]), ["T", "β"]
        years = file.create_group("obs/year")
        years.attrs["encoding-type"] = "categorical"
        years["codes"], years["categories"] = np.int8([0, 1, 1, 1, -1, 0]), [2024, 2026]
        file["layers/counts"] = np.zeros((6, 4))

    path = written("my.h5ad", fill)
    found = array_files.hdf5_file(path)
    assert_array_equal(found.array, matrix.toarray())
    assert found.array.dtype == np.float32
    assert found.known["kind"].tolist() == ["T", "β", "β", "T", "unknown", "β"]
    assert found.known["year"].tolist() == ["2024", "2026", "2026", "2026", "unknown", "2024"]
    assert list(found.known) == ["kind", "year"]
    assert_array_equal(array_files.hdf5_file(path, "layers/counts").array, np.zeros((6, 4)))


def test_a_sparse_matrix_whose_indices_lie_outside_is_refused(written):
    def fill(file):
        X = file.create_group("X")
        X.attrs["encoding-type"], X.attrs["shape"] = "csr_matrix", (2, 3)
        X["data"], X["indices"], X["indptr"] = [1.0, 2.0], [0, 9], [0, 1, 2]

    path = written("my.h5ad", fill)
    with pytest.raises(ValueError, match=f"^{path} is not a readable HDF5 file"):
        array_files.hdf5_file(path)


def test_a_matlab_file_of_version_7_3_is_read_row_by_row(written):
    def fill(file):
        for name, array, kind in (
            ("X", A.T, "double"),
            ("y", Y[None].astype(float), "double"),
            ("text", np.ones((1, 9), "u2"), "char"),
        ):
            file[name] = array
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
        file["none"] = np.uint64([0, 0])
        file["none"].attrs["MATLAB_class"], file["none"].attrs["MATLAB_empty"] = b"double", 1

    path = written("my.mat", fill, userblock_size=512)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    found = array_files.mat_file(path)
    assert_array_equal(found.array, A)
    assert_array_equal(found.known["y"], Y)
    assert set(hdf5.arrays(path)) == {"X", "y"}


def test_the_split_of_keras_is_found_in_an_hdf5_file_too(written):
    path = written("my.h5", lambda file: file.update({"x_train": A, "x_test": A[:2]}))
    found = array_files.hdf5_file(path)
    assert found.n_train == 4 and len(found.array) == 6


def test_what_would_unpack_to_a_full_memory_is_not_unpacked(written):
    def fill(file):
        file.create_dataset("X", (10**6, 10**6), "f8", chunks=(1000, 1000))

    with pytest.raises(ValueError, match="would unpack to 8,000,000,000,000 bytes"):
        array_files.hdf5_file(written("my.h5", fill))


@pytest.mark.parametrize("end", [0, 8, 100, 600, -1])
def test_a_cut_file_is_a_sentence(written, end):
    path = written("my.h5", lambda file: file.update({"X": A}))
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[:end])
    with pytest.raises(ValueError, match=f"^{path} is not a readable HDF5 file"):
        array_files.hdf5_file(path)


@pytest.mark.parametrize("name", ["my.h5", "my.h5ad", "my.mat"])
def test_without_h5py_a_sentence_says_what_to_do(tmp_path, monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = tmp_path / name
    read = array_files.mat_file if path.suffix == ".mat" else array_files.hdf5_file
    with pytest.raises(FileNotFoundError, match=f"^There is no file {path}.$"):
        read(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    with pytest.raises(ValueError, match=f"^{path} is an HDF5 .*: pip install h5py, or save"):
        read(path)


def test_all_that_is_read_comes_by_its_path(written):
    def fill(file):
        file["a/b/c"], file["text"], file["scalar"] = A, ["x"], 3.0
        file["link"] = file["a/b/c"]

    found = hdf5.arrays(written("my.h5", fill))
    assert {name: array.shape for name, array in found.items()} == {
        "a/b/c": (4, 3),
        "scalar": (),
        "text": (1,),
    }
