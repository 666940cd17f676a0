import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from numvae.tables.columns import (
    Column,
    Columns,
    Table,
    guess,
    kind_of_counts,
    of_known,
    sentinels,
)

N = 60
RNG = np.random.default_rng(0)


def objects(*values):
    return np.array([*values, None], dtype=object)[:-1]


def texts(*levels, n=N):
    return objects(*(levels[i % len(levels)] for i in range(n)))


AMOUNTS = 0.0, *stats.nbinom(1, 5e-4).ppf(np.arange(1, 60) / 60)
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
        ("id", REAL, "gaussian"),
        ("id", np.arange(N) % 5 + 1, "categorical"),
        ("a", objects(*REAL), "gaussian"),
        ("a", objects(*(7 * i * i % 59 for i in range(N))), "gaussian"),
    ],
    ids=str,
)
def test_a_column_is_what_a_person_would_say(name, values, kind):
    columns = guess(Table({name: values, "other": np.resize(REAL, len(values))}))
    assert columns[name].kind == kind and columns[name].why


def each(*times):
    """0 so many times, then 1, 2, …"""
    return np.repeat(np.arange(len(times)), times)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        # Rows enough for so many levels.
        ("a", texts(*map(str, range(20)), n=60), "categorical"),
        ("a", texts(*map(str, range(20)), n=59), "ignore"),
        ("a", texts(*map(str, range(21)), n=210), "categorical"),
        ("a", texts(*map(str, range(21)), n=209), "ignore"),
        ("a", texts(*map(str, range(100)), n=1000), "categorical"),
        ("a", texts(*map(str, range(101)), n=1010), "ignore"),
        ("a", np.arange(30) % 10, "categorical"),
        ("a", np.arange(29) % 10, "gaussian"),
        ("a", np.arange(33) % 11, "gaussian"),
        # Levels with hardly a gap between them.
        ("a", np.resize([1, 2, 3, 6], N), "categorical"),
        ("a", np.resize([1, 2, 3, 7], N), "gaussian"),
        # Names of the rows.
        ("a", objects("x", "y", "z"), "id"),
        ("a", objects("x", "y"), "bernoulli"),
        ("", objects("x", "y"), "id"),
        ("id", np.array([5, 7]), "id"),
        ("a", np.arange(10), "id"),
        ("a", np.arange(9), "gaussian"),
        ("a", 2 + np.arange(N), "gaussian"),
        ("a", np.append(np.arange(N), 100), "gaussian"),
        ("id", np.arange(44) % 11 + 50, "id"),
        ("id", np.arange(40) % 10 + 50, "categorical"),
        # Rows of which something can be guessed.
        ("a", np.arange(10) % 2, "bernoulli"),
        ("a", np.arange(9) % 2, "gaussian"),
        # Counts: from 0 or soon after it, and as a distribution of counts has it.
        ("a", each(14, 27, 27, 18, 9, 4, 1), "poisson"),
        ("a", 3 + each(1, 2, 4, 7, 10, 12, 13, 12, 11, 9, 7, 5, 3, 2, 1), "poisson"),
        ("a", 4 + each(1, 2, 4, 7, 10, 12, 13, 12, 11, 9, 7, 5, 3, 2, 1), "gaussian"),
        ("a", each(14, 27, 27), "categorical"),
        ("a", each(10, 30, 10, 30, 10), "categorical"),
        ("a", each(40, 20, 12, 8, 6, 4, 3, 2, 2, 1, 1), "negative-binomial"),
        ("a", 1 + each(40, 20, 12, 8, 6, 4, 3, 2, 2, 1, 1), "poisson"),
        (
            "a",
            np.array([*AMOUNTS, 9_999]),
            "negative-binomial",
        ),
        ("a", np.array([*AMOUNTS, 10_000]), "gaussian"),
    ],
    ids=str,
)
def test_the_edges_of_what_a_column_is_taken_for(name, values, kind):
    other = np.resize(REAL, len(values))
    assert guess(Table({"other": other, name: values}))[name].kind == kind


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.poisson(2.0, n),
        lambda rng, n: rng.poisson(4.0, n),
        lambda rng, n: rng.poisson(5.0 * rng.gamma(2.0, 0.5, n)),
        lambda rng, n: rng.poisson(20.0 * rng.gamma(0.5, 2.0, n)),
        lambda rng, n: rng.integers(0, 9, n),
        lambda rng, n: np.rint(rng.normal(12.0, 2.5, n)).clip(0),
        lambda rng, n: rng.binomial(20, 0.2, n),
    ],
    ids=range(7),
)
@pytest.mark.parametrize("n", [40, 400])
def test_counts_are_what_a_distribution_of_counts_describes_best(draw, n):
    """By scipy's distributions, one number at a time."""
    known = draw(np.random.default_rng(3), n).astype(float)
    known[0] = 0.0
    m, v = known.mean(), known.var()
    found = {
        "poisson": stats.poisson(m).logpmf(known).sum() - 0.5 * np.log(n),
        "gaussian": stats.norm(m, np.sqrt(v)).logpdf(known).sum() - np.log(n),
    }
    r = m**2 / max(v - m, 1e-12)
    if r < 1e6:
        found["negative-binomial"] = stats.nbinom(r, r / (r + m)).logpmf(known).sum() - np.log(n)
    levels = sorted(set(known))
    if len(levels) <= 10:
        shares = np.array([np.mean(known == x) for x in known])
        found["categorical"] = np.log(shares).sum() - 0.5 * (len(levels) - 1) * np.log(n)
    best = max(found, key=found.get)
    assert kind_of_counts(known) == (best if best in ("poisson", "negative-binomial") else None)


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
    assert columns.ids == ["row"] and columns.starts.tolist() == [0, 1, 2, 3, 4]
    X = columns.encode(mixed)
    assert X.shape == (N, 7) and X.dtype == np.float64
    assert_array_equal(X[:, 0], MIXED["mass"])
    assert_array_equal(X[:3, 4:], [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert_array_equal(X[:4, 3], [1, 0, np.nan, 1])
    again = columns.decode(X)
    assert list(again) == ["species", "mass", "sex", "visits", "site", "depth"]
    for name, values in again.items():
        assert_array_equal(values, MIXED[name])


def test_one_category_is_a_block_of_its_own():
    assert guess(Table({"a": texts("x", "y", "z")})).likelihood == "categorical:3"


def test_what_is_made_has_no_more_decimals_than_what_was_given(mixed):
    columns = guess(mixed)
    X = columns.encode(mixed)
    made = columns.decode(X + 0.3)
    assert_array_equal(made["mass"], MIXED["mass"])
    assert_array_equal(np.round(made["depth"], 1), made["depth"])
    assert columns["mass"].texts(made["mass"])[:2] == ["", f"{MIXED['mass'][1]:.0f}"]


@pytest.mark.parametrize(
    ("column", "values", "written"),
    [
        (Column("a", "gaussian"), [1.5, np.nan, 1 / 3, 2e9], ["1,5", "", "0,333333333", "2e+09"]),
        (Column("a", "gaussian", decimals=2, form="{} g"), [1.5, -0.25], ["1,50 g", "-0,25 g"]),
        (Column("a", "gaussian", form="%d.%m.%Y"), [0.5, 1e9], ["01.01.1970", "31.12.9999"]),
        (Column("a", "gaussian", form="%d.%m."), [-1e9], ["01.01."]),
        (Column("a", "constant", [18262], form="%Y-%m-%d"), [18262], ["2020-01-01"]),
        (Column("a", "bernoulli", [0.5, 2], form="{} %"), [0.5, 2.0], ["0,5 %", "2 %"]),
        (Column("a", "categorical", [1, 2, 3], form="{} €"), objects(3, None), ["3 €", ""]),
        (Column("a", "bernoulli", [False, True]), np.array([True, False]), ["True", "False"]),
        (Column("a", "id"), [2**53 + 1, -7], ["9007199254740993", "-7"]),
        (Column("a", "id"), objects("x.y", None), ["x.y", ""]),
    ],
    ids=range(10),
)
def test_values_are_written_as_they_were(column, values, written):
    assert column.texts(np.asarray(values), decimal=",") == written


def test_what_is_made_is_rounded():
    one = Column("a", "gaussian", decimals=1)
    assert str(one.decode(np.array([[-0.04], [0.16]])).tolist()) == "[0.0, 0.2]"
    level = Column("a", "bernoulli", ["no", "yes"])
    assert level.decode(np.array([[0.49], [0.5], [0.7]])).tolist() == ["no", "yes", "yes"]


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
    unnamed = guess(Table({f"x{i}": v for i, v in enumerate(MIXED.values())}, named=False))
    assert_array_equal(unnamed.encode(mixed), columns.encode(mixed))


def test_columns_have_names_unless_it_is_said_that_they_have_none():
    columns = Columns([Column("a", "gaussian"), Column("b", "gaussian")], "gaussian")
    assert columns.encode(Table({"b": REAL[:1], "a": REAL[1:2]})).tolist() == [[REAL[1], REAL[0]]]


def test_a_level_that_was_not_seen_is_named_with_its_row_and_column(mixed):
    columns = guess(mixed)
    mixed.columns["species"] = texts("Adelie", "Emperor")
    mixed.first = 2
    with pytest.raises(ValueError, match="^'Emperor' in row 3 of column species was not seen "):
        columns.encode(mixed)
    mixed.columns["species"], mixed.columns["depth"] = MIXED["species"], texts("1.5", "deep")
    with pytest.raises(ValueError, match="^'deep' in row 3 of column depth; expected a number"):
        columns.encode(mixed)
    with pytest.raises(ValueError, match="^'deep' in row 2 of column depth; expected a number"):
        columns["depth"].encode(mixed.columns["depth"])


def test_texts_among_numbers_are_named():
    table = Table({"a": objects("1", "2.5", "3", "n.d.", "x"), "b": REAL[:5]}, first=2)
    with pytest.raises(ValueError) as caught:
        guess(table)
    assert str(caught.value) == (
        "'n.d.' in row 5 of column a, where 3 of 5 are numbers; correct it, make it a missing "
        "value (--na), or choose what the column is (--columns 'a:categorical', in Python "
        "columns={'a': 'categorical'})."
    )
    assert guess(table, chosen={"a": "ignore"})["a"].kind == "ignore"
    half = Table({"a": objects("1", "2.5", "n.d.", "x"), "b": REAL[:4]})
    assert guess(half)["a"].kind == "id"


def test_the_user_may_choose(mixed):
    chosen = {"row": "gaussian", "visits": "categorical", "species": "id", "sex": "ignore"}
    columns = guess(mixed, chosen=chosen)
    assert {name: columns[name].kind for name in chosen} == chosen
    assert columns.likelihood.startswith("gaussian-sigma-z:3,categorical:")
    chosen = {"depth": "gaussian", "visits": "poisson", "sex": "categorical", "mass": "id"}
    found = guess(mixed, chosen=chosen)
    assert {column.name: column.kind for column in found.columns} == {
        **{"species": "categorical", "row": "id", "site": "constant"},
        **chosen,
    }
    assert guess(mixed, chosen={"sex": "bernoulli"})["sex"].kind == "bernoulli"
    mixed.columns["less"], mixed.columns["half"] = REAL.round(), np.arange(N) / 2
    for name, kind, says in (
        ("nobody", "id", "There is no column nobody to be id"),
        ("species", "gaussian", "'Adelie' in row 1 of column species; expected a number"),
        ("species", "bernoulli", "species has 3 different values, so it cannot be bernoulli"),
        ("depth", "poisson", "depth holds other numbers than 0, 1, 2, …, so it cannot be poisson"),
        ("less", "poisson", "holds other numbers than 0, 1, 2, …, so it cannot be poisson"),
        ("half", "negative-binomial", "than 0, 1, 2, …, so it cannot be negative-binomial"),
        ("site", "categorical", "site has 1 different values, so it cannot be categorical"),
    ):
        with pytest.raises(ValueError, match=says):
            guess(mixed, chosen={name: kind})


def test_a_date_is_left_out_or_days():
    days = Table({"day": 18262.0 + np.arange(N), "a": REAL}, {"day": "%d.%m.%Y"})
    assert guess(days)["day"].kind == "ignore"
    column = guess(days, chosen={"day": "gaussian"})["day"]
    assert column.texts(days.columns["day"])[:2] == ["01.01.2020", "02.01.2020"]
    days.columns["day"] = np.full(N, 18262.0)
    assert guess(days).lines()[0] == "  day  constant  always 01.01.2020"
    days.forms["day"] = "{}%"
    days.columns["day"] = 100 * REAL
    assert guess(days)["day"].kind == "gaussian"


def test_a_likelihood_that_is_not_gaussian_is_of_all_columns_as_they_stand():
    zeros = {f"p{i}": (np.arange(N) % (i + 2) == 0).astype(float) for i in range(3)}
    columns = guess(Table(zeros), "bernoulli")
    assert columns.likelihood == "bernoulli" and columns.labels == ["p0", "p1", "p2"]
    for base in ("categorical:3,gaussian:1", "gaussian:1,bernoulli:3"):
        columns = guess(Table({**zeros, "a": REAL}), base)
        assert columns.likelihood == base
        assert columns.encode(Table({**zeros, "a": REAL})).shape == (N, 4)


def test_pixels_and_words_are_of_one_kind():
    pixels = RNG.integers(0, 256, (N, 64)) * (np.arange(64) > 3)
    pixels[:, 5] = np.arange(N) % 2
    columns = guess(Table({f"p{i}": x for i, x in enumerate(pixels.T)}))
    assert columns.likelihood == "gaussian-sigma-z" and len(columns.labels) == 60
    fifty = guess(Table({f"p{i}": x for i, x in enumerate(pixels.T[6:56])}))
    assert {column.why for column in fifty.columns} == {"from 0 to 255, like pixels"}
    fewer = guess(Table({f"p{i}": x for i, x in enumerate(pixels.T[6:55])}))
    assert {column.why for column in fewer.columns} == {"whole numbers"}
    words = RNG.poisson(1.0, (N, 20))
    words[0], words[1], words[2:, 5], words[:2, 5] = 0, 5, np.arange(N - 2) % 2, 0
    kinds = {
        column.kind for column in guess(Table(dict(zip(map(str, range(20)), words.T)))).columns
    }
    assert kinds <= {"poisson", "negative-binomial"}


SHADES = np.resize([0, 1, 11], N)


@pytest.mark.parametrize(
    ("columns", "n"),
    [
        ([SHADES] * 50, 50),
        ([np.minimum(SHADES, 10)] * 50, 0),
        ([SHADES] * 49 + [SHADES - 1], 0),
        ([SHADES] * 14 + [np.minimum(SHADES, i % 9 + 2) for i in range(38)], 52),
        ([SHADES] * 13 + [np.minimum(SHADES, i % 9 + 2) for i in range(39)], 0),  # a quarter
    ],
    ids=range(5),
)
def test_pixels_have_one_largest_value_that_many_reach(columns, n):
    guessed = guess(Table({f"p{i}": x for i, x in enumerate(columns)}))
    assert sum(column.why == "from 0 to 11, like pixels" for column in guessed.columns) == n


def test_what_is_no_pixel_stays_what_it_is_among_pixels():
    others = {
        "Class": np.arange(N) % 3,
        "id": 1000 + 7 * np.arange(N),
        "half": SHADES / 2,
        "chosen": SHADES,
    }
    pixels = {f"p{i}": np.where(np.arange(N) % 7, SHADES, i % 2) for i in range(50)}
    guessed = guess(Table({**pixels, **others}), chosen={"chosen": "categorical"})
    assert {name: guessed[name].kind for name in others} == {
        **{"Class": "categorical", "id": "id", "half": "gaussian", "chosen": "categorical"},
    }
    assert guessed["half"].why == "numbers"
    plain = {"kind": "gaussian", "decimals": 0}
    assert guessed.plain()["columns"][:50] == [{"name": name, **plain} for name in pixels]


def test_ten_columns_of_counts_make_counts_of_all_that_begin_at_0():
    counts = {f"w{i}": each(30, 14, 8, 5, 3) for i in range(8)}
    few = {**counts, "one": np.arange(N) % 2}
    assert guess(Table(few))["one"].kind == "bernoulli"
    many = guess(Table({**few, "w8": counts["w0"], "age": 20 + np.arange(N) % 50}))
    assert many["one"].why == "counts, like other columns"
    assert {column.why for column in many.columns[:8]} == {"counts that vary more"}
    assert many["age"].why == "whole numbers"
    plain = {"kind": "poisson", "decimals": 0}
    assert many.plain()["columns"][8] == {"name": "one", **plain}
    even = guess(Table({f"w{i}": np.arange(N) % 6 for i in range(12)}))
    assert even.likelihood.startswith("categorical:6,categorical:6,")


def test_what_was_chosen_is_said_in_a_short_table(mixed):
    assert guess(mixed).lines() == [
        "  species  3 categories  Adelie, Chinstrap, Gentoo",
        "  mass     gaussian      whole numbers; 16.7% missing",
        "  sex      bernoulli     female or male; 25.0% missing",
        "  row      id            whole numbers that are all different",
        "  visits   poisson       counts",
        "  site     constant      always x",
        "  depth    gaussian      numbers",
    ]


def test_equal_columns_are_said_together():
    whole = zip("abcd", (0.0, 0.25, 0.5, 0.0))
    parts = zip("klmno", (0.3, 0.2, 0.5, 0.4, 0.3))
    columns = [
        *(Column(name, "gaussian", why="whole", unknown=share) for name, share in whole),
        *(Column(name, "gaussian", why="numbers", unknown=share) for name, share in parts),
        Column("", "constant", [1], why="always 1"),
    ]
    assert Columns(columns, "gaussian").lines() == [
        "  a, b, c, d  gaussian  whole; up to 50.0% missing",
        "  k … o (5)   gaussian  numbers; 20.0% to 50.0% missing",
        "  (no name)   constant  always 1",
    ]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (texts(*"abcdef"), "a, b, c, d, e, f"),
        (texts(*"abcdefg"), "a, b, c, d, e, f, … (7 in all)"),
        (np.arange(N) % 2 + 0.5, "0.5 or 1.5"),
        (np.resize([1, 2, 3, 6], N), "4 whole numbers from 1 to 6"),
    ],
    ids=range(4),
)
def test_levels_are_said(values, why):
    assert guess(Table({"a": values}))["a"].why == why


