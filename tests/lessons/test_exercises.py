import math

import numpy as np
import pytest

from numvae.lessons.exercises import Exercise, draw, gradients

X, W = draw((5, 4), (4, 3))
FILE = __file__.replace("test_exercises.py", "07_the_product.py")


def product(x, W):
    return x @ W, x.sum(axis=0)


exercise = Exercise(FILE, product, (X, W), {"y": X @ W, "total": X.sum(axis=0)})


@pytest.fixture
def grade(capsys):
    """grade(function): the exit code and the printed verdict."""

    def grade(function):
        return exercise.check(function), capsys.readouterr().out

    return grade


def test_a_right_answer_is_called_right(grade):
    code, text = grade(product)
    assert code == 0
    assert text == "Exercise 7, the_product: right, relative error 0e+00. That was the last.\n"


def test_the_next_exercise_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("07_one.py", "08_two.py", "09_three.py"):
        (tmp_path / name).touch()
    following = Exercise(tmp_path / "07_one.py", product, (X, W), exercise.truth)
    assert following.check(product) == 0
    assert capsys.readouterr().out.endswith("Next: 08_two.py\n")


def test_an_unwritten_function_is_told_its_file(grade):
    def unwritten(x, W):
        raise NotImplementedError

    code, text = grade(unwritten)
    assert code == 1
    assert text.startswith("Exercise 7, the_product: not written yet. Write it in ")
    assert "07_the_product.py" in text and text.count("\n") == 1


MISTAKES = [
    (lambda x, W: None, "Nothing is returned; there should be y, total."),
    (lambda x, W: (x @ W, None), "total should be an array of real numbers, and is None"),
    (lambda x, W: x @ W, "The number of values returned is 1; there should be y, total."),
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


def test_a_square_array_may_be_the_transpose(capsys):
    square = Exercise(FILE, lambda x: x.T @ x[:, ::-1], (X,), {"y": X.T @ X[:, ::-1]})
    assert square.check(lambda x: x[:, ::-1].T @ x) == 1
    assert "y  is the transpose of what it should be" in capsys.readouterr().out


def test_an_input_that_is_changed_is_found_and_the_next_check_begins_anew(grade):
    def in_place(x, W):
        answer = product(x, W)
        x *= 2.0
        return answer

    code, text = grade(in_place)
    assert code == 1 and "an input has been changed in place" in text
    assert grade(product)[0] == 0


def test_an_exception_of_the_learners_own_is_theirs(grade):
    with pytest.raises(ZeroDivisionError):
        grade(lambda x, W: 1 / 0)


def test_draw_gives_the_same_at_every_call():
    a, b = draw((2, 3), 4), draw((2, 3), 4)
    assert [array.shape for array in a] == [(2, 3), (4,)]
    assert all(map(np.array_equal, a, b))


def test_the_truth_of_a_backward_pass_is_numerical():
    (dout,) = draw((5, 3))
    truth = gradients(lambda x, W: x @ W, dout, x=X.copy(), W=W.copy())
    assert list(truth) == ["dx", "dW"]
    np.testing.assert_allclose(truth["dW"], X.T @ dout, atol=1e-9)
