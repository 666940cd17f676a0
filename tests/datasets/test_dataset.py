from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from numvae.datasets import array_files, digits, faces, frey, load
from numvae.datasets.dataset import IMAGES
from numvae.network.likelihoods import NAMES as LIKELIHOODS


def check(data):
    """What every data set promises."""
    n_features = int(np.prod(data.shape))
    assert data.X.dtype == data.X_valid.dtype == (np.float32 if data.is_image else data.X.dtype)
    assert data.X.shape[1:] == data.X_valid.shape[1:] == (n_features,)
    assert data.likelihood in LIKELIHOODS
    n_valid = len(data.X_valid)
    assert str(n_valid) in data.split or (n_valid == 0 and "none held out" in data.split)
    assert set(data.known_valid) <= set(data.known)
    assert all(len(values) == len(data.X) for values in data.known.values())
    assert all(len(values) == len(data.X_valid) for values in data.known_valid.values())


def test_faces_are_the_images_and_factors_drawn():
    data = load("faces")
    check(data)
    images, factors = faces.faces(2500, seed=0)
    assert_array_equal(np.concatenate([data.X, data.X_valid]), images.reshape(2500, 560))
    assert tuple(data.known) == faces.FACTORS
    assert_array_equal(np.stack(list(data.known.values()), axis=1), factors[:2000])
    assert_array_equal(np.stack(list(data.known_valid.values()), axis=1), factors[2000:])
    assert data.split == "2000 faces drawn from seed 0 to train, 500 more held out"
    assert data.is_image and data.likelihood == "continuous-bernoulli"
    assert (data.scale, data.limits, data.bits, data.n_condition) == (1, (0.0, 1.0), 8, 0)


def test_images_are_fitted_with_the_settings_of_the_published_numbers():
    assert IMAGES == {
        **{"n_latent": 2, "hidden": (256,), "skip": False, "standardize": False},
        **{"batch_size": 100, "lr": 0.001, "schedule": "constant", "clip": None},
    }


def test_a_random_split_moves_rows_with_what_is_known_of_them():
    own, data, again, other = (
        load("faces", validation=300, seed=seed, random_split=random)
        for seed, random in ((3, False), (3, True), (3, True), (4, True))
    )
    check(data)
    assert data.X.shape == own.X.shape and data.X_valid.shape == own.X_valid.shape
    rows = np.concatenate([own.X, own.X_valid])
    poses = np.concatenate([own.known["pose"], own.known_valid["pose"]])
    place = {row.tobytes(): i for i, row in enumerate(rows)}
    order = [place[row.tobytes()] for row in np.concatenate([data.X, data.X_valid])]
    assert sorted(order) == list(range(2300)) and order != list(range(2300))
    assert_array_equal(np.concatenate([data.known["pose"], data.known_valid["pose"]]), poses[order])
    assert_array_equal(again.X, data.X)
    assert (other.X != data.X).any()
    assert data.split == (
        "2,000 of 2,300 examples, chosen at random (seed 3), to train, the other 300 held out"
    )


def test_a_random_split_forgets_what_is_known_of_one_part_only():
    data = load("faces", validation=20)
    data.known["frame"] = np.arange(2000.0)
    data.split_at_random(0)
    check(data)
    assert "frame" not in data.known and "pose" in data.known


def test_how_many_faces_are_held_out_does_not_change_the_others():
    one, other, none = (load("faces", validation=n, seed=3) for n in (40, 7, 0))
    for data, n in ((one, 40), (other, 7), (none, 0)):
        check(data)
        assert len(data.X_valid) == n
        assert_array_equal(data.X, one.X)
    assert_array_equal(other.X_valid, one.X_valid[:7])
    assert (load("faces", validation=0, seed=4).X != one.X).any()


def test_digits_are_the_images_and_labels_drawn(monkeypatch):
    rng = np.random.default_rng(0)
    images, labels = rng.random((10_030, 28, 28), np.float32), rng.integers(0, 10, 10_030)
    drawn = {(10_030, 3): (images, labels)}
    drawn[12_000, 0] = np.zeros((12_000, 1, 1), np.float32), np.zeros(12_000, int)
    monkeypatch.setattr(digits, "digits", lambda n, seed: drawn[n, seed])
    assert len(load("digits").X_valid) == 2000
    data = load("digits", validation=30, seed=3)
    check(data)
    assert data.split == "10000 digits drawn from seed 3 to train, 30 more held out"
    assert_array_equal(np.concatenate([data.X, data.X_valid]), images.reshape(-1, 784))
    assert_array_equal(data.known["digit"], labels[:10_000])
    assert_array_equal(data.known_valid["digit"], labels[10_000:])
    assert (data.shape, data.likelihood) == ((28, 28), "bernoulli")


@pytest.mark.parametrize("name", ["", "face", "FACES", "mnist.gz", "data.doc", "a.npy:x"])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(ValueError, match=f"no data set '{name}'.*faces, digits, frey.*.npy"):
        load(Path(name) if name else "")


