"""SciPy's reader, which reads more, is the judge of what is whole."""

import random
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from numpy.testing import assert_array_equal
from scipy.io import loadmat, savemat

from numvae.datasets import array_files, mat

OTHERS = {"text": "some", "complex": np.array([[1j, 2]]), "cell": np.array([1, "b"], object)}


def arrays_in(path):
    with open(path, "rb") as file:
        return {name: mat.read(file, array) for name, array in mat.find(file).items()}


@pytest.mark.parametrize("written", [{"format": "4"}, {}, {"do_compression": True}], ids=str)
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (0, 3), (2, 3, 4, 2)], ids=str)
def test_arrays_of_every_type_and_shape(tmp_path, written, kind, shape):
    if "format" in written and (len(shape) > 2 or kind in ("i1", "u4", "i8", "u8")):
        pytest.skip("version 4 has no such arrays")
    array = np.random.default_rng(0).integers(0, 100, shape).astype(kind)
    arrays = {"X": array, "a_longer_name": np.eye(2), **OTHERS}
    savemat(
        tmp_path / "my.mat",
        {"text": "some", "X": array} if "format" in written else arrays,
        **written,
    )
    found = arrays_in(tmp_path / "my.mat")
    assert_array_equal(found.pop("X"), loadmat(tmp_path / "my.mat")["X"], strict=True)
    assert set(found) == ({"a_longer_name"} if "format" not in written else set())


FOLDER = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"
KINDS = ("double", "matrix", "minus", "multi", "bool", "3dmatrix", "onechar", "string", "cell")


@pytest.mark.parametrize(
    "path",
    [p for kind in KINDS for p in sorted(FOLDER.glob(f"test{kind}_*.mat"))],
    ids=lambda p: p.name,
)
def test_files_that_matlab_wrote(path):
    """In either byte order, of versions 4 to 7, doubles that are kept as smaller integers."""
    wanted = {n: x for n, x in loadmat(path, mat_dtype=True).items() if isinstance(x, np.ndarray)}
    wanted = {name: array for name, array in wanted.items() if array.dtype.kind in "buif"}
    found = arrays_in(path)
    assert found.keys() == wanted.keys()
    for name, array in found.items():
        assert_array_equal(array, wanted[name])
        assert array.dtype.isnative


def damaged(content, draw):
    """The bytes with one or some of them changed, or cut."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 4])):
        at = draw.randrange(min(len(content), draw.choice([300, 10**9])))
        content[at] = draw.choice([0, 1, 14, 15, 127, 128, 255, draw.randrange(256)])
    return bytes(content[: draw.choice([None, None, None, draw.randrange(len(content))])])


@pytest.mark.parametrize("written", [{"format": "4"}, {}, {"do_compression": True}], ids=str)
def test_a_damaged_file_is_a_sentence_or_data(tmp_path, written):
    path, draw, refused = tmp_path / "my.mat", random.Random(0), 0
    savemat(path, {"X": np.random.default_rng(0).random((9, 3)), "y": np.arange(5.0)}, **written)
    whole = path.read_bytes()
    for _ in range(400):
        path.write_bytes(damaged(whole, draw))
        try:
            array_files.mat_file(path)
        except ValueError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            refused += 1
    assert 40 < refused < 400


def test_the_byte_that_ends_scipy_by_a_signal(tmp_path):
    path = tmp_path / "my.mat"
    savemat(path, {"X": np.random.default_rng(0).random((9, 3))})
    content = bytearray(path.read_bytes())
    assert content[176] == 9  # the type of the numbers
    content[176] = 0
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} is not a readable MATLAB file"):
        array_files.mat_file(path)


def test_what_would_unpack_to_a_full_memory_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "my.mat"
    savemat(path, {"X": np.zeros((1000, 100))}, do_compression=True)
    monkeypatch.setattr("numvae.datasets.files.MOST", 100_000)
    with pytest.raises(ValueError, match="would unpack to 800,"):
        array_files.mat_file(path)


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n".ljust(600, b"x"), b"a,b\n1,2\n" * 40])
def test_another_kind_of_file_is_refused(tmp_path, content):
    (tmp_path / "my.mat").write_bytes(content)
    with pytest.raises(ValueError, match="it does not begin as one"):
        array_files.mat_file(tmp_path / "my.mat")
