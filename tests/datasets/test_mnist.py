import gzip
import hashlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.datasets import load, mnist


def write(folder, name, parts, monkeypatch):
    """Make the files of a set of parts {"train": (images, labels), …}, and their sums the right
    ones."""
    folder.mkdir()
    for part, arrays in parts.items():
        sums = []
        for filename, array in zip(mnist.FILES[part], arrays):
            sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
            content = b"\0\0\x08" + bytes([array.ndim]) + sizes + array.tobytes()
            (folder / filename).write_bytes(gzip.compress(content))
            sums.append(hashlib.md5(content).hexdigest())
        monkeypatch.setitem(mnist.MD5, (name, part), sums)


@pytest.fixture
def small(tmp_path, monkeypatch, no_data):
    """Files of six training and two test digits, made by hand: (folder, images, labels)."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (8, 28, 28), np.uint8), np.arange(8, dtype=np.uint8)
    parts = {"train": (images[:6], labels[:6]), "test": (images[6:], labels[6:])}
    write(tmp_path / "mnist", "mnist", parts, monkeypatch)
    return tmp_path, images, labels


def test_images_and_labels_are_those_of_the_files(small):
    folder, images, labels = small
    for part, rows in (("train", slice(6)), ("test", slice(6, 8))):
        found, digits = mnist.load("mnist", part, folder)
        assert found.dtype == np.float32 and digits.dtype == np.int64
        assert_array_equal(found, images[rows].astype(np.float32) / 255)
        assert_array_equal(digits, labels[rows])


def test_the_test_images_are_held_out_or_the_last_of_the_training_images(small):
    folder, images, labels = small
    flat = images.reshape(8, 784).astype(np.float32) / 255
    for validation, train, valid, says in (
        (
            *(None, slice(6), slice(6, 8)),
            "the 60,000 training images to train, the 10,000 test images held out",
        ),
        (
            *(2, slice(4), slice(4, 6)),
            "training images 0–3 to train, the last 2 of them held out",
        ),
        (
            *(0, slice(6), slice(6, 6)),
            "training images 0–5 to train, the last 0 of them held out",
        ),
    ):
        data = load("mnist", folder, validation)
        assert_array_equal(data.X, flat[train])
        assert_array_equal(data.X_valid, flat[valid])
        assert_array_equal(data.known["digit"], labels[train])
        assert_array_equal(data.known_valid["digit"], labels[valid])
        assert data.split == says
        assert (data.shape, data.likelihood) == ((28, 28), "bernoulli")
    with pytest.raises(ValueError, match="Cannot hold out 6 of 6 mnist"):
        load("mnist", folder, 6)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-9], lambda b: b[:4], lambda b: b"", lambda b: gzip.compress(b"\0\0\x08\1")],
    ids=["cut", "cut short", "empty", "other"],
)
def test_a_damaged_file_is_named(small, which, damage):
    path = small[0] / "mnist" / mnist.FILES["train"][which]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"^{path} is damaged"):
        mnist.load("mnist", "train", small[0])


@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_file_is_named_with_the_places(small, no_data, which):
    path = small[0] / "mnist" / mnist.FILES["test"][which]
    path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load("mnist", "test", small[0])
    for named in (path.name, path.parent, no_data / "mnist"):
        assert str(named) in str(caught.value)


def test_fashion_mnist_is_told_from_mnist_by_its_content(tmp_path, monkeypatch, no_data):
    """The files of both sets have the same names."""
    shades = np.full((2, 2, 28, 28), 51, np.uint8) * np.uint8([1, 2])[:, None, None, None]
    parts = {"train": (shades[0], np.uint8([9, 0])), "test": (shades[1], np.uint8([9, 1]))}
    write(tmp_path / "fashion-mnist", "fashion-mnist", parts, monkeypatch)
    for names in mnist.FILES.values():
        for name in names:
            (tmp_path / name).write_bytes(gzip.compress(b"MNIST lies beside it"))
    data = load("fashion-mnist", tmp_path)
    assert (data.name, data.shape) == ("fashion-mnist", (28, 28))
    assert data.likelihood == "continuous-bernoulli"
    assert_array_equal(data.X, np.full((2, 784), np.float32(0.2)))
    assert_array_equal(data.X_valid, np.full((2, 784), np.float32(0.4)))
    assert_array_equal(data.known["garment"], [9, 0])
    assert_array_equal(data.known_valid["garment"], [9, 1])


def test_the_real_digits(real_data):
    data = load("mnist", real_data("mnist"))
    assert data.X.shape == (60_000, 784) and data.X_valid.shape == (10_000, 784)
    assert data.X.dtype == data.X_valid.dtype == np.float32
    assert data.X.min() == 0.0 and data.X.max() == 1.0
    assert_array_equal(data.known["digit"][:6], [5, 0, 4, 1, 9, 2])
    counts = np.bincount(data.known_valid["digit"])
    assert counts.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.X.mean() == pytest.approx(0.1307, abs=1e-4)  # the mean that everyone subtracts