def test_levels_are_in_order_numbers_first_and_capitals_beside_small_letters():
    column = guess(Table({"a": texts("b", "a", "C", "B", 2, 1, "c")}))["a"]
    assert column.levels == [1, 2, "a", "B", "b", "C", "c"]
    column = guess(Table({"a": np.resize([1.5, 0.5], N)}))["a"]
    assert column.levels == [0.5, 1.5]


def test_columns_come_back_from_json(mixed):
    columns = guess(mixed)
    again = Columns.of_plain(json.loads(json.dumps(columns.plain())))
    assert_array_equal(again.encode(mixed), columns.encode(mixed))
    assert again.plain() == columns.plain()
    assert again.lines()[1] == "  mass, depth  gaussian"
    with pytest.raises(ValueError, match="column row, which is id; say what it is by columns, or"):
        again.conditioned(["row"], mixed)


def test_what_is_saved_of_the_columns(mixed):
    del mixed.columns["sex"], mixed.columns["row"], mixed.columns["site"]
    mixed.forms["depth"] = "{} mm"
    assert guess(mixed).plain()["columns"] == [
        {"name": "species", "kind": "categorical", "levels": ["Adelie", "Chinstrap", "Gentoo"]},
        {"name": "mass", "kind": "gaussian", "decimals": 0},
        {"name": "visits", "kind": "poisson", "decimals": 0},
        {"name": "depth", "kind": "gaussian", "decimals": 1, "form": "{} mm"},
    ]


