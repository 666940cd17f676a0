"""What will not do is answered with one sentence, and changes nothing."""

import copy
import io
import json
import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from numvae import VAE, load, rows, validation
from numvae.estimator import NotFittedError
from numvae.training import checkpoint

D, Z, N = 4, 2, 12
FAST = {"hidden": (3,), "epochs": 1, "random_state": 0}
X = np.random.default_rng(0).standard_normal((N, D))
NAN, INF = float("nan"), float("inf")


class Harm:
    """Whoever unpickles it writes a file."""

    def __reduce__(self):
        return open, ("harm", "w")


# The table: what, the constructor's arguments that are changed after a good fit, the call, the
# exception and what its sentence must contain.


def fit(value):
    return lambda c: c.vae.fit(value)


BAD = []
for name, value, error, says in (  # test_settings.py has all others
    ("n_latent", 0, ValueError, "n_latent must be a whole number, at least 1, found 0."),
    ("lr", True, TypeError, "lr must be a number above 0, found True."),
    ("hidden", (8, -1), ValueError, "hidden (each width) must be a whole number"),
    ("activation", "tanh,elu,relu", ValueError, "names 3 for 1 hidden layers"),
    ("optimizer", "adamm", ValueError, "Did you mean 'adam'?"),
    ("random_state", -1, ValueError, "random_state must be a whole number, at least 0"),
):
    for method in ("fit", "partial_fit"):
        call = lambda c, m=method: getattr(c.vae, m)(X)  # noqa: E731
        BAD.append((f"{method} with {name}", {name: value}, call, error, says))

TABLES = {
    "0-D": (3.0, ValueError, "Expected 2D array, got 0D"),
    "1-D": (X[0], ValueError, "Reshape your data"),
    "3-D": (X[None], ValueError, "X.reshape(len(X), -1) if it is images"),
    "no rows": (X[:0], ValueError, "0 sample(s) (shape=(0, 4)) while a minimum of 1 is required"),
    "no columns": (X[:, :0], ValueError, "0 feature(s) (shape=(12, 0)) while a minimum of 1"),
    "an empty list": ([], ValueError, "Expected 2D array"),
    "None": (None, ValueError, "Expected 2D array"),
    "NaN": (np.where(X > 1.0, NAN, X), ValueError, "Input X contains NaN"),
    "None inside": ([[None, 1.0, 2.0, 3.0]], ValueError, "Input X contains NaN"),
    "infinity": (np.where(X > 1.0, -INF, X), ValueError, "Input X contains infinity"),
    "float16 infinity": (np.full((2, D), INF, "f2"), ValueError, "contains infinity"),
    "too large": ([[10**400, 1, 2, 3]], ValueError, "int too large to convert to float"),
    "complex": (X + 0j, ValueError, "Complex data not supported"),
    "complex objects": ((X + 0j).astype(object), ValueError, "Complex data not supported"),
    "text": ([["a", "b", "c", "d"]], ValueError, "encode text, dates and categories"),
    "digits as text": ([["1", "2", "3", "4"]], ValueError, "found dtype <U1"),
    "bytes": ([[b"1", b"2", b"3", b"4"]], ValueError, "found dtype |S1"),
    "text among numbers": (np.array([["a", 1.0, 2, 3]], object), ValueError, "to float: 'a'"),
    "a file's name": ("X.npy", ValueError, "found dtype <U5"),
    "dates": (np.zeros((3, D), "M8[D]"), ValueError, "found dtype datetime64[D]"),
    "durations": (np.zeros((3, D), "m8[s]"), ValueError, "found dtype timedelta64[s]"),
    "records": (np.zeros((3, D), [("a", "f8")]), ValueError, "needs a table of real numbers"),
    "ragged rows": ([[1.0, 2.0, 3.0, 4.0], [1.0]], ValueError, "rows of equal length"),
    "ragged arrays": ([X[0], X[0, :2]], ValueError, "rows of equal length"),
    "objects": (np.array([[object()] * D]), TypeError, "needs a table of real numbers"),
    "a dict": ({"a": [1.0]}, TypeError, "needs a table of real numbers"),
    "a set": ({1.0, 2.0}, TypeError, "needs a table of real numbers"),
    "a generator": ((row for row in X), TypeError, "needs a table of real numbers"),
    "lists as cells": (np.array([[[], [1]]], object), ValueError, "needs a table of real numbers"),
    "a masked array": (np.ma.masked_greater(X, 1.0), TypeError, "use X.filled(value)"),
    "a sparse array": (sparse.coo_array(X), TypeError, "use X.toarray()"),
}
for kind in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
    matrix = sparse.csr_matrix(X).asformat(kind)
    TABLES[f"sparse {kind}"] = (matrix, TypeError, "use X.toarray()")
