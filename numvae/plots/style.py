"""How every picture looks, and how it is written to a file.

Figures are made without pyplot, which would keep them alive and choose a window system.

Read next: curves, images, latent, tables, network, laboratory.
"""

import io
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from numvae.files import write_atomically

DPI = 200
WIDTH, HEIGHT = 8.0, 8.0  # inches at most; at 100 pixels to the inch it fills a README

INK, FAINT = "#222222", "#8A8A8A"
# The palette of Okabe & Ito 2008, which colour-blind readers can tell apart.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY_BLUE, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#000000"
# Its eight colours and two more, for ten classes; yellow, faint on white, comes last.
CLASSES = (BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, VERMILLION, BLACK, "#999999", "#882255", YELLOW)
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
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
}

# `@in_style` above a function: inside it matplotlib has these settings, outside it its own.
in_style = matplotlib.style.context(["default", SETTINGS])


class Picture(Figure):
    """A figure that a notebook shows as it is, also where nobody has imported pyplot."""

    @in_style
    def png(self):
        """The bytes of a PNG file: the same picture gives the same bytes."""
        content = io.BytesIO()
        # Without "Software" no version of matplotlib is written into the file.
        self.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
        return content.getvalue()

    def _repr_png_(self):
        return self.png(), {"width": round(100 * self.get_figwidth())}


def new_figure(width, height, layout=None):
    """An empty figure of so many inches, owned by the caller."""
    return Picture(figsize=(width, height), dpi=DPI, layout=layout)


def text_width(text, size):
    """The inches that a text takes in the font of the pictures, at so many points."""
    lines = [line for line in text.splitlines() if line.strip()]
    # Control points of curves may lie a hair outside, but exact extents take ten times as
    # long.
    paths = [TextPath((0, 0), line, size) for line in lines]
    return max((path.vertices[:, 0].max() / 72 for path in paths), default=0.0)


def plain(text):
    """A text such as a name, in which a $ is a dollar and begins no formula."""
    return str(text).replace("$", r"\$")


def number(value, form="g"):
    """A number in a text or beside a tick, with the true minus that matplotlib's axes have."""
    return f"{value + 0.0:{form}}".replace("-", "−")  # + 0.0: no −0


def save(figure, path):
    """Write a figure to a PNG file, whole or not at all: the same picture gives the same bytes.

    A reader of `path`, such as a browser that reloads it during training, never sees half a file.

    Errors  ValueError if the name does not end in .png
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"pictures are saved as PNG, so {path.name!r} should end in '.png'")
    write_atomically(path, figure.png())
