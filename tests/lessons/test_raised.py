import math

import numpy as np
import pytest

from numvae.lessons import raised

A, B, ROW = np.ones((5, 3)), np.ones((4, 3)), np.ones(5)


def failing(function):
    """The line, counted from the function's own, and the sentence."""
    with pytest.raises(Exception) as caught:
        function()
    line, sentence = raised.where(caught.value, __file__)
    return line - function.__code__.co_firstlineno, sentence


def test_a_product_of_matrices_in_words():
    def product():
        c = 2 * (A @ B)
        return c

    line, sentence = failing(product)
    assert line == 1 and "`c = 2 * (A @ B)`: A has the shape (5, 3) and B has (4, 3): " in sentence
    assert sentence.endswith("the inner lengths have to be equal, as in A @ B.T.")


def test_a_transpose_too_many_is_taken_away():
    def product():
        return A.T @ B.T

    assert failing(product)[1].endswith("as in A @ B.T.")


@pytest.mark.parametrize(("x", "y", "end"), [(A, A, ", as in x @ y.T or x.T @ y"), (A, ROW, "")])
def test_every_way_to_transpose_is_named_if_there_is_one(x, y, end):
    def product():
        return x @ y

    sentence = failing(product)[1]
    assert sentence.endswith(f": in a product x @ y, the inner lengths have to be equal{end}.")


def test_of_two_operations_that_do_not_fit_the_first_is_named():
    def both():
        return (A @ B) + A * ROW

    assert failing(both)[1].endswith("as in A @ B.T.")


@pytest.mark.parametrize(
    ("x", "y", "end"),
    [
        (A, ROW, ", as that of y[..., None]"),
        (ROW, A, ", as that of x[..., None]"),
        (np.ones((2, 5, 3)), np.ones((2, 5)), ", as that of y[..., None]"),
        (A, np.ones(2), ""),
    ],
)
def test_one_number_for_each_row_needs_an_axis_more(x, y, end):
    def scaled():
        return x * y

    assert failing(scaled)[1].endswith(f"lengths have to be equal, or one of them 1{end}.")


def test_of_functions_that_call_each_other_the_line_is_that_of_the_last():
    def product():
        return A @ B

    def calling():
        return product()

    line, sentence = failing(calling)
    assert line == -2 and sentence.endswith("as in A @ B.T.")


@pytest.mark.parametrize(
    ("function", "end"),
    [
        (
            lambda: 1 if A > 0 else 2,
            "an array has no one truth: np.where(condition, a, b) chooses for each entry.",
        ),
        (lambda: math.exp(A), "math.exp takes one number; for arrays, use np.exp."),
        (lambda: math.exp("x"), "TypeError: must be real number, not str."),
    ],
)
def test_what_takes_one_number_is_told_what_takes_arrays(function, end):
    assert failing(function)[1].endswith(f": {end}")


def test_in_place_too():
    def added():
        a = A.copy()
        a += B

    line, sentence = failing(added)
    assert line == 2 and "a has the shape (5, 3) and B has (4, 3): from the last axis" in sentence


def test_what_is_no_matter_of_shapes_keeps_its_message():
    def other():
        return int("x") + undefined  # noqa: F821

    assert failing(other)[1].endswith("ValueError: invalid literal for int() with base 10: 'x'.")

    def unknown():
        return undefined + 1  # noqa: F821

    assert failing(unknown)[1].endswith("NameError: name 'undefined' is not defined.")

    def other_arrays():
        return np.concatenate([A, ROW])

    assert "`: ValueError: all the input array" in failing(other_arrays)[1]

    def other_file():
        return compile("(", "another.py", "exec")

    assert '`return compile("(", "another.py", "exec")`: SyntaxError: ' in failing(other_file)[1]


def test_a_file_that_is_no_python():
    with pytest.raises(SyntaxError) as caught:
        compile("x = (1,\n", "file.py", "exec")
    assert raised.where(caught.value, "file.py")[1].startswith("Line 1 is not Python yet: '('")


def test_what_is_raised_elsewhere():
    with pytest.raises(TypeError) as caught:
        np.sum()
    line, sentence = raised.where(caught.value, "another.py")
    assert line is None and sentence.startswith("The call fails with TypeError: ")
