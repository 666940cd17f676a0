"""Data frames in, data frames out: what `VAE` makes of them."""

import datetime
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import VAE, load
from numvae.tables import frames

pd = pytest.importorskip("pandas")

N = 80
FAST = {"epochs": 3, "hidden": (8,), "random_state": 0}


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    kind = np.arange(N) % 3
    return pd.DataFrame(
        {
            "species": np.array(["Adelie", "Chinstrap", "Gentoo"])[kind],
            "mass": pd.array(np.rint(4000 + 900 * kind + 50 * rng.normal(size=N)), dtype="Int64"),
            "depth": np.round(15 + kind + rng.normal(size=N), 1),
            "wild": pd.array(kind == 1, dtype="boolean"),
            "site": pd.Categorical(np.array(["north", "south"])[kind % 2]),
            "tag": [f"bird {i}" for i in range(N)],
            "seen": pd.date_range("2020-01-01", periods=N),
        },
        index=[f"r{i}" for i in range(N)],
    )


def with_holes(frame):
    holed = frame.copy()
    for i, name in enumerate(["species", "mass", "depth", "wild", "site"]):
        holed.loc[holed.index[i::7], name] = None
    return holed


@pytest.fixture
def vae(frame):
    return VAE(**FAST).fit(with_holes(frame))


def test_every_column_is_what_its_type_and_its_values_say(vae, frame):
    kinds = {column.name: column.kind for column in vae.columns_.columns}
    assert kinds == {
        **{"species": "categorical", "mass": "gaussian", "depth": "gaussian", "wild": "bernoulli"},
        **{"site": "bernoulli", "tag": "id", "seen": "ignore"},
    }
    assert vae.n_features_in_ == 7 and vae.feature_names_in_.tolist() == list(frame)
    assert vae.network_.n_features == 7 and vae.get_params()["likelihood"] == "gaussian-sigma-z"


def test_a_frame_of_a_class_of_ones_own_is_one_of_pandas_also_in_a_file(frame, tmp_path):
    class Birds(pd.DataFrame):
        pass

    vae = VAE(**FAST).fit(Birds(frame))
    vae.save(tmp_path / "birds.npz")
    assert type(load(tmp_path / "birds.npz").sample(2)) is pd.DataFrame


def test_days_of_the_calendar_are_dates_with_and_without_a_time(frame):
    frame["day"] = frame["seen"].dt.date
    frame.loc[frame.index[3], "day"] = None
    columns = frames.table(frame).columns
    assert_array_equal(columns["day"][:3], columns["seen"][:3])
    assert np.isnan(columns["day"][3])
    assert VAE(**FAST).fit(frame).columns_["day"].kind == "ignore"


def test_what_has_columns_alone_is_no_frame(frame):
    assert frames.is_frame(frame)
    assert not any(map(frames.is_frame, (SimpleNamespace(columns=[]), frame.to_numpy(), "a", {})))


DAY = np.datetime64("1970-01-02")
NOON, MOMENT = datetime.datetime(1970, 1, 1, 12), "%Y-%m-%d %H:%M:%S"


@pytest.mark.parametrize(
    ("given", "wanted", "form"),
    [
        (np.array([1, 2]), np.array([1, 2]), None),
        (np.array([1.5, np.nan], "f4"), np.array([1.5, np.nan], "f4"), None),
        (np.array([1.5, np.nan], "f2"), np.array([1.5, np.nan]), None),
        (np.array([DAY, "NaT"], "M8[s]"), np.array([1, np.nan]), "%Y-%m-%d"),
        (np.array([DAY, NOON], "M8[s]"), np.array([1, 0.5]), MOMENT),
        (np.array([129_600, "NaT"], "m8[s]"), np.array([1.5, np.nan]), None),
        ([NOON.replace(tzinfo=datetime.timezone.utc), None], np.array([0.5, np.nan]), MOMENT),
        ([Decimal("1.5"), None], np.array([1.5, np.nan]), None),
        ([True, None], np.array([True, None], object), None),
        (["a", ""], np.array(["a", None], object), None),
        (["a", 2.5, np.nan, pd.NA], np.array(["a", 2.5, None, None], object), None),
        ([np.str_("1"), None], np.array(["1", None], object), None),
        ([(1, 2), None], np.array([(1, 2), None], object), None),
        ([None, None], np.array([None, None], object), None),
    ],
    ids=range(14),
)
def test_values_of_any_type_become_numbers_or_objects(given, wanted, form):
    table = frames.table(pd.DataFrame({"a": pd.Series(given, dtype=getattr(given, "dtype", "O"))}))
    found = table.columns["a"]
    assert found.dtype == wanted.dtype
    assert_array_equal(found, wanted)
    assert table.forms == ({"a": form} if form else {})


