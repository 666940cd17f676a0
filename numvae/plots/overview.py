"""One picture of a model: what it learned, what it makes of rows, and the rows it makes.

Read next: network.
"""

import numpy as np

from numvae.plots import mosaic, style, tables
from numvae.plots.curves import draw_term
from numvae.plots.latent import draw_kl, draw_plane

IMAGES = 10  # images side by side, in two rows
HIGHEST = 3.5  # inches that two rows of images take at most
COLUMNS = 5  # columns of a table side by side


@style.in_style
def overview(
    X,
    reconstructed,
    samples,
    mu,
    kl,
    active,
    history=(),
    colours=None,
    names=None,
    limits=mosaic.UNIT,
):
    """What each latent unit tells, the plane of the two most telling ones and the ELBO over the
    epochs; reconstructions; samples.

    Shapes   X, reconstructed and samples: tables as in `tables`, or (N, H, W) or (N, H, W, 3) of
             images; missing values are NaN; mu (N, Z); kl, active (Z,) as in `kl_per_unit`
    history  as in `curves`; where it is empty there is no such panel, as there is no plane where
             there is one unit
    colours  (N,) of the points in the plane, as in `latent_scatter`
    names    of the columns of an array
    limits   of images: the values that are drawn black and white

    Of more than five columns, five are drawn, from the best reconstructed to the worst.
    """
    is_table = isinstance(X, dict) or X.ndim == 2
    if is_table:
        heights = [2.6, 2.2, 1.9]
    else:
        some = np.linspace(0, len(X) - 1, min(IMAGES, len(X))).astype(int)
        strips = [_strip(X[some], reconstructed[some], limits)]
        strips += [_strip(*np.array_split(samples[: 2 * IMAGES], 2), limits)]
        flat = (style.WIDTH * len(strip) / strip.shape[1] for strip in strips)
        heights = [2.6, *(0.5 + min(high, HIGHEST) for high in flat)]
    figure = style.new_figure(style.WIDTH, sum(heights), layout="constrained")
    top, *below = figure.subfigures(3, 1, height_ratios=heights)
    _learned(top, mu, kl, active, history, colours)
    if is_table:
        _columns(*below, X, reconstructed, samples, names)
        return figure
    of_shades = mosaic.named(limits, X.ndim == 4)
    titles = f"Images above their reconstructions{'. ' * bool(of_shades)}{of_shades}", "Samples"
    for part, strip, title in zip(below, strips, titles):
        part.suptitle(title, x=0.01, ha="left", size=10)
        panel = part.add_subplot()
        panel.imshow(strip, cmap="gray", vmin=0.0, vmax=1.0)
        panel.set_axis_off()
    return figure


def _learned(figure, mu, kl, active, history, colours):
    """The panels of what was learned, as many as there are."""
    Z = len(kl)
    first, *others = figure.subplots(1, 1 + (len(history) > 0) + (Z > 1), squeeze=False).flat
    draw_kl(first, kl, active, "", n_named=5)
    first.set_title(f"KL {kl.sum():.1f} nats, {active.sum()} of {Z} active", size=10)
    first.set_xlabel("latent units")
    if Z > 1:
        axes = tuple(sorted(np.argsort(-kl, kind="stable")[:2].tolist()))
        draw_plane(others[0], mu, colours, axes)
        others[0].set_title("Codes", size=10)
    if history:
        draw_term(others[-1], history, "elbo")
        others[-1].set_title("ELBO", size=10)
        lines = others[-1].lines[:2]
        others[-1].legend(lines, [line.get_label() for line in lines], fontsize=8)


def _strip(upper, lower, limits):
    """Two rows of at most IMAGES images as one, in shades; missing pixels are gray."""
    rows = [np.nan_to_num(mosaic.check(row, 1, limits), nan=0.5) for row in (upper, lower)]
    grid = np.concatenate([mosaic.in_rows(row, IMAGES) for row in rows])
    return mosaic.tile(grid, mosaic.gap(rows[0]))


def _columns(upper, lower, X, reconstructed, samples, names):
    """A panel of the reconstructions and one of the samples, for some columns."""
    X, again, drawn = (tables.columns_of(table, names) for table in (X, reconstructed, samples))
    pairs = {name: tables.both_known(X[name], again[name]) for name in X}
    chosen, which = tables.from_best_to_worst(pairs, COLUMNS)
    of = f": {which}" if which else ""
    upper.suptitle(f"Reconstructions (vertical) of the data{of}", x=0.01, ha="left", size=10)
    lower.suptitle("Samples (line), data (area)", x=0.01, ha="left", size=10)
    above, below = (part.subplots(1, COLUMNS) for part in (upper, lower))
    for panel in (*above[len(chosen) :], *below[len(chosen) :]):
        panel.set_axis_off()
    for name, up, down in zip(chosen, above, below):
        for panel in (up, down):
            tables.prepare(panel, name, style.WIDTH / COLUMNS)
        tables.draw_reconstruction(up, *pairs[name])
        tables.draw_marginal(down, X[name], drawn[name])
