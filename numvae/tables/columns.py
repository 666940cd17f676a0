"""What each column of a table is: its rows as numbers for a model, and the model's rows as a table.

    kind           what it holds                    becomes
    number         numbers                          a column of them, of the likelihood given
    gaussian       real numbers                     a column of them
    poisson        counts                           a column of them
    negative-binomial   counts that vary more       a column of them
    bernoulli      one of two levels                a column of 0 and 1
    categorical    one of several levels            a column of 0 and 1 for each
    id             names or numbers of the rows     nothing; stands beside what is said of a row
    constant       always the same                  nothing; stands again in the rows that are made
    ignore         anything else                    nothing

Read next: frames.
"""

import datetime
import math
from dataclasses import dataclass, field, replace

import numpy as np

from numvae.rules import model_choice
from numvae.rules.negative_binomial import COUNTS
from numvae.tables import cells
from numvae.text import listed, printable, short

MODELLED = ("number", "gaussian", *COUNTS, "bernoulli", "categorical")  # in their blocks' order
KINDS = (*MODELLED, "id", "constant", "ignore")
LEVELLED = ("bernoulli", "categorical", "constant")
CHOICES = (*MODELLED[1:], "id", "ignore")  # of a user

MOST_LEVELS = 100  # of text; more are names
MOST_CODES = 10  # of whole numbers; more are quantities
FEWEST = 10  # rows, of which something can be guessed
FAR = 1e38  # larger numbers to condition on would overflow in float32
A_FEW, MOST_COUNT = 3, 10_000  # counts begin at most at the first; from the other on are amounts
PIXELS = 50  # columns of whole numbers from 0 to the same largest one
SAVED = ("name", "kind", "levels", "decimals", "form")
NAMES_OF_CLASSES = ("target", "label", "class", "y")
NAMES_OF_IDS = ("id", "index", "no", "nr", "number", "row", "rownames", "key", "uuid", "")


@dataclass
class Table:
    """Named columns, and how they were written.

    columns     name → (N,): real numbers, NaN where nothing is known; or objects (texts, bools,
                whole numbers as names), None where nothing is known
    forms       name → how a number is written, such as "{} g"; of dates, which are days since
                1970, their format, such as "%Y-%m-%d"
    named       whether the names came with it; else they are x1, x2, …
    first       the number of its first row, as a spreadsheet counts; None: its rows are all alike
    note        what a reader should know of how it was read
    """

    columns: dict
    forms: dict = field(default_factory=dict)
    named: bool = True
    delimiter: str = ","
    decimal: str = "."
    first: int | None = 1
    note: str = ""

    def __len__(self):
        return len(next(iter(self.columns.values()), ()))


