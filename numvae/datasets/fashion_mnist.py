"""Fashion-MNIST (Zalando Research): 60,000 + 10,000 gray photographs of garments, 28 × 28.

The files have the names of MNIST's, so they belong into a folder of their own. The MD5 sums are of
the unpacked bytes.
"""

from numvae.datasets import idx

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
FILES = {
    "train": (
        ("train-images-idx3-ubyte.gz", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        ("train-labels-idx1-ubyte.gz", "9018921c3c673c538a1fc5bad174d6f9"),
    ),
    "test": (
        ("t10k-images-idx3-ubyte.gz", "8181f5470baa50b63fa0f6fddb340f0a"),
        ("t10k-labels-idx1-ubyte.gz", "15d484375f8d13e6eb1aabb0c3f46965"),
    ),
}


def load(part, data_dir=None, download=False):
    """part "train" or "test" → images (N, 28, 28) float32 in [0, 1], labels (N,) int64.

    Raises  FileNotFoundError, ValueError, DownloadFailed as in `files`
    """
    return idx.load("fashion-mnist", FILES[part], MIRRORS, data_dir, download)
