import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import numvae
from numvae import VAE, runs
from numvae.datasets import load
from numvae.evaluation import anomaly
from numvae.files import LOCK
from numvae.parallel import OneProcess
from numvae.report import Report
from numvae.settings import Settings
from numvae.training.loop import Training


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A file of images in the working folder, and its array."""
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).random((30, 4, 3)).astype("f4")
    np.save("images.npy", X)
    return X.reshape(30, 12)


# The folder.


def made(out, name="faces"):
    with runs.new_folder(out, name) as folder:
        assert folder.is_dir()
    return str(folder)


def test_folders_are_numbered_and_the_first_free_is_taken():
    assert [made(None, name) for name in ("faces", "faces", "frey")] == [
        str(Path("runs") / name) for name in ("faces-1", "faces-2", "frey-1")
    ]
    Path("runs/faces-1").rmdir()
    assert made(None) == str(Path("runs/faces-1"))
    assert made(None) == str(Path("runs/faces-3"))


def test_a_folder_of_ones_own_is_made_with_its_parents(tmp_path):
    assert made(str(tmp_path / "a" / "b")) == str(tmp_path / "a" / "b")


@pytest.mark.parametrize("path", ["a", "a/b"])
def test_what_is_there_is_never_overwritten(tmp_path, path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("mine")
    with pytest.raises(FileExistsError, match=f"^{tmp_path / path} exists already.*--out"):
        made(tmp_path / path)
    assert [p.name for p in tmp_path.rglob("*") if "images" not in p.name] == ["a", "b"]


def test_a_folder_that_a_dead_process_did_not_fill_is_taken_over():
    for name in (LOCK, ".numvae-0123456789abcdef.tmp"):
        Path("a").mkdir(exist_ok=True)
        Path("a", name).write_text("process 1 on Mars since yesterday")
        assert made("a") == "a" and list(Path("a").iterdir()) == []


def test_a_folder_that_is_being_filled_is_not():
    with (
        runs.new_folder("a", "faces"),
        pytest.raises(BlockingIOError, match="^a is in use by proc"),
    ):
        made("a")


def test_two_that_begin_at_once_get_two_folders():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: made(None), range(24)))) == 24


def test_the_run_to_be_resumed_has_one_writer():
    with pytest.raises(FileNotFoundError, match="^there is no checkpoint.npz in nowhere"):
        runs.old_folder("nowhere").__enter__()
    a_run()
    with runs.old_folder("run") as folder:
        assert folder == Path("run")
        with pytest.raises(BlockingIOError, match=f"^run is in use by process {os.getpid()} on "):
            runs.old_folder("run").__enter__()
        assert runs.load("run").training.epoch == 2  # readers need no lock
    with runs.old_folder("run"):
        pass
    assert not Path("run", LOCK).exists()


# A run.


def a_run():
    """The Training whose finished run, on the file of images, is in the folder `run`."""
    dataset = load("images.npy", validation=4, seed=3)
    settings = Settings(hidden=(5,), likelihood="bernoulli", epochs=2, beta=0.5).checked()
    data = {"name": "images.npy", "validation": 4, "n_train": 26, "shape": (4, 3)}
    training = Training.new(settings, dataset.X, 3)
    run = runs.Run(Path(made("run")), training, {"data": data, "seconds": 5.0})
    assert run.train(dataset, 10, quiet=True) is None
    list(training.steps(dataset.X))  # so that the parameters are no longer the best
    run.save()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Report, "pictures", lambda _: ())  # most of the time, and tested elsewhere
        list(run.finish(dataset, quiet=True))
    return training


SAVE = """
import sys
from pathlib import Path
from numvae import runs
with runs.old_folder("run"):
    run = runs.resume("run")
    dataset = run.training_data()
    print("begun", flush=True)
    for _ in range(10**6):
        run.training.run(dataset.X, dataset.X_valid, run.training.epoch + 1)
        run.save()
