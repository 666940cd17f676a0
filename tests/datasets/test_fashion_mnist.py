import gzip
import hashlib

import numpy as np
from numpy.testing import assert_array_equal

from numvae.datasets import fashion_mnist, load, mnist


def test_it_is_told_from_mnist_by_its_content(tmp_path, monkeypatch, no_data):
    """The files of both sets have the same names."""
    sums = {part: [] for part in ("train", "test")}
    for i, part in enumerate(sums):
        images, labels = np.full((2, 28, 28), 51 * (i + 1), np.uint8), np.uint8([9, i])
        for (name, _), array in zip(fashion_mnist.FILES[part], (images, labels)):
            sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
            content = b"\0\0\x08" + bytes([array.ndim]) + sizes + array.tobytes()
            (tmp_path / "fashion-mnist").mkdir(exist_ok=True)
            (tmp_path / "fashion-mnist" / name).write_bytes(gzip.compress(content))
            (tmp_path / name).write_bytes(gzip.compress(b"MNIST lies beside it"))
            sums[part].append((name, hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(fashion_mnist, "FILES", sums)
    data = load("fashion-mnist", tmp_path)
    assert (data.name, data.shape, data.likelihood) == (
        *("fashion-mnist", (28, 28)),
        "continuous-bernoulli",
    )
    assert_array_equal(data.X, np.full((2, 784), np.float32(0.2)))
    assert_array_equal(data.X_valid, np.full((2, 784), np.float32(0.4)))
    assert_array_equal(data.known["garment"], [9, 0])
    assert_array_equal(data.known_valid["garment"], [9, 1])


def test_the_files_have_the_names_of_mnists():
    for part, pair in fashion_mnist.FILES.items():
        assert [name for name, _ in pair] == [name for name, _ in mnist.FILES[part]]
