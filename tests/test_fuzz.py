"""The program that tells lies in files; the whole of it runs apart, see tests/fuzz.py."""

from fuzz import fuzz


def test_some_lies_are_refused_or_whole():
    counts, failures = fuzz(24, 12, seed=2024)
    assert not failures and counts["headers", "whole"] and counts["archives", "refused"]
