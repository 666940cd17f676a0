"""What a notebook shows of an estimator: some lines and a small curve, without matplotlib."""

import html

import numpy as np

from numvae.text import printable

WIDTH, HEIGHT = 160, 40  # of the curve, in pixels


def page(lines, values=()):
    """Lines of text, the first of them code, above a curve of numbers, as HTML."""
    first, *others = (html.escape(printable(line)) for line in lines)
    text = "<br>".join([f"<code>{first}</code>", *others])
    return f"<div>{text}{curve(values)}</div>"


def curve(values):
    """Numbers from left to right as an inline SVG; nothing if they are fewer than two.

    It fits the last three quarters, as the first are often lower by far.
    """
    y = np.array([value for value in values if np.isfinite(value)])
    if len(y) < 2:
        return ""
    low, high = y[len(y) // 4 :].min(), y.max()
    x = np.linspace(1, WIDTH - 1, len(y))
    y = np.interp(y, (low, high), (HEIGHT - 1, 1))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
    return (
        f'<br><svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="ELBO over the epochs">'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="1.5"/></svg>'
    )
