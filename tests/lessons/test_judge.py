import math
from pathlib import Path

import numpy as np
import pytest

from numvae.lessons.exercises import Exercise, draw
from numvae.lessons.judge import UNKNOWN

X, W = draw((5, 4), (4, 3))
FILE = Path(__file__).with_name("07_the_product.py")


def product(x, W):
    return x @ W, x.sum(axis=0)


exercise = Exercise(FILE, product, product, (X, W), {"y": X @ W, "total": X.sum(axis=0)})


@pytest.fixture
def grade(capsys):
    """grade(function): the exit code and the printed verdict."""

    def grade(function):
        return exercise.check(function), capsys.readouterr().out

    return grade


MISTAKES = [
    (lambda x, W: None, "Nothing is returned; there should be y, total."),
    (lambda x, W: (x @ W, None), "total should be an array of real numbers, and is None"),
    (lambda x, W: (None, None), "y should be an array of real numbers, and is None.\n"),
    (lambda x, W: ([1.0], [2.0]), "y should be an array of real numbers, and is [1.0].\n"),
    (lambda x, W: x @ W, "The number of values returned is 1; there should be y, total."),
    (lambda x, W: [*product(x, W)], "A list is returned; without its brackets, return y, total is"),
    (lambda x, W: (x @ W, "4"), "total should be an array of real numbers, and is '4'"),
    (lambda x, W: (x @ W, [[1.0], [1.0, 2.0]]), "total should be an array of real numbers"),
    (lambda x, W: (x @ W, x), "total  has the shape (5, 4), and should have (4,): it is to be sum"),
    (lambda x, W: (x @ W, x[0, 0]), "total  has the shape (), and should have (4,)\n"),
    (lambda x, W: ((x @ W).T, x.sum(axis=0)), "should have (5, 3): it is the transpose"),
    (lambda x, W: product(x, W)[::-1], "right, but their order should be y, total."),
    (lambda x, W: (-x @ W, x.sum(axis=0)), "y      has the wrong sign"),
    (lambda x, W: (x @ W, 2.0 * x.sum(axis=0)), "total  is 2 times what it should be: a ½ is miss"),
    (lambda x, W: (x @ W, 0.5 * x.sum(axis=0)), "a ½ too many"),
    (lambda x, W: (x @ W, x.mean(axis=0)), "is 0.2 times what it should be: a mean over an axis"),
    (lambda x, W: (5.0 * x @ W, x.sum(axis=0)), "is 5 times what it should be: a sum over an axis"),
    (lambda x, W: (0.7 * x @ W, x.sum(axis=0)), "is 0.7 times what it should be\n"),
    (lambda x, W: (0.0 * x @ W, x.sum(axis=0)), "is 0 everywhere"),
    (lambda x, W: (math.nan * x @ W, x.sum(axis=0)), "is not finite"),
    (lambda x, W: (np.sin(x @ W), x.sum(axis=0)), "y      is wrong\n  total  is right\n"),
    (lambda x, W: (np.log(math.e) * np.float64(1) * x @ W, x.sum(axis=0)), "float32 comes out as"),
]


