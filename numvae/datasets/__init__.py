"""Data sets as plain arrays: `load("digits")`, `load("mnist", download=True)`, `load("my.csv")`.

    faces           28 × 20 gray faces drawn by the program from known factors
    digits          28 × 28 digits drawn by the program from many fonts
    frey            Frey faces, 28 × 20 gray video frames of one man
    mnist           handwritten digits, 28 × 28; fashion_mnist: garments in the same form
    files           where the files of these three are looked for, and how they are checked
    download        how they are fetched, for those who ask
    own             data of the user's own: array_files, csv_file, image_folder

Nothing in here knows a network.
"""

from numvae.datasets.dataset import Dataset, load

__all__ = ["Dataset", "load"]
