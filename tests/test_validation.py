"""What will not do is answered with one sentence, and changes nothing."""

import copy
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
from numvae.tables.columns import Column, Columns
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
    ("hidden", (8, -1), ValueError, "hidden must hold widths, each a whole"),
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
METHODS = ("transform", "encode", "reconstruct", "score_samples", "elbo", "score", "predict")
METHODS += ("decision_function", "p_values", "plot", "partial_fit")
for what, (value, error, says) in TABLES.items():
    BAD.append((f"fit {what}", {}, fit(value), error, says))
    BAD.append((f"decode {what}", {}, lambda c, v=value: c.vae.decode(v), error, says))
    every = what in ("NaN", "1-D", "sparse csr", "text", "no rows")
    for method in METHODS if every else METHODS[:1]:
        call = lambda c, m=method, v=value: getattr(c.vae, m)(v)  # noqa: E731
        BAD.append((f"{method} {what}", {}, call, error, says))
for method in METHODS:
    for n in (3, 5):
        call = lambda c, m=method, n=n: getattr(c.vae, m)(np.zeros((2, n)))  # noqa: E731
        says = f"X has {n} features, but VAE is expecting 4 features as input"
        BAD.append((f"{method} with {n} columns", {}, call, ValueError, says))

for what, settings, error, says in (
    ("c.vae.fit(X)", {"likelihood": "bernoulli"}, ValueError, "from 0 to 1, found -"),
    ("c.vae.fit(np.full((3, D), 255))", {"likelihood": "bernoulli"}, ValueError, "255 to 255"),
    ("c.bits.transform([[0, 1, 0, -0.1]])", {}, ValueError, "found -0.1 to 1"),
    ("c.bits.score([[0, 1, 0, 2]])", {}, ValueError, "scale the data"),
    ("c.bits.partial_fit([[0, 1, 0, 2]])", {}, ValueError, "scale the data"),
    ("c.single.transform([[1e39] * D])", {}, ValueError, "float32"),
    ("c.single.decode([[1e39] * Z])", {}, ValueError, "for float32"),
    ("c.vae.decode(X[:, :3])", {}, ValueError, "Z has 3 columns, but this VAE has 2"),
    ("c.vae.inverse_transform(X[:, :1])", {}, ValueError, "one column for each"),
    ("c.vae.sample(0)", {}, ValueError, "n must be a whole number, at least 1"),
    ("c.vae.sample(-1)", {}, ValueError, "n must be a whole number"),
    ("c.vae.sample(2.0)", {}, TypeError, "n must be a whole number"),
    ("c.vae.sample('2')", {}, TypeError, "n must be a whole number"),
    ("c.vae.sample(2, random_state=-1)", {}, ValueError, "random_state must"),
    ("c.vae.encode(X, random_state='a')", {}, TypeError, "random_state must"),
    ("c.vae.score(X)", {"n_importance": 0}, ValueError, "n_importance must be"),
    ("c.vae.elbo(X)", {"n_importance": 0.5}, TypeError, "n_importance must"),
    (
        "c.vae.predict(X)",
        {"contamination": 0.6},
        ValueError,
        "contamination must be a number above",
    ),
    ("c.vae.save('new')", {"contamination": "auto"}, TypeError, "contamination must be a number"),
    ("c.vae.explore('page.png')", {}, ValueError, "page.png should end in .html or .htm"),
    ("c.vae.explore('nowhere/page.html')", {}, FileNotFoundError, "no folder nowhere"),
    ("VAE(latent=3)", {}, TypeError, "unexpected keyword argument 'latent'"),
    ("VAE(2, (8,))", {}, TypeError, "positional argument"),
    ("c.vae.set_params(beta=2, learning_rate=1)", {}, ValueError, "there are n_"),
    ("c.vae.set_params(n_latents=1)", {}, ValueError, "mean 'n_latent'?"),
    ("c.vae.set_params(vae__lr=1)", {}, ValueError, "Invalid parameter 'vae__lr'"),
    ("load('no.npz')", {}, FileNotFoundError, "no.npz"),
    ("load('folder')", {}, FileNotFoundError, "no checkpoint.npz in folder"),
    ("load(None)", {}, TypeError, "NoneType"),
    ("load(0)", {}, TypeError, "int"),  # the number of an open file
    ("load('a checkpoint')", {}, ValueError, "is a numvae checkpoint file; expected a model file"),
    ("load('a pickle')", {}, ValueError, "is not a whole numvae model file"),
    ("c.vae.save(None)", {}, TypeError, "NoneType"),
    ("c.vae.save('folder')", {}, IsADirectoryError, "folder"),
    ("c.vae.save('nowhere/vae.npz')", {}, FileNotFoundError, "nowhere"),
    ("c.vae.save('good/vae.npz')", {}, NotADirectoryError, "good"),
):
    BAD.append((what, settings, lambda c, what=what: eval(what, globals(), {"c": c}), error, says))

