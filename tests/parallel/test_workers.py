"""Worker processes train the same model as one process; whatever ends, ends without a trace."""

import gc
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import VAE, parallel
from numvae.commands import train
from numvae.parallel import OneProcess, sharing, workers
from numvae.parallel.workers import Workers, packed
from numvae.settings import Settings
from numvae.training.loop import Training

pytestmark = pytest.mark.skipif(os.name == "nt", reason="memory cannot be given to processes here")
RANKS = Path(__file__).with_name("ranks.py")
TRAIN = Path(__file__).parents[2] / "scripts" / "train.py"
X = np.random.default_rng(0).random((300, 40))


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    """Small models are shared too, from the second step on."""
    monkeypatch.setattr(sharing, "FEWEST_PRODUCTS", 0)
    monkeypatch.setattr(workers, "ALONE", 0)


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = open_files(), children()
    yield
    gc.collect()
    assert (open_files(), children()) == before


def open_files():
    """But for fonts, which matplotlib keeps open."""
    found = Path("/proc/self/fd").glob("*")
    return sum(path.is_symlink() and not os.readlink(path).endswith(".ttf") for path in found)


def children(of=None):
    """The process numbers of those that a process has started."""
    listed = subprocess.run(["ps", "-eo", "ppid=,pid=,args="], capture_output=True, text=True)
    found = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [
        int(pid)
        for ppid, pid, args in found
        if int(ppid) == (of or os.getpid()) and args[:2] != "ps"
    ]


class Forced(Workers):
    """As many workers as are asked for, also where they have to share rows."""

    def share(self, training, X):
        self.size, self.shares = self.n_most, sharing.kind(training, self.n_most).shares


def a_vae(n_jobs, **settings):
    settings = {"hidden": 64, "epochs": 3, "random_state": 0, **settings}
    return VAE(2, likelihood="bernoulli", batch_size=20, n_jobs=n_jobs, **settings)


# The same training.


@pytest.fixture(scope="module")
def shared_training():
    return runpy.run_path(str(RANKS))


NAMES = "as ever", "missing", "units"
ALL = list(runpy.run_path(str(RANKS))["SETTINGS"])


@pytest.mark.parametrize(
    "name", [n if n in NAMES else pytest.param(n, marks=pytest.mark.slow) for n in ALL]
)
def test_workers_train_the_same_model(shared_training, name):
    """In float64: parameters, history and the optimizer's memory."""
    alone, shared = (shared_training["train"](name, team) for team in (OneProcess(), Forced(2)))
    for wanted, found in zip(alone, shared, strict=True):
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["as ever", "units"])
def test_three_workers_train_the_same_model(shared_training, name):
    alone, shared = (shared_training["train"](name, team) for team in (OneProcess(), Forced(3)))
    for wanted, found in zip(alone, shared, strict=True):
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "n_alone"), [("units", 7), ("more rows than a stream has", 4), ("units", 1000)]
)
def test_the_program_trains_alone_while_they_start(shared_training, monkeypatch, name, n_alone):
    """Until some step of an epoch, until the end of one, or until nothing is left to be shared."""

    def send(self, what, send=Workers.send):
        if isinstance(what, Training):
            taken.append(what.optimizer.t)
        send(self, what)

    taken = []
    monkeypatch.setattr(Workers, "send", send)
    monkeypatch.setattr(sharing, "n_products", lambda *_: 1)
    monkeypatch.setattr(workers, "ALONE", n_alone)
    alone, shared = (shared_training["train"](name, team) for team in (OneProcess(), Forced(2)))
    for wanted, found in zip(alone, shared, strict=True):
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert taken == [n_alone] * (n_alone < 1000)


def test_what_stops_the_program_while_they_start_stops_it_then(monkeypatch):
    monkeypatch.setattr(workers, "ALONE", 10**15)
    training, seen, rows = Training.new(Settings(hidden=(64,), batch_size=20), X, 0), [], []
    team = Forced(2)
    team.share(training, X)
    stops = {"asked": lambda: len(seen) == 3, "close_epoch": True}
    team.run(training, X, epochs=5, on_step=seen.append, on_epoch=rows.append, **stops)
    assert seen == [20, 40, 60] and training.epoch == len(rows) == 1


def test_as_many_workers_train_to_the_same_bits():
    first, second = (a_vae(2).fit(X.astype("f4")) for _ in range(2))
    assert_array_equal(first.network_.parameters.vector, second.network_.parameters.vector)
    one = a_vae(1).fit(X)
    assert_allclose(a_vae(-1).fit(X).transform(X), one.transform(X), rtol=1e-9, atol=1e-9)
    assert one.history_[-1].keys() == first.history_[-1].keys()


def test_what_is_larger_than_a_box_arrives(monkeypatch, shared_training):
    """A rank gives another its part of the parameters, box by box."""
    monkeypatch.setattr(workers, "BOX", 256)
    monkeypatch.setattr(
        workers, "MAIN", workers.MAIN.replace("; workers", "; workers.BOX = 256; workers")
    )
    alone, shared = (
        shared_training["train"]("as ever", team) for team in (OneProcess(), Forced(2))
    )
    assert_allclose(shared[0], alone[0], rtol=1e-12, atol=1e-12)


