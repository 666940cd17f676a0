"""The window is touched as by a hand: events of mouse and keyboard, without a screen."""

import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from numvae.datasets import Dataset
from numvae.explore.view import view
from numvae.explore.window import STEPS, Window
from numvae.network import Autoencoder
from numvae.saved import Saved


def a_window(n_latent=3, shape=(4, 3)):
    rng = np.random.default_rng(0)
    X = rng.random((40, int(np.prod(shape))), dtype="f4")
    model = Autoencoder(X.shape[1], n_latent, (5,), "tanh", "gaussian").initialize(rng)
    known = {"label": np.arange(40) % 3}
    dataset = Dataset("made-up", X, X[:0], shape, "split", "gaussian", known)
    figure = Figure()
    FigureCanvasAgg(figure)
    window = Window(figure, view(Saved("model.npz", model, {}), dataset))
    figure.canvas.draw()
    return window


def mouse(window, kind, axes, x, y, button=1):
    canvas = window.figure.canvas
    at = axes.transData.transform((x, y))
    canvas.callbacks.process(kind, MouseEvent(kind, canvas, *at, button=button))


def press(window, key):
    canvas = window.figure.canvas
    canvas.callbacks.process("key_press_event", KeyEvent("key_press_event", canvas, key))


def pixels(window):
    window.figure.canvas.draw()
    return np.asarray(window.figure.canvas.buffer_rgba()).copy()


def is_shown(window):
    """The picture, the point and the sliders say where z is."""
    view, z = window.view, window.z
    axes = view.axes
    return (
        np.array_equal(window.shown.get_array(), view.decode(z))
        and [*window.point.get_xdata(), *window.point.get_ydata()] == [z[axes[0]], z[axes[1]]]
        and all(slider.val == z[unit] for unit, slider in window.sliders.items())
    )


def test_the_point_is_dragged_and_all_else_follows():
    window = a_window()
    horizontal, vertical = window.view.axes
    before = pixels(window)
    mouse(window, "motion_notify_event", window.map, 1.0, 1.0)
    assert (window.z == 0).all()  # no button is pressed
    mouse(window, "button_press_event", window.map, 0.5, -1.0)
    assert window.z[[horizontal, vertical]] == pytest.approx([0.5, -1.0])
    mouse(window, "motion_notify_event", window.map, 1.5, 2.0)
    assert window.z[[horizontal, vertical]] == pytest.approx([1.5, 2.0])
    assert is_shown(window) and (pixels(window) != before).any()
    mouse(window, "button_release_event", window.map, 1.5, 2.0)
    mouse(window, "motion_notify_event", window.map, -1.0, -1.0)
    assert window.z[[horizontal, vertical]] == pytest.approx([1.5, 2.0])


@pytest.mark.parametrize("how", ["beside the map", "another button", "while the toolbar zooms"])
def test_what_is_not_meant_for_the_point_does_not_move_it(how):
    window = a_window()
    if how == "while the toolbar zooms":
        window.figure.canvas.widgetlock(object())
    axes = window.picture if how == "beside the map" else window.map
    mouse(window, "button_press_event", axes, 1.0, 1.0, button=3 if "button" in how else 1)
    assert (window.z == 0).all()


def test_a_slider_moves_its_unit_alone():
    window = a_window(n_latent=4)
    unit = window.view.units[-1]
    window.sliders[unit].set_val(1.25)
    assert window.z[unit] == 1.25 and np.count_nonzero(window.z) == 1
    assert is_shown(window)


def test_a_click_on_a_slider_is_one():
    window = a_window()
    slider = window.sliders[window.view.units[2]]
    mouse(window, "button_press_event", slider.ax, -1.0, 0.5)
    mouse(window, "button_release_event", slider.ax, -1.0, 0.5)
    assert window.z[window.view.units[2]] == pytest.approx(-1.0, abs=0.05)


def test_arrow_keys_move_the_point_to_the_edge_and_no_further():
    window = a_window()
    horizontal, vertical = window.view.axes
    step = window.view.limit / STEPS
    for key in ("right", "right", "up", "left", "down", "down", "x"):
        press(window, key)
    assert window.z[[horizontal, vertical]] == pytest.approx([step, -step])
    window.move({horizontal: window.view.limit - 0.5 * step})
    press(window, "right")
    assert window.z[horizontal] == window.view.limit and is_shown(window)


def test_one_unit_has_a_slider_and_no_map():
    window = a_window(n_latent=1)
    assert window.map is None and list(window.sliders) == [0]
    press(window, "right")
    assert window.z[0] > 0 and window.sliders[0].val == window.z[0]


def test_a_row_of_a_table_is_bars():
    window = a_window(shape=(5,))
    window.move({0: 2.0})
    widths = [bar.get_width() for bar in window.shown]
    np.testing.assert_allclose(widths, window.view.heights(window.view.decode(window.z)))
    assert [t.get_text() for t in window.picture.get_yticklabels()] == [
        "x1",
        "x2",
        "x3",
        "x4",
        "x5",
    ]


def test_a_colour_image_is_one():
    assert a_window(shape=(2, 2, 3)).shown.get_array().shape == (2, 2, 3)
