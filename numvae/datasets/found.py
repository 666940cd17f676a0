"""What a file or a folder holds: examples, and labels of them."""

from typing import NamedTuple

import numpy as np

from numvae.text import printable

CLASSES = 10  # whole numbers of so many different values are always classes


class Found(NamedTuple):
    """Examples as they lie in a file or a folder."""

    array: np.ndarray  # (N, …)
    note: str = ""  # what a reader should know of what was chosen
    known: dict = {}  # name → (N,): labels, see `labels`
    n_train: int | None = None  # the first so many are to train on, by a split of the file's own


def labels(values, n):
    """Labels of n examples, or None if these are none.

    Text and whole numbers are classes, unless they seldom occur again: then text, such as a name,
    says nothing, and numbers, such as an age, are real ones.

    Shapes  values (n,), or such as (n, 1) in MATLAB → (n,) text, int64 or float64
    """
    values = np.asarray(values).ravel()
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    is_text = values.dtype.kind == "U"
    if len(values) != n or values.dtype.kind not in "Ubuif":
        return None
    if not is_text and not np.isfinite(values).all():
        return None
    n_different = len(np.unique(values))
    if n_different < 2 or is_text and n_different > n // 2:
        return None
    if is_text:
        return np.array([printable(text) for text in values])
    few = n_different <= max(CLASSES, n // 10) and np.abs(values).max() < 2**53
    return values.astype(np.int64 if few and (values == np.rint(values)).all() else np.float64)


def described(known):
    """The labels in a few words: "labels y (10 classes), age", or nothing."""
    said = [
        name if values.dtype.kind == "f" else f"{name} ({len(np.unique(values))} classes)"
        for name, values in known.items()
    ]
    return f"labels {', '.join(said)}" if said else ""
