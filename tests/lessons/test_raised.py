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


def test_one_number_for_each_row_needs_an_axis_more():
    def scaled():
        return A * ROW

    assert failing(scaled)[1].endswith("or one of them 1, as that of ROW[..., None].")


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


def test_a_file_that_is_no_python():
    with pytest.raises(SyntaxError) as caught:
        compile("x = (1,\n", "file.py", "exec")
    assert raised.where(caught.value, "file.py")[1].startswith("Line 1 is not Python yet: '('")


def test_what_is_raised_elsewhere():
    with pytest.raises(TypeError) as caught:
        np.sum()
    line, sentence = raised.where(caught.value, "another.py")
    assert line is None and sentence.startswith("The call fails with TypeError: ")
