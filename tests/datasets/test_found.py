import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.datasets.found import described, labels


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(60) % 3, "i"),
        (np.arange(60.0) % 3, "i"),  # as MATLAB keeps them
        ((np.arange(60) % 3)[:, None], "i"),
        ((np.arange(60) % 3)[None].astype(np.uint8), "i"),
        (np.arange(60) % 2 == 0, "i"),
        (np.arange(60) % 3 / 2, "f"),
        (np.arange(60), "f"),  # an age or a count
        (np.linspace(0, 1, 60), "f"),
        (np.array(["cat", "dog"] * 30), "U"),
        (np.array([b"cat", b"dog"] * 30), "U"),
        (np.array([f"class {i // 2}" for i in range(60)]), "U"),
        (np.array([f"class {min(i, 30)}" for i in range(60)]), None),
        (np.array(["cat"] * 60), None),
        (np.arange(60) % 10, "i"),
        (np.arange(60) % 11, "f"),
        (np.arange(60) % 2 * (2**53 - 1), "i"),
        (np.arange(60) % 2 * 2**53, "f"),
        (np.arange(60) % 2 * -(2**53), "f"),
        (np.zeros(60, int), None),
        (np.arange(59) % 3, None),
        (np.eye(60), None),
        (np.array([f"row {i}" for i in range(60)]), None),
        (np.append(np.arange(59.0), np.nan), None),
        (np.arange(60) % 3 * 1j, None),
        (np.full(60, None, object), None),
    ],
    ids=range(25),
)
def test_labels_are_classes_factors_or_none(values, kind):
    found = labels(values, 60)
    if kind is None:
        assert found is None
    else:
        assert found.shape == (60,) and found.dtype.kind == kind
        assert_array_equal(found, values.ravel().astype(found.dtype))


@pytest.mark.parametrize(("n_different", "kind"), [(20, "i"), (21, "f")])
def test_of_many_labels_a_tenth_may_be_different(n_different, kind):
    assert labels(np.arange(200) % n_different, 200).dtype.kind == kind


def test_names_are_shown_without_control_characters():
    assert labels(np.array(["\x1b[31mcat", "dog"] * 2), 4).tolist() == ["[31mcat", "dog"] * 2


def test_labels_are_listed_in_a_few_words():
    assert described({}) == ""
    known = {"y": np.arange(6) % 2, "age": np.linspace(0, 1, 6)}
    assert described(known) == "labels y (2 classes), age"
