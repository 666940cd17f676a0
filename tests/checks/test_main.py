import runpy

import numpy as np
import pytest

from numvae.checks import __main__, bugs, definitions, gradients
from numvae.checks.bugs import BUGS, Bug
from numvae.rules import dense


@pytest.fixture
def short(monkeypatch):
    """One model and one planted bug stand for all of them; the others are tested by themselves."""
    monkeypatch.setattr(gradients, "models", gradients.model)
    monkeypatch.setattr(bugs, "BUGS", BUGS[:1])


def test_python_m_ends_with_the_sum_and_exits_with_zero(short, capsys):
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
    assert __main__.main() == 1
    output = capsys.readouterr().out
    assert "FAILED" in output and " 0 failed" not in output


def test_a_bug_that_survives_makes_the_answer_one(short, monkeypatch, capsys):
    monkeypatch.setattr(bugs, "BUGS", (Bug("no bug at all", ()),))
    monkeypatch.setattr(definitions, "definitions", lambda: [])
    assert __main__.main() == 1
    assert "SURVIVES" in capsys.readouterr().out
