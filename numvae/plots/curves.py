"""Lines: over the epochs of a run, and over the samples of an estimate.

Read next: images.
"""

import textwrap

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from numvae.plots import style

PANELS = {"elbo": "ELBO, higher is better", "nll": "nll, lower is better", "kl": "KL to the prior"}
LINES = {"train": ("train", style.BLUE), "valid": ("held-out", style.VERMILLION)}
NOTE = "The vertical axes fit the last three quarters of the epochs; what came before runs off."


@style.in_style
def curves(history):
    """The ELBO and its two terms over the epochs: ELBO = −(nll + KL).

    history  a list with one dict per epoch: epoch, train_elbo, train_nll, train_kl and, where
             there is a held-out set, valid_elbo, valid_nll, valid_kl
    Units    nats per example; of a density (Gaussian pixels) the nll may be negative
    Look at  the gap between the lines: held-out falling while train still rises is overfitting
    Errors   ValueError if the history is empty

    The best held-out epoch is marked. The first epochs are often wilder by far than the rest, so
    the vertical axes fit the last three quarters; where that cuts the start, the picture says so.
    """
    if not history:
        raise ValueError("the history is empty: there is nothing to draw before the first epoch")
    figure = style.new_figure(style.WIDTH, 3.0, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03)
    cut = [draw_term(axes, history, term) for axes, term in zip(figure.subplots(1, 3), PANELS)]
    figure.axes[0].set_ylabel("nats per example")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    if any(cut):
        figure.supxlabel(NOTE, fontsize=8, color=style.FAINT)
    return figure


