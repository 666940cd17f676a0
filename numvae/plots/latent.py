"""The latent space: where the examples lie in it, and which of its units are used.

Read next: tables.
"""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from numvae.plots import style


@style.in_style
def latent_scatter(mu, colours=None, name=None, axes=(0, 1)):
    """The posterior means of two latent units, over circles of the prior at 1 and 2 σ.

    Shapes   mu (N, Z), in prior standard deviations; colours (N,)
    colours  integers or text with at most ten different values are classes, with a legend; all else
             is a continuous factor, with a colour bar, more classes in the order of their names. A
             dict {name: colours} gives a panel each.
    name     what the colours mean, the title of the panel
    axes     the indices (horizontal, vertical) of the units: unit 0 is called μ₁
    Look at  colours that lie apart or change steadily: the units have found what they stand for.
             A unit whose means stay near 0 is not used.
    Errors   ValueError if mu lacks such a unit, or if colours are not one per example
    """
    mu = np.asarray(mu)
    if mu.ndim != 2 or max(axes) >= mu.shape[1]:
        raise ValueError(
            f"found mu of shape {mu.shape}; expected (N, Z) with Z > {max(axes)} to draw the "
            f"latent units {tuple(axes)}"
        )
    factors = colours if isinstance(colours, dict) else {name: colours}
    columns = 2 if len(factors) in (2, 4) else min(len(factors), 3)
    rows = -(-len(factors) // columns)
    width = style.WIDTH if columns > 1 else 4.5 if colours is None else 5.0
    height = (4.4, 3.6, 2.4)[columns - 1]
    figure = style.new_figure(width, rows * height, layout="constrained")
    for i, (title, values) in enumerate(factors.items()):
        panel = figure.add_subplot(rows, columns, i + 1)
        draw_plane(panel, mu, values if values is None else _check(values, mu, title), axes)
        panel.set_title(style.plain(title or ""))
    return figure


def draw_plane(panel, mu, values, axes):
    """A panel of `latent_scatter`; values (N,) or None."""
    panel.set_aspect("equal")
    _prior(panel, 1.05 * max(2.2, np.abs(mu[:, axes]).max()))
    order = np.random.default_rng(0).permutation(len(mu))  # or the last class would lie on top
    _points(panel, mu[order][:, axes], None if values is None else values[order])
    panel.set_xlabel(f"posterior mean $\\mu_{{{axes[0] + 1}}}$")
    panel.set_ylabel(f"posterior mean $\\mu_{{{axes[1] + 1}}}$")


@style.in_style
def kl_per_unit(kl, active=None, rule="Var(μ) > 0.01"):
    """What each latent unit tells about an example, the most telling first.

    Shapes   kl (Z,), KL to the prior, averaged over the examples; active (Z,) of bools
    Units    nats
    active   the units that are used; if not given, those with a KL above 0.01 nats
    rule     how `active` was decided, for the legend: by default the variance of the posterior
             mean over the data, Burda et al. 2016
    Look at  how many units are used, and whether few of them tell nearly everything
    Errors   ValueError if kl is not (Z,) or active is of another shape
    """
    kl = np.asarray(kl, dtype=float)
    if active is None:
        active, rule = kl > 0.01, "KL > 0.01 nats"
    active = np.asarray(active, dtype=bool)
    if kl.ndim != 1 or kl.size == 0 or active.shape != kl.shape:
        raise ValueError(
            f"found kl of shape {kl.shape} and active of shape {active.shape}; expected both (Z,): "
            "average the KL over the examples, not over the units"
        )
    Z = len(kl)
    figure = style.new_figure(np.clip(1 + 0.32 * Z, 4.5, style.WIDTH), 3.4, layout="constrained")
    panel = figure.add_subplot()
    draw_kl(panel, kl, active, rule, n_named=24)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def draw_kl(panel, kl, active, rule, n_named):
    """The panel of `kl_per_unit`; at most so many units have their name and value written."""
    Z = len(kl)
    order, rank = np.argsort(-kl, kind="stable"), np.arange(1, Z + 1)
    kl, active = kl[order], active[order]
    top = 1.12 * kl[0] if kl[0] > 0 else 1.0
    for used, colour, label in ((active, style.BLUE, rule), (~active, "#AAAAAA", "")):
        label = f"{used.sum()} active: {label}" if label else f"{used.sum()} inactive, shaded"
        if used.any():
            panel.bar(rank[used], kl[used], 0.8, color=colour, label=label)
    # The bars of inactive units are too low to be seen: their background shows how many there are.
    panel.stairs(~active * top, np.arange(Z + 1) + 0.5, fill=True, color="#F0F0F0", zorder=0)
    if len(kl) <= n_named:
        for x, value in zip(rank, kl):
            text = f"{value:.2f}" if value < 0.995 else f"{value:.1f}"
            panel.text(x, value + 0.01 * top, text, ha="center", va="bottom", size=8)
        panel.set_xticks(rank, [f"$z_{{{unit + 1}}}$" for unit in order])
        panel.tick_params(axis="x", length=0)
    else:
        panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        panel.set_xlabel("latent units, the most telling first")
    margin = max(0.7, 3 - Z / 2)
    panel.set(xlim=(1 - margin, Z + margin), ylim=(0, top), ylabel="nats per example")
    panel.set_title(f"KL per latent unit: {kl.sum():.1f} nats in all")


def _check(values, mu, name):
    values = np.asarray(values)
    if values.shape != mu.shape[:1]:
        raise ValueError(
            f"found colours {name!r} of shape {values.shape}; expected one per example, "
            f"{mu.shape[:1]}"
        )
    return values


def _points(panel, points, values):
    """Draw the points and explain their colours."""
    look = {"s": np.clip(8000 / len(points), 3, 24), "alpha": 0.8, "linewidths": 0}
    if values is None:
        panel.scatter(*points.T, color=style.BLUE, **look)
        return
    classes, index = np.unique(values, return_inverse=True)
    is_text = values.dtype.kind == "U"
    if values.dtype.kind not in "iubU" or len(classes) > len(style.CLASSES):
        shades = index if is_text else values
        drawn = panel.scatter(*points.T, c=shades, cmap=style.SEQUENTIAL, **look)
        bar = panel.figure.colorbar(
            drawn,
            cax=panel.inset_axes((1.05, 0, 0.05, 1)),
            ticks=MaxNLocator(5, steps=(1, 2, 5, 10), integer=is_text),
        )
        if is_text:
            names = dict(enumerate(map(style.plain, classes)))
            bar.ax.yaxis.set_major_formatter(lambda place, _: names.get(round(place), ""))
        bar.outline.set_visible(False)
        bar.solids.set_alpha(1)
        return
    palette = np.array([to_rgb(colour) for colour in style.CLASSES])
    panel.scatter(*points.T, c=palette[index], **look)
    handles = [panel.plot([], [], "o", ms=6, color=c)[0] for c in palette[: len(classes)]]
    look = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "handletextpad": 0.2}
    panel.legend(handles, map(style.plain, classes), **look)


def _prior(panel, limit):
    """Circles at 1 and 2 standard deviations of N(0, I), and limits centred on it."""
    angle = np.linspace(0, 2 * np.pi, 200)
    halo = [withStroke(linewidth=2, foreground="white")]
    for radius in (1, 2) if limit < 15 else ():  # in a wider cloud they would only cover it
        panel.plot(radius * np.cos(angle), radius * np.sin(angle), color=style.FAINT, lw=0.8)
        corner = -radius / np.sqrt(2)
        text = panel.text(corner, corner, f"{radius}σ", size=8, ha="center", va="center")
        text.set(color=style.INK, path_effects=halo, zorder=3)
    panel.set(xlim=(-limit, limit), ylim=(-limit, limit))