@pytest.mark.parametrize(("step", "decimals"), [(10, 0), (0.5, 1), (1e-6, 6), (1e-7, None)])
def test_decimals_are_counted_up_to_six(step, decimals):
    values = step * np.arange(-30, 30)
    column = guess(Table({"a": values, "b": REAL}), chosen={"a": "gaussian"})["a"]
    assert column.decimals == decimals


def test_what_is_not_known_is_filled_and_all_else_is_as_it_was(mixed):
    mixed.columns["empty"] = np.full(N, np.nan)
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
    said = " (50 different texts in 60 rows)"
    four = {"a": REAL, **dict.fromkeys("bcde", names)}
    assert guess(Table(four)).doubts == [f"Left out: b{said}, c{said}, d{said}, e{said}."]
    five = Table({**four, "f": names})
    assert guess(five).doubts == [f"Left out: b{said}, c{said}, d{said}, e{said} and 1 more."]


def test_codes_with_leading_zeros_are_no_numbers_with_a_mistake():
    codes = objects(*(f"{i:05d}" for i in range(0, 60 * 170, 170)))
    assert guess(Table({"zip": codes, "a": REAL}))["zip"].kind == "id"


@pytest.mark.parametrize(
    ("x", "kind"),
    [([1.2, 3.9], "i"), ([1.2, np.nan], "f"), ([], "i"), ([2**53 - 1], "i"), ([-(2**53)], "f")],
    ids=str,
)
def test_whole_numbers_come_back_as_such_as_far_as_they_are_exact(x, kind):
    x = np.array(x, dtype=float)
    found = Column("a", "gaussian", decimals=0).decode(x[:, None])
    assert found.dtype.kind == kind
    assert_array_equal(found, np.round(x))


