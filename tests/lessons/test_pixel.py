import io

import numpy as np
import pytest

from numvae.lessons import pixel
from numvae.lessons.pixel import BACKWARD, FORWARD, MODEL, QUESTIONS, Pixel
from numvae.lessons.solutions import one_pixel_in_arrays
from numvae.rules import bernoulli, gaussian

VALUES = pixel.values()
each = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


def test_the_forward_numbers_are_those_of_the_rules_and_of_the_exercise_in_arrays():
    x, mu, logvar, eps, w, b = (np.array([[value]]) for value in MODEL.values())
    z = gaussian.reparameterize(mu, logvar, eps[None])[0]
    a = w * z + b
    nll, kl = -bernoulli.log_likelihood(x, a)[0], gaussian.kl(mu, logvar)[0, 0]
    of_rules = [z[0, 0], a[0, 0], nll, kl, nll + kl]
    np.testing.assert_allclose([VALUES[q.name] for q in FORWARD], of_rules, rtol=1e-12)
    np.testing.assert_allclose(
        [array[0, 0] for array in one_pixel_in_arrays(x, mu, logvar, eps, w, b)], of_rules
    )


@pytest.mark.parametrize("name", ["mu", "logvar", "w"])
def test_the_backward_numbers_are_derivatives_of_the_loss(name):
    h = 1e-6
    above, below = (pixel.values({**MODEL, name: MODEL[name] + s})["loss"] for s in (h, -h))
    assert VALUES[f"d{name}"] == pytest.approx((above - below) / (2 * h), rel=1e-8)


def test_the_gradients_of_what_is_on_the_way_are_those_of_the_rules():
    da = -bernoulli.log_likelihood_backward(np.ones(1), np.ones((1, 1)), np.array([[VALUES["a"]]]))
    assert VALUES["da"] == pytest.approx(da.item()) and VALUES["dz"] == VALUES["da"] * MODEL["w"]


@each
def test_three_digits_are_enough_and_each_mistake_has_its_own_sentence(question):
    assert pixel.judged(question, f"{VALUES[question.name]:.3g}") is None
    assert pixel.judged(question, f" {VALUES[question.name]:.4f} ".replace(".", ",")) is None
    for code, sentence in question.wrong:
        assert pixel.judged(question, f"{pixel.compute(code, VALUES):.3g}") == sentence
    assert question.formula.startswith(f"{question.name} = ")


def test_other_wrong_numbers_and_what_is_none():
    question = FORWARD[0]
    value = VALUES["z"]
    assert pixel.judged(question, f"{-value}") == "The sign is wrong."
    assert "twice" in pixel.judged(question, f"{2 * value}")
    assert "half" in pixel.judged(question, f"{value / 2}")
    assert pixel.judged(question, "9.9").startswith("Not yet.")
    for text in ("abc", "nan", "inf", "1.2.3", "\x1b[31m"):
        assert pixel.judged(question, text).startswith("Type a number, such as 0.61; ")


@pytest.fixture
def answer(tmp_path, monkeypatch, capsys):
    """answer(lines, arguments): the exit code of the program and what it prints."""
    monkeypatch.chdir(tmp_path)

    def answer(lines=(), arguments=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = Pixel(tmp_path / "01_one_pixel.py").answer(list(arguments))
        return code, capsys.readouterr().out

    return answer


RIGHT = [f"{VALUES[question.name]:.3g}" for question in QUESTIONS]


def test_all_right(answer, tmp_path):
    (tmp_path / "02_next.py").touch()
    code, text = answer(RIGHT)
    assert code == 0 and text.count("Right: ") == len(QUESTIONS)
    assert text.endswith("right. The same in arrays comes now.\nNext: python 02_next.py\n")
    assert Pixel(tmp_path / "01_one_pixel.py").state() == "done"
    assert answer() == (0, answer()[1])  # nothing is asked again


def test_it_goes_on_where_it_was_left(answer, tmp_path):
    exercise = Pixel(tmp_path / "01_one_pixel.py")
    assert exercise.state() == "not written yet"
    code, text = answer(["", "1.02", RIGHT[0]])
    assert code == 1 and text.endswith("To go on: python 01_one_pixel.py\n")
    assert "z = mu + σ eps" in text and "The ½ is missing" in text
    assert exercise.state() == f"1 of {len(QUESTIONS)} numbers"
    code, text = answer(RIGHT[1:])
    assert code == 0 and text.count("Right: ") == len(QUESTIONS) - 1 and "z = 1.1639\n" in text


def test_hints_and_the_solution(answer):
    assert answer(arguments=["--hint"]) == (0, f"z: {FORWARD[0].formula}\n")
    assert answer(arguments=["--hint", "2"])[1].endswith(f"In code: z = {FORWARD[0].code}\n")
    code, text = answer(arguments=["--solution"])
    assert code == 0 and len(text.splitlines()) == len(QUESTIONS)
    for question in QUESTIONS:
        assert question.formula in text and f"{VALUES[question.name]:.4f}" in text


def test_a_folder_that_cannot_be_written_only_forgets(answer, tmp_path):
    (tmp_path / "01_one_pixel.txt").mkdir()
    assert answer(RIGHT)[0] == 0
    assert Pixel(tmp_path / "01_one_pixel.py").state() == "not written yet"


def test_five_numbers_forward_and_five_back():
    assert len(FORWARD) == len(BACKWARD) == 5 and QUESTIONS == FORWARD + BACKWARD
