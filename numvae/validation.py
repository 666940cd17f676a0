"""Validation of arrays that a user hands in; every error is one clear sentence.

A sentence says what was found, what was expected and what to do. Where scikit-learn has a set
phrase for a mistake it is used, so that its tools and its users recognise it.
"""

import math
import numbers
import warnings
from collections.abc import Sequence

import numpy as np

from numvae.network.likelihoods import COUNTS, parse_blocks
from numvae.rows import ROUNDING, blocks
from numvae.text import printable

MOST_COUNTED = 1e12  # well below the largest rate, `poisson.MOST`


def as_table(X, estimator, dtype=np.float64, missing=False):
    """Anything array-like as a 2-D array of finite real numbers, (N, D).

    Arrays of any number type and memory maps are returned uncopied; all else is made an array.
    `estimator` is the name of who asks; the numbers must fit into `dtype`; `missing` lets NaN
    through.

    Raises  TypeError    sparse matrices, masked arrays, and values that are no numbers
            ValueError   wrong number of dimensions, empty, complex, NaN, infinite or too large
    """
    if hasattr(X, "toarray"):
        raise TypeError(
            f"Sparse data was passed to {estimator}, which needs dense data: use X.toarray()."
        )
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            f"Masked data was passed to {estimator}, which needs all values: use X.filled(value)."
        )
    array = _as_numbers(X, estimator)
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array of shape {array.shape} instead. Reshape "
            "your data: X.reshape(-1, 1) if it has a single feature, X.reshape(1, -1) if it is a "
            "single sample, X.reshape(len(X), -1) if it is images."
        )
    for size, what in zip(array.shape, ("sample(s)", "feature(s)")):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {what} (shape={array.shape}) while a minimum of 1 is required."
            )
    _check_finite(array, estimator, dtype, missing)
    return array


def _as_numbers(X, estimator):
    """X as an array of bool, integer or floating-point numbers."""
    try:
        array = X if isinstance(X, np.memmap) else np.asarray(X)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        if "complex" in str(error):
            raise ValueError(
                f"Complex data not supported: {estimator} needs real numbers."
            ) from None
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{estimator} needs a table of real numbers, with rows of equal length and no text: "
            f"{error}. Encode categories as numbers first."
        ) from None
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {estimator} needs real numbers.")
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"{estimator} needs a table of real numbers, found dtype {array.dtype}: encode text, "
            "dates and categories as numbers first."
        )
    return array


def _check_finite(array, estimator, dtype, missing):
    if array.dtype.kind != "f":
        return
    dtype = array.dtype if np.can_cast(array.dtype, dtype) else np.dtype(dtype)
    for block in blocks(array):
        with np.errstate(over="ignore"):
            block = block.astype(dtype, copy=False)
        if np.isinf(block).any():
            raise ValueError(
                f"Input X contains infinity or a value too large for {dtype}. {estimator} needs "
                "finite numbers: remove or fill in the rows concerned."
            )
        if not missing and np.isnan(block).any():
            raise ValueError(
                f"Input X contains NaN. {estimator} needs finite numbers: remove or fill in the "
                "rows concerned, or say missing=True if NaN stands for what is not known."
            )


def check_range(array, likelihood):
    """Raise ValueError if the columns are not what their likelihood describes; NaN is left out.

    Bernoulli likelihoods need values from 0 to 1, but for rounding, as of scalers that return
    1.0000000000000002; a categorical one needs one-hot rows, a Poisson one counts.
    """
    for kind, columns in parse_blocks(likelihood, array.shape[1]):
        if "bernoulli" in kind:
            known = (b[:, columns] for b in blocks(array))
            ends = np.array([(np.fmin.reduce(b, None), np.fmax.reduce(b, None)) for b in known])
            low, high = np.fmin.reduce(ends[:, 0]), np.fmax.reduce(ends[:, 1])
            if low < -ROUNDING or high > 1.0 + ROUNDING:
                raise ValueError(
                    f"The {kind} likelihood needs values from 0 to 1, found {low:.9g} to "
                    f"{high:.9g}: scale the data, or use the gaussian likelihood."
                )
        if kind == "categorical" and not all(_one_hot(b[:, columns]) for b in blocks(array)):
            raise ValueError(
                "The categorical likelihood needs one-hot rows, a single 1 among zeros: encode "
                "each category as a column of its own."
            )
        if kind in COUNTS:
            for block in blocks(array):
                if (wrong := _no_counts(block[:, columns])).size:
                    raise ValueError(
                        f"The {kind} likelihood needs counts, whole numbers from 0 to 10^12, found "
                        f"{wrong[0]:.9g}: use a gaussian likelihood for other numbers."
                    )


