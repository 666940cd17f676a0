from pathlib import Path

import numpy as np
import pytest

from numvae.lessons.exercises import Exercise, draw, gradients

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


def test_a_right_answer_is_called_right(grade):
    code, text = grade(product)
    assert code == 0
    assert text == "Exercise 7, the_product: right, relative error 0e+00. That was the last.\n"


def test_the_next_exercise_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("07_one.py", "08_two.py", "09_three.py"):
        (tmp_path / name).touch()
    following = Exercise(tmp_path / "07_one.py", product, product, (X, W), exercise.truth)
    assert following.check(product) == 0
    assert capsys.readouterr().out.endswith("Next: python 08_two.py\n")


def test_an_unwritten_function_is_told_its_file(grade):
    def unwritten(x, W):
        raise NotImplementedError

    code, text = grade(unwritten)
    assert code == 1
    assert text.startswith("Exercise 7, the_product: not written yet. Write it in ")
    assert "07_the_product.py" in text and text.count("\n") == 1


def test_draw_gives_the_same_at_every_call():
    a, b = draw((2, 3), 4), draw((2, 3), 4)
    assert [array.shape for array in a] == [(2, 3), (4,)]
    assert all(map(np.array_equal, a, b))


def test_the_truth_of_a_backward_pass_is_numerical():
    (dout,) = draw((5, 3))
    truth = gradients(lambda x, W: x @ W, dout, x=X.copy(), W=W.copy())
    assert list(truth) == ["dx", "dW"]
    np.testing.assert_allclose(truth["dW"], X.T @ dout, atol=1e-9)
