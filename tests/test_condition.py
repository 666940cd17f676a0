"""Models that are conditioned on y, or on columns of a data frame."""

import copy
import pickle

import numpy as np
import pytest
from helpers import edited
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae import VAE, load, runs
from numvae.evaluation import aggregate
from numvae.rows import Beside, Rows, binarized, by_blocks, condition_of, read, split_condition
from numvae.tables.columns import Columns, Table, guess, of_known

N, D = 300, 3
SETTINGS = {"n_latent": 1, "hidden": 8, "epochs": 2, "random_state": 0, "n_importance": 20}


def rows(rng, n=N):
    """Rows of three classes, and the classes: x = mean of its class + what all have in common."""
    y = rng.integers(3, size=n)
    means, W = 3.0 * rng.normal(size=(3, D)), rng.normal(size=(D, D))
    return means[y] + rng.normal(size=(n, D)) @ W, y


@pytest.fixture(scope="module")
def fitted():
    X, y = rows(np.random.default_rng(3))
    return VAE(**SETTINGS, condition="y").fit(X, y), X, y


def frame(pd, rng):
    X, y = rows(rng)
    columns = dict(zip("abc", X.T)) | {"kind": np.array(["ape", "bee", "cow"])[y]}
    return pd.DataFrame(columns | {"age": 40.0 + 10.0 * rng.normal(size=N)})


def refused(method, *arguments, **named):
    with pytest.raises((TypeError, ValueError)) as found:
        method(*arguments, **named)
    return str(found.value)


# What is learned.


@pytest.mark.parametrize("numbers", [False, True])
def test_without_rows_held_out_it_is_the_normal_distribution_given_y(rng, numbers):
    """One factor for three columns: any covariance. By scipy, and by numpy's least squares."""
    y = rng.integers(3, size=2000)
    y, given = (y.astype(float), np.column_stack([y, y**0])) if numbers else (y, np.eye(3)[y])
    X = given @ rng.normal(size=(given.shape[1], D)) + 0.7 * rng.normal(size=(2000, D))
    X += rng.normal(size=(2000, 1)) * [1.0, 2.0, -1.5]
    vae = VAE(1, likelihood="gaussian", condition="y", validation_fraction=0, random_state=0)
    vae.set_params(n_importance=3).fit(X, y)
    b, *_ = np.linalg.lstsq(given, X)
    left = X - given @ b
    wanted = stats.multivariate_normal(np.zeros(D), left.T @ left / len(X)).logpdf(left)
    found = vae.score_samples(X, y)
    assert found.mean() == pytest.approx(wanted.mean(), abs=1e-3)
    assert_allclose(found, wanted, atol=0.05)
    assert_allclose(vae.elbo(X, y), found, atol=1e-9)  # the posterior is exact
    alone = VAE(1, likelihood="gaussian", validation_fraction=0, random_state=0).fit(X)
    assert found.mean() > alone.score(X) + 0.05


def test_missing_values_are_guessed_from_y_too(rng):
    X, y = rows(rng, 1000)
    vae = VAE(2, condition="y", validation_fraction=0, missing=True, random_state=0).fit(X, y)
    holes = X[:60].copy()
    holes[np.arange(60), np.arange(60) % D] = np.nan
    filled, missing = vae.impute(holes, random_state=0, y=y[:60]), np.isnan(holes)
    assert_array_equal(filled[~missing], holes[~missing])
    C = np.cov((X - np.stack([X[y == k].mean(axis=0) for k in y])).T)
    for x, k, hole, found in zip(X, y, missing, filled):
        m = X[y == k].mean(axis=0)
        across = C[np.ix_(hole, ~hole)] @ np.linalg.solve(C[np.ix_(~hole, ~hole)], (x - m)[~hole])
        assert_allclose(found[hole], m[hole] + across, atol=0.5 * np.sqrt(C[hole, hole]).max())


def test_samples_are_of_the_class_that_is_asked_for(fitted):
    vae, X, y = fitted
    for k in range(3):
        mean, spread = X[y == k].mean(axis=0), X[y == k].std(axis=0)
        drawn = vae.sample(2000, random_state=0, y=k)
        assert (np.abs(drawn.mean(axis=0) - mean) < 0.3 * spread).all()
    each = vae.sample(3, 1, y=[0, 1, 2])
    assert_array_equal(each[2], vae.sample(3, 1, y=2)[2])


