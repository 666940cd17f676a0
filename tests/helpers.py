"""What several test files import."""

import csv


def load_history(path):
    """The rows of a history.csv, as they were in memory."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    return [{**row, "epoch": int(row["epoch"])} for row in rows]
