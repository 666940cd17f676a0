"""Pictures made of pictures: grids, strips, and images along lines of the latent space.

Images are (N, H, W) gray or (N, H, W, 3) colour. `limits` are the values that are drawn black and
white, by default 0 and 1, and else named in the picture; what lies outside is clipped for display.

Read next: mosaic.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from numvae.plots import mosaic, style


@style.in_style
def image_grid(images, columns=None, title="", limits=mosaic.UNIT):
    """Images side by side, from left to right, then downwards.

    Shapes   images (N, H, W) or (N, H, W, 3)
    columns  how many side by side; if not given, nearly a square that leaves few places empty
    Look at  what differs from image to image, and what never does
    Errors   ValueError if the shape or the range of the pixels is another one
    """
    images = mosaic.check(images, 1, limits)
    n = len(images)
    root = int(np.ceil(np.sqrt(n)))
    columns = columns or min(range(root, 2 * root + 1), key=lambda c: -n % c)
    grid = mosaic.tile(mosaic.in_rows(images, columns), mosaic.gap(images))
    return mosaic.draw(grid, images, limits, title).figure


SOURCES = {
    "prior": "the prior\nN(0, I)",
    "posterior": "the posterior\nq(z|x)",
    "mixture": "a mixture\nfitted to codes",
}


@style.in_style
def samples(images, columns=None, limits=mosaic.UNIT):
    """What the model draws by itself, a grid for each source of the codes, side by side.

    Shapes   images: the name of a source (prior, posterior or mixture) → (N, H, W) or (N, H, W, 3),
             all alike
    columns  of each grid, as in `image_grid`
    Look at  whether each could pass for an example, and whether together they are as varied. Where
             those from the prior are worse, the codes of the data do not fill it
    Errors   ValueError if the shape or the range of the pixels is another one
    """
    if len(images) == 1:
        ((source, drawn),) = images.items()
        title = f"Samples: z from {SOURCES[source]}".replace("\n", " ")
        return image_grid(drawn, columns, title, limits)
    grids = [mosaic.check(drawn, 1, limits) for drawn in images.values()]
    gap, columns = mosaic.gap(grids[0]), columns or int(np.ceil(np.sqrt(len(grids[0]))))
    tiles = [mosaic.tile(mosaic.in_rows(grid, columns), gap) for grid in grids]
    whole = mosaic.tile(np.stack(tiles)[None], 4 * gap)
    axes = mosaic.draw(whole, grids[0], limits, bottom=0.7)
    x = mosaic.middles(len(tiles), tiles[0].shape[1], 4 * gap)
    axes.set_xticks(x, [SOURCES[source] for source in images])
    axes.tick_params(length=0)
    return axes.figure


@style.in_style
def strips(rows, labels, limits=mosaic.UNIT):
    """The same images in several treatments, a labelled row for each, in bands of at most ten.

    Shapes   rows: arrays alike, each (N, H, W) or (N, H, W, 3); pixels that are NaN are missing,
             and drawn blue
    labels   one for each row, such as "original", "corrupted", "denoised"
    Look at  each column, downwards: what every treatment has done to the same image
    Errors   ValueError if the shapes differ from each other or from these
    """
    rows = [mosaic.check(row, 1, limits) for row in rows]
    shapes = [row.shape for row in rows]
    if not rows or len(rows) != len(labels):
        raise ValueError(f"found {len(labels)} labels for {len(rows)} rows; expected one for each")
    if len(set(shapes)) > 1:
        found = ", ".join(f"{label} {shape}" for label, shape in zip(labels, shapes))
        raise ValueError(
            f"the rows differ in shape: {found}; expected an image of the same size in every row"
        )
    n, height = shapes[0][:2]
    n_bands = -(-n // 10)
    columns, gap = -(-n // n_bands), mosaic.gap(rows[0])
    # (bands, rows, columns, H, W, …) → (bands, H of a band, W of a band, …)
    bands = np.stack([mosaic.in_rows(row, columns) for row in rows], axis=1)
    bands = np.stack([mosaic.tile(band, gap) for band in bands])
    whole = mosaic.tile(bands[:, None], 4 * gap)
    tops = np.arange(n_bands)[:, None] * (bands.shape[1] + 4 * gap)
    y = (tops + mosaic.middles(len(rows), height, gap)).ravel()
    return mosaic.draw_labelled(whole, rows[0], y, list(labels) * n_bands, limits).figure


def reconstructions(originals, reconstructed, limits=mosaic.UNIT):
    """Each original above its reconstruction, as `strips`.

    Look at  what the lower row has lost: that is what the latent code does not hold
    """
    return strips([originals, reconstructed], ["original", "reconstructed"], limits)


def inpainting(originals, known, filled, limits=mosaic.UNIT):
    """Images with missing pixels, and how the model fills them in, as `strips`.

    Shapes   originals (N, H, W) or (N, H, W, 3); known alike, with missing pixels NaN, drawn blue;
             filled alike
    Look at  whether what is filled in continues what is known
    """
    return strips([originals, known, filled], ["original", "known", "filled in"], limits)


@style.in_style
def traversals(images, values, units=None, limits=mosaic.UNIT):
    """What each latent unit does by itself: it moves along its row, and the others stay.

    Shapes   images (rows, columns, H, W) or (rows, columns, H, W, 3), a row per unit
    values   (columns,) of the unit that moves
    units    the index of each row's unit, if not 0, 1, 2 …: unit 0 is called z₁
    Look at  what changes from left to right; a row in which nothing does belongs to an unused unit
    Errors   ValueError if there is not one value per column and one unit per row
    """
    images = mosaic.check(images, 2, limits)
    rows, columns, height, width = images.shape[:4]
    units = range(rows) if units is None else units
    if (len(units), len(values)) != (rows, columns):
        raise ValueError(
            f"found {rows} rows and {columns} columns of images, {len(units)} units and "
            f"{len(values)} values; expected a unit per row and a value per column"
        )
    gap = mosaic.gap(images[0])
    y = mosaic.middles(rows, height, gap)
    names = [f"$z_{{{unit + 1}}}$" for unit in units]
    whole = mosaic.tile(images, gap)
    axes = mosaic.draw_labelled(whole, images[0], y, names, limits, "value of the unit")
    labels = [style.number(round(float(value), 2)) for value in values]
    pitch = axes.get_position().width * axes.figure.get_figwidth() / columns
    every = int(np.ceil((max(style.text_width(label, 9) for label in labels) + 0.1) / pitch))
    some = slice((columns - 1) % every // 2, None, every)  # as many as fit
    axes.set_xticks(mosaic.middles(columns, width, gap)[some], labels[some])
    return axes.figure


@style.in_style
def interpolation(images, labels=None, originals=None, limits=mosaic.UNIT):
    """The images decoded on the way from one code to another, a row for each way.

    Shapes     images (rows, columns, H, W) or (rows, columns, H, W, 3); the first and the last
               column are decoded from the two codes themselves
    labels     one for each row, such as "linear", "spherical"
    originals  the two images that were encoded, (2, H, W[, 3]), or two for each row, (rows, 2, …);
               they are drawn beyond the ends
    Look at    whether every step could pass for an example, and whether the steps are even
    Errors     ValueError if there is not one label per row, or the originals are of another size
    """
    images = mosaic.check(images, 2, limits)
    rows, columns, height, width = images.shape[:4]
    labels = [""] * rows if labels is None else list(labels)
    if len(labels) != rows:
        raise ValueError(f"found {len(labels)} labels for {rows} rows; expected one for each")
    gap, size = mosaic.gap(images[0]), images.shape[2:]
    whole, x = mosaic.tile(images, gap), mosaic.middles(columns, width, gap)
    ticks = ["0", "½", "1"][: 1 if columns == 1 else 3]
    x = np.linspace(x[0], x[-1], len(ticks))
    if originals is not None:
        expected = (2, *size), (rows, 2, *size)
        if np.shape(originals) not in expected:
            raise ValueError(
                f"found originals of shape {np.shape(originals)}; expected {expected[0]}, two "
                f"images of the size of the others, or {expected[1]}, two for each row"
            )
        ends = mosaic.check(np.broadcast_to(originals, expected[1]), 2, limits)
        left, right = mosaic.tile(ends[:, :1], gap), mosaic.tile(ends[:, 1:], gap)
        white = np.ones_like(left)[:, : 3 * gap]
        whole = np.concatenate([left, white, whole, white, right], axis=1)
        middle, shift = (width - 1) / 2, width + white.shape[1]
        x = [middle, *(x + shift), whole.shape[1] - 1 - middle]
        ticks = ["original", *ticks, "original"]
    y = mosaic.middles(rows, height, gap)
    xlabel = "way from one code to the other"
    axes = mosaic.draw_labelled(whole, images[0], y, labels, limits, xlabel)
    axes.set_xticks(x, ticks)
    return axes.figure


@style.in_style
def manifold(images, values, axes=(0, 1), limits=mosaic.UNIT):
    """The images decoded from a grid over two latent units, as one seamless mosaic.

    Shapes   images (rows, columns, H, W) or (rows, columns, H, W, 3); columns follow the horizontal
             unit, and row 0, its vertical unit smallest, is drawn at the bottom
    values   of the two units: (horizontal (columns,), vertical (rows,)), both increasing
    axes     the indices (horizontal, vertical) of the units: unit 0 is called z₁
    Look at  whether neighbours change smoothly, and what each direction has learnt to mean
    Errors   ValueError if the shape or the range of the pixels is another one
    """
    images = mosaic.check(images, 2, limits)
    rows, columns = images.shape[:2]
    plane = mosaic.draw(mosaic.tile(images[::-1]), images[0], limits, left=0.75, bottom=0.6)
    plane.images[0].set_extent((-0.5, columns - 0.5, -0.5, rows - 0.5))  # tile centres: 0, 1, 2 …
    plane.set_aspect("auto")
    for axis, unit, z in zip((plane.xaxis, plane.yaxis), axes, values):
        ticks = z
        if len(z) > 7:  # round numbers where they lie between the tiles
            ticks = [
                t
                for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(z[0], z[-1])
                if z[0] <= t <= z[-1]
            ]
        positions = np.interp(ticks, z, np.arange(len(z)))
        axis.set_ticks(positions, [style.number(round(float(t), 2)) for t in ticks])
        axis.set_label_text(f"$z_{{{unit + 1}}}$")
    return plane.figure
