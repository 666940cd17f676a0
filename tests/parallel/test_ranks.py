"""One process alone, and 1, 2 and 4 ranks under MPI: the same training."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import hardware, parallel
from numvae.commands import train
from numvae.files import locked
from numvae.parallel import OneProcess, sharing
from numvae.settings import Settings
from numvae.training.loop import Training
from numvae.training.minibatches import shuffled

RANKS = Path(__file__).with_name("ranks.py")
TRAIN = Path(__file__).parents[2] / "scripts" / "train.py"


@pytest.fixture(scope="module")
def mpiexec(mpiexec_path):
    """mpiexec(n, *command): n ranks of this Python, as a Popen with its output as text."""
    started = []

    def start(n, *command):
        process = subprocess.Popen(
            [mpiexec_path, "-n", str(n), sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process, code=0):
    """The output and the errors of a process that ends by itself with this code."""
    output, errors = process.communicate(timeout=600)
    assert process.returncode == code, (process.returncode, output, errors)
    return output, errors


# The same training.


@pytest.fixture(scope="module")
def alone():
    return runpy.run_path(str(RANKS))["results"](OneProcess())


@pytest.mark.parametrize("n", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4))])
def test_ranks_train_the_same_model(alone, mpiexec, tmp_path, n):
    """After 20 steps in float64: parameters, history and the optimizer's memory; the estimator."""
    ended(mpiexec(n, RANKS, tmp_path / "found.npz"))
    with np.load(tmp_path / "found.npz") as found:
        assert found.keys() == alone.keys()
        for name, wanted in alone.items():
            assert_allclose(found[name], wanted, rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_model_that_trains_is_compared(alone):
    """Else the test above would prove nothing."""
    moved = [np.abs(array).max() for name, array in alone.items() if name.endswith(" 2")]
    assert min(moved) > 1e-3 and len(moved) > 8


def test_one_process_shares_nothing():
    team, training = OneProcess(), object()
    team.share(training, None), team.whole(training)
    assert team.size == 1
    assert team.first(lambda: 3) == 3
    with team.together(), pytest.raises(KeyError):
        raise KeyError


def test_a_program_that_mpiexec_did_not_start_is_one_process():
    assert type(parallel.started()) is OneProcess


@pytest.mark.parametrize("threads", [None, "3"])
def test_ranks_share_the_cores_unless_they_are_told(mpiexec, threads, monkeypatch):
    for name in hardware.THREADS:
        monkeypatch.delenv(name, raising=False)
    if threads:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    code = """
from numvae import hardware, parallel
size, = {parallel.started().size}
print(size, hardware.blas_threads(), sep=",")
"""
    output, _ = ended(mpiexec(2, "-c", code))
    wanted = min(int(threads or hardware.cores() // 2), hardware.cores())
    assert output == f"2,{max(1, wanted)}\n"


def test_mpiexec_without_mpi4py_is_answered_with_a_sentence(monkeypatch, capsys):
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(SystemExit) as stop:
        train.main([])
    output, errors = capsys.readouterr()
    assert stop.value.code == 2 and output == "" and len(errors.splitlines()) == 1
    assert "mpi4py is not installed" in errors


# Ranks that differ, and ranks that fail.

DIFFERS = "ValueError: rank 1 differs from rank 0 in its "
DIFFERENT = {  # what ranks do → what both of them say
    "fit(X[: 60 - rank])": f"{DIFFERS}data: 59 examples",
    "fit(X + rank)": f"{DIFFERS}data: 60 examples",
    "fit(X if rank == 0 else X[:, ::-1])": f"{DIFFERS}data",
    "fit(X, random_state=rank)": "no error",  # the first rank's seed is everybody's
    "fit(X, lr=0.1 + rank)": f"{DIFFERS}settings: {{'n_latent'",
    "fit(X, beta=1.0 + rank)": f"{DIFFERS}settings: {{'n_latent'",
    "fit(X, n_latent=2 + rank)": f"{DIFFERS}model: {{'n_feat",
    "fit(X, batch_size=1)": "ValueError: a batch of 1 examples cannot be",
    "fit(X * (np.nan if rank else 1.0))": "ValueError: Input X contains NaN",
    "fit(X if rank == 0 else X[:0])": "ValueError: Found array with 0 sample(s)",
    "fit(X if rank else 'text')": "ValueError: VAE needs",
    "team.first(lambda: 1 / 0)": "ZeroDivisionError: division by zero",
    "setattr(metadata, 'version', lambda _: str(rank)) or fit(X)": f"{DIFFERS}version of numvae",
}
PROGRAM = """
import json, sys, numpy as np
from importlib import metadata
from numvae import VAE, parallel
team = parallel.started()
X, rank, said = np.random.default_rng(0).random((60, 4)), team.rank, []
def fit(X, **settings): VAE(epochs=1, random_state=0).set_params(**settings).fit(X, comm=team.comm)
for what in sys.argv[2:]:
    try:
        eval(what)
        said.append("no error")
    except Exception as error:
        said.append(type(error).__name__ + ": " + str(error))
open(sys.argv[1] + str(rank), "w").write(json.dumps(said))
"""


def test_ranks_that_differ_are_found_out_at_the_start(mpiexec, tmp_path):
    ended(mpiexec(2, "-c", PROGRAM, tmp_path / "said", *DIFFERENT))
    first, second = (json.loads((tmp_path / f"said{rank}").read_text()) for rank in (0, 1))
    assert first == second
    for what, said in zip(DIFFERENT, first, strict=True):
        assert said.startswith(DIFFERENT[what]), what


def test_a_rank_that_fails_ends_them_all(mpiexec):
    code = "from numvae import parallel; t = parallel.started(); 1 / t.rank; t.first(int)"
    process = mpiexec(2, "-c", code)
    _, errors = process.communicate(timeout=600)
    assert process.returncode != 0
    assert "Rank 0 failed, so all are stopped:" in errors and "ZeroDivisionError" in errors


ALONE = """
import numpy as np
from numvae import VAE, parallel
from numvae.parallel import mpi
from numvae.training import watchdog
team, check, steps = parallel.started(), watchdog.check, []
mpi.PATIENCE = 0.5
def failing(*args):
    steps.append(1)
    if len(steps) == 3 and team.rank == 1:
        {}
    return check(*args)
watchdog.check = failing
VAE(epochs=9, random_state=0).fit(np.random.default_rng(0).random((60, 4)), comm=team.comm)
"""


@pytest.mark.parametrize(
    "ends",
    [
        "raise OSError(28, 'No space left on device')",
        pytest.param("raise SystemExit", marks=pytest.mark.slow),
        pytest.param("raise KeyboardInterrupt", marks=pytest.mark.slow),
        pytest.param("raise SystemExit(3)", marks=pytest.mark.slow),
        pytest.param("raise MemoryError", marks=pytest.mark.slow),
    ],
)
def test_what_ends_one_rank_in_the_middle_of_a_fit_ends_them_all(mpiexec, ends):
    process = mpiexec(2, "-c", ALONE.format(ends))
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and "Rank 1 failed, so all are stopped:" in errors
    assert ends.split()[1].partition("(")[0] in errors


@pytest.mark.parametrize("ends", ["SystemExit(3)", "KeyboardInterrupt"])
def test_what_ends_one_rank_where_all_are_together_ends_them_all(mpiexec, ends):
    code = f"""
from numvae import parallel
from numvae.cli import script
team = parallel.started()
def main():
    with team.as_one(), team.together():
        if team.rank == 1: raise {ends}
script(main)"""
    _, errors = ended(mpiexec(2, "-c", code), 130 if ends == "KeyboardInterrupt" else 3)
    assert "Traceback" not in errors and "all are stopped" not in errors


def test_a_signal_that_one_rank_got_is_taken_by_all_when_they_are_fitted(mpiexec, tmp_path):
    code = f"""
import signal, numpy as np
from numvae import VAE, parallel
from numvae.training import watchdog
team, check, steps = parallel.started(), watchdog.check, []
def interrupted(*args):
    steps.append(1)
    if len(steps) == 3 and team.rank == 1:
        signal.raise_signal(signal.SIGINT)
    return check(*args)
signal.signal(signal.SIGINT, signal.default_int_handler)
watchdog.check, vae = interrupted, VAE(epochs=9, random_state=0)
try:
    vae.fit(np.random.default_rng(0).random((60, 4)), comm=team.comm)
except KeyboardInterrupt as error:
    open({str(tmp_path)!r} + f"/{{team.rank}}", "w").write(f"{{vae.n_iter_}} {{error}}")
"""
    ended(mpiexec(2, "-c", code))
    said = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert len(said) == 2 and said[0] == said[1] and "3 Training was interrupted in" in said[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.slow
def test_a_full_disk_under_what_is_printed_ends_all_ranks_when_the_run_is_whole(
    mpiexec_path, folder
):
    command = f"exec '{sys.executable}' '{TRAIN}' --epochs 2 --hidden 8 --out run > /dev/full"
    process = subprocess.Popen(
        [mpiexec_path, "-n", "2", "sh", "-c", command], stderr=subprocess.PIPE, text=True
    )
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and "could not be read or written" in errors
    assert "Traceback" not in errors and (folder / "run/report.txt").exists()


def test_mistakes_are_said_once(mpiexec, folder):
    Path("busy").mkdir()
    np.save("rows.npy", np.random.default_rng(0).random((60, 4)))
    mistakes = {
        "--nonsense": "--nonsense",
        "--data none.npy": "none.npy",
        "--data rows.npy --out .": "exists already",
        "--data rows.npy --out busy": f"busy is in use by process {os.getpid()}",
    }
    code = """
import sys
from numvae.commands import train
for typed in sys.argv[1:]:
    try:
        train.main(typed.split())
    except SystemExit as stop:
        assert stop.code == 2"""
    with locked("busy"):
        output, errors = ended(mpiexec(2, "-c", code, *mistakes))
    assert output == "" and len(errors.splitlines()) == len(mistakes)
    assert all(says in line for says, line in zip(mistakes.values(), errors.splitlines()))


# The script.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, and no data files of the machine's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMVAE_DATA", raising=False)
    return tmp_path


def parameters(folder, file="model.npz"):
    with np.load(folder / file, allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files if saved[name].dtype.kind == "f"}


@pytest.mark.parametrize(
    "typed, shared",
    [
        pytest.param("--hidden 8", "the rows of every batch", marks=pytest.mark.slow),
        pytest.param(
            "--hidden 120 --no-skip --no-standardize",
            "the units of every layer",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_script_under_mpi_leaves_what_it_leaves_alone(mpiexec, folder, capsys, typed, shared):
    rows = np.random.default_rng(0).random((300, 33)).astype(np.float32)
    np.save("rows.npy", rows)
    flags = ["--data", "rows.npy", *typed.split(), "--batch-size", "50", "--epochs", "3"]
    flags += ["--checkpoint-every", "1"]
    output, errors = ended(mpiexec(2, TRAIN, *flags, "--out", "by-2"))
    output, times = re.subn(
        f", 2 processes with \\d+ BLAS threads? each share {shared}:", ":", output
    )
    assert errors == "" and times == 1
    train.main([*flags, "--out", "by-1"])
    assert sorted(os.listdir("by-1")) == sorted(os.listdir("by-2"))
    assert output.replace("by-2", "by-1") == capsys.readouterr().out
    for name, wanted in parameters(folder / "by-1").items():
        assert_allclose(parameters(folder / "by-2")[name], wanted, atol=1e-5)


LONG = ["--epochs", "120", "--checkpoint-every", "1"]  # some seconds
HIDDEN = {"rows": "16", "units": "128"}  # what ranks share of a step with so many units


def wait_for_epochs(process, folder, n):
    """Wait until the run in the folder has finished n epochs."""
    history = folder / "history.csv"
    while not history.is_file() or len(history.read_text().splitlines()) < 1 + n:
        time.sleep(0.01)
        assert process.poll() is None


def ranks_of(process):
    """The process numbers of the ranks that mpiexec started, the first rank's first."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True).stdout
    found = [line.split(None, 1) for line in listed.splitlines()[1:]]
    return sorted(
        int(pid)
        for pid, args in found
        if args.startswith(sys.executable) and str(process.args[-1]) in args
    )


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_a_killed_rank_ends_the_run_which_goes_on_to_the_same_bits(mpiexec, folder, rank, hidden):
    flags = [*LONG, "--hidden", hidden]
    ended(mpiexec(2, TRAIN, *flags, "--out", folder / "whole"))
    process = mpiexec(2, TRAIN, *flags, "--out", folder / f"killed-{rank}")
    wait_for_epochs(process, folder / f"killed-{rank}", 5)
    time.sleep(0.02)  # into the middle of an epoch
    os.kill(ranks_of(process)[rank], signal.SIGKILL)
    process.communicate(timeout=600)
    assert process.returncode != 0
    assert ranks_of(process) == []
    shutil.copytree(f"killed-{rank}", "with-one")
    ended(mpiexec(2, TRAIN, "--resume", folder / f"killed-{rank}"))
    for name, wanted in parameters(folder / "whole", "checkpoint.npz").items():
        assert_array_equal(parameters(folder / f"killed-{rank}", "checkpoint.npz")[name], wanted)
    assert train.main(["--resume", "with-one", "--quiet"]) == 0
    for name, wanted in parameters(folder / "whole").items():
        assert_allclose(parameters(folder / "with-one")[name], wanted, atol=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_ctrl_c_and_sigterm_stop_all_ranks_after_the_same_step(mpiexec, folder, number, hidden):
    flags = [*LONG, "--hidden", hidden]
    ended(mpiexec(2, TRAIN, *flags, "--out", folder / "whole"))
    process = mpiexec(2, TRAIN, *flags, "--out", folder / "stopped")
    wait_for_epochs(process, folder / "stopped", 5)
    os.kill(ranks_of(process)[1], number)  # one rank only: the others hear of it
    output, _ = ended(process, 128 + number)
    assert f"Stopped by {signal.Signals(number).name} in epoch" in output
    ended(mpiexec(2, TRAIN, "--resume", folder / "stopped"))
    for name, wanted in parameters(folder / "whole", "checkpoint.npz").items():
        assert_array_equal(parameters(folder / "stopped", "checkpoint.npz")[name], wanted)


class SecondOfTwo:
    """Rank 1 of 2, that hears nothing of the other."""

    rank, size = 1, 2

    def parts(self, n):
        return [slice(0, n // 2), slice(n // 2, n)]

    def part(self, n):
        return self.parts(n)[1]

    def exchange(self, give, into):
        return give

    def total(self, array):
        return array

    def gather(self, array):
        pass

    def collect(self, parts):
        return parts


def test_a_rank_reads_its_own_rows_only():
    """Of an epoch; and of what is held out, the later thousands."""

    class Recorded(np.ndarray):
        def __getitem__(self, rows):
            read.append(rows)
            return np.asarray(self)[rows]

    X = np.random.default_rng(0).random((2500, 4)).view(Recorded)
    settings, read = Settings(hidden=(3,), batch_size=100), []
    training = sharing.share(Training.new(settings, X, 3), SecondOfTwo())
    read.clear()
    list(training.steps(X))
    batches = shuffled(3, 1, len(X), 100)
    assert len(read) == len(batches) == 25
    for recorded, rows in zip(read, batches):
        assert_array_equal(recorded, rows[50:])
    read.clear()
    nll, _ = training.evaluate(X)
    assert read == [slice(1000, 2000), slice(2000, 3000)] and len(nll) == 1500


def test_ranks_that_share_rows_refuse_free_bits():
    settings = Settings(hidden=(3,), free_bits=0.1)
    with pytest.raises(ValueError, match="free_bits is held against the mean KL of a whole batch"):
        sharing.share(Training.new(settings, np.zeros((9, 4)), 0), SecondOfTwo())
