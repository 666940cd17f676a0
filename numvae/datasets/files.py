"""Where data files are looked for, and how they are read and checked."""

import gzip
import hashlib
import math
import os
import sys
import zlib
from pathlib import Path

import numpy as np


def cache_folder():
    """The folder in which this platform's programs keep files that can be fetched again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "numvae"


def places(data_dir=None):
    """The folders that are searched, in order: data_dir, $NUMVAE_DATA, the cache folder."""
    given = [data_dir, os.environ.get("NUMVAE_DATA")]
    return [Path(place).expanduser() for place in given if place] + [cache_folder()]


def find(name, filename, data_dir=None):
    """The path of a data set's file: in each place, its folder `name` first, then the place itself.

    A name that ends in .gz is also found unpacked.

    Raises  FileNotFoundError that names the file and the places searched
    """
    names = [filename] + ([filename[:-3]] if filename.endswith(".gz") else [])
    for place in places(data_dir):
        for path in (folder / n for folder in (place / name, place) for n in names):
            if path.is_file():
                return path
    searched = ", ".join(str(place / name) for place in places(data_dir))
    raise FileNotFoundError(
        f"{filename} was not found in {searched}. Put it into one of these folders, or say where "
        f"it is with --data-dir or the environment variable NUMVAE_DATA."
    )


def read_checked(path, md5):
    """The bytes of a file, unpacked if it is a gzip, whose MD5 must be the published one.

    Raises  ValueError if the file is damaged
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged ({error}); fetch it again.") from None
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(
            f"{path} is damaged: the MD5 of its content is {found}, published is {md5}. "
            "Fetch it again."
        )
    return content


def parse_idx(content, path):
    """The array in the bytes of an idx file (the format of MNIST) of unsigned bytes.

    Format  two zero bytes, a type (8: uint8), the number of dimensions n, n big-endian sizes, data
    Raises  ValueError if the bytes are not that
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an idx file of unsigned bytes.")
    n = content[3]
    shape = tuple(np.frombuffer(content, ">u4", n, 4)) if len(content) >= 4 + 4 * n else None
    if shape is None or len(content) - 4 - 4 * n != math.prod(map(int, shape)):
        raise ValueError(f"{path} is damaged: its length does not fit the shape it declares.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n).reshape(shape)
