from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae import VAE, runs
from numvae.datasets import load
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


def test_folders_are_numbered_and_the_first_free_is_taken():
    assert [str(runs.new_folder(None, name)) for name in ("faces", "faces", "frey")] == [
        str(Path("runs") / name) for name in ("faces-1", "faces-2", "frey-1")
    ]
    Path("runs/faces-1").rmdir()
    assert runs.new_folder(None, "faces").name == "faces-1"
    assert runs.new_folder(None, "faces").name == "faces-3"


def test_a_folder_of_ones_own_is_made_with_its_parents(tmp_path):
    folder = runs.new_folder(str(tmp_path / "a" / "b"), "faces")
    assert folder == tmp_path / "a" / "b" and folder.is_dir()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["folder", "file"])
def test_what_is_there_is_never_overwritten(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(FileExistsError, match=f"^{tmp_path / 'a'} exists already.*--out"):
        runs.new_folder(str(tmp_path / "a"), "faces")


# A run.


def a_run():
    """The Training whose finished run, on the file of images, is in the folder `run`."""
    dataset = load("images.npy", validation=4, seed=3)
    settings = Settings(hidden=(5,), likelihood="bernoulli", epochs=2, beta=0.5).checked()
    data = {"name": "images.npy", "validation": 4, "n_train": 26, "shape": (4, 3)}
    training = Training.new(settings, dataset.X, 3)
    run = runs.Run(runs.new_folder("run", None), training, {"data": data, "seconds": 5.0})
    assert run.train(dataset, quiet=True) is None
    list(training.steps(dataset.X))  # so that the parameters are no longer the best
    run.save()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Report, "pictures", lambda _: ())  # most of the time, and tested elsewhere
        list(run.finish(dataset))
    return training


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
    assert run.vae.beta == 0.5 and run.vae.history_ == training.history
    assert_array_equal(run.vae.transform(data), run.model.encode(data)[0])
    assert run.shape == (4, 3) and run.training.seed == 3 and run.about["seconds"] > 5.0
    again = run.training_data()
    assert len(again.X) == 26 and len(again.X_valid) == 4
    nll, kl = run.training.evaluate(again.X_valid)
    assert -(nll + kl).mean() == pytest.approx(max(row["valid_elbo"] for row in training.history))
    X, shape = run.examples()
    assert_array_equal(X, data)  # in the order of the file
    assert shape == (4, 3)


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
    assert run.shape == (12,) and run.columns[:2] == ["x1", "x2"]
    with pytest.raises(ValueError, match="^vae.npz does not say what data it was trained on"):
        run.examples()
    assert run.examples("images.npy")[1] == (4, 3)


def test_other_data_than_the_runs_are_refused_as_its_own():
    a_run()
    run = runs.load("run")
    np.save("images.npy", np.zeros((50, 4, 3)))
    with pytest.raises(ValueError, match="46 examples to train on, the run in run had 26"):
        run.training_data()
    assert len(run.dataset("images.npy").X) == 45  # as other data they are welcome


def test_a_report_is_written_before_its_pictures_are_drawn(monkeypatch):
    a_run()
    run = runs.load("run")
    dataset = run.training_data()
    lines = Report(run.training, dataset).lines()
    monkeypatch.setattr(Report, "pictures", lambda _: pytest.fail("drawn too early"))
    again = runs.new_folder("again", None)
    assert next(run.report(dataset, again)) == lines[0]
    text = (again / "report.txt").read_text(encoding="utf-8")
    assert text == "\n".join([dataset.split, repr(run.model), *lines]) + "\n"
    assert text == Path("run/report.txt").read_text(encoding="utf-8") and "±" in text
