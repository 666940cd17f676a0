"""Data sets as plain arrays: `load("digits")`, `load("mnist", download=True)`, `load("my.csv")`.

    dataset         what a data set is, and the sets that are known by name
    faces           28 × 20 gray faces drawn by the program from known factors
    digits          28 × 28 digits drawn by the program from many fonts
    frey            Frey faces: 28 × 20 gray video frames of one man
    mnist           handwritten digits, 28 × 28; Fashion-MNIST: garments in the same form
    idx             the file format of these two
    files           where files are looked for, and how they are read and checked
    download        how they are fetched, if that is asked for
    own             data of the user's own
    found           what a file or a folder holds: examples and labels
    array_files     .npy, .npz, .mat, .h5 and .idx
    mat             the file format of MATLAB
    hdf5            the file format of .h5, .h5ad and newer MATLABs
    csv_file        a table in a text file
    table_files     tables of other programs, which pandas reads
    image_folder    a folder of images

Nothing here knows a network.

Read next: dataset.
"""

from numvae.datasets.dataset import Dataset, load

__all__ = ["Dataset", "load"]
