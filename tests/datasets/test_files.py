import gzip
import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.datasets import files

# Places.


@pytest.mark.parametrize(
    ("platform", "environment", "wanted"),
    [
        ("linux", {"XDG_CACHE_HOME": "/cache"}, "/cache/numvae"),
        ("linux", {"XDG_CACHE_HOME": ""}, "~/.cache/numvae"),
        ("linux", {}, "~/.cache/numvae"),
        ("darwin", {}, "~/Library/Caches/numvae"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/numvae"),
        ("win32", {}, "~/AppData/Local/numvae"),
    ],
)
def test_cache_folder_is_the_platforms(monkeypatch, platform, environment, wanted):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(files.sys, "platform", platform)
    assert files.cache_folder() == Path(wanted).expanduser()


def test_places_are_the_folder_given_then_the_environment_then_the_cache(monkeypatch, no_data):
    assert files.places() == [no_data]
    assert files.places("") == [no_data]
    monkeypatch.setenv("NUMVAE_DATA", "~/data")
    assert files.places("here") == [Path("here"), Path.home() / "data", no_data]


def test_find_looks_in_the_sets_folder_then_beside_it_packed_then_unpacked(tmp_path, no_data):
    best_last = [
        no_data / "set" / "a.gz",
        tmp_path / "given" / "a",
        tmp_path / "given" / "a.gz",
        tmp_path / "given" / "set" / "a",
        tmp_path / "given" / "set" / "a.gz",
    ]
    for path in best_last:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        assert files.find("set", "a.gz", tmp_path / "given") == path


def test_find_uses_the_environment_and_is_not_fooled_by_a_folder(tmp_path, no_data, monkeypatch):
    monkeypatch.setenv("NUMVAE_DATA", str(tmp_path))
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"")
    assert files.find("set", "a") == tmp_path / "a"


def test_a_missing_file_is_named_with_every_place_searched(tmp_path, no_data, monkeypatch):
    monkeypatch.setenv("NUMVAE_DATA", str(tmp_path / "environment"))
    with pytest.raises(FileNotFoundError) as caught:
        files.find("set", "a.gz", str(tmp_path / "given"))
    sentence = str(caught.value)
    for named in ("a.gz", tmp_path / "given", tmp_path / "environment", no_data, "NUMVAE_DATA"):
        assert str(named) in sentence
    assert "\n" not in sentence


# Bytes.

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda b: gzip.compress(b, 1, mtime=0)])
def test_the_unpacked_bytes_are_checked_and_not_the_archive(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(CONTENT))
    assert files.read_checked(tmp_path / "a", MD5) == CONTENT


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_other_content_is_damaged(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(CONTENT[:-1] + b"?"))
    with pytest.raises(ValueError, match=f"^{tmp_path / 'a'} is damaged: .*{MD5}"):
        files.read_checked(tmp_path / "a", MD5)


def test_an_archive_cut_anywhere_is_damaged(tmp_path):
    packed = gzip.compress(CONTENT)
    for end in (0, 1, 2, 3, 9, 10, 11, *range(12, len(packed), 29), len(packed) - 1):
        (tmp_path / "a").write_bytes(packed[:end])
        with pytest.raises(ValueError, match=f"^{tmp_path / 'a'} is damaged"):
            files.read_checked(tmp_path / "a", MD5)


def test_an_archive_with_any_byte_changed_is_damaged_or_the_same(tmp_path):
    packed = gzip.compress(CONTENT)
    for i in range(0, len(packed), 3):
        (tmp_path / "a").write_bytes(packed[:i] + bytes([packed[i] ^ 0x44]) + packed[i + 1 :])
        try:
            assert files.read_checked(tmp_path / "a", MD5) == CONTENT
        except ValueError as error:
            assert str(error).startswith(f"{tmp_path / 'a'} is damaged")


# The format of MNIST.


def idx(shape, data, magic=b"\0\0\x08"):
    return magic + bytes([len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + data


@pytest.mark.parametrize("shape", [(5,), (3, 2), (2, 3, 4), (0, 28, 28), (300,)], ids=str)
def test_parse_idx_is_the_format(shape):
    data = bytes(i % 251 for i in range(math.prod(shape)))
    array = files.parse_idx(idx(shape, data), "a")
    assert array.shape == shape and array.dtype == np.uint8
    assert_array_equal(array.ravel(), list(data))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\0\0\x08",
        idx((3,), b"abc", magic=b"\0\0\x0d"),  # floats
        idx((3,), b"abc", magic=b"\x93NU"),
        idx((3,), b"ab"),
        idx((3,), b"abcd"),
        idx((3, 2), b"abcdef")[:7],  # within the sizes
        b"\0\0\x08\xff",
        idx((2**32 - 1,) * 4, b"abc"),
        idx((2**31, 2**31, 4), b""),  # 2⁶⁴ examples, which is 0 in 64 bits
    ],
    ids=range(11),
)
def test_what_is_not_that_format_is_refused_with_the_name(content):
    with pytest.raises(ValueError, match="^a.idx is "):
        files.parse_idx(content, "a.idx")
