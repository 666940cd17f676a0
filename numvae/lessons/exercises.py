"""The judge of `scripts/exercises/`: one function is left to write, and running its file says
whether it is right and, if not, which famous mistake it looks like.

The truth comes from finite differences or from scipy, never from the package's own rule. That one
is asked afterwards, and with each bug of the gallery planted: a wrong answer that one of those
gives too has its name.
"""

import copy
import math
import os
from pathlib import Path

import numpy as np

from numvae.checks.finite_differences import LIMIT, numerical_gradient, relative_error
from numvae.lessons.bugs import BUGS, planted

SEED = 2014


def draw(*shapes):
    """Arrays of standard normal numbers, the same at every call."""
    rng = np.random.default_rng(SEED)
    return [rng.normal(size=shape) for shape in shapes]


def gradients(forward, dout, **inputs):
    """The truth for a backward pass: "dx" → ∂(Σ dout · forward)/∂x by finite differences."""
    return {
        f"d{name}": numerical_gradient(lambda: np.sum(dout * forward(**inputs)), q)
        for name, q in inputs.items()
    }


def _plain(function, *inputs):
    return function(*inputs)


class Exercise:
    """What a function is given, and what it should make of it.

    file    the exercise's own, __file__
    rule    calls the package's own function, which may have a bug planted in it at the time
    inputs  the arguments: arrays, dicts of arrays, numbers
    truth   name → array, in the order in which they are to be returned
    call    call(function, *inputs) → what is compared, where that is not what it returns
    """

    def __init__(self, file, rule, inputs, truth, call=_plain):
        self.file, self.rule, self.inputs = Path(file), rule, tuple(inputs)
        self.truth, self.call, self.names = truth, call, ", ".join(truth)

    def check(self, function):
        """Print what is to be said of a function; 0 if it is right, else 1."""
        number, name = self.file.stem.split("_", 1)
        title = f"Exercise {int(number)}, {name}"
        try:
            complaints = self.complaints(function)
        except NotImplementedError:
            print(f"{title}: not written yet. Write it in {_path(self.file)}, and run that again.")
            return 1
        if complaints:
            print("\n  ".join([f"{title}: not right yet.", *complaints]))
            return 1
        error = max(relative_error(a, b) for a, b in zip(self.run(function), self.truth.values()))
        following = sorted(self.file.parent.glob(f"{int(number) + 1:02d}_*.py"))
        end = f"Next: {_path(following[0])}" if following else "That was the last."
        print(f"{title}: right, relative error {error:.0e}. {end}")
        return 0

    def complaints(self, function):
        """What is wrong with a function, in sentences; empty if it is right."""
        inputs = copy.deepcopy(self.inputs)
        found = self.run(function, inputs)
        if sentence := self.malformed(found):
            return [sentence]
        wrong = {
            name: self.likely(np.asarray(value), truth)
            for (name, truth), value in zip(self.truth.items(), found)
            if not _equal(value, truth)
        }
        if wrong and all(any(_equal(v, truth) for v in found) for truth in self.truth.values()):
            return [f"The values are right, but their order should be {self.names}."]
        if wrong:
            width = max(map(len, self.truth))
            lines = [f"{name:<{width}}  {wrong.get(name, 'is right')}" for name in self.truth]
            return lines + [
                f"It looks like a famous bug: {bug.name}{f' ({bug.found})' * bool(bug.found)}."
                for bug in self.suspects(found)
            ]
        if not _same(inputs, self.inputs):
            return ["The numbers are right, but an input has been changed in place."]
        single = self.run(function, _single(self.inputs))
        if any(isinstance(value, np.ndarray) and value.dtype != "f4" for value in single):
            return [
                "The numbers are right, but float32 comes out as float64: a NumPy scalar such as "
                "np.log(2.0) does that, a Python number such as math.log(2.0) does not."
            ]
        return []

    def run(self, function, inputs=None):
        """What a function makes of the inputs, as a tuple."""
        found = self.call(function, *(copy.deepcopy(self.inputs) if inputs is None else inputs))
        return found if isinstance(found, tuple) else (found,)

    def with_bug(self, bug):
        """What the package's function makes of the inputs while a bug is planted."""
        with planted(bug), np.errstate(all="ignore"):
            return self.run(self.rule)

    def suspects(self, found):
        """The bugs that give the same wrong answer; if none gives all of it, those of parts."""
        whole, part = [], []
        for bug in BUGS:
            answer = self.with_bug(bug)
            shows = any(
                _equal(f, a) and not _equal(a, truth)
                for f, a, truth in zip(found, answer, self.truth.values())
            )
            if shows:
                (whole if all(map(_equal, found, answer)) else part).append(bug)
        return whole or part

    def malformed(self, found):
        """The sentence for something that cannot be compared with the truth, or None."""
        if found[0] is None and len(found) == 1:
            return f"Nothing is returned; there should be {self.names}."
        if len(found) != len(self.truth):
            return f"The number of values returned is {len(found)}; there should be {self.names}."
        for name, value in zip(self.truth, found):
            if not isinstance(value, float) and getattr(value, "dtype", np.dtype(bool)).kind != "f":
                return f"{name} should be an array of real numbers, and is {value!r}."
        return None

    def likely(self, found, truth):
        """What a wrong array looks like."""
        if found.shape != np.shape(truth):
            sentence = f"has the shape {found.shape}, and should have {np.shape(truth)}"
            if _equal(found.T, truth):
                return f"{sentence}: it is the transpose"
            for axis in range(found.ndim):
                if _equal(found.sum(axis=axis), truth):
                    return f"{sentence}: it is to be summed over axis {axis}"
            return sentence
        if not np.isfinite(found).all():
            return "is not finite"
        if not found.any():
            return "is 0 everywhere"
        if _equal(found.T, truth):
            return "is the transpose of what it should be"
        factor = np.sum(found * truth) / np.sum(truth * truth)
        return self.proportional(factor) if _equal(found, factor * truth) else "is wrong"

    def proportional(self, factor):
        """What a wrong factor looks like; the length of an axis is a sum for a mean, or a mean."""
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


def _path(file):
    """A file as one would type it."""
    return os.path.relpath(file)


def _equal(a, b):
    if np.shape(a) != np.shape(b) or not np.all(np.isfinite(a)):
        return False
    return relative_error(a, b) < LIMIT


def _same(a, b):
    """Whether two inputs, or containers of them, are equal to the bit."""
    if isinstance(a, dict):
        a, b = tuple(a.values()), tuple(b.values())
    if isinstance(a, tuple):
        return all(map(_same, a, b))
    return np.array_equal(a, b)


def _single(value):
    """The inputs in float32; numbers stay as they are."""
    if isinstance(value, dict):
        return {name: _single(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_single, value))
    return value.astype("f4") if isinstance(value, np.ndarray) else value
