"""What several test files share. Arrays come read-only: a rule that writes into an input raises."""

import contextlib
import os
import shutil
import signal
import sys
import tracemalloc
from pathlib import Path

# Tests have small matrices, which several threads of the BLAS take longer for. It reads this when
# NumPy is loaded, so nothing before may load NumPy, as a filter of warnings by their class would.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore::numvae.estimator.DoubtfulFit")


# Tests that run in the background, as of `nohup`, are started with signals that are ignored, and so
# would be the programs that they start.
for number in signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler)


@pytest.fixture(scope="session")
def mpiexec_path():
    """The mpiexec of this Python's environment, or any; without one, or mpi4py, a test skips."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install -e '.[mpi]'")
    ours = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    if path := ours or shutil.which("mpiexec"):
        return path
    pytest.skip("there is no mpiexec; pip install -e '.[mpi]' brings one")


@pytest.fixture
def rng():
    return np.random.default_rng(1312)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def draw(rng):
    """draw(*shape): a read-only array of standard normal numbers."""

    def draw(*shape, dtype="float64"):
        array = rng.standard_normal(shape).astype(dtype)
        array.setflags(write=False)
        return array

    return draw


@pytest.fixture
def is_derivative():
    """is_derivative(f, x, dx): the array dx is ∂f/∂x for the scalar f, by central differences."""

    def is_derivative(f, x, dx, step=1e-5):
        assert dx.shape == x.shape and x.dtype == dx.dtype == np.float64
        numeric = np.empty(x.shape)
        for i in np.ndindex(x.shape):
            above, below = x.copy(), x.copy()
            above[i] += step
            below[i] -= step
            numeric[i] = (f(above) - f(below)) / (2.0 * step)
        size = np.linalg.norm(numeric) + np.linalg.norm(dx)
        assert size > 1e-3, "a gradient of nothing but zeros proves nothing"
        return np.linalg.norm(numeric - dx) / size < 1e-7

    return is_derivative


@pytest.fixture
def assert_backward(is_derivative):
    """assert_backward(parameters, forward, x, dy, dx): dx and the flat gradient are the derivatives
    of Σ dy · forward(x) by x and by the flat vector."""

    def assert_backward(parameters, forward, x, dy, dx):
        def upstream(theta, x):
            parameters.vector[...] = theta
            return (dy * forward(x)).sum()

        theta = parameters.vector.copy()
        assert is_derivative(lambda theta: upstream(theta, x), theta, parameters.gradient)
        assert is_derivative(lambda x: upstream(theta, x), x, dx)

    return assert_backward


@pytest.fixture
def room():
    """with room(n): no file can grow beyond n bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")

    @contextlib.contextmanager
    def room(n):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return room


@pytest.fixture
def assert_grows():
    """with assert_grows(n): memory grows by less than n bytes inside."""

    @contextlib.contextmanager
    def assert_grows(n):
        tracemalloc.start()
        try:
            yield
            assert tracemalloc.get_traced_memory()[1] < n
        finally:
            tracemalloc.stop()

    return assert_grows
