"""The grader of `scripts/exercises/`: one function is left to write, and running its file says
whether it is right and, if not, which famous mistake it looks like.

The truth comes from finite differences or from scipy, never from the package's own rule. That rule
is called afterwards, with each bug planted in turn: a wrong answer equal to its own has a name.

Read next: trace.
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
    """The inputs of a function, and the values that it should return.

    file    the exercise's own, __file__
    rule    calls the package's own function, looked up at the call: a bug may be planted in it
    inputs  the arguments: arrays, dicts of arrays, numbers
    truth   name → array, in the order in which they are to be returned
    call    call(function, *inputs) → what is compared, where that is not what it returns
    """

    def __init__(self, file, rule, inputs, truth, call=_plain):
        self.file, self.rule, self.inputs = Path(file), rule, tuple(inputs)
        self.truth, self.call, self.names = truth, call, ", ".join(truth)

    def check(self, function):
        """Print the verdict on a function; 0 if it is right, else 1."""
        (number, name), here = self.file.stem.split("_", 1), os.path.relpath(self.file)
        title = f"Exercise {int(number)}, {name}"
        try:
            complaints = self.complaints(function)
        except NotImplementedError:
            print(f"{title}: not written yet. Write it in {here}, and run that again.")
            return 1
        if complaints:
            print("\n  ".join([f"{title}: not right yet.", *complaints]))
            return 1
        error = max(relative_error(a, b) for a, b in zip(self.run(function), self.truth.values()))
        following = sorted(self.file.parent.glob(f"{int(number) + 1:02d}_*.py"))
        end = f"Next: {os.path.relpath(following[0])}" if following else "That was the last."
        print(f"{title}: right, relative error {error:.0e}. {end}")
        return 0

    def complaints(self, function):
        """The mistakes of a function, in sentences; empty if it is right."""
        inputs = copy.deepcopy(self.inputs)
        answer = self.run(function, inputs)
        if sentence := self.malformed(answer):
            return [sentence]
        wrong = {
            name: self.diagnosis(np.asarray(value), truth)
            for (name, truth), value in zip(self.truth.items(), answer)
            if not _equal(value, truth)
        }
        if wrong and all(any(_equal(v, truth) for v in answer) for truth in self.truth.values()):
            return [f"The values are right, but their order should be {self.names}."]
        if wrong:
            width = max(map(len, self.truth))
            lines = [f"{name:<{width}}  {wrong.get(name, 'is right')}" for name in self.truth]
            return lines + [
                f"It looks like a famous bug: {bug.name}{f' ({bug.found})' * bool(bug.found)}."
                for bug in self.suspects(answer)
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
        """The values that a function returns for the inputs, as a tuple."""
        answer = self.call(function, *(copy.deepcopy(self.inputs) if inputs is None else inputs))
        return answer if isinstance(answer, tuple) else (answer,)

    def with_bug(self, bug):
        """The values that the package's function returns while a bug is planted."""
        with planted(bug), np.errstate(all="ignore"):
            return self.run(self.rule)

    def suspects(self, answer):
        """The bugs that give the same wrong answer; if there are none, those that give a part."""
        equal, partly = [], []
        for bug in BUGS:
            buggy = self.with_bug(bug)
            same = [_equal(a, b) for a, b in zip(answer, buggy)]
            wrong = [not _equal(b, truth) for b, truth in zip(buggy, self.truth.values())]
            if any(s and w for s, w in zip(same, wrong)):
                (equal if all(same) else partly).append(bug)
        return equal or partly

    def malformed(self, answer):
        """The sentence for something that cannot be compared with the truth, or None."""
        if answer[0] is None and len(answer) == 1:
            return f"Nothing is returned; there should be {self.names}."
        if len(answer) != len(self.truth):
            return f"The number of values returned is {len(answer)}; there should be {self.names}."
        for name, value in zip(self.truth, answer):
            if not isinstance(value, float) and getattr(value, "dtype", np.dtype(bool)).kind != "f":
                return f"{name} should be an array of real numbers, and is {value!r}."
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