"""


def test_those_that_share_a_training_complete_it_before_the_first_of_them_writes_it():
    class Team(OneProcess):
        def share(self, training, X):
            done.append(("share", len(X)))

        def whole(self, training):
            done.append("whole")

        def first(self, function):
            done.append("first")

    done, run = [], of_data()
    run.share(Team(), SimpleNamespace(X=np.zeros((26, 12))))
    run.save()
    assert done == [("share", 26), "whole", "first"]


@pytest.mark.parametrize(("before", "after"), [({}, 3.0), ({"seconds": 5.0}, 8.0)])
def test_the_seconds_of_a_run_are_those_of_all_its_sessions(monkeypatch, before, after):
    clock, run = [7.0], of_data()
    run.about, run.path = before, Path(made("run"))
    monkeypatch.setattr(time, "monotonic", lambda: clock[-1])
    monkeypatch.setattr(runs.Progress, "epoch", lambda *_: clock.append(10.0))
    run.training.settings.epochs = 1
    run.train(SimpleNamespace(X=np.zeros((26, 12)), X_valid=()), 10)
    assert run.about["seconds"] == runs.resume("run").about["seconds"] == after


def test_a_terminal_shows_what_is_done_and_keeps_a_summary_of_training(monkeypatch, capsys):
    run, dataset = of_data(), load("images.npy", validation=4)
    run.path, run.training.settings.epochs = Path(made("run")), 2
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run.train(dataset, 10)
    shown = capsys.readouterr().out
    assert re.match(r"\r  [█·]{20} epoch 1/2    \d+ s left\033\[K\r", shown)
    assert re.search(r"\r  2 epochs in \d+ s  ELBO \S+  held-out .*\033\[K\n$", shown)
    for scored in (lambda: run.estimate(dataset.X, 7), lambda: run.reference(dataset, 7)):
        scored()
        shown = capsys.readouterr().out
        assert re.fullmatch(rf"\r  {'█' * 20} log p\(x\)  \d+ s\033\[K\r\033\[K", shown)


@pytest.mark.slow
def test_a_process_killed_while_it_saves_leaves_the_last_checkpoint_or_the_one_before():
    a_run()
    checkpoint = Path("run/checkpoint.npz").read_bytes()
    left, rng = [], np.random.default_rng(0)
    for moment in rng.uniform(0.0, 0.3, 20):
        epoch = runs.resume("run").training.epoch
        with subprocess.Popen([sys.executable, "-c", SAVE], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"begun\n"
            time.sleep(moment)
            process.kill()
        left.append(len(list(Path("run").glob(".numvae-*"))))
        with runs.old_folder("run"):
            assert len(list(Path("run").glob(".numvae-*"))) == 0
        training = runs.resume("run").training
        assert training.epoch >= epoch and len(training.history) == training.epoch
    whole = a_run_of(training.epoch, checkpoint)
    assert training.history == whole.history
    assert_array_equal(training.model.parameters.vector, whole.model.parameters.vector)
    assert max(left) > 0, "no kill fell into the writing of a file"


def a_run_of(epochs, checkpoint):
    """The Training that goes on from a checkpoint's bytes, without being killed."""
    Path("whole").mkdir()
    Path("whole/checkpoint.npz").write_bytes(checkpoint)
    shutil.copy("run/history.csv", "whole/history.csv")
    run = runs.resume("whole")
    dataset = run.training_data()
    run.training.run(dataset.X, dataset.X_valid, epochs)
    return run.training


@pytest.mark.parametrize("path", ["run", "run/model.npz", "a folder without a checkpoint"])
def test_a_run_is_its_best_epoch_with_its_settings_its_history_and_its_data(data, path):
    training = a_run()
    if path == "a folder without a checkpoint":
        Path("run/checkpoint.npz").unlink()
        path = "run"
    run = runs.load(path)
    assert_array_equal(run.model.parameters.vector, training.best)
    assert run.training.history == training.history and len(training.history) == 2
    assert run.training.settings.plain() == training.settings.plain()
    vae = numvae.load(path)
    assert vae.beta == 0.5 and vae.history_ == training.history
    assert_array_equal(vae.transform(data), run.model.encode(data)[0])
    assert run.shape == (4, 3) and run.training.seed == 3 and run.about["seconds"] > 5.0
    again = run.training_data()
    assert len(again.X) == 26 and len(again.X_valid) == 4
    nll, kl = run.training.evaluate(again.X_valid)
    assert -(nll + kl).mean() == pytest.approx(max(row["valid_elbo"] for row in training.history))
    X, shape, table = run.examples()
    assert_array_equal(X, data)  # in the order of the file
    assert shape == (4, 3) and table is None


def test_a_run_to_be_resumed_stands_where_it_was_left():
    training = a_run()
    run = runs.resume("run")
    assert run.training.epoch == 2 and run.training.step == 1
    assert_array_equal(run.training.best, training.best)
    assert (run.model.parameters.vector != training.best).any()
    with pytest.raises(FileNotFoundError, match="no checkpoint.npz in nowhere"):
        runs.resume("nowhere")


def test_an_estimators_file_is_a_model_of_rows_that_asks_for_data(data):
    VAE(n_latent=2, hidden=(4,), epochs=1, random_state=0).fit(data).save("vae.npz")
    run = runs.load("vae.npz")
    assert run.shape == (12,) and run.columns.labels[:2] == ["x1", "x2"]
    assert run.limits == (0.0, 1.0) and run.na == ()
    with pytest.raises(ValueError, match="^vae.npz does not say what data it was trained on"):
        run.examples()
    assert run.examples("images.npy")[1] == (4, 3)
    np.savetxt("rows.csv", data, "%.9g", ",", header=",".join("abcdefghijkl"), comments="")
    assert_array_equal(run.examples("rows.csv")[0].astype("f4"), data)  # whatever they are called


def test_other_data_than_the_runs_are_refused_as_its_own():
    a_run()
    run = runs.load("run")
    np.save("images.npy", np.zeros((50, 4, 3)))
    with pytest.raises(ValueError, match="46 examples to train on, the run in run had 26"):
        run.training_data()
    assert len(run.dataset("images.npy").X) == 45  # as other data they are welcome


