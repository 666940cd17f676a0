"""The error of a numerical gradient over the step of its differences: the V with the best step."""

import numpy as np

from numvae.plots import style

COLOURS = (style.VERMILLION, style.BLUE, style.GREEN, style.PURPLE)


@style.in_style
def errors_over_steps(steps, errors, title=None):
    """How far finite differences are off for each step, and why, on logarithmic axes.

    Shapes   steps (n,); errors {name: (error, rounding, truncation)}, each (n,): what was measured,
             and the two laws that it follows
    Look at  the bottom of each V, where the best step is marked: left of it the error is rounding,
             which a smaller step makes worse; right of it truncation, which is the formula's own
    Errors   ValueError if nothing is there or the shapes differ
    """
    steps = np.asarray(steps, dtype=float)
    errors = {name: np.asarray(curves, dtype=float) for name, curves in errors.items()}
    shapes = {name: curves.shape for name, curves in errors.items()}
    if not shapes or steps.size == 0 or set(shapes.values()) != {(3, *steps.shape)}:
        raise ValueError(
            f"found steps {steps.shape} and errors {shapes}; expected (n,), and (3, n) for each"
        )
    figure = style.new_figure(style.WIDTH, 4.4, layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log")
    law = {"lw": 0.9, "ls": (0, (4, 3)), "zorder": 1}
    for (name, (error, rounding, truncation)), colour in zip(errors.items(), COLOURS):
        best = error.argmin()
        axes.plot(steps, error, "o-", color=colour, ms=3, lw=1.3, label=name)
        axes.plot(steps, np.where(rounding > truncation, rounding, np.nan), color=colour, **law)
        axes.plot(steps[best], error[best], "o", mfc="none", color=style.INK, ms=9)
        text = f"{name}: best at h = {style.number(steps[best], '.1g')}"
        _text(axes, steps[best], error[best], text, "right", colour)
        at = _middle((rounding > truncation) & (rounding < 0.3))
        _text(axes, steps[at], rounding[at], "rounding, ∝ 1/h", "right", colour)
    axes.plot(steps, np.where(truncation > rounding, truncation, np.nan), color=style.INK, **law)
    at = _middle(truncation > rounding)
    _text(axes, steps[at], truncation[at], "truncation, ∝ h²", "left", style.INK)
    axes.set(xlabel="step h", ylabel="relative error", title=title or "", ylim=(None, 3.0))
    return figure


def _middle(where):
    """The middle one of the places that are True."""
    places = np.flatnonzero(where)
    return places[len(places) // 2]


def _text(axes, x, y, text, ha, colour):
    """A text a little below a point, to its left if ha is right."""
    look = {"size": 9, "ha": ha, "va": "center", "color": colour}
    away = (-9 if ha == "right" else 9, -7)
    axes.annotate(text, (x, y), away, textcoords="offset points", **look)
