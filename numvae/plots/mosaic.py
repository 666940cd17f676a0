"""Images put together as one array, and drawn so that a pixel is a square of whole screen pixels.

Each picture of pictures is one mosaic: nothing is blurred, and no image is larger than another.

Read next: latent.
"""

import textwrap

import numpy as np
from matplotlib.colors import to_rgb

from numvae.plots import style

MARGIN = 0.15  # inches around the images
TILE = 1.5  # inches an image may take at most
NARROWEST = 4.0  # inches a figure takes at least, for its text
MISSING = style.SKY_BLUE  # a gray would look like a pixel
UNIT = (0, 1)  # the values that are drawn black and white, where nothing else is said


def check(images, leading, limits):
    """The images as shades from 0 to 1, after a look at their shape; what lies outside is clipped.

    limits  the values that become 0 and 1
    """
    images = np.asarray(images)
    ndim, colour = images.ndim - leading, images.shape[-1:] == (3,)
    if not (ndim == 2 or ndim == 3 and colour) or images.size == 0:
        grid = ("N", "rows, columns")[leading - 1]
        raise ValueError(
            f"found images of shape {images.shape}; expected ({grid}, H, W) or ({grid}, H, W, 3): "
            "reshape flat vectors to height and width first"
        )
    if images.dtype.kind in "iu" and images.max() > 1 and limits == UNIT:
        raise ValueError(
            f"found integer pixels up to {images.max()}; expected 0 to 1: divide by 255 first"
        )
    low, high = limits
    shades = (images.astype(np.float64) - low) / ((high - low) or 1.0)
    return np.clip(shades, 0.0, 1.0).astype(np.float32)


def gap(images):
    """The width of the white line between images, in their pixels."""
    return max(1, max(images.shape[1:3]) // 14)


def in_rows(images, columns):
    """Images (N, …) in rows (R, columns, …); the places that stay empty are white."""
    empty = np.ones_like(images, shape=(-len(images) % columns, *images.shape[1:]))
    return np.concatenate([images, empty]).reshape(-1, columns, *images.shape[1:])


def tile(images, gap=0):
    """Images (R, C, H, W, …) as one, (R (H + gap) − gap, C (W + gap) − gap, …), white between."""
    rows, columns, height, width = images.shape[:4]
    high, wide = height + gap, width + gap
    tiles = np.ones_like(images, shape=(rows, high, columns, wide, *images.shape[4:]))
    tiles[:, :height, :, :width] = images.swapaxes(1, 2)
    mosaic = tiles.reshape(rows * high, columns * wide, *images.shape[4:])
    return mosaic[: rows * high - gap, : columns * wide - gap]


def middles(n, size, gap):
    """Where the middles of n tiles of so many pixels lie in a mosaic, in its pixels."""
    return np.arange(n) * (size + gap) + (size - 1) / 2


def draw_labelled(mosaic, images, y, labels, limits, xlabel=None):
    """Draw a mosaic with a label left of each row y, and with room for ticks above an xlabel."""
    labels = ["\n".join(textwrap.wrap(label, 20)) for label in labels]
    left = MARGIN + 0.1 + max(style.text_width(label, 9) for label in labels)
    axes = draw(mosaic, images, limits, left=left, bottom=0.6 if xlabel else MARGIN)
    axes.set_yticks(y, labels)
    axes.tick_params(length=0)
    axes.set_xlabel(xlabel or "")
    return axes


def draw(mosaic, images, limits, title="", left=MARGIN, bottom=MARGIN):
    """Draw a mosaic in a figure that fits it, `left` and `bottom` inches kept for labels.

    Limits other than 0 and 1 are named above it.
    """
    height, width = mosaic.shape[:2]
    room = style.WIDTH - left - MARGIN, style.HEIGHT - bottom - MARGIN
    largest = max(images.shape[1:3])
    scale = min(room[0] / width, room[1] / height, TILE / largest) * style.DPI
    scale = max(1, int(scale)) / style.DPI  # inches per pixel
    wide, high = width * scale, height * scale
    total = max(left + wide + MARGIN, NARROWEST)
    left += (total - left - wide - MARGIN) / 2
    lines = textwrap.wrap(title, int(10 * total))  # about ten letters to the inch
    lines += textwrap.wrap(named(limits, mosaic.ndim == 3), int(10 * (total - left)))
    tall = bottom + high + MARGIN + 0.22 * len(lines)
    figure = style.new_figure(total, tall)
    axes = figure.add_axes((left / total, bottom / tall, wide / total, high / tall))
    if np.isnan(mosaic).any():
        mosaic = mosaic if mosaic.ndim == 3 else np.stack([mosaic] * 3, axis=-1)
        mosaic = np.where(np.isnan(mosaic).any(-1, keepdims=True), to_rgb(MISSING), mosaic)
    axes.imshow(mosaic, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set(xticks=[], yticks=[], title="\n".join(lines))
    axes.spines[:].set_visible(False)
    return axes


def named(limits, colour):
    """A sentence about what the shades mean, where they are not those from 0 to 1."""
    if limits == UNIT:
        return ""
    low, high = (style.number(value, ".5g") for value in limits)
    if colour:
        return f"Each colour is dark at {low} or below, bright at {high} or above."
    return f"Black is {low} or below, white is {high} or above."
