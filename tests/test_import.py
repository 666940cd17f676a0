"""Importing the package costs numpy and the standard library, and nothing else."""

import subprocess
import sys

import pytest

HEAVY = "scipy", "matplotlib", "pandas", "torch", "sklearn"


@pytest.mark.parametrize(
    "statement",
    ["import numvae", "from numvae.network import Autoencoder", "import numvae.datasets"],
)
def test_import_loads_neither_scipy_nor_matplotlib(statement):
    code = f"{statement}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""
