import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tables
from numpy.testing import assert_allclose, assert_array_equal
from peers import programs, table
from peers.table import Split, Table, prepare, rounding_step
from scipy.stats import multivariate_normal

from numvae import VAE


@pytest.fixture
def small(rng, monkeypatch):
    """Four columns in two classes, one of them rounded, as the only table."""
    X, y = rng.standard_normal((120, 4)), np.repeat(["a", "b"], [50, 70])
    X[:, 1] += X[:, 0]
    X[y == "a", 3] += 4.0
    X[:, 2] = X[:, 2].round(1)
    small = Table("small", X, y)
    monkeypatch.setattr(tables, "ordinary", lambda folder: ([small], ["more is left out."]))
    monkeypatch.setattr(tables, "RANDOM", [small])
    return small


@pytest.fixture
def quick(monkeypatch):
    """VAE, but its fit is short."""
    monkeypatch.setattr(programs, "VAE", lambda **settings: VAE(epochs=3, hidden=(8,), **settings))


# How tables are prepared.


@pytest.mark.parametrize("step", [25, 2, 1, 0.5, 1 / 3, 1 / 9, 0.1, 0.01, 1e-4])
def test_the_step_of_rounded_numbers_is_found(step, rng):
    x = step * rng.integers(-40, 40, 200)
    assert rounding_step(x) == pytest.approx(step)
    assert rounding_step(x.round(6)) == pytest.approx(step)


def test_numbers_on_no_grid_have_no_step(rng):
    x = rng.standard_normal(200)
    assert rounding_step(x) == 0.0
    assert rounding_step(1e-4 * x) == 0.0
    assert rounding_step(np.append(1e-3 * x, 100.0)) == 0.0


def test_a_table_is_split_and_standardised_by_its_training_rows(small):
    split = prepare(small, 0)
    assert split.train.shape == (90, 4) and split.held.shape == (30, 4)
    assert_allclose(split.train.mean(axis=0), 0.0, atol=1e-12)
    assert_allclose(split.train.std(axis=0), 1.0)
    assert_array_equal(np.sort([*split.y_train, *split.y_held]), np.sort(small.y))
    again, other = prepare(small, 0), prepare(small, 1)
    assert_array_equal(split.held, again.held)
    assert not np.array_equal(split.held, other.held)


def test_only_rounded_columns_get_noise_and_of_one_step(rng):
    x = rng.integers(0, 5, 400).astype(float)
    split = prepare(Table("two", np.column_stack([x, rng.standard_normal(400), x])), 0)
    rows = np.vstack([split.train, split.held])
    a, plain, b = rows.T
    assert len(np.unique(plain)) == len(np.unique(a)) == 400
    # The two copies of x differ by the noise alone, below a step; a step is 1/std of x + noise.
    off = np.abs(a - b)
    assert 0.5 < off.max() * np.sqrt(2.0 + 1 / 12) < 1.1


def test_a_column_that_is_constant_in_the_training_rows_is_left_out(rng):
    X = rng.standard_normal((40, 3))
    X[:, 1] = 7.0
    X[np.random.default_rng(0).permutation(40)[0], 1] = 8.0  # held out
    assert prepare(Table("constant", X), 0).held.shape == (10, 2)


def test_a_class_is_not_trained_on(small):
    split = prepare(small, 0, without="a")
    assert set(split.y_train) == {"b"} and set(split.y_held) == {"a", "b"}
    assert_allclose(split.train.std(axis=0), 1.0)
    assert_array_equal(tables.without_a_class(small, 0).y_held, split.y_held == "a")


def test_files_are_read_and_rows_with_missing_values_are_dropped():
    path = Path("few.csv")
    path.write_text("kind,size,weight,island\nx,1,2.5,A\ny,NA,1.5,A\ny,3,0.5,B\n")
    few = table.read_csv(path, "kind", ["size", "weight"])
    assert few.name == "few" and few.y.tolist() == ["x", "y"]
    assert_array_equal(few.X, [[1.0, 2.5], [3.0, 0.5]])


def test_those_of_a_folder_that_are_not_there_get_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    Path("vehicle.csv").write_text("")
    found, absent = table.ordinary(".")
    assert found == []
    assert "pip install scikit-learn" in absent[0] and "pip install statsmodels" in absent[1]
    assert all(name in absent[2] for name in table.FILES)


def test_the_tables_of_scikit_learn_are_there():
    pytest.importorskip("sklearn")
    found = {t.name: t for t in table.ordinary()[0]}
    assert found["digits"].X.shape == (1797, 64) and not found["digits"].confirms
    assert found["digit sums"].X.shape == (1797, 16) and found["digit sums"].confirms
    assert found["diabetes"].y is None
    assert [rounding_step(x) for x in found["iris"].X.T] == [0.1] * 4


# What the programs say.


@pytest.fixture
def data(rng):
    def draw(n):
        return rng.standard_normal((n, 2)) @ [[1.0, 0.5, -1.0], [0.0, 1.0, 1.0]]

    train, held = (draw(n) + 0.5 * rng.standard_normal((n, 3)) for n in (200, 50))
    return Split(train, held, None, None)


def test_the_gaussian_is_the_sample_mean_and_covariance_and_the_floor(data):
    off = data.train - data.train.mean(axis=0)
    covariance = off.T @ off / len(off) + programs.FLOOR * np.eye(3)
    wanted = multivariate_normal(data.train.mean(axis=0), covariance).logpdf(data.held)
    assert_allclose(programs.gaussian(data, 0)(data.held), wanted)


