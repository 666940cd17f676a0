from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae import VAE, report, runs
from numvae.datasets import load
from numvae.training.progress import Progress
from numvae.settings import Settings
from numvae.training import checkpoint
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


def a_run(validation=3, **settings):
    """A run on the file of images that is one step past its best epoch, the last but none."""
    settings = Settings(hidden=(5,), likelihood="bernoulli", epochs=1, batch_size=9, **settings)
    dataset = load("images.npy", validation=validation, seed=3)
    training = Training.new(settings.checked(), dataset.X, 3)
    source = {"name": "images.npy", "validation": validation, "n_train": len(dataset.X)}
    about = {"data": {**source, "shape": dataset.shape}, "seconds": 5}
    return training, dataset, about
def test_a_folder_is_the_best_epoch_with_its_settings_and_history(data):
    training = a_run(data, {"validation": 3})
    run = saved.load(".")
    assert_array_equal(run.model.parameters.vector, training.best)
    assert run.training.model is run.model and run.training.history == training.history
    assert run.shape == (4, 3) and run.seed == 3 and not run.missing
    assert len(run.training_data().X_valid) == 3


def test_a_file_and_a_folder_without_a_checkpoint_are_a_model_alone(data, tmp_path):
    a_run(data)
    (tmp_path / "checkpoint.npz").unlink()
    for path in ("model.npz", "."):
        run = saved.load(path)
        assert run.training is None and run.shape == (4, 3)


def test_an_estimators_file_is_a_model_of_rows_that_asks_for_data(data):
    VAE(n_latent=2, hidden=(4,), epochs=1, random_state=0).fit(data).save("vae.npz")
    run = saved.load("vae.npz")
    assert run.shape == (12,) and run.columns()[:2] == ["x1", "x2"]
    with pytest.raises(ValueError, match="^vae.npz does not say what it was trained on"):
        run.examples()
    assert run.examples("images.npy")[1] == (4, 3)


def test_examples_are_in_the_order_of_the_file_and_codes_do_not_depend_on_the_blocks(
    data, monkeypatch
):
    a_run(data)
    run = saved.load(".")
    X, shape = run.examples()
    assert_array_equal(X, data)
    assert shape == (4, 3)
    mu, logvar = run.encode(X)
    monkeypatch.setattr(saved, "ROWS_AT_ONCE", 7)
    for whole, parts in zip((mu, logvar), run.encode(X)):
        np.testing.assert_allclose(whole, parts, atol=1e-6)
    assert run.decode(mu).shape == (30, 12)


@pytest.mark.parametrize(
    ("binarize", "gray"), [("none", True), ("fixed", False), ("dynamic", False)]
)
def test_the_model_sees_what_it_saw_in_training(data, binarize, gray):
    a_run(data, {"binarize": binarize})
    run = saved.load(".")
    seen = run.as_seen(data)
    assert seen.dtype == np.float32
    assert (not np.isin(seen, (0, 1)).all()) == gray
    assert_array_equal(seen, run.as_seen(data))  # the same draw again
    assert_array_equal(run.as_seen(seen), seen)
    fixed = np.isin(run.training_data().X, (0, 1)).all()
    assert fixed == (binarize == "fixed")


def test_other_data_than_the_runs_are_refused_as_its_own(data):
    a_run(data)
    run = saved.load(".")
    np.save("images.npy", np.zeros((50, 4, 3)))
    with pytest.raises(ValueError, match="45 examples to train on, the run in . had 27"):
        run.training_data()
    assert len(run.dataset("images.npy").X) == 45  # as other data they are welcome
