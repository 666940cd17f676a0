"""What the tests of pictures share."""

from itertools import combinations

import pytest
from matplotlib.text import Text

from numvae.plots import style


@pytest.fixture
def quickly(monkeypatch):
    """Pictures are saved with a sixteenth of their pixels."""
    monkeypatch.setattr(style, "DPI", 50)


@pytest.fixture
def assert_legible():
    """assert_legible(figure): nothing lies outside the figure, and no text lies on another."""

    def out_of_view(figure):
        """The tick labels that matplotlib holds but does not draw."""
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                places = axis.get_transform().transform  # in which the axis is even
                low, high = sorted(places(axis.get_view_interval()))
                for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                    inside = low - 1e-9 <= places(tick.get_loc()) <= high + 1e-9
                    yield from () if inside and axes.axison else (tick.label1, tick.label2)

    def assert_legible(figure):
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()
        hidden = set(out_of_view(figure))
        texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
        boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t not in hidden]
        assert boxes
        for (one, a), (other, b) in combinations(boxes, 2):
            wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert min(wide, high) < 2, f"{one!r} lies on {other!r}"

    return assert_legible
