import numpy as np
from numpy.testing import assert_allclose

from numvae import plots

RANKS = np.array([1, 2, 4, 8])


def test_every_line_stands_beside_what_would_be_ideal(assert_legible):
    weak = {"128 rows": 1e4 * RANKS**0.9}
    strong = {"batches of 1,000": 1e4 * RANKS**0.5, "batches of 10,000": 2e4 * RANKS**0.8}
    figure = plots.scaling(RANKS, weak, strong, 3e4, 4)
    for axes, wanted in zip(figure.axes, (weak, strong)):
        lines = axes.get_lines()[: 2 * len(wanted)]
        for ideal, line, (name, rates) in zip(lines[::2], lines[1::2], wanted.items()):
            assert line.get_label() == name
            assert_allclose(line.get_ydata(), rates)
            assert_allclose(ideal.get_ydata(), rates[0] * RANKS)
        assert [line.get_xdata()[0] for line in axes.get_lines()[-1:]] == [4]
    assert figure.axes[0].get_ylabel() == "examples per second"
    assert_legible(figure)
