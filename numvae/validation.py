"""The doors: what a user hands in is looked at here, and answered with a sentence if it is wrong.

A sentence says what was found, what was expected and what to do. Where scikit-learn has a set
phrase for a mistake it is used, so that its tools and its users recognise it.
"""

import difflib
import math
import numbers
import warnings

import numpy as np

from numvae.network import likelihoods
from numvae.rules import activations, corruption
from numvae.training.minibatches import read

BLOCK_BYTES = 2**24  # how much of a large array is looked at at a time


def as_table(X, owner, dtype=np.float64, missing=False):
    """Anything array-like as a 2-D array of finite real numbers, (N, D).

    Arrays of any number type and memory maps are returned uncopied; all else is made an array.
    `owner` is who asks, for the sentence; `dtype` is what the numbers shall fit into; `missing`
    lets NaN through, for values that are not known.

    Raises  TypeError    sparse matrices, masked arrays, and values that are no numbers
            ValueError   wrong number of dimensions, empty, complex, NaN, infinite or too large
    """
    if hasattr(X, "toarray"):
        raise TypeError(
            f"Sparse data was passed to {owner}, which needs dense data: use X.toarray()."
        )
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            f"Masked data was passed to {owner}, which needs all values: use X.filled(value)."
        )
    array = _as_numbers(X, owner)
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
    _check_finite(array, owner, dtype, missing)
    return array


def _as_numbers(X, owner):
    """X as an array of bool, integer or floating-point numbers."""
    try:
        on_disk = isinstance(X, np.memmap) and X._mmap is not None  # a copy of one has no file
        array = X if on_disk else np.asarray(X)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        if "complex" in str(error):
            raise ValueError(f"Complex data not supported: {owner} needs real numbers.") from None
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{owner} needs a table of real numbers, with rows of equal length and no text: "
            f"{error}. Encode categories as numbers first."
        ) from None
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {owner} needs real numbers.")
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"{owner} needs a table of real numbers, found dtype {array.dtype}: encode text, dates "
            "and categories as numbers first."
        )
    return array