def test_values_may_be_missing_where_that_is_said_though_none_is(frame, tmp_path):
    for missing in (False, True):
        VAE(**FAST, missing=missing).fit(frame).save(tmp_path / "vae.npz")
        assert load(tmp_path / "vae.npz").missing is missing


def test_the_columns_of_an_array_are_numbered():
    table = frames.table_of_array(np.array([[1, "a"], [2, None]], object))
    assert list(table.columns) == ["x1", "x2"] and not table.named and table.first == 0
    assert table.columns["x1"].tolist() == [1, 2] and table.columns["x2"].tolist() == ["a", None]


def test_values_of_y_are_one_for_all_rows_or_one_for_each(frame):
    table = frames.table_of_values({"a": "x", "b": [5], "c": [1.5, 2, 3]}, 3)
    assert table.first == 0 and table.named
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        **{"a": ["x"] * 3, "b": [5] * 3, "c": [1.5, 2, 3]},
    }
    for row in (frame.head(1), pytest.importorskip("polars").DataFrame(frame[["species"]][:1])):
        assert frames.table_of_values(row, 2).columns["species"].tolist() == ["Adelie"] * 2
    with pytest.raises(ValueError) as caught:
        frames.table_of_values({"a": [1, 2]}, 3)
    assert str(caught.value) == ("a has shape (2,); expected one value, or one for each of 3 rows.")
    with pytest.raises(TypeError) as caught:
        frames.table_of_values("x", 3)
    assert str(caught.value) == (
        "y must be a dict, name → value, or rows of a data frame, found 'x'."
    )


def test_rows_that_are_made_are_frames_of_the_same_columns(vae, frame):
    made = ["species", "mass", "depth", "wild", "site"]
    drawn = vae.sample(50, random_state=1)
    assert list(drawn) == made and len(drawn) == 50
    assert set(drawn["species"]) <= set(frame["species"])
    assert set(drawn["wild"]) <= {True, False} and set(drawn["site"]) <= {"north", "south"}
    assert_array_equal(drawn["mass"], np.rint(drawn["mass"]))
    for rows in (vae.reconstruct(frame), vae.decode(vae.transform(frame))):
        assert list(rows) == made and len(rows) == N
    assert list(vae.reconstruct(frame).index) == list(frame.index)


def test_imputing_keeps_what_is_known_its_types_and_its_index(vae, frame):
    holed = with_holes(frame)
    filled = vae.impute(holed, random_state=0)
    pd.testing.assert_frame_equal(holed, with_holes(frame))
    assert list(filled) == list(holed) and list(filled.index) == list(holed.index)
    assert not filled.isna().any().any()
    assert filled.dtypes.astype(str).tolist() == holed.dtypes.astype(str).tolist()
    for name in holed:
        known = holed[name].notna()
        assert (filled[name][known] == holed[name][known]).all()


