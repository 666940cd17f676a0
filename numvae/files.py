"""Files and folders that are whole or not there, and folders with one writer at a time."""

import contextlib
import errno
import functools
import os
import platform
import secrets
import shutil
import stat
import time
from pathlib import Path

from numvae.text import printable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

TEMPORARY, LOCK = ".numvae-{}.tmp", ".numvae.lock"
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


# Files.


def check_is_file(path):
    """Refuse what is no regular file: to open a FIFO waits for a writer, a device may never end.

    Raises  FileNotFoundError, PermissionError, …   as the system says
            ValueError                              it is something else
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is {KINDS.get(stat.S_IFMT(mode), 'no file')}; expected a file.")


def write_atomically(path, content):
    """Write bytes to a file, whole or not at all; see `open_atomically`."""
    with open_atomically(path) as file:
        file.write(content)


@contextlib.contextmanager
def open_atomically(path):
    """A new file, open for bytes, that gets the name `path` at the end of the block.

    A reader of `path` sees the old content or the new, never a part, whoever else writes it and
    whenever the power fails. The permissions are those of the file that is replaced. A symbolic
    link is neither followed nor replaced: either would surprise the one who made it.

    Raises  IsADirectoryError   `path` is a folder
            FileExistsError     it is a link, a device, …
            OSError             as the system says; what `path` held before is left
    """
    path = Path(path)
    mode = _replaceable(path)
    temporary = _temporary(path)
    opener = functools.partial(os.open, mode=0o666 if mode is None else 0o600)
    with _naming(path):
        try:
            with open(temporary, "xb", opener=opener) as file:
                with contextlib.suppress(OSError):
                    _lock(file)  # for `locked` to see that it is being written
                yield file
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    _sync_folder(path.parent)


def append(path, content):
    """Add bytes to the end of a file, and wait until the disk has them."""
    with _naming(path), open(path, "ab", opener=_not_through_links) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _naming(path):
    """An OSError inside the block names this file, instead of a temporary one or none."""
    try:
        yield
    except OSError as error:
        number, reason = error.errno or errno.EIO, error.strerror or str(error)
        raise OSError(number, reason, str(path)) from None


def _replaceable(path):
    """The permissions of the file that is to be replaced, or None if there is none."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder; give the name of a file.")
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "no file")
        raise FileExistsError(f"{path} is {kind}, which is not overwritten; give another name.")
    return stat.S_IMODE(mode)


def _temporary(path):
    """A name beside `path` that nobody else has and nobody can guess."""
    return path.with_name(TEMPORARY.format(secrets.token_hex(8)))


def _not_through_links(path, flags):
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _sync_folder(folder):
    """Have the disk know the names in a folder, where the system can (Windows cannot)."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


# Folders.


@contextlib.contextmanager
def folder_atomically(path):
    """A new folder, to be filled, that gets the name `path` at the end of the block.

    Raises  FileExistsError   something is there that is no empty folder
    """
    path = Path(path)
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists already, and is not overwritten; choose another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        with contextlib.suppress(OSError):
            path.rmdir()  # the empty folder, which not every system replaces
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextlib.contextmanager
def locked(folder):
    """Be the only one who writes into a folder, inside the block; clear it of the temporary files
    that a dead writer left.

    The lock is the system's, on an open file: it ends with its process, however that ends. On a
    file system without locks, as some network folders are, it keeps nobody out.

    Raises  BlockingIOError   somebody else has it; the sentence says who
    """
    path = Path(folder, LOCK)
    with open(path, "a+b", opener=_not_through_links) as file:
        try:
            _lock(file)
            if not _is_at(path, file):  # its last owner has just removed it
                raise BlockingIOError
        except BlockingIOError:
            raise _busy(folder, file) from None
        except OSError:
            pass  # no locks here
        try:
            now = time.strftime("%Y-%m-%d %H:%M:%S")
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()} since {now}".encode())
            file.flush()
            _remove_leftovers(Path(folder))
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()


def check_free(folder):
    """See that nobody has a folder locked.

    Raises  as `locked`
    """
    with contextlib.suppress(FileNotFoundError), open(Path(folder, LOCK), "rb") as file:
        try:
            _lock(file, shared=True)
        except BlockingIOError:
            raise _busy(folder, file) from None
        except OSError:
            pass  # no locks here


def _busy(folder, file):
    file.seek(0)
    owner = printable(file.read(200).decode(errors="replace"))
    return BlockingIOError(
        f"{folder} is in use by {owner or 'another process'}; wait until that has ended."
    )


def _lock(file, shared=False):
    """Lock an open file until it is closed; shared: with others who do the same.

    Raises  BlockingIOError   somebody else has it
            OSError           the file system has no locks
    """
    if fcntl:
        return fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    import msvcrt  # whose locks are never shared

    file.seek(2**30)  # beyond the end: Windows lets nobody else read a locked byte
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError:
        raise BlockingIOError from None
    finally:
        file.seek(0)


def _is_at(path, file):
    """Whether an open file is the one that has this name."""
    try:
        return os.path.samefile(path, file.fileno())
    except FileNotFoundError:
        return False


def _remove_leftovers(folder):
    for path in folder.glob(TEMPORARY.format("*")):
        with contextlib.suppress(OSError):
            with open(path, "rb", opener=_not_through_links) as file:
                _lock(file)
            path.unlink()