def test_codes_of_kept_rows_are_decoded_given_another_class(fitted):
    vae, X, y = fitted
    drawn = vae.sample(500, 0, y=1, source="posterior")
    assert (np.abs(drawn.mean(axis=0) - X[y == 1].mean(axis=0)) < X[y == 1].std(axis=0)).all()
    said = refused(vae.sample, 2, y=1, source="posterior", X=X)
    assert said.startswith("Rows X would need a y of their own, which sample does not take")


def test_the_class_that_makes_a_row_most_probable_is_its_own(fitted):
    """Bayes' rule: log p(x|y) for each y, by the same noise."""
    vae, X, y = fitted
    scores = np.stack([vae.score_samples(X, y=k) for k in range(3)])
    means = np.stack([X[y == k].mean(axis=0) for k in range(3)])
    left = X - means[y]
    C = left.T @ left / N
    best = [stats.multivariate_normal(mean, C).logpdf(X) for mean in means]
    assert np.mean(scores.argmax(axis=0) == np.argmax(best, axis=0)) > 0.9


def test_y_is_ignored_unless_the_model_is_conditioned_on_it(fitted):
    _, X, y = fitted
    one, other = VAE(**SETTINGS).fit(X), VAE(**SETTINGS).fit(X, y)
    assert_array_equal(one.network_.parameters.vector, other.network_.parameters.vector)
    assert other.condition_ is None and other.score(X, y) == one.score(X)
    assert "takes no y" in refused(other.sample, 3, y=1)
    assert "takes no y" in refused(other.transform, X, y)


# What is taken, and what is refused.


def test_every_method_takes_y(fitted):
    vae, X, y = fitted
    codes = vae.transform(X, y)
    assert codes.shape == (N, 1) and vae.encode(X, 0, y)[2].shape == (N, 1)
    assert_array_equal(vae.decode(codes, y), vae.reconstruct(X, y))
    assert_array_equal(vae.inverse_transform(codes[:5], y=y[:5]), vae.decode(codes[:5], y[:5]))
    assert (vae.elbo(X, y) <= vae.score_samples(X, y) + 1e-9).all()
    assert vae.score(X, y) == vae.score_samples(X, y).mean()
    usual = vae.predict(X, y)
    assert 0.02 < np.mean(usual == -1) < 0.3
    assert_array_equal(usual == -1, vae.decision_function(X, y) < 0)
    assert_array_equal(vae.p_values(X, y=y) <= vae.contamination, usual == -1)
    assert vae.p_values(X[:4], X, y[:4], y).shape == (4,)
    again = VAE(**SETTINGS, condition="y")
    assert_array_equal(again.fit_transform(X, y), codes)
    assert_array_equal(again.fit_predict(X, y), usual)
    assert not np.isclose(vae.transform(X, (y + 1) % 3), codes).all(axis=1).any()


def test_what_is_missing_wrong_or_unseen_is_said_in_a_sentence(fitted):
    vae, X, y = fitted
    assert refused(vae.transform, X) == refused(vae.sample, 3) == refused(vae.decode, [[0.0]])
    assert refused(vae.sample) == (
        "This VAE is conditioned on y: give y, one for all rows or one for each."
    )
    assert refused(vae.sample, 1, y=7) == (
        "7 in column y was not seen in training; its levels are 0, 1, 2."
    )
    assert "y has shape (2,); expected one value, or one for each of 3 rows" in refused(
        vae.sample, 3, y=[0, 1]
    )
    assert refused(vae.sample, 1, y=None) == refused(vae.score, X)
    fresh = VAE(**SETTINGS, condition="y")
    assert refused(fresh.fit, X) == "condition='y' needs y, a class or a number for each row of X."
    assert "y has shape" in refused(fresh.fit, X, y[:-1])
    assert "different whole numbers, too many" in refused(fresh.fit, X, np.arange(N))
    names = np.char.add("name-", np.arange(N).astype(str))
    assert f"y is another in each of {N} rows" in refused(fresh.fit, X, names)
    assert "y holds NaN" in refused(fresh.fit, X, np.full(N, np.nan))
    assert "condition names columns, but X is ndarray" in refused(VAE(condition=["a"]).fit, X)
    for bad in ("age", [], [3], ["a", "a"], 3):
        assert refused(VAE(condition=bad).fit, X, y).startswith("condition must")


