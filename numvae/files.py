"""Files: written whole or not at all, and read only if they are files."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def check_is_file(path):
    """Refuse what is no regular file: to open a FIFO waits for a writer, a device may never end.

    Raises  FileNotFoundError, PermissionError, …   as the system says
            ValueError                              it is something else
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is {KINDS.get(stat.S_IFMT(mode), 'no file')}; expected a file.")


def write_atomically(path, content):
    """Write bytes under a temporary name beside `path`, then rename it.

    A reader of `path` sees the old content or the new, never a part.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
