"""What a bug does to the loss of a small model, in numbers and as a small picture.

Read next: page.
"""

import html

import numpy as np

from numvae.book.text import number
from numvae.lessons import consequences

LEFT, RIGHT, TOP, BOTTOM = 34, 236, 4, 72  # of the frame that the curves are in
LINE = '<svg viewBox="0 0 24 8" aria-hidden="true"><path class="{}" d="M0 4H24"/></svg>'
LEGEND = (
    f'<span class="legend">{LINE.format("with")} with the bug, {LINE.format("without")} without; '
    "solid what it says, dotted what it is. A curve on the edge has left the picture.</span>"
)


def measured(curve, truth):
    """The picture, and the last number of each curve; curve: with the bug, truth: without it."""
    says, is_ = (
        f"{_last(wrong)} ({_last(right)})"
        for wrong, right in zip(
            (curve.reported, curve.evaluated), (truth.reported, truth.evaluated)
        )
    )
    verdict = html.escape(consequences.verdict(curve, truth))
    return f"{picture(curve, truth)}<p><b>says</b> {says}, <b>is</b> {is_}: {verdict}.</p>"


def picture(curve, truth):
    """The bounds of both trainings over the epochs, as an SVG."""
    low, high = _limits(curve, truth)

    def path(kind, values):
        points = []
        for epoch, value in enumerate(values, start=1):
            if np.isfinite(value):
                x = LEFT + (RIGHT - LEFT) * epoch / consequences.EPOCHS
                share = (np.clip(value, low, high) - low) / (high - low)
                points.append(f"{x:.0f} {BOTTOM - (BOTTOM - TOP) * share:.1f}")
        return f'<path class="{kind}" d="M{"L".join(points)}"/>' * (len(points) > 1)

    def text(x, y, anchor, words):
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'

    verdict = html.escape(consequences.verdict(curve, truth))
    return (
        f'<svg class="spark" viewBox="0 0 240 86" role="img" '
        f'aria-label="ELBO over {consequences.EPOCHS} epochs: {verdict}">'
        f'<path class="axes" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>'
        + text(LEFT - 4, TOP + 6, "end", number(high, 1))
        + text(LEFT - 4, BOTTOM, "end", number(low, 1))
        + text(LEFT, BOTTOM + 11, "middle", "0")
        + text(RIGHT, BOTTOM + 11, "end", f"epoch {consequences.EPOCHS}")
        + path("without dotted", truth.evaluated[1:])
        + path("without", truth.reported)
        + path("with dotted", curve.evaluated[1:])
        + path("with", curve.reported)
        + "</svg>"
    )


def _limits(curve, truth):
    """The least and the largest that is drawn: the right curves, and as much again and a half for
    what the bug does."""
    right = np.concatenate([truth.reported, truth.evaluated[1:]])
    wrong = np.concatenate([curve.reported, curve.evaluated[1:], right])
    wrong = wrong[np.isfinite(wrong)]
    room = 1.5 * np.ptp(right)
    return max(wrong.min(), right.min() - room), min(wrong.max(), right.max() + room)


def _last(values):
    return consequences.last(values).replace("-", "−")
