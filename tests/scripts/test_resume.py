"""A run that was put down, by whom and whenever, ends in the same bits as one that was not."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import train
from helpers import load_history

from numvae import load, runs
from numvae.training import checkpoint, loop, watchdog
from numvae.training.interrupt import HANGUP

SCRIPT = train.__file__


@pytest.fixture(autouse=True)
def rows(elsewhere, undrawn):
    """The data in the working folder, and no time lost on pictures."""
    np.save("rows.npy", np.random.default_rng(0).random((60, 5)))


FLAGS = ["--data", "rows.npy", "--hidden", "8", "--batch-size", "9", "--validation", "15"]


def run(*argv):
    return train.main([*FLAGS, "--quiet", *map(str, argv)])


def resume(folder, *argv):
    return train.main(["--resume", str(folder), "--quiet", *map(str, argv)])


def bits(folder):
    """All numbers that a finished run leaves, as bytes: parameters, optimizer, best, history."""
    found = {name: Path(folder, name).read_bytes() for name in ("history.csv", "report.txt")}
    for name in ("checkpoint.npz", "model.npz"):
        with np.load(Path(folder, name)) as archive:
            found |= {(name, array): archive[array].tobytes() for array in archive.files}
        header = found[name, "header"]
        found[name, "header"] = re.sub(rb'"seconds": [^,}]+', b"", header)  # which differ
    return found


@pytest.mark.parametrize(
    "flags",
    [
        "--optimizer adam",
        "--optimizer sgd --samples 2 --beta 0.5",
        "--optimizer adagrad --validation 0",
        "--binarize dynamic --checkpoint-every 2",
        "--binarize fixed --denoise salt_and_pepper:0.2 --dropout 0.2 --missing",
        "--likelihood gaussian --seed 99999999999999999999",
    ],
)
def test_three_and_four_epochs_are_seven_to_the_last_bit(flags):
    flags = [*flags.split(), "--schedule", "constant"]
    assert run("--epochs", 7, "--out", "whole", *flags) == 0
    assert run("--epochs", 3, "--out", "parts", *flags) == 0
    assert bits("parts") != bits("whole")
    assert resume("parts", "--epochs", 7) == 0
    assert {path.name for path in Path("parts").iterdir()} == set(os.listdir("whole"))
    assert bits("parts") == bits("whole")


@pytest.fixture
def soon_enough(monkeypatch):
    """Runs whose length is left to the program end after some hundred steps."""
    for name, value in {"PASSES": 5, "STEPS": 200, "EVERY": 10, "PATIENCE": 3}.items():
        monkeypatch.setattr(loop, name, value)


@pytest.mark.parametrize("flags", ["", "--missing", "--likelihood gaussian:2,bernoulli:3"])
def test_a_run_of_no_given_length_that_was_stopped_ends_at_the_same_bits(
    soon_enough, monkeypatch, flags
):
    def check(*args, check=watchdog.check):
        steps.append(1)
        if len(steps) == 27:
            signal.raise_signal(signal.SIGINT)
        return check(*args)

    assert run("--out", "whole", *flags.split()) == 0
    steps = []
    monkeypatch.setattr(watchdog, "check", check)
    assert run("--out", "parts", *flags.split()) == 128 + signal.SIGINT
    assert resume("parts") == 0
    assert bits("parts") == bits("whole")


def test_a_run_of_no_given_length_can_be_given_one(soon_enough):
    run("--lr", 0.1, "--out", "a")
    n = runs.resume("a").training.epoch
    for more in (3, 5):
        assert resume("a", "--epochs", n + more) == 0
        history = load_history("a/history.csv")
        assert runs.resume("a").training.epoch == history[-1]["epoch"] == n + more
    assert load("a").n_iter_ == n + 5


def test_a_finished_run_resumed_without_more_to_do_stays_as_it_is():
    run("--epochs", 2, "--out", "a")
    before = bits("a")
    assert resume("a") == resume("a", "--epochs", 2) == 0
    assert bits("a") == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("step", [1, 4, 5, 6, 13])  # five steps make an epoch
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_signal_at_any_step_loses_nothing(monkeypatch, number, step, schedule):
    def check(*args, check=watchdog.check):
        steps.append(1)
        if len(steps) == step:
            signal.raise_signal(number)
        return check(*args)

    flags = ["--epochs", 3, "--schedule", schedule]
    run(*flags, "--out", "whole")
    steps = []
    monkeypatch.setattr(watchdog, "check", check)
    assert run(*flags, "--out", "parts") == 128 + number
    assert len(steps) == step
    training = runs.resume("parts").training
    assert 5 * training.epoch + training.step == step
    assert not Path("parts/model.npz").exists()
    assert resume("parts") == 0
    assert len(steps) == 15
    assert bits("parts") == bits("whole")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, HANGUP], ids=["SIGINT", "SIGTERM", "SIGHUP"]
)
def test_a_process_that_gets_a_signal_says_how_to_go_on(number):
    flags = [*FLAGS, "--batch-size", "1", "--epochs", "20"]
    assert train.main([*flags, "--quiet", "--out", "whole"]) == 0
    command = [sys.executable, SCRIPT, *flags, "--out", "parts"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines = iter(process.stdout.readline, b"")
        assert any(b"epoch  2/20" in line for line in lines)
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    last = output.decode().splitlines()[-1]
    assert f"Stopped by {number.name} in epoch" in last
    assert last.endswith("Resume with: python scripts/train.py --resume parts") and errors == b""
    assert resume("parts") == 0
    assert bits("parts") == bits("whole")


@pytest.mark.skipif(HANGUP is signal.SIGTERM, reason="there is no SIGHUP here")
def test_a_terminal_that_is_closed_leaves_a_checkpoint():
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, SCRIPT, *FLAGS, "--epochs", "1000000"]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    # Its session leads the terminal, so that the system sends it SIGHUP.
    begin = "import os, sys; os.setsid(); os.close(os.open(os.ttyname(0), os.O_RDWR)); "
    begin += "os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", begin, *command, "--out", "a"], **streams)
    os.close(theirs)
    shown = b""
    while b"held-out" not in shown:  # an epoch is finished
        shown += os.read(ours, 1000)
    os.close(ours)
    assert process.wait(timeout=30) == 128 + signal.SIGHUP
    assert 1 <= runs.resume("a").training.epoch < 10**6 and Path("a/history.csv").exists()


def test_control_c_while_pictures_are_drawn_leaves_the_rest_and_no_traceback():
    begin = f"""
