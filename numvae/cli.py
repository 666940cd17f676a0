"""Argument parsing and error reporting shared by the scripts.

Errors are one sentence and exit code 2; no file that exists is overwritten by a new one.
"""

import argparse
import contextlib
import os
import re
import shlex
import sys
from pathlib import Path

from numvae.constraints import Count, Flag
from numvae.settings import TABLE
from numvae.text import printable


class Parser(argparse.ArgumentParser):
    """An argparse that answers a mistake with one sentence, and guesses at no half-typed flag."""

    def __init__(self, **settings):
        super().__init__(allow_abbrev=False, **settings)

    def parse_known_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else list(args)
        for text in args:
            if re.fullmatch("(--[^=]*=)?", text):
                self.error(f"{text or 'an argument'} is empty; is a variable of the shell not set?")
        return super().parse_known_args(args, namespace)

    def error(self, message):
        self.exit(2, f"{self.prog}: {printable(message)} (see --help)\n")

    @contextlib.contextmanager
    def mistakes(self):
        """What a user can have done wrong inside is answered with its sentence."""
        try:
            yield
        except BrokenPipeError:  # of what is printed: no mistake, see `script`
            raise
        except (ValueError, OSError) as error:
            self.error(str(error))
        except (MemoryError, OverflowError) as error:
            self.error(f"this is more than the machine can hold: {error}.")


def script(main):
    """Run main and exit with its code: 130 after Ctrl-C, 1 if what it prints cannot be written.

    What standard output cannot encode is escaped, as on standard error. A closed pipe, as after
    `| head`, ends it silently.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, or a program without a console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        with contextlib.suppress(AttributeError):  # a notebook's, which encodes everything
            getattr(sys, name).reconfigure(errors="backslashreplace")
    try:
        code = main()
    except SystemExit as end:  # --help, or a mistake
        code = end.code
    except KeyboardInterrupt:
        code = 130
        print("\nStopped.", file=sys.stderr)
    except OSError as error:
        code = unwritten(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or unwritten(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
    sys.exit(code)


def invoked():
    """How this program was started: `numvae train` or `python scripts/train.py`."""
    name = sys.argv[0]
    return f"python {shlex.quote(name)}" if name.endswith(".py") else name


def unwritten(error):
    """Say why something, such as what is printed, could not be written; returns the exit code."""
    if not isinstance(error, BrokenPipeError):
        print(f"Something could not be written: {error}.", file=sys.stderr)
    return 1


def argument(constraint):
    """An argparse type: what one of the constraints of `numvae.settings` lets through."""

    def read(text):
        try:
            return constraint(constraint.parse(text))
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def integer(least):
    """An argparse type: how many of something, at least `least`."""
    return argument(Count(int, least=least))


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
