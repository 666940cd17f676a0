import hashlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from numvae.datasets import frey


def test_each_column_of_the_file_is_one_upright_frame(tmp_path, monkeypatch, no_data):
    frames = np.random.default_rng(0).integers(0, 256, (3, 28, 20), dtype=np.uint8)
    path = tmp_path / "frey" / frey.FILENAME
    path.parent.mkdir()
    savemat(path, {"ff": frames.reshape(3, 560).T})
    with pytest.raises(ValueError, match=f"^{path} is damaged"):
        frey.load(tmp_path)  # a stranger's file of the right name
    monkeypatch.setattr(frey, "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    images = frey.load(tmp_path)
    assert images.dtype == np.float32
    assert_array_equal(images, frames.astype(np.float32) / 255)


def test_a_missing_file_is_named_with_the_place(no_data):
    with pytest.raises(FileNotFoundError, match=f"frey_rawface.mat .*{no_data / 'frey'}"):
        frey.load()


def test_the_real_frames(real_data):
    images = frey.load(real_data("frey"))
    assert images.shape == (1965, 28, 20) and images.dtype == np.float32
    assert images.min() == np.float32(8 / 255) and images.max() == np.float32(238 / 255)
    steps = np.abs(np.diff(images, axis=0)).mean()
    apart = np.abs(images[500:] - images[:-500]).mean()
    assert steps < 0.5 * apart  # in the order of the video, neighbours are alike
    rows, columns = (np.abs(np.diff(images, axis=axis)).mean() for axis in (1, 2))
    assert max(rows, columns) < 0.1  # upright and not sheared: the picture is smooth both ways


def test_the_real_file_damaged_or_cut_is_refused(real_data, tmp_path, monkeypatch):
    content = bytearray((real_data("frey") / "frey" / frey.FILENAME).read_bytes())
    monkeypatch.delenv("NUMVAE_DATA")
    for bad in (content[:-100], content[:5000] + b"?" + content[5001:], b""):
        (tmp_path / frey.FILENAME).write_bytes(bad)
        with pytest.raises(ValueError, match=f"^{tmp_path / frey.FILENAME} is damaged"):
            frey.load(tmp_path)
