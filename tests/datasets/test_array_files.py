import gzip
import os
import re
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat
from scipy.sparse import eye

from numvae.datasets import array_files

A, B = np.arange(6.0).reshape(2, 3), np.arange(24).reshape(2, 3, 4)
LABELS = np.arange(5)
READERS = {"npz": "npz", "mat": "mat_file"}


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
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (9" + 30 * "9" + ", 3), }"),
    ],
    ids=["empty", "magic", "text", "zip", "cut", "open", "huge", "negative", "rows", "digits"],
)
@pytest.mark.parametrize("large", [0, 2**28], ids=["mapped", "read"])
def test_a_damaged_npy_file_is_refused(tmp_path, content, monkeypatch, large):
    monkeypatch.setattr(array_files, "LARGE", large)
    path = tmp_path / "my.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} is not a readable .npy array"):
        array_files.npy(path)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_an_array_of_any_version_of_the_format_is_read(tmp_path, version):
    with open(tmp_path / "my.npy", "wb") as file:
        np.lib.format.write_array(file, A, version)
    assert_array_equal(array_files.npy(tmp_path / "my.npy")[0], A)


@pytest.fixture(params=["npz", "mat"])
def written(request, tmp_path, mat_here):
    """written(a=…): the path of a file of these arrays, and the function that reads it."""
    path = tmp_path / f"my.{request.param}"

    def write(**arrays):
        if request.param == "npz":
            np.savez(path, **arrays)
        else:
            savemat(path, arrays)
        return path, getattr(array_files, READERS[request.param])

    return write


@pytest.mark.parametrize(
    ("arrays", "chosen"),
    [
        ({"some": A}, "some"),
        ({"some": B}, "some"),
        ({"some": A, "y": LABELS, "n": np.array(3)}, "some"),
        ({"some": A, "y": LABELS[:, None], "row": LABELS[None]}, "some"),
        ({"y": LABELS[:, None]}, "y"),
        ({"X": A, "Z": B}, "X"),
        ({"some": A, "text": np.array(["a", "b"])}, "some"),
    ],
    ids=range(7),
)
def test_the_only_table_or_the_one_named_x_is_read(written, arrays, chosen):
    path, read = written(**arrays)
    array, note, known, _ = read(path)
    assert_array_equal(array, arrays[chosen])
    assert note == f"array {chosen}" and known == {}


def test_of_several_one_is_chosen_by_its_name(written):
    path, read = written(one=A, two=B)
    assert_array_equal(read(path, "two")[0], B)
    with pytest.raises(ValueError, match=rf"one \(2, 3\), two \(2, 3, 4\); .*{path}:one"):
        read(path)
    with pytest.raises(ValueError, match=r"named 'three'; it has one \(2, 3\), two"):
        read(path, "three")


def test_a_vector_is_no_table(tmp_path):
    np.savez(tmp_path / "my.npz", v=LABELS, x_train=LABELS, x_test=LABELS)
    with pytest.raises(ValueError, match=r"with rows; it has v \(5,\), x_train \(5,\), x_test \(5"):
        array_files.npz(tmp_path / "my.npz")


@pytest.mark.parametrize("n", [8, 9])
def test_of_many_arrays_eight_are_named(tmp_path, n):
    path = tmp_path / "my.npz"
    np.savez(path, **{f"a{i}": A for i in range(n)})
    named = ", ".join(f"a{i} (2, 3)" for i in range(8)) + " and 1 more" * (n > 8)
    with pytest.raises(ValueError) as caught:
        array_files.npz(path)
    assert str(caught.value) == (
        f"{path} holds several arrays, {named}; say which, as in {path}:a0."
    )


def test_a_file_of_256_mb_stays_on_the_disk(tmp_path):
    path = tmp_path / "my.npy"
    start = header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**28 - 128},), }}")
    path.write_bytes(start)
    os.truncate(path, 2**28)  # which takes no room
    found = array_files.npy(path)
    assert len(start) == 128 and found.note == "read from the disk as needed"
    assert isinstance(found.array, np.memmap) and found.array[-1] == 0


