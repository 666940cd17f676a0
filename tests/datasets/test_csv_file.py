import gzip

import numpy as np
import pytest
from numpy.testing import assert_array_equal, assert_equal

from numvae.datasets import csv_file
from numvae.tables import cells

NAN = np.nan


@pytest.fixture
def written(tmp_path):
    def write(text, name="my.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def table(path, **more):
    read = csv_file.load(path, **more)
    return {name: values.tolist() for name, values in read.columns.items()}


NUMBERS = {"x1": [1.0, 4.0], "x2": [2.5, 5.0], "x3": [-0.03, 6.0]}


def named(*names):
    return dict(zip(names, NUMBERS.values()))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,2.5,-3e-2\n4,5,6\n", NUMBERS),
        ("1,2.5,-3e-2\n4,5,6", NUMBERS),
        ("1;2.5;-3e-2\r\n4;5;6\r\n", NUMBERS),
        ("1;2,5;-3e-2\n4;5,0;6\n", NUMBERS),
        ("1\t2.5\t-3e-2\n4\t5\t6\n", NUMBERS),
        ("1|2.5|-3e-2\n4|5|6\n", NUMBERS),
        ("1 2.5  -3e-2\n  4 5 6\n", NUMBERS),
        ("\n1, 2.5 ,-3e-2\n\n4,5,6\n\n", NUMBERS),
        ('"1","2.5","-3e-2"\n"4","5","6"\n', NUMBERS),
        ("a,b,c\n1,2.5,-3e-2\n4,5,6\n", named("a", "b", "c")),
        ('\ufeff"size, cm",b,c\n1,2.5,-3e-2\n4,5,6\n', named("size, cm", "b", "c")),
        ("0,1,2\n1,2.5,-3e-2\n4,5,6\n", named("0", "1", "2")),
        ("#,α,c\n1,2.5,-3e-2\n4,5,6\n", named("#", "α", "c")),
        ("# a comment\n# more\na,b,c\n1,2.5,-3e-2\n4,5,6\n", named("a", "b", "c")),
        ("# a,b,c\n1,2.5,-3e-2\n4,5,6\n", named("a", "b", "c")),
        ("# a,b\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
        ("#--\n# about\n#--\na,b,c\n1,2.5,-3e-2\n4,5,6\n", named("a", "b", "c")),
        ("# one\n# p,q\n# r,s\na,b,c\n1,2.5,-3e-2\n4,5,6\n", named("a", "b", "c")),
        ("# about\n" * 150 + "a;b;c\n1;2.5;-3e-2\n4;5;6\n", named("a", "b", "c")),
        ("# about\na\n1\n2\n", {"a": [1, 2]}),
        ("\x1b[31ma,b\x07,c\n1,2.5,-3e-2\n4,5,6\n", named("[31ma", "b", "c")),
        ("country,1960,1961\n1,2.5,-3e-2\n4,5,6\n", named("country", "1960", "1961")),
        ("word,nan,the\n1,2.5,-3e-2\n4,5,6\n", named("word", "nan", "the")),
        ("a,a,a\n1,2.5,-3e-2\n4,5,6\n", named("a", "a.1", "a.2")),
        ("a,b,c\n1,2.5,-3e-2,\n4,5,6,\n", named("a", "b", "c")),
        ("sep=;\na;b;c\n1;2.5;-3e-2\n4;5;6\n", named("a", "b", "c")),
        ("\nsep=;\na;b;c\n1;2.5;-3e-2\n4;5;6\n", named("a", "b", "c")),
        ("a,b\n1,2.5,-3e-2\n4,5,6\n", named("", "a", "b")),
        ("a,b\n1,2,3\n", {"": [1], "a": [2], "b": [3]}),
        (",0,1\n1,2.5,-3e-2\n4,5,6\n", named("", "0", "1")),
        ("é,b,c\n1,2.5,-3e-2\n4,5,6\n".encode("cp1252"), named("é", "b", "c")),
        ("é,b,c\n1,2.5,-3e-2\n4,5,6\n".encode("utf-16"), named("é", "b", "c")),
        (gzip.compress(b"a,b,c\n1,2.5,-3e-2\n4,5,6\n"), named("a", "b", "c")),
        ("a,b\n1.5,x\n2.5,y\n", {"a": [1.5, 2.5], "b": ["x", "y"]}),
        ("1.5,x\n2.5,y\n", {"x1": [1.5, 2.5], "x2": ["x", "y"]}),
        (
            "3,4,x,y\n1.5,2,3,0\n2.5,3,4,1\n",
            {"3": [1.5, 2.5], "4": [2, 3], "x": [3, 4], "y": [0, 1]},
        ),
        ("a\n1\n2\n", {"a": [1, 2]}),
        ("1\n2\n", {"x1": [1, 2]}),
        ("1,2\n", {"x1": [1], "x2": [2]}),
        ("1 2\n3 4\n", {"x1": [1, 3], "x2": [2, 4]}),
        ("a,b\n,2\n3,4\n", {"a": [NAN, 3], "b": [2, 4]}),
        ("name\nb; c\nd\ne\n", {"name": ["b; c", "d", "e"]}),
        ("0,1\n1,0\n", {"x1": [0, 1], "x2": [1, 0]}),
        (",,\n1,2,3\n", {"x1": [NAN, 1], "x2": [NAN, 2], "x3": [NAN, 3]}),
    ],
    ids=range(44),
)
def test_a_table_is_read_as_a_person_reads_it(written, text, wanted):
    found = table(written(text))
    assert list(found) == list(wanted)
    assert_equal(found, wanted)