def test_a_pandas_series_is_y_for_each_row(fitted, framed):
    pd = pytest.importorskip("pandas")
    (vae, X, y), (_, table) = fitted, framed
    series = pd.Series(y, index=np.arange(N)[::-1])
    assert_array_equal(vae.score_samples(X, series), vae.score_samples(X, y))
    assert VAE(**SETTINGS, condition="y").fit_transform(X, series).shape == (N, 1)
    of_kind = VAE(**SETTINGS, condition=["kind"]).fit(table)
    for given in (table["kind"], table[["kind"]]):
        assert of_kind.sample(N, 0, y=given)["kind"].tolist() == table["kind"].tolist()
    assert of_kind.sample(2, 0, y=table.iloc[0])["kind"].tolist() == [table["kind"][0]] * 2


@pytest.mark.parametrize("hole", [None, np.nan, ""])
def test_what_is_not_known_of_a_row_is_no_class(rng, hole):
    X, y = rows(rng)
    said = refused(VAE(**SETTINGS, condition="y").fit, X, np.array([hole, "a", "b"], object)[y])
    assert said.startswith(
        f"A missing value in row {y.tolist().index(0)} of column y, which the model"
    )


def test_whole_numbers_among_objects_are_classes(fitted):
    vae, X, y = fitted
    again = VAE(**SETTINGS, condition="y").fit(X, y.astype(object))
    assert again.condition_.given[0].levels == [0, 1, 2]
    assert_array_equal(again.score_samples(X, y.astype(object)), vae.score_samples(X, y))


@pytest.mark.parametrize("kind", ["text", "bool", "objects", "one class"])
def test_classes_of_any_type(rng, kind):
    X, y = rows(rng)
    y = {
        "text": np.array(["a", "b", "c"])[y],
        "bool": y > 0,
        "objects": np.array(["a", "b", "c"], dtype=object)[y],
        "one class": np.zeros(N, int),
    }[kind]
    vae = VAE(**SETTINGS, condition="y").fit(X, y)
    assert vae.network_.n_condition == len(set(y.tolist()))
    assert vae.sample(2, y=y[0]).shape == (2, D) and np.isfinite(vae.score(X, y))


def test_the_fit_is_the_same_in_all_units_of_y(rng):
    X, y = rows(rng)
    t = y + 0.1 * rng.normal(size=N)
    one, other = (VAE(**SETTINGS, condition="y").fit(X, s) for s in (t, 64.0 * t - 1024.0))
    assert_allclose(one.transform(X, t), other.transform(X, 64.0 * t - 1024.0), rtol=1e-6)
    still = VAE(**SETTINGS, condition="y").fit(X, np.full(N, 2.5))
    assert np.isfinite(still.score(X, np.full(N, 2.5)))


# Data frames.


@pytest.fixture(scope="module")
def framed():
    pd = pytest.importorskip("pandas")
    table = frame(pd, np.random.default_rng(3))
    return VAE(**SETTINGS, condition=["kind", "age"]).fit(table), table


def test_columns_are_found_in_the_frame(framed):
    vae, table = framed
    assert vae.network_.n_features == 3 and vae.network_.n_condition == 4
    assert vae.n_features_in_ == 5 and list(vae.feature_names_in_) == list(table)
    assert vae.columns_.labels == ["a", "b", "c"]
    shuffled = table[["age", "c", "kind", "a", "b"]]
    assert_array_equal(vae.score_samples(shuffled), vae.score_samples(table))
    assert vae.score(table) == vae.score_samples(table).mean()
    again = vae.reconstruct(table.head(3))
    assert list(again) == list(table) and again["kind"].tolist() == table["kind"][:3].tolist()
    assert_allclose(again["age"], table["age"][:3])
    holes = table.head(4).copy()
    holes.loc[1, "b"] = np.nan
    assert vae.impute(holes, 0).notna().all(axis=None)
    assert "are columns of X" in refused(vae.transform, table, y={"kind": "ape", "age": 3.0})


