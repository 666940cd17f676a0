"""Every script is tested in an empty folder."""

import copy
import functools
from pathlib import Path

import pytest

from numvae.datasets import faces
from numvae.plots import style
from numvae.report import Report

drawn_once = functools.cache(faces.faces)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, tmp_path_factory, monkeypatch):
    """An empty working folder, and no data files of the machine's own; small pictures, and faces
    that are drawn once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(style, "DPI", 50)
    monkeypatch.setattr(faces, "faces", lambda *which: copy.deepcopy(drawn_once(*which)))
    monkeypatch.delenv("NUMVAE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def there(trained, elsewhere):
    """What a module's `trained` has left in its folder, in the working folder."""
    for path in trained.iterdir():
        Path(path.name).symlink_to(path)


@pytest.fixture
def undrawn(monkeypatch):
    """Runs without their pictures, which take most of the time."""
    monkeypatch.setattr(Report, "pictures", lambda self: ())


@pytest.fixture
def refused(capsys):
    """refused(main, *argv): the one sentence that a mistake is answered by, before any work.

    In the folder is a picture there.png.
    """
    Path("there.png").write_text("mine")

    def refused(main, *argv):
        before = files()
        with pytest.raises(SystemExit) as stop:
            main(list(argv))
        output, errors = capsys.readouterr()
        assert stop.value.code == 2 and output == "" and files() == before
        (sentence,) = errors.splitlines()
        assert not sentence.startswith(("Traceback", "usage:"))
        return sentence

    def files():
        return {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}

    return refused