def test_order_and_names_left_out_do_not_matter_and_holes_may_come_at_use(frame):
    vae = VAE(**FAST).fit(frame)
    turned = frame[frame.columns[::-1]].drop(columns=["tag", "seen"])
    assert_array_equal(vae.score_samples(turned), vae.score_samples(frame))
    assert np.isfinite(vae.score_samples(with_holes(frame))).all()
    assert np.isfinite(vae.transform(with_holes(frame))).all()
    with pytest.raises(ValueError, match="yet now missing:\n- mass"):
        vae.transform(frame.drop(columns="mass"))
    with pytest.raises(ValueError, match="^'Emperor' in row 0 of column species was not seen in"):
        vae.transform(frame.assign(species="Emperor"))


def test_what_is_saved_knows_its_columns(vae, frame, tmp_path):
    vae.save(tmp_path / "vae.npz")
    again = load(tmp_path / "vae.npz")
    assert_array_equal(again.score_samples(frame), vae.score_samples(frame))
    pd.testing.assert_frame_equal(again.sample(5, random_state=2), vae.sample(5, random_state=2))
    assert again.get_params()["likelihood"] == "gaussian-sigma-z"
    again.set_params(epochs=1).fit(frame)


def test_the_user_may_choose_and_an_array_has_no_names_to_choose_by(frame):
    vae = VAE(columns={"tag": "ignore", "seen": "gaussian"}, **FAST).fit(frame)
    assert vae.columns_["seen"].kind == "gaussian"
    assert vae.sample(9, random_state=0)["seen"].dt.year.between(2019, 2021).all()
    holed = frame.assign(seen=frame["seen"].where(frame["mass"] > 4500))
    filled = vae.impute(holed, random_state=0)["seen"]
    assert filled.dt.year.between(2019, 2021).all() and filled.dtype == holed["seen"].dtype
    assert (filled == frame["seen"])[frame["mass"] > 4500].all()
    with pytest.raises(TypeError, match="^columns says what named columns are, but X is ndarray"):
        VAE(columns={"a": "id"}).fit(np.zeros((20, 2)))


def test_an_array_of_the_same_columns_is_taken_with_a_warning(vae, frame):
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_array_equal(vae.transform(frame.to_numpy()), vae.transform(frame))


def test_partial_fit_takes_frames(frame):
    vae = VAE(**FAST).partial_fit(frame).partial_fit(frame.iloc[:40])
    assert vae.n_iter_ == 2 and list(vae.sample(1)) == ["species", "mass", "depth", "wild", "site"]


def test_two_columns_of_one_name_are_refused(frame):
    with pytest.raises(ValueError, match="^Two columns are named mass"):
        VAE().fit(frame.rename(columns={"depth": "mass"}))


def test_frames_of_polars():
    pl = pytest.importorskip("polars")
    n = np.arange(60) % 3
    columns = {"kind": [None, *np.array(["a", "b", "c"])[n][1:]], "x": [*(n + 0.5)[:-1], None]}
    frame = pl.DataFrame({**columns, "n": 3 * n})
    vae = VAE(**FAST).fit(frame)
    filled = vae.impute(frame, random_state=0)
    assert isinstance(filled, pl.DataFrame) and filled.columns == ["kind", "x", "n"]
    assert filled.null_count().sum_horizontal()[0] == 0
    assert isinstance(vae.sample(3), pl.DataFrame)


def test_arrow_types_are_read_as_numpy_types():
    pytest.importorskip("pyarrow")
    plain = pd.DataFrame({"a": [1.5, None, 2.5] * 5, "b": ["x", "y", None] * 5})
    for found, wanted in zip(
        *(
            frames.table(f).columns.values()
            for f in (plain.convert_dtypes(dtype_backend="pyarrow"), plain)
        )
    ):
        assert found.dtype == wanted.dtype
        assert [str(v) for v in found] == [str(v) for v in wanted]


def test_the_model_is_as_good_on_a_frame_as_on_its_numbers():
    X = np.random.default_rng(0).normal(size=(100, 3))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    assert_allclose(VAE(**FAST).fit(frame).score(frame), VAE(**FAST).fit(X).score(X))
