import re
from pathlib import Path

import gradient_noise
import pytest


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """An experiment small enough for a test."""
    monkeypatch.setattr(gradient_noise, "N", 200)
    monkeypatch.setattr(gradient_noise, "SAMPLES", (1, 10))
    monkeypatch.setattr(gradient_noise, "SHOWN", 20)


def numbers(text, name, nth=0):
    """The numbers of the nth line of the tables that begins with a name."""
    line = re.findall(rf"^  {re.escape(name)}  +(.*)$", text, re.MULTILINE)[nth]
    return [float(n.replace(",", "")) for n in re.findall(r"[\d,]+\.?\d*", line)]


@pytest.mark.slow
def test_the_tables_say_what_theory_says_and_a_picture_is_left(capsys):
    assert gradient_noise.main(["--draws", "200", "--figure", "new.png"]) == 0
    text = capsys.readouterr().out
    noise = gradient_noise.noise
    names = noise.CLOSED, noise.BASELINE, noise.SCORE
    closed, baseline, score = (numbers(text, name) for name in names)
    assert closed[1] == 1.0 and score[1] > 100.0 > 10.0 > baseline[1]
    assert all(errors < 2.5 for *_, errors in (closed, baseline, score))
    one, ten = numbers(text, gradient_noise.noise.CLOSED, 1)
    assert one == closed[0] and one / ten == pytest.approx(10.0, rel=0.4)
    encoder, decoder = numbers(text, "IWAE, encoder"), numbers(text, "IWAE, decoder")
    assert encoder[1] < encoder[0] and decoder[1] > decoder[0]
    assert numbers(text, "DReG, encoder")[1] > encoder[1] and "DReG, decoder" not in text
    assert all(errors < 2.5 for errors in numbers(text, "in standard errors"))
    assert Path("new.png").read_bytes().startswith(b"\x89PNG") and "\nnew.png\n" in text


def test_a_seed_fixes_every_number(capsys):
    outputs = []
    for seed in ("3", "3", "4"):
        gradient_noise.main(["--draws", "2", "--seed", seed])
        text = capsys.readouterr().out
        outputs.append(re.sub(r"\d+ s( left)?$|^In .*", "", text, flags=re.MULTILINE))
    assert outputs[0] == outputs[1] != outputs[2]
    assert not any(Path().iterdir())


def test_the_model_may_be_trained_by_iwae(capsys):
    outputs = []
    for typed in ([], ["--iwae", "3"]):
        gradient_noise.main(["--draws", "2", *typed])
        outputs.append(numbers(capsys.readouterr().out, gradient_noise.noise.CLOSED))
    assert outputs[0] != outputs[1]


@pytest.mark.parametrize(
    "typed, message",
    [
        ("--iwae 1", "must be a whole number, at least 2, found 1"),
        ("--draws 1", "must be a whole number, at least 2, found 1"),
        ("--draws many", "must be a whole number, at least 2, found 'many'"),
        ("--figure there.png", "there.png exists already"),
        ("--figure picture.pdf", "picture.pdf should end in .png"),
        ("--figure no/picture.png", "there is no folder no"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_before_any_work(typed, message, refused):
    assert message in refused(gradient_noise.main, *typed.split())
