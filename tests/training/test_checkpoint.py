import json
from pathlib import Path

import numpy as np
import pytest
from helpers import edited, load_history
from numpy.testing import assert_allclose, assert_array_equal

from numvae import load
from numvae.network.likelihoods import NAMES
from numvae.rules.mixture import Mixture
from numvae.settings import Settings
from numvae.tables.columns import Column, Columns
from numvae.training import checkpoint, history
from numvae.training.loop import POSITION, Training
from numvae.training.optimizers import OPTIMIZERS

D, Z, N = 4, 2, 25


def start(likelihood="bernoulli", dtype="float32", seed=5, **settings):
    plain = {"hidden": (3,), "activation": "elu", "batch_size": 10, "lr": 0.02, "epochs": 9}
    plain |= settings
    settings = Settings(Z, likelihood=likelihood, sigma=0.3, sigma_min=0.2, **plain).checked()
    return Training.new(settings, np.full((N, D), 0.25, dtype), seed)


@pytest.fixture
def saved(tmp_path):
    """(path, training) of a model in a file."""
    training = start()
    checkpoint.save(training, tmp_path / "model.npz", "model", {"seconds": 7.0})
    return tmp_path / "model.npz", training


NUMBERS = "train_elbo", "train_nll", "train_kl", "gradient_norm"
ROW = {"epoch": 1, **dict.fromkeys(NUMBERS, 0.1)}


def position(training):
    return {name: getattr(training, name) for name in POSITION}


# A model comes back.


@pytest.mark.parametrize("likelihood", NAMES)
@pytest.mark.parametrize("hidden", [(), (3,), (5, 3)], ids=str)
def test_every_bit_of_a_model_comes_back(likelihood, hidden, dtype, tmp_path):
    training = start(likelihood, dtype, 2**70, hidden=hidden, denoise=("gaussian", 0.1), clip=3)
    bits = training.model.parameters.vector.view(np.uint8)
    bits[...] = np.random.default_rng(0).integers(0, 256, bits.size)
    vector = training.model.parameters.vector
    vector[~np.isfinite(vector)] = np.finfo(dtype).max
    training.history, training.epoch = [ROW], 1
    columns = [Column(name, "number") for name in ("Gräser", "\x1b", "", "b")]
    columns += [Column("c", "constant", [True]), Column("d", "ignore"), Column("e", "id")]
    about = {"columns": Columns(columns, training.settings.likelihood).plain()}
    about["data"] = {"shape": [2, 2], "name": None, "scale": 255}
    checkpoint.save(training, str(tmp_path / "model.npz"), "model", about)
    loaded, found = checkpoint.load(str(tmp_path / "model.npz"), "model")
    assert found == about
    assert loaded.model.config == training.model.config and loaded.model.dtype == dtype
    assert loaded.settings.plain() == training.settings.plain() and loaded.seed == 2**70
    assert position(loaded) == position(training)
    for vector in (loaded.model.parameters.vector, loaded.best):
        assert vector.tobytes() == training.model.parameters.vector.tobytes()


@pytest.mark.parametrize("likelihood", NAMES)
def test_a_model_that_came_back_works_and_can_be_trained(likelihood, tmp_path, draw, rng):
    model = start(likelihood).model
    checkpoint.save(start(likelihood), tmp_path / "model.npz", "model")
    training, about = checkpoint.load(tmp_path / "model.npz", "model")
    assert about == {}
    x, eps = rng.random((N, D), "float32"), draw(1, N, Z, dtype="float32")
    losses, gradient = training.model.loss_and_grad(x, eps)
    wanted, wanted_gradient = model.loss_and_grad(x, eps)
    assert losses == wanted
    assert_array_equal(gradient, wanted_gradient)
    before = model.parameters.vector
    training.run(x, epochs=1)
    assert (training.model.parameters.vector != before).any()


def with_mixture(path):
    """A model in a file with a mixture of its codes."""
    training, rng = start(), np.random.default_rng(0)
    roots = rng.normal(size=(3, Z, Z))
    covariances = roots @ roots.transpose(0, 2, 1)
    training.mixture = Mixture(np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, Z)), covariances)
    checkpoint.save(training, path, "model")
    return training


def test_every_bit_of_a_mixture_comes_back(tmp_path):
    training = with_mixture(tmp_path / "model.npz")
    found = checkpoint.load(tmp_path / "model.npz", "model")[0].mixture
    assert [array.tobytes() for array in found] == [a.tobytes() for a in training.mixture]
    checkpoint.save(training, tmp_path / "checkpoint.npz")
    assert checkpoint.load(tmp_path / "checkpoint.npz")[0].mixture is None


