"""Where data files are looked for, and how they are read and checked."""

import contextlib
import gzip
import hashlib
import io
import os
import sys
import tempfile
from pathlib import Path

from numvae.datasets.download import fetch
from numvae.files import check_is_file
from numvae.text import reason

LARGEST = 2**28  # bytes a gzip may hold: a few bytes can unpack to a full memory
MOST = 2**32  # bytes a packed array may unpack to
DEFLATE = 1032  # bytes that one byte can unpack to, at most


def cache_folder():
    """The folder in which this platform's programs keep files that can be fetched again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "numvae"


def places(data_dir=None):
    """The folders that are searched, in order: data_dir, $NUMVAE_DATA, the cache folder."""
    given = [data_dir, os.environ.get("NUMVAE_DATA")]
    return [Path(place).expanduser() for place in given if place] + [cache_folder()]


def find(name, filename, data_dir=None):
    """The paths at which a data set's file is: in each place, first in its folder `name`, then in
    the place itself. A name that ends in .gz is also found unpacked.
    """
    names = [filename, filename.removesuffix(".gz")]
    folders = [folder for place in places(data_dir) for folder in (place / name, place)]
    paths = dict.fromkeys(folder / n for folder in folders for n in names)
    return [path for path in paths if path.is_file()]


def get(name, filename, md5, mirrors, data_dir=None, download=False):
    """The checked bytes of a data set's file, and its path.

    Several sets have files of the same name, so the first that passes the check is the right one.

    mirrors     addresses to which the file's name is added
    download    fetch the file if it is missing or damaged; otherwise the network is not touched

    Raises  FileNotFoundError   no such file: the sentence names it and the places searched
            ValueError          there is one, but it is damaged
            DownloadFailed      no mirror had it (a ConnectionError)
            PermissionError     there is no place to put it
    """
    damage = None
    for path in find(name, filename, data_dir):
        try:
            return read_checked(path, md5), path
        except ValueError as error:
            damage = damage or error
    if download:
        path = _target(name, filename, data_dir)
        urls = [mirror + filename for mirror in mirrors]
        fetch(urls, path, lambda content: checked(content, md5))
        return read_checked(path, md5), path
    searched = ", ".join(str(place / name) for place in places(data_dir))
    raise damage or FileNotFoundError(
        f"{filename} was not found in {searched}. Add --download to fetch it (in Python, "
        "download=True), or put it into one of these folders, or say where it is with --data-dir "
        "or the environment variable NUMVAE_DATA."
    )


def read_checked(path, md5):
    """The bytes of a file, unpacked if it is a gzip, whose MD5 must be the published one.

    Raises  ValueError if the file is damaged
    """
    try:
        return checked(Path(path).read_bytes(), md5)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. Add --download to fetch it again.") from None


def checked(content, md5):
    """The bytes, unpacked if they are a gzip, whose MD5 must be the published one.

    Raises  ValueError with the reason as half a sentence
    """
    content = unpack(content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != md5:
        raise ValueError(f"the MD5 of its content is {digest}, published is {md5}")
    return content


def unpack(content):
    """The bytes in a gzip; bytes that are no gzip stay as they are.

    Raises  ValueError with the reason as half a sentence
    """
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(LARGEST + 1)
    except Exception as error:  # OSError, EOFError, zlib.error
        raise ValueError(str(error)) from None
    if len(content) > LARGEST:
        raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
    return content


def check_unpacked(n_bytes, packed):
    """Refuse what would unpack to more bytes than so many packed ones can hold, or than memory."""
    if n_bytes > most_unpacked(packed):
        raise ValueError(f"it would unpack to {n_bytes:,} bytes")


def most_unpacked(packed):
    """How many bytes so many packed ones may unpack to."""
    return max(packed, min(DEFLATE * packed, MOST))


@contextlib.contextmanager
def reading(path, what):
    """Answer whatever is raised inside, while a file of the user's is read, with a sentence.

    Raises  FileNotFoundError   no such file
            ValueError          a FIFO or a device, or anything else: a damaged file can make a
                                library raise anything
    """
    if os.path.exists(path):
        check_is_file(path)
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except Exception as error:
        raise ValueError(f"{path} is not a readable {what} ({reason(error)}).") from None


def _target(name, filename, data_dir):
    """Where to put a file that is fetched: in the first place where a file can be written."""
    for place in places(data_dir):
        folder = place / name
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder / filename
    raise PermissionError(
        f"{filename} cannot be put anywhere: "
        f"{', '.join(map(str, places(data_dir)))} cannot be written to; say where with --data-dir."
    )