def test_a_reference_is_of_some_rows_held_out_or_if_there_are_none_of_those_trained_on(monkeypatch):
    a_run()
    run = runs.load("run")
    reference = run.about["reference"]
    assert (reference["samples"], len(reference["log_p"]), reference["held_out"]) == (100, 4, True)
    monkeypatch.setattr(anomaly, "MOST", 20)
    monkeypatch.setattr(anomaly, "FEWEST", 10)
    dataset = load("images.npy", validation=0)
    found = run.reference(dataset, 7)
    assert found["samples"] == 7 and len(found["log_p"]) == 20 and not found["held_out"]
    all_of_them = run.estimate(dataset.X, 7).log_p
    assert np.isin(found["log_p"], all_of_them).all()
    one = run.reference(load("images.npy", validation=1), 7)
    assert len(one["log_p"]) == 1 and one["held_out"]
    assert numvae.load("run").predict(dataset.X).shape == (len(dataset.X),)


def test_a_run_without_a_digest_or_a_reference_is_used_as_ever():
    """As those of older versions."""
    a_run()
    np.save("images.npy", np.load("images.npy")[::-1])
    run = runs.load("run")
    assert "digest" not in run.about["data"] and len(run.training_data().X) == 26


@pytest.fixture
def asked(monkeypatch):
    """The calls of `datasets.load`, each its list of arguments and its dict."""
    calls = []

    def load(*args, **named):
        calls.append((args, named))
        X, X_valid = np.split(np.zeros((30, 12)), [26])
        return SimpleNamespace(X=X, X_valid=X_valid, shape=(4, 3), digest="of zeros")

    monkeypatch.setattr(runs.datasets, "load", load)
    return calls


def of_data(**data):
    """The Run of a model of twelve columns, trained on 26 rows of this data."""
    training = Training.new(Settings(2).checked(), np.zeros((26, 12)), 3)
    return runs.Run(Path("run"), training, {"data": {"n_train": 26, **data}})


def test_the_data_of_a_run_are_loaded_as_they_were(asked):
    Path("faces").mkdir()  # of images; the data set of this name is another thing
    Path("mine").mkdir()
    given = {"scale": 255, "random_split": True, "na": ["?"]}
    of_folder = {"skip_bad": True, "resize": [4, 3]}
    run = of_data(name="mine", data_dir="there", validation=4, **given, **of_folder)
    run.training_data(download=True)
    run.training_data("faces", "here")
    run.dataset("mine.npy")
    places = ("mine", "there", 4), ("faces", "here", 4), ("mine.npy", "there", None)
    for (args, named), place in zip(asked, places):
        is_first = place[0] == "mine"
        assert args == (*place, 3, is_first)
        columns = named.pop("columns")
        assert columns.labels == [f"x{i}" for i in range(1, 13)]
        assert named == {
            **{**given, "na": ("?",), "missing": False, "condition": None},
            **(of_folder if is_first else {}),
        }


def test_what_an_older_run_does_not_say_is_as_it_was(asked):
    Path("mine.npy").touch()
    of_data(name="mine.npy").training_data()
    ((args, named),) = asked
    assert args == ("mine.npy", None, None, 3, False) and named.pop("columns")
    usual = {"scale": None, "random_split": False, "na": (), "missing": False, "condition": None}
    assert named == usual


def test_a_data_set_is_taken_whole_even_beside_a_folder_of_its_name(asked):
    Path("faces").mkdir()
    assert of_data(name="mine.npy").examples("faces")[0].shape == (30, 12)
    assert asked[0][0] == ("faces", None, None, 3, False)


@pytest.mark.parametrize(
    ("name", "binarize", "says"),
    [
        ("images.npy", "none", "which held out other rows of its data"),
        ("images.npy", "fixed", "which drew other pixels of its data"),
        ("mnist", "fixed", "which drew other pixels of its data"),
        ("mnist", "dynamic", None),
    ],
)
def test_what_numvae_01_drew_in_another_way_is_not_taken_for_the_runs(asked, name, binarize, says):
    run = of_data(name=name, format=1)
    run.training.settings.binarize = binarize
    if says:
        with pytest.raises(ValueError, match=f"^run was written by numvae 0.1, {says}: the model"):
            run.training_data()
    else:
        run.training_data()
    assert len(asked) == (not says)


def test_a_report_is_written_before_its_pictures_are_drawn(monkeypatch):
    a_run()
    run = runs.load("run")
    dataset = run.training_data()
    lines = Report(run.training, dataset).lines()
    monkeypatch.setattr(Report, "pictures", lambda _: pytest.fail("drawn too early"))
    again = Path(made("again"))
    assert next(run.report(dataset, again)) == lines[0]
    text = (again / "report.txt").read_text(encoding="utf-8")
    assert text == "\n".join([dataset.split, repr(run.model).splitlines()[0], *lines]) + "\n"
    assert text == Path("run/report.txt").read_text(encoding="utf-8") and "±" in text
