"""What a value must be: constraints of settings, and of what else a user or a file gives.

Called with a value, a constraint returns it as a plain Python value, or raises TypeError or
ValueError with the end of a sentence that begins with the value's name. `parse` makes a value of
what was typed, as `metavar` shows it; what it cannot read it leaves as text, for the call to
refuse.

Read next: settings.
"""

import difflib
import math
import numbers
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numvae.rules import corruption
from numvae.text import short


class Number(NamedTuple):
    """A finite number of a kind, int or float, within bounds. True and False are no numbers."""

    kind: type
    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf
    metavar = "N"

    def parse(self, text):
        try:
            return self.kind(text)
        except ValueError:
            return text

    def __call__(self, value):
        wanted = numbers.Integral if self.kind is int else numbers.Real
        if not isinstance(value, wanted) or isinstance(value, (bool, np.bool_)):
            raise TypeError(f"must be {self}, found {short(value)}.")
        try:
            inside = math.isfinite(value) and self.least <= value <= self.most
        except OverflowError:  # a whole number that no float can hold
            inside = False
        if not (inside and self.above < value < self.below):
            raise ValueError(f"must be {self}, found {short(value)}.")
        return self.kind(value)

    def __str__(self):
        words = zip((", at least", " above", " and at most", " and below"), self[1:])
        bounds = [f"{word} {bound:g}" for word, bound in words if math.isfinite(bound)]
        return ("a whole number" if self.kind is int else "a number") + "".join(bounds)


class Count(Number):
    """How many of something: never more than a machine can hold or anybody would wait for."""

    MOST = 10**9

    def __call__(self, value):
        if isinstance(value, numbers.Integral) and value > self.MOST:
            raise ValueError(f"must be at most {self.MOST:,}, found {value!r}.")
        return super().__call__(value)


class Choice(NamedTuple):
    """One of several names; for an unknown one the nearest is suggested."""

    names: tuple
    parse = staticmethod(str)

    @property
    def metavar(self):
        return f"{{{','.join(self.names)}}}"

    def __call__(self, value):
        if not isinstance(value, str):
            raise TypeError(f"must be {self}, found {short(value)}.")
        if value not in self.names:
            raise ValueError(f"must be {self}, found {short(value)}.{near(value, self.names)}")
        return value

    def __str__(self):
        return f"one of {', '.join(self.names)}"


class Flag:
    """True or False."""

    def __call__(self, value):
        if not isinstance(value, (numbers.Integral, np.bool_)) or value not in (0, 1):
            raise TypeError(f"must be True or False, found {short(value)}.")
        return bool(value)


class Widths:
    """A sequence of widths of layers, perhaps empty, or the width of a single one; typed as 256,256
    or none."""

    width, metavar = Count(int, least=1), "H1,H2|none"

    def parse(self, text):
        return () if text == "none" else tuple(map(self.width.parse, text.split(",")))

    def __call__(self, value):
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, numbers.Integral):
            value = (value,)
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise TypeError(f"must be a sequence of widths, found {short(value)}.")
        try:
            return tuple(map(self.width, value))
        except (TypeError, ValueError) as error:
            wanted = str(error).removeprefix("must be ")
            raise type(error)(f"must hold widths, each {wanted}") from None


class Names(Choice):
    """A name, or several with commas between them."""

    metavar = "NAME"

    def __call__(self, value):
        for name in value.split(",") if isinstance(value, str) else [value]:
            super().__call__(name)
        return value


class Blocks(Choice):
    """A name, or blocks of columns such as gaussian:3,categorical:5."""

    metavar = "NAME"

    def __call__(self, value):
        if not isinstance(value, str) or ":" not in value:
            return super().__call__(value)
        for block in value.split(","):
            kind, _, width = block.partition(":")
            super().__call__(kind)
            if not width.isdecimal() or int(width) == 0:
                raise ValueError(
                    f"must be {self}, or blocks of columns; in {short(value)}, {short(block)} "
                    "needs a number of columns, as in gaussian:3."
                )
        return value


class Plain:
    """A text, a bool or a finite number."""

    def __call__(self, value):
        is_plain = isinstance(value, str | bool | int | float)
        if not is_plain or isinstance(value, float) and not math.isfinite(value):
            raise TypeError(f"must be a text, a bool or a number, found {short(value)}")
        return value