@pytest.mark.parametrize(
    ("name", "place", "value", "says"),
    [
        ("shares", 0, 0.3, "the shares of its mixture must sum to 1"),
        ("shares", 0, 0.1, "the shares of its mixture must sum to 1"),
        ("shares", 0, 0.0, "mixture.shares must hold nothing but numbers, each a number above 0"),
        ("means", 0, np.nan, "mixture.means must hold nothing but numbers"),
        ("covariances", 1, 9.0, "its covariances must be symmetric and positive definite"),
        ("covariances", 0, -1.0, "its covariances must be symmetric and positive definite"),
        (
            "covariances",
            slice(0, 4),
            1.0,
            "its covariances must be symmetric and positive definite",
        ),
        ("covariances", slice(0, 4), 1e308, "its covariances must be symmetric and positive"),
        ("covariances", 0, np.inf, "mixture.covariances must hold nothing but numbers"),
    ],
)
def test_a_mixture_that_is_none_is_refused(name, place, value, says, tmp_path):
    path = tmp_path / "model.npz"
    with_mixture(path)
    with np.load(path) as archive:
        array = archive[f"mixture.{name}"]
    array.flat[place] = value
    edited(path, **{f"mixture.{name}": array})
    assert_refused(path, f"is not a whole numvae model file: .*{says}")


def test_rounding_makes_no_covariance_asymmetric(tmp_path):
    path = tmp_path / "model.npz"
    of_codes = with_mixture(path).mixture.covariances
    of_codes[:, 0, 1] = np.nextafter(of_codes[:, 0, 1], 1.0)
    edited(path, **{"mixture.covariances": of_codes})
    assert checkpoint.load(path, "model")[0].mixture


def test_a_mixture_has_the_size_that_the_header_says(tmp_path):
    path = tmp_path / "model.npz"
    for value, says in ((2, "its arrays have not the shapes"), (0, "n_components must be a whole")):
        with_mixture(path)
        edited(path, lambda header, value=value: header.update(n_components=value))
        assert_refused(path, says)
    with_mixture(path)
    edited(path, lambda header: header.pop("n_components"))
    assert_refused(path, "its arrays are not those of its configuration")


# A file that is refused.


def assert_refused(path, says="", kind="model"):
    with pytest.raises(ValueError, match=f"^{path}.*{says}") as caught:
        checkpoint.load(path, kind)
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?" and message[-2] not in ".?"


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
        {"header": np.frombuffer(b"[" * 10**5, np.uint8)},
        {"header": None},
    ],
    ids=range(15),
)
def test_arrays_that_do_not_fit_are_refused(saved, arrays):
    edited(saved[0], **arrays)
    assert_refused(saved[0])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("n_latent", 3, "its arrays have not the shapes"),
        ("n_latent", -2, "n_latent must be a whole number, at least 1, found -2"),
        ("n_latent", 10**9, "its arrays"),  # no memory is taken
        ("n_latent", 2.0, "n_latent must be a whole number"),
        ("hidden", [10**9, 10**9], "its arrays are not those of its configuration"),
        ("hidden", 3.0, "hidden must be a sequence of widths, found 3.0"),
        ("hidden", ["3"], "hidden must hold widths, each a whole number, at least 1, found"),
        ("likelihood", "normal", "likelihood must be one of .*, found 'normal'"),
        ("activation", "__doc__", "activation must be one of .*, found '__doc__'"),
        ("activation", "elu,elu", "activation 'elu,elu' names 2 for 1 hidden layers"),
        ("optimizer", "adamm", "optimizer must be one of .* Did you mean 'adam'"),
        ("lr", -1, "lr must be a number above 0, found -1"),
        ("lr", float("nan"), "lr must be a number above 0, found nan"),
        ("beta", "1", "beta must be a number, at least 0, found '1'"),
        ("denoise", ["gaussian"], "denoise must be a kind and an amount"),
        ("missing", "yes", "missing must be True or False, found 'yes'"),
        (
            "free_bit",
            1,
            "settings has 'free_bit', which this numvae does not know; install a newer",
        ),
    ],
)
def test_a_setting_that_is_out_of_its_constraint_or_unknown_is_refused_with_a_sentence(
    saved, name, value, says
):
    edited(saved[0], lambda header: header["settings"].update({name: value}))
    assert_refused(saved[0], f"is not a whole numvae model file: .*{says}")


HERE = {**dict.fromkeys(POSITION, 0), "start_elbo": 0.0, "best_elbo": 0.0}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("settings", "a", ""),
        ("settings", None, ""),
        ("seed", "a", "seed must be a whole number, at least 0, found 'a'"),
        ("seed", -1, "seed must be a whole number, at least 0, found -1"),
        ("n_features", 0, "n_features must be a whole number, at least 1, found 0"),
        ("n_features", 5, "its arrays"),
        ("dtype", "float16", "dtype must be one of float32, float64, found 'float16'"),
        ("dtype", "O", "dtype must be one of float32, float64, found 'O'"),
        ("position", {}, ""),
        ("position", {**dict.fromkeys(POSITION, 0), "epoch": -1}, "epoch must be a whole number"),
        ("position", HERE, "history must be a list"),
        ("about", "a", "about must be a dict"),
        *(
            ("position", {**HERE, "epoch": 2, "history": rows}, "history must have rows of epochs")
            for rows in ([ROW, ROW], [{**ROW, "epoch": 3}], [{**ROW, "epoch": 2}, ROW])
        ),
    ],
)
def test_a_header_that_is_wrong_or_not_whole_is_refused(saved, name, value, says):
    edited(saved[0], lambda header: header.update({name: value}))
    assert_refused(saved[0], f"is not a whole numvae model file: .*{says}")
    edited(saved[0], lambda header: header.pop(name))
    assert_refused(saved[0], f"is not a whole numvae model file: .*{name}")


