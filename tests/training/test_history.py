import csv
import math
import os

import pytest
from helpers import load_history

from numvae.training.history import save_history


def row(epoch, *values):
    keys = [f"{p}_{q}" for p in ("train", "valid") for q in ("elbo", "nll", "kl")]
    return {"epoch": epoch, **dict(zip(keys, values))}


HISTORIES = [
    [row(1, -0.1 - 0.2, 1 / 3, 1e-300)],
    [
        row(e, -math.pi * e, 2.0**-60 + e, 5e-324, 1.7976931348623157e308, e / 7, -0.0)
        for e in (1, 2)
    ],
    [row(1, -math.inf, math.inf, 0.0)],
]


@pytest.mark.parametrize("history", HISTORIES, ids=["train", "both", "infinite"])
def test_every_digit_comes_back(history, tmp_path):
    save_history(history, tmp_path / "history.csv")
    loaded = load_history(tmp_path / "history.csv")
    assert repr(loaded) == repr(history)
    assert all(type(row["epoch"]) is int for row in loaded)


def test_what_is_not_a_number_comes_back_as_such(tmp_path):
    save_history([row(1, math.nan, 1.0, 2.0)], tmp_path / "history.csv")
    assert math.isnan(load_history(tmp_path / "history.csv")[0]["train_elbo"])


def test_the_file_is_a_table_with_named_columns(tmp_path):
    save_history(HISTORIES[1], tmp_path / "history.csv")
    content = (tmp_path / "history.csv").read_bytes()
    assert content.count(b"\n") == 3 and content.endswith(b"\n") and b"\r" not in content
    with open(tmp_path / "history.csv", newline="") as file:
        head, first, _ = csv.reader(file)
    assert head == list(HISTORIES[1][0])
    assert float(first[1]) == -math.pi


def test_a_longer_history_replaces_the_file(tmp_path):
    for length in (2, 1):
        save_history(HISTORIES[1][:length], tmp_path / "history.csv")
        assert len(load_history(tmp_path / "history.csv")) == length
    assert os.listdir(tmp_path) == ["history.csv"]
