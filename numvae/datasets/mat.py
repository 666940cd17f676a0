"""The .mat files of MATLAB, read by SciPy in a process of its own: some damaged bytes end it."""

import io
import json
import os
import subprocess
import sys

import numpy as np

from numvae.datasets import files

# Prints the names of the arrays of real numbers in a file as a line of JSON, and then the arrays.
PROGRAM = """
import json, math, sys
path, most, sys.path = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
import numpy as np
from scipy.io import loadmat, whosmat
try:
    size = 8 * sum(math.prod(shape) for _, shape, _ in whosmat(path))
    if size > most:
        sys.exit(f"it would unpack to {size:,} bytes")
    found = {k: x for k, x in loadmat(path).items() if isinstance(x, np.ndarray)}
    found = {k: x for k, x in found.items() if x.dtype.kind in "buif"}
except Exception as error:
    sys.exit(str(error) or type(error).__name__)
sys.stdout.buffer.write(json.dumps(list(found)).encode() + b"\\n")
for array in found.values():
    np.save(sys.stdout.buffer, array, allow_pickle=False)
"""


def is_hdf5(path):
    """Whether this file is of version 7.3, which is HDF5 under another name."""
    with open(path, "rb") as file:
        return file.read(19) == b"MATLAB 7.3 MAT-file"


def arrays(path):
    """name → array of the arrays of real numbers in a file.

    Raises  ValueError   it is damaged, no such file, or would unpack to more than a memory holds
    """
    most = files.most_unpacked(os.path.getsize(path))
    arguments = [str(path), str(most), json.dumps(sys.path)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ValueError(said if done.returncode == 1 else "it is damaged")
    stream = io.BytesIO(done.stdout)
    names = json.loads(stream.readline())
    return {name: np.load(stream, allow_pickle=False) for name in names}
