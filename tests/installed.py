"""Does numvae work where it is installed, away from its sources? `python -I tests/installed.py`
asks the Python that runs it: every module is imported, a model is fitted, saved and loaded, and
every command is run, in an empty folder; -I keeps this checkout off the path. `.ci/run` installs
the wheel for it, on the newest and on the oldest releases of what numvae needs.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np

import numvae

NUMVAE = Path(sysconfig.get_path("scripts"), "numvae")
TYPED = {  # what is typed after `numvae` → a file that it leaves
    "train --epochs 2 --hidden 16 --validation 20 --out run": "run/manifold.png",
    "evaluate report run --out again": "again/report.txt",
    "evaluate sample run --out samples.png": "samples.png",
    "evaluate impute run --hide half --rows 9 --out filled.csv": "filled.csv",
    "explore run --html page.html": "page.html",
}


def output(*command):
    """What a command prints, which must end well."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def import_and_fit():
    for module in pkgutil.walk_packages(numvae.__path__, "numvae."):
        importlib.import_module(module.name)
    X = np.random.default_rng(0).standard_normal((100, 4))
    vae = numvae.VAE(n_latent=2, hidden=(8,), epochs=2, random_state=0).fit(X)
    X[::3, 1] = np.nan
    filled = vae.impute(X, random_state=0)
    assert ((filled == X) | np.isnan(X)).all() and np.isfinite(filled).all()
    vae.save("vae.npz")
    assert numvae.load("vae.npz").score(filled) == vae.score(filled)


def run_commands():
    for typed, file in TYPED.items():
        output(NUMVAE, *typed.split())
        assert Path(file).is_file(), file
    assert "train" in output(sys.executable, "-I", "-m", "numvae", "--help")
    print(output(NUMVAE, "check").splitlines()[-1])


if __name__ == "__main__":
    assert Path(numvae.__file__).is_relative_to(sysconfig.get_path("purelib")), numvae.__file__
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        import_and_fit()
        run_commands()
    print(f"numvae {numvae.__version__} works where it is installed, with NumPy {np.__version__}.")
