"""What will not do is answered with one sentence, and changes nothing."""

import copy
import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from numvae import VAE, load, validation
from numvae.estimator import NotFittedError
from numvae.network.autoencoder import build, shapes
from numvae.training.checkpoint import load_model, save_training

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


def hyperparameter(name, values, error, says):
    for value in values:
        what = f"{name}={value!r}"[:40]
        BAD.append((what, {name: value}, lambda c: c.vae.fit(X), error, says))
        if value is values[0]:
            BAD.append(
                (f"{what}, partly", {name: value}, lambda c: c.vae.partial_fit(X), error, says)
            )
            BAD.append((f"{what}, saved", {name: value}, lambda c: c.vae.save("new"), error, says))


for name in ("n_latent", "epochs", "batch_size", "n_samples", "n_importance"):
    says = f"{name} must be a whole number, at least 1, found"
    hyperparameter(name, [0, -1, np.int64(0)], ValueError, says)
    hyperparameter(name, [2.5, 3.0, NAN, True, "3", None, [3]], TypeError, says)
for name in ("sigma", "sigma_min", "lr"):
    says = f"{name} must be a number above 0, found"
    hyperparameter(name, [0, -0.1, NAN, INF, -INF, 10**400, np.float32("nan")], ValueError, says)
    hyperparameter(name, [True, "0.1", None, 1j, np.ones(2)], TypeError, says)
hyperparameter("sigma_min", [1e-200, 1e200], ValueError, "sigma_min must have a square")
hyperparameter("beta", [-1, NAN, INF], ValueError, "beta must be a number, at least 0, found")
hyperparameter("beta", [True, "1", None], TypeError, "beta must be a number, at least 0, found")
hyperparameter(
    "validation_fraction", [-0.1, 1, 1.5, NAN], ValueError, "validation_fraction must be"
)
hyperparameter("validation_fraction", [True, "0.1", None], TypeError, "validation_fraction must be")
hyperparameter("hidden", [[0], (8, -1)], ValueError, "each width in hidden must be a whole number")
hyperparameter("hidden", [[2.5], [True], ["8"], [[8]]], TypeError, "each width in hidden")
hyperparameter(
    "hidden",
    [8, None, "8,8", b"ab", {8}, iter([8]), np.array(8)],
    TypeError,
    "hidden must be a seq",
)
hyperparameter("activation", ["tahn"], ValueError, "found 'tahn'. Did you mean 'tanh'?")
hyperparameter("activation", ["tanh,tahn"], ValueError, "found 'tahn'. Did you mean 'tanh'?")
hyperparameter("activation", ["tanh,elu,relu"], ValueError, "names 3 for")
hyperparameter("likelihood", ["bernouli"], ValueError, "Did you mean 'bernoulli'?")
hyperparameter("optimizer", ["adamm"], ValueError, "one of adam, adagrad, sgd, found 'adamm'. Did")
hyperparameter("optimizer", ["xyz", ""], ValueError, "one of adam, adagrad, sgd, found")
for name in ("activation", "likelihood", "optimizer"):
    hyperparameter(name, [None, 3, ["adam"]], TypeError, f"{name} must be one of")
hyperparameter("random_state", [-1], ValueError, "random_state must be a whole number, at least 0")
hyperparameter("random_state", [1.5, True, "0", [0]], TypeError, "random_state must be a whole")
hyperparameter("verbose", ["yes", None, 0.5], TypeError, "verbose must be True or False")

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


# Files: each call writes a file that `load` shall refuse.


