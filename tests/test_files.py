import errno
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from numvae import files
from numvae.files import (
    LOCK,
    append,
    check_free,
    check_is_file,
    folder_atomically,
    locked,
    open_atomically,
    write_atomically,
)


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


@pytest.mark.parametrize(
    "error", [OSError("disk full"), OSError(28, "No space left"), KeyboardInterrupt()], ids=repr
)
@pytest.mark.parametrize("when", ["fsync", "replace"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error, when, old):
    path = tmp_path / "a"
    if old is not None:
        path.write_bytes(old)

    def fail(*_):
        raise error

    monkeypatch.setattr(files.os, when, fail)
    with pytest.raises(type(error)) as caught:
        write_atomically(path, b"new")
    if isinstance(error, OSError):
        said = caught.value.errno, caught.value.strerror, caught.value.filename
        assert said == (error.errno or errno.EIO, error.strerror or "disk full", str(path))
    assert os.listdir(tmp_path) == ([] if old is None else ["a"])
    assert old is None or path.read_bytes() == old


def test_the_disk_has_the_content_and_then_the_name_and_nothing_stays_open(tmp_path, monkeypatch):
    def fsync(number, fsync=os.fsync):
        found = os.fstat(number)
        on_disk.append("folder" if stat.S_ISDIR(found.st_mode) else found.st_size)
        numbers.append(number)
        fsync(number)

    on_disk, numbers = [], []
    monkeypatch.setattr(files.os, "fsync", fsync)
    write_atomically(tmp_path / "a", b"new")
    append(tmp_path / "a", b"er")
    with folder_atomically(tmp_path / "b"):
        pass
    assert on_disk == [3, "folder", 5, "folder"]
    for number in numbers:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


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


# Before 2.2, NumPy leaves its zip open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_the_disk_has_no_room_for_leaves_the_old_file(tmp_path, room):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with room(10_000), pytest.raises(OSError, match=f"large.*: '{path}'$"):
        write_atomically(path, bytes(20_000))
    with room(10_000), pytest.raises(OSError, match=f": '{path}'$"), open_atomically(path) as file:
        np.savez(file, a=np.zeros(3), b=np.zeros(5_000))
    assert os.listdir(tmp_path) == ["a"] and path.read_bytes() == b"old"


def test_no_error_names_the_temporary_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"No such file or directory: '{tmp_path}/no/a'$"):
        write_atomically(tmp_path / "no" / "a", b"")


# Which names, and with which permissions.


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, ".numvae", " ", "-"])
def test_every_name_that_a_file_can_have_will_do(tmp_path, name):
    write_atomically(tmp_path / name, b"new")
    write_atomically(tmp_path / name, b"newer")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_the_permissions_are_those_of_the_file_that_is_replaced(tmp_path, mode):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    with open_atomically(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_permissions_of_a_new_file_or_folder_are_the_umasks(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "a", b"new")
        append(tmp_path / "c", b"new")
        with folder_atomically(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    for name in ("a", "c"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o777 & ~umask


def special(path, kind):
    if kind == "a folder":
        path.mkdir()
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    elif kind == "a symbolic link":
        path.symlink_to("target")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("a folder", IsADirectoryError),
        ("a FIFO", FileExistsError),
        ("a socket", FileExistsError),
        ("a symbolic link", FileExistsError),
    ],
)
@pytest.mark.parametrize("target", ["there is a target", "there is none"])
def test_what_is_no_file_is_refused_and_left(tmp_path, monkeypatch, kind, error, target):
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    if target == "there is a target":
        (tmp_path / "target").write_text("mine")
    special(tmp_path / "a", kind)
    before = sorted(os.listdir(tmp_path)), os.lstat("a")
    with pytest.raises(error, match=f"^a is {kind}[ ,;]"):
        write_atomically("a", b"new")
    assert (sorted(os.listdir(tmp_path)), os.lstat("a")) == before


def test_a_device_is_refused():
    with pytest.raises(FileExistsError, match="^/dev/null is a device, which is not overwritten"):
        write_atomically("/dev/null", b"new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_file_in_a_folder_that_is_a_link_is_written_where_it_leads(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link" / "a", b"new")
    assert (tmp_path / "real" / "a").read_bytes() == b"new" and (tmp_path / "link").is_symlink()


# Several writers of one file.

SIZE = 200_000


def is_whole(content):
    return len(content) == SIZE and len(set(content)) == 1


def test_threads_that_write_one_file_leave_that_of_one_of_them(tmp_path):
    path, found, done = tmp_path / "a", [], threading.Event()

    def look():
        while not done.is_set():
            found.append(is_whole(path.read_bytes()))

    write_atomically(path, bytes(SIZE))
    reader = threading.Thread(target=look)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: write_atomically(path, bytes([i]) * SIZE), range(40)))
    done.set()
    reader.join()
    assert found and all(found) and os.listdir(tmp_path) == ["a"]


