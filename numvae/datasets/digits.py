"""Digits drawn by the program: 28 × 28 pictures from the fonts that come with matplotlib.

Each digit is a glyph of one of 16 fonts, bent as if by a hand: turned, slanted, stretched, warped,
and drawn with a thicker or thinner pen that presses unevenly. As in MNIST the ink is white, about
20 pixels high and in the middle of 28.

A glyph is kept as the distance to its outline, positive inside. Where the distance plus half a pen
is above zero there is ink, so one formula draws every thickness with smooth edges.
"""

import functools

import numpy as np

SIZE = 28
BLOCK = 1000  # digits drawn at a time, which bounds the memory
GRID = 5  # the warp is given on GRID × GRID points, and smooth between them
CELL = 64  # pixels of a glyph in the atlas ...
SCALE = 1.8  # ... of which so many make one pixel of a picture
HEIGHT = 20  # of an unbent digit, in pixels of a picture

# Those of matplotlib's fonts in which 0 to 9 look like digits. (The monospaced DejaVu put a dot
# into the 0, which a thick pen turns into a blot.)
FONTS = (
    *("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSans-Bold", "DejaVuSans-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmtt10"),
)

# What varies from digit to digit, each between two limits; lengths are in pixels of the picture.
STYLE = {
    "font": (0, 1),
    "turn": (-0.12, 0.12),  # radians
    "slant": (-0.1, 0.2),
    "width": (0.9, 1.15),
    "height": (0.9, 1.03),
    "shift_x": (-0.6, 0.6),
    "shift_y": (-0.6, 0.6),
    "pen": (-0.08, 0.4),  # added to the outline on all sides
    "edge": (1.0, 1.7),  # how wide the edge of the ink is
    "warp": (0.25, 0.8),  # the standard deviation of the warp's points
}
PRESSURE = 0.25  # the standard deviation of the pen along the digit


def digits(n=2000, seed=0):
    """Draw n random digits: images (n, 28, 28) float32 in [0, 1], labels (n,) int64 from 0 to 9.

    Gray levels are 0, 1/255, …, 1. With the same seed, more digits begin with the same ones.
    """
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)]
    low, high = np.transpose(list(STYLE.values()))
    labels = streams[0].integers(0, 10, n)
    styles = streams[1].uniform(low, high, (n, len(STYLE))).astype(np.float32)
    atlas = _atlas()
    images = np.empty((n, SIZE, SIZE), np.float32)
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        style = dict(zip(STYLE, styles[rows].T[:, :, None, None]))  # each (B, 1, 1)
        warp = streams[2].standard_normal((len(labels[rows]), 3, GRID, GRID), np.float32)
        images[rows] = _draw(atlas, labels[rows, None, None], style, _smooth(warp))
    return images, labels


def _draw(atlas, label, style, warp):
    """One block: labels and styles (B, 1, 1), warp (B, 3, 28, 28) → images (B, 28, 28)."""
    from scipy.ndimage import map_coordinates

    middle = (SIZE - 1) / 2
    x = np.arange(SIZE, dtype=np.float32) - middle - style["shift_x"]
    y = np.arange(SIZE, dtype=np.float32)[:, None] - middle - style["shift_y"]
    x, y = x + style["warp"] * warp[:, 0], y + style["warp"] * warp[:, 1]
    # From the picture back to the upright glyph: turn, slant and stretch undone.
    cos, sin = np.cos(style["turn"]), np.sin(style["turn"])
    x, y = cos * x + sin * y, cos * y - sin * x
    x = (x + style["slant"] * y) / style["width"]
    y = y / style["height"]
    n_fonts = len(atlas) // (10 * CELL)
    glyph = 10 * (style["font"] * n_fonts).astype(int) + label
    u, v = (np.clip(SCALE * t + (CELL - 1) / 2, 0, CELL - 1) for t in (x, y))
    distance = map_coordinates(atlas, [glyph * CELL + v, u], order=1)
    ink = 0.5 + (distance + style["pen"] + PRESSURE * warp[:, 2]) / style["edge"]
    return np.rint(255 * np.clip(ink, 0, 1)) / np.float32(255)


def _smooth(points):
    """Smooth surfaces (…, 28, 28) through random points (…, GRID, GRID)."""
    from scipy.ndimage import zoom

    spline = zoom(np.eye(GRID, dtype=np.float32), (SIZE / GRID, 1))  # (28, GRID)
    return spline @ points @ spline.T


@functools.cache
def _atlas():
    """All glyphs, one below the other: the distance to the outline, (fonts · 10 · CELL, CELL).

    In pixels of a picture, positive inside. Glyph 10 · font + digit has the rows from its number
    times CELL.
    """
    from scipy.ndimage import distance_transform_edt

    fine = 2  # so many times finer, distances between whole pixels come out smooth
    glyphs = _glyphs(fine * CELL) > 0.5
    distance = np.stack([distance_transform_edt(g) - distance_transform_edt(~g) for g in glyphs])
    distance = distance.reshape(-1, CELL, fine, CELL, fine).mean(axis=(2, 4)) / (fine * SCALE)
    return distance.reshape(-1, CELL).astype(np.float32)


def _glyphs(size):
    """The digits 0 to 9 of each font, upright in the middle: (fonts · 10, size, size), ink 1."""
    from numvae.backend import matplotlib

    # isort: split
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    fonts = [FontProperties(fname=f"{folder}/{name}.ttf") for name in FONTS]
    figure = Figure(figsize=(10, len(fonts)), dpi=size, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 10), ylim=(len(fonts), 0))
    axes.axis("off")
    height = HEIGHT * SCALE / CELL  # the share of a cell
    for row, font in enumerate(fonts):
        for digit in range(10):
            outline = TextPath((0, 0), str(digit), size=100, prop=font)
            low, high = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
            scale = height / (high - low)[1] * np.array([1, -1])
            vertices = (outline.vertices - (low + high) / 2) * scale + (digit + 0.5, row + 0.5)
            axes.add_patch(PathPatch(Path(vertices, outline.codes), facecolor="black", linewidth=0))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ink = 1 - np.asarray(canvas.buffer_rgba())[..., 0] / np.float32(255)
    return ink.reshape(len(fonts), size, 10, size).swapaxes(1, 2).reshape(-1, size, size)