# A table may look different to each method: all of them refuse it.
METHODS = ("transform", "encode", "reconstruct", "score_samples", "elbo", "score", "partial_fit")
for what, (value, error, says) in TABLES.items():
    BAD.append((f"fit {what}", {}, fit(value), error, says))
    BAD.append((f"decode {what}", {}, lambda c, v=value: c.vae.decode(v), error, says))
    for method in (
        METHODS if what in ("NaN", "1-D", "sparse csr", "text", "no rows") else METHODS[:1]
    ):
        call = lambda c, m=method, v=value: getattr(c.vae, m)(v)  # noqa: E731
        BAD.append((f"{method} {what}", {}, call, error, says))
for method in METHODS:
    for n in (3, 5):
        call = lambda c, m=method, n=n: getattr(c.vae, m)(np.zeros((2, n)))  # noqa: E731
        says = f"X has {n} features, but VAE is expecting 4 features as input"
        BAD.append((f"{method} with {n} columns", {}, call, ValueError, says))

BERNOULLI = {"likelihood": "bernoulli"}
BAD += [
    ("numbers for bernoulli", BERNOULLI, fit(X), ValueError, "from 0 to 1, found -"),
    ("bytes for bernoulli", BERNOULLI, fit(np.full((3, D), 255)), ValueError, "found 255 to 255"),
    (
        "-0.1 later",
        {},
        lambda c: c.bits.transform([[0, 1, 0, -0.1]]),
        ValueError,
        "found -0.1 to 1",
    ),
    ("2 later", {}, lambda c: c.bits.score([[0, 1, 0, 2]]), ValueError, "scale the data"),
    ("2 partly", {}, lambda c: c.bits.partial_fit([[0, 1, 0, 2]]), ValueError, "scale the data"),
    (
        "too large for the model",
        {},
        lambda c: c.single.transform([[1e39] * D]),
        ValueError,
        "float32",
    ),
    ("codes too large", {}, lambda c: c.single.decode([[1e39] * Z]), ValueError, "for float32"),
    (
        "3 codes",
        {},
        lambda c: c.vae.decode(X[:, :3]),
        ValueError,
        "Z has 3 columns, but this VAE has 2",
    ),
    ("1 code", {}, lambda c: c.vae.inverse_transform(X[:, :1]), ValueError, "one column for each"),
    (
        "sample(0)",
        {},
        lambda c: c.vae.sample(0),
        ValueError,
        "n must be a whole number, at least 1",
    ),
    ("sample(-1)", {}, lambda c: c.vae.sample(-1), ValueError, "n must be a whole number"),
    ("sample(2.0)", {}, lambda c: c.vae.sample(2.0), TypeError, "n must be a whole number"),
    ("sample('2')", {}, lambda c: c.vae.sample("2"), TypeError, "n must be a whole number"),
    (
        "sample seed",
        {},
        lambda c: c.vae.sample(2, random_state=-1),
        ValueError,
        "random_state must",
    ),
    (
        "encode seed",
        {},
        lambda c: c.vae.encode(X, random_state="a"),
        TypeError,
        "random_state must",
    ),
    ("no draws", {"n_importance": 0}, lambda c: c.vae.score(X), ValueError, "n_importance must be"),
    ("half a draw", {"n_importance": 0.5}, lambda c: c.vae.elbo(X), TypeError, "n_importance must"),
    ("VAE(wrong)", {}, lambda c: VAE(latent=3), TypeError, "unexpected keyword argument 'latent'"),
    ("VAE(2, 8)", {}, lambda c: VAE(2, (8,)), TypeError, "positional argument"),
    (
        "set wrong",
        {},
        lambda c: c.vae.set_params(beta=2, learning_rate=1),
        ValueError,
        "there are n_",
    ),
    ("set near", {}, lambda c: c.vae.set_params(n_latents=1), ValueError, "mean 'n_latent'?"),
    (
        "set nested",
        {},
        lambda c: c.vae.set_params(vae__lr=1),
        ValueError,
        "Invalid parameter 'vae__lr'",
    ),
]

for method, argument in {
    **dict.fromkeys((*METHODS[:-1], "decode", "inverse_transform"), X),
    "sample": 1,
    "save": "new",
    "get_feature_names_out": None,
}.items():
    call = lambda c, m=method, a=argument: getattr(VAE(), m)(a)  # noqa: E731
    BAD.append(
        (f"{method} before fit", {}, call, NotFittedError, "not fitted yet: call fit(X) first")
    )


# Files: each call writes a file that `load` shall refuse; test_checkpoint.py has more of them.


def good():
    return Path("good").read_bytes()


def edited(change=lambda header: None):
    """The good file, whole, with another header."""
    with np.load("good") as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    change(header)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def as_checkpoint(c):
    checkpoint.save(c.vae._training, "new")
    return Path("new").read_bytes()


