"""The program that changes the mathematics to see whether a test notices."""

import subprocess
import sys
from pathlib import Path

import pytest

MUTANTS = Path(__file__).resolve().with_name("mutants.py")


def run(*argv):
    return subprocess.run([sys.executable, MUTANTS, *argv], capture_output=True, text=True)


@pytest.mark.slow
def test_every_mutant_of_the_affine_layer_is_noticed():
    done = run("rules/dense.py")
    assert done.returncode == 0, done.stdout + done.stderr
    _, mutants, killed, argued, survivors = done.stdout.splitlines()[-1].rsplit(maxsplit=4)
    assert mutants == killed and int(mutants) > 15 and argued == survivors == "0"


@pytest.mark.slow
def test_a_sample_of_other_modules_is_drawn_by_the_seed():
    done = run("--sample", "3", "--seed", "1", "streams.py", "training/minibatches.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].split() == ["in", "all", "3", "3", "0", "0"]
