"""Tables: each column of the data beside what the model makes of it.

Read next: network.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from numvae.plots import style

MOST = 12  # columns that one picture can hold
BINS = 30


@style.in_style
def table_reconstructions(X, reconstructed, names=None):
    """Each column of a table against its reconstruction; on the diagonal they agree.

    Shapes   X, reconstructed alike, (N, D); missing entries, NaN, are left out
    names    of the columns
    Look at  R² = 1 − Σ(x − x̂)² / Σ(x − x̄)², the share of a column's variance that the code holds:
             1 on the diagonal, 0 where the model always says the mean
    Errors   ValueError if the shapes differ from each other or from these

    Of more than twelve columns the first twelve are drawn.
    """
    X, reconstructed = np.asarray(X, dtype=float), np.asarray(reconstructed, dtype=float)
    if X.shape != reconstructed.shape:
        raise ValueError(
            f"X {X.shape} and reconstructed {reconstructed.shape} differ in shape; expected one "
            "reconstructed row for each row"
        )
    figure, panels = _panels(X, names, height=0.9)
    size = np.clip(4000 / len(X), 1.5, 12)
    for panel, x, again in zip(panels, X.T, reconstructed.T):
        known = np.isfinite(x) & np.isfinite(again)
        x, again = x[known], again[known]
        panel.scatter(x, again, s=size, color=style.BLUE, alpha=0.6, linewidths=0)
        panel.axline((0, 0), slope=1, color=style.FAINT, lw=0.8, zorder=0)
        both = np.concatenate([x, again]) if len(x) else np.zeros(1)
        margin = 0.05 * np.ptp(both) or 1.0
        limits = both.min() - margin, both.max() + margin
        panel.set(xlim=limits, ylim=limits, box_aspect=1)
        spread = np.sum((x - x.mean()) ** 2) if len(x) else 0.0
        r2 = style.number(1 - np.sum((x - again) ** 2) / spread, ".2f") if spread else "–"
        panel.set_title(f"{panel.get_title(loc='left')}\nR² = {r2}")
    figure.supxlabel("data", size=10)
    figure.supylabel("reconstructed", size=10)
    return figure


@style.in_style
def marginals(X, samples, names=None):
    """How each column is distributed, in the data and in what the model draws.

    Shapes   X (N, D), samples (M, D); missing entries, NaN, are left out
    names    of the columns
    Look at  peaks, edges and tails of the data that the samples lack, or have and should not.
             That the columns also belong together is not seen here.
    Errors   ValueError if the shapes are not these

    Of more than twelve columns the first twelve are drawn. The bins span the middle 99%
    of the data and of the samples; both areas are 1, but for what lies beyond.
    """
    X, samples = np.asarray(X, dtype=float), np.asarray(samples, dtype=float)
    if X.ndim != 2 or samples.ndim != 2 or X.shape[1] != samples.shape[1]:
        raise ValueError(
            f"found X {X.shape} and samples {samples.shape}; expected (N, D) and (M, D), with the "
            "same columns"
        )
    figure, panels = _panels(X, names, height=0.8)
    for panel, x, drawn in zip(panels, X.T, samples.T):
        x, drawn = x[np.isfinite(x)], drawn[np.isfinite(drawn)]
        middle = [np.quantile(v, [0.005, 0.995]) for v in (x, drawn) if len(v)]
        edges = np.histogram_bin_edges(np.concatenate(middle) if middle else [0.0], BINS)
        width = edges[1] - edges[0]
        heights = [np.histogram(v, edges)[0] / (max(len(v), 1) * width) for v in (x, drawn)]
        panel.stairs(heights[0], edges, fill=True, color=style.BLUE, alpha=0.35, label="data")
        panel.stairs(heights[1], edges, color=style.VERMILLION, lw=1.3, label="samples")
        panel.set(yticks=[], ylim=(0, None))
        panel.spines["left"].set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return figure


def _panels(X, names, height):
    """A figure with a titled panel for each column; a panel is `height` times as high as wide."""
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"found X of shape {X.shape}; expected (N, D): rows of D columns")
    D = X.shape[1]
    names = [f"column {i + 1}" for i in range(D)] if names is None else [str(n) for n in names]
    if len(names) != D:
        raise ValueError(f"found {len(names)} names for {D} columns; expected one for each")
    n = min(D, MOST)
    across = n if n < 5 else min((4, 3), key=lambda c: -n % c)
    width = style.WIDTH if across > 2 else 3.2 * across
    rows = -(-n // across)
    figure = style.new_figure(width, rows * (height * width / across + 0.2) + 0.5, "constrained")
    panels = [figure.add_subplot(rows, across, i + 1) for i in range(n)]
    for panel, name in zip(panels, names):
        short = name
        while style.text_width(short, 10) > 0.6 * width / across:
            short = short.removesuffix("…")[:-1] + "…"
        panel.set_title(short, size=10)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
            axis.set_major_formatter(lambda value, position: style.number(value))
        panel.tick_params(labelsize=8)
    if n < D:
        figure.suptitle(f"The first {n} of {D} columns", size=8, color=style.FAINT)
    return figure, panels