def test_what_is_drawn_or_decoded_takes_a_dict_or_rows(framed):
    vae, table = framed
    drawn = vae.sample(3, 0, y={"kind": "bee", "age": 40.0})
    assert list(drawn) == list(table)
    assert drawn["kind"].tolist() == ["bee"] * 3 and drawn["age"].tolist() == [40.0] * 3
    for y in (table.iloc[1], table.iloc[1:2], dict(table.iloc[1])):
        assert vae.decode([[0.0]] * 2, y)["kind"].tolist() == [table["kind"][1]] * 2
    each = vae.decode([[0.0]] * 3, table.head(3))
    assert each["kind"].tolist() == table["kind"][:3].tolist()
    assert "There is no age in y" in refused(vae.sample, 2, y={"kind": "bee"})
    assert "y must be a dict" in refused(vae.sample, 2, y="bee")
    assert "was not seen" in refused(vae.sample, 2, y={"kind": "dog", "age": 3.0})
    assert "A missing value in column age," in refused(
        vae.sample, 2, y={"kind": "ape", "age": np.nan}
    )


def test_columns_that_are_not_there_or_of_no_use_are_refused(framed):
    _, table = framed
    assert "There is no column size to condition on" in refused(VAE(condition=["size"]).fit, table)
    assert "which is constant (always 1)" in refused(VAE(condition=["n"]).fit, table.assign(n=1))
    assert "No column is left" in refused(VAE(condition=["age"]).fit, table[["age"]])
    holes = table.copy()
    holes.loc[4, "age"] = np.nan
    assert "A missing value in row 4 of column age," in refused(VAE(condition=["age"]).fit, holes)


def test_an_infinite_number_is_nothing_to_condition_on(framed):
    vae, table = framed
    infinite = table.copy()
    infinite.loc[4, "age"] = -np.inf
    for method in (VAE(condition=["age"]).fit, vae.transform):
        assert "-inf in row 4 of column age," in refused(method, infinite)
    assert "1e+300 in column age," in refused(vae.sample, 2, y={"kind": "ape", "age": 1e300})


# Copies, files, other settings.


def test_it_comes_back_from_a_file_a_pickle_and_a_copy(fitted, framed, tmp_path):
    for name, (vae, X, *y) in {"y": fitted, "columns": framed}.items():
        wanted, path = vae.score_samples(X, *y), tmp_path / f"{name}.npz"
        vae.save(path)
        for again in (load(path), pickle.loads(pickle.dumps(vae)), copy.deepcopy(vae)):
            assert_array_equal(again.score_samples(X, *y), wanted)
            assert again.condition == vae.condition and again.condition_.plain()
            assert_array_equal(again.predict(X, *y), vae.predict(X, *y))
            assert again.partial_fit(X, *y).n_iter_ == 3
        for wrong in (0, 2, 9):
            edited(path, lambda header, n=wrong: header.update(n_condition=n))
            assert "conditioned on" in refused(load, path)