@dataclass
class Column:
    """One column of a table, for a model."""

    name: str
    kind: str
    levels: list | None = None  # of bernoulli and categorical; the one value of a constant
    decimals: int | None = None  # that the numbers have; None: many
    form: str | None = None  # see Table.forms
    why: str = ""  # it is of this kind
    unknown: float = 0.0  # the share of its rows that are missing

    @property
    def is_date(self):
        """Whether its numbers are days since 1970."""
        return self.form is not None and "{}" not in self.form

    @property
    def width(self):
        """How many columns it becomes."""
        return len(self.levels) if self.kind == "categorical" else int(self.kind in MODELLED)

    @property
    def labels(self):
        """The names of these."""
        if self.kind == "categorical":
            return [f"{self.name}={level}" for level in self.levels]
        if self.kind == "bernoulli":
            return [f"{self.name}={self.levels[1]}"]
        return [self.name]

    def encode(self, values, first=1):
        """Shapes  (N,) → (N, width) float64, NaN where nothing is known

        first   the number of the first row, or None

        Raises  ValueError   the sentence names the row
        """
        if self.levels is None:
            return self._numbers(values, first)[:, None]
        place = self._places(values, first)
        if self.kind == "bernoulli":
            return place[:, None]
        one_hot = (place[:, None] == np.arange(len(self.levels))).astype(np.float64)
        one_hot[np.isnan(place)] = np.nan
        return one_hot

    def decode(self, x):
        """Shapes  x (N, width) → (N,): levels, or numbers with no more decimals than they had"""
        if self.kind == "constant":
            return _array(self.levels * len(x))
        if self.levels is not None:
            unknown = np.isnan(x).any(axis=1)
            place = x.argmax(axis=1) if self.kind == "categorical" else x[:, 0] >= 0.5
            given = [None if no else self.levels[i] for i, no in zip(place.astype(int), unknown)]
            return _array(given)
        x = x[:, 0].astype(np.float64)
        if self.decimals is None:
            return x
        x = np.round(x, self.decimals) + 0.0  # −0.0 is 0.0
        whole = self.decimals == 0 and (np.abs(x) < 2**53).all()  # NaN is not below
        return x.astype(np.int64) if whole else x

    def texts(self, values, decimal="."):
        """The values as they were written: (N,) texts, empty where nothing is known."""
        missing = is_missing(values)
        return ["" if no else self._text(x, decimal) for x, no in zip(values.tolist(), missing)]

    def _text(self, value, decimal):
        value = _plain(value)
        if isinstance(value, str):
            return value
        if self.is_date:
            days = min(max(value, cells.FIRST_DAY), cells.LAST_DAY)
            return (cells.EPOCH + datetime.timedelta(days=days)).strftime(self.form)
        if self.levels is not None or self.kind == "id":
            text = str(value)
        else:
            text = f"{value:.9g}" if self.decimals is None else f"{value:.{self.decimals}f}"
        return (self.form or "{}").replace("{}", text.replace(".", decimal))

    def _numbers(self, values, first):
        if values.dtype.kind in "buif":
            return values.astype(np.float64)
        found = np.full(len(values), np.nan)
        for i, value in enumerate(values):
            if value is not None:
                try:
                    found[i] = value
                except (TypeError, ValueError):
                    raise ValueError(
                        f"{short(value)} in {_row(i, first)}column {printable(self.name)}; "
                        "expected a number."
                    ) from None
        return found

    def _places(self, values, first):
        """The place of each value among the levels, NaN where nothing is known."""
        # Equal levels are one: 1, 1.0 and True are told apart from "1" only.
        places = {_plain(level): i for i, level in enumerate(self.levels)}
        found, missing = np.full(len(values), np.nan), is_missing(values)
        for i, value in enumerate(values):
            if not missing[i]:
                try:
                    found[i] = places[_plain(value)]
                except KeyError:
                    raise ValueError(
                        f"{short(_plain(value))} in {_row(i, first)}column "
                        f"{printable(self.name)} was not seen in training; its levels are "
                        f"{_some(self.levels)}."
                    ) from None
        return found