# How many there are.


@pytest.mark.parametrize(
    "n_jobs, n_cores, size",
    [(None, 8, 1), (1, 8, 1), (3, 8, 3), (-1, 8, 8), (-2, 8, 7), (-9, 8, 1)],
)
def test_n_jobs_is_what_scikit_learn_means_by_it(n_jobs, n_cores, size, monkeypatch):
    monkeypatch.setattr(parallel.hardware, "cores", lambda: n_cores)
    team = parallel.team(None, n_jobs)
    assert getattr(team, "n_most", 1) == size


@pytest.mark.parametrize("n_jobs, error", [(0, ValueError), (1.5, TypeError), ("two", TypeError)])
def test_a_wrong_n_jobs_is_answered_with_a_sentence(n_jobs, error):
    with pytest.raises(error, match="^n_jobs must be"):
        a_vae(n_jobs).fit(X)


def test_small_models_stay_in_one_process(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(Workers, "start", None)
    a_vae(2).fit(X)


@pytest.mark.parametrize(
    ("rows", "settings", "n_most", "size"),
    [
        (999, {"skip": True}, 2, 1),
        (1000, {"skip": True}, 2, 2),
        (1000, {"skip": True}, 8, 2),
        (5000, {"skip": True}, 4, 4),
        (100, {"skip": True, "n_samples": 10}, 2, 2),
        (1000, {"skip": True, "free_bits": 0.1}, 2, 1),
        (1000, {"hidden": (15,)}, 2, 2),
        (5000, {}, 4, 4),
        (20, {}, 4, 4),
        (20, {"free_bits": 0.1}, 4, 4),
    ],
)
def test_rows_are_shared_of_large_batches_and_units_where_less_travels(
    rows, settings, n_most, size
):
    """Units cannot be shared with a skip path, or of narrow layers; rows not with free bits."""
    settings = {"hidden": (64,), "skip": False, "standardize": False, **settings}
    training = Training.empty(Settings(batch_size=rows, **settings), 500, "f8", 0)
    assert sharing.best_size(training, 10**6, n_most) == size


@pytest.mark.parametrize("attribute, value", [("executable", ""), ("frozen", True)])
def test_what_is_no_interpreter_is_not_started_again(attribute, value, monkeypatch):
    monkeypatch.setattr(sys, attribute, value, raising=False)
    assert type(parallel.team(None, 2)) is OneProcess


def test_where_no_process_can_be_started_one_trains(monkeypatch):
    def refuse(*arguments, **more):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(workers.subprocess, "Popen", refuse)
        with pytest.warns(RuntimeWarning, match="No worker process could be started .*unavailable"):
            vae = a_vae(2).fit(X)
    assert np.array_equal(vae.transform(X), a_vae(None).fit(X).transform(X))


def test_an_error_while_they_start_leaves_none_of_them(monkeypatch):
    """The fixture above looks for those that are left."""

    def fill():
        raise MemoryError

    right = workers.packed
    monkeypatch.setattr(workers, "packed", lambda things: (*right(things)[:2], fill))
    with pytest.raises(MemoryError):
        a_vae(2).fit(X)


def test_each_process_uses_one_thread_and_says_so(monkeypatch):
    monkeypatch.setattr(parallel.hardware, "blas_threads", lambda: 8)
    assert parallel.team(None, 2).threads == 1


@pytest.mark.slow
def test_workers_of_others_start_none():
    """Their program has shared out the cores already."""
    pytest.importorskip("joblib", reason="joblib is not installed")
    code = """
import joblib
def team(): return type(parallel.team(None, 2)).__name__
print(team())
for backend in ("threading", "loky"):
    with joblib.parallel_config(backend, n_jobs=2):
        print(*joblib.Parallel()(joblib.delayed(team)() for _ in range(2)))
"""
    output, errors = program(code).communicate(timeout=100)
    assert (output, errors) == ("Workers\n" + 2 * "OneProcess OneProcess\n", "")


# Where it works.


PROGRAM = """
import numpy as np, sys, threading
from numvae import VAE, parallel
from numvae.parallel import sharing, workers
sharing.FEWEST_PRODUCTS = workers.ALONE = 0
X = np.random.default_rng(0).random((300, 40))
def fit(epochs=3):
    vae = VAE(2, hidden=64, likelihood="bernoulli", batch_size=20, epochs=epochs, n_jobs=2)
    return vae.fit(X)
"""


def program(code, **more):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


@pytest.mark.slow
def test_a_script_needs_no_guard_and_a_thread_may_fit():
    code = "threads = [threading.Thread(target=fit) for _ in range(2)]\n"
    code += "[t.start() for t in threads]\n[t.join() for t in threads]\nprint(fit().n_iter_)"
    process = program(code)
    output, errors = process.communicate(timeout=100)
    assert (output, errors, process.returncode) == ("3\n", "", 0)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.slow
def test_it_works_under_every_start_method(method, tmp_path):
    code = "import multiprocessing as m\nif __name__ == '__main__':\n"
    code += f"  m.set_start_method({method!r})\n  print(fit().n_iter_)\n"
    code += "  with m.Pool(1) as pool: print(pool.apply(fit).n_iter_)"
    (tmp_path / "program.py").write_text(PROGRAM + code)
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n3\n", "")


def test_rows_are_there_once(tmp_path):
    """A large array is copied into shared memory once, and a memory map is opened by its name."""
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    large = np.random.default_rng(0).random((1000, 40))
    message, files, fill = packed((large, large[::2], mapped, {"small": X[:2], "part": mapped[3:]}))
    fill()
    assert len(message) < 3000 and len(files) == 3
    code = """
import pickle, sys, numpy as np
from numvae.parallel.workers import Unpacker
large, half, mapped, more = Unpacker(sys.stdin.buffer).load()
print(large.sum(), half.sum(), mapped.sum(), more["small"].sum(), more["part"].sum(), sep=",")
print(type(mapped).__name__, large.flags.writeable)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=message, capture_output=True, pass_fds=files
    )
    for file in files:
        os.close(file)
    sums = [array.sum() for array in (large, large[::2], X, X[:2], X[3:])]
    first, second = done.stdout.decode().splitlines()
    assert_allclose([float(value) for value in first.split(",")], sums)
    assert second == "memmap False"


# What ends.


def test_a_worker_that_is_killed_is_told_in_a_sentence_and_an_earlier_fit_is_kept(monkeypatch):
    vae = a_vae(2).fit(X)
    kept = vae.network_
    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    with pytest.raises(ChildProcessError, match=r"a worker process .* has ended \(SIGKILL\)"):
        vae.set_params(epochs=100_000).fit(X)
    killer.join()
    assert vae.network_ is kept and vae.transform(X).shape == (300, 2)


def kill_a_worker(of=None, number=signal.SIGKILL):
    while not (found := children(of)):
        time.sleep(0.01)
    time.sleep(0.5)
    os.kill(found[0], number)


def test_an_error_of_a_worker_is_told(monkeypatch):
    fails = workers.MAIN.replace("workers.main()", "workers.Exchange.wait = None; workers.main()")
    monkeypatch.setattr(workers, "MAIN", fails)
    with pytest.raises(
        ChildProcessError, match="ended \\(TypeError: 'NoneType' object is not call"
    ):
        a_vae(2).fit(X)


def test_a_loss_that_diverges_leaves_a_fitted_estimator():
    with pytest.warns(RuntimeWarning, match="The estimator keeps the parameters of"):
        vae = a_vae(2, lr=1e30, clip=None, epochs=20).fit(X.astype("f4"))
    assert np.isfinite(vae.network_.parameters.vector).all()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_fitted_estimator(number):
    vae = a_vae(2, epochs=100_000)

    def send():
        while not children():
            time.sleep(0.01)
        time.sleep(0.5)
        os.kill(os.getpid(), number)

    sender, taken = threading.Thread(target=send), []
    before = signal.signal(number, lambda number, frame: taken.append(number))
    try:
        sender.start()
        with pytest.warns(RuntimeWarning, match="Training was interrupted in epoch"):
            vae.fit(X)
    finally:
        signal.signal(number, before)
        sender.join()
    assert taken == [number] and vae.transform(X).shape == (300, 2)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_no_worker_outlives_its_program(number):
    process = program(
        "signal = __import__('signal')\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\nfit(100_000)"
    )
    while not (found := children(process.pid)):
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(number)
    process.communicate(timeout=20)
    until = time.monotonic() + 10
    while any(map(runs, found)) and time.monotonic() < until:
        time.sleep(0.02)
    assert process.returncode != 0 and not any(map(runs, found))


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_two_hundred_fits_leave_nothing_behind():
    vae = a_vae(2, epochs=1)
    for _ in range(200):
        vae.fit(X[:100])


@pytest.mark.slow
def test_the_script_goes_on_after_a_worker_was_killed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", np.random.default_rng(0).random((300, 784), dtype="f4"))
    flags = ["--data", "rows.npy", "--hidden", "400", "--likelihood", "bernoulli", "--batch-size"]
    flags += ["100", "--out", "run", "--quiet", "--checkpoint-every", "1", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, TRAIN, *flags, "--epochs", "100000"], stderr=subprocess.PIPE, text=True
    )
    while not Path("run/history.csv").is_file() or len(Path("run/history.csv").read_text()) < 300:
        time.sleep(0.01)
    kill_a_worker(process.pid)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "Traceback" not in errors
    assert "ended (SIGKILL)" in errors and "Go on from its last checkpoint with: " in errors
    with np.load("run/checkpoint.npz") as saved:
        assert saved.files
    history = Path("run/history.csv").read_text().splitlines()
    n = len(history)
    assert train.main(["--resume", "run", "--epochs", str(n + 2), "--quiet"]) == 0
    assert len(Path("run/history.csv").read_text().splitlines()) == n + 3
