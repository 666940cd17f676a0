import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.datasets import csv_file

TABLE = [[1.0, 2.5, -3e-2], [4.0, 5.0, 6.0]]


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "my.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("1,2.5,-3e-2\n4,5,6\n", ""),
        ("1,2.5,-3e-2\n4,5,6", ""),
        ("1;2.5;-3e-2\r\n4;5;6\r\n", ""),
        ("1\t2.5\t-3e-2\n4\t5\t6\n", ""),
        ("\n1, 2.5 ,-3e-2\n\n4,5,6\n\n", ""),
        ('"1","2.5","-3e-2"\n"4","5","6"\n', ""),
        ("a,b,c\n1,2.5,-3e-2\n4,5,6\n", "columns a, b, c"),
        ('\ufeff"size, cm",b,c\n1,2.5,-3e-2\n4,5,6\n', "columns size, cm, b, c"),
        ("0,1,2\n1,2.5,-3e-2\n4,5,6\n", "columns 0, 1, 2"),
        ("#,α,c\n1,2.5,-3e-2\n4,5,6\n", "columns #, α, c"),
        ("\x1b[31ma,b\x07,c\n1,2.5,-3e-2\n4,5,6\n", "columns [31ma, b, c"),
    ],
    ids=range(11),
)
def test_the_table_is_read_and_a_header_left_out(written, text, note):
    array, found = csv_file.load(written(text))
    assert_array_equal(array, TABLE)
    assert found == note


@pytest.mark.parametrize(
    ("text", "shape"), [("1\n2\n", (2, 1)), ("1,2\n", (1, 2)), ("0,1\n1,0\n", (2, 2))]
)
def test_small_tables_keep_their_shape(written, text, shape):
    assert csv_file.load(written(text))[0].shape == shape


def test_an_empty_cell_may_mean_not_known(written):
    path = written("a,b,c\n1,,3\n,nan,6\n,,\n")
    array, _ = csv_file.load(path, missing=True)
    assert_array_equal(array, [[1, np.nan, 3], [np.nan, np.nan, 6], [np.nan] * 3])
    with pytest.raises(ValueError, match=r"an empty cell in row 2, column 2 \(b\); .* --missing"):
        csv_file.load(path)
    array, _ = csv_file.load(written(",,\n1,2,3\n"), missing=True)
    assert_array_equal(array, [[np.nan] * 3, [1, 2, 3]])  # a first row of nothing is no header
    with pytest.raises(ValueError, match="'x' in row 2, column 1"):
        csv_file.load(written("1,2\nx,\n"), missing=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "nothing but a header"),
        ("1,2\n3,x\n", "'x' in row 2, column 2; expected a number"),
        ("age,name\n3,4\n5,Ann\n", r"'Ann' in row 3, column 2 \(name\)"),
        ("name,1\n3,4\n", "'name' in row 1, column 1"),
        ("1,2\n\n3,\n", "an empty cell in row 3, column 2"),
        ("a,\x1b[31mb\n3,\x1b\n", r"'\\x1b' in row 2, column 2 \(\[31mb\)"),
        (",0,1\n0,5,6\n", "an empty cell in row 1, column 1"),  # written with its row numbers
        ("1,2\n3\n", "1 cells in row 2, but 2 in its first row"),
        ("1,2\n3,4,5\n", "3 cells in row 2, but 2 in its first row"),
        ("1,5;2,5\n3,5;4,5\n", "'1,5' in row 1|nothing but|'3,5' in row 2"),
        ("a b\n1 2\n", "'1 2' in row 2"),
        (b"\xff\xfe1\x00", "not a readable CSV"),
        (b"1,2\n\x00\x00", "\\w"),
        ('"1,2\n3,4\n', "\\w"),
        ("1,2\n1_0,2\n", "not a readable CSV"),
    ],
    ids=range(17),
)
def test_a_bad_table_is_refused_with_the_place(written, text, says):
    path = written(text)
    with pytest.raises(ValueError, match=f"^{path} .*({says})") as caught:
        csv_file.load(path)
    assert str(caught.value).isprintable()
