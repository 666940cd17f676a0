"""What there is to see of a trained model: all that the page shows.

Read next: page.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from numvae.plots import style

POINTS = 2000  # examples on the map: enough for a cloud, few enough to draw at once
ORIGINALS = 24  # examples shown as they are
UNITS = 10  # sliders, at most: of many units, most are hardly used
LEAST_LIMIT = 3.0  # the map reaches at least so many prior standard deviations


@dataclass
class Colouring:
    """What is known of the examples under one name, as colours.

    palette     hexadecimal colours
    index       (N,) the place in the palette of each example's colour
    labels      a class for each colour of the palette; of a factor its least and largest value
    """

    name: str
    palette: list
    index: np.ndarray
    labels: list
    is_class: bool


@dataclass
class View:
    """A model and some of its data.

    shape       of one example: (28, 20), or (D,) for a row of a table
    columns     D names, for a row of a table
    low, high   (D,) the least and largest value of each column
    mu          (N, Z) the posterior means of the examples on the map
    colourings  ways to colour these, perhaps none
    originals   (K, D) some examples as they are, from left to right on the map
    codes       (K, Z) their posterior means
    units       the latent units to show, those whose mu varies most: the two of the map, then the
                others, the most used first
    axes        the first two, horizontal and vertical on the map; None if there is but one unit
    limit       how far the map and the sliders reach from 0
    """

    name: str
    model: object
    shape: tuple
    columns: list
    low: np.ndarray
    high: np.ndarray
    mu: np.ndarray
    colourings: list
    originals: np.ndarray
    codes: np.ndarray
    units: list
    axes: tuple | None
    limit: float

    @property
    def is_image(self):
        return len(self.shape) > 1


def view(run, dataset):
    """The View of a trained model (a `runs.Run`) and a data set."""
    X, known = dataset.X_valid, dataset.known_valid
    if len(X) < 500:  # too few for a cloud
        X, known = dataset.X, dataset.known
    some = _spread(len(X), POINTS)
    x = run.training.inputs.drawn(X[some])
    mu = run.vae.transform(x)
    by_use = [int(unit) for unit in np.argsort(-mu.var(axis=0), kind="stable")[:UNITS]]
    units = sorted(by_use[:2]) + by_use[2:]
    along = np.argsort(mu[:, units[0]], kind="stable")
    picked = along[_spread(len(x), ORIGINALS)]
    return View(
        name=dataset.name,
        model=run.model,
        shape=tuple(dataset.shape),
        columns=run.columns,
        low=np.nan_to_num(np.fmin.reduce(x)),  # what is missing (NaN) is left out
        high=np.nan_to_num(np.fmax.reduce(x)),
        mu=mu,
        colourings=[colouring(name, values[some]) for name, values in known.items()],
        originals=x[picked],
        codes=mu[picked],
        units=units,
        axes=tuple(units[:2]) if len(units) > 1 else None,
        limit=1.05 * max(LEAST_LIMIT, float(np.abs(mu[:, units]).max())),
    )


def colouring(name, values):
    """Classes (a few integers) in colours that can be told apart, a factor from dark to bright."""
    classes, index = np.unique(values, return_inverse=True)
    if values.dtype.kind in "iub" and len(classes) <= len(style.CLASSES):
        palette = list(style.CLASSES[: len(classes)])
        return Colouring(name, palette, index, [str(c) for c in classes], True)
    low, high = float(values.min()), float(values.max())
    palette = [to_hex(colour) for colour in colormaps[style.SEQUENTIAL](np.linspace(0, 1, 64))]
    index = np.rint(63 * (values - low) / ((high - low) or 1.0)).astype(int)
    return Colouring(name, palette, index, [f"{low:.3g}", f"{high:.3g}"], False)


def _spread(n, most):
    """At most `most` of the indices 0 … n − 1, evenly spread."""
    return np.linspace(0, n - 1, min(most, n)).astype(int)