def test_a_header_of_many_wavelengths_is_no_row(written):
    names = [str(n) for n in range(850, 900, 10)]
    assert list(table(written(",".join(names) + "\n3,1,4,1,5\n9,2,6,5,3\n"))) == names
    assert len(table(written("1,2,3,4,5\n2,3,4,5,6\n"))["x1"]) == 2  # all rows are like that


@pytest.mark.parametrize(
    ("row", "is_header"),
    [
        ("850,860,870,880,890", True),
        ("1000000.1,1000000.2,1000000.3,1000000.4,1000000.5", True),
        ("890,880,870,860,850", False),
        ("850,850,850,850,850", False),
        ("850,860,870,880,900", False),
        ("850,860,870,880", False),
        ("0,1,2", True),
        ("0,1", False),
        ("country,1960,1961,1962", True),
        ("country,1960,1961", False),
        (",1960,1961", True),
    ],
)
def test_numbers_that_rise_evenly_may_name_columns(written, row, is_header):
    n = row.count(",")
    first = "x" if row.startswith(("c", ",")) else "3"
    rows = [",".join([first, *"1415"[:n]]), ",".join([first, *"2653"[:n]])]
    names = list(table(written("\n".join([row, *rows]))))
    assert names == (row.split(",") if is_header else [f"x{i}" for i in range(1, n + 2)])


def test_of_what_stands_below_three_rows_say_whether_numbers_are_names(written):
    rows = ["5,6,7,8,9", *["3,1,4,1,5"] * 3, "1,2,3,4,5"]
    assert list(table(written("\n".join(rows)))) == ["5", "6", "7", "8", "9"]


@pytest.mark.parametrize("n", [48, 49])
def test_fifty_rows_say_whether_the_first_is_a_header(written, n):
    found = table(written("size,1\n" + "1,2\n" * n + "many,2\n"))
    assert list(found) == (["x1", "x2"] if n == 48 else ["size", "1"])


def test_a_letter_that_is_not_utf_8_may_come_late(written):
    text = "a,b\n" + ("x" * 60_000 + ",1\n") * 20 + "é,1\n"
    assert table(written(text.encode("cp1252")))["a"][-1] == "é"


@pytest.mark.parametrize("word", sorted({*cells.MISSING, "NA", "NaN", "None"} - {""}) + [" ", ""])
def test_what_says_nothing_is_missing_among_numbers_and_among_texts(written, word):
    found = table(written(f"a,b,c\n1,x,\n{word},{word},2\n3,y,\n"))
    assert_array_equal(found["a"], [1, NAN, 3])
    assert found["b"] == ["x", None, "y"]


def test_other_words_may_mean_not_known(written):
    path = written("a,b\n1,x\n-999,unknown\n3,NA\n")
    assert_array_equal(table(path, missing=("-999", "Unknown"))["a"], [1, NAN, 3])
    assert table(path, missing=("-999", "Unknown"))["b"] == ["x", None, None]
    assert table(path)["a"] == [1, -999, 3]
    path = written("a,b\n1.0,x\n-999.0,y\n3.0,z\n")
    assert_array_equal(table(path, missing=("-999",))["a"], [1, NAN, 3])


def test_a_text_that_comes_late_makes_a_column_of_texts(written, monkeypatch):
    monkeypatch.setattr(csv_file, "ROWS", 2)
    found = table(written("a,b,c\n1.50,1,p\n2,2,q\n3,3,r\nx,,s\n"))
    assert found["a"] == ["1.50", "2", "3", "x"] and found["c"] == [*"pqrs"]
    assert_array_equal(found["b"], [1, 2, 3, NAN])