def edited(change=None, **arrays):
    """The good file with another header or other arrays, whole."""
    with np.load("good") as archive:
        old = {name: archive[name] for name in archive.files}
    header = json.loads(old["header"].tobytes())
    header = change(header) if change else header
    old["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **{**old, **arrays})
    return buffer.getvalue()


def declared(name, shape, compression=zipfile.ZIP_STORED, content=b"", version=1):
    """The good file, with one array that declares any shape and holds any content."""
    npy, buffer = io.BytesIO(), io.BytesIO()
    description = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(npy, description)
    with zipfile.ZipFile("good") as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.namelist():
            if member == f"{name}.npy":
                magic = b"\x93NUMPY" + bytes([version])
                new.writestr(member, magic + npy.getvalue()[7:] + content, compression)
            else:
                new.writestr(member, old.read(member))
    return buffer.getvalue()


def huge():
    """A header that wants terabytes, and arrays that all declare just these."""
    header = json.loads(np.load("good")["header"].tobytes())
    header["model"]["hidden"] = [10**7, 10**7]
    config = {name: value for name, value in header["model"].items() if name != "dtype"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        text = io.BytesIO()
        np.save(text, np.frombuffer(json.dumps(header).encode(), np.uint8))
        archive.writestr("header.npy", text.getvalue())
        for name, shape in shapes(build(**config)).items():
            npy = io.BytesIO()
            description = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(npy, description)
            archive.writestr(f"{name}.npy", npy.getvalue())
    return buffer.getvalue()


def checkpoint(c):
    save_training(c.vae._training, "new")
    return Path("new").read_bytes()


def good():
    return Path("good").read_bytes()


def about(**changes):
    return lambda h: {**h, "about": {**h["about"], **changes}}


def setting(**changes):
    return lambda h: about(parameters={**h["about"]["parameters"], **changes})(h)


def flipped(i):
    content = bytearray(good())
    content[i] ^= 1
    return bytes(content)


WHOLE = "is not a whole numvae model file"
FILES = {
    "empty": (lambda c: b"", WHOLE),
    "text": (lambda c: b"epoch,elbo\n1,2\n", WHOLE),
    "a pickle": (lambda c: pickle.dumps(Harm()), WHOLE),
    "cut in half": (lambda c: good()[: len(good()) // 2], WHOLE),
    "one byte short": (lambda c: good()[:-1], WHOLE),
    "a flipped bit": (lambda c: flipped(good().index(b"tanh")), WHOLE),
    "a flipped first bit": (lambda c: flipped(0), WHOLE),
    "the future": (lambda c: edited(lambda h: {**h, "version": 2}), "version 2, this numvae reads"),
    "a checkpoint": (checkpoint, "is a numvae checkpoint file; expected a model file"),
    "not numvae": (lambda c: edited(lambda h: {}), "no numvae header"),
    "pickled objects": (lambda c: edited(**{"mu.W": np.array([[Harm()]], object)}), WHOLE),
    "a pickled header": (lambda c: edited(header=np.array([Harm()], object)), WHOLE),
    "an array too many": (lambda c: edited(more=np.zeros(3)), "not those of its configuration"),
    "terabytes declared": (lambda c: declared("mu.W", (2**40, 2**8)), WHOLE),
    "another kind of .npy": (lambda c: declared("mu.W", (3, 2), version=2), WHOLE),
    "too little content": (lambda c: declared("mu.W", (3, 2), content=b"1234"), WHOLE),
    "a deflated bomb": (
        lambda c: declared("mu.W", (3, 2), zipfile.ZIP_DEFLATED, bytes(2**24)),
        "mu.W.npy is compressed",
    ),
    "a deflated header": (
        lambda c: declared("header", (3,), zipfile.ZIP_DEFLATED),
        "header.npy is compressed",
    ),
    "a huge model": (lambda c: huge(), WHOLE),
    "a deep header": (lambda c: edited(header=np.frombuffer(b"[" * 10**5, np.uint8)), WHOLE),
    "no seed": (lambda c: edited(lambda h: {**h, "about": {}}), "not of an estimator: KeyError"),
    "a bad seed": (lambda c: edited(about(seed="a")), "seed must be a whole number"),
    "a bad setting": (lambda c: edited(setting(lr=-1)), "lr must be a number above 0"),
    "a bad choice": (lambda c: edited(setting(optimizer="adamm")), "Did you mean 'adam'?"),
    "no width": (lambda c: edited(setting(hidden=3)), "not of an estimator"),
    "another setting": (lambda c: edited(setting(more=3)), "unexpected keyword argument 'more'"),
    "no settings": (lambda c: edited(about(parameters="a")), "not of an estimator"),
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
    ("load a folder", {}, lambda c: load("folder"), IsADirectoryError, "folder"),
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
    assert load_model("good")[1]["seed"] == 0


def test_a_table_of_numbers_comes_back_uncopied(tmp_path):
    for dtype in ("bool", "uint8", "int64", "float16", "float32", "float64"):
        assert np.shares_memory(validation.as_table(Y := X.astype(dtype), "VAE"), Y)
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert validation.as_table(on_disk, "VAE") is on_disk
    assert validation.as_table([[1, 2]], "VAE").tolist() == [[1, 2]]


@pytest.mark.parametrize("block_bytes", [1, 100, 2**24])
def test_every_number_of_a_large_table_is_looked_at(monkeypatch, block_bytes):
    monkeypatch.setattr(validation, "BLOCK_BYTES", block_bytes)
    assert_array_equal(np.vstack(list(validation.blocks(X))), X)
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


@pytest.mark.parametrize("value", [1, 2**70, np.int8(3), np.uint64(3)])
def test_whole_numbers_of_any_kind_are_taken(value):
    validation.check_number("n", value, int, least=1)
    validation.check_number("n", value, float, above=0)


def test_the_nearest_name_is_suggested_or_none():
    known = ("adam", "adagrad", "sgd")
    assert validation.near("Adam", known) == " Did you mean 'adam'?"
    assert validation.near("xyz", known) == ""
