from pathlib import Path

import numpy as np
import pytest

from numvae.lessons import small_model
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


def test_the_error_is_that_of_the_worst_value(grade):
    code, text = grade(lambda x, W: (x @ W, x.sum(axis=0) * (1.0 + 2e-8)))
    assert (code, text.partition(": ")[2]) == (
        0,
        "right, relative error 1e-08. That was the last.\n",
    )


STEPS = """
import numpy as np

from numvae.lessons.exercises import Exercise


def steps(x):
    h = 2.0 * x
    return h, h + 1.0, h + 2.0


def exercise():
    x = np.arange(5.0)
    return Exercise(__file__, steps, steps, (x,), dict(zip("hyz", steps(x))), rule=steps)
"""


def test_who_has_computed_the_same_in_steps_is_told_how_well_the_two_agree(tmp_path, capsys):
    def at_once(x):
        return 2.0 * x + 1.0, (2.0 * x + 2.0) * (1.0 + 2e-8)

    (tmp_path / "06_in_steps.py").write_text(STEPS)
    x = np.arange(5.0)
    truth = {"y": 2.0 * x + 1.0, "z": 2.0 * x + 2.0}
    file, others = tmp_path / "07_at_once.py", (at_once, at_once, (x,), truth)
    Exercise(file, *others, steps="in_steps", rule=at_once).check(at_once)
    assert capsys.readouterr().out == (
        "Exercise 7, at_once: right, relative error 1e-08. "
        "It equals exercise 6, step by step, to 1e-08. That was the last.\n"
    )


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


def test_faces_are_learned_by_a_learners_functions(monkeypatch, capsys, rng):
    monkeypatch.setattr(small_model, "EPOCHS", 100)
    x, batches, steps = rng.random((100, 6), dtype="float32"), [], []

    def loss_and_grad(q, x, eps):
        batches.append((x, eps))
        return len(batches), {name: name for name in q}

    def adam(theta, g, m, v, *settings):
        assert m.shape == v.shape == theta.shape and m is not v and not m.any() and not v.any()
        steps.append((g, *settings))

    q = small_model.trained(loss_and_grad, adam, x)
    assert {name: array.shape for name, array in q.items()} == {
        "W_3": (64, 6),
        "b_3": (6,),
        "W_2": (2, 64),
        "b_2": (64,),
        "W_mu": (64, 2),
        "b_mu": (2,),
        "W_logvar": (64, 2),
        "b_logvar": (2,),
        "W_1": (6, 64),
        "b_1": (64,),
    }
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-q["b_3"])), x.mean(axis=0), rtol=1e-4)
    assert {(part.shape, eps.shape, eps.dtype.name) for part, eps in batches} == {
        ((50, 6), (50, 2), "float32")
    }
    for i in range(0, 200, 2):  # in each epoch every row once
        both = np.concatenate([batches[i][0], batches[i + 1][0]])
        np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(x, axis=0))
    assert steps == [(name, t, 5e-3, 0.9, 0.999, 1e-8) for t in range(1, 201) for name in q]
    assert capsys.readouterr().out == (
        "epoch 1: loss 1.50 nats per face\n"
        "epoch 50: loss 99.50 nats per face\n"
        "epoch 100: loss 199.50 nats per face\n"
    )


def test_the_picture_is_of_a_plane_of_codes(monkeypatch):
    seen, side = [], np.arange(-6, 7) / 3.0
    monkeypatch.setattr(small_model, "trained", lambda *given: seen.extend(given) or "q")
    monkeypatch.setattr(small_model.faces, "faces", lambda n: (np.zeros((n, 28, 20)), None))
    monkeypatch.setattr(small_model.plots, "manifold", lambda images, sides: (images, *sides))
    monkeypatch.setattr(small_model.plots, "save", lambda *given: seen.extend(given))

    def decode(q, z):
        assert q == "q" and z.dtype == "float32"
        return np.tile(z[:, :1] + 10.0 * z[:, 1:], 560)

    small_model.draw_faces(decode, "a.png", "loss_and_grad", "adam")
    functions, (x, (images, *sides), path) = seen[:2], seen[2:]
    assert functions == ["loss_and_grad", "adam"] and x.shape == (1000, 560) and path == "a.png"
    assert images.shape == (13, 13, 28, 20)
    np.testing.assert_allclose(images[..., 0, 0], np.add.outer(10.0 * side, side), atol=1e-5)
    np.testing.assert_allclose(sides, [side, side])
