"""Fetching a file from the web: several mirrors in turn, continued where it broke off, checked.

What has come so far is kept as FILE.part; FILE appears whole and checked, or not at all.
"""

import contextlib
import os
import sys
import time
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

LARGEST = 2**26  # bytes a file may have: twice the largest there is
SILENCE = 20.0  # seconds without a byte after which a connection is given up
PATIENCE = 600.0  # seconds that one connection may take
TRIES = 5  # connections to one mirror, each of which went on where the one before broke off
CHUNK = 2**16  # bytes


class DownloadFailed(ConnectionError):
    """No mirror had the file. The sentence says why, and how to fetch it by hand."""


def fetch(urls, path, check):
    """Fetch a file from the first of these addresses that has it.

    check   is called with the file's bytes, and raises ValueError if they are not the right ones

    Raises  DownloadFailed
    """
    part = path.with_name(path.name + ".part")
    failures = []
    for url in urls:
        try:
            _fetch(url, part, check)
            os.replace(part, path)
            return
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"{url} ({_reason(error)})")
    raise DownloadFailed(
        f"{path.name} could not be fetched from {', nor from '.join(failures)}. Try again later, "
        f"or fetch it by hand and put it into {path.parent}."
    )


def _fetch(url, part, check):
    """Complete the file `part` from one mirror."""
    for _ in range(TRIES):
        begun = _size(part)
        try:
            _transfer(url, part, begun)
            check(part.read_bytes())
            return
        except ValueError as error:  # too much, or not the right bytes
            part.unlink(missing_ok=True)
            if not begun:
                raise
            reason = error  # what was there before may have been another mirror's: from the start
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError) and error.code == 416:  # there is no more to continue
                error.close()
                part.unlink(missing_ok=True)
            elif _size(part) <= begun:
                raise
            reason = error
    raise reason


def _transfer(url, part, begun):
    """One connection: the file from its byte number `begun` on, if the server can do that."""
    headers = {"User-Agent": "numvae"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    deadline = time.monotonic() + PATIENCE
    with urlopen(Request(url, headers=headers), timeout=SILENCE) as response:
        size = begun if response.status == 206 else 0
        total = None if response.length is None else size + response.length
        with open(part, "ab" if size else "wb") as file, _progress(part.stem, total) as show:
            while chunk := response.read1(CHUNK):
                size += len(chunk)
                if max(size, total or 0) > LARGEST:
                    raise ValueError(f"it is larger than {LARGEST:,} bytes")
                if time.monotonic() > deadline:
                    raise ConnectionError(f"too slow: {size:,} bytes in {PATIENCE:g} s")
                file.write(chunk)
                show(size)
            file.flush()
            os.fsync(file.fileno())
    if size < (total or 1):
        of = "" if total is None else f" of {total:,}"
        raise ConnectionError(f"the connection ended after {size:,}{of} bytes")


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _reason(error):
    """Why a mirror failed, on one line."""
    if isinstance(error, HTTPError):
        error.close()
        if 300 <= error.code < 400:
            return "it redirects in a circle"
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, URLError):
        error = error.reason
    if isinstance(error, TimeoutError):
        return f"silent for {SILENCE:g} s"
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _progress(name, total):
    """show(size): how far it is, on a terminal; the line is wiped out at the end."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield lambda size: None
        return
    of = "" if total is None else f" of {total / 1e6:.1f}"

    def show(size):
        print(f"\r{name}: {size / 1e6:.1f}{of} MB", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(f"\r{' ' * (len(name) + 24)}\r", end="", file=sys.stderr, flush=True)