def test_the_network_is_not_used_unless_it_is_asked_for(no_data, monkeypatch):
    monkeypatch.setattr("numvae.datasets.files.fetch", None)
    with pytest.raises(FileNotFoundError, match="Add --download"):
        load("mnist")


def test_fewer_than_none_are_not_held_out():
    with pytest.raises(ValueError, match="^Cannot hold out -1 examples; give 0 or more.$"):
        load("faces", validation=-1)


@pytest.mark.parametrize("name", ["faces", "mnist", "my.csv"])
def test_a_set_of_a_known_name_is_not_resized(name):
    with pytest.raises(ValueError, match=f"folder of images can be resized, and {name}"):
        load(name, resize=(8, 8))


def test_frey_is_split_in_the_order_of_the_video(monkeypatch):
    frames = np.arange(1965, dtype=np.float32)[:, None, None] * np.ones((28, 20), np.float32)
    monkeypatch.setattr(frey, "load", lambda data_dir, download: frames)
    data = load("frey")
    check(data)
    assert data.shape == (28, 20) and data.likelihood == "gaussian-sigma-z"
    assert data.split == "frames 0–1799 in video order to train, the next 100 held out"
    assert_array_equal(data.X, frames[:1800].reshape(1800, 560))
    assert_array_equal(data.X_valid, frames[1800:1900].reshape(100, 560))
    last = load("frey", validation=165)
    assert_array_equal(last.X, data.X)
    assert_array_equal(last.X_valid[:100], data.X_valid)
    assert_array_equal(last.known["frame"], np.arange(1800))
    assert len(load("frey", validation=0).X) == 1965
    with pytest.raises(ValueError, match="Cannot hold out 1965 of 1965 Frey"):
        load("frey", validation=1965)


def test_ones_own_examples_are_split_at_random_each_in_one_part(saved):
    path = saved(np.arange(40.0).reshape(20, 2))
    data = load(path)
    check(data)
    assert data.name == "my" and data.shape == (2,) and not data.is_image
    assert data.split == "18 random examples (seed 0) to train, the other 2 held out"
    assert load(path, validation=0).split == "all 20 examples to train, none held out"
    assert len(data.X_valid) == 2
    both = np.concatenate([data.X, data.X_valid])
    assert_array_equal(both[both[:, 0].argsort()], np.arange(40.0).reshape(20, 2))
    assert_array_equal(load(path, seed=0).X, data.X)
    assert (load(path, seed=1).X != data.X).any()


@pytest.mark.parametrize("n_valid", [0, 1, 19])
def test_as_many_of_ones_own_examples_are_held_out_as_asked(saved, n_valid):
    data = load(saved(np.zeros((20, 2))), validation=n_valid)
    check(data)
    assert len(data.X_valid) == n_valid


@pytest.mark.parametrize("n_valid", [20, 21])
def test_more_held_out_than_there_is_is_refused(saved, n_valid):
    with pytest.raises(ValueError, match=f"Cannot hold out {n_valid} of 20 examples"):
        load(saved(np.zeros((20, 2))), validation=n_valid)


def test_what_was_read_is_said_of_ones_own_data_only(saved):
    assert "20 rows of 2 numbers" in load(saved(np.zeros((20, 2)))).summary
    assert load("faces", validation=0).summary == ""


def test_what_values_were_divided_by_is_known_and_can_be_given(saved):
    """So that other data for the same run are divided by the same."""
    assert load("faces", validation=0).scale == 1
    levels = np.arange(256, dtype=np.uint8).reshape(8, 4, 8)
    for given, scale in ((None, 255), (1, 1), (255, 255)):
        data = load(saved(levels), validation=0, scale=given)
        assert data.scale == scale and data.X.max() == 255 / scale