WHOLE = "is not a whole numvae model file"
FILES = {
    "text": (lambda c: b"epoch,elbo\n1,2\n", WHOLE),
    "a pickle": (lambda c: pickle.dumps(Harm()), WHOLE),
    "cut in half": (lambda c: good()[: len(good()) // 2], WHOLE),
    "the future": (lambda c: edited(lambda h: h.update(version=3)), "version 3, this numvae reads"),
    "a checkpoint": (as_checkpoint, "is a numvae checkpoint file; expected a model file"),
    "no seed": (lambda c: edited(lambda h: h.pop("seed")), "it has no 'seed'"),
    "a bad setting": (lambda c: edited(lambda h: h["settings"].update(lr=-1)), "lr must be a num"),
}


def load_written(c, make):
    Path("bad").write_bytes(make(c))
    c.files.update(files())
    return load("bad")


for what, (make, says) in FILES.items():
    call = lambda c, make=make: load_written(c, make)  # noqa: E731
    BAD.append((f"load {what}", {}, call, ValueError, says))
BAD += [
    ("load nothing", {}, lambda c: load("no.npz"), FileNotFoundError, "no.npz"),
    ("load a folder", {}, lambda c: load("folder"), FileNotFoundError, "folder/model.npz"),
    ("load None", {}, lambda c: load(None), TypeError, "NoneType"),
    ("load an open file's number", {}, lambda c: load(0), TypeError, "int"),
    ("save None", {}, lambda c: c.vae.save(None), TypeError, "NoneType"),
    ("save as a folder", {}, lambda c: c.vae.save("folder"), IsADirectoryError, "folder"),
    ("save nowhere", {}, lambda c: c.vae.save("nowhere/vae.npz"), FileNotFoundError, "nowhere"),
    ("save under a file", {}, lambda c: c.vae.save("good/vae.npz"), NotADirectoryError, "good"),
]


def files():
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def fitted():
    bits = VAE(**FAST, likelihood="bernoulli").fit(X > 0.0)
    return {"vae": VAE(**FAST).fit(X), "bits": bits, "single": VAE(**FAST).fit(X.astype("f4"))}


@pytest.fixture
def c(fitted, tmp_path, monkeypatch):
    """Fitted estimators, and a folder with a file that is good."""
    monkeypatch.chdir(tmp_path)
    fitted["vae"].save("good")
    os.mkdir("folder")
    return SimpleNamespace(**copy.deepcopy(fitted), files=files())


def state(vae):
    """All of an estimator: its attributes, its parameters and all that its training remembers."""
    fitted = {name: value for name, value in vars(vae).items() if name not in vae.get_params()}
    return dict(vae.get_params()), pickle.dumps(fitted)


def test_the_table_is_long_and_has_nothing_twice():
    names = [row[0] for row in BAD]
    assert len(BAD) > 60 and len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("settings", "call", "error", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_what_will_not_do_is_answered_and_changes_nothing(c, settings, call, error, says):
    c.vae.set_params(**settings)
    estimators = (c.vae, c.bits, c.single)
    before = [state(vae) for vae in estimators]
    with pytest.raises(error) as caught:
        call(c)
    message = str(caught.value)
    assert says in message and "\n" not in message and len(message) < 1000
    assert [state(vae) for vae in estimators] == before
    assert files() == c.files and os.listdir("folder") == []


# The doors one by one.


def test_a_good_file_is_loaded(c):
    assert_array_equal(load("good").transform(X), c.vae.transform(X))
    Path("bad").write_bytes(edited())
    assert_array_equal(load("bad").transform(X), c.vae.transform(X))


def test_a_table_of_numbers_comes_back_uncopied(tmp_path):
    for dtype in ("bool", "uint8", "int64", "float16", "float32", "float64"):
        assert np.shares_memory(validation.as_table(Y := X.astype(dtype), "VAE"), Y)
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert validation.as_table(on_disk, "VAE") is on_disk
    assert validation.as_table([[1, 2]], "VAE").tolist() == [[1, 2]]


@pytest.mark.parametrize("block_bytes", [1, 100, 2**24])
def test_every_number_of_a_large_table_is_looked_at(monkeypatch, block_bytes):
    monkeypatch.setattr(rows, "BLOCK_BYTES", block_bytes)
    for bad in (NAN, INF, 2.0):
        for place in np.ndindex(N, D):
            Y = np.zeros((N, D))
            Y[place] = bad
            with pytest.raises(ValueError):
                validation.check_range(validation.as_table(Y, "VAE"), "bernoulli")


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "float16", "float32"])
def test_zeros_and_ones_of_any_type_are_in_the_range(dtype):
    validation.check_range(np.eye(3, dtype=dtype), "bernoulli")
    validation.check_range(X, "gaussian")
    with pytest.raises(ValueError, match="continuous-bernoulli.*found -0.5 to 0.5"):
        validation.check_range(-0.5 + np.eye(3), "continuous-bernoulli")
