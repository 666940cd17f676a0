"""MPLBACKEND, as a notebook leaves it to the programs that it starts."""

import os
import subprocess
import sys

import pytest

CODE = """
import os
from numvae.datasets.digits import digits
digits(1, 0)
import matplotlib
print(matplotlib.rcParams._get_backend_or_none(), os.environ["MPLBACKEND"])
"""


@pytest.mark.parametrize(
    "name, found",
    [("nonsense", "None"), ("module://matplotlib_inline.backend_inline", None), ("svg", "svg")],
)
def test_a_backend_that_is_not_there_is_passed_over_and_any_other_is_kept(name, found):
    environment = {**os.environ, "MPLBACKEND": name}
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    backend, left = done.stdout.split()
    assert left == name and backend in (name, "None") and found in (backend, None)


def test_what_the_program_has_chosen_stays():
    code = "import matplotlib; matplotlib.use('pdf'); import numvae.plots; "
    code += "assert matplotlib.get_backend() == 'pdf'"
    environment = {**os.environ, "MPLBACKEND": "svg"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
