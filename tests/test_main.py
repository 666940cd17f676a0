"""`numvae COMMAND`, which the package installs, and `python -m numvae COMMAND`."""

import subprocess
import sys
from importlib import import_module

import pytest

from numvae.__main__ import COMMANDS


def numvae(*argv):
    command = [sys.executable, "-m", "numvae", *argv]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_its_own_name(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"numvae {name}", "--help"])
    with pytest.raises(SystemExit) as stop:
        import_module(COMMANDS[name][0]).main()
    assert stop.value.code == 0 and capsys.readouterr().out.startswith(f"usage: numvae {name} [-h]")


def test_help_lists_the_commands_and_a_wrong_one_is_a_sentence():
    done = numvae("--help")
    assert done.returncode == 0 and all(name in done.stdout for name in COMMANDS)
    for argv in ([], ["trian"]):
        done = numvae(*argv)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_command_is_run_with_its_own_arguments():
    done = numvae("evaluate", "sample", "nowhere", "--out", "x.csv")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("numvae evaluate: there is no run and no model nowhere")