def of_columns(*names, base="bernoulli", kind="number", levels=None, decimals=None):
    columns = [Column(name, kind, levels, decimals) for name in names]
    return {"columns": Columns(columns, base).plain()}


SCORES = {"samples": 5, "log_p": [1.0], "held_out": True}
IMAGES = {"name": "x.npy", "n_train": 25, "shape": [2, 2], "resize": None, "scale": 255}


@pytest.mark.parametrize(
    ("about", "says"),
    [
        (of_columns(*"abc"), "there are 4 columns of 'bernoulli', but its table makes 3 of 'bern"),
        (of_columns(*"abcd", base="gaussian"), "but its table makes 4 of 'gaussian'"),
        (of_columns(*"abc", 4), r"columns\[3\].name must be a text, found 4"),
        (
            of_columns(*"abcd", kind="many"),
            r"columns\[0\].kind must be one of number, .*'many'",
        ),
        (of_columns(*"abcd", kind="bernoulli"), "column 'a' has the levels None"),
        (of_columns(*"abcd", kind="categorical", levels=["x", "x"]), "column 'a' has the levels"),
        (of_columns(*"abcd", decimals=7), "decimals must be a whole number, .* and at most 6,"),
        (of_columns(*"abcd", levels=["x"]), "column 'a' is number: levels do not fit"),
        (of_columns(*"abcd", levels=[["x"]]), "must be a text, a bool or a number, found"),
        (
            of_columns(*"abc", "\ud800"),
            r"columns\[3\].name must be a text that can be written, found",
        ),
        ({"columns": "abcd"}, r"header.about.columns must be a dict, found 'abcd'"),
        ({"seconds": -1.0}, "header.about.seconds must be a number, at least 0, found -1.0"),
        ({"second": 1.0}, "header.about has 'second', which this numvae does not know"),
        ({"reference": {**SCORES, "log_p": []}}, "log_p must hold a number or more"),
        ({"reference": {**SCORES, "log_p": ["a"]}}, r"log_p\[0\] must be a number"),
        ({"reference": {**SCORES, "held_out": "no"}}, "held_out must be True or False"),
        ({"reference": {"log_p": [1.0]}}, "header.about.reference has no samples"),
        ({"data": [IMAGES]}, "header.about.data must be a dict"),
        ({"data": {**IMAGES, "name": 3}}, "header.about.data.name must be a text, found 3"),
        ({"data": {**IMAGES, "n_train": 0}}, "n_train must be a whole number, at least 1, found 0"),
        ({"data": {**IMAGES, "scale": 0}}, "scale must be a number above 0, found 0"),
        ({"data": {**IMAGES, "shape": [2, 3]}}, r"4 columns, which have not the shape \[2, 3\]"),
        ({"data": {**IMAGES, "shape": [4, 1, 1, 1]}}, "which have not the shape"),
        ({"data": {**IMAGES, "shape": [2.0, 2]}}, r"shape\[0\] must be a whole number"),
        ({"data": {**IMAGES, "resize": [9, 9]}}, r"4 columns, no images of the size \[9, 9\]"),
        ({"data": {**IMAGES, "resize": [4]}}, r"4 columns, no images of the size \[4\]"),
        *(
            ({"data": {**IMAGES, "limits": bad}}, "limits must be two numbers in order, found")
            for bad in ([], [0.0], [1.0, 0.0], [0.0, 0.5, 1.0])
        ),
        ({"data": {**IMAGES, "random_split": "yes"}}, "random_split must be True or False"),
        ({"data": {**IMAGES, "download": True}}, "has 'download', which this numvae does not know"),
    ],
)
def test_what_is_said_of_the_data_is_checked(saved, about, says):
    edited(saved[0], lambda header: header.update(about={"data": IMAGES}))
    assert checkpoint.load(saved[0], "model")[1] == {"data": IMAGES}
    edited(saved[0], lambda header: header.update(about=about))
    assert_refused(saved[0], f"is not a whole numvae model file: .*{says}")