@pytest.mark.slow
def test_processes_that_write_one_file_leave_that_of_one_of_them(tmp_path):
    program = (
        "import sys; from numvae.files import write_atomically\n"
        f"for _ in range(50): write_atomically('a', bytes([int(sys.argv[1])]) * {SIZE})"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(i)], cwd=tmp_path) for i in range(4)
    ]
    while any(process.poll() is None for process in processes):
        if (tmp_path / "a").exists():
            assert is_whole((tmp_path / "a").read_bytes())
    assert [process.returncode for process in processes] == [0] * 4
    assert os.listdir(tmp_path) == ["a"]


def test_a_large_archive_takes_no_memory_of_its_own(tmp_path):
    array = np.zeros(50_000_000, np.uint8)
    tracemalloc.start()
    try:
        with open_atomically(tmp_path / "a") as file:
            np.savez(file, array=array)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


# A folder with one writer.


def test_a_folder_has_one_writer_who_is_named(tmp_path):
    with locked(tmp_path), pytest.raises(BlockingIOError) as caught:
        locked(tmp_path).__enter__()
    says = rf"{tmp_path} is in use by process {os.getpid()} on \S+ since \d{{4}}-\d\d-\d\d [\d:]+; "
    assert re.match(says, str(caught.value))
    assert os.listdir(tmp_path) == []
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path):
        pass


def test_who_only_asks_whether_a_folder_is_free_keeps_nobody_else_from_asking(tmp_path):
    (tmp_path / LOCK).touch()
    with open(tmp_path / LOCK, "rb") as asked:
        files.fcntl.flock(asked, files.fcntl.LOCK_SH)
        check_free(tmp_path)
    with locked(tmp_path), pytest.raises(BlockingIOError, match="is in use by process"):
        check_free(tmp_path)
    check_free(tmp_path)


def test_a_lock_that_its_owner_has_just_removed_is_no_lock(tmp_path, monkeypatch):
    """Somebody else may have made a new one since, so this one keeps nobody out."""

    def flock(file, how, flock=files.fcntl.flock):
        os.unlink(file.name)
        flock(file, how)

    monkeypatch.setattr(files.fcntl, "flock", flock)
    with pytest.raises(BlockingIOError, match="is in use by another process"):
        locked(tmp_path).__enter__()


def test_windows_locks_a_byte_that_nobody_reads(tmp_path, monkeypatch):
    def locking(number, how, n):
        place = os.fstat(number).st_ino, os.lseek(number, 0, os.SEEK_CUR), n
        assert how == "at once"
        if place in taken:
            raise PermissionError
        taken.append(place)

    taken = []
    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK="at once"))
    with locked(tmp_path):
        write_atomically(tmp_path / "a", b"new")
        for ask in (locked(tmp_path).__enter__, lambda: check_free(tmp_path)):
            with pytest.raises(BlockingIOError, match=f"in use by process {os.getpid()} on"):
                ask()
    assert {place[1:] for place in taken} == {(2**30, 1)}
    assert (tmp_path / "a").stat().st_size == 3  # not written behind that byte


