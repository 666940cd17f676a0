"""What a bug does to the loss of a small model, in numbers and as a small picture.

Read next: page.
"""

import html

import numpy as np

from numvae.lessons import consequences

WIDTH, HEIGHT, MARGIN = 200, 70, 3
LINE = '<svg viewBox="0 0 24 8" aria-hidden="true"><path class="{}" d="M0 4H24"/></svg>'
LEGEND = (
    f'<span class="legend">{LINE.format("with")} with the bug, {LINE.format("without")} without; '
    "solid what it says, dotted what it is.</span>"
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
                x = MARGIN + (WIDTH - 2 * MARGIN) * epoch / consequences.EPOCHS
                share = (np.clip(value, low, high) - low) / (high - low)
                points.append(f"{x:.0f} {HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share:.1f}")
        return f'<path class="{kind}" d="M{"L".join(points)}"/>' * (len(points) > 1)

    verdict = html.escape(consequences.verdict(curve, truth))
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="ELBO over {consequences.EPOCHS} epochs: {verdict}">'
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
