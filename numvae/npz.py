"""Files of named arrays and a header: `.npz` without pickle, checked before they are trusted.

The file is a zip that stores (never compresses) one `.npy` for each array, and the header as JSON
in the bytes of one more. Every member carries a CRC-32, which finds any damage to a byte or two.
"""

import json
import os
import zipfile

import numpy as np

from numvae.files import open_atomically

VERSION = 4
HEADER = "header"


def write(path, kind, header, arrays):
    """Write a file, whole or not at all.

    kind    what the file is, such as "model"; `read` refuses another
    header  a dict of what JSON can hold;  arrays  dict of name → array
    """
    text = json.dumps({"numvae": kind, "version": VERSION, **header})
    with open_atomically(path) as file:  # a large model is not held in memory twice
        np.savez(file, **{HEADER: np.frombuffer(text.encode(), np.uint8)}, **arrays)


def read(path, kind, expected, from_older):
    """The header and the arrays of a file that `write` wrote.

    expected        header → dict of name → (shape, dtype): exactly what the file must hold
    from_older      the header of a file of an older format → that of this one

    Raises  FileNotFoundError, PermissionError, IsADirectoryError   as the system says
            ValueError   the file is damaged, of another kind, or from a newer numvae
    """
    with open(os.fspath(path), "rb") as file:  # a number would be taken for an open file's
        size = os.fstat(file.fileno()).st_size
        try:
            for member in zipfile.ZipFile(file).infolist():  # a few bytes can unpack to many
                if member.compress_type != zipfile.ZIP_STORED or member.file_size > size:
                    raise ValueError(f"{member.filename} is compressed or larger than the file")
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            header = json.loads(archive[HEADER].tobytes())
            _check_header(path, header, kind)
            if header["version"] < VERSION:
                header = from_older(header)
            wanted = {n: (tuple(shape), dtype) for n, (shape, dtype) in expected(header).items()}
            if set(archive.files) != {HEADER, *wanted}:
                raise ValueError("its arrays are not those of its configuration")
            arrays = {name: archive[name] for name in wanted}
            if {n: (array.shape, array.dtype) for n, array in arrays.items()} != wanted:
                raise ValueError("its arrays have not the shapes and dtypes of its configuration")
            return header, arrays
        except _Foreign:
            raise
        except Exception as error:  # a damaged zip can raise almost anything
            reason = " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, KeyError):
                reason = f"it has no {reason}"
            end = "" if reason.endswith((".", "?")) else "."
            raise ValueError(f"{path} is not a whole numvae {kind} file: {reason}{end}") from None


class _Foreign(ValueError):
    """The file is whole, but of another kind or version."""


def _check_header(path, header, kind):
    if not isinstance(header, dict) or "numvae" not in header:
        raise ValueError("it has no numvae header")
    if header["numvae"] != kind:
        raise _Foreign(f"{path} is a numvae {header['numvae']} file; expected a {kind} file.")
    if header.get("version") not in range(1, VERSION + 1):
        raise _Foreign(
            f"{path} has format version {header.get('version')!r}, this numvae reads up to version "
            f"{VERSION}; install a newer one."
        )