@pytest.mark.parametrize(
    ("text", "form", "decimal"),
    [
        ('a,b\n1,"3,750"\n2,"4,100.5"\n', None, "."),
        ("a;b\n1;3750,0\n2;4100,5\n", None, ","),
        ("a;b\n1;3.750,0\n2;4.100,5\n", None, ","),
        ("a,b\n1,3750 g\n2,4100.5 g\n", "{} g", "."),
        ("a,b\n1,3750%\n2,4100.5%\n", "{}%", "."),
        ('a,b\n1,"$3,750"\n2,"$4,100.50"\n', "${}", "."),
        ("a;b\n1;3 750,0 €\n2;4 100,5 €\n", "{} €", ","),
    ],
    ids=range(7),
)
def test_numbers_are_read_as_people_write_them(written, text, form, decimal):
    read = csv_file.load(written(text))
    assert read.columns["b"].tolist() == [3750.0, 4100.5], read.columns["b"]
    assert read.forms.get("b") == form and read.decimal == decimal


@pytest.mark.parametrize(
    ("text", "columns", "decimal"),
    [
        ('a,b\n"1,5","1,234"\n"2,25","5,678"\n', {"a": [1.5, 2.25], "b": [1.234, 5.678]}, ","),
        ("a;b\n1;1,234\n2;5,678\n", {"a": [1, 2], "b": [1.234, 5.678]}, ","),
        ('a,b\n1,"1,234"\n2,"5,678"\n', {"a": [1, 2], "b": [1234, 5678]}, "."),
        ("a;b\n1;x\n2;y\n", {"a": [1, 2], "b": ["x", "y"]}, "."),
    ],
    ids=range(4),
)
def test_a_comma_is_what_makes_most_columns_numbers(written, text, columns, decimal):
    path = written(text)
    assert table(path) == columns and csv_file.load(path).decimal == decimal


@pytest.mark.parametrize(
    ("text", "named", "delimiter", "first", "note"),
    [
        ("a;b\n1;2\n", True, ";", 2, ""),
        ("1\t2\n3\t4\n", False, "\t", 1, ""),
        ("1 2\n3 4\n", False, ",", 1, ""),
        ("# about\n# it\na\n1\n", True, ",", 4, ""),
        ("é|b\n1|2\n".encode("cp1252"), True, "|", 2, "read as cp1252"),
        ("é|b\n1|2\n".encode("utf-16"), True, "|", 2, "read as utf-16"),
    ],
    ids=range(6),
)
def test_how_a_table_was_written_is_known(written, text, named, delimiter, first, note):
    read = csv_file.load(written(text))
    assert (read.named, read.delimiter, read.first) == (named, delimiter, first)
    assert (read.note, read.forms) == (note, {})


def test_leading_zeros_are_names_and_dates_are_days(written):
    read = csv_file.load(written("zip,day\n00501,2020-01-01\n10001,1970-01-02\n"))
    assert read.columns["zip"].tolist() == ["00501", "10001"]
    assert read.columns["day"].tolist() == [18262, 1] and read.forms == {"day": "%Y-%m-%d"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("sep=;\n# about\n", "is empty"),
        ("a,b\n", "has nothing but a header"),
        ("1,2\n3\n", "has 1 cell in row 2, but 2 in its first row"),
        ("a,b\n1,2\n\n3,4,5\n", "has 3 cells in row 4, but 2 in its first row"),
        ("# about\n1;2\n3\n4;5\n", "has 1 cell in row 3, but 2 in its first row"),
        (b"1,2\n\x00\x00", "no text"),
        (b"\x1f\x8b rubbish", "not a readable table"),
        (b"PK\x03\x04 rubbish", "is a zip archive; if it is from Excel, let its name end in .xlsx"),
        ("a,b\n1," + "x" * 200_000, "not a readable table"),
    ],
    ids=range(11),
)
def test_what_is_no_table_is_refused_with_the_place(written, text, says):
    path = written(text)
    with pytest.raises(ValueError, match=f"^{path} .*({says})") as caught:
        csv_file.load(path)
    assert str(caught.value).isprintable()


def test_cells_are_given_back_as_they_stand(written):
    text = '# about\na;b;c\n 1,50;NA;"x; y"\n2;3;?\n'
    names, rows = csv_file.cells_of(written(text))
    assert names == ["a", "b", "c"] and list(rows) == [[" 1,50", None, "x; y"], ["2", "3", None]]
    names, rows = csv_file.cells_of(written("1,2\n3,4,\n"))
    assert names == ["x1", "x2"] and list(rows) == [["1", "2"], ["3", "4"]]
    names, rows = csv_file.cells_of(written(" 1\n2\n"))
    assert names == ["x1"] and list(rows) == [[" 1"], ["2"]]
