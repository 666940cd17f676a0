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
    long = pixel.judged(question, " twenty of these characters are enough")
    assert long == "Type a number, such as 0.61; 'twenty of these char' is none."


@pytest.mark.parametrize(
    ("typed", "value", "is_close"),
    [
        (1.0059, 1.0, True),
        (1.0061, 1.0, False),
        (-1.0059, -1.0, True),
        (0.9939, 1.0, False),
        (0.0505, 0.05, True),  # below 0.1, 0.0006 is little enough
        (0.0507, 0.05, False),
        (0.006 * 0.1, 0.0, True),
    ],
)
def test_a_number_is_right_to_a_little_more_than_half_a_percent(typed, value, is_close):
    assert pixel.close(typed, value) == is_close


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
    assert answer() == answer(arguments=["--hint"]) == (0, answer()[1])  # nothing is asked again


HEAD = f"""\
Exercise 1, one pixel by hand.
{pixel.SETTING}
    x = 1, mu = 0.8, logvar = -1, eps = 0.6, w = 1.5, b = -0.4

Compute each number to three digits. Enter alone shows its formula.
"""


def test_what_is_typed_is_answered_until_the_input_ends(answer):
    code, text = answer(["", "1.02", "1.16"])
    assert (code, text) == (
        1,
        f"""{HEAD}
z: a draw of q(z|x) = N(mu, σ²)
z =   z = mu + σ eps, σ = e^(½ logvar)
z =   e^logvar is σ². The ½ is missing: σ = e^(½ logvar).
z =   Right: 1.1639

a: the decoder's logit
a ={" "}
To go on: python 01_one_pixel.py
""",
    )


def test_what_has_been_answered_is_shown_and_the_rest_is_asked(answer, tmp_path):
    (tmp_path / "01_one_pixel.txt").write_text("z a nll kl loss dz dmu dlogvar dw")
    code, text = answer(["-0.207"])
    assert (code, text) == (
        0,
        f"""{HEAD}\
z = 1.1639
a = 1.3459
nll = 0.2314
kl = 0.5039
loss = 0.7353

Now back: the derivative of the loss in each of these.

da: ∂loss/∂a
da =   Right: -0.2065
dz = -0.3098
dmu = 0.4902
dlogvar = -0.3724
dw = -0.2404

Exercise 1, one_pixel: right. The same in arrays comes now.
That was the last.
""",
    )


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
    assert code == 0
    assert text.splitlines() == [
        f"{question.formula:<66} = {VALUES[question.name]:.4f}" for question in QUESTIONS
    ]


def test_as_a_program_it_ends_with_the_code_of_the_answer(tmp_path):
    for arguments, code in ((["--hint"], 0), (["--hint", "3"], 2)):
        with pytest.raises(SystemExit) as stopped:
            Pixel(tmp_path / "01_one_pixel.py").main(arguments)
        assert stopped.value.code == code


def test_a_folder_that_cannot_be_written_only_forgets(answer, tmp_path):
    (tmp_path / "01_one_pixel.txt").mkdir()
    assert answer(RIGHT)[0] == 0
    assert Pixel(tmp_path / "01_one_pixel.py").state() == "not written yet"


def test_five_numbers_forward_and_five_back():
    assert len(FORWARD) == len(BACKWARD) == 5 and QUESTIONS == FORWARD + BACKWARD
