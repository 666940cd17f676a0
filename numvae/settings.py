"""Every setting of a model and its training, once: name, default, constraint and a line of help.

From this table come the parameters of `VAE`, the flags of scripts/train.py and their --help, the
checks of both, and the header of a file. To add a setting, add a line here, and use it.

Read next: training/loop.py.
"""

import dataclasses
import difflib
import math
import numbers
import textwrap
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np

from numvae.network import likelihoods, objectives
from numvae.rules import activations, corruption, schedules
from numvae.training.optimizers import OPTIMIZERS

# Constraints. Called with a value, each returns it as a plain Python value, or raises TypeError or
# ValueError with the end of a sentence that begins with the setting's name. `parse` makes a value
# of what was typed, as `metavar` shows it; what it cannot read it leaves as text, for the call to
# refuse.


class Number(NamedTuple):
    """A finite number of a kind, int or float, within bounds. True and False are no numbers."""

    kind: type
    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf

    @property
    def metavar(self):
        return "N" if self.kind is int else "X"

    def parse(self, text):
        try:
            return self.kind(text)
        except ValueError:
            return text

    def __call__(self, value):
        wanted = numbers.Integral if self.kind is int else numbers.Real
        if not isinstance(value, wanted) or isinstance(value, (bool, np.bool_)):
            raise TypeError(f"must be {self}, found {value!r}.")
        try:
            inside = math.isfinite(value) and self.least <= value <= self.most
        except OverflowError:  # a whole number that no float can hold
            inside = False
        if not (inside and self.above < value < self.below):
            raise ValueError(f"must be {self}, found {value!r}.")
        return self.kind(value)

    def __str__(self):
        words = zip(("at least", "above", "at most", "below"), self[1:])
        bounds = [f"{word} {bound:g}" for word, bound in words if math.isfinite(bound)]
        return ("a whole number " if self.kind is int else "a number ") + " and ".join(bounds)


class Choice(NamedTuple):
    """One of several names; for an unknown one the nearest is suggested."""

    names: tuple
    parse = staticmethod(str)

    @property
    def metavar(self):
        return f"{{{','.join(self.names)}}}"

    def __call__(self, value):
        if not isinstance(value, str):
            raise TypeError(f"must be {self}, found {value!r}.")
        if value not in self.names:
            raise ValueError(f"must be {self}, found {value!r}.{near(value, self.names)}")
        return value

    def __str__(self):
        return f"one of {', '.join(self.names)}"


class Flag:
    """True or False."""

    def __call__(self, value):
        if not isinstance(value, (numbers.Integral, np.bool_)):
            raise TypeError(f"must be True or False, found {value!r}.")
        return bool(value)


class Optional(NamedTuple):
    """None, or what another constraint lets through."""

    constraint: object

    @property
    def metavar(self):
        return self.constraint.metavar

    def parse(self, text):
        return self.constraint.parse(text)

    def __call__(self, value):
        return None if value is None else self.constraint(value)


class Widths:
    """A sequence of widths of layers, perhaps empty; typed as 256,256 or none."""

    width, metavar = Number(int, least=1), "H1,H2|none"

    def parse(self, text):
        return () if text == "none" else tuple(map(self.width.parse, text.split(",")))

    def __call__(self, value):
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise TypeError(f"must be a sequence of widths, found {value!r}.")
        return tuple(labelled("widths", self.width, width) for width in value)


class Names(Choice):
    """A name, or several with commas between them."""

    def __call__(self, value):
        for name in value.split(",") if isinstance(value, str) else [value]:
            super().__call__(name)
        return value


class Blocks(Choice):
    """A name, or blocks of columns such as gaussian:3,categorical:5."""

    metavar = "NAME"

    def __call__(self, value):
        if not isinstance(value, str) or ":" not in value:
            return super().__call__(value)
        for block in value.split(","):
            kind, _, width = block.partition(":")
            super().__call__(kind)
            if not width.isdecimal() or int(width) == 0:
                raise ValueError(
                    f"must be {self}, or blocks of columns; in {value!r}, {block!r} needs a number "
                    "of columns, as in gaussian:3."
                )
        return value