def test_the_floor_keeps_a_density_of_equal_columns_finite(data):
    twice = Split(*(np.hstack([X, X]) for X in data[:2]), None, None)
    assert np.isfinite(programs.gaussian(twice, 0)(twice.held)).all()
    variance = np.linalg.eigvalsh(np.cov(twice.train.T, bias=True) + programs.FLOOR * np.eye(6))
    assert variance.min() == pytest.approx(programs.FLOOR)


@pytest.mark.parametrize(
    "program, name, options",
    [("ppca", "PCA", {}), ("factor_analysis", "FactorAnalysis", {"svd_method": "lapack"})],
)
def test_the_linear_programs_are_normal_with_the_size_of_the_data(program, name, options, data):
    Model = getattr(pytest.importorskip("sklearn.decomposition"), name)
    model = Model(2, **options).fit(data.train)  # of 1 and 2
    covariance = model.get_covariance() + programs.FLOOR * np.eye(3)
    wanted = multivariate_normal(data.train.mean(axis=0), covariance).logpdf(data.held)
    assert_allclose(getattr(programs, program)(data, 0)(data.held), wanted)


def test_the_mixture_of_normal_rows_has_one_component(data):
    pytest.importorskip("sklearn")
    found = programs.mixture(data, 0)(data.held)
    assert_allclose(found, programs.gaussian(data, 0)(data.held), atol=1e-6)


def test_samples_of_a_class_are_like_it_and_as_many(small):
    data = prepare(small, 0)
    X, y = programs.gaussian_rows(data, 0)()
    for label in "ab":
        rows, real = X[y == label], data.train[data.y_train == label]
        assert len(rows) == len(real)
        assert_allclose(rows.mean(axis=0), real.mean(axis=0), atol=0.5)


def test_hidden_cells_are_filled_in(small):
    data = tables.hide(small, 0)
    hidden = np.isnan(data.held)
    assert 0.1 < hidden.mean() < 0.3 and not np.isnan(data.y_held).any()
    filled = programs.column_means(data, 0)(data.held)
    assert_array_equal(filled[~hidden], data.y_held[~hidden])
    error = tables.error_of_hidden("means", lambda X: filled, data)["means"]
    assert error == pytest.approx(np.sqrt(((filled - data.y_held)[hidden] ** 2).mean()))
    assert tables.error_of_hidden("truth", lambda X: data.y_held, data) == {"truth": 0.0}


def test_the_class_that_scores_low_has_an_auc_of_1(small):
    data = tables.without_a_class(small, 0)
    assert tables.auc("", lambda X: -X[:, 3], data)[""] > 0.9  # column 3 is larger for class a
    assert tables.auc("", lambda X: X[:, 3], data)[""] < 0.1
    assert tables.auc("", lambda X: np.zeros(len(X)), data)[""] == 0.5


def test_a_difference_has_the_error_of_one_split(rng):
    ours, theirs = rng.standard_normal((2, 30)), rng.standard_normal((2, 30))
    off, error = tables.difference([*ours], [*theirs])
    assert off == pytest.approx((ours - theirs).mean())
    wanted = (ours - theirs).std(axis=1, ddof=1).mean() / np.sqrt(30)
    assert error == pytest.approx(wanted)


# The whole.


@pytest.mark.slow
def test_everything_is_measured_and_written(small, quick, capsys):
    pytest.importorskip("sklearn")
    assert tables.main(["--splits", "2", "--out", "new.md", "--figure", "new.png"]) == 0
    text, written = capsys.readouterr().out, Path("new.md").read_text(encoding="utf-8")
    for section in tables.SECTIONS.values():
        assert f"## {section.title}\n" in written
    assert "more is left out." in text
    assert re.search(r"^  small( +-?\d+\.\d\d ± \d+\.\d\d){6}$", text, re.M)
    assert "VAE, of 1 tables: at or above the best within one standard error on " in text
    rows = [line for line in text.splitlines() if line.startswith("  ")]
    cells = [re.sub(r" +\| +", " ", line.strip("| ")) for line in written.splitlines()]
    assert all(re.sub(r" {2,}", " ", row.strip()) in cells for row in rows)
    assert Path("new.png").read_bytes().startswith(b"\x89PNG")


def test_without_scikit_learn_the_others_are_measured(small, quick, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"] + ["sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert tables.main(["density", "neighbours", "--splits", "1", "--figure", "new.png"]) == 0
    text = capsys.readouterr().out
    assert "Left out: pPCA, factor analysis, mixture. To have them: pip install" in text
    assert "Left out: VAE. To have them: pip install" in text
    assert re.search(r"^  small( +-?\d+\.\d\d){3}$", text, re.M)


def test_a_table_without_classes_and_no_table_at_all(small, monkeypatch, capsys, refused):
    monkeypatch.setattr(tables, "ordinary", lambda folder: ([small._replace(y=None)], []))
    assert tables.main(["anomaly"]) == 0
    assert "Not measured: none of the tables has classes." in capsys.readouterr().out
    monkeypatch.setattr(tables, "ordinary", lambda folder: ([], []))
    assert "there are no tables here: pip install scikit-learn" in refused(tables.main)


@pytest.mark.parametrize(
    "typed, message",
    [
        ("speed", "there is no 'speed' to measure; there are density, impute"),
        ("--only large", "there is no table 'large' here; there are small"),
        ("--tables nowhere", "there is no folder nowhere"),
        ("impute --figure new.png", "--figure shows what density measures"),
        ("--figure there.png", "there.png exists already"),
        ("--out tables.txt", "tables.txt should end in .md"),
        ("--splits 0", "must be a whole number, at least 1"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_before_any_work(typed, message, small, refused):
    assert message in refused(tables.main, *typed.split())
