"""A wrong answer is told what is wrong with it: 100 right ones with a mistake planted in each."""

import inspect
import itertools
import linecache
import random
import re
from pathlib import Path

import answers
import numpy as np
import pytest
from numpy.testing import assert_equal

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


X, Y = np.array([[0.5, 2.0], [3.0, 5.0]]), np.array([[7.0, 0.25], [4.0, 6.0]])
VALUES = {"np": np, "x": X, "y": Y, "dy": Y, "logvar": X, "q": {"W": X, "b": Y}}


def written(body, arguments="x, y"):
    """A function as it would stand from the fourth line of a file on."""
    text = "\n\n\n" + f"def wrong({arguments}):\n    " + body.replace("\n", "\n    ") + "\n"
    linecache.cache[body] = len(text), None, text.splitlines(keepends=True), body
    names = {"np": np}
    exec(compile(text, body, "exec"), names)
    return names["wrong"]


def value(function, arguments):
    """What it returns for VALUES; None if it fails."""
    try:
        return function(*(VALUES[name].copy() for name in arguments.split(", ")))
    except Exception:
        return None


def of_place(number, body, arguments="x, y", solution=product):
    """What is wrong, and what would come out, of all changes of one place and those of none."""
    function, places = written(body, arguments), itertools.count()
    found = repairs(function, solution, lambda changed: next(places) == number)
    return [(at, wrong, value(changed, arguments)) for at, wrong, changed in found]


def assert_are(found, expected):
    """Each sentence, and the value of the code that should be there."""
    assert [wrong for _, wrong, _ in found] == [wrong for wrong, _ in expected]
    for (_, wrong, is_now), (_, code) in zip(found, expected):
        function = written(f"return {code}", "x, y, dy, logvar, q")
        assert np.array_equal(is_now, value(function, "x, y, dy, logvar, q")), wrong


EXP = [(f"exp stands where {f} should", f"np.{f}({{}})") for f in ("exp", "log", "sqrt", "tanh")]
OVER = {"all axes": "", "axis 0": "axis=0", "axis 1": "axis=1", "axis -1": "axis=-1"}
SUMS = [
    (f"{{}} should be the {name} over {axes}", f"x.{name}({axis})")
    for name in ("sum", "mean")
    for axes, axis in OVER.items()
]
CONSTANTS = "0.5", "1", "2", "-7", "3.5", "14", "6", "8", "0"
INSIDE = {
    "x + y": [
        ("the sign before y is wrong", "x - y"),
        ("the term y is too much", "x"),
        ("the term x is too much", "y"),
        ("x and y are to be multiplied", "x * y"),
        ("x is to be divided by y", "x / y"),
    ],
    "x - y": [
        ("the sign before y is wrong", "x + y"),
        ("x and y have changed places", "y - x"),
        ("the term y is too much", "x"),
        ("the term x is too much", "-y"),
        ("x and y are to be multiplied", "x * y"),
        ("x is to be divided by y", "x / y"),
    ],
    "x * y": [
        ("y multiplies, where it should divide", "x / y"),
        ("x multiplies, where it should divide", "y / x"),
        ("* stands where ** should in x * y", "x ** y"),
        ("the factor y is too much", "x"),
        ("the factor x is too much", "y"),
        ("x and y are to be added", "x + y"),
        ("y is to be subtracted from x", "x - y"),
    ],
    "x / y": [
        ("y divides, where it should multiply", "x * y"),
        ("x and y have changed places", "y / x"),
        ("the divisor y is too much", "x"),
    ],
    "x ** y": [("the power in x ** y is too much", "x")],
    "x @ y": [
        (f"x @ y stands where {code} should", code)
        for code in (
            *("x.T @ y", "x @ y.T", "x.T @ y.T"),
            *("y @ x", "y.T @ x", "y @ x.T", "y.T @ x.T"),
        )
    ],
    "x.T @ y": [
        (f"x.T @ y stands where {code} should", code)
        for code in (
            *("x @ y", "x.T @ y.T", "x @ y.T"),
            *("y @ x.T", "y.T @ x.T", "y @ x", "y.T @ x"),
        )
    ],
    "-x": [("the minus before x is wrong", "x")],
    "x < y": [(f"x < y stands where x {s} y should", f"x {s} y") for s in (">", ">=", "<", "<=")],
    "len(x)": [
        (f"len(x) stands where x.shape[{axis}] should", f"x.shape[{axis}]") for axis in (0, 1)
    ],
    "x.shape[1]": [
        (f"x.shape[1] stands where x.shape[{axis}] should", f"x.shape[{axis}]") for axis in (0, 1)
    ],
    "x.T": [("x is not to be transposed", "x")],
    "7.0": [(f"7 stands where {c} should", c) for c in CONSTANTS],
    "np.exp(x)": [
        ("exp is too much in np.exp(x)", "x"),
        *((wrong, code.format("x")) for wrong, code in EXP),
    ],
    "np.exp(logvar)": [
        ("e^logvar is σ², and σ is e^(½ logvar)", "np.exp(0.5 * logvar)"),
        ("exp is too much in np.exp(logvar)", "logvar"),
        *((wrong, code.format("logvar")) for wrong, code in EXP),
    ],
    "x.sum(axis=0)": [
        ("the sum in x.sum(axis=0) is too much", "x"),
        *((wrong.format("x.sum(axis=0)"), code) for wrong, code in SUMS),
    ],
    "np.mean(x)": [
        ("the mean in np.mean(x) is too much", "x"),
        *((wrong.format("np.mean(x)"), code) for wrong, code in SUMS),
    ],
}


