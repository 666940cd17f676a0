"""The picture of a training run.

Read next: images.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

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
    epochs = np.array([row["epoch"] for row in history])
    figure = style.new_figure(style.WIDTH, 3.0, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03)
    cut = False
    for axes, (term, title) in zip(figure.subplots(1, 3), PANELS.items()):
        both = np.array([_column(history, f"{prefix}_{term}") for prefix in LINES])  # (2, epochs)
        look = {"marker": "o" if len(epochs) < 20 else "", "ms": 3, "lw": 1.3}
        for values, (label, colour) in zip(both, LINES.values()):
            known = np.isfinite(values)
            if known.any():
                axes.plot(epochs[known], values[known], color=colour, label=label, **look)
        _mark_best(axes, epochs, _column(history, "valid_elbo"), label=term == "elbo")
        cut |= _fit(axes, both)
        axes.set(title=title, xlabel="epoch", xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    figure.axes[0].set_ylabel("nats per example")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    if cut:
        figure.supxlabel(NOTE, fontsize=8, color=style.FAINT)
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
        value = f"{elbo[best]:.1f}".replace("-", "−")  # the true minus, as on the axes
        text = f"best held-out: {value} at epoch {epochs[best]}"
        axes.plot(epochs[best], elbo[best], "o", mfc="none", color=style.INK, ms=8, label=text)


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
