"""A server on this machine that is good, or bad in every way that servers are."""

import gzip
import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from numvae.datasets import download, files, mnist

CONTENT = bytes(range(251)) * 800
HALF = len(CONTENT) // 2
LARGEST = download.LARGEST


class Handler(BaseHTTPRequestHandler):
    """The first folder of the address says how the server behaves."""

    def do_GET(self):
        how = self.path.split("/")[1]
        self.server.asked.append(how)
        getattr(self, how)()

    def answer(self, body, code=200, length=None, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def right(self):
        self.answer(CONTENT)

    def unknown_length(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT)

    def elsewhere(self):
        self.answer(b"", 301, Location="/right/a")

    def wrong(self):
        self.answer(bytes(len(CONTENT)))

    def first_half_only(self):
        self.answer(CONTENT[:HALF], length=len(CONTENT))

    def empty(self):
        self.answer(b"")

    def silent(self):
        self.send_response(200)
        self.end_headers()

    def one_byte(self):
        self.silent()
        self.wfile.write(b"x")

    def missing(self):
        self.send_error(404, "\x1b[31mNot Found")

    def circle(self):
        self.answer(b"", 302, Location=self.path)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(1000):  # 64 MB, if nobody stops it
            self.wfile.write(bytes(2**16))

    def huge(self):
        self.answer(CONTENT, length=10**12)

    def stalled(self):
        self.answer(CONTENT[:HALF], length=len(CONTENT))
        self.server.over.wait(5)

    def slow(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(500):
            self.wfile.write(b"x")
            if self.server.over.wait(0.02):
                break

    def dripping_header(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self.drip(b"x")

    def endless_continue(self):
        self.drip(b"HTTP/1.1 100 Continue\r\n\r\n")

    def drip(self, piece):
        for _ in range(500):
            self.wfile.write(piece)
            if self.server.over.wait(0.02):
                break

    def endless_redirect(self):
        """To the right file, with a body that never ends."""
        self.send_response(302)
        self.send_header("Location", "/right/a")
        self.end_headers()
        for _ in range(500):  # 32 MB, if somebody reads them
            self.wfile.write(bytes(2**16))
            self.server.asked.append("read on")

    def to_ftp(self):
        self.answer(b"", 302, Location="ftp://127.0.0.1/a")

    def to_file(self):
        self.answer(b"", 302, Location=f"file://{__file__}")

    def to_data(self):
        self.answer(b"", 302, Location="data:text/plain,a")

    def nonsense(self):
        self.wfile.write(b"\0\1\2 this is not HTTP\r\n\r\n")

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # the client hung up, as it should
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


@pytest.fixture(scope="module")
def server():
    server = Server(("127.0.0.1", 0), Handler)
    server.over, server.asked = threading.Event(), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """fetch("right", …): fetch into `path` from the mirrors that behave so, in turn."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "LARGEST", 1_000_000)
    monkeypatch.setattr(download, "SILENCE", 0.3)
    server.asked.clear()
    path = tmp_path / "a"

    def check(content):
        if content != CONTENT:
            raise ValueError("the MD5 is another one")

    def once(*hows):
        address = f"http://127.0.0.1:{server.server_port}"
        download.fetch([f"{address}/{how}/a" for how in hows], path, check)

    def fetch(*hows):
        once(*hows)
        assert path.read_bytes() == CONTENT
        assert [file.name for file in tmp_path.iterdir()] == ["a"]
        return server.asked

    fetch.path, fetch.once = path, once
    return fetch


@pytest.mark.parametrize("how", ["right", "unknown_length", "elsewhere"])
def test_the_right_bytes_arrive(fetch, how, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", len(CONTENT))
    assert fetch(how)[0] == how


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("wrong", "the MD5 is another one"),
        ("empty", "ended after 0 of 0 bytes"),
        ("silent", "ended after 0 bytes"),
        ("one_byte", "the MD5 is another one"),
        ("missing", r"HTTP Error 404: \[31mNot Found"),
        ("circle", "redirect error that would lead to an infinite loop"),
        ("endless", "larger than 1,000,000 bytes"),
        ("huge", "larger than 1,000,000 bytes"),
        ("stalled", "timed out"),
        ("first_half_only", f"ended after {HALF:,} of {len(CONTENT):,} bytes"),
        ("nonsense", r"\w"),
        ("to_ftp", "unknown url type: ftp"),
        ("to_file", "[Rr]edirection to url 'file:.*is not allowed"),
        ("to_data", "[Rr]edirection to url 'data:.*is not allowed"),
    ],
)
def test_a_bad_mirror_is_named_with_the_reason_and_the_next_one_is_asked(fetch, how, reason):
    with pytest.raises(download.DownloadFailed, match=reason) as caught:
        fetch(how)
    sentence = str(caught.value)
    assert isinstance(caught.value, ConnectionError)
    assert sentence.startswith("a could not be fetched from http://127.0.0.1:")
    assert f"/{how}/a (" in sentence and sentence.endswith(f"put it into {fetch.path.parent}.")
    assert sentence.isprintable()
    assert list(fetch.path.parent.iterdir()) == []
    assert fetch(how, "right")[-1] == "right"


def test_a_file_may_have_64_mb(fetch, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", LARGEST)
    with pytest.raises(download.DownloadFailed, match="it is larger than 67,108,864 bytes"):
        fetch("huge")


def test_a_mirror_has_ten_minutes_and_may_be_silent_for_twenty_seconds(tmp_path, monkeypatch):
    def refuse(opener, asked, timeout):
        raise OSError(f"waited {timeout:g} s")

    monkeypatch.setattr(download.request.OpenerDirector, "open", refuse)
    with pytest.raises(download.DownloadFailed, match="waited 20 s"):
        download.fetch(["http://127.0.0.1/a"], tmp_path / "a", print)
    monkeypatch.setattr(download.threading.Thread, "start", print)
    monkeypatch.setattr(download.threading.Thread, "join", print)
    with pytest.raises(download.DownloadFailed, match="too slow: not all of it in 600 s"):
        download.fetch(["http://127.0.0.1/a"], tmp_path / "a", print)


def test_every_mirror_is_named(fetch):
    with pytest.raises(download.DownloadFailed) as caught:
        fetch("missing", "wrong", "empty")
    assert all(f"/{how}/a (" in str(caught.value) for how in ("missing", "wrong", "empty"))


@pytest.mark.parametrize("how", ["slow", "dripping_header", "endless_continue"])
def test_a_connection_that_trickles_is_given_up(fetch, monkeypatch, how):
    monkeypatch.setattr(download, "PATIENCE", 0.1)
    before = set(threading.enumerate())
    with pytest.raises(download.DownloadFailed, match="too slow"):
        fetch(how)
    if how == "slow":  # nobody reads on
        readers = {t for t in threading.enumerate() if t.name.endswith("(read)")} - before
        for reader in readers:
            reader.join(5)
            assert not reader.is_alive()


def test_a_search_for_a_name_that_never_ends_is_given_up(fetch, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait(5))
    monkeypatch.setattr(download, "PATIENCE", 0.1)
    before = set(threading.enumerate())
    with pytest.raises(download.DownloadFailed, match="too slow"):
        fetch("right")
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)  # nobody waits
    over.set()


def test_the_body_of_a_redirect_is_not_read(fetch):
    assert fetch("endless_redirect").count("read on") < 500


def test_downloads_of_one_file_at_once_do_not_meet(fetch, monkeypatch):
    """Each writes under a name of its own, so that the file is whole whoever comes last."""
    monkeypatch.setattr(download, "SILENCE", 60.0)  # a busy machine answers late
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: fetch.once("right"), range(24)))
    assert fetch.path.read_bytes() == CONTENT
    assert [file.name for file in fetch.path.parent.iterdir()] == ["a"]


def test_a_link_is_neither_followed_nor_replaced(fetch, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere") / "precious"
    other.write_bytes(b"precious")
    fetch.path.symlink_to(other)
    with pytest.raises(FileExistsError, match="a is a symbolic link, which is not overwritten"):
        fetch.once("right")
    assert other.read_bytes() == b"precious" and fetch.path.is_symlink()


def test_where_nothing_listens_or_there_is_no_such_machine(tmp_path):
    with pytest.raises(download.DownloadFailed, match="refused|10061"):
        download.fetch(["http://127.0.0.1:9/a"], tmp_path / "a", print)
    with pytest.raises(download.DownloadFailed, match="unknown url type"):
        download.fetch(["nothing://127.0.0.1/a"], tmp_path / "a", print)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_nothing_is_left_half_written(fetch, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr("numvae.files.os.fsync", fail)
    with pytest.raises(error):
        fetch("right")
    assert list(fetch.path.parent.iterdir()) == []


@pytest.mark.parametrize("how", ["right", "first_half_only"])
def test_progress_is_shown_on_a_terminal_and_wiped_out(fetch, monkeypatch, capsys, how):
    fetch("right")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(how, "right")
    shown = capsys.readouterr().err
    assert re.search(r" a, 0\.\d MB", shown) and shown.endswith("\r\033[K")


def test_progress_is_said_in_megabytes(fetch, monkeypatch):
    said = []
    monkeypatch.setattr(download.Countdown, "draw", lambda progress, text: said.append(text))
    fetch("right")
    assert said[-1] == "a, 0.2 MB" and len(said) < 1000


def test_the_whole_way_from_the_mirror_to_the_checked_bytes(fetch, server, no_data):
    """The mirror's archive may be packed differently: what is in it counts."""
    md5 = hashlib.md5(CONTENT).hexdigest()
    mirrors = [f"http://127.0.0.1:{server.server_port}/{how}/" for how in ("wrong", "right")]
    content, path = files.get("set", "a", md5, mirrors, download=True)
    assert content == CONTENT and path == no_data / "set" / "a"
    path.write_bytes(gzip.compress(CONTENT))
    assert files.get("set", "a", md5, mirrors) == (CONTENT, path)


def test_without_being_asked_the_network_is_not_touched(no_data, monkeypatch):
    def never(*_, **__):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(download, "_read", never)
    with pytest.raises(FileNotFoundError, match="--download"):
        mnist.load("mnist", "train")
