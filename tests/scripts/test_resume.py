"""A run that was put down, by whom and whenever, ends in the same bits as one that was not."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import load_history

from numvae import load, runs
from numvae.cli import invoked
from numvae.commands import train
from numvae.estimator import DoubtfulFit
from numvae.files import LOCK
from numvae.training import checkpoint, loop, watchdog
from numvae.training.interrupt import HANGUP

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"


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


def test_a_resumed_run_may_have_another_number_of_processes():
    assert run("--epochs", 1, "--out", "a") == 0
    assert resume("a", "--epochs", 2, "--workers", 1) == 0


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


def test_it_is_said_what_is_about_to_be_trained_and_from_where(capsys):
    def said(*argv):
        assert train.main([*argv]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("Train")]

    assert said(*FLAGS, "--epochs", "2", "--out", "a") == ["Training to epoch 2, seed 0:"]
    resumed = "--resume", "a"
    assert said(*resumed, "--epochs", "4") == ["Training from epoch 3 to epoch 4, seed 0:"]
    assert said(*resumed) == ["Trained to epoch 4 already, seed 0:"]


def test_a_finished_run_resumed_without_more_to_do_stays_as_it_is():
    run("--epochs", 2, "--out", "a")
    before = bits("a")
    assert resume("a") == resume("a", "--epochs", 2) == 0
    assert bits("a") == before


def some(value, quick):
    """A value of a parameter; slow but for some."""
    return value if quick else pytest.param(value, marks=pytest.mark.slow)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
# Five steps make an epoch.
@pytest.mark.parametrize("step", [some(1, False), 4, some(5, False), some(6, False), 13])
@pytest.mark.parametrize("schedule", [some("constant", False), "cosine"])
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


@pytest.mark.parametrize(("step", "epoch"), [(4, 1), (7, 2), (15, 3)])
def test_the_last_line_of_a_run_that_was_stopped_says_where_and_how_to_go_on(
    monkeypatch, capsys, step, epoch
):
    def check(*args, check=watchdog.check):
        steps.append(1)
        if len(steps) == step:
            signal.raise_signal(signal.SIGTERM)
        return check(*args)

    steps = []
    monkeypatch.setattr(watchdog, "check", check)
    assert train.main([*FLAGS, "--epochs", "3", "--out", "a"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"Stopped by SIGTERM in epoch {epoch}. Evaluate and explore can use its best parameters so "
        f"far. Resume with: {invoked()} --resume a"
    )


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, HANGUP], ids=["SIGINT", "SIGTERM", "SIGHUP"]
)
def test_a_process_that_gets_a_signal_says_how_to_go_on(number):
    flags = [*FLAGS, "--schedule", "constant", "--epochs"]
    command = [sys.executable, SCRIPT, *flags, str(10**9), "--out", "my parts"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines = iter(process.stdout.readline, b"")
        assert any(b" 1/1000000000 " in line for line in lines)
        process.send_signal(number)
        output, errors = process.communicate(timeout=600)
    assert process.returncode == 128 + number
    last = output.decode().splitlines()[-1]
    assert f"Stopped by {number.name} in epoch" in last
    assert last.endswith(f"Resume with: python {SCRIPT} --resume 'my parts'")
    assert errors == b""
    epochs = str(runs.resume("my parts").training.epoch + 1)
    assert train.main([*flags, epochs, "--quiet", "--out", "whole"]) == 0
    assert resume("my parts", "--epochs", epochs) == 0
    assert bits("my parts") == bits("whole")


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


@pytest.mark.slow
def test_control_c_while_pictures_are_drawn_leaves_the_rest_and_no_traceback():
    begin = """
from numvae import plots
from numvae.cli import script
from numvae.commands import train
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


