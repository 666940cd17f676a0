"""The training curves, on made-up histories."""

import numpy as np
import pytest

from numvae import plots


def history(epochs, valid=True):
    """Starts near -2000, ends near 900; held-out is best in the middle and then overfits."""
    rows = []
    for epoch in range(1, epochs + 1):
        elbo, kl = 900 - 2900 * np.exp(-epoch / 20), 20.0
        row = {"epoch": epoch, "train_elbo": elbo, "train_nll": -elbo - kl, "train_kl": kl}
        if valid:
            elbo -= 40 + 60 * (epoch / 500) ** 2
            row |= {"valid_elbo": elbo, "valid_nll": -elbo - kl - 1, "valid_kl": kl + 1}
        rows.append(row)
    return rows


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_panels_units_and_legend():
    figure = plots.curves(history(30))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["ELBO, higher is better", "nll, lower is better", "KL to the prior"]
    assert figure.axes[0].get_ylabel() == "nats per example"
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}
    assert texts(figure)[:2] == ["train", "held-out"]


def test_each_line_is_its_column():
    rows = history(30)
    for axes, term in zip(plots.curves(rows).axes, ("elbo", "nll", "kl")):
        for line, prefix in zip(axes.lines, ("train", "valid")):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 31))
            np.testing.assert_array_equal(line.get_ydata(), [r[f"{prefix}_{term}"] for r in rows])


def test_the_best_held_out_epoch_is_marked():
    rows = history(500)
    best = max(rows, key=lambda row: row["valid_elbo"])
    assert 1 < best["epoch"] < 500
    figure = plots.curves(rows)
    assert texts(figure)[2] == f"best held-out: {best['valid_elbo']:.1f} at epoch {best['epoch']}"
    ring = figure.axes[0].lines[-1]
    assert ring.get_xydata().tolist() == [[best["epoch"], best["valid_elbo"]]]


def test_limits_follow_the_later_epochs_and_the_picture_says_so():
    rows = history(400)
    rows[0]["train_elbo"] = -1e30
    rows[300]["train_elbo"] = -1e6  # a single spike does not count either
    figure = plots.curves(rows)
    low, high = figure.axes[0].get_ylim()
    later = [row["train_elbo"] for row in rows[100:] if row["train_elbo"] > 0]
    assert 600 < low < min(later) and max(later) < high < 1000
    assert "last three quarters" in figure.get_supxlabel()


def test_nothing_is_said_where_nothing_is_cut():
    rows = [{"epoch": e, "train_elbo": -e, "train_nll": e, "train_kl": 0.0} for e in (1, 2, 3, 4)]
    figure = plots.curves(rows)
    assert figure.get_supxlabel() == ""
    assert texts(figure) == ["train"]
    low, high = figure.axes[0].get_ylim()
    assert low < -4 and high > -1


@pytest.mark.parametrize("epochs", [1, 2, 500])
@pytest.mark.parametrize("valid", [False, True])
def test_any_number_of_epochs(epochs, valid, tmp_path, quickly):
    rows = history(epochs, valid)
    figure = plots.curves(rows)
    plots.save(figure, tmp_path / "curves.png")
    if epochs == 1:
        axes = figure.axes[0]
        assert axes.get_xlim() == (0.5, 1.5) and 1 in axes.get_xticks()
        assert not any(tick % 1 for tick in axes.get_xticks())
        assert axes.lines[0].get_marker() == "o"  # a line of one point would not be seen
        assert axes.get_ylim()[0] < rows[0]["train_elbo"] < axes.get_ylim()[1]


def test_held_out_measured_now_and_then_is_joined_up():
    rows = history(40)
    for row in rows:
        if row["epoch"] % 10:
            del row["valid_elbo"]
    line = plots.curves(rows).axes[0].lines[1]
    assert line.get_xdata().tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_diverged_run_is_drawn_as_far_as_it_goes(bad, tmp_path, quickly):
    rows = history(10)
    for row in rows[2:]:
        row.update({key: bad for key in row if key != "epoch"})
    figure = plots.curves(rows)
    assert len(figure.axes[0].lines[0].get_xdata()) == 2
    plots.save(figure, tmp_path / "curves.png")
    plots.curves([{"epoch": 1, "train_elbo": bad, "train_nll": bad, "train_kl": bad}])


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="history is empty"):
        plots.curves([])


def test_the_bound_its_band_and_its_axes(assert_legible):
    k, values = [1, 2, 5, 10, 50, 500, 5000], -86.0 - 5.0 / np.arange(1, 8)
    figure = plots.bound_over_samples(k, values, np.full(7, 0.25))
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), np.column_stack([k, values]))
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == values.max() + 0.25 and band[:, 1].min() == values.min() - 0.25
    assert axes.get_xscale() == "log" and axes.get_ylabel() == "nats per example"
    assert axes.get_title(loc="left") == "log p(x) ≥ −86.71 ± 0.25 with 5,000 samples"
    assert {"1", "5,000"} <= {label.get_text() for label in axes.get_xticklabels()}
    assert_legible(figure)


@pytest.mark.parametrize("se", [None, [0.3]])
def test_the_bound_of_one_number_of_samples(se, assert_legible):
    assert_legible(plots.bound_over_samples([5000], [-86.7], se))


@pytest.mark.parametrize("k, values, se", [([], [], None), ([1, 2], [1.0], None), ([1], [2], [])])
def test_a_bound_of_another_shape_is_refused(k, values, se):
    with pytest.raises(ValueError, match=r"expected \(n,\) for each"):
        plots.bound_over_samples(k, values, se)


def test_bounds_over_examples_have_a_panel_for_each_run_on_common_axes():
    runs = {f"{z} units": (1800, history(50)) for z in (2, 5, 10, 20)}
    figure = plots.bound_over_examples(runs)
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == list(runs)
    assert len({axes.get_ylim() for axes in shown}) == len({axes.get_xlim() for axes in shown}) == 1
    for axes in shown:
        assert axes.get_xscale() == "log"
        for line, prefix in zip(axes.lines, ("train", "valid")):
            np.testing.assert_array_equal(line.get_xdata(), 1800 * np.arange(1, 51))
            np.testing.assert_array_equal(
                line.get_ydata(), [row[f"{prefix}_elbo"] for row in history(50)]
            )
    figure = plots.bound_over_examples(runs, (1e5, 1e8), (-150.0, -100.0))
    for axes in figure.axes[:4]:
        assert axes.get_xlim() == (1e5, 1e8) and axes.get_ylim() == (-150.0, -100.0)
    with pytest.raises(ValueError, match="no run"):
        plots.bound_over_examples({})


def test_planted_bugs_show_what_they_say_what_they_are_and_what_is_right(assert_legible):
    says, worth, truth = np.linspace(-50, -40, 20), np.linspace(-55, -70, 21), np.arange(21.0)
    curves = {
        f"a bug with a name that does not fit into one line, number {i}": (
            (says[: 20 - i], worth[: 21 - i]),
            (says, truth),
        )
        for i in range(6)
    }
    figure = plots.planted_bugs(curves)
    assert_legible(figure)
    assert len(figure.axes) == 6
    for i, panel in enumerate(figure.axes):
        assert panel.get_title(loc="left").replace("\n", " ") == list(curves)[i]
        right, said, was = panel.lines
        np.testing.assert_array_equal(right.get_ydata(), truth)
        np.testing.assert_array_equal(said.get_xdata(), np.arange(1, 21 - i))
        np.testing.assert_array_equal(said.get_ydata(), says[: 20 - i])
        np.testing.assert_array_equal(was.get_ydata(), worth[: 21 - i])