def test_a_data_frame_may_be_described_given_y_beside_it(framed, tmp_path):
    table = framed[1][["a", "b", "kind"]]
    y = np.arange(N) % 3
    vae = VAE(**SETTINGS, condition="y").fit(table, y)
    assert list(vae.sample(2, y=1)) == list(table)
    vae.save(tmp_path / "model.npz")
    assert_array_equal(
        load(tmp_path / "model.npz").score_samples(table, y), vae.score_samples(table, y)
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    said = refused(runs.load(tmp_path / "model.npz").examples, tmp_path / "table.csv")
    assert "cannot be conditioned on y, which is not known of each example of table" in said


def test_scikit_learn_clones_it_and_knows_that_it_needs_y(fitted):
    base = pytest.importorskip("sklearn.base")
    vae, *_ = fitted
    assert base.clone(vae).condition == "y"
    assert vae.__sklearn_tags__().target_tags.required
    assert not VAE().__sklearn_tags__().target_tags.required


def test_a_picture_is_coloured_by_y_and_the_page_lets_one_choose_it(fitted, framed, tmp_path):
    vae, X, y = fitted
    for figure in (vae.plot(), vae.plot(X, y), framed[0].plot(), framed[0].plot(framed[1])):
        assert figure.axes
    text = vae.explore(tmp_path / "page.html", X, y).read_text("utf-8")
    assert '"given": [{"name": "y"' in text
    text = framed[0].explore(tmp_path / "table.html").read_text("utf-8")
    assert all(f'"name": "{name}"' in text for name in framed[0].condition)


def test_gray_pixels_are_drawn_and_y_is_not(rng):
    gray, y = rng.random((50, 6)).astype("f4"), rng.normal(size=(50, 2)).astype("f4")
    drawn = np.asarray(binarized(np.hstack([gray, y]), 0, 2))
    assert_array_equal(drawn[:, 6:], y)
    assert_array_equal(drawn[:, :6], binarized(gray, 0))
    for binarize in ("fixed", "dynamic"):
        settings = {"likelihood": "bernoulli", "binarize": binarize, "condition": "y"}
        vae = VAE(**SETTINGS, **settings).fit(gray, y[:, 0])
        assert np.isfinite(vae.score(gray, y[:, 0])) and vae.network_.dtype == np.float32


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "?"])
def test_rows_beside_others_are_read_a_part_at_a_time(tmp_path, rng, dtype):
    X, y = (9 * rng.random((7, 3)) - 4).astype(dtype), rng.normal(size=(7, 2))
    np.save(tmp_path / "X.npy", X)
    wanted = np.hstack([X, y]).astype("f4" if dtype == "f4" else "f8")
    for x in (X, np.load(tmp_path / "X.npy", mmap_mode="r")):
        both = Beside(x, y)
        assert (len(both), both.shape, both.dtype) == (7, (7, 5), wanted.dtype)
        assert_array_equal(read(both, np.array([5, 0])), wanted[[5, 0]])
        assert_array_equal(read(Rows(both, np.array([5, 0, 2])), slice(1, 3)), wanted[[0, 2]])
        assert_array_equal(
            by_blocks(lambda some: split_condition(some, 2)[1], both, 2), wanted[:, 3:]
        )


def test_what_is_typed_becomes_values():
    known = {"kind": np.array([1, 2, 1]), "size": np.array([1.0, 3.0, 2.0])}
    columns = of_known(known)
    assert columns.n_condition == 3 and columns.condition["size"] == (2.0, np.std([1.0, 2.0, 3.0]))
    assert columns.typed("2,0.5") == {"kind": 2, "size": 0.5}
    assert "expected a value for kind, size" in refused(columns.typed, "2")
    assert "expected a number for size" in refused(columns.typed, "2,x")
    y = columns.encode_condition(Table(known))
    made = Columns.of_plain(columns.plain()).decode(np.zeros((3, 0)), y)
    assert made["kind"].tolist() == [1, 2, 1] and made["size"].tolist() == [1.0, 3.0, 2.0]


def test_a_single_value_that_is_typed_may_hold_a_comma():
    columns = of_known({"name": np.array(["Doe, J", "Roe, R"])})
    assert columns.typed("Roe, R") == {"name": "Roe, R"}


def test_a_table_is_described_given_some_of_its_columns():
    values = {"a": np.linspace(0.5, 3.0, 30), "b": np.arange(30) % 2, "c": np.arange(30.0) ** 1.5}
    columns = guess(Table(values)).conditioned(["b", "c"], Table(values))
    assert columns.labels == ["a"] and columns.n_condition == 2
    assert columns.likelihood == "gaussian-sigma-z"
    rows = columns.encode(Table(values))
    assert_allclose(rows[:, 2].mean(), 0.0, atol=1e-12)
    assert_allclose(rows[:, 2].std(), 1.0)
    again = columns.decode(*split_condition(rows, 2))
    for name, column in values.items():
        assert_allclose(again[name].astype(float), column, atol=1e-6)
    assert list(columns.decode(rows[:, :1])) == ["a"]


def test_what_is_drawn_from_the_posterior_has_the_y_that_is_wanted(fitted, monkeypatch):
    vae, _, y = fitted
    found, codes = [], aggregate.codes

    def spy(training, rng, X, n_draws=1):
        found.append(condition_of(np.asarray(read(X, slice(None))), vae.network_.n_condition))
        return codes(training, rng, X, n_draws)

    monkeypatch.setattr(aggregate, "codes", spy)
    wanted = np.resize(np.unique(y), 40)
    vae.sample(40, y=wanted, source="posterior")
    assert_allclose(found[0], vae._condition(wanted, 40), atol=1e-6)
