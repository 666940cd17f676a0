"""The real files of frey and mnist where there are some, and a world without any."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from numvae.datasets import mat


@pytest.fixture(scope="session")
def real_data():
    """real_data(name): the folder that holds the set's folder; skips the test without it."""

    def folder(name):
        place = Path(os.environ.get("NUMVAE_DATA") or ".")
        if (place / name).is_dir():
            return place
        pytest.skip(f"the files of {name} are not here; set NUMVAE_DATA to run this test")

    return folder


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """No NUMVAE_DATA, and an empty cache folder; returns the folder `numvae` of the cache."""
    monkeypatch.delenv("NUMVAE_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "numvae"


@pytest.fixture
def saved(tmp_path):
    """saved(array, …): the path, as text, of a file my.npy that holds the array."""

    def saved(array, **kwargs):
        np.save(tmp_path / "my.npy", array, **kwargs)
        return str(tmp_path / "my.npy")

    return saved


@pytest.fixture
def mat_here(monkeypatch):
    """.mat files are read in this process: to start another takes longer than all else."""

    def run(command, **_):
        output, code, said = io.TextIOWrapper(io.BytesIO()), 0, ""
        with (
            monkeypatch.context() as patch,
            contextlib.redirect_stdout(output),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # as a process does that nobody told to raise them
            patch.setattr(sys, "argv", command[2:])
            try:
                exec(mat.PROGRAM, {})
            except SystemExit as stop:
                code, said = 1, stop.code
        return subprocess.CompletedProcess(command, code, output.buffer.getvalue(), said.encode())

    monkeypatch.setattr(mat.subprocess, "run", run)
