"""The V: both precisions with their best steps, and the two laws named."""

import numpy as np
import pytest

from numvae import plots

STEPS = np.logspace(-12, 0, 25)


def v(rounding):
    laws = rounding / STEPS, 0.1 * STEPS**2
    return np.minimum(sum(laws), 1.0), *laws


def test_the_best_step_and_the_laws_are_named(assert_legible):
    errors = {"float32": v(3e-8), "float64": v(1e-16)}
    figure = plots.errors_over_steps(STEPS, errors, "a title")
    axes = figure.axes[0]
    found = [text.get_text() for text in axes.texts]
    assert found.count("rounding, ∝ 1/h") == 2 and found.count("truncation, ∝ h²") == 1
    for name, (error, *_) in errors.items():
        best = plots.style.number(STEPS[error.argmin()], ".1g")
        assert f"{name}: best at h = {best}" in found
        line = next(line for line in axes.lines if line.get_label() == name)
        np.testing.assert_array_equal(line.get_ydata(), error)
    assert axes.get_title(loc="left") == "a title"
    assert_legible(figure)


@pytest.mark.parametrize("errors", [{}, {"float32": v(1e-8)[:2]}, {"a": np.ones((3, 4))}], ids=str)
def test_other_shapes_are_refused(errors):
    with pytest.raises(ValueError, match=r"expected \(n,\), and \(3, n\) for each"):
        plots.errors_over_steps(STEPS, errors)
