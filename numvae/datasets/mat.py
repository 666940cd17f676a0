"""The .mat format of MATLAB, versions 4 to 7: the arrays of real numbers in a file.

SciPy reads all that such a file may hold, but ends the process where some bytes are damaged.

Version 4   for each array: five int32 (type, rows, columns, is complex, length of the name), the
            name, the numbers. The digits of the type are M O P T: byte order, 0, P of NUMBERS_4,
            0 for a full matrix
Later       128 bytes, the last two of them the byte order, then elements. An element is two uint32
            (type, bytes), the bytes, zeros up to a multiple of 8; if it has at most 4 bytes, all of
            it is packed into 8. An array is an element of elements: flags and class, shape, name,
            numbers; they may be kept in less space than their class. It may be packed by zlib.

Numbers are in the order of Fortran.
"""

import math
import struct
import zlib
from typing import NamedTuple

import numpy as np

from numvae.datasets import files

NUMBERS_4 = dict(enumerate(("f8", "f4", "i4", "i2", "u2", "u1")))
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
NUMBERS |= {12: "i8", 13: "u8"}
CLASSES = dict(enumerate(("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), 6))
ARRAY, PACKED = 14, 15
COMPLEX = 0x0800
HEAD = 1024  # bytes that hold all of an array but its numbers


class Array(NamedTuple):
    """An array that has not been read yet."""

    shape: tuple
    dtype: np.dtype  # of its class
    stored: np.dtype
    at: int  # where its numbers are: in the file, or in what is unpacked
    packed: tuple = ()  # where that is in the file, and how many bytes


def find(file):
    """name → Array of the full arrays of real numbers in an open file.

    Raises  ValueError, struct.error, zlib.error    it is damaged, or no such file
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(128)
    if 0 in head[:4]:
        return _version_4(file, size)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:])
    version = struct.unpack(order + "H", head[124:126])[0] if order else None
    if version == 0x0200:
        raise ValueError("its version is 7.3; save it with -v7")
    if version != 0x0100:
        raise ValueError("it does not begin as one")
    return _version_5(file, size, order)


def read(file, array):
    """The numbers of an Array that was found in an open file."""
    count = math.prod(array.shape)
    n_bytes = count * array.stored.itemsize
    if array.packed:
        at, size = array.packed
        file.seek(at)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(file.read(size), array.at + n_bytes)[array.at :]
        unpacker.decompress(unpacker.unconsumed_tail, 8)  # zeros, and a checksum
        if not unpacker.eof:
            raise ValueError("its packed numbers are damaged")
    else:
        file.seek(array.at)
        content = file.read(n_bytes)
    numbers = np.frombuffer(content, array.stored, count)
    return numbers.reshape(array.shape, order="F").astype(array.dtype)


def _version_4(file, size):
    found, at = {}, 0
    while at < size:
        file.seek(at)
        head = file.read(20)
        order = "<" if 0 <= struct.unpack("<i", head[:4])[0] < 1000 else ">"
        kind, rows, columns, is_complex, length = struct.unpack(order + "5i", head)
        kind -= 1000 * (order == ">")
        if not (kind in (10 * p + t for p in NUMBERS_4 for t in range(3)) and 0 <= length < HEAD):
            raise ValueError("it does not begin as one" if at == 0 else "an array is damaged")
        name = file.read(length).rstrip(b"\0").decode("latin-1")
        stored = np.dtype(NUMBERS_4[kind // 10]).newbyteorder(order)
        at += 20 + length
        n_bytes = rows * columns * stored.itemsize
        if min(rows, columns, size - at - n_bytes) < 0:
            raise ValueError(f"the array {name} does not fit into it")
        if kind % 10 == 0 and not is_complex:
            found[name] = Array((rows, columns), stored.newbyteorder("="), stored, at)
        at += n_bytes * (2 if is_complex else 1)
    return found


def _version_5(file, size, order):
    found, at = {}, 128
    while at < size:
        file.seek(at)
        kind, n_bytes = struct.unpack(order + "II", file.read(8))
        at += 8
        if at + n_bytes > size:
            raise ValueError("it ends too early")
        head, packed = file.read(min(n_bytes, 8 * HEAD)), ()
        if kind == PACKED:
            packed = at, n_bytes
            head = zlib.decompressobj().decompress(head, HEAD)
            kind, inside = struct.unpack_from(order + "II", head)
            head = head[8:]
            files.check_unpacked(inside, n_bytes)
        if kind == ARRAY:
            name, array = _array(head, order, inside if packed else n_bytes)
            if name:  # the workspace of functions has none
                found[name] = array._replace(at=array.at + (8 if packed else at), packed=packed)
        at += n_bytes
    return found


def _array(content, order, size):
    """The name and the Array at the beginning of an element; None for what is no such array."""
    elements, at = [], 0
    for _ in range(4):
        kind, n_bytes = struct.unpack_from(order + "II", content, at)
        if kind >> 16:
            kind, n_bytes, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        else:
            start, end = at + 8, at + 8 + -(-n_bytes // 8) * 8
        elements.append((kind, n_bytes, start, content[start : start + n_bytes]))
        at = end
        if len(elements) == 1:
            (flags,) = struct.unpack_from(order + "I", content, start)
            if flags & 0xFF not in CLASSES or flags & COMPLEX:
                return None, None
    _, (_, n, _, shape), (_, _, _, name), (kind, n_bytes, at, _) = elements
    shape = struct.unpack(f"{order}{n // 4}i", shape)
    name = name.decode("latin-1")
    dtype, stored = np.dtype(CLASSES[flags & 0xFF]), np.dtype(NUMBERS[kind]).newbyteorder(order)
    fits = min(shape) >= 0 and math.prod(shape) * stored.itemsize == n_bytes <= size - at
    if not (fits and np.can_cast(stored, dtype, "same_kind")):
        raise ValueError(f"the array {name} is damaged")
    return name, Array(shape, dtype, stored, at)
