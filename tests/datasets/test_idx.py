import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.datasets import idx


def packed(shape, data, magic=b"\0\0\x08"):
    return magic + bytes([len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + data


@pytest.mark.parametrize("shape", [(5,), (3, 2), (2, 3, 4), (0, 28, 28), (300,)], ids=str)
def test_parse_is_the_format(shape):
    data = bytes(i % 251 for i in range(math.prod(shape)))
    array = idx.parse(packed(shape, data), "a")
    assert array.shape == shape and array.dtype == np.uint8
    assert_array_equal(array.ravel(), list(data))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\0\0\x08",
        packed((3,), b"abc", magic=b"\0\0\x0d"),  # floats
        packed((3,), b"abc", magic=b"\x93NU"),
        packed((3,), b"ab"),
        packed((3,), b"abcd"),
        packed((3, 2), b"abcdef")[:7],  # within the sizes
        b"\0\0\x08\xff",
        packed((2**32 - 1,) * 4, b"abc"),
        packed((2**31, 2**31, 4), b""),  # 2⁶⁴ examples, which is 0 in 64 bits
    ],
    ids=range(11),
)
def test_what_is_not_that_format_is_refused_with_the_name(content):
    with pytest.raises(ValueError, match="^a.idx is "):
        idx.parse(content, "a.idx")
