"""Pictures made of pictures: grids, reconstructions, samples and the latent manifold.

Images are (N, H, W) gray or (N, H, W, 3) colour with pixels from 0 (black) to 1; what lies outside
is clipped for display. Each grid is put together as one array and drawn so that a pixel of an image
is a square of whole screen pixels: nothing is blurred.

Read next: latent.
"""

import textwrap

import numpy as np
from matplotlib.ticker import MaxNLocator

from numvae.plots import style

MARGIN = 0.15  # inches around the images
TILE = 1.5  # inches an image may take at most
NARROWEST = 4.0  # inches a figure takes at least, for its text


@style.in_style
def image_grid(images, columns=None, title=None):
    """Images side by side, from left to right, then downwards.

    Shapes   images (N, H, W) or (N, H, W, 3) in [0, 1]
    columns  how many side by side; if not given, nearly a square that leaves few places empty
    Look at  what differs from image to image, and what never does
    Errors   ValueError if the shape or the range of the pixels is another one
    """
    images = _check(images, 1)
    n = len(images)
    root = int(np.ceil(np.sqrt(n)))
    columns = columns or min(range(root, 2 * root + 1), key=lambda c: -n % c)
    return _draw(_tile(_rows(images, columns), _gap(images)), images, title=title).figure


def samples(images, columns=None):
    """What the model draws by itself: images decoded from z ~ N(0, I), as an `image_grid`.

    Look at  whether each could pass for an example, and whether together they are as varied
    """
    return image_grid(images, columns, title="Samples: decoded from z ~ N(0, I)")


@style.in_style
def reconstructions(originals, reconstructed):
    """Each original above its reconstruction, in bands of at most ten pairs.

    Shapes   originals, reconstructed alike, (N, H, W) or (N, H, W, 3) in [0, 1]
    Look at  what the lower row has lost: that is what the latent code does not hold
    Errors   ValueError if the shapes differ from each other or from these
    """
    originals, reconstructed = _check(originals, 1), _check(reconstructed, 1)
    if originals.shape != reconstructed.shape:
        raise ValueError(
            f"originals {originals.shape} and reconstructed {reconstructed.shape} differ in shape; "
            "expected one reconstruction, of the same size, for each original"
        )
    bands = -(-len(originals) // 10)
    columns = -(-len(originals) // bands)
    gap = _gap(originals)
    pairs = np.stack([_rows(originals, columns), _rows(reconstructed, columns)], axis=1)
    pairs = np.stack([_tile(pair, gap) for pair in pairs])  # (bands, 2 H + gap, ...)
    axes = _draw(_tile(pairs[:, None], 4 * gap), originals, left=1.15)
    height = originals.shape[1]
    tops = np.arange(bands)[:, None] * (pairs.shape[1] + 4 * gap) + [0, height + gap]
    axes.set_yticks(tops.ravel() + (height - 1) / 2, ["original", "reconstructed"] * bands)
    axes.tick_params(length=0)
    return axes.figure


@style.in_style
def manifold(images, values, axes=(0, 1)):
    """The images decoded from a grid over two latent units, as one seamless mosaic.

    Shapes   images (rows, columns, H, W) or (rows, columns, H, W, 3) in [0, 1]; columns follow
             the horizontal unit, and row 0, its vertical unit smallest, is drawn at the bottom
    values   of the two units: (horizontal (columns,), vertical (rows,)), both increasing
    axes     the indices (horizontal, vertical) of the units: unit 0 is called z₁
    Look at  whether neighbours change smoothly, and what each direction has learnt to mean
    Errors   ValueError if the shape or the range of the pixels is another one
    """
    images = _check(images, 2)
    rows, columns = images.shape[:2]
    mosaic = _tile(images[::-1])
    plane = _draw(mosaic, images[0], left=0.75, bottom=0.6)
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
        labels = [f"{round(float(t), 2) + 0.0:g}".replace("-", "−") for t in ticks]  # 0, not −0
        axis.set_ticks(positions, labels)
        axis.set_label_text(f"$z_{{{unit + 1}}}$")
    return plane.figure


def _check(images, leading):
    """The images as floats in [0, 1], after a look at their shape."""
    images = np.asarray(images)
    ndim, colour = images.ndim - leading, images.shape[-1:] == (3,)
    if not (ndim == 2 or ndim == 3 and colour) or images.size == 0:
        grid = ("N", "rows, columns")[leading - 1]
        raise ValueError(
            f"found images of shape {images.shape}; expected ({grid}, H, W) or ({grid}, H, W, 3): "
            "reshape flat vectors to height and width first"
        )
    if images.dtype.kind in "iu" and images.max() > 1:
        raise ValueError(
            f"found integer pixels up to {images.max()}; expected 0 to 1: divide by 255 first"
        )
    return np.clip(images.astype(np.float32), 0.0, 1.0)


def _gap(images):
    """The width of the white line between images, in their pixels."""
    return max(1, max(images.shape[1:3]) // 14)


def _rows(images, columns):
    """Images (N, …) in rows (R, columns, …); the places that stay empty are white."""
    empty = np.ones_like(images, shape=(-len(images) % columns, *images.shape[1:]))
    return np.concatenate([images, empty]).reshape(-1, columns, *images.shape[1:])


def _tile(images, gap=0):
    """Images (R, C, H, W, …) as one, (R (H + gap) − gap, C (W + gap) − gap, …), white between."""
    rows, columns, height, width = images.shape[:4]
    high, wide = height + gap, width + gap
    tiles = np.ones_like(images, shape=(rows, high, columns, wide, *images.shape[4:]))
    tiles[:, :height, :, :width] = images.swapaxes(1, 2)
    mosaic = tiles.reshape(rows * high, columns * wide, *images.shape[4:])
    return mosaic[: rows * high - gap, : columns * wide - gap]


def _draw(mosaic, images, title=None, left=MARGIN, bottom=MARGIN):
    """Draw a mosaic in a figure that fits it, `left` and `bottom` inches kept for labels."""
    height, width = mosaic.shape[:2]
    room = style.WIDTH - left - MARGIN, style.HEIGHT - bottom - MARGIN
    tile = max(images.shape[1:3])
    scale = min(room[0] / width, room[1] / height, TILE / tile) * style.DPI
    scale = max(1, int(scale)) / style.DPI  # inches per pixel
    wide, high = width * scale, height * scale
    total = max(left + wide + MARGIN, NARROWEST)
    left += (total - left - wide - MARGIN) / 2
    lines = textwrap.wrap(title or "", int(10 * total))  # about ten letters to the inch
    tall = bottom + high + MARGIN + 0.22 * len(lines)
    figure = style.new_figure(total, tall)
    axes = figure.add_axes((left / total, bottom / tall, wide / total, high / tall))
    axes.imshow(mosaic, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set(xticks=[], yticks=[], title="\n".join(lines))
    axes.spines[:].set_visible(False)
    return axes
