import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.tables import cells


@pytest.mark.parametrize(
    ("texts", "decimal", "values", "form"),
    [
        (["1", "2.5"], ".", [1, 2.5], "{}"),
        (["1", None, "+2.5e3"], ".", [1, np.nan, 2500], "{}"),
        (["1,5", "2"], ",", [1.5, 2], "{}"),
        (["1,234", "1,234,567.5"], ".", [1234, 1234567.5], "{}"),
        (["1'234", "5"], ".", [1234, 5], "{}"),
        (["1.234,5", "-0,5"], ",", [1234.5, -0.5], "{}"),
        ([".5", "5."], ".", [0.5, 5], "{}"),
        (["12.5%", "3%"], ".", [12.5, 3], "{}%"),
        (["12 km/h", "3 km/h"], ".", [12, 3], "{} km/h"),
        (["£12", "£3"], ".", [12, 3], "£{}"),
    ],
    ids=str,
)
def test_numbers_as_they_are_written(texts, decimal, values, form):
    found, how = cells.numbers(texts, decimal)
    assert_array_equal(found, values)
    assert how == form


@pytest.mark.parametrize(
    "texts",
    [["x"], ["1", "x"], ["1 g", "2 kg"], ["007"], ["1,2"], ["1.2.3"], ["-"], ["e5"], ["%"], [None]]
    + [["1,23,456"], ["A1"], ["1e999"], ["12-13"], ["1 2"], ["00.5"]],
    ids=str,
)
def test_what_is_no_number(texts):
    assert cells.numbers(texts) is None


@pytest.mark.parametrize(
    ("texts", "days", "form"),
    [
        (["1970-01-02", None], [1, np.nan], "%Y-%m-%d"),
        (["1970-01-01 12:00:00"], [0.5], "%Y-%m-%d %H:%M:%S"),
        (["1970-01-01T12:00:00+00:00"], [0.5], "%Y-%m-%d %H:%M:%S"),
        (["02.01.1970"], [1], "%d.%m.%Y"),
        (["1/2/1970", "1/13/1970"], [1, 12], "%m/%d/%Y"),
        (["2/1/1970", "13/1/1970"], [1, 12], "%d/%m/%Y"),
        (["2 Jan 1970"], [1], "%d %b %Y"),
        (["January 2, 1970"], [1], "%B %d, %Y"),
        (["Jan 1970"], [0], "%b %Y"),
    ],
    ids=str,
)
def test_dates_are_days_since_1970(texts, days, form):
    found, how = cells.dates(texts)
    assert_array_equal(found, days)
    assert how == form


@pytest.mark.parametrize(
    "texts",
    [["x"], ["1970"], ["19700102"], ["1970-13-01"], [None], ["1970-01-02", "x"]],
)
def test_what_is_no_date(texts):
    assert cells.dates(texts) is None


def test_plain_numbers_are_what_python_reads_but_for_names_and_infinities():
    assert_array_equal(cells.plain_numbers(["1", " 2.5 ", "NA", ""]), [1, 2.5, np.nan, np.nan])
    assert_array_equal(cells.plain_numbers(["0.5", "0", "-0"]), [0.5, 0, 0])
    for text in ("1_0", "inf", "007", "-01", "x", "1e999"):
        assert cells.plain_numbers(["1", text]) is None
    infinite = cells.MISSING | {"inf"}
    assert_array_equal(cells.plain_numbers(["1", " Inf"], infinite), [1, np.nan])