@pytest.mark.parametrize("unbuffered", ["", some("1", False)])
def test_a_reader_that_has_gone_away_does_not_end_the_training(unbuffered):
    begin = """
from numvae.cli import script
from numvae.commands import train
from numvae.report import Report
Report.pictures = lambda self: ()
script(train.main)"""
    command = [sys.executable, "-c", begin, *FLAGS, "--epochs", "3", "--out", "a"]
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
    elif how == "shuffled":
        np.save("rows.npy", np.load("rows.npy")[::-1])
    elif how == "moved":
        Path("rows.npy").rename("elsewhere.npy")
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
        *((None, flag, flag.split()[0]) for flag in ("--skip-bad", "--seed 0", "--validation 5")),
        (
            None,
            "--data faces",
            "faces has 560 numbers per example, the model in a was trained on 5",
        ),
        (None, "--data moved.npy", "There is no file moved.npy"),
        (None, "--schedule cosine", "--schedule"),
        (None, "--epochs 1", "has 2 epochs already; give --epochs above that"),
        (None, "--epochs 0", "--epochs"),
        ("gone", "", "there is no checkpoint.npz in a"),
        ("a folder", "", "there is no checkpoint.npz in a"),
        ("cut", "", "a/checkpoint.npz is not a whole numvae checkpoint file"),
        ("a model", "", "is a numvae model file; expected a checkpoint file"),
        ("shuffled", "", "rows.npy is not what the run in a was trained on: it has been changed"),
        ("moved", "", "rows.npy, which the run in a was trained on, is not there any more"),
        ("another length", "", "rows.npy now has 46 examples to train on, the run in a had 45"),
        ("another width", "", "has 6 numbers per example, the model in a was trained on 5"),
    ],
)
def test_what_cannot_be_resumed_is_said_in_one_line_and_left_alone(how, flags, says, refused):
    run("--epochs", 2, "--out", "a")
    damage("a", how)
    assert says in refused(train.main, "--resume", "a", *flags.split())


def test_a_run_whose_data_have_moved_goes_on_with_them_there():
    run("--epochs", 4, "--out", "whole", "--schedule", "constant")
    run("--epochs", 2, "--out", "parts", "--schedule", "constant")
    Path("there").mkdir()
    Path("rows.npy").rename("there/rows.npy")
    assert resume("parts", "--epochs", 4, "--data", "there/rows.npy") == 0
    assert runs.load("parts").about["data"]["name"] == str(Path("there/rows.npy").absolute())
    assert resume("parts") == 0  # it knows
    for array in ("mu.W", "decoder.0.W"):
        assert bits("parts")["model.npz", array] == bits("whole")["model.npz", array]


@pytest.mark.parametrize("folder", ["nowhere", "empty", "rows.npy", "."])
def test_a_folder_that_is_no_run_is_named(folder, refused):
    Path("empty").mkdir()
    assert f"there is no checkpoint.npz in {folder}" in refused(train.main, "--resume", folder)


# One writer.


def test_a_run_that_somebody_writes_is_not_written_by_another(refused):
    run("--epochs", 2, "--out", "a")
    with runs.old_folder("a"):
        for flags in (
            ["--resume", "a"],
            ["--resume", "a", "--epochs", "5"],
            [*FLAGS, "--out", "a"],
        ):
            says = refused(train.main, *flags)
            assert re.search(
                rf"a is in use by process {os.getpid()} on \S+ since \S+ [\d:]+;", says
            )
    assert resume("a", "--epochs", 3) == 0


