"""The picture of a training run.

Read next: images.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from numvae.plots import style

PANELS = {"elbo": "ELBO, higher is better", "nll": "nll, lower is better", "kl": "KL to the prior"}
LINES = {"train": ("train", style.BLUE), "valid": ("held-out", style.VERMILLION)}
NOTE = (
    "The vertical axes are chosen for the last three quarters of the epochs: the start is cut off."
)


@style.in_style
def curves(history):
    """The ELBO and its two terms, nll and KL, over the epochs: ELBO = −(nll + KL).

    history  a list with one dict per epoch: epoch, train_elbo, train_nll, train_kl and, where
             there is a held-out set, valid_elbo, valid_nll, valid_kl
    Units    nats per example; of a density (Gaussian pixels) the nll may be negative
    Look at  the gap between the lines: held-out falling while train still rises is overfitting
    Errors   ValueError if the history is empty

    The best held-out epoch is marked. The vertical limits follow the later three quarters of the
    epochs, since the first ones are often wilder by far; the picture says so where it cuts them.
    """
    if not history:
        raise ValueError("the history is empty: there is nothing to draw before the first epoch")
    figure = style.new_figure(style.WIDTH, 3.0, layout="constrained")
    figure.get_layout_engine().set(wspace=0.04)
    epochs = np.array([row["epoch"] for row in history])
    best = _best(history)
    cut = False
    for axes, (term, title) in zip(figure.subplots(1, 3), PANELS.items()):
        shown = []
        for prefix, (label, colour) in LINES.items():
            values = _column(history, f"{prefix}_{term}")
            known = np.isfinite(values)
            if known.any():
                marker = "o" if known.sum() < 20 else None
                axes.plot(
                    epochs[known], values[known], color=colour, label=label, marker=marker, ms=3
                )
                shown.append(values)
        if best is not None:
            axes.axvline(epochs[best], color=style.FAINT, lw=0.8, ls=(0, (4, 3)), zorder=0)
        if best is not None and term == "elbo":
            label = f"best held-out: {shown[-1][best]:,.1f} at epoch {epochs[best]}"
            axes.plot(epochs[best], shown[-1][best], "o", color=style.INK, ms=5, label=label)
        cut |= _set_limits(axes, shown)
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set(title=title, xlabel="epoch")
    figure.axes[0].set_ylabel("nats per example")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3)
    if cut:
        figure.supxlabel(NOTE, fontsize=8, color=style.FAINT)
    return figure


def _column(history, key):
    """One quantity over the epochs, NaN where it was not measured."""
    return np.array([row.get(key, np.nan) for row in history], dtype=float)


def _best(history):
    """The index of the epoch with the highest held-out ELBO, None if there is none."""
    elbo = _column(history, "valid_elbo")
    elbo[~np.isfinite(elbo)] = -np.inf
    return None if np.isneginf(elbo).all() else int(np.argmax(elbo))


def _set_limits(axes, columns):
    """Fit the vertical axis to the later epochs; returns whether that hides earlier ones.

    Half of their span is added on either side, as far as there is anything to see there.
    """
    skip = max(len(columns[0]) // 4, len(columns[0]) > 2) if columns else 0
    later = [c[skip:][np.isfinite(c[skip:])] for c in columns]
    later = np.concatenate(later) if later else np.empty(0)
    if len(later) == 0:
        return False
    everything = np.concatenate([c[np.isfinite(c)] for c in columns])
    low, high = np.quantile(later, [0.01, 0.99])
    half = (high - low) / 2
    low, high = max(low - half, everything.min()), min(high + half, everything.max())
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
    return bool(everything.min() < low - margin or everything.max() > high + margin)