@dataclass
class Columns:
    """All columns of a table.

    base        the likelihood of those that are real numbers
    condition   name → (center, scale) of the columns y that a model is conditioned on, `given`;
                those that it describes, x, are `used`. A model's rows are (x, y), numbers of y as
                (number − center) / scale, levels as one-hot columns
    """

    columns: list
    base: str
    named: bool = True
    delimiter: str = ","
    decimal: str = "."
    library: str | None = None  # of the data frame that it was: pandas or polars
    condition: dict = field(default_factory=dict)
    doubts: list = field(default_factory=list)  # what a user should know of the guess

    def __post_init__(self):
        self._of_name = {column.name: column for column in self.columns}
        in_order = [c for kind in MODELLED for c in self.columns if c.kind == kind]
        self.used = [c for c in in_order if c.name not in self.condition]
        self.given = [c for name in self.condition for c in in_order if c.name == name]

    def __getitem__(self, name):
        return self._of_name[name]

    @property
    def names(self):
        return [column.name for column in self.columns]

    @property
    def dates(self):
        """The names of the columns that are dates, as days since 1970."""
        return {column.name for column in self.columns if column.is_date}

    @property
    def ids(self):
        """The names of the columns that name the rows."""
        return [column.name for column in self.columns if column.kind == "id"]

    @property
    def labels(self):
        """The names of the D columns of a model's rows."""
        return [label for column in self.used for label in column.labels]

    @property
    def starts(self):
        """Where each column that is used begins among the D columns of a model's rows."""
        return np.cumsum([0, *(column.width for column in self.used)])[:-1]

    @property
    def n_condition(self):
        """C, how many numbers the columns become that a model is conditioned on."""
        return sum(column.width for column in self.given)

    @property
    def likelihood(self):
        """The blocks of the D columns, such as gaussian:2,bernoulli:1,categorical:3."""
        if any(column.kind == "number" for column in self.used):
            return self.base
        blocks = []
        for column in self.used:
            kind = self.base if column.kind == "gaussian" else column.kind
            if blocks and blocks[-1][0] == kind != "categorical":
                blocks[-1][1] += column.width
            else:
                blocks.append([kind, column.width])
        if len(blocks) == 1 and blocks[0][0] != "categorical":
            return blocks[0][0]
        return ",".join(f"{kind}:{width}" for kind, width in blocks)

    def encode(self, table):
        """The rows of a table for the model; columns are found by their names, in any order.

        Shapes  → (N, D + C) float64, NaN where nothing is known
        Raises  ValueError   a column is missing, or a value is none that it can have
        """
        first, table = table.first, self.by_name(table)
        missing = [c.name for c in (*self.used, *self.given) if c.name not in table]
        if missing:
            raise ValueError(
                f"There is no column {_some(missing)}, which the model was trained on; there are "
                f"{_some(list(table))}."
            )
        parts = [column.encode(table[column.name], first) for column in self.used]
        single = all(table[column.name].dtype == np.float32 for column in self.used)
        parts += [self._given(column, table[column.name], first) for column in self.given]
        return np.concatenate(parts, axis=1, dtype=np.float32 if single else np.float64)

    def encode_condition(self, table):
        """The rows of a table that has at least the columns that a model is conditioned on, as y.

        Shapes  → (N, C) float64
        Raises  ValueError   as `encode`, or a value is not known
        """
        missing = [column.name for column in self.given if column.name not in table.columns]
        if missing:
            raise ValueError(
                f"There is no {_some(missing)} in y, which the model is conditioned on."
            )
        parts = [self._given(c, table.columns[c.name], table.first) for c in self.given]
        return np.concatenate(parts, axis=1)

    def typed(self, text):
        """What is typed for the columns that a model is conditioned on, as A,12.5: name → value.

        Raises  ValueError   there are more or fewer, or one is no number
        """
        names = [column.name for column in self.given]
        values = text.split(",") if len(names) > 1 else [text]
        if len(values) != len(names):
            raise ValueError(
                f"expected a value for {_some(names)}, with commas between them, found {text}."
            )
        found = {}
        for column, value in zip(self.given, values):
            if column.levels is None:
                if not (read := cells.numbers([value])):
                    raise ValueError(
                        f"expected a number for {printable(column.name)}, found {short(value)}."
                    )
                found[column.name] = float(read[0][0])
            else:
                found[column.name] = {str(level): level for level in column.levels}.get(
                    value, value
                )
        return found

    def _given(self, column, values, first):
        center, scale = self.condition[column.name]
        return (_known(column, values, first) - center) / scale

    def conditioned(self, names, table):
        """These Columns of a table for a model that is conditioned on those of these names.

        Raises  ValueError   a name that is not there, or of a column that is left out; no other
                             column is left
        """
        for name in names:
            if name not in self.names:
                raise ValueError(
                    f"There is no column {printable(name)} to condition on; there are "
                    f"{_some(self.names)}."
                )
            column = self[name]
            if column not in self.used:
                why = f" ({printable(column.why)})" * bool(column.why)
                raise ValueError(
                    f"A model cannot be conditioned on column {printable(name)}, which is "
                    f"{column.kind}{why}; say what it is by columns, or leave it out."
                )
        if all(column.name in names for column in self.used):
            raise ValueError(f"No column is left to be described given {_some(list(names))}.")
        return self._measured(names, table)

    def _measured(self, names, table):
        """The same Columns conditioned on some, of which mean and standard deviation are taken."""
        condition = dict.fromkeys(names, (0.0, 1.0))
        for name in names:
            if self[name].levels is None:
                x = _known(self[name], table.columns[name], table.first)
                condition[name] = float(x.mean()), float(x.std()) or 1.0
        return replace(self, condition=condition)

    def decode(self, x, y=None):
        """The table of a model's rows: name → (N,), without ids and what was ignored; of x alone,
        where y is not given.

        Shapes  x (N, D), y (N, C), one-hot blocks as probabilities or as drawn; the likeliest level
                is given
        """
        parts = dict(self._parts(self.used, x)) | ({} if y is None else self.parts_given(y))
        return {
            column.name: column.decode(parts.get(column.name, x))
            for column in self.columns
            if column.name in parts or column.kind == "constant"
        }

    def parts_given(self, y):
        """name → (N, width), each column that a model is conditioned on, numbers in their own
        units. Shapes  y (N, C)"""
        found = {}
        for name, part in self._parts(self.given, y):
            center, scale = self.condition[name]
            found[name] = center + scale * part
        return found

    @staticmethod
    def _parts(columns, x):
        """The name of each of some columns, and what it becomes: its part of x."""
        edges = np.cumsum([column.width for column in columns])[:-1]
        return zip((column.name for column in columns), np.split(x, edges, axis=1))

    def categories_as_text(self, table):
        """A table that `decode` made, without constants, its categories as texts; for pictures."""
        return {
            name: values if self[name].levels is None else _as_text(values)
            for name, values in table.items()
            if self[name].kind != "constant"
        }

    def colours(self, x, y=None, most=20):
        """What the codes of a model's rows may be coloured by: name → (N,) texts of few levels,
        then numbers; in the place of what is not known stands "?", or the mean.

        Shapes  x (N, D), y (N, C) or None
        """
        table = self.categories_as_text(self.decode(x, y))
        found = {}
        for name, values in table.items():
            if values.dtype == object and len(set(values)) <= MOST_CODES:
                found[name] = np.array(["?" if value is None else value for value in values])
        for name, values in table.items():
            if values.dtype != object and not np.isnan(values).all():
                found[name] = np.where(np.isnan(values), np.nanmean(values), values)
        return dict(list(found.items())[:most])

    def filled(self, table, x):
        """The columns of a table in which something is not known, with that filled in from a
        model's rows x (N, D): name → (N,)."""
        found, made = {}, self.decode(x)
        for name, values in self.by_name(table).items():
            missing = is_missing(values)
            if name in made and missing.any():
                whole = values.astype(object)
                whole[missing] = made[name][missing]
                found[name] = _array(whole.tolist())
        return found

    def unknown(self, table):
        """The names of the columns of a table that these are not."""
        return [name for name in self.by_name(table) if name not in self._of_name]

    def by_name(self, table):
        """name → (N,), the columns of a table in its order, under the names that they have here;
        where one side has no names, they are the same columns in the same order.

        Raises  ValueError   they cannot be: these are more, or fewer
        """
        if table.named and self.named:
            return table.columns
        if len(table.columns) != len(self.columns):
            raise ValueError(
                f"It has {len(table.columns)} columns, but the model was trained on a table of "
                f"{len(self.columns)}, and without names on both sides nothing says which is which."
            )
        return dict(zip(self.names, table.columns.values()))

    def lines(self):
        """What was chosen for each column, and why, as lines of text; equal ones together."""
        groups = {}
        for column in self.columns:
            said = column.kind
            if column.kind == "categorical":
                said = f"{len(column.levels)} categories"
            groups.setdefault((said, column.why), []).append(column)
        rows = [
            (_joined([c.name for c in some]), said, why + _missing(some))
            for (said, why), some in groups.items()
        ]
        wide = max(len(names) for names, _, _ in rows)
        broad = max(len(said) for _, said, _ in rows)
        return [f"  {a:<{wide}}  {b:<{broad}}  {c}".rstrip() for a, b, c in rows]

    def plain(self):
        """As JSON can hold it."""
        return {
            "base": self.base,
            "named": self.named,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "library": self.library,
            "condition": [
                {"name": name, "center": center, "scale": scale}
                for name, (center, scale) in self.condition.items()
            ],
            "columns": [
                {key: value for key in SAVED if (value := getattr(column, key)) is not None}
                for column in self.columns
            ],
        }

    @classmethod
    def of_plain(cls, plain):
        """The Columns that `plain` said."""
        condition = {c["name"]: (c["center"], c["scale"]) for c in plain.get("condition", ())}
        columns = [Column(**column) for column in plain["columns"]]
        return cls(**{**plain, "columns": columns, "condition": condition})


