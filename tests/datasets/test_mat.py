"""SciPy reads these files; here is what it may do to the process, and what is left out."""

import random

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from numvae.datasets import array_files, mat

WRITTEN = [{"format": "4"}, {}, {"do_compression": True}]


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_arrays_of_real_numbers_come_with_their_names(tmp_path, written):
    kinds = {"f8": (3, 4), "f4": (1, 1), "u1": (0, 3), "i2": (2, 1)}
    arrays = {f"of_{kind}": np.full(shape, 7, kind) for kind, shape in kinds.items()}
    others = {"text": "some", "complex": np.array([[1j, 2]])}
    if "format" not in written:
        arrays |= {"file": np.ones((2, 3, 4), "u4"), "of_bool": np.eye(2, dtype=bool)}
        others["cell"] = np.array([1, "b"], object)
    savemat(tmp_path / "my.mat", {**arrays, **others}, **written)
    found = mat.arrays(tmp_path / "my.mat")
    assert found.keys() == arrays.keys()
    for name, array in found.items():
        assert_array_equal(array, arrays[name])


def damaged(content, draw):
    """The bytes with one or some of them changed, or cut."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 4])):
        at = draw.randrange(min(len(content), draw.choice([300, 10**9])))
        content[at] = draw.choice([0, 1, 14, 15, 127, 128, 255, draw.randrange(256)])
    return bytes(content[: draw.choice([None, None, None, draw.randrange(len(content))])])


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_a_damaged_file_is_a_sentence_or_data(tmp_path, written):
    path, draw, refused = tmp_path / "my.mat", random.Random(0), 0
    savemat(path, {"X": np.random.default_rng(0).random((9, 3)), "y": np.arange(5.0)}, **written)
    whole = path.read_bytes()
    for _ in range(12):
        path.write_bytes(damaged(whole, draw))
        try:
            array_files.mat_file(path)
        except ValueError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            refused += 1
    assert 1 < refused < 12


@pytest.mark.parametrize("end", [50, 200])
def test_a_cut_file_is_refused(tmp_path, end):
    path = tmp_path / "my.mat"
    savemat(path, {"X": np.random.default_rng(0).random((9, 9))})
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=f"^{path} is not a readable MATLAB file") as caught:
        array_files.mat_file(path)
    assert "\n" not in str(caught.value)


def test_the_byte_that_ends_scipy_by_a_signal(tmp_path):
    path = tmp_path / "my.mat"
    savemat(path, {"X": np.random.default_rng(0).random((9, 3))})
    content = bytearray(path.read_bytes())
    assert content[176] == 9  # the type of the numbers
    content[176] = 0
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} is not a readable MATLAB file"):
        array_files.mat_file(path)


def test_what_would_unpack_to_a_full_memory_is_not_unpacked(tmp_path, monkeypatch, mat_here):
    path = tmp_path / "my.mat"
    savemat(path, {"X": np.zeros((1000, 100))}, do_compression=True)
    monkeypatch.setattr("numvae.datasets.files.MOST", 100_000)
    with pytest.raises(ValueError, match="would unpack to 800,"):
        array_files.mat_file(path)


def test_another_kind_of_file_is_refused(tmp_path, mat_here):
    (tmp_path / "my.mat").write_bytes(b"a,b\n1,2\n" * 40)
    with pytest.raises(ValueError, match="is not a readable MATLAB file"):
        array_files.mat_file(tmp_path / "my.mat")
