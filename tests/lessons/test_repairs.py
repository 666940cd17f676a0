"""A wrong answer is told what is wrong with it: 100 right ones with a mistake planted in each."""

import inspect
import itertools
import random
import re
from pathlib import Path

import answers
import numpy as np
import pytest

from numvae.lessons.exercises import Exercise, load
from numvae.lessons.repairs import repairs

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "exercises"
EXERCISES = {path.stem[3:]: load(path) for path in sorted(FOLDER.glob("[0-9]*.py"))}
WRITTEN = [name for name in EXERCISES if name != "one_pixel"]
# Lines that say that a value is wrong, and not why.
VAGUE = (
    r"is (right|wrong|not finite|0 everywhere)(; it is|$)|times what it should be(; it is|$)"
    r"|should have \(.*\)$|→|^No small change"
)


def is_named(mutant, lines):
    """Whether a verdict says what is wrong: a cause, and if it has a line, the one that is."""
    causes = [line for line in lines if not re.search(VAGUE, line)]
    at = [re.match(r"Line (\d+)", cause) for cause in causes]
    return any(found is None or int(found[1]) == mutant.line for found in at)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_answers_that_are_spoiled_are_right(name):
    assert EXERCISES[name].complaints(getattr(answers, name)) == []


def named(seed, n):
    """How many of n answers with one mistake are told what it is."""
    made = [(name, make) for name in WRITTEN for make in answers.mutants(getattr(answers, name))]
    random.Random(seed).shuffle(made)
    mutants = ((name, make()) for name, make in made)
    verdicts = ((mutant, EXERCISES[name].complaints(mutant.function)) for name, mutant in mutants)
    wrong = ((mutant, lines) for mutant, lines in verdicts if lines)  # some make no difference
    return sum(is_named(mutant, lines) for mutant, lines in itertools.islice(wrong, n))


def test_of_some_answers_with_a_mistake_nearly_all_are_told_which():
    assert named(seed=1, n=3) >= 2


@pytest.mark.slow
def test_of_100_answers_with_a_mistake_90_are_told_which():
    assert named(seed=2014, n=100) >= 90


def product(x, y):
    z = x * y
    return z


def test_a_change_names_its_line_and_makes_the_function_right():
    def wrong(x, y):
        z = x + y
        return z

    found = repairs(wrong, product, lambda changed: 1)
    changes = {clause: (line, f) for line, clause, f in found}
    line, function = changes["x and y are to be multiplied"]
    assert line == wrong.__code__.co_firstlineno + 1 and function(3, 5) == 15


def test_a_change_inside_a_lambda_sees_what_stands_around_it():
    def wrong(x, y):
        times = lambda a: a + y  # noqa: E731
        return times(x)

    changes = {clause: f for _, clause, f in repairs(wrong, product, lambda changed: 1)}
    assert changes["a and y are to be multiplied"](3, 5) == 15
    assert changes["the factor x is missing after a + y"](3, 5) == 24
    assert changes["x and y have changed places"](3, 5) == 8


def test_only_where_the_values_move_changes_are_tried():
    def function(x, y):
        z = x * y
        return z + 0 * y

    places = []

    def moves(changed):
        places.append(changed)
        return 0

    assert list(repairs(function, product, moves)) == [] and len(places) == 8


def test_what_might_never_end_or_has_no_source_is_left_alone():
    def endless(x):
        while x < 3:
            x = x + 1
        return x

    compiled = {}
    exec("def sourceless(x):\n    return x", compiled)
    for function in (endless, compiled["sourceless"], lambda x: x, np.sin):
        assert list(repairs(function, product, lambda changed: 1)) == []


def test_the_learners_function_is_left_as_it_is():
    def wrong(x, y):
        return x / y

    before = inspect.getsource(wrong), wrong(6.0, 3.0)
    exercise = Exercise(
        "07_a.py", wrong, product, (np.ones(3), np.arange(1.0, 4.0)), {"z": np.arange(1.0, 4.0)}
    )
    assert exercise.complaints(wrong)[-1].endswith(": y divides, where it should multiply.")
    assert (inspect.getsource(wrong), wrong(6.0, 3.0)) == before
