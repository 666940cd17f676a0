import csv
import math
import os

import pytest
from helpers import load_history

from numvae.files import append
from numvae.training.history import History, thinned


def row(epoch, *values):
    keys = [f"{p}_{q}" for p in ("train", "valid") for q in ("elbo", "nll", "kl")]
    return {"epoch": epoch, **dict(zip(keys, values[:-1])), "gradient_norm": values[-1]}


HISTORIES = [
    [row(1, -0.1 - 0.2, 1 / 3, 1e-300, 0.1)],
    [
        row(e, -math.pi * e, 2.0**-60 + e, 5e-324, 1.7976931348623157e308, e / 7, -0.0, e / 9)
        for e in (1, 2, 5)
    ],
    [row(1, -math.inf, math.inf, 0.0, 1.0)],
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.csv"


@pytest.mark.parametrize("history", HISTORIES, ids=["train", "both", "infinite"])
def test_every_digit_comes_back(history, path):
    History(history).save(path)
    loaded = History.read(path, len(history), 5)
    assert repr(loaded) == repr(load_history(path)) == repr(history)
    assert all(type(row["epoch"]) is int for row in loaded)


def test_what_is_not_a_number_comes_back_as_such(path):
    History([row(1, math.nan, 1.0, 2.0, 3.0)]).save(path)
    assert math.isnan(History.read(path, 1, 1)[0]["train_elbo"])


def test_the_file_is_a_table_with_named_columns(path):
    History(HISTORIES[1]).save(path)
    content = path.read_bytes()
    assert content.count(b"\n") == 4 and content.endswith(b"\n") and b"\r" not in content
    with open(path, newline="") as file:
        head, first, *_ = csv.reader(file)
    assert head == list(HISTORIES[1][0])
    assert float(first[1]) == -math.pi


def test_a_history_that_grows_is_appended_row_by_row(path, monkeypatch):
    history, whole = History(), History(HISTORIES[1])
    history.save(path)
    assert not path.exists()  # there is nothing to say yet
    inode = None
    for new in HISTORIES[1]:
        history.append(new)
        history.save(path)
        assert inode in (None, path.stat().st_ino)  # the same file, not a new one
        inode = path.stat().st_ino
        assert load_history(path) == history
    history.save(path)
    content = path.read_bytes()
    whole.save(path)
    assert path.read_bytes() == content


def test_a_file_that_is_not_as_it_was_left_is_written_anew(path, tmp_path):
    first, second, third = HISTORIES[1]
    for spoil in (path.unlink, lambda: path.write_text("mine"), lambda: append(path, b"3,")):
        history = History([first])
        history.save(path)
        history.append(second)
        spoil()
        history.save(path)
        assert load_history(path) == history
    # What a process wrote that died before its checkpoint; the file of another folder.
    History([first, second, third]).save(path)
    History([first]).save(path)
    assert load_history(path) == [first]
    history = History([first])
    (tmp_path / "b").mkdir()
    History([third]).save(tmp_path / "b" / "history.csv")
    history.save(path)
    history.append(second)
    history.save(tmp_path / "b" / "history.csv")
    assert load_history(tmp_path / "b" / "history.csv") == history
    assert os.listdir(tmp_path / "b") == ["history.csv"]


def test_of_more_than_ten_thousand_rows_every_second_or_third_is_kept_up_to_the_last():
    assert thinned(range(10_000)) == range(10_000)
    assert thinned(range(10_001)) == range(0, 10_001, 2)
    assert thinned(range(20_001)) == range(2, 20_001, 3)


def test_only_the_rows_that_were_asked_for_are_read(path):
    History(HISTORIES[1]).save(path)
    with open(path, "a") as file:
        file.write("6,0.1,")  # half of a row, of a process that died
    assert History.read(path, 2, 4) == HISTORIES[1][:2]
    assert History.read(path, 3, 9) == HISTORIES[1]
    path.unlink()
    assert History.read(path, 2, 4) == []


def test_what_a_spreadsheet_does_to_the_ends_of_lines_is_no_matter(path):
    History(HISTORIES[1]).save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert History.read(path, 3, 5) == HISTORIES[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"epoch", b"Epoch"),
        (b",gradient_norm", b""),
        (b"elbo", b"\x1b[31m"),
        (b",", b";"),
        *((b"\n2,", new) for new in (b"\n6,", b"\n1,", b"\n-2,", b"\n2.0,", b"\n2,,", b"\n\n2,")),
        *((b"-3.14", new) for new in (b"three", b"\xff", b"\x00", b'"')),
    ],
)
def test_a_file_that_was_changed_is_refused_with_a_way_out(path, old, new):
    History(HISTORIES[1]).save(path)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(ValueError, match=f"^{path} .* the 3 rows .* delete it") as caught:
        History.read(path, 3, 5)
    assert str(caught.value).isprintable()


def test_a_file_that_was_cut_is_refused(path):
    History(HISTORIES[1]).save(path)
    content = path.read_bytes()
    for end in (0, 3, content.rindex(b"\n5,") + 1, len(content) - 30, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=f"^{path} does not begin with the 3 rows"):
            History.read(path, 3, 5)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"5000,", b"5001,"),
        (b"0.1\n5000", b"\n5000"),
        (b"epoch", b"epoch" + b",epoch" * 10**6),
        (b"\n9,", b"\n" + b"9" * 10**7),
        (b"\n9,", b'\n9,"' + b"\n9," * 10**6),
    ],
    ids=["last row", "last but one", "columns", "line", "quote"],
)
def test_of_a_file_that_is_refused_no_row_is_kept(path, old, new, assert_grows):
    History(row(epoch + 1, 0.1, 0.2, 0.3, 0.1) for epoch in range(5000)).save(path)
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    with assert_grows(2**20), pytest.raises(ValueError, match="does not begin with the 5000 rows"):
        History.read(path, 5000, 5000)