@pytest.mark.parametrize("code", INSIDE)
def test_what_is_there_is_changed_in_every_small_way(code):
    found = of_place(0, f"return {code}", "logvar, y" if "logvar" in code else "x, y")
    inside = list(itertools.takewhile(lambda change: change[0] == 5, found))
    assert_are(inside, INSIDE[code])


@pytest.mark.parametrize(
    ("code", "regrouped"),
    [
        ("(x + y) * 2.0", ["x + y * 2.0", "x * 2.0 + y"]),
        ("2.0 * (x - y)", ["2.0 * x - y", "x - 2.0 * y"]),
        ("np.sqrt(x + y)", ["np.sqrt(x) + y", "x + np.sqrt(y)"]),
        ("x - y * 2.0", ["(x - y) * 2.0"]),
        ("x / 2.0 + y", ["x / (2.0 + y)"]),
    ],
)
def test_brackets_are_tried_elsewhere_first(code, regrouped):
    expected = [(f"{code} stands where {new} should", new) for new in regrouped]
    assert_are(of_place(0, f"return {code}")[: len(regrouped)], expected)


def test_logvar_under_a_root_is_not_sigma():
    (_, wrong, is_now), *_ = of_place(0, "return np.sqrt(logvar)", "logvar, y")
    assert wrong == "np.sqrt(logvar) is not σ: logvar is log σ², and σ is e^(½ logvar)"
    assert np.array_equal(is_now, np.exp(0.5 * X))


def gradient(dy, x):
    z = dy * x
    return z


def test_then_names_are_exchanged_then_all_is_tried_that_may_be_missing():
    """In dh = x, from the likely to the unlikely."""
    found = of_place(0, "dh = x\nreturn dh", "dy, x", gradient)
    around = "1.0 / (1.0 + np.exp(-x))", "x > 0.0", "x / x.sum(axis=0)", "x / x.sum(axis=1)"
    around += "np.exp(x)", "np.log(x)", "np.sqrt(x)", "np.tanh(x)"
    slopes = "(1.0 - dy**2)", "(1.0 - x**2)", "(1.0 - dh**2)", "(1.0 - dy)", "(1.0 - x)"
    slopes += ("(1.0 - dh)",)
    missing = {
        "*": "the factor {} is missing after x",
        "+": "the term {} is missing after x",
        "-": "the term −{} is missing after x",
        "/": "x is to be divided by {}",
        "**": "x is to be raised to the power {}",
    }

    def extended(sign, code):
        incoming = ", the gradient that comes in," * (code == "dy" and sign == "*")
        yield missing[sign].format(code + incoming), f"x {sign} {code}"
        if sign == "-":
            yield f"x is to be subtracted from {code}", f"{code} - x"

    expected = [
        ("dy and x have changed places", "dy"),
        *((f"x stands where {name} should", name) for name in ("dy", "x", "dh")),
        ("the sign of x is wrong", "-x"),
        ("a ½ is missing at x", "0.5 * x"),
        ("a factor 2 is missing at x", "2.0 * x"),
        ("the sum of x over axis 0 is missing", "x.sum(axis=0)"),
        ("the sum of x over axis 1 is missing", "x.sum(axis=1)"),
        ("the sum of x over all axes is missing", "x.sum()"),
        ("x is to be squared", "x**2"),
        ("x is to be transposed", "x.T"),
        *((f"x stands where {code} should", code) for code in around),
    ]
    for code in ("dy", "x", *slopes):
        expected += extended("*", code)
    for codes in (("1.0", "dy", "x", "dh"), ("(dy * x)", *slopes)):
        for sign, code in itertools.product(missing, codes):
            expected += extended(sign, code)
    assert_are(found, expected)


def both(x, y):
    s = np.exp(x)
    a, b = s * y + x, 1.0 - y
    return a / b**2


def test_what_the_solution_takes_into_account_is_tried_before_all_else_that_may_be_missing():
    found = [wrong for _, wrong, _ in of_place(0, "return x", solution=both)]
    likely = found[found.index("x stands where np.tanh(x) should") + 1 :]
    assert likely[:8] == [
        "the term (np.exp(x) * y) is missing after x",
        "the term x is missing after x",
        "the term −y is missing after x",
        "x is to be subtracted from y",
        "the factor np.exp(x) is missing after x",
        "the factor y is missing after x",
        "x is to be raised to the power 2",
        "the factor (1.0 - x**2) is missing after x",
    ]
    whole = [wrong for wrong in likely if re.fullmatch(r"x is to be divided by .*np\.exp.*", wrong)]
    assert whole == [
        "x is to be divided by np.exp(x)",
        "x is to be divided by (np.exp(x) * y + x)",
        "x is to be divided by (np.exp(x) * y)",
    ]


