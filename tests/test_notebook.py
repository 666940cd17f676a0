import re

import numpy as np
import pytest

from numvae import notebook


def points(text):
    (found,) = re.findall(r'points="([^"]*)"', text)
    return np.array([point.split(",") for point in found.split()], float)


def test_text_is_escaped_and_the_curve_is_below():
    assert notebook.page(["<b>", "a & b\x1b"], [1.0, 3.0]) == (
        '<div><code>&lt;b&gt;</code><br>a &amp; b<br><svg width="160" height="40" role="img" '
        'aria-label="ELBO over the epochs"><polyline points="1.0,39.0 159.0,1.0" fill="none" '
        'stroke="#0072B2" stroke-width="1.5"/></svg></div>'
    )


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, 1.0, -np.inf]])
def test_fewer_than_two_numbers_have_no_curve(values):
    assert notebook.curve(values) == ""
    assert "svg" not in notebook.page(["a"], values)


def test_the_curve_rises_to_the_top_and_what_is_far_below_is_cut():
    x, y = points(notebook.curve([-1e9, 0.0, 1.0, np.nan, 2.0])).T
    assert (np.diff(x) > 0).all() and x[0] > 0 and x[-1] < notebook.WIDTH
    assert y.tolist() == [notebook.HEIGHT - 1, notebook.HEIGHT - 1, notebook.HEIGHT / 2, 1]


def test_numbers_that_are_all_the_same_are_a_line():
    assert len(set(points(notebook.curve([3.0] * 5))[:, 1])) == 1
