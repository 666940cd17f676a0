import numpy as np
import pytest

from numvae.explore.view import LEAST_LIMIT, ORIGINALS, POINTS, UNITS, colouring, controls, view
from numvae.plots import style
from numvae.settings import Settings
from numvae.tables.columns import Column, Columns, Table, of_known
from numvae.training.loop import Training


def a_view(n=60, n_latent=3, shape=(2, 3), use=None, X=None, limit=None, **settings):
    """A View of a model whose unit i varies as use[i] says."""
    rng = np.random.default_rng(0)
    if X is None:
        X = rng.random((n, int(np.prod(shape))), dtype="f4")
    training = Training.new(Settings(n_latent, hidden=(), **settings), X, 0)
    if use is not None:
        training.model.parameters.values["mu.W"][...] *= use
    columns = [f"x{i + 1}" for i in range(X.shape[1])]
    of_data = {"name": "made", "shape": shape, "columns": columns, "limit": limit}
    return view(training, X, {}, **of_data)


def test_the_map_has_the_two_most_used_units_and_the_sliders_the_others_by_use():
    shown = a_view(n_latent=5, use=[0.1, 20.0, 0.0, 3.0, 200.0])
    assert shown.axes == (1, 4)
    assert shown.units == [1, 4, 3, 0, 2]


def test_there_are_no_more_sliders_than_a_hand_can_use():
    assert len(a_view(n_latent=UNITS + 5).units) == UNITS


def test_one_unit_has_no_map():
    shown = a_view(n_latent=1)
    assert shown.axes is None and shown.units == [0]


def test_the_limit_holds_every_code_and_most_of_the_prior():
    assert a_view(use=0.0).limit == pytest.approx(1.05 * LEAST_LIMIT)
    shown = a_view(use=100.0)
    assert np.abs(shown.mu).max() < shown.limit < 1.1 * np.abs(shown.mu).max()


def test_the_limit_may_be_given():
    assert a_view(use=100.0, limit=0.15).limit == 0.15


def test_a_few_of_many_examples_are_shown_and_each_original_has_its_code():
    shown = a_view(n=POINTS + 500)
    assert len(shown.mu) == POINTS and len(shown.originals) == ORIGINALS
    mu, _ = shown.model.encode(shown.originals)
    np.testing.assert_allclose(shown.codes, mu, atol=1e-5)
    assert (np.diff(shown.codes[:, shown.units[0]]) >= 0).all()
    assert len(a_view(n=3).originals) == 3


def test_the_least_and_the_largest_value_of_a_column_leave_out_what_is_missing():
    X = np.array([[0.0, 5.0, -1.0], [2.0, 5.0, np.nan], [4.0, 5.0, 3.0]], "f4")
    shown = a_view(X=X, n=3, shape=(3,), missing=True)
    assert np.isfinite(shown.mu).all()
    np.testing.assert_array_equal(shown.low, [0.0, 5.0, -1.0])
    np.testing.assert_array_equal(shown.high, [4.0, 5.0, 3.0])


def test_what_a_model_is_conditioned_on_can_be_chosen_level_by_level_and_over_its_range():
    known = {"digit": np.array([4, 7, 9, 7]), "pose": np.array([0.5, -1.0, 2.0, 0.25])}
    condition = of_known(known)
    y = condition.encode_condition(Table(known)).astype("f4")
    digit, pose = controls(condition, y)
    assert digit == {"name": "digit", "at": 0, "width": 3, "levels": ["4", "7", "9"]}
    assert (pose["name"], pose["at"], pose["width"]) == ("pose", 3, 1)
    assert (pose["low"], pose["high"], pose["step"]) == (-1.0, 2.0, 0.01)
    np.testing.assert_allclose((known["pose"] - pose["center"]) / pose["scale"], y[:, 3], rtol=1e-6)


def test_a_day_a_year_and_two_levels_can_be_chosen_too():
    columns = [
        Column("size", "gaussian"),
        Column("sex", "bernoulli", [False, True]),
        Column("day", "gaussian", None, 0, "%Y-%m-%d"),
        Column("share", "gaussian"),
    ]
    given = {"sex": (0.0, 1.0), "day": (18000.0, 50.0), "share": (0.0, 2.0)}
    columns = Columns(columns, "gaussian", condition=given)
    sex, day, share = controls(columns, np.array([[0, -1.0, 0.5], [1, 2.0, 1.0]], "f4"))
    assert sex == {"name": "sex", "at": 0, "width": 1, "levels": ["False", "True"]}
    assert (day["at"], day["low"], day["high"], day["step"]) == (1, 17950.0, 18100.0, 1.0)
    assert day["isDate"] and not share["isDate"]
    assert (share["at"], share["low"], share["high"], share["step"]) == (2, 1.0, 2.0, 0.01)


def test_classes_have_a_colour_each_and_factors_a_place_on_the_scale():
    classes = colouring("digit", np.array([3, 7, 3, 9]))
    assert classes["isClass"] and classes["labels"] == ["3", "7", "9"]
    assert classes["palette"] == list(style.CLASSES[:3])
    assert classes["index"].tolist() == [0, 1, 0, 2]
    words = colouring("kind", np.array(["b", "a", "b"]))
    assert (
        words["isClass"] and words["labels"] == ["a", "b"] and words["index"].tolist() == [1, 0, 1]
    )
    for values in (np.array([-1.0, 0.0, 1.0]), np.arange(11)):
        factor = colouring("factor", values)
        assert not factor["isClass"] and factor["index"][0] == 0
        assert factor["index"][-1] == len(factor["palette"]) - 1
    assert colouring("same", np.ones(4))["index"].tolist() == [0, 0, 0, 0]


def test_names_are_classes_and_many_of_them_a_scale_from_the_first_to_the_last():
    few = colouring("class", np.array(["dog", "cat", "dog"]))
    assert few["isClass"] and few["labels"] == ["cat", "dog"] and few["index"].tolist() == [1, 0, 1]
    many = colouring("class", np.array([f"t-{letter}" for letter in "kabcdefghij"]))
    assert not many["isClass"] and many["labels"] == ["t-a", "t-k"]
    assert many["index"][0] == 63 and many["index"][1] == 0
    assert colouring("factor", np.array([-1.5, 2.0]))["labels"] == ["−1.5", "2"]