def guess(table, base="gaussian-sigma-z", chosen=None):
    """The Columns of a table.

    base    a likelihood: a Gaussian for the columns that are real numbers; any other one, or one
            in blocks, is that of all columns, which are numbers then, as they stand
    chosen  name → kind, where the user has chosen

    Raises  ValueError   a name that is not there, a kind that does not suit, nothing to train on
    """
    chosen = dict(chosen or {})
    for name in chosen:
        if name not in table.columns:
            raise ValueError(
                f"There is no column {printable(name)} to be {chosen[name]}; there are "
                f"{_some(list(table.columns))}."
            )
    given = not base.startswith("gaussian") or ":" in base
    columns = []
    for name, values in table.columns.items():
        form, kind = table.forms.get(name), chosen.get(name)
        if kind is None:
            kind = "number" if given else None
        if kind:
            column = _chosen(name, values, form, kind, table.first)
        else:
            column = _guess(name, values, form, table.first)
        columns.append(column)
    if not given:
        _alike(columns, table, chosen)
    for column in columns:
        column.unknown = float(is_missing(table.columns[column.name]).mean())
    found = Columns(columns, base, table.named, table.delimiter, table.decimal)
    found.doubts = [*_left_out(columns, chosen), *sentinels(table)]
    if not found.used:
        why = ", ".join(f"{printable(c.name)} ({printable(c.why)})" for c in columns[:6])
        raise ValueError(f"No column is left to train on: {why}.")
    return found


