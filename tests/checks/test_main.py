import re
import runpy
import sys

import numpy as np
import pytest

from numvae.checks import __main__, definitions, gradients
from numvae.lessons import bugs, consequences
from numvae.lessons.bugs import BUGS, FORMULA, Bug
from numvae.plots import style
from numvae.rules import dense

N = r"-?\d+\.\d"
NO_BUG = Bug("no bug at all", FORMULA, (), ())


@pytest.fixture
def short(monkeypatch):
    """One model and one planted bug stand for all of them; the others are tested by themselves."""
    monkeypatch.setattr(gradients, "models", lambda modes=None: gradients.model())
    monkeypatch.setattr(bugs, "BUGS", BUGS[:1])
    monkeypatch.setattr(consequences, "EPOCHS", 1)
    monkeypatch.setattr(consequences, "SHOWN", (BUGS[0].name,))
    monkeypatch.setattr(style, "DPI", 50)
    consequences.right.cache_clear()
    yield
    consequences.right.cache_clear()


def test_python_m_ends_with_the_sum_and_exits_with_zero(short, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["checks"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(__main__.__file__, run_name="__main__")
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert "FAILED" not in output and "SURVIVES" not in output
    n_gradients = len([*gradients.rules(), *gradients.model()])
    last = output.splitlines()[-1]
    assert last.startswith(f"{n_gradients} gradients, largest relative error ")
    assert last.endswith("0 failed; 1 of 1 planted bugs caught.")
    assert output.count("  ok\n") == n_gradients + int(last.split("; ")[1].split()[0])


def test_a_wrong_gradient_is_shown_and_makes_the_answer_one(short, monkeypatch, capsys):
    right = dense.backward

    def backward(*args, **kwargs):
        dx, dW, db = right(*args, **kwargs)
        db[0] = np.nan
        return dx, dW, db

    monkeypatch.setattr(dense, "backward", backward)
    monkeypatch.setattr(bugs, "BUGS", ())
    assert __main__.main([]) == 1
    output = capsys.readouterr().out
    assert "FAILED" in output and " 0 failed" not in output


@pytest.mark.parametrize("typed", [[], ["--bugs"]], ids=str)
def test_a_bug_that_survives_makes_the_answer_one(short, monkeypatch, capsys, typed):
    monkeypatch.setattr(bugs, "BUGS", (NO_BUG,))
    monkeypatch.setattr(definitions, "definitions", lambda: [])
    assert __main__.main(typed) == 1
    assert "SURVIVES" in capsys.readouterr().out


def test_the_gallery_says_what_a_bug_does_and_draws_it(short, tmp_path, capsys):
    path = tmp_path / "bugs.png"
    assert __main__.main(["--bugs", "--figure", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(f"  {BUGS[0].name}")
    assert lines[at - 2] == BUGS[0].kind
    curve, truth = consequences.compare(BUGS[0])
    numbers = re.fullmatch(rf" +says +({N}) \(({N})\) +is +({N}) \(({N})\)   (.*)", lines[at + 1])
    ends = curve.reported[-1], truth.reported[-1], curve.evaluated[-1], truth.evaluated[-1]
    assert list(map(float, numbers.groups()[:4])) == pytest.approx(ends, abs=0.051)
    assert numbers[5] == consequences.verdict(curve, truth)
    caught = ", ".join(BUGS[0].caught)
    assert lines[at + 2] == f"    caught by {caught}; {BUGS[0].found}"
    assert lines[-2].startswith("1 of 1 planted bugs caught. With ")
    assert lines[-1] == f"The loss curves of 1 are in {path}."
    assert path.read_bytes().startswith(b"\x89PNG")


BAD = [
    ("--figure a.png", "--figure draws what --bugs measures"),
    ("--bugs --figure a.pdf", "a.pdf should end in .png"),
    ("--bugs --figure there.png", "there.png exists already"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line(typed, culprit, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.png").touch()
    with pytest.raises(SystemExit) as caught:
        __main__.main(typed.split())
    assert caught.value.code == 2
    output, errors = capsys.readouterr()
    assert output == "" and errors.count("\n") == 1 and culprit in errors
