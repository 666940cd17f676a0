"""The cores that this process may use, the threads of its matrix products, and in one line what a
measured time was measured on.

Two threads that are held to one core wait for each other by spinning, and take many times as long
as one. NumPy's library for matrix products (BLAS) does not see how much a container may use.
"""

import contextlib
import ctypes
import functools
import math
import os
import platform
import threading
from pathlib import Path

import numpy as np

THREADS = "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"
# What OpenBLAS calls its two functions: in NumPy's own wheels, and elsewhere.
FUNCTIONS = (
    "scipy_openblas_{}_num_threads64_",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
)
QUOTA = "/sys/fs/cgroup/cpu.max"
_LOCK, _LIMITS = threading.Lock(), []  # what the number was, and the limits that hold


def describe():
    """One line: processor, cores, threads of the BLAS, versions."""
    return (
        f"{_processor()}, {cores()} core{'s' * (cores() > 1)}, {blas_threads()} BLAS "
        f"thread{'s' * (blas_threads() > 1)}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}"
    )


def cores():
    """How many cores this process may use: those it is held to, or fewer by a container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    n = len(affinity(0)) if affinity else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no Linux, no container, or no quota: "max"
        quota, period = Path(QUOTA).read_text(encoding="ascii").split()
        n = min(n, math.ceil(int(quota) / int(period)))
    return n


def blas_threads():
    """How many threads the products of matrices may use."""
    if _openblas():
        return _openblas()[0]()
    said = [os.environ[name] for name in THREADS if os.environ.get(name, "").isdecimal()]
    return int(said[0]) if said else cores()


def set_blas_threads(n):
    """Have the products of matrices use n threads: those of the OpenBLAS in NumPy's wheels."""
    if _openblas():
        _openblas()[1](n)


@contextlib.contextmanager
def limited_threads(n):
    """Inside the block, products of matrices use at most n threads."""
    with _LOCK:
        _LIMITS.extend([n] if _LIMITS else [blas_threads(), n])
        set_blas_threads(min(_LIMITS))
    try:
        yield
    finally:
        with _LOCK:
            _LIMITS.remove(n)
            set_blas_threads(min(_LIMITS))
            if len(_LIMITS) == 1:
                _LIMITS.clear()


@functools.cache
def _openblas():
    """The functions that tell and set the threads of NumPy's own library; None if it has none."""
    home = Path(np.__file__).parent
    for path in (*home.parent.glob("numpy.libs/*openblas*"), *home.glob(".dylibs/*openblas*")):
        library = ctypes.CDLL(str(path))  # loaded already: this is the same one
        for name in FUNCTIONS:
            if hasattr(library, name.format("set")):
                return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