def of_known(known):
    """The Columns of what a model is conditioned on, where that stands beside its rows.

    known   name → (N,) integers, bools or texts, which are classes, or floats, which are numbers

    Raises  ValueError   more integers than there can be classes, or as many texts as rows
    """
    columns = []
    for name, values in known.items():
        if values.dtype.kind == "f":
            columns.append(Column(name, "gaussian", None, _decimals(values)))
            continue
        columns.append(Column(name, "categorical", _levels(values)))
        n = len(columns[-1].levels)
        if values.dtype.kind in "iu" and n > MOST_LEVELS:
            raise ValueError(
                f"{printable(name)} has {n} different whole numbers, too many for classes: make "
                "them floats, to condition on a number."
            )
        if n > MOST_LEVELS and n == len(values):
            raise ValueError(
                f"{printable(name)} is another in each of {n} rows, so it is no class."
            )
    return Columns(columns, "gaussian")._measured(list(known), Table(known))


def _row(i, first):
    return "" if first is None else f"row {i + first} of "


def _known(column, values, first):
    """A column that a model is conditioned on, as `encode` gives it.

    Raises  ValueError   one of its values is not known, or infinite or nearly so
    """
    x = column.encode(values, first)
    if not (known := (np.abs(x) < FAR).all(axis=1)).all():
        row = int(known.argmin())
        found = "A missing value" if np.isnan(x[row]).any() else f"{x[row, 0]:g}"
        raise ValueError(
            f"{found} in {_row(row, first)}column {printable(column.name)}, which the model is "
            "conditioned on: leave such rows out."
        )
    return x


def _left_out(columns, chosen):
    """A sentence if the program has left out columns that are not empty."""
    left = [c for c in columns if c.kind == "ignore" and c.name not in chosen and c.why != "empty"]
    if left:
        yield f"Left out: {listed([f'{c.name} ({c.why})' for c in left])}."


def _guess(name, values, form, first):
    """The Column that these values are guessed to be."""
    known = values[~is_missing(values)]
    if len(known) == 0:
        return Column(name, "ignore", why="empty")
    levels = _levels(known)
    if len(levels) == 1:
        constant = Column(name, "constant", levels, form=form)
        constant.why = f"always {constant.texts(known)[0]}"
        return constant
    dates = Column(name, "ignore", form=form, why="dates; as gaussian they are days")
    if dates.is_date:
        return dates
    if not all(isinstance(level, int | float) for level in levels):
        _check_strays(name, values, first)
        return _of_texts(name, known, levels)
    return _of_numbers(name, known.astype(np.float64), levels, form)


def _check_strays(name, values, first):
    """Raise ValueError if most of these texts are numbers, but a few are not."""
    texts = np.flatnonzero(~is_missing(values))
    # With leading zeros, such as 00501, they are names.
    strays = [i for i in texts if cells.numbers([str(values[i]).lstrip("0") or "0"]) is None]
    if 0 < len(strays) < len(texts) / 2:
        raise ValueError(
            f"{short(values[strays[0]])} in row {strays[0] + first} of column {printable(name)}, "
            f"where {len(texts) - len(strays)} of {len(texts)} are numbers; correct it, make it a "
            "missing value (--na), or choose what the column is (--columns "
            f"'{printable(name)}:categorical', in Python columns={{{printable(name)!r}: "
            "'categorical'})."
        )