@pytest.mark.parametrize(
    "about",
    [
        of_columns(*"abcd", decimals=0),
        of_columns(*"abcd", decimals=6),
        {"data": {**IMAGES, "shape": [1, 2, 2]}},
        {"data": {**IMAGES, "resize": [2, 2]}},
        {"data": {**IMAGES, "limits": [0.5, 0.5]}},
    ],
)
def test_what_is_true_of_the_data_is_let_through(saved, about):
    edited(saved[0], lambda header: header.update(about=about))
    assert checkpoint.load(saved[0], "model")[1] == about


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"step": 0}, "0 steps of an epoch, of 10 rows each, cannot have seen 20 rows"),
        ({"step": 1}, "1 steps of an epoch, of 10 rows each, cannot have seen 20 rows"),
        ({"step": 3}, "3 steps of an epoch, of 10 rows each, cannot have seen 20 rows"),
        ({"step": 3, "n_seen": 30}, "3 steps .* cannot have seen 30 rows"),  # of 25 that there are
        ({"n_seen": 20.0}, "header.position.n_seen must be a whole number"),
        ({"best_epoch": 3}, "best_epoch must be at most 2, found 3"),
        ({"best_epoch": 2**70}, "best_epoch must be a whole number, at least 0 and at most"),
        ({"best_elbo": None}, "best_elbo must be a number with a point, found None"),
        ({"start_elbo": "0"}, "start_elbo must be a number with a point, found '0'"),
        ({"more": 1}, "header.position has 'more'"),
        ({"history": [{**ROW, "train_kl": 1}]}, r"history\[0\].train_kl must be a number with a"),
        ({"history": [{**ROW, "valid_kl": 1.0}]}, r"history\[0\] must have all of valid_elbo"),
        ({"history": [{"epoch": 1}]}, r"header.position.history\[0\] has no train_elbo"),
        ({"history": [None]}, r"header.position.history\[0\] must be a dict, found None"),
    ],
)
def test_a_run_stands_where_it_can_have_come_to(change, says, tmp_path, rng):
    path, about = tmp_path / "checkpoint.npz", {"data": IMAGES}
    checkpoint.save(go_on(start(), rng.random((N + 5, D)), (2, 2)), path, about=about)
    assert checkpoint.load(path)[0].n_seen == 20
    edited(path, lambda header: header["position"].update(change))
    assert_refused(path, f"is not a whole numvae checkpoint file: .*{says}", "checkpoint")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("sums", [20.0] * 4, "sums must be five, the last of 20 rows or more"),
        ("sums", [20.0] * 4 + [19.0], "sums must be five, the last of 20 rows or more"),
        ("sums", [1.0] * 5, "sums must be five, the last of 20 rows or more"),
        ("sums", [float("nan")] * 5, r"sums\[0\] must be a number, found nan"),
        ("t", 1, "t must be a number of steps, at least 2, found 1"),
        ("t", 2**53 + 1, r"t must be a whole number, at least 0 and at most 9.0072e\+15, found"),
        ("t", 10**400, "t must be a whole number, at least 0 and at most"),
        ("v", -1.0, "v must hold nothing but numbers, each a number, at least 0"),
        ("v", float("nan"), "v must hold nothing but numbers"),
        ("m", float("inf"), "m must hold nothing but numbers, each a number"),
        ("best", float("nan"), "best must hold nothing but numbers"),
        ("mu.W", float("nan"), "mu.W must hold nothing but numbers"),
    ],
)
def test_what_an_optimizer_remembers_are_numbers(name, value, says, tmp_path, rng):
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(go_on(start(), rng.random((N + 5, D)), (2, 2)), path)
    if name in ("sums", "t"):
        edited(path, lambda header: header.update({name: value}))
    else:
        with np.load(path) as archive:
            array = archive[name]
        array.flat[-1] = value
        edited(path, **{name: array})
    assert_refused(path, f"is not a whole numvae checkpoint file: .*{says}", "checkpoint")


@pytest.mark.parametrize("t", [2, 2**53])
def test_an_optimizer_has_taken_as_many_steps_as_its_epoch_or_more(t, tmp_path, rng):
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(go_on(start(), rng.random((N + 5, D)), (2, 2)), path)
    edited(path, lambda header: header.update(t=t))
    assert checkpoint.load(path)[0].optimizer.t == t


@pytest.mark.parametrize("name", ["units.center", "units.scale", "factors.W", "factors.psi"])
def test_constants_are_finite_and_those_that_divide_are_positive(name, tmp_path):
    path = tmp_path / "model.npz"
    for bad in (np.nan, np.inf, *([0.0, -1.0] if name in ("units.scale", "factors.psi") else [])):
        checkpoint.save(start("gaussian"), path, "model")
        with np.load(path) as archive:
            array = archive[name]
        array.flat[0] = bad
        edited(path, **{name: array})
        assert_refused(path, f"{name} must hold nothing but numbers, each a number")


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": [1] * 10**6, "activation": "tanh"},
        {"hidden": [10**9] * 3},
        {"hidden": [3] * 8000},
        {"n_latent": 10**12},
        {"likelihood": ",".join(["gaussian:1"] * 10**6)},
        {"likelihood": "gaussian:3,gaussian:99999999999999999999"},
        {"activation": ",".join(["tanh"] * 10**6)},
        {"n_features": 10**12},
        {"x": "x" * 10**7},
        {"x": [[]] * 10**6},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_what_is_declared_takes_no_memory(settings, saved, assert_grows):
    """Not even of a model whose columns are standardised, which have arrays of their own."""
    path = saved[0]
    checkpoint.save(start("gaussian"), path, "model")

    def declare(header):
        header["n_features"] = settings.pop("n_features", D)
        header["settings"] |= settings

    edited(path, declare)
    with assert_grows(5 * path.stat().st_size + 2**22):
        assert_refused(path)