class Corruption:
    """A kind of corruption and how much of it; typed as salt_and_pepper:0.3."""

    kind, metavar = Choice(corruption.NAMES), "KIND:AMOUNT"
    amounts = {
        "salt_and_pepper": Number(float, least=0, most=1),
        "gaussian": Number(float, least=0),
    }

    def parse(self, text):
        kind, colon, amount = text.partition(":")
        return (kind, Number(float).parse(amount)) if colon else text

    def __call__(self, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise TypeError(
                "must be a kind and an amount, such as ('gaussian', 0.2), typed as gaussian:0.2, "
                f"found {value!r}."
            )
        kind = labelled("kind", self.kind, value[0])
        return kind, labelled("amount", self.amounts[kind], value[1])


class Seed:
    """None, a whole number, or a generator of NumPy's to draw one from."""

    number = Number(int, least=0)
    parse, metavar = number.parse, number.metavar

    def __call__(self, value):
        drawn = isinstance(value, (type(None), np.random.Generator, np.random.RandomState))
        return value if drawn else self.number(value)


def labelled(name, constraint, value):
    """The value as the constraint returns it; what it raises begins with the name."""
    try:
        return constraint(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} {error}") from None


def near(value, known):
    """' Did you mean …?', or nothing."""
    close = difflib.get_close_matches(str(value), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


# The table. `group` is the heading of a flag in --help; a setting without one has no flag.

MODEL, DATA, TRAINING = "model", "data", "training"
COUNT, NATURAL, SIZE = Number(int, least=1), Number(int, least=0), Number(float, least=0)
POSITIVE, FRACTION = Number(float, above=0), Number(float, least=0, below=1)


def setting(default, constraint, help, group=None, flag=None):
    """A line of the table; flag: of the command line, where it is not the setting's name."""
    metadata = {"constraint": constraint, "help": help, "group": group, "flag": flag}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(eq=False, repr=False)
class Settings:
    n_latent: int = setting(2, COUNT, "latent units, Z", MODEL, "latent")
    _: KW_ONLY
    hidden: Sequence = setting(
        (256,), Widths(), "widths of the encoder's layers; the decoder's in reverse", MODEL
    )
    activation: str = setting(
        "tanh", Names(activations.NAMES), "for all layers, or one for each as elu,tanh", MODEL
    )
    likelihood: str = setting(
        "gaussian",
        Blocks(likelihoods.NAMES),
        "p(x|z): bernoulli for 0 or 1, continuous-bernoulli for 0 to 1, gaussian for real numbers "
        "with one learned σ per column, gaussian-sigma-z with σ(z) from the decoder, "
        "gaussian-fixed with a given σ, categorical for one-hot columns, or blocks of columns such "
        "as gaussian:3,categorical:5",
        MODEL,
    )
    sigma: float = setting(0.1, POSITIVE, "σ of gaussian-fixed", MODEL)
    sigma_min: float = setting(0.01, POSITIVE, "the smallest σ that may be learned", MODEL)
    dropout: float = setting(0.0, FRACTION, "fraction of the units dropped in training", MODEL)
    init_sigma: float | None = setting(
        None, Optional(POSITIVE), "draw all weights from N(0, σ²) with this σ, not by fan-in", MODEL
    )
    epochs: int = setting(100, COUNT, "passes over the training rows", TRAINING)
    batch_size: int = setting(100, COUNT, "rows per step, B", TRAINING)
    optimizer: str = setting("adam", Choice(tuple(OPTIMIZERS)), "the update rule", TRAINING)
    lr: float = setting(1e-3, POSITIVE, "learning rate", TRAINING)
    schedule: str = setting("constant", Choice(schedules.NAMES), "how lr falls", TRAINING)
    clip: float | None = setting(None, Optional(POSITIVE), "longest gradient", TRAINING)
    objective: str = setting(
        "elbo",
        Choice(objectives.NAMES),
        "elbo: the bound with the KL in closed form; sampled-elbo: with the KL of the samples; "
        "iwae: the importance-weighted bound; autoencoder: no noise and no KL",
        TRAINING,
    )
    n_samples: int = setting(1, COUNT, "samples of z per row and step, L", TRAINING, "samples")
    beta: float = setting(1.0, SIZE, "weight of the KL in the loss", TRAINING)
    warmup: int = setting(0, NATURAL, "epochs over which beta rises from 0", TRAINING)
    free_bits: float = setting(0.0, SIZE, "nats of KL per unit without penalty (elbo)", TRAINING)
    denoise: tuple | None = setting(
        None,
        Optional(Corruption()),
        "corrupt the encoder's input, reconstruct the clean row: salt_and_pepper and the fraction "
        "of the values to replace, or gaussian and the σ of the noise to add",
        TRAINING,
    )
    binarize: str = setting(
        "none",
        Choice(("none", "fixed", "dynamic")),
        "draw each gray pixel as 0 or 1; fixed: once; dynamic: every time it is trained on",
        DATA,
    )
    missing: bool = setting(False, Flag(), "NaN stands for a missing value", DATA)
    validation_fraction: float = setting(
        0.0, FRACTION, "rows to hold out; the epoch with the best ELBO on them is kept"
    )
    n_importance: int = setting(100, COUNT, "samples per row for score and score_samples")
    random_state: int | None = setting(None, Seed(), "fixes every number", TRAINING, "seed")
    verbose: bool = setting(False, Flag(), "show progress")

    def checked(self):
        """These settings as plain values, each within its constraint and all consistent: Settings.

        Raises  TypeError, ValueError   the sentence says what was found and what was expected
        """
        values = {
            line.name: labelled(line.name, line.metadata["constraint"], getattr(self, line.name))
            for line in TABLE
        }
        s = Settings(**values)
        n_names = len(s.activation.split(","))
        if n_names not in (1, len(s.hidden)):
            raise ValueError(
                f"activation {s.activation!r} names {n_names} for {len(s.hidden)} hidden layers; "
                "give one for all, or one for each."
            )
        if not 0.0 < s.sigma_min * s.sigma_min < math.inf:
            raise ValueError(
                f"sigma_min must have a square that is a number above 0, found {s.sigma_min!r}."
            )
        if s.free_bits and s.objective != "elbo":
            raise ValueError(f"free_bits goes with objective 'elbo', not with {s.objective!r}.")
        if s.binarize != "none" and s.likelihood != "bernoulli":
            raise ValueError(
                f"binarize makes values 0 or 1, which {s.likelihood} does not describe; choose the "
                "bernoulli likelihood."
            )
        return s

    def of_network(self):
        """The arguments of `Autoencoder` that are settings."""
        names = (line.name for line in TABLE if line.metadata["group"] == MODEL)
        return {name: getattr(self, name) for name in names if name != "init_sigma"}

    def plain(self):
        """name → value, as JSON can hold it; a generator as random_state becomes None."""
        values = {line.name: getattr(self, line.name) for line in TABLE}
        if not isinstance(values["random_state"], int):
            values["random_state"] = None
        return values


TABLE = dataclasses.fields(Settings)


def described():
    """The table as lines of text, for the docstring of VAE."""

    def entry(line):
        constraint = line.metadata["constraint"]
        names = f"; {constraint}" if type(constraint) in (Choice, Names) else ""
        text = f"{line.metadata['help']}{names} (default: {line.default!r})"
        return f"{line.name:<21}" + f"\n{' ' * 25}".join(textwrap.wrap(text, 75))

    return "\n    ".join(map(entry, TABLE))