def _of_texts(name, known, levels):
    if len(levels) == len(known) and (len(known) > 2 or not name):
        return Column(name, "id", why="texts that are all different")
    if len(levels) == 2:
        return Column(name, "bernoulli", levels, why=" or ".join(map(_short, levels)))
    if len(levels) <= MOST_LEVELS and _enough(known, levels):
        return Column(name, "categorical", levels, why=_some(levels))
    return Column(name, "ignore", why=f"{len(levels)} different texts in {len(known)} rows")


def _of_numbers(name, known, levels, form):
    decimals, n = _decimals(known), len(known)
    gaussian = Column(name, "gaussian", None, decimals, form, "numbers")
    if decimals == 0 and len(levels) == n and _counts_rows(name, known):
        return Column(name, "id", why="whole numbers that are all different")
    if decimals == 0 and len(levels) > MOST_CODES and name and _names_rows(name):
        return Column(name, "id", why="whole numbers that are called so")
    if n < FEWEST:
        return gaussian
    if len(levels) == 2:
        return Column(name, "bernoulli", levels, None, form, " or ".join(map(_short, levels)))
    if decimals == 0:
        low, high = levels[0], levels[-1]
        if counts := kind_of_counts(known):
            why = "counts" + " that vary more" * (counts != "poisson")
            return Column(name, counts, None, 0, form, why)
        few = len(levels) <= MOST_CODES and _enough(known, levels)
        if few and high - low < 1.5 * len(levels):
            why = f"{len(levels)} whole numbers from {low} to {high}"
            return Column(name, "categorical", levels, None, form, why)
        gaussian.why = "whole numbers"
    return gaussian


def _chosen(name, values, form, kind, first):
    """The Column of the kind that the user has chosen."""
    known, why = values[~is_missing(values)], "as given"
    if kind in ("id", "ignore"):
        return Column(name, kind, why=why)
    if kind in ("bernoulli", "categorical"):
        levels = _levels(known)
        if len(levels) < 2 or kind == "bernoulli" and len(levels) > 2:
            raise ValueError(
                f"Column {printable(name)} has {len(levels)} different values, so it cannot be "
                f"{kind}."
            )
        return Column(name, kind, levels, None, form, why)
    column = Column(name, kind, None, None, form, why)
    numbers = column.encode(values, first)[:, 0]
    column.decimals = _decimals(numbers)
    if kind in COUNTS and (column.decimals != 0 or np.nanmin(numbers) < 0):
        raise ValueError(
            f"Column {printable(name)} holds other numbers than 0, 1, 2, …, so it cannot be {kind}."
        )
    return column


def _alike(columns, table, chosen):
    """Columns that belong together are of one kind: pixels, and counts of many things."""
    whole = [
        column
        for column in columns
        if column.name not in chosen and column.name.lower() not in NAMES_OF_CLASSES
        if table.columns[column.name].dtype.kind in "iuf"
        if column.kind in MODELLED and _decimals(table.columns[column.name]) == 0
    ]
    lows = [np.nanmin(table.columns[column.name]) for column in whole]
    highs = np.array([np.nanmax(table.columns[column.name]) for column in whole])
    are_pixels = (
        len(whole) >= PIXELS
        and min(lows) >= 0
        and max(highs) > MOST_CODES
        and np.mean(highs == max(highs)) > 0.25
    )
    from_0 = [(column, high) for column, low, high in zip(whole, lows, highs) if low == 0]
    counted = [column.kind in COUNTS for column, high in from_0 if high > A_FEW]
    are_counts = len(from_0) >= FEWEST and 2 * sum(counted) > len(counted)
    for column, low in zip(whole, lows):
        if are_pixels:
            column.kind, column.why = "gaussian", f"from 0 to {max(highs):g}, like pixels"
        elif are_counts and low == 0 and column.kind not in COUNTS:
            column.kind, column.why = "poisson", "counts, like other columns"
        else:
            continue
        column.levels, column.decimals = None, 0