def test_blocks_of_columns_are_held_against_the_columns(saved):
    edited(saved[0], lambda header: header["settings"].update(likelihood="gaussian:3,bernoulli:2"))
    says = "The likelihood gaussian:3,bernoulli:2 describes 5 columns, found 4"
    assert_refused(saved[0], f"is not a whole numvae model file: {says}")


def test_text_in_a_file_is_shown_without_control_characters(saved):
    for change in (
        lambda header: header.update(numvae="\x1b[31mmodel"),
        lambda header: header.update({"\x1b[31m": 1}),
        lambda header: header["settings"].update(activation="\x1b[31mtanh"),
        lambda header: header.update(version="\x1b[31m"),
    ):
        content = saved[0].read_bytes()
        edited(saved[0], change)
        with pytest.raises(ValueError) as caught:
            checkpoint.load(saved[0], "model")
        assert str(caught.value).isprintable()
        saved[0].write_bytes(content)


def test_a_folder_to_go_on_with_is_quoted_for_the_shell(tmp_path, rng):
    run = tmp_path / "my run; ls"
    run.mkdir()
    checkpoint.save(start(), run / "checkpoint.npz")
    assert checkpoint.load_best(run)[2].endswith(f"--resume '{run}'")


def test_a_setting_that_a_file_does_not_know_yet_has_its_default(saved):
    path, training = saved
    edited(path, lambda header: [header["settings"].pop(name) for name in ("clip", "warmup")])
    loaded, _ = checkpoint.load(path, "model")
    assert loaded.settings.plain() == training.settings.plain()