def test_names_of_arrays_are_shown_without_control_characters(tmp_path):
    path, name = tmp_path / "a.npz", "\x1b[31mone"
    np.savez(path, **{name: A})
    assert array_files.npz(path)[1] == array_files.npz(path, name)[1] == "array [31mone"
    np.savez(path, **{name: A, "two": A})
    with pytest.raises(
        ValueError, match=r"\[31mone \(2, 3\), two \(2, 3\); .*:\[31mone.$"
    ) as caught:
        array_files.npz(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "arrays", [{"t": np.array(["a", "b"])}, {"c": np.array([[1j, 2], [3, 4]])}]
)
def test_where_there_are_no_numbers_that_is_said(written, arrays):
    path, read = written(**arrays)
    with pytest.raises(ValueError) as caught:
        read(path)
    assert str(caught.value) == f"{path} holds no array of numbers with rows; it has none."


@pytest.mark.parametrize("end", [0, 3, 50, 130, 200, -30, -1])
def test_a_cut_archive_is_refused(tmp_path, end):
    path = tmp_path / "my.npz"
    np.savez(path, some=np.random.default_rng(0).random((9, 9)))
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=f"^{path} is not a readable") as caught:
        array_files.npz(path)
    assert "\n" not in str(caught.value)


def test_objects_beside_the_data_are_left_alone(tmp_path, mat_here):
    names = np.array(["a", None], object)
    np.savez(tmp_path / "my.npz", X=A, names=names, y=names, label=["a", "b"], target=[1, 2])
    found = array_files.npz(tmp_path / "my.npz")
    assert_array_equal(found.array, A)
    assert list(found.known) == ["target"]  # the names are all different
    savemat(tmp_path / "my.mat", {"X": A, "opts": {"a": 1}, "cell": np.array([1, "b"], object)})
    assert_array_equal(array_files.mat_file(tmp_path / "my.mat")[0], A)
    savemat(tmp_path / "my.mat", {"S": eye(3)})
    with pytest.raises(ValueError, match="no array of numbers"):
        array_files.mat_file(tmp_path / "my.mat")


def test_an_npy_file_under_the_name_of_an_archive_is_said_to_be_one(tmp_path):
    np.save(tmp_path / "my.npy", A)
    path = (tmp_path / "my.npy").rename(tmp_path / "my.npz")
    with pytest.raises(ValueError, match=r"it is a .npy file"):
        array_files.npz(path)


@pytest.mark.parametrize(
    ("beside", "known"),
    [
        ({"y": LABELS[:2]}, ["y"]),
        ({"Y": LABELS[:2, None], "labels": np.array([[1.5, 2.5]])}, ["y", "labels"]),
        ({"target": LABELS[:2], "other": LABELS[:2]}, ["target"]),
        ({"y": LABELS}, []),
        ({"y": np.zeros(2)}, []),
    ],
    ids=range(5),
)
def test_labels_lie_beside_the_data(written, beside, known):
    path, read = written(some=A, **beside)
    found = read(path)
    assert list(found.known) == known and found.n_train is None
    assert all(len(values) == 2 for values in found.known.values())


def test_names_of_classes_may_be_text(tmp_path):
    names = np.array(["cat", "dog"])
    np.savez(tmp_path / "my.npz", X=np.vstack([A, A]), label=np.append(names, names))
    found = array_files.npz(tmp_path / "my.npz")
    assert found.known["label"].tolist() == ["cat", "dog", "cat", "dog"]


