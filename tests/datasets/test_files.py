import gzip
import hashlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

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
    for i, path in enumerate(best_last):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        assert files.find("set", "a.gz", tmp_path / "given") == best_last[i::-1]


def test_find_uses_the_environment_and_is_not_fooled_by_a_folder(tmp_path, no_data, monkeypatch):
    monkeypatch.setenv("NUMVAE_DATA", str(tmp_path))
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"")
    assert files.find("set", "a") == [tmp_path / "a"]


def test_a_missing_file_is_named_with_every_place_searched(tmp_path, no_data, monkeypatch):
    monkeypatch.setenv("NUMVAE_DATA", str(tmp_path / "environment"))
    with pytest.raises(FileNotFoundError) as caught:
        files.get("set", "a.gz", MD5, ["http://127.0.0.1:9/"], str(tmp_path / "given"))
    assert str(caught.value) == (
        f"a.gz was not found in {tmp_path}/given/set, {tmp_path}/environment/set, {no_data}/set. "
        "Add --download to fetch it (in Python, download=True), or put it into one of these "
        "folders, or say where it is with --data-dir or the environment variable NUMVAE_DATA."
    )


def test_of_several_files_of_that_name_the_right_one_is_read(tmp_path, no_data):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").write_bytes(b"of another set")
    (tmp_path / "a").write_bytes(CONTENT)
    assert files.get("set", "a", MD5, (), tmp_path) == (CONTENT, tmp_path / "a")
    (tmp_path / "a").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"^{tmp_path / 'set' / 'a'} is damaged"):
        files.get("set", "a", MD5, (), tmp_path)


@pytest.fixture
def fetched(monkeypatch):
    """What would be fetched: (urls, path) of each call; the right bytes come at once."""
    calls = []

    def fetch(urls, path, check):
        check(CONTENT)
        path.write_bytes(CONTENT)
        calls.append((urls, path))

    monkeypatch.setattr(files, "fetch", fetch)
    return calls


def get(data_dir=None, download=True):
    return files.get("set", "a.gz", MD5, ["http://one/", "http://two/x/"], data_dir, download)


def test_a_missing_file_is_fetched_once_into_the_first_place(no_data, fetched):
    path = no_data / "set" / "a.gz"
    for _ in range(2):
        assert get() == (CONTENT, path)
    assert fetched == [(["http://one/a.gz", "http://two/x/a.gz"], path)]
    assert get(download=False) == (CONTENT, path)


def test_a_place_is_the_folder_given_then_the_environment(tmp_path, no_data, fetched, monkeypatch):
    monkeypatch.setenv("NUMVAE_DATA", str(tmp_path / "environment"))
    for given, place in ((tmp_path / "given", "given"), (None, "environment")):
        assert get(given)[1] == tmp_path / place / "set" / "a.gz"


@pytest.fixture(params=["a file", "a read-only folder", "a read-only folder of the set"])
def unwritable(request, tmp_path):
    """A place in which nothing can be written."""
    place = tmp_path / "library"
    if request.param == "a file":
        place.write_bytes(b"")
        return place
    if os.access("/", os.W_OK):
        pytest.skip("root may write into read-only folders")
    folder = place if request.param == "a read-only folder" else place / "set"
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    return place


def test_a_place_that_cannot_be_written_to_is_passed_over(
    unwritable, no_data, fetched, monkeypatch
):
    monkeypatch.setenv("NUMVAE_DATA", str(unwritable))
    assert get()[1] == no_data / "set" / "a.gz"


def test_where_no_place_can_be_written_to_is_said(unwritable, no_data, fetched, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: unwritable)
    with pytest.raises(PermissionError, match=f"a.gz cannot be put .*{unwritable}"):
        get()
    assert fetched == []


def test_looking_for_a_place_leaves_nothing_there(no_data, fetched):
    path = get()[1]
    assert [file.name for file in path.parent.iterdir()] == ["a.gz"]


def test_a_damaged_file_is_fetched_again_on_request(no_data, fetched):
    path = no_data / "set" / "a.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match="is damaged.*--download"):
        get(download=False)
    assert fetched == []
    assert get() == (CONTENT, path)


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


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 1000)
    assert files.unpack(gzip.compress(bytes(1000))) == bytes(1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        files.unpack(gzip.compress(bytes(1001)))


def test_a_gzip_may_hold_256_mb(monkeypatch):
    endless = SimpleNamespace(read=range)  # as many bytes as one asks for
    monkeypatch.setattr(files.gzip, "GzipFile", lambda fileobj: endless)
    with pytest.raises(ValueError, match="^it unpacks to more than 268,435,456 bytes$"):
        files.unpack(b"\x1f\x8b")


@pytest.mark.parametrize(
    ("packed", "most"),
    [(1, 1032), (2**20, 1032 * 2**20), (2**30, 2**32), (2**33, 2**33)],
    ids=str,
)
def test_packed_bytes_can_hold_so_many_and_a_memory_no_more(packed, most):
    files.check_unpacked(most, packed)
    with pytest.raises(ValueError, match=f"^it would unpack to {most + 1:,} bytes$"):
        files.check_unpacked(most + 1, packed)


@pytest.mark.parametrize(
    ("raised", "answer"),
    [
        (FileNotFoundError(2, "no", "x"), (FileNotFoundError, "^There is no file x.a.$")),
        (KeyError("two\nlines"), (ValueError, r"^x.a is not a readable letter \('two.nlines'\)")),
        (MemoryError(), (ValueError, r"\(MemoryError\)")),
    ],
    ids=["missing", "strange", "silent"],
)
def test_whatever_is_raised_in_reading_becomes_a_sentence(raised, answer):
    with pytest.raises(answer[0], match=answer[1]), files.reading("x.a", "letter"):
        raise raised
