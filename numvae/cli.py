"""Argument parsing and error reporting shared by the scripts.

Errors are one sentence and exit code 2; no file that exists is overwritten by a new one.
"""

import argparse
import os
import sys
from pathlib import Path

from numvae.constraints import Flag, Number
from numvae.settings import TABLE
from numvae.text import printable


class Parser(argparse.ArgumentParser):
    """An argparse that answers a mistake with one sentence."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {printable(message)} (see --help)\n")


def script(main):
    """Run main and exit with its code; a closed pipe, as after `| head`, ends it silently."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        code = 1
    sys.exit(code)


def argument(constraint):
    """An argparse type: what one of the constraints of `numvae.settings` lets through."""

    def read(text):
        try:
            return constraint(constraint.parse(text))
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def integer(least):
    """An argparse type: a whole number, at least `least`."""
    return argument(Number(int, least=least))


def add_settings(groups, **defaults):
    """Add a flag for every setting that has one.

    groups      heading → argparse group
    defaults    setting → (its default here, what --help says that it is), where not the table's
    """
    for line in TABLE:
        if (group := line.metadata["group"]) is None:
            continue
        constraint, help = line.metadata["constraint"], line.metadata["help"]
        default, said = defaults.get(line.name, (line.default, line.default))
        flag = "--" + (line.metadata["flag"] or line.name).replace("_", "-")
        if isinstance(constraint, Flag):
            action = argparse.BooleanOptionalAction if line.default else "store_true"
            help = help if line.default == said else f"{help} (default: {said})"
            groups[group].add_argument(
                flag, dest=line.name, action=action, default=default, help=help
            )
            continue
        groups[group].add_argument(
            flag,
            dest=line.name,
            type=argument(constraint),
            default=default,
            metavar=constraint.metavar,
            help=help if said is None else f"{help} (default: {shown(said)})",
        )


def shown(value):
    """A setting's value as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def new_file(path, *endings):
    """The path of a file that is to be written, checked before any work is done for it.

    Raises  ValueError          its name ends in none of `endings`
            FileNotFoundError   its parent folder does not exist
            FileExistsError     the file exists
    """
    path = Path(path)
    if path.suffix not in endings:
        raise ValueError(f"{path} should end in {' or '.join(endings)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into.")
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists already, and is not overwritten; choose another.")
    return path
