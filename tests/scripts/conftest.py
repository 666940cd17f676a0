"""Every script is tested in an empty folder; `import train` finds scripts/train.py."""

import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder, and no data files of the machine's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMVAE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def refused(capsys):
    """refused(main, *argv): the one sentence that a mistake is answered by, before any work."""

    def refused(main, *argv):
        with pytest.raises(SystemExit) as stop:
            main(list(argv))
        output, errors = capsys.readouterr()
        assert stop.value.code == 2 and output == ""
        (sentence,) = errors.splitlines()
        return sentence

    return refused
