"""How every picture looks, and how it is written to a file.

Figures are made without pyplot, which would keep them alive and choose a window system.

Read next: curves, images, latent.
"""

import os
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

DPI = 200
WIDTH, HEIGHT = (
    8.0,
    7.0,
)  # inches a picture may take; shown 800 pixels wide, 10 points are 14 pixels

INK, FAINT = "#222222", "#8A8A8A"
# The palette of Okabe & Ito 2008, which colour-blind readers can tell apart.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY_BLUE, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#000000"
# Its eight colours and two more, for ten classes: neighbours in the list differ in lightness too.
CLASSES = (BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, VERMILLION, BLACK, YELLOW, "#999999", "#882255")
SEQUENTIAL = "viridis"  # perceptually uniform

SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures agree between machines
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
}

# `@in_style` above a function: inside it matplotlib has these settings, outside it its own.
in_style = matplotlib.style.context(["default", SETTINGS])


def new_figure(width, height, layout=None):
    """An empty figure of so many inches that belongs to nobody but the caller."""
    return Figure(figsize=(width, height), dpi=DPI, layout=layout)


@in_style
def save(figure, path):
    """Write a figure to a PNG file, whole or not at all: the same picture gives the same bytes.

    A reader of `path`, such as a browser that reloads it during training, never sees half a file.
    The folder is made if it is missing.

    Errors  ValueError if the name does not end in .png
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"pictures are saved as PNG, so {path.name!r} should end in '.png'")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # Without "Software" no version of matplotlib is written into the file.
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
