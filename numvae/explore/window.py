"""A window to walk through the latent space: a map, a slider for each unit, the decoded picture.

There is one state, the latent point z. Whatever moves it calls `move`, which shows it everywhere.
"""

import numpy as np
from matplotlib.widgets import Slider

from numvae.plots import style

ARROWS = {"left": (-1, 0), "right": (1, 0), "down": (0, -1), "up": (0, 1)}
STEPS = 30  # so many presses of an arrow key lead from the centre to the edge
ROW = 0.32  # inches of height for a slider


class Window:
    """What is drawn into an empty figure, and what happens when it is touched.

    z           (Z,) the latent point that is shown
    sliders     dict of unit → Slider
    map         the axes of the latent map, or None if there is but one unit
    """

    @style.in_style
    def __init__(self, figure, view):
        self.figure, self.view = figure, view
        self.z = np.zeros(view.model.n_latent)
        self.dragging = False
        bottom = 0.5 + ROW * len(view.units)
        figure.set_size_inches(9.5, 5.0 + bottom)
        base = bottom / (5.0 + bottom)  # the sliders lie below, the map and the picture above
        room = 0.9 * (1.0 - base)
        self.map = self.point = None
        if view.axes:
            self.map = figure.add_axes((0.08, base + 0.04, 0.44, room - 0.03))
            self._draw_map()
        self.picture = figure.add_axes((0.6, base + 0.04, 0.36, room - 0.03))
        self._draw_picture()
        self.sliders = {unit: self._slider(i, unit) for i, unit in enumerate(view.units)}
        for event, answer in (
            ("button_press_event", self._press),
            ("motion_notify_event", self._drag),
            ("button_release_event", self._release),
            ("key_press_event", self._key),
        ):
            figure.canvas.mpl_connect(event, answer)

    def move(self, changes):
        """Move the point: dict of unit → value. All that is shown follows."""
        for unit, value in changes.items():
            self.z[unit] = np.clip(value, -self.view.limit, self.view.limit)
        for unit, slider in self.sliders.items():
            slider.eventson = False  # or it would call `move` again
            slider.set_val(self.z[unit])
            slider.eventson = True
        if self.point:
            horizontal, vertical = self.view.axes
            self.point.set_data([self.z[horizontal]], [self.z[vertical]])
        self._show()
        self.figure.canvas.draw_idle()

    # Drawing.

    def _draw_map(self):
        view, (horizontal, vertical) = self.view, self.view.axes
        colours, title = style.BLUE, ""
        if view.colourings:
            known = view.colourings[0]
            colours, title = np.array(known.palette)[known.index], f"coloured by {known.name}"
        self.map.scatter(*view.mu[:, [horizontal, vertical]].T, c=colours, s=8, alpha=0.8, lw=0)
        angle = np.linspace(0, 2 * np.pi, 200)
        for radius in (1, 2):  # standard deviations of the prior
            self.map.plot(radius * np.cos(angle), radius * np.sin(angle), color=style.FAINT, lw=0.8)
        (self.point,) = self.map.plot(
            0, 0, "o", ms=14, mfc=style.VERMILLION, mec="white", mew=2, zorder=3
        )
        limits = (-view.limit, view.limit)
        self.map.set(xlim=limits, ylim=limits, aspect="equal", title=title)
        self.map.set(xlabel=_name(horizontal), ylabel=_name(vertical))

    def _draw_picture(self):
        x = self.view.decode(self.z)
        if self.view.is_image:
            self.shown = self.picture.imshow(x, cmap="gray", vmin=0, vmax=1)
            self.picture.axis("off")
            return
        self.shown = self.picture.barh(range(len(x)), self.view.heights(x), color=style.BLUE)
        self.picture.set(xlim=(0, 1), xticks=(0, 1), xticklabels=("least", "largest"))
        self.picture.set_title("within the data's range")
        labels = self.view.columns if len(x) <= 30 else []
        self.picture.set_yticks(range(len(labels)), labels)
        self.picture.invert_yaxis()  # the first column on top

    def _show(self):
        x = self.view.decode(self.z)
        if self.view.is_image:
            self.shown.set_data(x)
        else:
            for bar, height in zip(self.shown, self.view.heights(x)):
                bar.set_width(height)

    def _slider(self, i, unit):
        height = self.figure.get_figheight()
        y = (0.3 + ROW * (len(self.view.units) - 1 - i)) / height
        axes = self.figure.add_axes((0.08, y, 0.84, 0.6 * ROW / height))
        slider = Slider(axes, _name(unit), -self.view.limit, self.view.limit, valinit=0.0)
        slider.vline.set_visible(False)
        slider.drawon = False  # `move` draws all at once
        slider.on_changed(lambda value: self.move({unit: value}))
        return slider

    # What the user does.

    def _press(self, event):
        busy = self.figure.canvas.widgetlock.locked()  # the toolbar is panning or zooming
        if self.map and event.inaxes is self.map and event.button == 1 and not busy:
            self.dragging = True
            self._drag(event)

    def _drag(self, event):
        if self.dragging and event.inaxes is self.map:
            self.move(dict(zip(self.view.axes, (event.xdata, event.ydata))))

    def _release(self, event):
        self.dragging = False

    def _key(self, event):
        if event.key in ARROWS:  # one unit alone has no map, and moves by left and right
            step = self.view.limit / STEPS
            self.move({u: self.z[u] + step * d for u, d in zip(self.view.units, ARROWS[event.key])})


def _name(unit):
    return f"$z_{{{unit + 1}}}$"