for method, argument in {
    **dict.fromkeys((*METHODS[:-1], "decode", "inverse_transform"), X),
    "sample": 1,
    "save": "new",
    "get_feature_names_out": None,
}.items():
    call = lambda c, m=method, a=argument: getattr(VAE(), m)(a)  # noqa: E731
    BAD.append((f"{method} before fit", {}, call, NotFittedError, "not fitted yet: call fit(X)"))


def files():
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def fitted():
    bits = VAE(**FAST, likelihood="bernoulli").fit(X > 0.0)
    return {"vae": VAE(**FAST).fit(X), "bits": bits, "single": VAE(**FAST).fit(X.astype("f4"))}


@pytest.fixture
def c(fitted, tmp_path, monkeypatch):
    """Fitted estimators, and a folder with a file that is good and others that are no models."""
    monkeypatch.chdir(tmp_path)
    fitted["vae"].save("good")
    checkpoint.save(fitted["vae"]._training, "a checkpoint")
    Path("a pickle").write_bytes(pickle.dumps(Harm()))
    os.mkdir("folder")
    return SimpleNamespace(**copy.deepcopy(fitted), files=files())


def state(vae):
    """All of an estimator: its attributes, its parameters and all that its training remembers."""
    settings = vae.get_params()
    fitted = {name: value for name, value in vars(vae).items() if name not in settings}
    return settings, pickle.dumps(fitted)


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


def test_rounding_is_no_reason_to_refuse_and_beyond_it_the_digits_tell():
    for end in (1.0 + 2.3e-16, np.float32(1.0 + 1.2e-7), -1e-9):
        validation.check_range(np.full((2, 2), end), "bernoulli")
    with pytest.raises(ValueError, match="found 0 to 1.00001:"):
        validation.check_range(np.array([[0.0, 1.00001]]), "continuous-bernoulli")
    with pytest.raises(ValueError, match="found -2e-06 to 1:"):
        validation.check_range(np.array([[-2e-6, 1.0]]), "bernoulli")


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "float16", "float32", "int64"])
def test_counts_are_whole_numbers_from_0(dtype):
    counts = np.arange(6).reshape(3, 2).astype(dtype)
    validation.check_range(counts, "poisson")
    validation.check_range(counts, "negative-binomial")
    validation.check_range(np.hstack([counts, -0.5 + np.zeros((3, 1))]), "poisson:2,gaussian:1")
    for wrong in (-1.0, 0.5, 1.5e12):
        bad = np.hstack([np.array([[NAN], [1e12], [wrong]]), counts])
        for table, kinds in ((bad, "poisson:1,gaussian:2"), (bad[:, ::-1], "gaussian:1,poisson:2")):
            with pytest.raises(ValueError, match="needs counts, whole numbers from 0") as caught:
                validation.check_range(table, kinds)
            assert f"found {wrong:.9g}: use" in str(caught.value)
        validation.check_range(bad[:, ::-1], "poisson:2,gaussian:1")


def test_names_of_columns_are_shown_without_control_characters():
    with pytest.raises(ValueError) as caught:
        validation.check_feature_names(["\x1b[31ma"], columns("b\x07"), "VAE")
    assert "- [31ma\n" in str(caught.value) and str(caught.value).endswith("- b\n")


@pytest.mark.parametrize("y", [[0, 1, 1], ["a", "b", "a"], np.array(["a", 1, None], object)])
def test_what_is_known_of_rows_are_classes_or_numbers(y):
    known = validation.as_known(y, 3)
    assert known.shape == (3,) and known.dtype.kind in "iU"
    assert validation.as_known([0.5, 1, 2], 3).dtype == float