def draw_term(axes, history, term):
    """One term over the epochs, as a panel of `curves`; returns whether its start runs off."""
    epochs = np.array([row["epoch"] for row in history])
    both = np.array([_column(history, f"{prefix}_{term}") for prefix in LINES])  # (2, epochs)
    look = {"marker": "o" if len(epochs) < 20 else "", "ms": 3, "lw": 1.3}
    for values, (label, colour) in zip(both, LINES.values()):
        known = np.isfinite(values)
        if known.any():
            axes.plot(epochs[known], values[known], color=colour, label=label, **look)
    _mark_best(axes, epochs, _column(history, "valid_elbo"), label=term == "elbo")
    axes.set(title=PANELS[term], xlabel="epoch", xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    return _fit(axes, both)


@style.in_style
def bound_over_samples(k, values, se=None):
    """The estimate of log p(x) over the number of importance samples, on a logarithmic axis.

    Shapes   k (n,) numbers of samples, increasing; values (n,); se (n,) standard errors, drawn as
             a band of ± 1
    Units    nats per example
    Look at  whether it still rises at the end: then k is too small, and log p(x) is higher. At
             k = 1 it is the ELBO.
    Errors   ValueError if the shapes differ or nothing is there
    """
    k, values = np.asarray(k), np.asarray(values, dtype=float)
    se = np.zeros(values.shape) if se is None else np.asarray(se, dtype=float)
    if not (k.ndim == 1 and len(k) and k.shape == values.shape == se.shape):
        raise ValueError(
            f"found k {k.shape}, values {values.shape}, se {se.shape}; expected (n,) for each"
        )
    figure = style.new_figure(6.0, 3.6, layout="constrained")
    axes = figure.add_subplot(xscale="log", xlim=(k[0] / 1.3, k[-1] * 1.3))
    if len(k) > 1:
        axes.fill_between(k, values - se, values + se, color=style.BLUE, alpha=0.2, lw=0)
    else:
        axes.errorbar(k, values, se, color=style.BLUE, alpha=0.5, capsize=3)
    axes.plot(k, values, "o-", color=style.BLUE, ms=4, lw=1.3)
    best = style.number(values[-1], ".2f") + (f" ± {se[-1]:.2f}" if se.any() else "")
    axes.set_title(f"log p(x) ≥ {best} with {k[-1]:,} samples")
    axes.set(xlabel="importance samples k", ylabel="nats per example")
    apart = np.log(k[-1] / k[0]) / 10  # ticks that are as near as this would touch
    ticks = [k[0]]
    for tick in (k[-1], *k[1:-1]):
        if np.abs(np.log(np.array(ticks) / tick)).min() > apart:
            ticks.append(tick)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    return figure


@style.in_style
def bound_over_examples(runs, xlim=None, ylim=None):
    """The lower bound against how many training examples were seen, a panel for each run, as in
    Figure 2 of Kingma & Welling 2014.

    runs     dict of title → (examples per epoch, history as in `curves`)
    xlim, ylim  the ranges of the axes, such as those of a figure to compare with; None: all but the
             first epochs
    Units    nats per example
    Look at  how soon it flattens, and how far the held-out line stays below the other
    Errors   ValueError if there is no run
    """
    if not runs:
        raise ValueError("there is no run to draw")
    columns = min(3, len(runs))
    rows = -(-len(runs) // columns)
    figure = style.new_figure(style.WIDTH, 0.5 + 2.3 * rows, layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    ends = []
    for axes, (title, (n, history)) in zip(panels, runs.items()):
        seen = n * np.array([row["epoch"] for row in history])
        for prefix, (label, colour) in LINES.items():
            values = _column(history, f"{prefix}_elbo")
            axes.plot(seen, values, color=colour, lw=1.3, label=label)
            ends.append(values[len(values) // 20 :])
        axes.set(title=title, xscale="log", xlim=xlim)
    low, high = np.nanquantile(np.concatenate(ends), [0.0, 1.0])
    axes.set_ylim(ylim or (low - 0.05 * (high - low), high + 0.05 * (high - low)))
    for axes in panels[len(runs) :]:
        axes.set_axis_off()
    for axes in panels[len(runs) - columns : len(runs)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
    figure.supxlabel("training examples seen")
    figure.supylabel("ELBO, nats per example")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


@style.in_style
def planted_bugs(curves):
    """A panel for each bug: what the program says of itself, what it is, and what it should be.

    curves   name → (says, worth), (says, worth): of the program with the bug and of the right one
    Shapes   says (epochs,), the mean over each epoch; worth (epochs + 1,), from before the first on
    Units    nats per example, higher is better
    Look at  a blue line above the gray one: the bug looks like progress
    """
    columns = min(len(curves), 3)
    rows = -(-len(curves) // columns)
    figure = style.new_figure(style.WIDTH, 0.5 + 2.3 * rows, layout="constrained")
    for i, (name, ((says, worth), (_, truth))) in enumerate(curves.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.plot(truth, color=style.FAINT, lw=3.0, alpha=0.5, label="the right program, held-out")
        axes.plot(
            np.arange(1, len(says) + 1), says, color=style.BLUE, lw=1.3, label="what the bug says"
        )
        axes.plot(worth, color=style.VERMILLION, lw=1.3, label="what it is worth, held-out")
        axes.set_title(textwrap.fill(name, 30, break_on_hyphens=False), fontsize=9)
        axes.set_xlim(0, len(truth) - 1)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if i + columns >= len(curves):
            axes.set_xlabel("epoch")
        if i % columns == 0:
            axes.set_ylabel("−loss, nats per example")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return figure


def _column(history, key):
    """One quantity over the epochs, NaN where it was not measured or has diverged."""
    values = np.array([row.get(key, np.nan) for row in history], dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def _mark_best(axes, epochs, elbo, label):
    """A line at the epoch of the highest held-out ELBO; with a label, a ring and its value too."""
    if np.isnan(elbo).all():
        return
    best = np.nanargmax(elbo)
    axes.axvline(epochs[best], color=style.FAINT, lw=0.8, ls=(0, (4, 3)), zorder=0)
    if label:
        text = f"best held-out: {style.number(elbo[best], '.1f')} at epoch {epochs[best]}"
        axes.plot(
            epochs[best],
            elbo[best],
            "o",
            mfc="none",
            color=style.INK,
            ms=8,
            label=text,
            clip_on=False,
        )


def _fit(axes, both):
    """Fit the vertical axis to the later columns of (2, epochs); returns whether others are cut.

    Half of their span is added above and below, as far as there is anything to see.
    """
    known = both[np.isfinite(both)]
    later = both[:, both.shape[1] // 4 or int(both.shape[1] > 2) :]
    later = later[np.isfinite(later)]
    if len(later) == 0:
        return False
    low, high = np.quantile(later, [0.01, 0.99])  # a single spike should not count either
    half = (high - low) / 2
    low, high = max(low - half, known.min()), min(high + half, known.max())
    margin = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    return bool(known.min() < low - margin or known.max() > high + margin)
