"""What of a folder of exercises is done, and what comes next.

Read next: small_model.
"""

import contextlib
import io

from numvae.cli import Parser
from numvae.lessons.exercises import load, relative
from numvae.lessons.judge import Wrong

SIDE = "It may wait."  # in the first line of an exercise that the last one does not need


def main(folder, argv=None):
    p = Parser(
        prog=f"python {relative(folder)}",
        description="Show what of the exercises is done, and what comes next.",
    )
    p.parse_args(argv)
    paths = sorted(folder.glob("[0-9][0-9]_*.py"))
    left = {path: text for path in paths if (text := state(path)) != "done"}
    side = [path for path in left if SIDE in path.read_text("utf-8", "replace")]
    print(f"{len(paths) - len(left)} of {len(paths)} exercises in {relative(folder)} are done.")
    for path in paths:
        print(f"  {path.stem:<34}{left.get(path, 'done')}{' (may wait)' * (path in side)}")
    for path in [*(path for path in left if path not in side), *side][:1]:
        print(f"Next: python {relative(path)}")
    return 0


def state(path):
    """How far an exercise is, in a few words; what its file prints is not shown."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return load(path).state()
        except Wrong as wrong:
            return str(wrong)
