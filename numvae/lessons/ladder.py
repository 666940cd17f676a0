"""What of a folder of exercises is done, and what comes next.

Read next: small_model.
"""

import contextlib
import io

from numvae.cli import Parser
from numvae.lessons.exercises import Wrong, load, relative

SIDE = "It may wait."  # in the first line of an exercise that is not needed for the last one


def main(folder, argv=None):
    p = Parser(
        prog=f"python {relative(folder)}",
        description="Show what of the exercises is done, and what comes next.",
    )
    p.parse_args(argv)
    paths = sorted(folder.glob("[0-9][0-9]_*.py"))
    states = {path: state(path) for path in paths}
    done = list(states.values()).count("done")
    print(f"{done} of {len(paths)} exercises in {relative(folder)} are done.")
    for path, text in states.items():
        waits = SIDE in path.read_text(encoding="utf-8", errors="replace") and text != "done"
        print(f"  {path.stem:<34}{text}{' (may wait)' * waits}")
    left = [path for path, text in states.items() if text != "done"]
    needed = [
        path for path in left if SIDE not in path.read_text(encoding="utf-8", errors="replace")
    ]
    for path in (needed or left)[:1]:
        print(f"Next: python {relative(path)}")
    return 0


def state(path):
    """How far an exercise is, in a few words; what its file prints is not shown."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return load(path).state()
        except Wrong as wrong:
            return str(wrong)
