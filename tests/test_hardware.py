import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from numvae import hardware

THREADS = "import os\nfrom numvae import hardware\nprint(hardware.blas_threads())"


def of_a_new_process(code, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in hardware.THREADS}
    done = subprocess.run([sys.executable, "-c", code], env=kept | environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def test_threads_are_what_the_environment_says_or_all_cores():
    all_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert of_a_new_process(THREADS) == str(all_cores)
    assert of_a_new_process(THREADS, OMP_NUM_THREADS="1") == "1"


def test_of_another_library_the_environment_is_believed(monkeypatch):
    monkeypatch.setattr(hardware, "_openblas", lambda: None)
    for name in hardware.THREADS:
        monkeypatch.delenv(name, raising=False)
    assert hardware.blas_threads() == hardware.cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert hardware.blas_threads() == 3
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert hardware.blas_threads() == 1
    assert "1 BLAS thread," in hardware.describe()
    with hardware.limited_threads(2):
        assert hardware.blas_threads() == 1


def test_a_machine_is_described_in_one_line():
    line = hardware.describe()
    assert f"{hardware.cores()} core" in line and f"NumPy {np.__version__}" in line
    assert "\n" not in line and not line.startswith(",")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="nothing holds to a core here")
def test_cores_are_those_that_the_process_is_held_to():
    code = "import os\nfrom numvae import hardware\nos.sched_setaffinity(0, {0})\n"
    assert of_a_new_process(f"{code}print(hardware.cores())") == "1"
    assert ", 1 core, " in of_a_new_process(f"{code}print(hardware.describe())")


@pytest.mark.parametrize(
    "text, n", [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8), (None, 8)]
)
def test_cores_are_no_more_than_a_container_may_use(text, n, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(hardware, "QUOTA", tmp_path / "cpu.max")
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert hardware.cores() == n


@pytest.fixture
def library(monkeypatch):
    """A library of matrix products with 8 threads; the list is the numbers that it was told."""
    told = [8]
    monkeypatch.setattr(hardware, "_openblas", lambda: (lambda: told[-1], told.append))
    return told


def test_threads_are_limited_inside_a_block(library):
    with hardware.limited_threads(2), hardware.limited_threads(5):
        assert hardware.blas_threads() == 2
    assert hardware.blas_threads() == 8
    with hardware.limited_threads(16):  # a limit gives no more than there were
        assert hardware.blas_threads() == 8
    with pytest.raises(KeyError), hardware.limited_threads(1):
        raise KeyError
    assert hardware.blas_threads() == 8


def test_blocks_of_several_threads_leave_what_there_was(library):
    first, second = hardware.limited_threads(1), hardware.limited_threads(2)
    thread = threading.Thread(target=first.__enter__)
    thread.start()
    thread.join()
    with second:
        first.__exit__(None, None, None)
        assert hardware.blas_threads() == 2
    assert hardware.blas_threads() == 8


@pytest.mark.parametrize("told, n", [(3, 3), (None, 1)])
def test_where_a_system_holds_nothing_to_a_core_all_cores_are_counted(
    told, n, tmp_path, monkeypatch
):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: told)
    monkeypatch.setattr(hardware, "QUOTA", tmp_path / "none")
    assert hardware.cores() == n
