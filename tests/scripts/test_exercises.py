"""The exercises: unwritten as committed, solved by the package, and each bug of the gallery that
they can show is called by its name."""

import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numvae.checks.finite_differences import relative_error
from numvae.lessons.bugs import BUGS, planted

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "exercises"
FILES = sorted(FOLDER.glob("*.py"))
NUMBERS = [int(path.name[:2]) for path in FILES]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.exercise


EXERCISES = {path.stem: load(path) for path in FILES}
each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def test_they_are_counted_in_reading_order():
    assert list(range(1, len(FILES) + 1)) == NUMBERS and len(FILES) >= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_as_committed_one_body_is_left_to_write(path, capsys):
    source = path.read_text(encoding="utf-8")
    assert source.count("    raise NotImplementedError\n") == 1
    assert len(source.splitlines()) <= 50
    assert re.search(r"^    Hint    ", source, re.M)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(path), run_name="__main__")
    assert caught.value.code == 1
    output = capsys.readouterr().out
    assert output.startswith(f"Exercise {int(path.name[:2])}, {path.stem[3:]}: not written yet. ")
    assert os.path.relpath(path) in output


def test_a_file_runs_by_itself():
    done = subprocess.run(
        [sys.executable, FILES[0].name], cwd=FOLDER, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.endswith("Write it in 01_dense_backward.py, and run that again.\n")


@each
def test_the_package_is_the_solution(exercise, capsys):
    assert exercise.check(exercise.rule) == 0
    output = capsys.readouterr().out
    error = float(re.search(r"right, relative error (\S+)\. ", output)[1])
    assert error < 1e-7
    assert ("Next: " in output) == (exercise is not list(EXERCISES.values())[-1])


@each
def test_every_bug_that_shows_is_called_by_its_name(exercise, capsys):
    shown = 0
    for bug in BUGS:
        answer = exercise.with_bug(bug)
        if max(map(relative_error, answer, exercise.truth.values())) < 1e-7:
            continue

        def wrong(*inputs, bug=bug):
            with planted(bug):
                return exercise.rule(*inputs)

        assert exercise.check(wrong) == 1
        output = capsys.readouterr().out
        assert f"It looks like a famous bug: {bug.name}" in output
        shown += 1
    assert shown >= 1


@pytest.mark.parametrize("name", [n for n in EXERCISES if n[:2] not in ("12", "15")])
def test_a_wrong_sign_is_told_so(name, capsys):
    exercise = EXERCISES[name]

    def opposite(*inputs):
        found = exercise.rule(*inputs)
        return tuple(-v for v in found) if isinstance(found, tuple) else -found

    assert exercise.check(opposite) == 1
    assert capsys.readouterr().out.count("has the wrong sign") == len(exercise.truth)


def test_two_bugs_at_once_are_both_named(capsys):
    first = EXERCISES["01_dense_backward"]

    def twice_wrong(dy, x, W):
        return dy @ W.T, (x.T @ dy)[:, ::-1], dy[0]

    assert first.check(twice_wrong) == 1
    output = capsys.readouterr().out
    assert output.count("It looks like a famous bug: ") == 2
    assert "dW with its columns permuted" in output and "not summed over the batch" in output


def test_the_last_one_takes_a_dict_of_gradients_and_names_the_wrong_ones(capsys):
    last = EXERCISES["15_loss_and_grad"]

    def swapped(q, x, eps):
        loss, gradients = last.rule(q, x, eps)
        return loss, {**gradients, "mu.W": np.zeros_like(gradients["mu.W"])}

    assert last.check(swapped) == 1
    output = capsys.readouterr().out
    assert re.findall(r"^  (\S+) +(?!is right)is", output, re.M) == ["mu.W"]
    assert last.check(lambda q, x, eps: (1.0, {})) == 1
    assert "encoder.0.W should be an array of real numbers, and is None" in capsys.readouterr().out
    assert last.check(lambda q, x, eps: None) == 1
    assert "Nothing is returned" in capsys.readouterr().out
