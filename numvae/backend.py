"""matplotlib, whatever MPLBACKEND says.

A notebook leaves that variable to the programs it starts. Where it names what is not installed,
matplotlib cannot be imported, though no picture here needs it: then it is passed over.
"""

import contextlib
import os
import sys

backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)

import matplotlib  # noqa: E402

if backend:
    os.environ["MPLBACKEND"] = backend
    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = backend
