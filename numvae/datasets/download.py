"""Fetching a file from the web: from the first of its mirrors that has it, whole and checked."""

import sys
import threading
import time
from http.client import HTTPException
from urllib import request
from urllib.error import HTTPError

from numvae.files import write_atomically
from numvae.progress import Countdown
from numvae.text import reason

LARGEST = 2**26  # bytes of a download: twice the largest file
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
            content = _within_patience(url, path.name)
            check(content)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"{url} ({reason(error)})")
        else:
            return write_atomically(path, content)
    raise DownloadFailed(
        f"{path.name} could not be fetched from {', nor from '.join(failures)}. Try again later, "
        f"or fetch it by hand and put it into {path.parent}."
    )


def _within_patience(url, name):
    """All bytes at an address.

    They are read by a thread of their own, since nothing else ends a search for the machine's name,
    or an answer that begins forever, a byte or a "100 Continue" at a time.
    """
    answer = []

    def read():
        try:
            answer.append(_read(url, name))
        except Exception as error:  # to be raised by who waits for it
            answer.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not answer:
        raise ConnectionError(f"too slow: not all of it in {PATIENCE:g} s")
    content = answer.pop()
    if isinstance(content, Exception):
        raise content
    return content


class _Redirects(request.HTTPRedirectHandler):
    def redirect_request(self, asked, response, *new):
        response.close()  # or all of it would be read, and it might have no end
        return super().redirect_request(asked, response, *new)


def _opener():
    """What opens addresses of http and https, and no others, wherever a redirect points."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
        _Redirects,
    ):
        opener.add_handler(handler())
    return opener


def _answer(asked):
    try:
        return _opener().open(asked, timeout=SILENCE)
    except HTTPError as error:
        error.close()  # and with it the connection
        raise


def _read(url, name):
    """All bytes at an address."""
    content, deadline = bytearray(), time.monotonic() + PATIENCE
    asked = request.Request(url, headers={"User-Agent": "numvae"})
    with _answer(asked) as response:
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