def long(x, y):
    a = np.arctan(x + y + x + y + x + y + x + y + x + y + x + y + x)
    b = np.arcsinh(x + y + x + y + x + y + x + y + x + y + x + y + x)
    return a * x - b * y


def test_expressions_of_60_letters_are_the_longest_that_are_tried():
    found = [wrong for _, wrong, _ in of_place(0, "return x", solution=long)]
    assert sum("np.arctan(" in wrong for wrong in found) == 1 + 6
    assert not any("np.arcsinh(" in wrong for wrong in found)


def test_one_of_two_terms_may_lack_a_factor_and_the_other_a_half():
    changes = {wrong: is_now for _, wrong, is_now in of_place(0, "return x - y")}
    for name, factor in itertools.product("xy", (1.0, 0.5)):
        code, times = ("0.5 * " * (factor == 0.5)) + name, factor * VALUES[name]
        after_x = f"the factor {code} is missing after x"
        after_y = f"the factor {code} is missing after y"
        assert_equal(changes[after_x], X * times - Y)
        assert_equal(changes[f"{after_x}, and 0.5 after y"], X * times - Y * 0.5)
        assert_equal(changes[after_y], X - Y * times)
        assert_equal(changes[f"{after_y}, and 0.5 after x"], X * 0.5 - Y * times)
    assert "x stands where y should" not in changes  # x is there once


def test_a_name_is_exchanged_wherever_an_expression_has_it_and_so_is_a_key():
    changes = {wrong: is_now for _, wrong, is_now in of_place(0, "return x * x")}
    assert_equal(changes["x stands where y should"], Y * Y)
    body = 'return x @ q["W"] + q["b"]'
    changes = {wrong: is_now for _, wrong, is_now in of_place(2, body, "q, x")}
    assert_equal(changes["b stands where W should"], X @ X + X)


def test_of_a_constant_a_number_gets_more_and_a_text_nothing():
    numbers = [wrong for _, wrong, _ in of_place(0, "return 7.0")]
    assert "the factor x is missing after 7.0" in numbers
    assert "the sign of 7.0 is wrong" not in numbers
    texts = of_place(1, 'return np.einsum("ij,jk", x, y)')
    assert [wrong for _, wrong, _ in texts] == ["x and y have changed places"]


def test_what_computes_numbers_is_a_place_and_no_key_index_or_keyword():
    """The sum, q["W"], …sum(axis=0), np.exp(x[0]), x[0], x."""
    places = []
    function = written('return q["W"] + np.exp(x[0]).sum(axis=0)', "q, x")
    assert list(repairs(function, product, places.append)) == [] and len(places) == 6


LINES = "a = x - 1.0\nb = y - 2.0\nreturn a @ b"


@pytest.mark.parametrize(
    ("moved", "line", "order"),
    [
        (itertools.repeat(1), None, [5, 6, 7, 5, 6]),
        (itertools.repeat(1), 6, [6, 5, 7, 5]),
        (itertools.count(1), None, [6, 5, 7, 6, 5]),
    ],
)
def test_the_line_that_fails_comes_first_then_the_place_that_moves_most(moved, line, order):
    found = repairs(written(LINES), product, lambda changed: next(moved), line)
    inside = itertools.takewhile(lambda at: at, (at for at, *_ in found))
    assert [at for at, _ in itertools.groupby(inside)] == order


def test_an_array_that_is_overwritten_may_be_left_as_it_is():
    function = written("x += 1.0; y += 2.0\nx += 1.0\nreturn x + y")
    found = {}
    for at, wrong, changed in repairs(function, product, lambda changed: 1):
        if wrong.endswith(" is overwritten, and needed as it was: give the result another name"):
            x, y = np.zeros((2, 1))
            assert changed(x, y) == 4.0
            found[at, wrong[0]] = x.item(), y.item()
    assert found == {(5, "x"): (0.0, 2.0), (5, "y"): (2.0, 0.0), (6, "x"): (1.0, 2.0)}


def test_what_is_assigned_to_all_of_an_array_may_be_another():
    function = written("x[...] = x * y\nreturn x")
    changes = {
        at: f
        for at, wrong, f in repairs(function, product, lambda changed: 1)
        if wrong.startswith("x is overwritten")
    }
    x = X.copy()
    assert_equal(changes[5](x, Y), X * Y)
    assert_equal(x, X)


def test_weights_may_be_exchanged_and_products_be_powers_everywhere():
    body = "return (2.0 * x + 3.0 * y) / (2.0 * y + 5.0 * x) + x * y * x"
    changes = {wrong: (at, is_now) for at, wrong, is_now in of_place(0, body)}
    at, is_now = changes["2.0 and 3.0, 2.0 and 5.0 have changed places"]
    assert at is None
    assert_equal(is_now, (3.0 * X + 2.0 * Y) / (5.0 * Y + 2.0 * X) + X * Y * X)
    at, is_now = changes["* y stands where ** y should"]
    assert at is None
    assert_equal(is_now, (2.0 * X + 3.0**Y) / (2.0**Y + 5.0 * X) + X**Y * X)
