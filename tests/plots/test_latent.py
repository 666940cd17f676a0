"""The scatter of posterior means."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from numvae import plots
from numvae.plots import style

rng = np.random.default_rng(0)
MU = rng.normal(size=(200, 4))
LABELS = rng.integers(0, 10, 200)


def points(panel):
    (scatter,) = panel.collections
    return scatter


def test_the_chosen_units_are_drawn_with_equal_aspect():
    panel = plots.latent_scatter(MU, axes=(3, 1)).axes[0]
    drawn = np.asarray(points(panel).get_offsets())
    np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(MU[:, [3, 1]], axis=0))
    assert panel.get_xlabel() == r"posterior mean $\mu_{4}$"
    assert panel.get_ylabel() == r"posterior mean $\mu_{2}$"
    assert panel.get_aspect() == 1


def test_circles_of_the_prior_are_in_view_even_if_the_units_are_not_used():
    panel = plots.latent_scatter(0.01 * MU).axes[0]
    radii = [np.linalg.norm(line.get_xydata(), axis=1) for line in panel.lines]
    np.testing.assert_allclose(radii[0], 1)
    np.testing.assert_allclose(radii[1], 2)
    assert [text.get_text() for text in panel.texts] == ["1σ", "2σ"]
    assert panel.get_xlim()[0] < -2 and panel.get_ylim()[1] > 2


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_classes_have_a_colour_each_and_a_legend(dtype):
    figure = plots.latent_scatter(MU, LABELS.astype(dtype), "digit")
    (panel,) = figure.axes
    assert panel.get_title(loc="left") == "digit"
    assert [text.get_text() for text in panel.get_legend().get_texts()] == list("0123456789")
    colour_of = {tuple(point): label for point, label in zip(MU[:, :2], LABELS)}
    scatter = points(panel)
    for point, colour in zip(np.asarray(scatter.get_offsets()), scatter.get_facecolors()):
        np.testing.assert_allclose(colour[:3], to_rgb(style.CLASSES[colour_of[tuple(point)]]))


def test_classes_need_not_start_at_0():
    (panel,) = plots.latent_scatter(MU, np.where(LABELS > 4, 7, 3)).axes
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["3", "7"]


@pytest.mark.parametrize("values", [MU[:, 0], np.arange(200), MU[:, 0].astype(np.float32)])
def test_a_factor_or_many_integers_have_a_colour_bar(values):
    figure = plots.latent_scatter(MU, values)
    panel = figure.axes[0]
    assert panel.get_legend() is None
    assert points(panel).get_cmap().name == "viridis"
    assert points(panel).colorbar is not None
    shown = np.asarray(points(panel).get_array())
    order = [np.flatnonzero((MU[:, :2] == p).all(1))[0] for p in points(panel).get_offsets()]
    np.testing.assert_array_equal(shown, np.asarray(values)[order])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_panel_for_each_of_several_factors(count, tmp_path):
    factors = {f"factor {i}": MU[:, i % 4] for i in range(count - 1)} | {"digit": LABELS}
    figure = plots.latent_scatter(MU, factors)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == list(factors)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


def test_no_class_lies_on_top_because_the_examples_are_sorted():
    panel = plots.latent_scatter(MU, np.repeat([0, 1], 100)).axes[0]
    drawn_last = points(panel).get_facecolors()[-50:, :3]
    assert 10 < (drawn_last == to_rgb(style.CLASSES[0])).all(axis=1).sum() < 40


def test_a_missing_unit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(200, 1\); expected \(N, Z\) with Z > 1"):
        plots.latent_scatter(MU[:, :1])


def test_colours_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"'pose' of shape \(3,\); expected one per example"):
        plots.latent_scatter(MU, {"pose": np.zeros(3)})
