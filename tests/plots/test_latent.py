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


def bars(figure):
    """unit → (height, colour), from left to right, by the labels below."""
    panel = figure.axes[0]
    names = {x: t.get_text() for x, t in zip(panel.get_xticks(), panel.get_xticklabels())}
    drawn = sorted(panel.patches[:-1], key=lambda bar: bar.get_x())  # the last is the shade
    return {
        names.get(round(bar.get_x() + bar.get_width() / 2)): (bar.get_height(), bar.get_fc()[:3])
        for bar in drawn
    }


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_kl_is_sorted_and_active_units_are_coloured():
    figure = plots.kl_per_unit([0.001, 2.0, 0.3])
    drawn = bars(figure)
    assert list(drawn) == ["$z_{2}$", "$z_{3}$", "$z_{1}$"]
    assert [height for height, _ in drawn.values()] == [2.0, 0.3, 0.001]
    colours = [colour for _, colour in drawn.values()]
    assert colours[0] == colours[1] == to_rgb(style.BLUE) != colours[2]
    assert legend(figure) == ["2 active: KL > 0.01 nats", "1 inactive, shaded"]
    panel = figure.axes[0]
    assert panel.get_ylabel() == "nats per example"
    assert panel.get_title(loc="left") == "KL per latent unit: 2.3 nats in all"


def test_kl_with_the_callers_own_rule():
    figure = plots.kl_per_unit([0.5, 2.0], np.array([True, False]))
    assert legend(figure) == ["1 active: Var(μ) > 0.01", "1 inactive, shaded"]
    assert bars(figure)["$z_{1}$"][1] == to_rgb(style.BLUE)
    assert legend(plots.kl_per_unit([0.5], [True], "by eye")) == ["1 active: by eye"]


@pytest.mark.parametrize("Z", [1, 24, 200])
def test_kl_is_legible_for_any_number_of_units(Z, assert_legible):
    kl = np.where(np.arange(Z) < 0.6 * Z, 12 / (1 + np.arange(Z)), 1e-4)
    figure = plots.kl_per_unit(kl)
    assert len(figure.axes[0].patches) == Z + 1
    assert_legible(figure)


def test_kl_of_a_collapsed_model():
    figure = plots.kl_per_unit(np.zeros(3))
    assert legend(figure) == ["3 inactive, shaded"]
    assert figure.axes[0].get_ylim() == (0, 1)


@pytest.mark.parametrize("kl, active", [(np.ones((5, 2)), None), ([], None), ([1.0], [1, 0])])
def test_kl_of_another_shape_is_refused(kl, active):
    with pytest.raises(ValueError, match=r"expected both \(Z,\)"):
        plots.kl_per_unit(kl, active)


def test_names_are_classes_whatever_they_are():
    names = np.array(["cat", "$x$", "b_{1}$"])[LABELS % 3]
    figure = plots.latent_scatter(MU, names, "$class$")
    figure.draw_without_rendering()
    shown = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [text.replace("\\", "") for text in shown] == ["$x$", "b_{1}$", "cat"]


def test_more_names_than_colours_have_a_bar_with_names():
    names = np.array([chr(ord("a") + i % 20) for i in range(200)])
    figure = plots.latent_scatter(MU, names)
    figure.draw_without_rendering()
    bar = points(figure.axes[0]).colorbar
    shown = [label.get_text() for label in bar.ax.get_yticklabels() if label.get_text()]
    assert len(shown) > 2 and shown == sorted(shown) and set(shown) <= set(names)