@pytest.mark.parametrize(
    ("filename", "name"),
    [("my.csv", "my"), ("my.idx", "my"), ("my.tar.npz:b", "my"), (".", "here"), (".csv", "own")],
)
def test_the_name_is_the_files_or_the_folders(tmp_path, monkeypatch, filename, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    image = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    Path("my.idx").write_bytes(b"\0\0\x08\3\0\0\0\1\0\0\0\3\0\0\0\4" + image.tobytes())
    for name_of_table in ("my.csv", ".csv"):
        Path(name_of_table).write_text("1,2\n3,4\n")
    np.savez("my.tar.npz", a=np.eye(2), b=np.eye(3))
    Image.fromarray(image[0]).save("a.png")
    data = load(filename)
    check(data)
    assert data.name == name


def test_a_large_file_is_split_as_a_small_one_and_stays_on_disk(saved, monkeypatch):
    path = saved(np.random.default_rng(0).random((30, 2), np.float32))
    small = load(path, seed=4)
    monkeypatch.setattr(array_files, "LARGE", 0)
    large = load(path, seed=4)
    assert not isinstance(large.X, np.ndarray)
    check(large)
    assert_array_equal(large.X[:], small.X)
    assert_array_equal(large.X_valid[:], small.X_valid)


def test_missing_values_are_let_through_on_request(saved):
    path = saved(np.array([[0.0, np.nan]] * 20))
    assert np.isnan(load(path, missing=True).X[:, 1]).all()
    with pytest.raises(ValueError, match="--missing"):
        load(path)


@pytest.fixture
def keras(tmp_path):
    """The path of a file with a split of its own, its rows and its labels."""
    X, y = np.random.default_rng(0).random((30, 4)), np.arange(30) % 3
    arrays = {"x_train": X[:20], "x_test": X[20:], "y_train": y[:20], "y_test": y[20:]}
    np.savez(tmp_path / "keras.npz", **arrays)
    return tmp_path / "keras.npz", X, y


def test_a_split_of_the_files_own_is_used(keras):
    path, X, y = keras
    data = load(path)
    check(data)
    assert_array_equal(data.X, X[:20])
    assert_array_equal(data.X_valid, X[20:])
    assert_array_equal(np.append(data.known["y"], data.known_valid["y"]), y)
    assert data.split == "its own split: 20 examples to train, 10 held out"


@pytest.mark.parametrize("options", [{"random_split": True}, {"validation": 10}])
def test_unless_another_is_asked_for(keras, options):
    path, X, y = keras
    data = load(path, **options)
    check(data)
    assert len(data.X) == 20 and (X[:20] != data.X).any()
    rows = [np.flatnonzero((row == X).all(axis=1))[0] for row in np.vstack([data.X, data.X_valid])]
    assert_array_equal(np.append(data.known["y"], data.known_valid["y"]), y[rows])
    assert_array_equal(load(path, validation=0).X, X)


def test_what_is_ones_own_has_a_digest_whatever_is_held_out(keras, saved):
    digest = load(keras[0]).digest
    assert digest and load(keras[0], validation=3).digest == load(keras[0], seed=5).digest == digest
    assert load(saved(keras[1])).digest == digest
    assert load("faces", validation=0).digest is None


@pytest.mark.parametrize("name", ["faces", "file"])
def test_only_of_a_folder_are_bad_files_left_out(keras, name):
    name = keras[0] if name == "file" else name
    with pytest.raises(ValueError, match=f"folder can bad images be left out, and {name}"):
        load(name, skip_bad=True)


# Examples beside what a model is conditioned on.


def test_labels_stand_beside_the_examples(keras):
    path, X, y = keras
    arrays = dict(np.load(path)) | {"y_test": np.resize([3, 1], 10)}
    np.savez(path, **arrays)  # 3 is held out only
    data = load(path, condition=["y"])
    assert data.n_condition == 4 and data.condition.names == ["y"]
    y = np.append(y[:20], arrays["y_test"])
    both = np.hstack([X, np.eye(4)[y]])
    assert_array_equal(np.vstack([data.X[:], data.X_valid[:]]), both)
    again = load(path, condition=data.condition, random_split=True, seed=3)
    again = np.vstack([again.X[:], again.X_valid[:]])
    assert_array_equal(again[again[:, 0].argsort()], both[both[:, 0].argsort()])
    none = load(path, condition=["y"], validation=0)
    assert_array_equal(none.X[:], both)
    assert none.X_valid.shape == (0, 8)


@pytest.fixture
def drawn(monkeypatch):
    """Faces are drawn in no time: all are black, of factors from 0 on."""

    def draw(n, seed):
        factors = np.arange(n * len(faces.FACTORS), dtype=float).reshape(n, -1)
        return np.zeros((n, 28, 20), np.float32), factors

    monkeypatch.setattr(faces, "faces", draw)


def test_factors_stand_beside_the_faces(drawn):
    data = load("faces", validation=20, condition=["pose"])
    assert data.X.shape == (2000, 561) and data.X_valid.shape == (20, 561)
    pose = np.append(data.known["pose"], data.known_valid["pose"])
    beside = np.append(data.X[:][:, 560], data.X_valid[:][:, 560])
    np.testing.assert_allclose(beside, (pose - pose.mean()) / pose.std(), atol=1e-6)


def test_what_is_not_known_of_each_example_stands_beside_none(drawn):
    data = load("faces", validation=2)
    data.known["\x1bframe"] = np.arange(2000.0)
    with pytest.raises(ValueError) as caught:
        data.conditioned(["\x1bframe"])
    assert str(caught.value) == (
        "A model cannot be conditioned on frame, which is not known of each example of faces; "
        f"known is {', '.join(faces.FACTORS)}, frame."
    )
    all_to_train = load("faces", validation=0)
    all_to_train.known, all_to_train.known_valid = {"frame": np.arange(2000.0)}, {}
    all_to_train.conditioned(["frame"])
    assert all_to_train.X_valid.shape == (0, 561)
    all_to_train.known = {}
    with pytest.raises(ValueError, match="conditioned on pose, .* of faces; known is nothing.$"):
        all_to_train.conditioned(["pose"])


def test_a_pickle_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="^my.pkl is a pickle, which can run any program"):
        load("my.pkl")