@pytest.mark.parametrize(
    ("y", "error", "says"),
    [
        ([1, 2], ValueError, r"shape \(2,\); expected a value for each of the 3 rows"),
        ([[1], [2], [3]], ValueError, r"shape \(3, 1\)"),
        ([1.0, NAN, 2.0], ValueError, "NaN or infinity"),
        (np.zeros(3, complex), TypeError, "found dtype complex128"),
    ],
)
def test_what_is_known_of_other_rows_is_refused(y, error, says):
    with pytest.raises(error, match=says):
        validation.as_known(y, 3)


def test_the_shape_of_a_row_has_as_many_numbers_as_the_row():
    assert validation.as_shape([12], 12) == (12,) and validation.as_shape([3, 4], 12) == (3, 4)
    assert validation.as_shape((2, 2, 3), 12) == (2, 2, 3)
    assert validation.as_shape((1, 12), 12) == (1, 12)
    for shape in ((), (3, 3), (2, 3, 2), (2, 2, 1, 3), (-3, -4), (12, 1, 1), 3, (3.0, 4)):
        with pytest.raises(ValueError, match=r"shape must be \(H, W\) or \(H, W, 3\), of 12 num"):
            validation.as_shape(shape, 12)


def test_blocks_describe_every_column():
    with pytest.raises(ValueError, match="gaussian:3 describes 3 columns, found 4"):
        validation.check_range(X, "gaussian:3")


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ([0.0, 1.0, 0.0], True),
        ([NAN, NAN, NAN], True),
        ([0.0, NAN, 1.0], False),
        ([0.5, 0.5, 0.0], False),
        ([1.0, 0.0, 1.0], False),
        ([0.0, 0.0, 0.0], False),
    ],
)
def test_a_category_is_one_hot_or_missing_as_a_whole(row, good):
    rows = np.vstack([np.eye(3), row])
    if good:
        return validation.check_range(rows, "categorical")
    with pytest.raises(ValueError, match="needs one-hot rows"):
        validation.check_range(rows, "categorical")


# The names of columns.


def columns(*names):
    return Columns([*(Column(name, "gaussian") for name in names), Column("_", "id")], "gaussian")


def frame(*names):
    return SimpleNamespace(columns=names)


def test_names_are_all_text_or_none():
    assert validation.feature_names(frame("a", "b")).tolist() == ["a", "b"]
    for nameless in (X, frame(0, 1), frame()):
        assert validation.feature_names(nameless) is None
    with pytest.raises(TypeError, match="string names"):
        validation.feature_names(frame("a", 1))


def test_a_warning_about_names_points_at_the_line_of_the_call(c):
    class Named(list):
        columns = list("abcd")

    for method in (c.vae.transform, c.vae.encode, c.vae.partial_fit):
        with pytest.warns(UserWarning, match="X has feature names") as caught:
            method(Named(X.tolist()))
        assert caught[0].filename == __file__


def test_the_same_names_pass_and_names_on_one_side_only_are_a_warning():
    validation.check_feature_names(["a", "b"], columns("b", "a"), "VAE")
    validation.check_feature_names(None, None, "VAE")
    with pytest.warns(UserWarning, match="^X has feature names, but VAE was fitted without"):
        validation.check_feature_names(["a"], None, "VAE")
    with pytest.warns(UserWarning, match="^X does not have valid feature names, but VAE was"):
        validation.check_feature_names(None, columns("a"), "VAE")


NEW, GONE = "Feature names unseen at fit time:", "Feature names seen at fit time, yet now missing:"


@pytest.mark.parametrize(
    ("found", "fitted", "lines"),
    [
        ("ac", "ab", [NEW, "- c", GONE, "- b"]),
        ("abcdefg", "a", [NEW, *(f"- {name}" for name in "bcdef"), "- ..."]),
        ("a", "abcdef", [GONE, *(f"- {name}" for name in "bcdef")]),
    ],
)
def test_other_names_are_listed(found, fitted, lines):
    with pytest.raises(ValueError) as caught:
        validation.check_feature_names(list(found), columns(*fitted), "VAE")
    first = "The feature names should match those that were passed during fit."
    assert str(caught.value) == "\n".join([first, *lines, ""])
