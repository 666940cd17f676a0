import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae import VAE, saved
from numvae.network import Autoencoder
from numvae.training.checkpoint import save_model, save_training
from numvae.training.loop import Training
from numvae.training.optimizers import Adam


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A file of images in the working folder, and its array."""
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).random((30, 4, 3)).astype("f4")
    np.save("images.npy", X)
    return X.reshape(30, 12)


def a_run(X, settings=()):
    """A folder as train.py leaves it, after an epoch on the file of images."""
    model = Autoencoder(12, 2, (5,), likelihood="bernoulli").initialize(np.random.default_rng(0))
    training = Training(model, Adam(model.parameters), 3)
    list(training.steps(X))
    training.finish_epoch()
    list(training.steps(X))  # so that the parameters are no longer the best
    about = {"data": "images.npy", "seed": 3, "n_train": 27, **dict(settings)}
    save_training(training, "checkpoint.npz", about)
    training.keep_best()
    save_model(model, "model.npz", {"data": "images.npy", "shape": (4, 3), "seed": 3})
    return training


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