def test_numbers_that_look_like_not_known_are_questioned():
    values = np.where(np.arange(N) % 7, REAL, -999.0)
    (sentence,) = sentinels(Table({"a": values, "b": REAL, "c": np.where(np.arange(N), 99, 98)}))
    assert sentence.startswith("-999 stands 9 times in column a, unlike all other values: if")


@pytest.mark.parametrize(
    ("value", "times", "others", "questioned"),
    [
        (99, 2, range(10), True),
        (99, 1, range(10), False),
        (99, 1, range(0), False),
        (99, 2, range(9), False),
        (-9, 5, range(10), False),
        (98, 2, range(10), False),
        (-99, 2, range(200), True),  # alone below 0
        (-99, 2, range(-98, 102), False),
        (99, 2, range(3, 42), True),
        (99, 2, range(4, 43), False),  # twice their range away from their median, and no more
        (9999, 2, range(5000), False),
        (99.5, 2, range(10), False),
        (np.inf, 2, range(10), False),
    ],
)
def test_only_nines_that_stand_often_and_far_from_the_rest_are_questioned(
    value, times, others, questioned
):
    values = np.array([value] * times + [*others])
    assert len(list(sentinels(Table({"a": values})))) == questioned


def test_nothing_to_train_on_is_a_sentence():
    with pytest.raises(ValueError) as caught:
        guess(Table(dict(zip("abcdefg", np.ones((7, 3))))))
    said = ", ".join(f"{name} (always 1)" for name in "abcdef")
    assert str(caught.value) == f"No column is left to train on: {said}."


