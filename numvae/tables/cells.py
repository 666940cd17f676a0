"""Cells of text: which of them say nothing, and which are numbers or dates."""

import math
import re
from datetime import datetime

import numpy as np

# What people write where they do not know; capitals or not. `--na` adds to them.
MISSING = frozenset(("", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "."))

_NUMBER = r"[+-]?(?:\d{{1,3}}(?:[{thousands}]\d{{3}})+|\d+)?(?:[{decimal}]\d*)?(?:[eE][+-]?\d+)?"
_WRITTEN = r"([$€£¥]\s?)?({number})(\s?[%‰$€£¥]|\s?[^\W\d_][^\d\s]{{0,11}})?"
PATTERNS = {
    decimal: re.compile(
        _WRITTEN.format(number=_NUMBER.format(decimal=decimal, thousands=f"{other}'’ \u00a0\u202f"))
    )
    for decimal, other in ((".", ","), (",", "."))
}

DATES = (
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%b %Y",
    "%B %Y",
    "%H:%M",
    "%H:%M:%S",
)
EPOCH = datetime(1970, 1, 1)
FIRST_DAY, LAST_DAY = -719_162, 2_932_896  # of the years 1 and 9999, in days since 1970


def known(cells, missing=MISSING):
    """The cells without blanks at their ends, None for those that say nothing."""
    stripped = (cell.strip() for cell in cells)
    return [None if cell.lower() in missing else cell for cell in stripped]


def plain_numbers(cells, missing=MISSING):
    """(N,) float64 of cells that Python reads as numbers, NaN for those that say nothing; None if
    there are others, or numbers with leading zeros, which are names, such as 00501."""
    together = "\0".join(cells)
    if "_" in together or re.search(r"(?:^|\0)\s*[+-]?0\d", together):
        return None
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        numbers = None
    if numbers is None or missing is not MISSING:  # which may hold numbers, such as -999
        cleaned = ["nan" if cell is None else cell for cell in known(cells, missing)]
        try:
            numbers = np.array(cleaned, dtype=np.float64)
        except ValueError:
            return None
    if np.isinf(numbers).any():
        return None
    words = [word for word in missing if _is_number(word)]
    numbers[np.isin(numbers, np.array(words, dtype=np.float64))] = np.nan  # −999 is −999.0
    return numbers


def _is_number(word):
    try:
        return np.isfinite(float(word))
    except ValueError:
        return False


def numbers(cells, decimal="."):
    """Numbers as people write them: 3,750 or 12.5% or 18 g or € 20, all in the same format.

    cells       texts, None where nothing is known
    decimal     the mark before the decimals, a point or a comma; the other one sets off thousands

    Returns (N,) float64, NaN where nothing is known, and the form, such as "{} g"; None if some are
    no numbers
    """
    found, forms = np.full(len(cells), np.nan), set()
    for i, cell in enumerate(cells):
        if cell is None:
            continue
        match = PATTERNS[decimal].fullmatch(cell)
        digits = re.split("[eE]", match[2].lstrip("+-"))[0] if match else ""
        if not any(map(str.isdigit, digits)) or digits[:1] == "0" and digits[1:2].isdigit():
            return None
        forms.add(f"{match[1] or ''}{{}}{match[3] or ''}")
        if len(forms) > 1:
            return None
        plain = match[2].replace("." if decimal == "," else ",", "").replace(",", ".")
        found[i] = float(re.sub(r"[^\deE+\-.]", "", plain))
    return (found, forms.pop()) if forms and np.isfinite(found[~np.isnan(found)]).all() else None


def dates(cells):
    """Dates and times of day: (N,) float64 in days since 1970, NaN where nothing is known, and
    their format; None if some are none."""
    distinct = dict.fromkeys(cell for cell in cells if cell is not None)
    if not distinct:
        return None
    for form in ("iso", *DATES):
        try:
            days = {cell: _days(cell, form) for cell in distinct}
        except ValueError:
            continue
        whole = all(value == math.floor(value) for value in days.values())
        if form == "iso":
            form = "%Y-%m-%d" if whole else "%Y-%m-%d %H:%M:%S"
        return np.array([math.nan if cell is None else days[cell] for cell in cells]), form
    return None


def _days(cell, form):
    if form == "iso":
        if cell.isdigit():
            raise ValueError("a number")
        when = datetime.fromisoformat(cell)
    else:
        when = datetime.strptime(cell, form)
    return days_since(when)


def days_since(when):
    """A date or a datetime in days since 1970, as float."""
    if not isinstance(when, datetime):
        return float((when - EPOCH.date()).days)
    return (when.replace(tzinfo=None) - EPOCH).total_seconds() / 86400