def blocks(X):
    """X a few rows at a time, so that a memory map is never in memory as a whole."""
    rows = max(1, BLOCK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    for start in range(0, len(X), rows):
        yield read(X, slice(start, start + rows))


def _check_finite(array, owner, dtype, missing):
    if array.dtype.kind != "f":
        return
    dtype = array.dtype if np.can_cast(array.dtype, dtype) else np.dtype(dtype)
    for block in blocks(array):
        with np.errstate(over="ignore"):
            block = block.astype(dtype, copy=False)
        if np.isinf(block).any():
            raise ValueError(
                f"Input X contains infinity or a value too large for {dtype}. {owner} needs finite "
                "numbers: remove or fill in the rows concerned."
            )
        if not missing and np.isnan(block).any():
            raise ValueError(
                f"Input X contains NaN. {owner} needs finite numbers: remove or fill in the rows "
                "concerned, or say missing=True if NaN stands for what is not known."
            )


def check_activation(name, hidden):
    """Raise unless name is an activation, or one for each of the hidden layers: "elu,tanh".

    Raises  TypeError    not a string
            ValueError   an unknown activation, or another number of them
    """
    names = name.split(",") if isinstance(name, str) else [name]
    for one in names:
        check_choice("activation", one, activations.NAMES)
    if len(names) not in (1, len(hidden)):
        raise ValueError(
            f"activation {name!r} names {len(names)} for {len(hidden)} hidden layers; give one for "
            "all, or one for each."
        )


def check_likelihood(name):
    """Raise unless name is a likelihood, or blocks of columns such as "gaussian:3,categorical:5".

    Raises  TypeError    not a string
            ValueError   an unknown likelihood, or a width that is not a whole number above 0
    """
    if not isinstance(name, str) or ":" not in name:
        check_choice("likelihood", name, likelihoods.NAMES)
        return
    for block in name.split(","):
        kind, _, width = block.partition(":")
        check_choice("likelihood", kind, likelihoods.NAMES)
        if not width.isdecimal() or int(width) == 0:
            raise ValueError(
                f"likelihood {name!r}: {block!r} needs a number of columns, as in gaussian:3."
            )


def check_range(array, likelihood):
    """Raise ValueError if the columns are not what their likelihood describes; NaN is left out.

    Bernoulli likelihoods need values from 0 to 1, a categorical one needs one-hot rows.
    """
    kinds = [(likelihood, array.shape[1])]
    if ":" in likelihood:
        kinds = likelihoods.parse_blocks(likelihood)
        total = sum(width for _, width in kinds)
        if total != array.shape[1]:
            raise ValueError(
                f"The likelihood {likelihood} describes {total} columns, found {array.shape[1]}."
            )
    start = 0
    for kind, width in kinds:
        columns = slice(start, start + width)
        start += width
        if "bernoulli" in kind:
            low = np.fmin.reduce([np.fmin.reduce(b[:, columns], None) for b in blocks(array)])
            high = np.fmax.reduce([np.fmax.reduce(b[:, columns], None) for b in blocks(array)])
            if low < 0.0 or high > 1.0:
                raise ValueError(
                    f"The {kind} likelihood needs values from 0 to 1, found {low:g} to {high:g}: "
                    "scale the data, or use the gaussian likelihood."
                )
        if kind == "categorical" and not all(_one_hot(b[:, columns]) for b in blocks(array)):
            raise ValueError(
                "The categorical likelihood needs one-hot rows, a single 1 among zeros: encode "
                "each category as a column of its own."
            )


def _one_hot(block):
    """Every row holds a single 1 among zeros, or is missing (NaN) as a whole."""
    known = block[~np.isnan(block).all(axis=1)]
    return bool(np.isin(known, (0, 1)).all() and (known.sum(axis=1) == 1).all())


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


def check_feature_names(found, fitted, owner):
    """Compare the column names of X with those that were fitted; None stands for no names.

    Raises  ValueError   they differ. Only one side having names is a warning.
    """
    if found is None and fitted is not None:
        warnings.warn(
            f"X does not have valid feature names, but {owner} was fitted with feature names",
            UserWarning,
            stacklevel=4,
        )
    elif found is not None and fitted is None:
        warnings.warn(
            f"X has feature names, but {owner} was fitted without feature names",
            UserWarning,
            stacklevel=4,
        )
    elif found is not None and list(found) != list(fitted):
        unseen = sorted(set(found) - set(fitted))
        missing = sorted(set(fitted) - set(found))
        lines = ["The feature names should match those that were passed during fit."]
        for title, names in (
            ("Feature names unseen at fit time:", unseen),
            ("Feature names seen at fit time, yet now missing:", missing),
        ):
            if names:
                lines += [
                    title,
                    *(f"- {name}" for name in names[:5]),
                    *["- ..."] * (len(names) > 5),
                ]
        if not unseen and not missing:
            lines.append("Feature names must be in the same order as they were in fit.")
        raise ValueError("\n".join(lines) + "\n")


def check_number(name, value, kind, least=0, above=None):
    """Raise unless value is a finite number of the kind, int or float, in its range.

    Raises  TypeError    not a number of that kind (True and False are none)
            ValueError   NaN, infinite, below `least`, or not above `above`
    """
    wanted = numbers.Integral if kind is int else numbers.Real
    word = "a whole number" if kind is int else "a number"
    word += f", at least {least}" if above is None else f" above {above}"
    if not isinstance(value, wanted) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be {word}, found {value!r}.")
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        finite = False
    if not finite or (value < least if above is None else value <= above):
        raise ValueError(f"{name} must be {word}, found {value!r}.")


def check_choice(name, value, known):
    """Raise unless value is one of the known names; the nearest one is suggested.

    Raises  TypeError    not a string
            ValueError   unknown
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(known)}, found {value!r}.")
    if value not in known:
        raise ValueError(
            f"{name} must be one of {', '.join(known)}, found {value!r}.{near(value, known)}"
        )


def check_sigma_min(value):
    """Raise ValueError unless the variance floor, sigma_min², is a number above 0."""
    if not 0.0 < float(value) * float(value) < float("inf"):
        raise ValueError(f"sigma_min must have a square that is a number above 0, found {value!r}.")


def check_corruption(name, value):
    """Raise unless value is a corruption and how much of it, as in ("gaussian", 0.2)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            f"{name} must be None or a pair such as ('gaussian', 0.2), found {value!r}."
        )
    kind, amount = value
    check_choice(f"the kind of {name}", kind, corruption.NAMES)
    check_number(f"the amount of {name}", amount, float, least=0)
    if kind == "salt_and_pepper" and amount > 1:
        raise ValueError(f"the amount of {name} is a share, at most 1, found {amount!r}.")


def near(value, known):
    """' Did you mean …?', or nothing."""
    close = difflib.get_close_matches(str(value), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