def test_a_column_of_levels_asks_for_a_row_as_a_whole():
    column = Column("a", "categorical", ["x", "y"])
    assert_array_equal(column.encode(objects("y", None)), [[0, 1], [np.nan, np.nan]])
    assert column.decode(np.array([[0.4, 0.6], [np.nan, np.nan]])).tolist() == ["y", None]


def test_codes_are_coloured_by_categories_first_and_then_by_numbers(mixed):
    columns = guess(mixed)
    colours = columns.colours(columns.encode(mixed))
    assert list(colours) == ["species", "sex", "mass", "visits", "depth"]
    assert colours["sex"].tolist() == ["male", "female", "?", "male"] * (N // 4)
    assert colours["mass"][0] == np.nanmean(MIXED["mass"]) and np.isfinite(colours["mass"]).all()
    X = columns.encode(mixed)
    assert list(columns.colours(X, most=2)) == ["species", "sex"]
    X[:, 0] = np.nan
    assert list(columns.colours(X)) == ["species", "sex", "visits", "depth"]


def test_codes_are_coloured_by_twenty_columns_and_by_categories_of_ten_levels():
    table = Table({f"x{i}": REAL for i in range(20)} | {"ten": texts(*"abcdefghij")})
    table.columns["eleven"] = texts(*"abcdefghijk")
    columns = guess(table)
    assert columns["eleven"].kind == "categorical"
    assert list(columns.colours(columns.encode(table))) == ["ten", *(f"x{i}" for i in range(19))]


def test_what_a_model_is_conditioned_on_is_measured():
    known = {"kind": np.arange(6) % 2, "size": np.arange(6.0), "same": np.full(6, 2.5)}
    columns = of_known(known)
    assert columns.condition == {
        **{"kind": (0.0, 1.0), "size": (2.5, np.std(known["size"])), "same": (2.5, 1.0)},
    }
    y = columns.encode_condition(Table(known))
    assert_array_equal(y[:2, :2], np.eye(2))
    assert of_known({"name": texts(*map(str, range(101)), n=200)}).n_condition == 101
    assert of_known({"number": np.arange(100)}).n_condition == 100
    assert of_known({"name": texts(*map(str, range(100)), n=100)}).n_condition == 100
    with pytest.raises(ValueError, match="^name is another in each of 101 rows, so it is no class"):
        of_known({"name": texts(*map(str, range(101)), n=101)})
    with pytest.raises(ValueError, match="^number has 101 different whole numbers, too many for"):
        of_known({"number": np.arange(101)})
    with pytest.raises(ValueError, match=r"^1e\+38 in row 3 of column size, which the model is"):
        of_known({"size": np.array([1.0, -9e37, 1e38])})
