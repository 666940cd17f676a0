"""Fetching a file from the web: from the first of its mirrors that has it, whole and checked."""

import sys
import time
from http.client import HTTPException
from urllib.request import Request, urlopen

from numvae.files import write_atomically
from numvae.progress import Countdown
from numvae.text import reason

LARGEST = 2**26  # bytes a file may have: twice the largest there is
SILENCE = 20.0  # seconds without a byte after which a mirror is given up
PATIENCE = 600.0  # seconds that a mirror may take in all
CHUNK = 2**16  # bytes


class DownloadFailed(ConnectionError):
    """No mirror had the file. The sentence says why, and how to fetch it by hand."""


def fetch(urls, path, check):
    """Fetch a file from the first of these addresses that has it.

    check   is called with the file's bytes, and raises ValueError if they are not the right ones

    Raises  DownloadFailed
    """
    failures = []
    for url in urls:
        try:
            content = _read(url, path.name)
            check(content)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"{url} ({reason(error)})")
        else:
            return write_atomically(path, content)
    raise DownloadFailed(
        f"{path.name} could not be fetched from {', nor from '.join(failures)}. Try again later, "
        f"or fetch it by hand and put it into {path.parent}."
    )


def _read(url, name):
    """All bytes at an address."""
    content, deadline = bytearray(), time.monotonic() + PATIENCE
    request = Request(url, headers={"User-Agent": "numvae"})
    with urlopen(request, timeout=SILENCE) as response:
        length = response.length  # None if the server does not say
        progress = Countdown(length, sys.stderr, quiet=length is None)
        try:
            while chunk := response.read1(CHUNK):
                content += chunk
                if max(len(content), length or 0) > LARGEST:
                    raise ValueError(f"it is larger than {LARGEST:,} bytes")
                if time.monotonic() > deadline:
                    raise ConnectionError(f"too slow: {len(content):,} bytes in {PATIENCE:g} s")
                progress.advance(len(chunk), f"{name}, {len(content) / 1e6:.1f} MB")
        finally:
            progress.wipe()
    if len(content) < (length or 1):
        of = "" if length is None else f" of {length:,}"
        raise ConnectionError(f"the connection ended after {len(content):,}{of} bytes")
    return bytes(content)
