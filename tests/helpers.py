"""What several test files import."""

import csv
import json
import re

import numpy as np


def named(value):
    """What a test is called by a value, the same in all processes that share the tests."""
    return re.sub(" at 0x[0-9a-f]+", "", str(value))


def load_history(path):
    """The rows of a history.csv, as they were in memory."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    return [{**row, "epoch": int(row["epoch"])} for row in rows]


def edited(path, change=lambda header: None, **arrays):
    """Write a model's file anew, whole, with other things in it; None takes an array out."""
    with np.load(path) as archive:
        old = dict(archive)
    header = json.loads(old["header"].tobytes())
    change(header)
    new = {**old, "header": np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays}
    with open(path, "wb") as file:
        np.savez(file, **{name: array for name, array in new.items() if array is not None})