def _counts_rows(name, known):
    """Whether numbers, all different, are likely to name the rows."""
    low, high = known.min(), known.max()
    in_order = low in (0, 1) and high - low == len(known) - 1
    return _names_rows(name) or in_order and len(known) >= FEWEST


def _names_rows(name):
    """Whether a column is called as those are that name the rows."""
    words = name.lower().replace("-", "_").replace(" ", "_").split("_")
    return words[-1] in NAMES_OF_IDS or name.endswith(("Id", "ID"))


def _enough(known, levels):
    """Whether there are rows enough to learn about each level."""
    return len(known) >= (3 if len(levels) <= 20 else 10) * len(levels)


def kind_of_counts(known):
    """The distribution of counts that describes whole numbers, or None: if they begin at 0 or soon
    after it, and that one is the best in `model_choice.bic`. A probability for each is one of the
    others only if they are few, and the negative binomial, which would fit any quantity that is
    skewed, only if they begin at 0.

    Shapes  known (n,)
    """
    low = known.min()
    if not (0 <= low <= A_FEW < known.max() < MOST_COUNT):
        return None
    found = model_choice.bic(known)
    if low > 0:
        del found["negative-binomial"]
    if len(np.unique(known)) > MOST_CODES:
        del found["categorical"]
    best = max(found, key=found.get)
    return best if best in COUNTS else None


def _levels(known):
    """The different values in order, as JSON can hold them."""
    if known.dtype.kind == "O":
        found = list(dict.fromkeys(map(_plain, known)))
        return sorted(found, key=lambda value: (isinstance(value, str), _order(value)))
    return [_plain(value) for value in np.unique(known)]


def _order(value):
    return (value.casefold(), value) if isinstance(value, str) else (value, "")


def _plain(value):
    """A value as a plain text, bool or number; whole numbers are ints."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and math.isfinite(value) and value == math.floor(value):
        return int(value)
    return value if isinstance(value, int | float) else str(value)  # a bool is an int


def _decimals(numbers):
    """The most decimals that these numbers have, at most 6; None: more."""
    known = numbers[~np.isnan(numbers)].astype(np.float64)
    for decimals in range(7):
        if np.allclose(np.round(known, decimals), known, rtol=1e-15, atol=0):
            return decimals
    return None


def is_missing(values):
    """Shapes  (N,) → (N,) bool: where nothing is known"""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.array([value is None for value in values], dtype=bool)


def _array(values):
    """Plain values as an array: of their own type, or of objects."""
    kinds = {type(value) for value in values}
    if kinds in ({int}, {float}, {bool}, {int, float}):
        return np.array(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _as_text(values):
    return np.array([None if x is None else str(x) for x in values], dtype=object)


def _short(value):
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value)) or "(no name)"


def _some(values, most=6):
    shown = ", ".join(map(_short, values[:most]))
    return shown + f", … ({len(values)} in all)" * (len(values) > most)


def _joined(names, most=4):
    if len(names) <= most:
        return _some(names, most)
    return f"{printable(names[0])} … {printable(names[-1])} ({len(names)})"


def _missing(columns):
    """How much of some columns is missing, as the end of a sentence."""
    shares = [column.unknown for column in columns if column.kind in MODELLED] or [0.0]
    low, high = min(shares), max(shares)
    if high == 0.0:
        return ""
    if low == high:
        return f"; {high:.1%} missing"
    return f"; up to {high:.1%} missing" if low == 0.0 else f"; {low:.1%} to {high:.1%} missing"


def sentinels(table):
    """Sentences about numbers that look like codes for missing values, such as −999."""
    for name, values in table.columns.items():
        if values.dtype.kind not in "iuf":
            continue
        known = np.sort(values[~is_missing(values)].astype(np.float64))
        for value in {known[0], known[-1]} if len(known) else ():
            digits = str(abs(int(value))) if np.isfinite(value) and value == int(value) else ""
            others, n = known[known != value], int((known == value).sum())
            if len(digits) < 2 or set(digits) != {"9"} or n < 2 or len(others) < FEWEST:
                continue
            far = abs(value - np.median(others)) > 2 * np.ptp(others)
            if far or value < 0 <= others.min():
                yield (
                    f"{value:g} stands {n} times in column {printable(name)}, unlike all other "
                    f"values: if it means not known, say so (--na {value:g}, in Python NaN)."
                )
