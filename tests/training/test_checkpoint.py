import json
import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae import files
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES
from numvae.training.checkpoint import load_model, load_training, save_model, save_training
from numvae.training.loop import Training
from numvae.streams import stream
from numvae.training.optimizers import OPTIMIZERS

D, Z, N = 4, 2, 25


def make(likelihood="bernoulli", hidden=(3,), dtype="float32"):
    model = Autoencoder(D, Z, hidden, "elu", likelihood, sigma=0.3, sigma_min=0.2, dtype=dtype)
    return model.initialize(stream(0, 0, 0))


@pytest.fixture
def saved(tmp_path):
    """(path, model) of a model in a file."""
    model = make()
    save_model(model, tmp_path / "model.npz", {"seed": 7})
    return tmp_path / "model.npz", model


# A model comes back.


@pytest.mark.parametrize("likelihood", NAMES)
@pytest.mark.parametrize("hidden", [(), (3,), (5, 3)], ids=str)
def test_every_bit_of_a_model_comes_back(likelihood, hidden, dtype, tmp_path, draw):
    model = make(likelihood, hidden, dtype)
    bits = model.parameters.vector.view(np.uint8)
    bits[...] = np.random.default_rng(0).integers(0, 256, bits.size)  # some of them no numbers
    about = {"shape": [2, 2], "seed": 2**70, "sigma": 0.1, "name": "Gräser", "none": None}
    save_model(model, tmp_path / "model.npz", about)
    loaded, found = load_model(tmp_path / "model.npz")
    assert found == about
    assert {**loaded.config, "hidden": tuple(loaded.config["hidden"])} == model.config
    assert loaded.dtype == dtype
    assert loaded.parameters.vector.tobytes() == model.parameters.vector.tobytes()


@pytest.mark.parametrize("likelihood", NAMES)
def test_a_model_that_came_back_works_and_can_be_trained(likelihood, tmp_path, draw, rng):
    model = make(likelihood)
    save_model(model, str(tmp_path / "model.npz"))
    loaded, about = load_model(str(tmp_path / "model.npz"))
    assert about == {}
    x, eps = rng.random((N, D), "float32"), draw(1, N, Z, dtype="float32")
    (losses, gradient), (losses_2, gradient_2) = (m.loss_and_grad(x, eps) for m in (model, loaded))
    assert losses == losses_2
    assert_array_equal(gradient, gradient_2)
    loaded.parameters.vector[...] = 0.0
    assert loaded.loss_and_grad(x, eps)[0] != losses


