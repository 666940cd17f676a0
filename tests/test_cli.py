import argparse
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from numvae.cli import Parser, integer, invoked, new_file, script


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


@pytest.mark.parametrize("typed", ["--da=x", "run --da=x", "run --da x"])
def test_no_flag_is_guessed_from_its_beginning(capsys, typed):
    parser = Parser(prog="script.py")
    parser.add_argument("--data-dir")
    parser.add_subparsers().add_parser("run").add_argument("--data-dir")
    with pytest.raises(SystemExit):
        parser.parse_args(typed.split())
    assert "unrecognized arguments: --da" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "what"),
    [(["--data", ""], "an argument"), (["--data="], "--data="), ([""], "an argument")],
)
def test_an_empty_argument_is_refused(capsys, typed, what):
    parser = Parser(prog="script.py")
    parser.add_argument("--data", nargs="?")
    with pytest.raises(SystemExit):
        parser.parse_args(typed)
    says = f"script.py: {what} is empty; is a variable of the shell not set? (see --help)\n"
    assert capsys.readouterr().err == says
    assert parser.parse_args(["--data", "a="]).data == "a="


def test_what_was_typed_is_looked_at_where_nothing_else_is_given(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script.py", ""])
    with pytest.raises(SystemExit):
        Parser(prog="script.py").parse_args()
    assert "an argument is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "how"),
    [
        ("scripts/train.py", "python scripts/train.py"),
        ("my runs/train.py", "python 'my runs/train.py'"),
        ("numvae train", "numvae train"),
    ],
)
def test_a_program_says_how_it_was_started(monkeypatch, typed, how):
    monkeypatch.setattr(sys, "argv", [typed, "--quiet"])
    assert invoked() == how


@pytest.mark.parametrize(
    "error, said",
    [
        (ValueError("no."), "script.py: no. (see --help)\n"),
        (FileNotFoundError("none."), "script.py: none. (see --help)\n"),
        (
            MemoryError("8 TB"),
            "script.py: this is more than the machine can hold: 8 TB. (see --help)\n",
        ),
        (
            OverflowError("8 TB"),
            "script.py: this is more than the machine can hold: 8 TB. (see --help)\n",
        ),
    ],
    ids=repr,
)
def test_what_a_user_can_have_done_wrong_is_answered_with_its_sentence(capsys, error, said):
    with pytest.raises(SystemExit) as stop, Parser(prog="script.py").mistakes():
        raise error
    assert stop.value.code == 2 and capsys.readouterr().err == said


@pytest.mark.parametrize("error", [BrokenPipeError, KeyboardInterrupt, KeyError])
def test_anything_else_is_no_mistake_of_the_users(error):
    with pytest.raises(error), Parser().mistakes():
        raise error


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


def ran(code, *words, output=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        stdout=output,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUTF8": "0", **environment},
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1", "utf-8"])
@pytest.mark.parametrize("typed, code", [("--help", 0), ("--no", 2)])
def test_what_standard_output_cannot_encode_is_escaped(monkeypatch, encoding, typed, code):
    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", errors)
    parser = Parser(prog="σ", description="σ")
    with pytest.raises(SystemExit) as stop:
        script(lambda: print("σ ± ρ █ Ångström") or parser.parse_args([typed]))
    errors.flush()
    lines = (output.buffer.getvalue() + errors.buffer.getvalue()).splitlines()
    assert stop.value.code == code
    assert lines[0] == "σ ± ρ █ Ångström".encode(encoding, "backslashreplace")
    assert "σ".encode(encoding, "backslashreplace") in lines[1]


def test_the_encoding_of_a_process_is_its_own():
    code = "from numvae.cli import script; script(lambda: print('σ ± é'))"
    done = ran(code, PYTHONIOENCODING="latin-1")
    assert (done.stdout.strip(), done.stderr) == (b"\\u03c3 \xb1 \xe9", b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_script_without_standard_streams_does_what_it_does(closed, tmp_path):
    code = "from numvae.cli import script; script(lambda: print(1) or open('done', 'w').close())"
    command = f"'{sys.executable}' -c \"{code}\" {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "" and (tmp_path / "done").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("main, code", [("lambda: print(1)", 1), ("lambda: print(1) or 3", 3)])
def test_what_cannot_be_written_is_an_error_of_the_script(main, code):
    with open("/dev/full", "w") as full:
        code_of = f"from numvae.cli import script; script({main})"
        done = ran(code_of, output=full, PYTHONUNBUFFERED="")
    assert done.returncode == code and b"Traceback" not in done.stderr
    assert (b"could not be written: [Errno 28]" in done.stderr) is (code == 1)


@pytest.mark.parametrize("error", [BrokenPipeError, OSError])
def test_a_print_that_fails_ends_a_script_without_a_traceback(error, capsys):
    def main():
        raise error(0, "no")

    with pytest.raises(SystemExit) as stop:
        script(main)
    assert stop.value.code == 1
    assert ("could not be written" in capsys.readouterr().err) is (error is OSError)


def test_control_c_ends_a_script_without_a_traceback():
    code = """
import time
from numvae.cli import script
script(lambda: print("begun", flush=True) or time.sleep(60))
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.strip() == b"Stopped."


def test_a_script_ends_with_the_code_of_its_main():
    for code in (0, 1, 130):
        with pytest.raises(SystemExit) as stop:
            script(lambda code=code: code)
        assert stop.value.code == code
