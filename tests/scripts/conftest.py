"""Every script is tested in an empty folder; `import train` finds scripts/train.py."""

import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder, and no data files of the machine's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMVAE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