def test_threads_take_turns(tmp_path):
    inside, refused = [], []

    def work(_):
        try:
            with locked(tmp_path):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()
        except BlockingIOError:
            refused.append(1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    assert len(refused) < 400 and os.listdir(tmp_path) == []


HOLD = "import sys; from numvae.files import locked, open_atomically\nwith locked('.'):"


def hold(folder, what="print('held', flush=True); sys.stdin.read()"):
    process = subprocess.Popen(
        [sys.executable, "-c", f"{HOLD}\n    {what}"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path):
    lock = tmp_path / LOCK
    with hold(tmp_path) as process:
        with pytest.raises(BlockingIOError, match=f"in use by process {process.pid} on"):
            locked(tmp_path).__enter__()
        process.kill()
        process.wait()
    assert os.listdir(tmp_path) == [LOCK]  # which says nothing any more
    check_free(tmp_path)
    with locked(tmp_path):
        assert re.fullmatch(rf"process {os.getpid()} on \S+ since .{{19}}", lock.read_text())


def test_what_a_dead_writer_left_is_removed_and_what_a_living_one_has_is_not(tmp_path):
    half = "with open_atomically('a') as file: file.write(b'half'); print('held', flush=True); "
    with hold(tmp_path, half + "sys.stdin.read()") as process:
        process.kill()
        process.wait()
    (tmp_path / ".mine.tmp").write_text("mine")
    assert len(os.listdir(tmp_path)) == 3
    with open_atomically(tmp_path / "b") as file:
        file.write(b"new")
        with locked(tmp_path):
            pass
    assert sorted(os.listdir(tmp_path)) == [".mine.tmp", "b"]
    assert (tmp_path / "b").read_bytes() == b"new"


def test_a_lock_that_lies_is_shown_without_its_control_characters_and_no_link_is_followed(tmp_path):
    with locked(tmp_path):
        for content, owner in (
            (b"\x1b[31mme\n" + bytes(10**6), r"\[31mme"),
            (b"e" * 10**6, "e{200}"),
            (b"", "another process"),
        ):
            (tmp_path / LOCK).write_bytes(content)
            with pytest.raises(BlockingIOError, match=rf"^\S+ is in use by {owner}; wait"):
                locked(tmp_path).__enter__()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / LOCK).symlink_to("precious")
    with pytest.raises(OSError, match=LOCK):
        locked(tmp_path).__enter__()
    assert (tmp_path / "precious").read_text() == "mine"


def test_where_a_file_system_has_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", none)
    (tmp_path / files.TEMPORARY.format(0)).write_text("perhaps in use")
    with locked(tmp_path), locked(tmp_path):
        write_atomically(tmp_path / "a", b"new")
    assert sorted(os.listdir(tmp_path)) == [files.TEMPORARY.format(0), "a"]


# A folder that is whole or not there.


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_gets_its_name_when_it_is_filled(tmp_path, there):
    path = tmp_path / "a" / "b"
    if there:
        path.mkdir(parents=True)
    with folder_atomically(str(path)) as folder:
        (folder / "c").write_text("new")
        assert folder.parent == path.parent and path.exists() == there
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "b", "c"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_folder_that_was_not_filled_is_not_there(tmp_path, error):
    with pytest.raises(error), folder_atomically(tmp_path / "a") as folder:
        (folder / "b").write_text("new")
        raise error
    with pytest.raises(error), folder_atomically(tmp_path / "a") as folder:
        folder.rmdir()
        raise error
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["a full folder", "a file", "a link to an empty folder"])
def test_a_folder_replaces_nothing(tmp_path, kind):
    (tmp_path / "empty").mkdir()
    path = tmp_path / "a"
    if kind == "a full folder":
        (path / "b").mkdir(parents=True)
    elif kind == "a file":
        path.write_text("mine")
    else:
        path.symlink_to("empty")
    with pytest.raises(FileExistsError, match=f"^{path} exists already, and is not overwritten"):
        folder_atomically(path).__enter__()
    assert sorted(os.listdir(tmp_path)) == ["a", "empty"]