import sys
sys.path[:0] = [{str(Path(SCRIPT).parent)!r}]
import train
from numvae import plots
from numvae.cli import script
save = plots.save
def slowly(figure, path):
    save(figure, path)
    print("drawn", flush=True)
    import time
    time.sleep(60)
plots.save = slowly
script(train.main)"""
    command = [sys.executable, "-c", begin, *FLAGS, "--epochs", "1", "--out", "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines = iter(process.stdout.readline, b"")
        assert any(line == b"drawn\n" for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and errors.strip() == b"Stopped."
    left = set(os.listdir("a"))
    assert {"model.npz", "report.txt", "curves.png"} <= left and "network.png" not in left
    assert resume("a") == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_away_does_not_end_the_training(unbuffered):
    command = [sys.executable, SCRIPT, *FLAGS, "--epochs", "3", "--out", "a"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1 and errors == b""
    assert "report.txt" in os.listdir("a") and runs.load("a").training.epoch == 3


# What will not do.


def damage(folder, how):
    path = Path(folder, "checkpoint.npz")
    if how == "another length":
        np.save("rows.npy", np.zeros((61, 5)))
    elif how == "another width":
        np.save("rows.npy", np.zeros((60, 6)))
    elif how == "gone":
        path.unlink()
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "a model":
        shutil.copy(Path(folder, "model.npz"), path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("how", "flags", "says"),
    [
        *((None, flag, flag.split()[0]) for flag in ("--latent 3", "--lr 0.1", "--hidden 9")),
        *((None, flag, flag.split()[0]) for flag in ("--beta 2", "--batch-size 7", "--out b")),
        *((None, flag, flag.split()[0]) for flag in ("--data faces", "--seed 0", "--validation 5")),
        (None, "--schedule cosine", "--schedule"),
        (None, "--epochs 1", "has 2 epochs already; give --epochs above that"),
        (None, "--epochs 0", "--epochs"),
        ("gone", "", "there is no checkpoint.npz in a"),
        ("a folder", "", "there is no checkpoint.npz in a"),
        ("cut", "", "a/checkpoint.npz is not a whole numvae checkpoint file"),
        ("a model", "", "is a numvae model file; expected a checkpoint file"),
        ("another length", "", "rows.npy now has 46 examples to train on, the run in a had 45"),
        ("another width", "", "has 6 numbers per example, the model in a was trained on 5"),
    ],
)
def test_what_cannot_be_resumed_is_said_in_one_line_and_left_alone(how, flags, says, refused):
    run("--epochs", 2, "--out", "a")
    damage("a", how)
    assert says in refused(train.main, "--resume", "a", *flags.split())


@pytest.mark.parametrize("folder", ["nowhere", "empty", "rows.npy", "."])
def test_a_folder_that_is_no_run_is_named(folder, refused):
    Path("empty").mkdir()
    assert f"there is no checkpoint.npz in {folder}" in refused(train.main, "--resume", folder)


# Killed.

KILLS = 30


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(capsys):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    flags = ["--hidden", 16, "--epochs", 6, "--checkpoint-every", 1, "--batch-size", 5, "--quiet"]

    def start(*argv):
        command = [sys.executable, SCRIPT, *map(str, argv)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)

    def finish(*argv):
        with start(*argv) as process:
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()

    began = time.monotonic()
    finish(*flags, "--out", "whole")
    life, wanted = time.monotonic() - began, bits("whole")

    def kill(number, moment):
        """Returns what the kill left, and the file that was not what it should be or None."""
        folder = Path(f"run-{number}")
        with start(*flags, "--out", folder) as process:
            time.sleep(moment)
            process.kill()
        left = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if "checkpoint.npz" not in left:
            shutil.rmtree(folder, ignore_errors=True)
            finish(*flags, "--out", folder)
            state = "nothing"
        else:
            training = runs.resume(folder).training
            if "model.npz" in left:
                checkpoint.load(folder / "model.npz", "model")
            if "history.csv" in left:
                rows = len(load_history(folder / "history.csv"))
                assert training.epoch - 1 <= rows <= training.epoch
            finish("--resume", folder, "--quiet")
            state = f"epoch {training.epoch}"
        assert bits(folder) == wanted
        return state

    # Most of a life is pictures: half of the kills fall early, while it trains.
    rng = np.random.default_rng(0)
    moments = [*rng.uniform(0.0, life, KILLS // 2), *rng.uniform(0.1, 0.5, KILLS // 2) * life]
    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(kill, range(KILLS), moments))
    with capsys.disabled():
        print(f"\n{life:.1f} s a life; killed with {sorted(states)} done")
    assert len(set(states)) >= 3, "the kills fell all into the same moment"