@pytest.mark.parametrize(("function", "sentence"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_a_mistake_is_diagnosed(function, sentence, grade):
    code, text = grade(function)
    assert code == 1
    assert text.startswith("Exercise 7, the_product: not right yet.\n  ")
    assert sentence in text and "famous" not in text


def test_of_a_mistake_that_is_diagnosed_it_is_not_said_that_no_cause_was_found(grade):
    text = grade(lambda x, W: (-x @ W, x.sum(axis=0)))[1]
    assert text.splitlines()[1:] == ["  y      has the wrong sign", "  total  is right"]
    text = grade(lambda x, W: (np.sin(x @ W), x.sum(axis=0)))[1]
    assert text.splitlines()[1:] == ["  y      is wrong", "  total  is right", f"  {UNKNOWN}"]


def multiples(x):
    return x, 2.0 * x, 3.0 * x, 4.0 * x


@pytest.mark.parametrize(
    ("names", "wrong", "last"),
    [
        ("abc", "bc", []),
        ("abcd", "b", []),
        ("abcd", "bc", ["Begin with b, the first that is wrong: it may be why others are."]),
    ],
)
def test_of_more_than_three_values_the_first_that_is_wrong_is_to_be_righted(names, wrong, last):
    truth = dict(zip(names, multiples(X)))
    chain = Exercise(FILE, multiples, multiples, (X,), truth)
    complaints = chain.complaints(
        lambda x: tuple(-v if n in wrong else v for n, v in truth.items())
    )
    said = [f"{name}  {'has the wrong sign' if name in wrong else 'is right'}" for name in names]
    assert complaints == said + last


def number(x):
    return float(x.sum())


def test_a_wrong_number_is_shown_with_the_right_one():
    complaints = Exercise(FILE, number, number, (X,), {"loss": 8.0}).complaints(lambda x: 6.0)
    assert complaints == ["loss  is 0.75 times what it should be; it is 6, and should be 8"]


def rows(x):
    return x.sum(axis=1)


def test_the_axis_to_be_summed_over_is_named():
    complaints = Exercise(FILE, rows, rows, (X,), {"y": X.sum(axis=1)}).complaints(lambda x: x)
    says = "has the shape (5, 4), and should have (5,): it is to be summed over axis 1"
    assert complaints == [f"y  {says}"]


def affine(q, x):
    return x @ q["W"]


def test_a_dict_that_gets_another_entry_is_changed_in_place():
    def longer(q, x):
        q["b"] = 0.0
        return x @ q["W"]

    exercise = Exercise(FILE, affine, affine, ({"W": W}, X), {"y": X @ W})
    assert exercise.complaints(longer) == ["An input has been changed in place: q."]
    assert exercise.complaints(affine) == []


def gram(x):
    return x.T @ x[:, ::-1]


def test_a_square_array_may_be_the_transpose(capsys):
    square = Exercise(FILE, gram, gram, (X,), {"y": gram(X)})
    assert square.check(lambda x: x[:, ::-1].T @ x) == 1
    assert "y  is the transpose of what it should be" in capsys.readouterr().out


def test_an_input_that_is_changed_is_found_and_the_next_check_begins_anew(grade):
    def in_place(x, W):
        answer = product(x, W)
        x *= 2.0
        return answer

    code, text = grade(in_place)
    assert code == 1 and "An input has been changed in place: x." in text
    assert grade(product)[0] == 0


def test_an_exception_is_a_sentence_with_its_line(grade):
    def raising(x, W):
        nothing = 0
        return x / nothing.real.missing, W

    code, text = grade(raising)
    line = raising.__code__.co_firstlineno + 2
    assert code == 1
    assert f"Line {line}, `return x / nothing.real.missing, W`: AttributeError: 'int'" in text
    assert text.endswith("The shapes are x (5, 4), W (4, 3) → y (5, 3), total (4,).\n")


def test_shapes_that_do_not_fit_are_said_in_words_and_the_transpose_is_named(grade):
    def transposed(x, W):
        return x @ W.T, x.sum(axis=0)

    code, text = grade(transposed)
    assert code == 1 and "x has the shape (5, 4) and W.T has (3, 4)" in text
    assert "the inner lengths have to be equal, as in x @ W" in text
    assert ": x @ W.T stands where x @ W should.\n" in text and "matmul" not in text


def test_a_call_that_fails_is_a_sentence(grade):
    code, text = grade(lambda x: x)
    assert code == 1 and "The call fails with TypeError: " in text


def test_noise_of_ones_own_is_found(grade):
    code, text = grade(lambda x, W: (x @ W, np.random.default_rng().normal(size=4)))
    assert code == 1 and "The values change from call to call" in text


def test_a_small_mistake_is_named_by_its_line(grade):
    def wrong(x, W):
        total = x.sum(axis=0)
        return x @ W - x[:, :3], total

    assert grade(wrong) == (1, grade(wrong)[1])
    line = wrong.__code__.co_firstlineno + 2
    assert f"  Line {line}: the term x[:, :3] is too much.\n" in grade(wrong)[1]


def test_what_is_not_finite_may_have_a_small_cause_too(grade):
    def logarithm(x, W):
        return np.log(x @ W), x.sum(axis=0)

    line = logarithm.__code__.co_firstlineno + 1
    text = grade(logarithm)[1]
    assert text.endswith(f"  Line {line}: log is too much in np.log(x @ W).\n")


def scaled(x, c):
    y = c * x
    return 0.5 * y, y**2


def test_what_makes_all_right_is_named_and_not_what_makes_a_part_right():
    def wrong(x, c):
        y = x
        return 0.5 * y, y**2  # where 0.25 would make the first right, and is found first

    exercise = Exercise(FILE, scaled, scaled, (X, 0.5), dict(zip("ab", scaled(X, 0.5))))
    line = wrong.__code__.co_firstlineno + 1
    assert exercise.complaints(wrong)[2:] == [f"Line {line}: a ½ is missing at x."]


def test_of_two_mistakes_one_is_named(grade):
    def twice(x, W):
        y = np.exp(x @ W)
        return y, x.sum(axis=0) + x.sum(axis=0) ** 3

    assert "Line " in grade(twice)[1]


def test_where_no_small_change_helps_the_hints_are_named(grade):
    def far_off(x, W):
        return np.sin(np.sin(x @ W) + np.cos(x @ W)), x.sum(axis=0)

    assert "right: --hint says where to look." in grade(far_off)[1]


def test_what_the_learner_prints_is_printed_by_the_learner_alone(grade, capsys):
    def loud(x, W):
        print("loud")
        return x @ W + x[:, :3], x.sum(axis=0)

    assert grade(loud)[1].count("loud") <= 3
