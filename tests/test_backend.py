"""MPLBACKEND, as a notebook leaves it to the programs that it starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import numvae

FIRST = "from numvae.backend import matplotlib", "from numvae.plots import matplotlib, style"
CODE = """
import os
import numvae.backend
import matplotlib
print(matplotlib.rcParams._get_backend_or_none(), os.environ["MPLBACKEND"])
"""


@pytest.mark.parametrize(
    "name, found",
    [("nonsense", "None"), ("module://matplotlib_inline.backend_inline", None), ("svg", "svg")],
)
def test_a_backend_that_is_not_there_is_passed_over_and_any_other_is_kept(name, found):
    environment = {**os.environ, "MPLBACKEND": name}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    backend, left = done.stdout.split()
    assert left == name and backend in (name, "None") and found in (backend, None)


def test_what_the_program_has_chosen_stays():
    code = "import matplotlib; matplotlib.use('pdf'); import numvae.backend; "
    code += "assert matplotlib.get_backend() == 'pdf'"
    environment = {**os.environ, "MPLBACKEND": "svg"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_nothing_imports_matplotlib_before_it():
    """The pictures do in their `__init__`, before all modules of that folder."""
    package = Path(numvae.__file__).parent
    for path in package.rglob("*.py"):
        text = re.sub(r"if TYPE_CHECKING:\n(    .*\n)+", "", path.read_text("utf-8"))  # never run
        text = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
        imports = re.findall(r"^ *((?:from|import) .*\bmatplotlib\b.*)$", text, re.M)
        inside = path.parent == package / "plots" and path.name != "__init__.py"
        if imports and not inside and path != package / "backend.py":
            assert imports[0] in FIRST, path
