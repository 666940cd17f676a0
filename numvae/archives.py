"""Files of named arrays and a header: `.npz` without pickle, believed only after a look.

The file is a zip that stores (never compresses) one `.npy` for each array, and the header as JSON
in the bytes of one more. Every member carries a CRC-32, which finds any damage to a byte or two.
"""

import io
import json
import os
import zipfile

import numpy as np

from numvae.files import write_atomically

VERSION = 2
HEADER = "header"


def write(path, kind, header, arrays):
    """Write a file, whole or not at all.

    kind    what the file is, such as "model"; `read` refuses another
    header  a dict of what JSON can hold;  arrays  dict of name → array
    """
    text = json.dumps({"numvae": kind, "version": VERSION, **header})
    buffer = io.BytesIO()
    np.savez(buffer, **{HEADER: np.frombuffer(text.encode(), np.uint8)}, **arrays)
    write_atomically(path, buffer.getvalue())


def read(path, kind, expected, from_version_1):
    """The header and the arrays of a file that `write` wrote.

    expected    header → dict of name → (shape, dtype): exactly what the file must hold, found out
                before any memory is taken
    from_version_1  the header of a file of format 1 → that of this one

    Raises  FileNotFoundError, PermissionError, IsADirectoryError   as the system says
            ValueError   the file is damaged, of another kind, or from a newer numvae
    """
    with open(os.fspath(path), "rb") as file:  # a number would be taken for an open file's
        size = os.fstat(file.fileno()).st_size
        try:
            with zipfile.ZipFile(file) as archive:
                header = json.loads(_member(archive, HEADER, size).tobytes())
                _check_header(path, header, kind)
                if header["version"] == 1:
                    header = from_version_1(header)
                wanted = expected(header)
                if set(archive.namelist()) != {f"{name}.npy" for name in [HEADER, *wanted]}:
                    raise ValueError("its arrays are not those of its configuration")
                return header, {n: _member(archive, n, size, *w) for n, w in wanted.items()}
        except _Foreign:
            raise
        except Exception as error:  # a damaged zip can raise almost anything
            raise ValueError(
                f"{path} is not a whole numvae {kind} file: {error or type(error).__name__}."
            ) from None


class _Foreign(ValueError):
    """The file is whole, but not for us."""


def _check_header(path, header, kind):
    if not isinstance(header, dict) or "numvae" not in header:
        raise ValueError("it has no numvae header")
    if header["numvae"] != kind:
        raise _Foreign(f"{path} is a numvae {header['numvae']} file; expected a {kind} file.")
    if header.get("version") not in (1, VERSION):
        raise _Foreign(
            f"{path} has format version {header.get('version')}, this numvae reads up to version "
            f"{VERSION}; install a newer one."
        )


def _member(archive, name, size, shape=None, dtype=np.uint8):
    """One array, after a check of what it declares; shape None: any one-dimensional one."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
        raise ValueError(f"{name} declares {info.file_size:,} bytes, the file has {size:,}")
    with archive.open(info) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{name} is in an unknown format")
        found_shape, fortran, found_dtype = np.lib.format.read_array_header_1_0(member)
        if found_dtype != dtype or fortran or (shape is None and len(found_shape) != 1):
            raise ValueError(f"{name} has dtype {found_dtype}, expected {np.dtype(dtype)}")
        if shape is not None and found_shape != tuple(shape):
            raise ValueError(f"{name} has shape {found_shape}, expected {tuple(shape)}")
        content = member.read()  # to the end: this is where the CRC is checked
    return np.frombuffer(content, found_dtype).reshape(found_shape)