def _one_hot(block):
    """Every row holds a single 1 among zeros, or is missing (NaN) as a whole."""
    known = block[~np.isnan(block).all(axis=1)]
    return bool(np.isin(known, (0, 1)).all() and (known.sum(axis=1) == 1).all())


def _no_counts(block):
    """The values that are neither whole numbers from 0 to MOST_COUNTED nor missing (NaN)."""
    x = block[~np.isnan(block)].astype(np.float64)
    return x[(x < 0) | (x > MOST_COUNTED) | (x != np.rint(x))]


def feature_names(X):
    """The column names of a data frame, or None; names must be all text or not text at all.

    Raises  TypeError   some names are text and some are not
    """
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    names = np.asarray(columns, dtype=object)
    text = [isinstance(name, str) for name in names]
    if any(text) and not all(text):
        raise TypeError(
            "Feature names are only supported if all input features have string names: convert "
            "them with X.columns = X.columns.astype(str)."
        )
    return names if len(names) and all(text) else None


def check_feature_names(found, columns, estimator):
    """Compare the column names of X with those that were fitted (`Columns`, or None: no names).

    Names may come in another order, and those of columns that were left out may be missing.

    Raises  ValueError   they differ. Only one side having names is a warning.
    """
    named = columns is not None and columns.named
    if (found is None) == named:
        has, without = "has", "without"
        if found is None:
            has, without = "does not have valid", "with"
        text = f"X {has} feature names, but {estimator} was fitted {without} feature names"
        warnings.warn(text, UserWarning, stacklevel=5)
    elif named:
        differing = {
            "Feature names unseen at fit time:": set(found) - set(columns.names),
            "Feature names seen at fit time, yet now missing:": {c.name for c in columns.used}
            - set(found),
        }
        lines = ["The feature names should match those that were passed during fit."]
        for title, names in differing.items():
            if names:
                lines += [title, *(f"- {printable(name)}" for name in sorted(names)[:5])]
                lines += ["- ..."] * (len(names) > 5)
        if len(lines) > 1:
            raise ValueError("\n".join(lines) + "\n")


def as_known(y, n):
    """What is known of n rows, as an array of classes or numbers.

    Raises  TypeError, ValueError   it is something else
    """
    y = np.asarray(y)
    y = np.array(y.tolist()) if y.dtype.kind == "O" else y  # objects that are integers become so
    y = y.astype(str) if y.dtype.kind == "O" else y
    if y.shape != (n,):
        raise ValueError(f"y has shape {y.shape}; expected a value for each of the {n} rows of X.")
    if y.dtype.kind not in "iubfU":
        raise TypeError(f"y must hold numbers or text, found dtype {y.dtype}.")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("y holds NaN or infinity: leave out these rows.")
    return y


def as_shape(shape, n_features):
    """The shape of one row: (D,), (H, W) or (H, W, 3).

    Raises  ValueError   it is another one
    """
    shape = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    whole = all(isinstance(n, numbers.Integral) and n > 0 for n in shape)
    images = len(shape) in (1, 2) or shape[2:] == (3,)
    if not whole or not images or math.prod(shape) != n_features:
        raise ValueError(
            f"shape must be (H, W) or (H, W, 3), of {n_features} numbers in all, found {shape}."
        )
    return shape
