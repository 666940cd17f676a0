"""Atomic file writes."""

import contextlib
import os
from pathlib import Path


def write_atomically(path, content):
    """Write bytes under a temporary name beside `path`, then rename it.

    A reader of `path` sees the old content or the new, never a part.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
