"""The idx format of MNIST and its relatives.

two zero bytes, a type (8: bytes), the number of dimensions n, n big-endian sizes, the data
"""

import math

import numpy as np


def parse(content, path):
    """The array in the bytes of an idx file of unsigned bytes.

    Raises  ValueError if the bytes are not that
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an idx file of unsigned bytes.")
    n = content[3]
    shape = tuple(np.frombuffer(content, ">u4", n, 4)) if len(content) >= 4 + 4 * n else None
    if shape is None or len(content) - 4 - 4 * n != math.prod(map(int, shape)):
        raise ValueError(f"{path} is damaged: its length does not fit the shape it declares.")
    try:
        return np.frombuffer(content, np.uint8, offset=4 + 4 * n).reshape(shape)
    except ValueError as error:  # such as of 200 dimensions
        raise ValueError(f"{path} is damaged: {error}.") from None
