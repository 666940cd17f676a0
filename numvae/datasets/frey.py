"""Frey faces (Brendan Frey and Sam Roweis): 1,965 frames, 28 × 20, of a video of one man's face.

The frames are in video order and neighbours are nearly the same, so a random split puts near-copies
of the held-out frames into the training set. State the split with every number.
"""

import io

import numpy as np

from numvae.datasets import files

MIRRORS = (
    "https://cs.nyu.edu/~roweis/data/",
    "https://web.archive.org/web/2020id_/https://cs.nyu.edu/~roweis/data/",
)
FILENAME = "frey_rawface.mat"
MD5 = "5aeb024d42b8a6091f30e5eb18c8a48d"


def load(data_dir=None, download=False):
    """The frames (1965, 28, 20), float32 in [0, 1] (the file's bytes / 255).

    Raises  FileNotFoundError, ValueError, DownloadFailed as in `files`
    """
    content, _ = files.get("frey", FILENAME, MD5, MIRRORS, data_dir, download)
    from scipy.io import loadmat

    frames = loadmat(io.BytesIO(content))["ff"]
    return frames.T.reshape(-1, 28, 20).astype(np.float32) / 255
