import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.datasets import own


def saved(tmp_path, array, **kwargs):
    path = str(tmp_path / "my.npy")
    np.save(path, array, **kwargs)
    return path


@pytest.mark.parametrize("shape", [(6, 5), (6, 4, 3), (6, 4, 3, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f8", "i8", "u2", "i1", "?"])
def test_rows_and_images_of_numbers_keep_their_values(tmp_path, shape, order, kind):
    array = np.random.default_rng(0).integers(0, 100, shape).astype(kind, order=order)
    X, one = own.load(saved(tmp_path, array))
    assert X.dtype == np.float32 and X.shape == (shape[0], np.prod(shape[1:]))
    assert one == shape[1:]
    assert_array_equal(X.reshape(shape), array)


def test_bytes_become_zero_to_one(tmp_path):
    array = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    X, _ = own.load(saved(tmp_path, array))
    assert X.dtype == np.float32 and (X.min(), X.max()) == (0.0, 1.0)
    assert_allclose(255 * X.ravel(), np.arange(256), rtol=1e-6)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros(()), r"shape \(\)"),
        (np.zeros((5, 4, 3, 2)), r"shape \(5, 4, 3, 2\)"),
        (np.zeros((2, 2, 2, 2, 3)), r"shape \(2, 2, 2, 2, 3\)"),
        (np.zeros((0, 4)), "is empty"),
        (np.zeros((4, 0)), "is empty"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[1j, 0]]), "real numbers"),
        (np.array([["2020-01-01"]], "M8[D]"), "real numbers"),
        (np.array([(1, 2.0)], [("a", int), ("b", float)]), "real numbers"),
        (np.array([[0.0, np.nan], [0.0, 1.0], [np.inf, 0.0]]), "in 2 of 3 rows"),
        (np.array([[0.0, -np.inf]]), "in 1 of 1 rows"),
        (np.array([[0.0, 1e300], [1.0, 2.0]]), "in 1 of 2 rows|too large"),
    ],
    ids=range(13),
)
def test_an_array_that_is_no_data_set_is_refused(tmp_path, array, says):
    path = saved(tmp_path, array)
    with pytest.raises(ValueError, match=f"^{path} .*({says})"):
        own.load(path)


def test_pickled_objects_are_refused_and_never_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    path = saved(tmp_path, np.array([[Harm()]], object), allow_pickle=True)
    with pytest.raises(ValueError, match=f"^{path} "):
        own.load(path)
    (tmp_path / "my.npy").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ValueError, match=f"^{path} "):
        own.load(path)
    assert not (tmp_path / "harm").exists()


def header(text):
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"not an array",
        b"PK\x03\x04 not an archive",
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }") + bytes(40),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), ") + bytes(48),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 9999999), }"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3), }") + bytes(48),
    ],
    ids=["empty", "magic", "text", "zip", "cut", "open header", "huge", "negative"],
)
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "my.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} "):
        own.load(str(path))


def test_an_archive_of_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros((2, 2)))
    path = (tmp_path / "a.npz").rename(tmp_path / "my.npy")
    with pytest.raises(ValueError, match=f"^{path} is not a readable .npy array"):
        own.load(str(path))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no file {tmp_path / 'no.npy'}"):
        own.load(str(tmp_path / "no.npy"))
    with pytest.raises(ValueError, match=f"^{tmp_path} "):
        own.load(str(tmp_path))
