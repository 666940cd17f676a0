"""MNIST (LeCun, Cortes and Burges): 60,000 + 10,000 handwritten digits, 28 × 28; and Fashion-MNIST
(Zalando Research), as many gray photographs of garments.

The files of both have the same names. The published MD5 sums are of the unpacked bytes: mirrors
have packed them again.
"""

import numpy as np

from numvae.datasets import files, idx

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}
MD5 = {
    ("mnist", "train"): ("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
    ("mnist", "test"): ("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
    ("fashion-mnist", "train"): (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
    ),
    ("fashion-mnist", "test"): (
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
}


def load(name, part, data_dir=None, download=False):
    """name "mnist" or "fashion-mnist", part "train" or "test" → images (N, 28, 28) float32 in
    [0, 1], labels (N,) int64.

    Raises  FileNotFoundError, ValueError, DownloadFailed as in `files`
    """
    images, labels = (
        idx.parse(*files.get(name, filename, md5, MIRRORS[name], data_dir, download))
        for filename, md5 in zip(FILES[part], MD5[name, part])
    )
    return images.astype(np.float32) / 255, labels.astype(np.int64)