@pytest.mark.slow
def test_of_many_that_resume_a_run_at_once_one_does():
    run("--epochs", 300, "--out", "whole", "--schedule", "constant")
    run("--epochs", 2, "--out", "a", "--schedule", "constant")
    command = [sys.executable, SCRIPT, "--resume", "a", "--epochs", "300", "--quiet"]
    pipes = {"stderr": subprocess.PIPE, "env": {**os.environ, "OPENBLAS_NUM_THREADS": "1"}}
    processes = [subprocess.Popen([*command, "--checkpoint-every", "1"], **pipes) for _ in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (
            process.returncode == 0
            and errors == b""
            or (process.returncode == 2 and b"a is in use by process" in errors)
        )
    assert 0 in [process.returncode for process in processes]
    assert bits("a")["model.npz", "mu.W"] == bits("whole")["model.npz", "mu.W"]
    assert load_history("a/history.csv") == load_history("whole/history.csv")
    assert not [name for name in os.listdir("a") if name.startswith(".")]


# What stops a run.


@pytest.fixture
def diverges(monkeypatch):
    """Whatever is trained diverges in epoch 3."""

    def minibatch(training, X, rows, minibatch=loop.Training.minibatch):
        batch = minibatch(training, X, rows)
        if (training.epoch, training.step) == (2, 3):
            batch["x"][0, 0] = np.nan
        return batch

    monkeypatch.setattr(loop.Training, "minibatch", minibatch)


def test_a_run_that_diverged_says_how_to_end_it_and_that_is_true(diverges, capsys):
    constant = ["--schedule", "constant"]
    run("--epochs", 2, "--out", "whole", *constant)
    for again in (lambda: run("--epochs", 9, "--out", "a b", *constant), lambda: resume("a b")):
        with pytest.raises(SystemExit) as stop:
            again()
        assert stop.value.code == 1
        says = capsys.readouterr().err.strip()
        assert "diverged in epoch 3, step 4: x is the first array that is not finite" in says
    with pytest.warns(DoubtfulFit, match="best parameters so far, of epoch"):
        load("a b")
    command = says.rpartition(": ")[2]
    assert command.endswith(" --resume 'a b' --epochs 2")
    assert train.main(shlex.split(command)[-4:]) == 0
    assert load("a b").n_iter_ == 2
    assert bits("a b")["model.npz", "mu.W"] == bits("whole")["model.npz", "mu.W"]


def test_a_run_that_diverged_in_its_first_epoch_has_nothing_to_keep(capsys):
    np.save("rows.npy", 1e14 * np.random.default_rng(0).random((60, 5)))
    with pytest.raises(SystemExit):
        run("--epochs", 2, "--out", "a", "--lr", "1e300")
    assert "No epoch was finished, so there is nothing to keep: begin" in capsys.readouterr().err


@pytest.mark.parametrize("full", ["the checkpoint", some("its history", False)])
def test_a_full_disk_leaves_the_last_checkpoint_whole(full, room, capsys):
    flags = ["--schedule", "constant", "--checkpoint-every", "2"]
    run("--epochs", 130, "--out", "whole", *flags)
    run("--epochs", 2, "--out", "a", *flags)
    before = Path("a/checkpoint.npz").read_bytes()
    size = len(before) - 1 if full == "the checkpoint" else len(before) + 400
    with room(size), pytest.raises(SystemExit) as stop:
        resume("a", "--epochs", 130, "--checkpoint-every", 2)
    assert stop.value.code == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "a file could not be read or written: [Errno 27] File too large: 'a/" in sentence
    assert [name for name in os.listdir("a") if name.startswith(".")] == []
    epoch = runs.resume("a").training.epoch
    assert epoch == 2 if full == "the checkpoint" else 2 < epoch < 130
    assert resume("a", "--epochs", 130) == 0
    assert bits("a") == bits("whole")


# Killed.

KILLS = 21


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(capsys):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    flags = [*FLAGS, "--epochs", 60, "--checkpoint-every", 1, "--quiet"]

    def start(*argv):
        command = [sys.executable, SCRIPT, *map(str, argv)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)

    def finish(*argv):  # here, where no time is lost on pictures
        assert train.main([*map(str, argv)]) == 0

    finish(*flags, "--out", "whole")
    wanted = bits("whole")

    def kill(number, epochs, moment):
        """Kills a run some time after so many epochs, and returns what that left."""
        folder = Path(f"run-{number}")
        with start(*flags, "--out", folder) as process:
            while process.poll() is None and epochs_in(folder / "history.csv") < epochs:
                time.sleep(0.01)
            time.sleep(moment)
            process.kill()
        left = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if "checkpoint.npz" not in left:
            assert left <= {LOCK, *(name for name in left if name.endswith(".tmp"))}
            finish(*flags, "--out", folder)
            state = "nothing"
        else:
            training = runs.resume(folder).training
            if "model.npz" in left:
                checkpoint.load(folder / "model.npz", "model")
            if "history.csv" in left:
                rows = len(load_history(folder / "history.csv"))
                assert training.epoch <= rows <= training.epoch + 1
            finish("--resume", folder, "--quiet")
            state = f"epoch {training.epoch}"
        assert bits(folder) == wanted
        assert not [name for name in os.listdir(folder) if name.startswith(".")]
        return state

    def epochs_in(history):
        return len(history.read_bytes().splitlines()) - 1 if history.is_file() else 0

    # From the start, in which nothing is done yet, to the pictures after the last epoch.
    rng = np.random.default_rng(0)
    with ThreadPoolExecutor(2) as pool:
        numbers = range(KILLS)
        states = list(pool.map(kill, numbers, [n % 7 for n in numbers], rng.uniform(0, 0.1, KILLS)))
    with capsys.disabled():
        print(f"\nkilled with {sorted(states)} done")
    assert len(set(states)) >= 3, "the kills fell all into the same moment"
