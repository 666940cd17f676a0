import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from numvae.cli import Parser, integer, new_file, script


def test_a_mistake_is_one_sentence_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        Parser(prog="script.py").parse_args(["--no"])
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert errors == "script.py: unrecognized arguments: --no (see --help)\n"


def test_a_mistake_is_shown_without_control_characters(capsys):
    with pytest.raises(SystemExit):
        Parser(prog="script.py").error("no folder \x1b[31mruns\n.")
    assert capsys.readouterr().err == "script.py: no folder [31mruns. (see --help)\n"


def test_whole_numbers_have_a_least():
    assert integer(1)("12") == 12
    for text, found in (("0", "0"), ("2.5", "'2.5'")):
        with pytest.raises(argparse.ArgumentTypeError, match=f"number, at least 1, found {found}"):
            integer(1)(text)


def test_a_new_file_is_none_that_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_file("a.csv", ".npy", ".csv") == Path("a.csv")
    Path("a.csv").touch()
    with pytest.raises(FileExistsError, match="^a.csv exists already"):
        new_file("a.csv", ".csv")
    with pytest.raises(FileNotFoundError, match="no folder b to write a.csv into"):
        new_file("b/a.csv", ".csv")
    with pytest.raises(ValueError, match="a.txt should end in .npy or .csv"):
        new_file("a.txt", ".npy", ".csv")


def test_a_reader_that_has_gone_away_ends_a_script_without_a_word():
    code = "from numvae.cli import script; script(lambda: print(70 * 'x', *range(99999)))"
    command = f"'{sys.executable}' -c \"{code}\" | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout == "x" and done.stderr == ""


def test_a_script_ends_with_the_code_of_its_main():
    for code in (0, 1, 130):
        with pytest.raises(SystemExit) as stop:
            script(lambda code=code: code)
        assert stop.value.code == code