def test_a_failure_while_writing_leaves_the_old_model(saved, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    path, model = saved
    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(make("gaussian"), path)
    assert os.listdir(path.parent) == ["model.npz"]
    assert_array_equal(load_model(path)[0].parameters.vector, model.parameters.vector)


# A file that will not do.


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no.npz"):
        load_model(tmp_path / "no.npz")


def assert_refused(path, says=""):
    with pytest.raises(ValueError, match=f"{path}.*{says}") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused(saved):
    path, _ = saved
    content = path.read_bytes()
    for end in (*range(0, len(content), 41), len(content) - 1):
        path.write_bytes(content[:end])
        assert_refused(path)


def test_any_changed_byte_is_found_or_changes_nothing(saved):
    path, model = saved
    content = path.read_bytes()
    for i in range(0, len(content), 11):
        path.write_bytes(content[:i] + bytes([content[i] ^ (1 << i % 8)]) + content[i + 1 :])
        try:
            loaded, about = load_model(path)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert about == {"seed": 7} and repr(loaded) == repr(model)
            assert_array_equal(loaded.parameters.vector, model.parameters.vector)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.npz"
    for content in (b"", b"text", b"PK\x03\x04", b"\x93NUMPY"):
        path.write_bytes(content)
        assert_refused(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    assert_refused(path)
    np.savez(path, a=np.zeros(3))
    assert_refused(path)


def edited(path, changes=None, **arrays):
    """Write the file anew, whole, with other things in it; None takes an array out."""
    with np.load(path) as archive:
        old = {name: archive[name] for name in archive.files}
    text = json.dumps({**json.loads(old["header"].tobytes()), **(changes or {})})
    new = {**old, "header": np.frombuffer(text.encode(), np.uint8), **arrays}
    np.savez(path, **{name: array for name, array in new.items() if array is not None})


@pytest.mark.parametrize("version", [0, 2, 99, None, "1"])
def test_another_version_is_refused_by_its_number(saved, version):
    edited(saved[0], {"version": version})
    assert_refused(saved[0], f"version {version}")


@pytest.mark.parametrize(
    "arrays",
    [
        {"mu.W": None},
        {"more": np.zeros(2, "f4")},
        {"mu.W": np.zeros((Z, 3), "f4")},
        {"mu.W": np.zeros((3, Z, 1), "f4")},
        {"mu.W": np.zeros(6, "f4")},
        {"mu.W": np.zeros((3, Z), "f8")},
        {"mu.W": np.zeros((3, Z), "i4")},
        {"mu.W": np.zeros((3, Z), "c8")},
        {"mu.W": np.full((3, Z), "text")},
        {"header": np.frombuffer(b"[]", np.uint8)},
        {"header": np.frombuffer(b"{", np.uint8)},
        {"header": np.frombuffer(b"\xff\xfe", np.uint8)},
        {"header": np.frombuffer(b"{}", np.uint8)},
        {"header": None},
    ],
    ids=range(14),
)
def test_arrays_that_do_not_fit_are_refused(saved, arrays):
    edited(saved[0], **arrays)
    assert_refused(saved[0])


@pytest.mark.parametrize(
    "change",
    [
        {"n_latent": 3},
        {"n_features": 0},
        {"n_latent": -2},
        {"n_latent": 10**12},  # refused before any memory is taken
        {"hidden": [10**9, 10**9]},
        {"hidden": 3},
        {"likelihood": "poisson"},
        {"activation": "__doc__"},
        {"dtype": "float16"},
        {"dtype": "O"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_configuration_that_does_not_fit_is_refused(saved, change):
    path, model = saved
    edited(path, {"model": {**model.config, **change}})
    assert_refused(path)


def test_pickled_objects_are_refused_and_never_run(saved, tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    for name in ("mu.W", "header"):
        edited(saved[0], **{name: np.array([[Harm()]], object)})
        assert_refused(saved[0])
        save_model(saved[1], saved[0])
    assert not (tmp_path / "harm").exists()


def test_a_model_is_no_checkpoint_and_a_checkpoint_no_model(saved, tmp_path):
    path, model = saved
    with pytest.raises(ValueError, match=f"{path} is a numvae model file"):
        load_training(path)
    save_training(Training(model, OPTIMIZERS["adam"](model.parameters), 0), path)
    assert_refused(path, "is a numvae checkpoint file")


# A run goes on.


def begin(optimizer="adam", **settings):
    model = make()
    return Training(model, OPTIMIZERS[optimizer](model.parameters, lr=0.02), 5, 10, **settings)


def go_on(training, X, epochs=3, stop_at=None):
    """Train to the end, or until `stop_at` (epochs, steps of the next) are done."""
    while training.epoch < epochs:
        if stop_at == (training.epoch, 0):
            return training
        for _ in training.steps(X[5:]):
            if stop_at == (training.epoch, training.step):
                return training
        training.finish_epoch(X[:5])
    return training


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop_at", [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)], ids=str)
def test_a_run_put_down_after_any_step_goes_on_to_the_same_bits(optimizer, stop_at, tmp_path, rng):
    X = rng.random((N, D))
    settings = {"beta": 0.5, "n_samples": 2, "binarize": True}
    whole = go_on(begin(optimizer, **settings), X)
    save_training(go_on(begin(optimizer, **settings), X, stop_at=stop_at), tmp_path / "c", {"a": 1})
    training, about = load_training(tmp_path / "c")
    assert about == {"a": 1} and (training.epoch, training.step) == stop_at
    go_on(training, X)
    assert training.history == whole.history
    assert training.optimizer.t == whole.optimizer.t
    assert (training.best_epoch, training.best_elbo) == (whole.best_epoch, whole.best_elbo)
    for found, wanted in (
        (training.model.parameters.vector, whole.model.parameters.vector),
        (training.best, whole.best),
        *zip(training.optimizer.memory.values(), whole.optimizer.memory.values()),
    ):
        assert found.tobytes() == wanted.tobytes()


def test_a_damaged_checkpoint_is_refused(tmp_path, rng):
    path = tmp_path / "checkpoint.npz"
    save_training(go_on(begin(), rng.random((N, D)), epochs=1), path)
    content = path.read_bytes()
    damaged = [content[: len(content) // 2], content[:900] + b"?" + content[901:]]
    for arrays in ({"m": None}, {"best": np.zeros(3, "f4")}, {"v": np.zeros(3, "f8")}):
        path.write_bytes(content)
        edited(path, **arrays)
        damaged.append(path.read_bytes())
    for bad in damaged:
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=f"^{path} is not a whole numvae checkpoint"):
            load_training(path)
