"""MNIST (LeCun, Cortes and Burges): 60,000 + 10,000 handwritten digits, 28 × 28.

The published MD5 sums are of the unpacked bytes: mirrors have packed them again.
"""

from numvae.datasets import idx

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
FILES = {
    "train": (
        ("train-images-idx3-ubyte.gz", "6bbc9ace898e44ae57da46a324031adb"),
        ("train-labels-idx1-ubyte.gz", "a25bea736e30d166cdddb491f175f624"),
    ),
    "test": (
        ("t10k-images-idx3-ubyte.gz", "2646ac647ad5339dbf082846283269ea"),
        ("t10k-labels-idx1-ubyte.gz", "27ae3e4e09519cfbb04c329615203637"),
    ),
}


def load(part, data_dir=None, download=False):
    """part "train" or "test" → images (N, 28, 28) float32 in [0, 1], labels (N,) int64.

    Raises  FileNotFoundError, ValueError, DownloadFailed as in `files`
    """
    return idx.load("mnist", FILES[part], MIRRORS, data_dir, download)
