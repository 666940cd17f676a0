"""Tables: each column of the data beside what the model makes of it.

A table is an array (N, D) of numbers, NaN where nothing is known; or a dict of columns,
name → (N,), of numbers or of categories (texts, bools, None where nothing is known).

Read next: overview.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from numvae.plots import style

MOST = 12  # columns that one picture can hold
LEVELS = 8  # of a category that one panel can hold
BINS = 30


@style.in_style
def table_reconstructions(X, reconstructed, names=None):
    """Each column of a table against its reconstruction; where they agree, on the diagonal.

    Shapes   X, reconstructed: tables alike, (N, D) or dicts of D columns
    names    of the columns of an array
    Look at  R² = 1 − Σ(x − x̂)² / Σ(x − x̄)², the share of a column's variance that the code holds:
             1 on the diagonal, 0 where the model always says the mean. Of a category, each column
             of squares shows what became of one level, and how many rows are right in all.
    Errors   ValueError if the shapes differ from each other or from these

    Of more than twelve columns twelve are drawn, from the best to the worst.
    """
    X, again = columns_of(X, names), columns_of(reconstructed, names)
    if [len(x) for x in X.values()] != [len(x) for x in again.values()]:
        raise ValueError(
            f"X {_shape(X)} and reconstructed {_shape(again)} differ in shape; expected one "
            "reconstructed row for each row"
        )
    pairs = {name: both_known(x, other) for (name, x), other in zip(X.items(), again.values())}
    chosen, title = from_best_to_worst(pairs, MOST)
    categories = any(X[name].dtype.kind != "f" for name in chosen)  # whose labels may stand upright
    figure, panels = _panels(chosen, title, height=1.1 if categories else 0.9)
    for panel, name in zip(panels, chosen):
        draw_reconstruction(panel, *pairs[name])
    figure.supxlabel("data", size=10)
    figure.supylabel("reconstructed", size=10)
    return figure


@style.in_style
def marginals(X, samples, names=None):
    """How each column is distributed, in the data and in what the model draws.

    Shapes   X, samples: tables of the same columns, (N, D) and (M, D) or dicts
    names    of the columns of an array
    Look at  peaks, edges and tails of the data that the samples lack, or have and should not.
             That the columns also belong together is not seen here.
    Errors   ValueError if the shapes are not these

    Of more than twelve columns those twelve are drawn that differ most. The bins span the middle
    99% of the data and of the samples; both areas are 1, but for what lies beyond. Whole numbers
    have bins of their own, and categories a bar for each level, as long as its share of the rows.
    """
    X, samples = columns_of(X, names), columns_of(samples, names)
    chosen, title = list(X), None
    if list(samples) != chosen:
        raise ValueError(
            f"found X {_shape(X)} and samples {_shape(samples)}; expected (N, D) and (M, D), with "
            "the same columns"
        )
    if len(X) > MOST:
        apart = {name: _distance(_known(X[name]), _known(samples[name])) for name in X}
        most = sorted(apart, key=lambda name: -apart[name])[:MOST]
        chosen = [name for name in X if name in most]
        title = f"The {MOST} of {len(X)} columns that differ most"
    figure, panels = _panels(chosen, title, height=0.8)
    for panel, name in zip(panels, chosen):
        draw_marginal(panel, X[name], samples[name])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return figure


# One panel.


def draw_reconstruction(panel, x, again):
    """A panel of `table_reconstructions`, of what is known of both; says below its title how well
    they agree."""
    score = _agreement(x, again)
    if x.dtype.kind == "f":
        said = "R² = " + ("–" if np.isnan(score) else style.number(score, ".2f"))
        _scatter(panel, x, again)
    else:
        said = "–" if np.isnan(score) else f"{score:.0%} right"
        _confusion(panel, x, again)
    panel.set_title(f"{panel.get_title(loc='left')}\n{said}", size=10)


def draw_marginal(panel, x, drawn):
    """A panel of `marginals`."""
    draw = _histograms if x.dtype.kind == "f" else _bars
    draw(panel, _known(x), _known(drawn))


def _scatter(panel, x, again):
    size = np.clip(4000 / max(len(x), 1), 1.5, 12)
    panel.scatter(x, again, s=size, color=style.BLUE, alpha=0.6, linewidths=0)
    panel.axline((0, 0), slope=1, color=style.FAINT, lw=0.8, zorder=0)
    both = np.concatenate([x, again]) if len(x) else np.zeros(1)
    margin = 0.05 * np.ptp(both) or 1.0
    limits = both.min() - margin, both.max() + margin
    panel.set(xlim=limits, ylim=limits, box_aspect=1)


def _confusion(panel, x, again):
    """Of each level, in a column, the share of its rows that came back as each."""
    levels = _levels(x, again)
    counts = np.array([[np.sum((x == a) & (again == b)) for a in levels] for b in levels])
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1.2, origin="lower", aspect="auto")
    ticks = range(len(levels))
    short = [_shortened(level, 0.45) for level in levels]
    wide = sum(style.text_width(text, 8) for text in short) > 1.1
    panel.set_xticks(ticks, short, rotation=90 if wide else 0)
    panel.set_yticks(ticks, short)
    panel.set(box_aspect=1)


def _histograms(panel, x, drawn):
    edges = _edges(x, drawn)
    width = edges[1] - edges[0]
    heights = [np.histogram(v, edges)[0] / (max(len(v), 1) * width) for v in (x, drawn)]
    panel.stairs(heights[0], edges, fill=True, color=style.BLUE, alpha=0.35, label="data")
    panel.stairs(heights[1], edges, color=style.VERMILLION, lw=1.3, label="samples")
    panel.set(yticks=[], ylim=(0, None))
    panel.spines["left"].set_visible(False)


def _bars(panel, x, drawn):
    levels = _levels(x, drawn)
    places = np.arange(len(levels))[::-1]
    shares = [[np.mean(v == level) if len(v) else 0.0 for level in levels] for v in (x, drawn)]
    panel.barh(places, shares[0], 0.7, color=style.BLUE, alpha=0.35, lw=0, label="data")
    edge = {"edgecolor": style.VERMILLION, "facecolor": "none", "lw": 1.3}
    panel.barh(places, shares[1], 0.7, label="samples", **edge)
    panel.set_yticks(places, [_shortened(level, 0.7) for level in levels])
    panel.xaxis.set_major_formatter(lambda value, position: f"{value:.0%}")
    panel.tick_params(axis="y", length=0)
    panel.set(xlim=(0, None))
    panel.spines["left"].set_visible(False)


def _edges(*columns):
    """The edges of the bins; of whole numbers they lie halfway between two, or between several."""
    middle = [np.quantile(x, [0.005, 0.995]) for x in columns if len(x)]
    ends = np.concatenate(middle) if middle else np.zeros(1)
    if not all(np.array_equal(x, np.rint(x)) for x in columns):
        return np.histogram_bin_edges(ends, BINS)
    low, high = np.floor(ends.min()), np.ceil(ends.max())
    width = np.ceil((high - low + 1) / BINS)
    return np.arange(low - 0.5, high + width, width)


def _levels(x, other):
    """The levels that are drawn: all, or the most frequent in x."""
    levels, counts = np.unique(np.concatenate([x, other]), return_counts=True)
    if len(levels) > LEVELS:
        kept = np.sort(np.argsort(-counts, kind="stable")[:LEVELS])
        levels = levels[kept]
    return levels


# Columns.


def columns_of(X, names):
    """A table as a dict: name → (N,) of floats or of texts."""
    if isinstance(X, dict):
        return {str(name): _plain(np.asarray(x)) for name, x in X.items()}
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"found X of shape {X.shape}; expected (N, D): rows of D columns")
    D = X.shape[1]
    names = [f"column {i + 1}" for i in range(D)] if names is None else [str(n) for n in names]
    if len(names) != D:
        raise ValueError(f"found {len(names)} names for {D} columns; expected one for each")
    return dict(zip(names, X.T))


def _plain(x):
    if x.dtype.kind in "iuf":
        return x.astype(float)
    return np.array(["" if value is None else str(value) for value in x], dtype=str)


def _shape(X):
    return len(next(iter(X.values()), ())), len(X)


def _known(x):
    return x[np.isfinite(x)] if x.dtype.kind == "f" else x[x != ""]


def both_known(x, other):
    """What is known of two columns in the same rows."""
    if x.dtype.kind == "f":
        known = np.isfinite(x) & np.isfinite(other)
    else:
        known = (x != "") & (other != "")
    return x[known], other[known]


def _agreement(x, again):
    """R² of numbers, the share that is right of categories; NaN where there is none."""
    if x.dtype.kind != "f":
        return np.mean(x == again) if len(x) else np.nan
    spread = np.sum((x - x.mean()) ** 2) if len(x) else 0.0
    return 1 - np.sum((x - again) ** 2) / spread if spread else np.nan


def from_best_to_worst(pairs, most):
    """Of columns, name → (x, again), the names of at most so many, and a sentence or None."""
    if len(pairs) <= most:
        return list(pairs), None
    scores = {name: np.nan_to_num(_agreement(*pair), nan=-np.inf) for name, pair in pairs.items()}
    ranked = sorted(pairs, key=lambda name: -scores[name])
    chosen = [ranked[i] for i in np.linspace(0, len(ranked) - 1, most).astype(int)]
    return chosen, f"{most} of {len(pairs)} columns, from the best to the worst"


def _distance(x, drawn):
    """How far apart two distributions are, from 0 to 1: of numbers by Kolmogorov and Smirnov, of
    categories the total variation."""
    if not (len(x) and len(drawn)):
        return 0.0
    if x.dtype.kind != "f":
        levels = np.unique(np.concatenate([x, drawn]))
        return 0.5 * sum(abs(np.mean(x == level) - np.mean(drawn == level)) for level in levels)
    at = np.concatenate([x, drawn])
    below = [np.searchsorted(np.sort(v), at, "right") / len(v) for v in (x, drawn)]
    return np.abs(below[0] - below[1]).max()


def _panels(names, title, height):
    """A figure with a titled panel for each name; a panel is `height` times as high as wide."""
    n = len(names)
    across = n if n < 5 else min((4, 3), key=lambda c: -n % c)
    width = style.WIDTH if across > 2 else 3.2 * across
    rows = -(-n // across)
    figure = style.new_figure(width, rows * (height * width / across + 0.2) + 0.5, "constrained")
    panels = [figure.add_subplot(rows, across, i + 1) for i in range(n)]
    for panel, name in zip(panels, names):
        prepare(panel, name, width / across)
    if title:
        figure.suptitle(title, size=8, color=style.FAINT)
    return figure, panels


def prepare(panel, name, width):
    """Give a panel of so many inches its title, and ticks that fit it."""
    panel.set_title(_shortened(name, 0.62 * width, 10), size=10)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(lambda value, position: style.number(value))
    panel.tick_params(labelsize=8)


def _shortened(text, width, size=8):
    """The text, cut to so many inches."""
    text = str(text)
    while style.text_width(text, size) > width:
        text = text.removesuffix("…")[:-1] + "…"
    return text
