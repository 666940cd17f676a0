"""What there is to see of a trained model: all that the page shows.

Read next: page.
"""

from dataclasses import dataclass

import numpy as np

from numvae.evaluation import diagnostics
from numvae.plots import matplotlib, style
from numvae.rows import split_condition

POINTS = 2000  # examples on the map: enough for a cloud, few enough to draw at once
ORIGINALS = 24  # examples shown as they are
UNITS = 10  # sliders, at most: of many units, most are hardly used
LEAST_LIMIT = 3.0  # the map reaches at least so many prior standard deviations


@dataclass
class View:
    """A model and some of its data."""

    name: str
    model: object
    shape: tuple  # of one example: (28, 20), or (D,) for a row of a table
    columns: list  # D names, for a row of a table
    low: np.ndarray  # (D,) the least value of each column
    high: np.ndarray  # (D,) the largest
    limits: tuple  # of images: the values that are drawn black and white
    mu: np.ndarray  # (N, Z) the posterior means of the examples on the map
    colourings: list  # ways to colour these, see `colouring`; perhaps none
    originals: np.ndarray  # (K, D) some examples as they are, from left to right on the map
    codes: np.ndarray  # (K, Z) their posterior means
    given: list  # the columns of y that the model is conditioned on, see `controls`; perhaps none
    y: np.ndarray  # (K, C) those of the originals
    units: list  # the latent units to show: the two of the map, then the others by use
    axes: tuple | None  # the first two, horizontal and vertical on the map; None for a single unit
    mixture: object  # the Mixture that was fitted to its codes, or None
    limit: float  # how far the map and the sliders reach from 0

    @property
    def is_image(self):
        return len(self.shape) > 1


def view(
    training, X, known, *, name, shape, columns, condition=None, limits=(0.0, 1.0), limit=None
):
    """The View of a trained model and of rows X (N, D + C).

    known       name → (N,), see `colouring`
    condition   the Columns that the model is conditioned on, or None
    limit       as in View; None: it holds every code and most of the prior
    the others  as in View
    """
    model, inputs = training.model, training.inputs
    some = _spread(len(X), POINTS)
    rows = inputs.drawn(X[some])
    mu, _ = diagnostics.encode(model, rows, inputs)
    x, y = split_condition(rows, model.n_condition)
    by_use = [int(unit) for unit in np.argsort(-mu.var(axis=0), kind="stable")[:UNITS]]
    units = sorted(by_use[:2]) + by_use[2:]
    along = np.argsort(mu[:, units[0]], kind="stable")
    picked = along[_spread(len(x), ORIGINALS)]
    return View(
        name=name,
        model=model,
        shape=tuple(shape),
        columns=columns,
        low=np.nan_to_num(np.fmin.reduce(x)),  # what is missing (NaN) is left out
        high=np.nan_to_num(np.fmax.reduce(x)),
        limits=tuple(limits),
        mu=mu,
        colourings=[colouring(name, values[some]) for name, values in known.items()],
        originals=x[picked],
        codes=mu[picked],
        given=controls(condition, y) if condition else [],
        y=y[picked] if condition else np.empty((len(picked), 0)),
        units=units,
        axes=tuple(units[:2]) if len(units) > 1 else None,
        mixture=training.mixture,
        limit=limit or 1.05 * max(LEAST_LIMIT, float(np.abs(mu[:, units]).max())),
    )


def controls(condition, y):
    """What can be chosen for each column of y (N, C): a list of dicts.

    name          of the column
    at, width     where it begins among the C numbers of y, and how many it is
    levels        their names, one of which is chosen; or of a number
    low, high     the least and the largest in the rows, and
    step, isDate  from one to the next, and whether it is a day, counted from 1970
    center, scale with which y is (number − center) / scale
    """
    found, at, parts = [], 0, condition.parts_given(y)
    for column in condition.given:
        control = {"name": column.name, "at": at, "width": column.width}
        at += column.width
        if column.levels is not None:
            control["levels"] = [str(level) for level in column.levels]
        else:
            values = column.decode(parts[column.name])
            low, high = float(values.min()), float(values.max())
            step = (high - low) / 100 if column.decimals is None else 10.0**-column.decimals
            control |= {"low": low, "high": high, "step": step, "isDate": column.is_date}
            control["center"], control["scale"] = condition.condition[column.name]
        found.append(control)
    return found


def colouring(name, values):
    """Classes (a few integers or names) in colours that can be told apart, a factor from dark to
    bright, and so are more names, in their order.

    Returns a dict: name; palette, hexadecimal colours; index (N,), the place of each example's
    colour in it; labels, a class for each colour, or of a factor its ends; isClass
    """
    classes, index = np.unique(values, return_inverse=True)
    is_class = values.dtype.kind in "iubU" and len(classes) <= len(style.CLASSES)
    if is_class:
        palette, labels = style.CLASSES[: len(classes)], [str(c) for c in classes]
    else:
        labels = classes[[0, -1]].tolist()
        if values.dtype.kind == "U":
            values = index
        else:
            labels = [style.number(end, ".3g") for end in labels]
        low, high = float(values.min()), float(values.max())
        colours = matplotlib.colormaps[style.SEQUENTIAL](np.linspace(0, 1, 64))
        palette = map(matplotlib.colors.to_hex, colours)
        index = np.rint(63 * (values - low) / ((high - low) or 1.0)).astype(int)
    return {
        "name": name,
        "palette": list(palette),
        "index": index,
        "labels": labels,
        "isClass": is_class,
    }


def _spread(n, most):
    """At most `most` of the indices 0 … n − 1, evenly spread."""
    return np.linspace(0, n - 1, min(most, n)).astype(int)
