import os

import pytest

from numvae import files
from numvae.files import check_is_file, write_atomically


@pytest.mark.parametrize("content", [b"", b"one\r\ntwo\n", bytes(range(256)) * 1000])
def test_content_is_written_byte_for_byte_over_what_was_there(tmp_path, content):
    path = tmp_path / "model.npz"
    for old in (None, b"old and much longer" * 100):
        if old is not None:
            path.write_bytes(old)
        write_atomically(str(path), content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["model.npz"]


def test_the_name_changes_hands_when_the_new_file_is_whole(tmp_path, monkeypatch):
    path, replace, seen = tmp_path / "a", os.replace, []
    path.write_bytes(b"old")

    def spy(temporary, target):
        with open(temporary, "rb") as file:
            seen.append((file.read(), path.read_bytes(), os.path.dirname(temporary)))
        replace(temporary, target)

    monkeypatch.setattr(files.os, "replace", spy)
    write_atomically(path, b"new")
    assert seen == [(b"new", b"old", str(tmp_path))]
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("when", ["fsync", "replace"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error, when, old):
    path = tmp_path / "a"
    if old is not None:
        path.write_bytes(old)

    def fail(*_):
        raise error

    monkeypatch.setattr(files.os, when, fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert os.listdir(tmp_path) == ([] if old is None else ["a"])
    assert old is None or path.read_bytes() == old


def test_what_is_not_bytes_is_refused_and_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a", "text")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "a", b"new")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_only_a_file_is_a_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        check_is_file(tmp_path / name)
    for path, what in (
        (tmp_path / "fifo", "a FIFO"),
        ("/dev/zero", "a device"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(ValueError, match=f"^{path} is {what}; expected a file.$"):
            check_is_file(path)
    with pytest.raises(FileNotFoundError):
        check_is_file(tmp_path / "none")