def test_pickled_objects_are_refused_and_never_run(saved, tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    path, training = saved
    for name in ("mu.W", "header"):
        edited(path, **{name: np.array([[Harm()]], object)})
        assert_refused(path)
        checkpoint.save(training, path, "model")
    assert not (tmp_path / "harm").exists()


def test_a_model_is_no_checkpoint_and_a_checkpoint_no_model(saved):
    path, training = saved
    assert_refused(path, "is a numvae model file", "checkpoint")
    edited(path, lambda header: header.update(numvae="checkpoint"))
    assert_refused(path, "is not a whole numvae checkpoint file", "checkpoint")
    checkpoint.save(training, path)
    assert_refused(path, "is a numvae checkpoint file")


# A run goes on.


def go_on(training, X, stop_at=(3, 0)):
    """Train until so many epochs, and steps of the next, are done."""
    while (training.epoch, training.step) != stop_at:
        for _ in training.steps(X[5:]):
            if (training.epoch, training.step) == stop_at:
                return training
        training.finish_epoch(X[:5])
    return training


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop_at", [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)], ids=str)
def test_a_run_stopped_after_any_step_goes_on_to_the_same_bits(optimizer, stop_at, tmp_path, rng):
    X = rng.random((N, D))
    settings = {"optimizer": optimizer, "beta": 0.5, "n_samples": 2, "binarize": "dynamic"}
    settings |= {"momentum": 0.5, "weight_decay": 0.1}
    whole = go_on(start(**settings), X)
    checkpoint.save(go_on(start(**settings), X, stop_at), tmp_path / "c", about={"seconds": 1.0})
    training, about = checkpoint.load(tmp_path / "c")
    assert about == {"seconds": 1.0} and (training.epoch, training.step) == stop_at
    go_on(training, X)
    assert position(training) == position(whole)
    assert training.optimizer.t == whole.optimizer.t
    for found, wanted in (
        (training.model.parameters.vector, whole.model.parameters.vector),
        (training.best, whole.best),
        *zip(training.optimizer.memory.values(), whole.optimizer.memory.values()),
    ):
        assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(("n", "kept"), [(0, []), (1, [1]), (4, [1, 2, 3, 4]), (9, [3, 6, 9])])
def test_a_models_file_holds_at_most_so_many_rows_of_a_history(tmp_path, monkeypatch, n, kept):
    monkeypatch.setattr(history, "MOST", 4)
    training = start()
    training.history, training.epoch = [{**ROW, "epoch": i + 1} for i in range(n)], n
    checkpoint.save(training, tmp_path / "model.npz", "model")
    loaded, _ = checkpoint.load(tmp_path / "model.npz", "model")
    assert [row["epoch"] for row in loaded.history] == kept
    assert len(training.history) == n


def test_a_checkpoint_does_not_grow_with_the_history(tmp_path, rng):
    training, path = start(), tmp_path / "checkpoint.npz"
    sizes = []
    for epoch in (1, 2, 3):
        checkpoint.save(go_on(training, rng.random((N, D)), (epoch, 0)), path)
        sizes.append(path.stat().st_size)
    assert len(load_history(tmp_path / "history.csv")) == 3
    assert max(sizes) - min(sizes) < 200  # a row has as many bytes; the digits of numbers differ


def test_what_a_process_wrote_after_its_last_checkpoint_is_cut_off(tmp_path, rng):
    path, X = tmp_path / "checkpoint.npz", rng.random((N, D))
    training = go_on(start(), X, (2, 0))
    checkpoint.save(training, path)
    content = path.read_bytes()
    checkpoint.save(go_on(training, X), path)
    path.write_bytes(content)  # the process died between its two files
    with open(tmp_path / "history.csv", "a") as file:
        file.write("4,-1.5")
    training, _ = checkpoint.load(path)
    assert len(training.history) == 2
    checkpoint.save(training, path)
    assert load_history(tmp_path / "history.csv") == training.history


def test_a_run_without_its_history_goes_on_without_it_and_a_changed_one_is_refused(tmp_path, rng):
    X, place = rng.random((N, D)), tmp_path / "history.csv"
    checkpoint.save(go_on(start(), X, (2, 0)), tmp_path / "checkpoint.npz")
    place.write_text("mine")
    with pytest.raises(ValueError, match=f"^{place} does not begin with the 2 rows"):
        checkpoint.load(tmp_path / "checkpoint.npz")
    place.unlink()
    training = go_on(checkpoint.load(tmp_path / "checkpoint.npz")[0], X)
    assert training.model.parameters.vector.tobytes() == (
        go_on(start(), X).model.parameters.vector.tobytes()
    )
    checkpoint.save(training, tmp_path / "checkpoint.npz")
    assert [row["epoch"] for row in load_history(place)] == [3]


def test_a_finished_run_without_its_history_has_that_of_its_model(tmp_path, rng):
    training = go_on(start(), rng.random((N, D)))
    checkpoint.save(training, tmp_path / "checkpoint.npz")
    training.keep_best()
    checkpoint.save(training, tmp_path / "model.npz", "model")
    (tmp_path / "history.csv").unlink()
    assert load(tmp_path).history_ == training.history and len(training.history) == 3


def test_a_folder_has_a_finished_run_if_its_model_is_the_best_of_its_checkpoint(tmp_path, rng):
    run, model = tmp_path / "checkpoint.npz", tmp_path / "model.npz"
    training = go_on(start(), rng.random((N, D)))
    training.mixture = Mixture(np.ones(1), np.zeros((1, Z)), np.eye(Z)[None])
    training.keep_best()
    checkpoint.save(training, model, "model", {"seconds": 7.0})
    assert checkpoint.load_best(tmp_path)[1:] == ({"seconds": 7.0}, "")
    checkpoint.save(training, run)
    edited(model, lambda header: header["position"].update(history=[]))  # as of numvae 0.1
    found, *more = checkpoint.load_best(tmp_path)
    assert more == [{"seconds": 7.0}, ""]
    assert found.history == training.history and found.mixture.shares == [1.0]
    training.settings.activation = training.model.config["activation"] = "tanh"
    checkpoint.save(training, model, "model")
    assert checkpoint.load_best(tmp_path)[2] != ""
    training.model.config["activation"] = training.settings.activation = "elu"
    training.model.parameters.vector[0] += 1.0
    checkpoint.save(training, model, "model")
    assert checkpoint.load_best(tmp_path)[2] != ""


@pytest.mark.parametrize(("stop_at", "of"), [((0, 1), "its start"), ((1, 1), "epoch 1")])
def test_of_a_run_that_has_not_ended_it_is_said_what_is_loaded_and_how_to_go_on(
    stop_at, of, tmp_path, rng
):
    checkpoint.save(go_on(start(), rng.random((N, D)), stop_at), tmp_path / "checkpoint.npz")
    assert checkpoint.load_best(tmp_path)[2] == (
        f"The run in {tmp_path} has not come to its end: these are its best parameters so far, of "
        f"{of}. To go on with it: --resume {tmp_path}"
    )


@pytest.mark.parametrize("epochs", [7, 9])
def test_a_run_whose_length_was_left_to_the_program_may_be_given_one(epochs, tmp_path, rng):
    """Its history has rows of some epochs only."""
    X = rng.random((60, D))
    training = start(epochs=None)  # six steps make an epoch, about 50 a row of the history
    training.run(X, X[:20], epochs)
    training.settings.epochs = 20
    checkpoint.save(training, tmp_path / "c")
    training, _ = checkpoint.load(tmp_path / "c")
    assert training.run(X, X[:20]) is None
    before = [7] if epochs == 7 else [8, 9]
    assert [row["epoch"] for row in training.history] == [*before, *range(epochs + 1, 21)]


def test_a_damaged_checkpoint_is_refused(tmp_path, rng):
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(go_on(start(), rng.random((N, D)), (1, 0)), path)
    content = path.read_bytes()
    damaged = [content[: len(content) // 2], content[:900] + b"?" + content[901:]]
    for change, arrays in (
        (lambda header: None, {"m": None}),
        (lambda header: None, {"best": np.zeros(3, "f4")}),
        (lambda header: None, {"v": np.zeros(3, "f8")}),
        (lambda header: header.pop("sums"), {}),
        (lambda header: header.update(sums=[1.0]), {}),
        (lambda header: header.update(t=-1), {}),
        (lambda header: header.update(n_rows=-1), {}),
        (lambda header: header.pop("n_rows"), {}),
    ):
        path.write_bytes(content)
        edited(path, change, **arrays)
        damaged.append(path.read_bytes())
    for bad in damaged:
        path.write_bytes(bad)
        assert_refused(path, "is not a whole numvae checkpoint", "checkpoint")


# Files of format 1, and what numvae 0.1 made of them.

FORMAT_1 = Path(__file__).parent / "format_1"
FORMAT_2 = Path(__file__).parent / "format_2"


@pytest.fixture(scope="module")
def expected():
    return arrays_and_histories(FORMAT_1)


def arrays_and_histories(folder):
    with np.load(folder / "expected.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    return {**arrays, **json.loads(arrays.pop("history").tobytes())}


def assert_as_before(found, wanted):
    """Equal to the last bit where they were written; another processor may round differently."""
    tolerance = 1000 * np.finfo(wanted.dtype).eps
    assert found.dtype == wanted.dtype
    assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def assert_same_history(found, wanted):
    assert [list(row) for row in found] == [list(row) for row in wanted]
    for row, wanted_row in zip(found, wanted):
        assert row == pytest.approx(wanted_row, rel=1e-4)


def test_an_estimator_of_format_1_is_whole_and_can_be_trained(expected):
    vae, X = load(FORMAT_1 / "vae.npz"), expected["X"]
    assert repr(vae) == (
        "VAE(n_latent=2, hidden=(3,), activation='elu', sigma_min=0.2, dropout=0.1, skip=False, "
        "standardize=False, epochs=4, batch_size=5, optimizer='adagrad', lr=0.02, clip=2.0, "
        "n_samples=2, beta=0.5, warmup=3, free_bits=0.01, denoise=('gaussian', 0.2), missing=True, "
        "validation_fraction=0.25, n_importance=7, random_state=5)"
    )
    assert_array_equal(vae.network_.parameters.vector, expected["vae"])
    assert vae.history_ == expected["history"]["vae"] and vae.n_iter_ == 4
    assert (vae.best_epoch_, vae._training.best_elbo) == (0, -np.inf)
    for method in ("transform", "score_samples"):
        assert_as_before(getattr(vae, method)(X), expected[method])
    vae.partial_fit(X)
    assert_as_before(vae.network_.parameters.vector, expected["vae_after_partial_fit"])
    assert_same_history(vae.history_, expected["history"]["vae_after_partial_fit"])


RUN = Settings(
    2,
    hidden=(3,),
    activation="softplus",
    likelihood="bernoulli",
    epochs=4,
    batch_size=4,
    lr=0.01,
    schedule="cosine",
    clip=3.0,
    objective="iwae",
    n_samples=2,
    warmup=3,
    denoise=("salt_and_pepper", 0.3),
    binarize="dynamic",
    validation_fraction=0.0,
    skip=False,
    standardize=False,
    random_state=7,
)
DATA = {"validation": 3, "random_split": False, "n_train": 9, "scale": 1, "format": 1}


def test_a_run_of_format_1_goes_on_as_it_did(expected):
    training, about = checkpoint.load(FORMAT_1 / "checkpoint.npz")
    assert training.settings.plain() == RUN.plain() and training.seed == 7
    assert (training.epoch, training.step, training.n_seen) == (2, 1, 4)
    assert training.history == expected["history"]["run"][:2]
    assert about["data"].items() >= DATA.items() and about["data"]["name"].endswith("rows.npy")
    training.run(expected["rows"], expected["rows_valid"])
    assert_same_history(training.history, expected["history"]["run"])
    best_epoch, best_elbo = expected["best_of_run"]
    assert (training.best_epoch, training.optimizer.t) == (best_epoch, expected["t"])
    assert training.best_elbo == pytest.approx(best_elbo, rel=1e-4)
    assert_as_before(training.model.parameters.vector, expected["run"])
    assert_as_before(training.best, expected["best"])
    for name, memory in training.optimizer.memory.items():
        assert_as_before(memory, expected[name])


def test_the_model_of_a_run_of_format_1_is_its_best_epoch(expected):
    training, about = checkpoint.load(FORMAT_1 / "model.npz", "model")
    assert training.settings.plain() == RUN.plain() and training.seed == 7
    assert_array_equal(training.model.parameters.vector, expected["best"])
    assert about["data"].items() >= {**DATA, "shape": [4]}.items()


def test_a_run_of_format_1_stopped_in_its_first_epoch_cannot_go_on(tmp_path):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes((FORMAT_1 / "checkpoint.npz").read_bytes())
    edited(path, lambda header: header.update(has_best=False), best=None)
    assert_refused(path, "stopped in its first epoch by numvae 0.1: start the run", "checkpoint")


@pytest.mark.parametrize(("name", "kind"), [("vae", "model"), ("checkpoint", "checkpoint")])
def test_a_header_of_format_1_is_checked_too(name, kind, tmp_path):
    path = tmp_path / f"{name}.npz"
    for change, says in (
        (lambda header: header["model"].update(n_latent=0), "n_latent must be a whole number"),
        (lambda header: header["model"].update(likelihood="bernouli"), "Did you mean 'bernoulli'"),
        (lambda header: header.pop("model"), "model"),
        (lambda header: header.update(model=3), "its header is not one of format 1"),
        (lambda header: header.update(about=3), "its header is not one of format 1"),
    ):
        path.write_bytes((FORMAT_1 / f"{name}.npz").read_bytes())
        edited(path, change)
        assert_refused(path, f"is not a whole numvae {kind} file: .*{says}", kind)


# Files of format 4, and of format 3, whose checkpoints had the history in their headers.


def test_a_checkpoint_of_format_4_goes_on_with_the_history_beside_it(tmp_path, rng):
    path = tmp_path / "checkpoint.npz"
    training = go_on(start(), rng.random((N, D)), (2, 1))
    checkpoint.save(training, path)
    edited(path, lambda header: header.update(version=4))
    assert checkpoint.load(path)[0].history == training.history


def test_a_checkpoint_of_format_3_goes_on_with_its_history(tmp_path, rng):
    def as_format_3(header):
        header["position"]["history"] = part.history
        header["version"] = 3
        del header["n_rows"]

    X, path = rng.random((N, D)), tmp_path / "checkpoint.npz"
    part = go_on(start(), X, (2, 1))
    checkpoint.save(part, path)
    edited(path, as_format_3)
    (tmp_path / "history.csv").unlink()
    training, _ = checkpoint.load(path)
    assert position(training) == position(part) and len(training.history) == 2
    checkpoint.save(go_on(training, X), path)
    assert load_history(tmp_path / "history.csv") == training.history == go_on(start(), X).history


# Files of format 2, which had neither skip paths nor standardised columns, and other defaults.


@pytest.fixture(scope="module")
def expected_2():
    return arrays_and_histories(FORMAT_2)


OF_FORMAT_2 = {"skip": False, "standardize": False, "n_latent": 2, "likelihood": "gaussian"}
OF_FORMAT_2 |= {"schedule": "constant", "clip": None, "validation_fraction": 0.0}


def test_an_estimator_of_format_2_keeps_its_settings_its_scores_and_its_training(expected_2):
    vae, X = load(FORMAT_2 / "vae.npz"), expected_2["X"]
    assert vae.get_params().items() >= {**OF_FORMAT_2, "batch_size": 100, "lr": 1e-3}.items()
    assert_array_equal(vae.network_.parameters.vector, expected_2["vae"])
    assert vae.network_.constants == {} and vae.history_ == expected_2["history"]["vae"]
    for method in ("transform", "reconstruct", "score_samples", "elbo"):
        assert_as_before(getattr(vae, method)(X), expected_2[method])
    known = ~np.isnan(X)  # what is missing is drawn anew, for the rows with missing values alone
    assert_as_before(vae.impute(X, random_state=0)[known], expected_2["impute"][known])
    assert_as_before(vae.sample(5, random_state=0), expected_2["sample"])
    vae.partial_fit(X)
    assert_as_before(vae.network_.parameters.vector, expected_2["vae_after_partial_fit"])


def test_a_run_of_format_2_goes_on_as_it_did(expected_2):
    training, _ = checkpoint.load(FORMAT_2 / "checkpoint.npz")
    assert training.settings.plain().items() >= {**OF_FORMAT_2, "epochs": 4}.items()
    assert (training.epoch, training.step, training.start_elbo) == (2, 1, -np.inf)
    training.run(expected_2["rows"][:9], expected_2["rows"][9:])
    assert_same_history(training.history, expected_2["history"]["run"])
    assert_as_before(training.model.parameters.vector, expected_2["run"])
    assert_as_before(training.best, expected_2["best"])
    for name, memory in training.optimizer.memory.items():
        assert_as_before(memory, expected_2[name])


def test_a_file_of_format_2_is_written_anew_in_this_one(tmp_path, expected_2):
    load(FORMAT_2 / "vae.npz").save(tmp_path / "vae.npz")
    again = load(tmp_path / "vae.npz")
    assert again.get_params() == load(FORMAT_2 / "vae.npz").get_params()
    assert_as_before(again.score_samples(expected_2["X"]), expected_2["score_samples"])
