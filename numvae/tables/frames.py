"""Data frames of pandas and polars, which are not imported before one is given or asked for."""

import contextlib
import datetime
from collections import Counter

import numpy as np

from numvae.tables.cells import days_since
from numvae.tables.columns import Table
from numvae.text import short


def is_frame(X):
    """Whether this is a data frame: it has named columns, each found by its name."""
    return hasattr(X, "columns") and hasattr(X, "__getitem__") and hasattr(X, "shape")


def is_named(y, name):
    """Whether y has its values by names: a dict, a frame, or a row of one, which has this name. A
    pandas Series of values has keys too, those of its rows."""
    return isinstance(y, dict) or is_frame(y) or hasattr(y, "keys") and name in y


def library(X):
    """polars for its frames, else pandas, whose frames other packages derive theirs from."""
    packages = {kind.__module__.partition(".")[0] for kind in type(X).__mro__}
    return "polars" if "polars" in packages else "pandas"


def table(X):
    """The Table of a data frame.

    Raises  ValueError   two columns have one name
    """
    names = Counter(map(str, X.columns))
    for name, n in names.items():
        if n > 1:
            raise ValueError(f"Two columns are named {name}; give each a name of its own.")
    columns, forms = {}, {}
    for name, column in zip(names, X.columns):
        columns[name], form = _values(X[column])
        if form:
            forms[name] = form
    named = all(isinstance(name, str) for name in X.columns)
    return Table(columns, forms, named, first=0)


def _values(series):
    """(N,) numbers or objects, and the format of dates or None."""
    array = np.asarray(series)
    if array.dtype.kind in "buif" and array.dtype != np.float16:
        return array, None
    if array.dtype.kind == "M":
        days = array.astype("datetime64[ms]").astype(np.float64) / 86_400_000
        days[np.isnat(array)] = np.nan
        return days, _date_format(days)
    if array.dtype.kind == "m":
        days = array.astype("timedelta64[ms]").astype(np.float64) / 86_400_000
        return np.where(np.isnat(array), np.nan, days), None
    values = [None if _is_missing(value) else value for value in array.tolist()]
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, datetime.date) for value in known):
        days = np.array([np.nan if value is None else days_since(value) for value in values])
        return days, _date_format(days)
    if known and all(hasattr(v, "__float__") and not isinstance(v, bool | str) for v in known):
        return np.array([np.nan if v is None else float(v) for v in values]), None
    return np.array([*values, None], dtype=object)[:-1], None


def _date_format(days):
    known = days[~np.isnan(days)]
    return "%Y-%m-%d" if (known == np.floor(known)).all() else "%Y-%m-%d %H:%M:%S"


def _is_missing(value):
    """Whether this is None, NaN, pandas.NA or NaT: what does not equal itself."""
    try:
        return value is None or value == "" or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA says neither yes nor no
        return True


def table_of_array(X):
    """The Table of an array (N, D) of numbers or objects, without names."""
    columns = {f"x{i + 1}": _values(column)[0] for i, column in enumerate(X.T)}
    return Table(columns, named=False, first=0)


def table_of_values(values, n):
    """The Table of n rows of some columns.

    values  name → one value, or n; a row or the columns of a data frame

    Raises  TypeError, ValueError   it is none of these
    """
    if not hasattr(values, "keys") and not is_frame(values):
        raise TypeError(
            f"y must be a dict, name → value, or rows of a data frame, found {short(values)}."
        )
    names = values.columns if is_frame(values) else values.keys()
    columns, first = {}, None
    for name in names:
        array = np.asarray(values[name])
        if array.shape not in ((), (1,), (n,)):
            raise ValueError(
                f"{name} has shape {array.shape}; expected one value, or one for each of {n} rows."
            )
        columns[str(name)] = _values(np.broadcast_to(array, (n,)))[0]
        first = 0 if array.size > 1 else first
    return Table(columns, first=first)


def frame(columns, name, dates=(), index=None):
    """A data frame of columns (name → (N,)); the dict itself if the package is not installed.

    name    of the package, pandas or polars
    dates   the names of columns that are days since 1970
    index   of pandas, the names of the rows
    """
    columns = {key: _dates(x) if key in dates else x for key, x in columns.items()}
    try:
        if name == "polars":
            import polars

            return polars.DataFrame({key: values.tolist() for key, values in columns.items()})
        import pandas
    except ImportError:
        return columns
    return pandas.DataFrame(columns, index=index)


def filled(X, columns, dates=()):
    """A data frame with other columns in the place of some, of the same types where that can be."""
    columns = {key: _dates(x) if key in dates else x for key, x in columns.items()}
    if library(X) == "polars":
        import polars

        return X.with_columns(**{key: polars.Series(x.tolist()) for key, x in columns.items()})
    X = X.copy()
    for key, values in columns.items():
        column = type(X[key])(values, index=X.index)
        with contextlib.suppress(TypeError, ValueError):
            column = column.astype(X[key].dtype)
        X[key] = column
    return X


def _dates(days):
    return (days * 86_400).astype("datetime64[s]")
