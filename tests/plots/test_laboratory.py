import numpy as np
import pytest

from numvae import plots

SAMPLES = np.array([1, 10, 100])


@pytest.fixture
def estimators(rng):
    """What gradient_estimators is given: three clouds, five variances, five ratios."""
    clouds = {
        name: s * rng.standard_normal((200, 2)) for name, s in (("a", 90), ("b", 2), ("c", 1))
    }
    variance = {
        name: v / SAMPLES
        for name, v in (("c", 2.0), ("e", 2.5), ("d", 3.0), ("b", 8.0), ("a", 9e3))
    }
    snr = {
        ("IWAE", "encoder"): 0.5 / SAMPLES**0.5,
        ("IWAE", "decoder"): 1.5 * SAMPLES**0.4,
        ("DReG", "encoder"): 0.5 * SAMPLES**0.3,
        ("ELBO", "encoder"): 0.6 * SAMPLES**0.5,
        ("ELBO", "decoder"): 1.6 * SAMPLES**0.5,
    }
    return clouds, SAMPLES, variance, snr


def test_the_second_panel_is_a_part_of_the_first_and_holds_the_quietest_cloud(
    estimators, assert_legible
):
    figure = plots.gradient_estimators(*estimators)
    wide, near = figure.axes[:2]
    assert np.ptp(wide.get_xlim()) == pytest.approx(np.ptp(wide.get_ylim()))
    for (low, high), column in zip((near.get_xlim(), near.get_ylim()), estimators[0]["c"].T):
        assert low < column.min() and column.max() < high
    for limits in ("get_xlim", "get_ylim"):
        (low, high), (least, most) = getattr(near, limits)(), getattr(wide, limits)()
        assert least < low < high < most
    times = np.ptp(wide.get_xlim()) / np.ptp(near.get_xlim())
    assert times > 30
    assert near.get_title(loc="left") == f"the same, {times:,.0f} times as large"
    assert wide.get_title(loc="left") == "200 draws of the gradient"
    assert_legible(figure)


def test_an_estimator_has_one_colour_throughout(estimators):
    figure = plots.gradient_estimators(*estimators)
    wide, _, falling, _ = figure.axes[:4]
    (legend,) = figure.legends
    colours = {t.get_text(): h.get_color() for t, h in zip(legend.texts, legend.legend_handles)}
    assert set(colours) == set("abcde") and len(set(colours.values())) == 5
    for name, line in zip(estimators[2], falling.lines):
        assert line.get_color() == colours[name]
        np.testing.assert_array_equal(line.get_ydata(), estimators[2][name])
    assert falling.get_xscale() == falling.get_yscale() == "log"


def test_a_ratio_that_is_not_known_is_left_out(estimators, assert_legible):
    estimators[3]["IWAE", "encoder"] = np.array([0.5, 0.1, 0.0])
    assert_legible(plots.gradient_estimators(*estimators))


def test_the_known_answer_and_what_is_left_to_it(assert_legible):
    epochs, top = np.array([0, 1, 10, 300]), -11.0
    left = {"to the optimum": np.array([20.0, 5.0, 0.1, 0.0]), "of the bound": 1.0 / (1 + epochs)}
    exact = top - left["to the optimum"]
    log_p = {"exact": exact, "estimate": exact - 0.01, "bound": exact - [100, 9, 1, 0]}
    angles = np.outer(1.0 / (1 + epochs), [90.0, 20.0])
    figure = plots.known_answer(epochs, log_p, left, angles, top)
    values, gaps, turn = figure.axes
    for line, wanted in zip(values.lines, log_p.values()):
        np.testing.assert_array_equal(line.get_ydata(), wanted)
    assert values.get_ylim()[0] == exact[0] and values.get_ylim()[1] > top
    assert set(values.lines[-1].get_ydata()) == {top}
    np.testing.assert_array_equal(gaps.lines[0].get_ydata(), [20.0, 5.0, 0.1, np.nan])
    assert gaps.get_yscale() == turn.get_yscale() == "log" and len(turn.lines) == 2
    assert [text.get_text() for text in turn.get_xticklabels()] == ["0", "1", "10", "100"]
    assert_legible(figure)


def test_each_program_is_a_colour_and_each_table_a_row(assert_legible):
    gains = {"iris": {"a": 0.5, "b": -2.0}, "a table with a long name": {"a": -1e4, "b": 30.0}}
    figure = plots.densities(gains)
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [*gains]
    assert axes.yaxis_inverted() and axes.get_xscale() == "symlog"
    for dots, name in zip(axes.collections, "ab"):
        x, y = dots.get_offsets().T
        np.testing.assert_array_equal(x, [row[name] for row in gains.values()])
        np.testing.assert_array_equal(np.round(y), [0, 1])
    assert len({tuple(dots.get_facecolor()[0]) for dots in axes.collections[:2]}) == 2
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]
    assert_legible(figure)


def test_many_tables_fit_into_a_picture(assert_legible):
    row = dict.fromkeys(("VAE", "mixture", "Gaussian"), 1.0)
    assert_legible(plots.densities({f"table {i}": row for i in range(25)}))
    assert_legible(plots.densities({"one": {"VAE": 1.0}}))
