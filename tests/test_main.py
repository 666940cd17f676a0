"""`numvae COMMAND`, which the package installs, and `python -m numvae COMMAND`."""

import argparse
import re
import subprocess
import sys
from importlib import import_module

import pytest

import numvae
from numvae.__main__ import COMMANDS, main
from numvae.commands import evaluate, explore, train


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_its_own_name(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"numvae {name}", "--help"])
    with pytest.raises(SystemExit) as stop:
        import_module(COMMANDS[name][0]).main()
    assert stop.value.code == 0 and capsys.readouterr().out.startswith(f"usage: numvae {name} [-h]")


@pytest.mark.parametrize("command", [train, evaluate, explore])
def test_a_default_in_the_help_is_the_default(command):
    def arguments(parser):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for choice in action.choices.values():
                    yield from arguments(choice)
            yield action

    helps = [
        (a.default, re.search(r"\(default: (\d+)\)", a.help or ""))
        for a in arguments(command.parser())
    ]
    said = [(default, int(text[1])) for default, text in helps if text]
    assert [default for default, _ in said] == [number for _, number in said]


@pytest.mark.parametrize("typed", ["--help", "", "trian"])
def test_help_lists_the_commands_and_a_wrong_one_is_a_sentence(typed, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["numvae", *typed.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    output, errors = capsys.readouterr()
    if typed == "--help":
        assert stop.value.code == 0 and all(name in output for name in COMMANDS)
    else:
        assert stop.value.code == 2 and output == "" and len(errors.splitlines()) == 1


def test_the_version_is_that_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["numvae", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == f"numvae {numvae.__version__}\n"


def test_a_command_is_run_with_its_own_arguments():
    command = [sys.executable, "-m", "numvae", "evaluate", "sample", "nowhere", "--out", "x.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("numvae evaluate: there is no run and no model nowhere")