@pytest.mark.parametrize("x", ["x", "X"])
def test_what_keras_saves_has_a_split_and_labels_of_its_own(written, x):
    arrays = {f"{x}_train": A, f"{x}_test": A[:1] + 10, "y_train": LABELS[:2], "y_test": LABELS[:1]}
    path, read = written(**arrays)
    found = read(path)
    assert_array_equal(found.array, np.vstack([A, A[:1] + 10]))
    assert found.n_train == 2 and found.note == f"arrays {x}_train and {x}_test"
    assert found.known["y"].tolist() == [0, 1, 0]
    part = read(path, f"{x}_train")
    assert_array_equal(part.array, A)
    assert part.n_train is None and part.known["y"].tolist() == [0, 1]


@pytest.mark.parametrize("part", ["train", "test"])
def test_one_part_of_two_is_no_split_and_its_labels_are_none(written, part):
    path, read = written(x_train=A, x_test=A, **{f"y_{part}": LABELS[:2]})
    assert read(path).n_train == 2 and read(path).known == {}
    path, read = written(**{f"x_{part}": A})
    found = read(path)
    assert found.n_train is None and found.note == f"array x_{part}"


def test_two_parts_that_do_not_fit_together_are_two_arrays(written):
    path, read = written(x_train=A, x_test=B)
    with pytest.raises(ValueError, match="holds several arrays, x_train"):
        read(path)
    path, read = written(x_train=A, x_test=A, y_train=LABELS[:2], y_test=LABELS)
    assert read(path).n_train == 2 and read(path).known == {}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_idx_file_is_read_packed_or_not(tmp_path, pack):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    sizes = b"".join(n.to_bytes(4, "big") for n in images.shape)
    content = b"\0\0\x08\3" + sizes + images.tobytes()
    (tmp_path / "a").write_bytes(pack(content))
    assert_array_equal(array_files.idx_file(tmp_path / "a")[0], images)
    (tmp_path / "a").write_bytes(pack(content[:-1]))
    with pytest.raises(ValueError, match=f"^{tmp_path / 'a'} is damaged"):
        array_files.idx_file(tmp_path / "a")
    (tmp_path / "a").write_bytes(gzip.compress(content)[:-3])
    with pytest.raises(ValueError, match=f"^{tmp_path / 'a'} is not a readable idx file"):
        array_files.idx_file(tmp_path / "a")


def test_an_archive_is_not_unpacked_beyond_what_its_size_can_hold(tmp_path, monkeypatch):
    path = tmp_path / "my.npz"
    np.savez_compressed(path, X=np.zeros((1000, 100)))
    assert array_files.npz(path)[0].shape == (1000, 100)
    monkeypatch.setattr("numvae.datasets.files.MOST", 100_000)
    with pytest.raises(ValueError, match="would unpack to 800,"):
        array_files.npz(path)
    np.savez(path, X=np.zeros((1000, 100)))  # which is not packed, and takes its own space
    assert array_files.npz(path)[0].shape == (1000, 100)


@pytest.mark.parametrize("shape", [(1000000000, 3), (8, 3), (-2, 3), (-2, -3)], ids=str)
def test_a_shape_that_does_not_fit_into_the_file_is_refused(tmp_path, shape):
    """Before NumPy itself sees it: older ones read a negative shape as if it were another."""
    content = header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}") + bytes(48)
    (tmp_path / "my.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "my.npz", "w") as archive:
        archive.writestr("X.npy", content)
        archive.writestr("notes.txt", "not an array")
    for read, name in ((array_files.npy, "my.npy"), (array_files.npz, "my.npz")):
        with pytest.raises(ValueError, match=rf"it declares the shape {re.escape(str(shape))}"):
            read(tmp_path / name)


@pytest.mark.parametrize("sizes", [(2**30,), (0, 2**32 - 1, 2**32 - 1, 2**32 - 1), (1,) * 200])
def test_an_idx_file_that_declares_a_strange_shape_is_refused(tmp_path, sizes):
    path = tmp_path / "my.idx"
    content = b"\0\0\x08" + bytes([len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)
    path.write_bytes(content + bytes(len(sizes) == 200))
    with pytest.raises(ValueError, match=f"^{path} is damaged"):
        array_files.idx_file(path)
