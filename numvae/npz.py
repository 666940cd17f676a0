"""Files of named arrays and a header: `.npz` without pickle, checked before they are trusted.

The file is a zip that stores (never compresses) one `.npy` for each array, and the header as JSON
in the bytes of one more. Every member carries a CRC-32, which finds any damage to a byte or two.

What a file says of itself is believed only as far as its size allows: whatever stands in it, its
reader takes a few times the memory of its arrays, and less than 64 MB besides.
"""

import json
import math
import os
import zipfile

import numpy as np

from numvae.files import check_is_file, open_atomically
from numvae.text import printable, reason, short

VERSION = 5
HEADER = "header"
DIRECTORY = 2**21  # bytes that the zip's list of members may have: of 8,000 layers
TEXT = 2**22  # bytes that a header may have, and 1/8 of the file: 100,000 names take 1 to 3 MB
EACH = 20  # bytes of the file, at least, for every value of the header
PART = 32  # bytes of the header, at least, for every list and dict in it
END = 22  # bytes at the end of a zip that say where the list of members is
LONG = "its header is larger than any model's"
OTHER = "its arrays have not the shapes and dtypes of its configuration"


def write(path, kind, header, arrays):
    """Write a file, whole or not at all.

    kind    what the file is, such as "model"; `read` refuses another
    header  a dict of what JSON can hold;  arrays  dict of name → array

    Raises  ValueError   the header is so long that `read` would refuse it; no file is touched
    """
    text = json.dumps({"numvae": kind, "version": VERSION, **header}).encode()
    try:
        _check_text(text, len(text) + sum(array.nbytes for array in arrays.values()))
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be written: {error}. Shorten the texts in it, such as names of columns."
        ) from None
    with open_atomically(path) as file:  # a large model is not held in memory twice
        np.savez(file, **{HEADER: np.frombuffer(text, np.uint8)}, **arrays)


def read(path, kind, expected, from_older):
    """The header and the arrays of a file that `write` wrote.

    expected        header, how many arrays there are → dict of name → (shape, dtype, constraint):
                    exactly what the file must hold, and the Number that every element must be
    from_older      the header of a file of an older format → that of this one

    Raises  FileNotFoundError, PermissionError, IsADirectoryError   as the system says
            ValueError   the file is damaged, of another kind, or from a newer numvae
    """
    check_is_file(os.fspath(path))  # a number would be taken for an open file's
    with open(path, "rb") as file:
        try:
            size = os.fstat(file.fileno()).st_size
            archive, members = _opened(file, size)
            if HEADER not in members:
                raise ValueError("it has no numvae header")
            header = _header(archive, members.pop(HEADER), size)
            _check_header(path, header, kind)
            if header["version"] < VERSION:
                header = from_older(header)
            wanted = expected(header, len(members))
            if members.keys() != wanted.keys():
                raise ValueError("its arrays are not those of its configuration")
            for name, (shape, dtype, _) in wanted.items():
                _check_size(members[name], shape, np.dtype(dtype))
            arrays = {}
            for name, (shape, dtype, constraint) in wanted.items():
                array = _array(archive.read(members[name]), tuple(shape), np.dtype(dtype))
                arrays[name] = _checked(name, array, constraint)
            return header, arrays
        except _Foreign:
            raise
        except Exception as error:  # a damaged zip can raise almost anything
            why = f"it has no {reason(error)}" if isinstance(error, KeyError) else reason(error)
            end = "" if why.endswith((".", "?")) else "."
            raise ValueError(f"{path} is not a whole numvae {kind} file: {why}{end}") from None


def _opened(file, size):
    """The zip in a file of this size, and its members by name.

    Raises  ValueError, zipfile.BadZipFile   it is none; or one that a few bytes can make large
    """
    file.seek(max(0, size - END - 20))
    before, end = file.read(20), file.read()
    if not end.startswith(b"PK\5\6"):
        raise ValueError("it is not a zip file, or data follows its end")
    long = before.startswith(b"PK\6\7") and size < 2**31  # its length is not the one that follows
    if long or int.from_bytes(end[12:16], "little") > DIRECTORY:
        raise ValueError("its list of members is longer than any model's")
    archive = zipfile.ZipFile(file)
    listed = archive.infolist()
    members = {member.filename.removesuffix(".npy"): member for member in listed}
    if len(members) < len(listed):
        raise ValueError("two of its members have the same name")
    if any((m.compress_type, m.file_size) != (zipfile.ZIP_STORED, m.compress_size) for m in listed):
        raise ValueError("a member of it is compressed")
    if sum(m.file_size for m in listed) > size:
        raise ValueError("its members are larger than the file")
    return archive, members


def _header(archive, member, size):
    """What the JSON in the header's member says."""
    if member.file_size > TEXT + size // 8 + 128:  # bytes before the text, see `_array`
        raise ValueError(LONG)
    text = _array(archive.read(member), None, np.dtype(np.uint8)).tobytes()
    _check_text(text, size)
    return json.loads(str(text, "utf-8"))


def _check_text(text, size):
    """Raise ValueError if a header is of more, or of more parts, than a file of this size needs."""
    if len(text) > TEXT + size // 8:
        raise ValueError(LONG)
    plain = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    inside = np.logical_xor.accumulate(plain == ord('"'))
    outside = plain[~inside].tobytes()
    parts = outside.count(b"[") + outside.count(b"{")
    if EACH * text.count(b",") > size + 2**18 or PART * parts > len(text) + 2**16:
        raise ValueError("its header holds more than its arrays can have a use for")


def _check_size(member, shape, dtype):
    """Raise ValueError if a member is smaller than such an array, or much larger."""
    if not 0 < member.file_size - math.prod(shape) * dtype.itemsize < 2**16:
        raise ValueError(OTHER)


def _array(content, shape, dtype):
    """The array in the bytes of a `.npy` file; shape None: of one dimension, however long.

    Raises  ValueError   it is of another shape or dtype
    """
    start = 10 + int.from_bytes(content[8:10], "little")
    shape = (len(content) - start,) if shape is None else shape
    found = content[:8], b"".join(content[10:start].split())
    for order in "CF":
        described = str({"descr": dtype.str, "fortran_order": order == "F", "shape": shape})
        if found == (b"\x93NUMPY\1\0", f"{described[:-1]},}}".replace(" ", "").encode()):
            return np.frombuffer(content, dtype, offset=start).reshape(shape, order=order)
    raise ValueError(OTHER)


def _checked(name, array, constraint):
    """The array, whose elements must all be within a constraint of numbers."""
    c = constraint
    if not (np.isfinite(array) & (array >= c.least) & (array > c.above)).all():
        raise ValueError(f"{name} must hold nothing but numbers, each {c}")
    return array


class _Foreign(ValueError):
    """The file is whole, but of another kind or version."""


def _check_header(path, header, kind):
    if not isinstance(header, dict) or "numvae" not in header:
        raise ValueError("it has no numvae header")
    if header["numvae"] != kind:
        found = printable(str(header["numvae"]))[:40]
        raise _Foreign(f"{path} is a numvae {found} file; expected a {kind} file.")
    version = header.get("version")
    if type(version) is not int or version not in range(1, VERSION + 1):
        raise _Foreign(
            f"{path} has format version {short(version)}, this numvae reads up to version "
            f"{VERSION}; install a newer one."
        )
