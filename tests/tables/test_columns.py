import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.tables.columns import Column, Columns, Table, guess, sentinels

N = 60
RNG = np.random.default_rng(0)


def objects(*values):
    return np.array([*values, None], dtype=object)[:-1]


def texts(*levels, n=N):
    return objects(*(levels[i % len(levels)] for i in range(n)))


REAL = RNG.normal(size=N)
HOLED = np.where(np.arange(N) % 6, REAL, np.nan)
COUNTS = RNG.poisson(2.0, N).astype(float)
COUNTS[:2] = 0, 7


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("a", REAL, "gaussian"),
        ("a", HOLED, "gaussian"),
        ("a", REAL.astype("f4"), "gaussian"),
        ("a", np.rint(1000 * REAL), "gaussian"),
        ("age", RNG.integers(18, 90, N), "gaussian"),
        ("a", np.arange(N), "id"),
        ("a", 1 + np.arange(N)[::-1], "id"),
        ("id", 1000 + 7 * np.arange(N), "id"),
        ("customer_id", 1000 + 7 * np.arange(N), "id"),
        ("CustomerID", 1000 + 7 * np.arange(N), "id"),
        ("population", 1000 + 7 * np.arange(N), "gaussian"),
        ("name", objects(*map(str, range(100, 100 + N))), "id"),
        ("sex", texts("male", "female"), "bernoulli"),
        ("sex", texts("male", "female", None), "bernoulli"),
        ("a", np.arange(N) % 2 == 0, "bernoulli"),
        ("a", (np.arange(N) % 2).astype(float), "bernoulli"),
        ("a", np.where(np.arange(N) % 3, 1.0, np.nan), "constant"),
        ("class", np.arange(N) % 3 + 1, "categorical"),
        ("year", 2007.0 + np.arange(N) % 3, "categorical"),
        ("answer", np.arange(N) % 6 + 1, "categorical"),
        ("species", texts("a", "b", "c"), "categorical"),
        ("visits", COUNTS, "poisson"),
        ("city", texts(*(f"c{i}" for i in range(40))), "ignore"),
        ("a", np.full(N, np.nan), "ignore"),
        ("a", np.full(N, 3.0), "constant"),
        ("a", texts("x"), "constant"),
    ],
    ids=str,
)
def test_a_column_is_what_a_person_would_say(name, values, kind):
    columns = guess(Table({name: values, "other": REAL}))
    assert columns[name].kind == kind and columns[name].why


MIXED = {
    "species": texts("Adelie", "Gentoo", "Chinstrap"),
    "mass": np.where(np.arange(N) % 6, np.rint(4000 + 500 * REAL), np.nan),
    "sex": texts("male", "female", None, "male"),
    "row": np.arange(N),
    "visits": COUNTS,
    "site": texts("x"),
    "depth": np.round(REAL, 1),
}


@pytest.fixture
def mixed():
    return Table(dict(MIXED))


