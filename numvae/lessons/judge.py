"""What is wrong with an answer to an exercise.

The truth comes from finite differences or from scipy, never from the package's own rule. For the
name of a mistake, the package's rule is called with each famous bug planted in turn (`bugs`), and
small changes of the learner's own function are tried (`repairs`).

Read next: repairs.
"""

import contextlib
import copy
import inspect
import io
import itertools
import math
import sys
import time

import numpy as np

from numvae.checks.finite_differences import LIMIT, relative_error
from numvae.lessons import raised
from numvae.lessons.bugs import BUGS, planted
from numvae.lessons.repairs import repairs
from numvae.text import short

MOST, SECONDS = 8000, 10  # changes that are tried, and how long
MORE = 1  # the seconds after one that helps in part
UNKNOWN = "No small change of your code was found that makes it right: --hint says where to look."
FLOAT64 = (
    "The numbers are right, but float32 comes out as float64: np.zeros(n), NumPy scalars such as "
    "np.log(2.0) and arrays of the test do that; np.zeros_like(x) and Python numbers do not."
)


class Wrong(Exception):
    """Why an answer cannot be compared, in a sentence."""


def _plain(function, *inputs):
    return function(*inputs)


class Judge:
    """The inputs of a function, and the values that it should return.

    function  what the learner writes
    solution  a function of the package that is right
    inputs    the arguments: arrays, dicts of arrays, numbers
    truth     name → array, in the order in which they are to be returned
    call      call(function, *inputs) → what is compared, where that is not what it returns
    rule      the function in which famous bugs are planted, where that is not the solution
    """

    def __init__(self, function, solution, inputs, truth, call=_plain, rule=None):
        self.function, self.solution, self.inputs = function, solution, tuple(inputs)
        self.truth, self.call, self.rule = truth, call, rule or _looked_up(solution)
        self.names = ", ".join(truth)
        self.in_steps = len(truth) > 3  # each from those before it

    def complaints(self, function):
        """The mistakes of a function, in sentences; empty if it is right."""
        try:
            return self._complaints(function)
        except Wrong as wrong:
            return str(wrong).splitlines()

    def _complaints(self, function):
        inputs = copy.deepcopy(self.inputs)
        answer = self.tried(function, inputs)
        changed = [f"An input has been changed in place: {name}." for name in self.changed(inputs)]
        if sentence := self.malformed(answer):
            return [sentence]
        if not _same(answer, self.tried(function, copy.deepcopy(self.inputs))):
            return ["The values change from call to call: use the noise that is given, draw none."]
        wrong = [name for name, v in zip(self.truth, answer) if not _equal(v, self.truth[name])]
        if wrong and all(any(_equal(v, truth) for v in answer) for truth in self.truth.values()):
            return [f"The values are right, but their order should be {self.names}."]
        if wrong:
            width = max(map(len, self.truth))
            lines = []
            for name, value in zip(self.truth, answer):
                text = self.diagnosis(np.asarray(value), self.truth[name])
                if np.ndim(value) == np.ndim(self.truth[name]) == 0:
                    text += f"; it is {value:.4g}, and should be {self.truth[name]:.4g}"
                lines.append(f"{name:<{width}}  {text if name in wrong else 'is right'}")
            if len(wrong) > 1 and self.in_steps:
                lines.append(
                    f"Begin with {wrong[0]}, the first that is wrong: it may be why others are."
                )
            whole, partly = self.suspects(answer)
            causes = [self.called(bug) for bug in whole or partly]
            causes += [] if whole else self.repaired(function, answer)
            if not causes and any(line.endswith("  is wrong") for line in lines):
                causes = [UNKNOWN]
            return [*lines, *causes, *changed]
        if changed:
            return changed
        single = self.tried(function, _single(self.inputs))
        if any(isinstance(value, np.ndarray) and value.dtype != "f4" for value in single):
            return [FLOAT64]
        return []

    def called(self, bug):
        return f"It looks like a famous bug: {bug.name}{f' ({bug.found})' * bool(bug.found)}."

    def changed(self, inputs):
        """The names of the arguments that are not what they were."""
        return [
            name
            for name, now, before in zip(self.arguments(), inputs, self.inputs)
            if not _same(now, before)
        ]

    def arguments(self):
        return list(inspect.signature(self.function).parameters)

    def run(self, function, inputs=None):
        """The values that a function returns for the inputs, as a tuple."""
        inputs = copy.deepcopy(self.inputs) if inputs is None else inputs
        with np.errstate(all="ignore"):
            answer = self.call(function, *inputs)
        return answer if isinstance(answer, tuple) else (answer,)

    def tried(self, function, inputs):
        """`run` of the learner's function.

        Raises  Wrong   it fails; the sentence says where, and what the shapes are
        """
        try:
            return self.run(function, inputs)
        except (NotImplementedError, Wrong):
            raise
        except Exception as error:
            given = zip(self.arguments(), self.inputs)
            shapes = ", ".join(f"{n} {np.shape(v)}" for n, v in given if np.ndim(v))
            wanted = ", ".join(f"{name} {np.shape(v)}" for name, v in self.truth.items())
            line, where = raised.where(error, function.__code__.co_filename)
            unknown = isinstance(error, NameError)  # which is all that there is to say
            lines = [where, *([] if unknown else self.repaired(function, line=line))]
            raise Wrong("\n".join([*lines, f"The shapes are {shapes} → {wanted}."])) from None

    def with_bug(self, bug):
        """The values that the package's function returns while a bug is planted."""
        with planted(bug):
            return self.run(self.rule)

    def suspects(self, answer):
        """The bugs that give the same wrong answer, and those that give a part of it."""
        equal, partly = [], []
        for bug in BUGS:
            buggy = self.with_bug(bug)
            same = [_equal(a, b) for a, b in zip(answer, buggy)]
            wrong = [not _equal(b, truth) for b, truth in zip(buggy, self.truth.values())]
            if any(s and w for s, w in zip(same, wrong)):
                (equal if all(same) else partly).append(bug)
        return equal, partly

    def repaired(self, function, answer=None, line=None):
        """A sentence on the one small change that makes a function right; if there is none, on one
        that makes more of it right.

        answer  what the function returns; None if it fails, at that line: of how much would be
                right without the failure, nothing is known
        """
        truth, partly = list(self.truth.values()), []
        right = [answer is not None and _equal(v, t) for v, t in zip(answer or truth, truth)]
        first = right.index(False)

        def tried(changed):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
                values = self.run(changed)
                return values if len(values) == len(truth) else None

        def moves(changed):
            if answer is None or (values := tried(changed)) is None:
                return len(truth)
            moved = [not (_same(a, b) and np.all(np.isfinite(a))) for a, b in zip(answer, values)]
            useless = self.in_steps and not moved[first] or any(map(all, zip(moved, right)))
            return 0 if useless else sum(moved)

        changes = repairs(function, self.solution, moves, line)
        end = time.monotonic() + SECONDS
        for at, wrong, changed in itertools.islice(changes, MOST):
            if time.monotonic() > end:
                break
            values = tried(changed)
            if values and (_equal(values[first], truth[first]) or not self.in_steps):
                good = [_equal(v, t) for v, t in zip(values, truth)]
                found = f"Line {at}: {wrong}." if at else f"Everywhere, {wrong}."
                if all(good):
                    return [found]
                more = sum(good) > sum(right) and all(g for g, r in zip(good, right) if r)
                if more and answer is not None:
                    partly.append(found)
                    end = min(end, time.monotonic() + MORE)
        return partly[:1]

    def malformed(self, answer):
        """The sentence for something that cannot be compared with the truth, or None."""
        if answer[0] is None and len(answer) == 1:
            return f"Nothing is returned; there should be {self.names}."
        if isinstance(answer[0], list) and len(answer) == 1:
            return f"A list is returned; without its brackets, return {self.names} is a tuple."
        if len(answer) != len(self.truth):
            return f"The number of values returned is {len(answer)}; there should be {self.names}."
        for name, value in zip(self.truth, answer):
            if not isinstance(value, float) and getattr(value, "dtype", np.dtype(bool)).kind != "f":
                return f"{name} should be an array of real numbers, and is {short(value)}."
        return None

    def diagnosis(self, value, truth):
        """The likely mistake in a wrong array."""
        if value.shape != np.shape(truth):
            sentence = f"has the shape {value.shape}, and should have {np.shape(truth)}"
            if _equal(value.T, truth):
                return f"{sentence}: it is the transpose"
            for axis in range(value.ndim):
                if _equal(value.sum(axis=axis), truth):
                    return f"{sentence}: it is to be summed over axis {axis}"
            return sentence
        if not np.isfinite(value).all():
            return "is not finite"
        if not value.any():
            return "is 0 everywhere"
        if _equal(value.T, truth):
            return "is the transpose of what it should be"
        logvar = dict(zip(self.arguments(), self.inputs)).get("logvar")
        if logvar is not None and logvar.shape == value.shape:
            for q, slope in (("σ²", np.exp(logvar)), ("σ", 0.5 * np.exp(0.5 * logvar))):
                if _equal(value * slope, truth):
                    return (
                        f"is wrong: it is the derivative in {q}, the factor ∂{q}/∂logvar is missing"
                    )
        factor = np.sum(value * truth) / np.sum(truth * truth)
        return self.proportional(factor) if _equal(value, factor * truth) else "is wrong"

    def proportional(self, factor):
        """The likely mistake behind a wrong factor, such as the length of an axis."""
        text = f"is {factor:.4g} times what it should be"
        lengths = {n for value in self.inputs for n in np.shape(value)}
        if math.isclose(factor, -1.0, rel_tol=LIMIT):
            return "has the wrong sign"
        if math.isclose(factor, 2.0, rel_tol=LIMIT):
            return f"{text}: a ½ is missing"
        if math.isclose(factor, 0.5, rel_tol=LIMIT):
            return f"{text}: a ½ too many"
        if any(math.isclose(factor, n, rel_tol=LIMIT) for n in lengths):
            return f"{text}: a sum over an axis of that length where there should be a mean"
        if any(math.isclose(1.0, factor * n, rel_tol=LIMIT) for n in lengths):
            return f"{text}: a mean over an axis of {1.0 / factor:.0f} where there should be a sum"
        return text


def _looked_up(function):
    """The function of that name in its module at the time of the call: a bug may be planted."""
    module = sys.modules[function.__module__]
    return lambda *inputs: getattr(module, function.__name__)(*inputs)


def _equal(a, b):
    if np.asarray(a).dtype.kind not in "fiu" or np.shape(a) != np.shape(b):
        return False
    if not np.all(np.isfinite(a)):
        return False
    with np.errstate(all="ignore"):
        return relative_error(a, b) < LIMIT


def _same(a, b):
    """Whether two inputs, or containers of them, are equal to the bit."""
    if isinstance(a, dict):
        a, b = tuple(a.values()), tuple(b.values())
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return np.array_equal(a, b, equal_nan=True)


def _single(value):
    """The inputs in float32; numbers stay as they are."""
    if isinstance(value, dict):
        return {name: _single(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_single, value))
    return value.astype("f4") if isinstance(value, np.ndarray) else value
