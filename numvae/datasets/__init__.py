"""Data sets as plain arrays: `load("faces")`, `load("frey")`, `load("mnist")`.

    faces       28 × 20 gray faces drawn by the program from known factors
    frey        Frey faces, 28 × 20 gray video frames of one man; the file is looked for
    mnist       handwritten digits, 28 × 28; the files are looked for
    files       where files are looked for, and how they are read

Nothing in here knows a network.
"""

from numvae.datasets.dataset import Dataset, load

__all__ = ["Dataset", "load"]
