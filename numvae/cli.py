"""What the scripts share: how they read what was typed, and how they answer a mistake.

Errors are one sentence and exit code 2; nothing that exists is ever overwritten.
"""

import argparse
import os
import sys
from pathlib import Path


class Parser(argparse.ArgumentParser):
    """An argparse that answers a mistake with one sentence."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (--help lists what there is)\n")


def script(main):
    """What a script does when it is started: it ends with main's exit code.

    A reader that has gone away, as `| head` does, ends it without a word.
    """
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        code = 1
    sys.exit(code)


def whole(least):
    """An argparse type: a whole number, at least `least`."""

    def number(text):
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, found {value}")
        return value

    return number


def new_file(path, *endings):
    """The path of a file that is to be written, looked at before any work is done for it.

    Raises  ValueError          its name ends in none of `endings`
            FileNotFoundError   the folder it shall be in is not there
            FileExistsError     it is there already
    """
    path = Path(path)
    if path.suffix not in endings:
        raise ValueError(f"{path} should end in {' or '.join(endings)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into.")
    if path.exists():
        raise FileExistsError(f"{path} exists already, and is not overwritten; choose another.")
    return path
