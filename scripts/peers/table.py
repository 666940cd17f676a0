"""The tables that `tables.py` measures on, and how they are prepared: the same for everyone."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

# The grids that values are rounded to, the coarsest first; thirds where pixels were averaged.
STEPS = (100, 50, 25, 20, 10, 5, 2, 1, 1 / 2, 1 / 3, 1 / 9, 0.1, 1 / 18, 1 / 27)
STEPS += (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
HELD_OUT = 0.25
PENGUINS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
# file → (its label, its columns or None for all others)
FILES = {
    "penguins.csv": ("species", PENGUINS),
    "vehicle.csv.gz": ("class", None),
    "segment.csv.gz": ("class", None),
    "satimage.csv.gz": ("class", None),
}
STATSMODELS = {
    "anes96": "TVnews selfLR ClinLR DoleLR PID age educ income logpopul",
    "ccard": "AVGEXP AGE INCOME OWNRENT",
    "fair": "rate_marriage age yrs_married children religious educ occupation_husb affairs",
    "grunfeld": "invest value capital",
    "macrodata": "realgdp realcons realinv realgovt realdpi cpi m1 tbilrate unemp pop infl realint",
    "modechoice": "ttme invc invt gc hinc psize",
    "star98": "NABOVE NBELOW LOWINC PERASIAN PERBLACK PERHISP PERMINTE AVYRSEXP AVSALK PERSPENK "
    "PTRATIO PCTAF PCTCHRT PCTYRRND",
    "statecrime": "violent murder hs_grad poverty single white urban",
}


class Table(NamedTuple):
    """X (N, D), without missing values; y (N,) the class of each row, or None; confirms: the
    defaults of VAE were chosen without it."""

    name: str
    X: np.ndarray
    y: np.ndarray | None = None
    confirms: bool = False


class Split(NamedTuple):
    """Rows to train on and held out, in standard deviations of the former, and their classes."""

    train: np.ndarray
    held: np.ndarray
    y_train: np.ndarray | None
    y_held: np.ndarray | None


def ordinary(folder=None):
    """The tables that are here, and a sentence for each source that is not: two lists."""
    tables, absent = [], []
    for package, read in (("scikit-learn", _sklearn), ("statsmodels", _statsmodels)):
        try:
            tables += read()
        except ModuleNotFoundError:
            absent.append(f"The tables of {package} are left out: pip install {package}")
    files = {Path(folder or ".") / name: read for name, read in FILES.items()}
    here = [path for path in files if folder and path.is_file()]
    tables += [read_csv(path, *files[path]) for path in here]
    if missing := [path.name for path in files if path not in here]:
        absent.append(f"Left out, for --tables names no folder with them: {', '.join(missing)}.")
    return sorted(tables, key=lambda table: table.confirms), absent


def read_csv(path, label, columns=None):
    """A table from a file, also a compressed one, whose first line names its columns."""
    names, *rows = np.loadtxt(path, delimiter=",", dtype=str)
    values = dict(zip(names, np.transpose(rows)))
    columns = columns or [name for name in names if name != label]
    X = np.column_stack([values[name] for name in columns])
    known = ~np.isin(X, ("NA", "")).any(axis=1)
    return Table(path.name.partition(".")[0], X[known].astype(float), values[label][known])


def _sklearn():
    from sklearn import datasets

    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield Table(name, *getattr(datasets, f"load_{name}")(return_X_y=True))
    yield Table("diabetes", datasets.load_diabetes(scaled=False).data)
    X, y = datasets.load_breast_cancer(return_X_y=True)
    yield Table("cancer means", X[:, :10], y, confirms=True)
    images, y = datasets.load_digits().images, datasets.load_digits().target
    yield Table("digit sums", np.hstack([images.sum(1), images.sum(2)]), y, confirms=True)


def _statsmodels():
    import statsmodels.datasets

    for name, columns in STATSMODELS.items():
        X = getattr(statsmodels.datasets, name).load_pandas().data[columns.split()]
        yield Table(name, X.dropna().to_numpy(float), confirms=True)


def rounding_step(x):
    """The largest of STEPS that all numbers (N,) are multiples of, 0 if there is none.

    They need not be exact multiples, since thirds are written with few digits; but a column with a
    range below the step says nothing.
    """
    for step in STEPS:
        allowed = min(0.01 * step, 1e-6 * np.abs(x).max())
        off = np.abs(x - step * np.round(x / step)).max()
        if off <= allowed and np.ptp(x) >= 0.9 * step:
            return float(step)
    return 0.0


def prepare(table, seed, without=None):
    """The Split of a seed; without: a class whose rows are not trained on.

    A column that is constant in the training rows is left out. One whose values lie on a grid gets
    uniform noise of one step of it, or its density would have no bound.
    """
    rng = np.random.default_rng(seed)
    held, train = np.split(rng.permutation(len(table.X)), [int(HELD_OUT * len(table.X))])
    if without is not None:
        train = train[table.y[train] != without]
    X = table.X[:, np.ptp(table.X[train], axis=0) > 0]
    X = X + [rounding_step(x) for x in X.T] * (rng.random(X.shape) - 0.5)
    X = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
    y_train, y_held = (None, None) if table.y is None else (table.y[train], table.y[held])
    return Split(X[train], X[held], y_train, y_held)
