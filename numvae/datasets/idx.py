"""The idx format of MNIST and its relatives, and sets that come as such files.

two zero bytes, a type (8: bytes), the number of dimensions n, n big-endian sizes, the data
"""

import math

import numpy as np

from numvae.datasets import files


def parse(content, path):
    """The array in the bytes of an idx file of unsigned bytes.

    Raises  ValueError if the bytes are not that
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an idx file of unsigned bytes.")
    n = content[3]
    shape = tuple(np.frombuffer(content, ">u4", n, 4)) if len(content) >= 4 + 4 * n else None
    if shape is None or len(content) - 4 - 4 * n != math.prod(map(int, shape)):
        raise ValueError(f"{path} is damaged: its length does not fit the shape it declares.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n).reshape(shape)


def load(name, pair, mirrors, data_dir=None, download=False):
    """Images and labels of a set: pair is ((filename, MD5), (filename, MD5)).

    Returns images (N, H, W) float32 in [0, 1], labels (N,) int64
    Raises  FileNotFoundError, ValueError, DownloadFailed as in `files`
    """
    images, labels = (
        parse(*files.get(name, filename, md5, mirrors, data_dir, download))
        for filename, md5 in pair
    )
    return images.astype(np.float32) / 255, labels.astype(np.int64)
