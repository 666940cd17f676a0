"""What a measured time was measured on."""

import os
import platform
from pathlib import Path

import numpy as np


def describe():
    """One line: processor, cores, threads of the BLAS, versions."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {blas_threads()} BLAS "
        f"thread{'s' * (blas_threads() > 1)}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}"
    )


def blas_threads():
    """How many threads the products of matrices may use: as the environment says, or all cores."""
    names = "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"
    said = [os.environ[name] for name in names if os.environ.get(name, "").isdecimal()]
    return int(said[0]) if said else os.cpu_count()


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