def test_rows_become_numbers_in_blocks_and_a_table_again(mixed):
    columns = guess(mixed)
    blocks = "gaussian-sigma-z:2,poisson:1,bernoulli:1,categorical:3"
    assert columns.likelihood == blocks
    levels = ["species=Adelie", "species=Chinstrap", "species=Gentoo"]
    assert columns.labels == ["mass", "depth", "visits", "sex=male", *levels]
    X = columns.encode(mixed)
    assert X.shape == (N, 7) and X.dtype == np.float64
    assert_array_equal(X[:, 0], MIXED["mass"])
    assert_array_equal(X[:3, 4:], [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert_array_equal(X[:4, 3], [1, 0, np.nan, 1])
    again = columns.decode(X)
    assert list(again) == ["species", "mass", "sex", "visits", "site", "depth"]
    for name, values in again.items():
        assert_array_equal(values, MIXED[name])


def test_what_is_made_has_no_more_decimals_than_what_was_given(mixed):
    columns = guess(mixed)
    X = columns.encode(mixed)
    made = columns.decode(X + 0.3)
    assert_array_equal(made["mass"], MIXED["mass"])
    assert_array_equal(np.round(made["depth"], 1), made["depth"])
    assert columns["mass"].texts(made["mass"])[:2] == ["", f"{MIXED['mass'][1]:.0f}"]


def test_columns_are_found_by_name_in_any_order_and_only_those_that_are_used(mixed):
    columns = guess(mixed)
    turned = Table({name: MIXED[name] for name in reversed(MIXED) if name not in ("row", "site")})
    turned.columns["new"] = REAL
    assert_array_equal(columns.encode(turned), columns.encode(mixed))
    assert columns.unknown(turned) == ["new"]
    del turned.columns["mass"]
    with pytest.raises(ValueError, match="^There is no column mass, which the model was "):
        columns.encode(turned)


def test_without_names_on_both_sides_columns_are_found_by_their_place(mixed):
    columns = guess(mixed)
    nameless = Table({f"x{i}": v for i, v in enumerate(MIXED.values())}, named=False)
    assert_array_equal(columns.encode(nameless), columns.encode(mixed))
    del nameless.columns["x3"]
    with pytest.raises(ValueError, match="6 columns, but the model was trained on a table of 7"):
        columns.encode(nameless)


def test_a_level_that_was_not_seen_is_named_with_its_row_and_column(mixed):
    columns = guess(mixed)
    mixed.columns["species"] = texts("Adelie", "Emperor")
    mixed.first = 2
    with pytest.raises(ValueError, match="^'Emperor' in row 3 of column species was not seen "):
        columns.encode(mixed)
    mixed.columns["species"], mixed.columns["depth"] = MIXED["species"], texts("1.5", "deep")
    with pytest.raises(ValueError, match="^'deep' in row 3 of column depth; expected a number"):
        columns.encode(mixed)


def test_a_text_among_numbers_is_named():
    table = Table({"a": objects("1", "2.5", "3", "n.d.", "5"), "b": REAL[:5]}, first=2)
    with pytest.raises(ValueError, match=r"^'n.d.' in row 5 of column a, where 4 of 5 are numbers"):
        guess(table)
    assert guess(table, chosen={"a": "ignore"})["a"].kind == "ignore"


def test_the_user_may_choose(mixed):
    chosen = {"row": "gaussian", "visits": "categorical", "species": "id", "sex": "ignore"}
    columns = guess(mixed, chosen=chosen)
    assert {name: columns[name].kind for name in chosen} == chosen
    assert columns.likelihood.startswith("gaussian-sigma-z:3,categorical:")
    for name, kind, says in (
        ("nobody", "id", "There is no column nobody to be id"),
        ("species", "gaussian", "'Adelie' in row 1 of column species; expected a number"),
        ("species", "bernoulli", "species has 3 different values, so it cannot be bernoulli"),
        ("depth", "poisson", "depth holds other numbers than 0, 1, 2, …, so it cannot be poisson"),
        (
            "depth",
            "negative-binomial",
            "numbers than 0, 1, 2, …, so it cannot be negative-binomial",
        ),
    ):
        with pytest.raises(ValueError, match=says):
            guess(mixed, chosen={name: kind})


def test_a_date_is_left_out_or_days():
    days = Table({"day": 18262.0 + np.arange(N), "a": REAL}, {"day": "%d.%m.%Y"})
    assert guess(days)["day"].kind == "ignore"
    column = guess(days, chosen={"day": "gaussian"})["day"]
    assert column.texts(days.columns["day"])[:2] == ["01.01.2020", "02.01.2020"]


def test_a_likelihood_that_is_not_gaussian_is_of_all_columns_as_they_stand():
    zeros = {f"p{i}": (np.arange(N) % (i + 2) == 0).astype(float) for i in range(3)}
    columns = guess(Table(zeros), "bernoulli")
    assert columns.likelihood == "bernoulli" and columns.labels == ["p0", "p1", "p2"]
    columns = guess(Table({**zeros, "a": REAL}), "categorical:3,gaussian:1")
    assert columns.likelihood == "categorical:3,gaussian:1" and columns.encode(
        Table({**zeros, "a": REAL})
    ).shape == (N, 4)


def test_pixels_and_words_are_of_one_kind():
    pixels = RNG.integers(0, 256, (N, 64)) * (np.arange(64) > 3)
    pixels[:, 5] = np.arange(N) % 2
    columns = guess(Table({f"p{i}": x for i, x in enumerate(pixels.T)}))
    assert columns.likelihood == "gaussian-sigma-z" and len(columns.labels) == 60
    fifty = guess(Table({f"p{i}": x for i, x in enumerate(pixels.T[6:56])}))
    assert {column.why for column in fifty.columns} == {"from 0 to 255, like pixels"}
    fewer = guess(Table({f"p{i}": x for i, x in enumerate(pixels.T[6:55])}))
    assert "like pixels" not in str(fewer.plain())
    words = RNG.poisson(1.0, (N, 20))
    words[0], words[1], words[2:, 5], words[:2, 5] = 0, 5, np.arange(N - 2) % 2, 0
    assert guess(Table({f"w{i}": x for i, x in enumerate(words.T)})).likelihood == "poisson"


def test_what_was_chosen_is_said_in_a_short_table(mixed):
    assert guess(mixed).lines() == [
        "  species  3 categories  Adelie, Chinstrap, Gentoo",
        "  mass     gaussian      whole numbers; 16.7% missing",
        "  sex      bernoulli     female or male; 25.0% missing",
        "  row      id            whole numbers that are all different",
        "  visits   poisson       counts from 0, the larger the rarer",
        "  site     constant      always x",
        "  depth    gaussian      numbers",
    ]


def test_columns_come_back_from_json(mixed):
    columns = guess(mixed)
    again = Columns.of_plain(json.loads(json.dumps(columns.plain())))
    assert_array_equal(again.encode(mixed), columns.encode(mixed))
    assert again.plain() == columns.plain()


def test_what_is_not_known_is_filled_and_all_else_is_as_it_was(mixed):
    columns = guess(mixed)
    X = np.nan_to_num(columns.encode(mixed), nan=0.2)
    filled = columns.filled(mixed, X)
    assert list(filled) == ["mass", "sex"]
    for name, values in filled.items():
        known = [value == value and value is not None for value in MIXED[name]]
        assert_array_equal(values[known], MIXED[name][known])
    assert filled["mass"][0] == 0 and filled["sex"][2] == "female"


def test_what_was_left_out_is_said():
    names = texts(*(f"c{i}" for i in range(50)))
    found = guess(Table({"note": names, "a": REAL, "empty": np.full(N, np.nan)}))
    assert found.doubts == ["Left out: note (50 different texts in 60 rows)."]
    assert guess(Table({"note": names, "a": REAL}), chosen={"note": "ignore"}).doubts == []


def test_codes_with_leading_zeros_are_no_numbers_with_a_mistake():
    codes = objects(*(f"{i:05d}" for i in range(9970, 10_030)))
    assert guess(Table({"zip": codes, "a": REAL}))["zip"].kind == "id"


def test_whole_numbers_come_back_as_such():
    column = Column("a", "gaussian", decimals=0)
    assert column.decode(np.array([[1.2], [3.9]])).dtype == np.int64
    assert column.decode(np.array([[1.2], [np.nan]])).tolist()[0] == 1.0


def test_numbers_that_look_like_not_known_are_questioned():
    values = np.where(np.arange(N) % 7, REAL, -999.0)
    (sentence,) = sentinels(Table({"a": values, "b": REAL, "c": np.where(np.arange(N), 99, 98)}))
    assert sentence.startswith("-999 stands 9 times in column a, unlike all other values: if")


@pytest.mark.parametrize(
    ("value", "times", "others", "questioned"),
    [
        (99, 2, 10, True),
        (99, 1, 10, False),
        (99, 2, 9, False),
        (9, 5, 10, False),
        (98, 2, 10, False),
        (-99, 2, 200, True),  # alone below 0
        (9999, 2, 5000, False),  # not twice their range away from their median
        (99.5, 2, 10, False),
        (np.inf, 2, 10, False),
    ],
)
def test_only_nines_that_stand_often_and_far_from_the_rest_are_questioned(
    value, times, others, questioned
):
    values = np.array([value] * times + [*range(others)])
    assert len(list(sentinels(Table({"a": values})))) == questioned


def test_nothing_to_train_on_is_a_sentence():
    with pytest.raises(ValueError, match=r"^No column is left to train on: a \(always 1\)\.$"):
        guess(Table({"a": np.ones(3)}))


def test_a_column_of_levels_asks_for_a_row_as_a_whole():
    column = Column("a", "categorical", ["x", "y"])
    assert_array_equal(column.encode(objects("y", None)), [[0, 1], [np.nan, np.nan]])
    assert column.decode(np.array([[0.4, 0.6], [np.nan, np.nan]])).tolist() == ["y", None]


def test_codes_are_coloured_by_categories_first_and_then_by_numbers(mixed):
    columns = guess(mixed)
    colours = columns.colours(columns.encode(mixed))
    assert list(colours) == ["species", "sex", "mass", "visits", "depth"]
    assert colours["sex"][:3].tolist() == ["male", "female", "?"]
    assert colours["mass"][0] == np.nanmean(MIXED["mass"]) and np.isfinite(colours["mass"]).all()
    assert list(columns.colours(columns.encode(mixed), most=2)) == ["species", "sex"]
