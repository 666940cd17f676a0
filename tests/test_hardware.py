import os

import numpy as np

from numvae import hardware


def test_threads_are_what_the_environment_says_or_all_cores(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert hardware.blas_threads() == os.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert hardware.blas_threads() == 3
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert hardware.blas_threads() == 1
    assert "1 BLAS thread," in hardware.describe()


def test_a_machine_is_described_in_one_line():
    line = hardware.describe()
    assert f"{os.cpu_count()} cores" in line and f"NumPy {np.__version__}" in line
    assert "\n" not in line and not line.startswith(",")