class Kinds:
    """What some columns of a table are: name → kind."""

    metavar = "NAME:KIND,…"

    def __init__(self, kinds):
        self.kinds = kinds

    def __str__(self):
        return f"names of columns, each with one of {', '.join(self.kinds)}"

    def parse(self, text):
        pairs = [part.rpartition(":") for part in text.split(",")]
        return {name: kind for name, _, kind in pairs}

    def __call__(self, value):
        value = self.parse(value) if isinstance(value, str) else value
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise TypeError(
                f"must be {self}, as in age:gaussian,sex:categorical; found {short(value)}."
            )
        for name, kind in value.items():
            if kind not in self.kinds:
                raise ValueError(
                    f"must be {self}, as in age:gaussian,sex:categorical; found {short(kind)} for "
                    f"{short(name)}."
                )
        return value


class Condition:
    """What a model is conditioned on: "y", or the names of some columns."""

    metavar = "NAME,…"

    def parse(self, text):
        return text.split(",")

    def __call__(self, value):
        if isinstance(value, str) and value == "y":
            return value
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise TypeError(
                f"must be 'y', or a list of names of columns such as ['age'], found {short(value)}."
            )
        names = [Text()(name) for name in value]
        if len(set(names)) < len(names):
            raise ValueError(f"must name each column once, found {short(names)}.")
        return names


class Corruption:
    """A kind of corruption and how much of it; typed as salt_and_pepper:0.3."""

    kind, metavar = Choice(corruption.NAMES), "KIND:AMOUNT"
    amounts = {
        "salt_and_pepper": Number(float, least=0, most=1),
        "gaussian": Number(float, least=0),
    }

    def parse(self, text):
        kind, colon, amount = text.partition(":")
        return (kind, Number(float).parse(amount)) if colon else text

    def __call__(self, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise TypeError(
                "must be a kind and an amount, such as ('gaussian', 0.2), or gaussian:0.2 on the "
                f"command line, found {short(value)}."
            )
        kind = labelled("kind", self.kind, value[0])
        return kind, labelled("amount", self.amounts[kind], value[1])


class Jobs:
    """A number of processes at most: 1 and above, or −1 for as many as there are cores, −2 for one
    less."""

    def __call__(self, value):
        value = Number(int)(value)
        if value == 0:
            raise ValueError("must be 1 or more, or −1 for as many as there are cores, found 0.")
        return value


class Seed:
    """A whole number, or a generator of NumPy's to draw one from."""

    number = Number(int, least=0)
    parse, metavar = number.parse, number.metavar

    def __call__(self, value):
        drawn = isinstance(value, (np.random.Generator, np.random.RandomState))
        return value if drawn else self.number(value)


class Text:
    """Any text."""

    def __call__(self, value):
        if not isinstance(value, str):
            raise TypeError(f"must be a text, found {short(value)}.")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"must be a text that can be written, found {short(value)}.") from None
        return value


class Measured:
    """What was measured: a float, which is NaN or infinite where training diverged."""

    def __call__(self, value):
        if not isinstance(value, float):
            raise TypeError(f"must be a number with a point, found {short(value)}.")
        return value


class OrNone(NamedTuple):
    """None, or what another constraint lets through."""

    constraint: object

    def __call__(self, value):
        return None if value is None else self.constraint(value)


class ListOf(NamedTuple):
    """A list, each of whose elements is within a constraint."""

    constraint: object

    def __call__(self, value):
        if not isinstance(value, list):
            raise TypeError(f"must be a list, found {short(value)}.")
        return [labelled(f"[{i}]", self.constraint, v) for i, v in enumerate(value)]


class Fields(NamedTuple):
    """A dict of certain names, each of whose values is within its constraint.

    may_lack    those of the names that need not be there
    """

    constraints: dict
    may_lack: tuple = ()

    def __call__(self, value):
        if not isinstance(value, dict):
            raise TypeError(f"must be a dict, found {short(value)}.")
        for name in self.constraints:
            if name not in value and name not in self.may_lack:
                raise ValueError(f"has no {name}.")
        for name in value:
            if name not in self.constraints:
                raise ValueError(
                    f"has {short(name)}, which this numvae does not know; install a newer one."
                )
        return {name: labelled(f".{name}", self.constraints[name], v) for name, v in value.items()}


def labelled(name, constraint, value):
    """The value as the constraint returns it; what it raises begins with the name, and where in the
    value it is: position.history[2] must be …"""
    try:
        return constraint(value)
    except (TypeError, ValueError) as error:
        space = "" if str(error).startswith((".", "[")) else " "
        raise type(error)(f"{name}{space}{error}") from None


def near(value, known):
    """' Did you mean …?', or nothing."""
    close = difflib.get_close_matches(str(value)[:100], list(known))
    return f" Did you mean {close[0]!r}?" if close else ""


COUNT, NATURAL, SIZE = Count(int, least=1), Number(int, least=0), Number(float, least=0)
POSITIVE, FRACTION = Number(float, above=0), Number(float, least=0, below=1)
SHARE = Number(float, above=0, most=0.5)
FINITE = Number(float)
