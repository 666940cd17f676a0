"""What a data set is to the rest of the program, and the sets that are known by name."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from numvae.datasets import digits, faces, frey, mnist, own
from numvae.rows import Beside, hold_out
from numvae.tables import columns as of_tables
from numvae.text import printable

# What suits images, where it is not what suits tables: a map of two latent units to look at, and
# pixels as they are, all in the same units.
IMAGES = {
    "n_latent": 2,
    "hidden": (256,),
    "skip": False,
    "standardize": False,
    "batch_size": 100,
    "lr": 1e-3,
    "schedule": "constant",
    "clip": None,
}


@dataclass
class Dataset:
    """Examples to train on, examples held out, and what is known about both.

    X and X_valid are float32, of tables perhaps float64; images lie in [0, 1], unless they are the
    user's own and in other units. Large files of one's own stay on disk (`own.Mapped`): they have a
    shape, a length and rows, and nothing else.
    """

    name: str
    X: np.ndarray  # (N, D)
    X_valid: np.ndarray  # (M, D)
    shape: tuple  # of one example: (28, 20)
    split: str  # one sentence that says how X and X_valid were chosen
    likelihood: str  # the name of the likelihood that suits it
    known: dict = field(default_factory=dict)  # name → (N,): classes (integers, text) or factors
    known_valid: dict = field(default_factory=dict)  # the same of X_valid
    summary: str = ""  # of data of one's own: one sentence about what was read and how
    scale: float = 1  # what its values were divided by
    limits: tuple = (0.0, 1.0)  # of images: the values that are drawn black and white
    bits: int | None = None  # of a pixel, where each is one of 2^bits shades from 0 to 1
    columns: object = None  # of a table: what its columns are, tables.columns.Columns
    condition: object = None  # Columns of those of `known` that stand in X and X_valid as y
    table: object = None  # the table itself, in its own order
    digest: str | None = None  # of data of one's own, see `own.Own.digest`

    @property
    def is_image(self):
        return len(self.shape) > 1

    @property
    def n_condition(self):
        """C, how many numbers y has, which stand in X and X_valid beside x."""
        return sum(each.n_condition for each in (self.columns, self.condition) if each)

    def conditioned(self, condition):
        """Have some of what is known of the examples in X and X_valid, beside them.

        condition   their names, or the Columns that were made of them before

        Raises  ValueError   one is not known, or of no use
        """
        again = isinstance(condition, of_tables.Columns)
        parts = self.known, self.known_valid if len(self.X_valid) else self.known
        for name in condition.names if again else condition:
            if any(name not in known for known in parts):
                there = ", ".join(map(printable, self.known)) or "nothing"
                raise ValueError(
                    f"A model cannot be conditioned on {printable(name)}, which is not known of "
                    f"each example of {self.name}; known is {there}."
                )
        if not again:
            known = {name: np.concatenate([part[name] for part in parts]) for name in condition}
            condition = of_tables.of_known(known)
        self.condition, none = condition, np.empty((0, condition.n_condition))
        self.X, self.X_valid = (
            Beside(X, condition.encode_condition(of_tables.Table(known)) if len(X) else none)
            for X, known in ((self.X, self.known), (self.X_valid, self.known_valid))
        )

    def split_at_random(self, seed):
        """Hold out as many examples as before, but chosen at random; the same at every call.

        Labels available for only one part are dropped.
        """
        n_train, n = len(self.X), len(self.X) + len(self.X_valid)
        train, held_out = hold_out(n, n - n_train, seed)
        known = {
            name: np.concatenate([values, self.known_valid[name]])
            for name, values in self.known.items()
            if name in self.known_valid
        }
        X = np.concatenate([self.X, self.X_valid])
        self.X, self.X_valid = X[train], X[held_out]
        self.known = {name: values[train] for name, values in known.items()}
        self.known_valid = {name: values[held_out] for name, values in known.items()}
        self.split = (
            f"{n_train:,} of {n:,} examples, chosen at random (seed {seed}), to train, the other "
            f"{n - n_train:,} held out"
        )


def load(
    name,
    data_dir=None,
    validation=None,
    seed=0,
    download=False,
    resize=None,
    missing=False,
    scale=None,
    random_split=False,
    columns=None,
    likelihood=None,
    chosen=None,
    na=(),
    skip_bad=False,
    condition=None,
):
    """A data set by name, or from a file or folder of the user's own (see `own.load`).

    data_dir    where files are looked for first (see `files.get`)
    validation  how many examples to hold out; None: the set's own split
    seed        for the sets that the program draws, and for the split of the user's own
    download    fetch files that are missing; without it the network is not touched
    resize      (H, W) for the images in a folder of the user's own
    missing     NaN in data of the user's own means: not known; otherwise it is a mistake
    scale       what the user's own values are divided by; None: as their range asks
    columns, likelihood, chosen, na     of a table of the user's own, see `own.load_table`
    condition       names of what is known of each example, or of columns of a table, that X and
                    X_valid are to have as y, beside x; or the Columns that were made of them before
    random_split    hold out examples at random, by the seed, where the set has a split of its own;
                    what is the user's own and has none is always split so
    skip_bad    leave out the images in a folder that cannot be read; otherwise one is a mistake

    Raises  FileNotFoundError   a file is missing: the sentence names it and the places searched
            DownloadFailed      no mirror had it (a ConnectionError)
            ValueError          unknown name, damaged file, more held out than there is
    """
    name = str(name)
    if validation is not None and validation < 0:
        raise ValueError(f"Cannot hold out {validation} examples; give 0 or more.")
    if name in NAMES:
        own.check_no_folder(name, resize, skip_bad)
        data = _named(name, data_dir, validation, seed, download)
        if random_split:
            data.split_at_random(seed)
    elif own.is_own(name):
        if own.is_table(name):
            own.check_no_folder(name, resize, skip_bad)
            data = own.load_table(name, columns, likelihood, chosen, na, condition)
            condition = columns and condition  # of a new table these are columns, and in its rows
        else:
            data = own.load(name, resize, missing, scale, skip_bad)
        data = _own(name, data, validation, seed, random_split, condition)
    else:
        raise ValueError(
            own.advice(name)
            or f"There is no data set {name!r}; give {', '.join(NAMES)}, a file of your own "
            f"({', '.join((*own.READERS, *own.TABLES))}) or a folder of images."
        )
    if condition:
        data.conditioned(condition)
    return data


NAMES = ("faces", "digits", "frey", "mnist", "fashion-mnist")


def _named(name, data_dir, validation, seed, download):
    if name == "faces":
        return _faces(validation, seed)
    if name == "digits":
        return _digits(validation, seed)
    if name == "frey":
        return _frey(data_dir, validation, download)
    return _mnist(name, data_dir, validation, download)


def _faces(validation, seed):
    n_train, n_valid = 2000, 500 if validation is None else validation
    images, factors = faces.faces(n_train + n_valid, seed)
    known = dict(zip(faces.FACTORS, factors.T))
    split = f"{n_train} faces drawn from seed {seed} to train, {n_valid} more held out"
    return _images("faces", images, n_train, split, "continuous-bernoulli", known)


def _digits(validation, seed):
    n_train, n_valid = 10_000, 2000 if validation is None else validation
    images, labels = digits.digits(n_train + n_valid, seed)
    split = f"{n_train} digits drawn from seed {seed} to train, {n_valid} more held out"
    return _images("digits", images, n_train, split, "bernoulli", {"digit": labels})


def _frey(data_dir, validation, download):
    images = frey.load(data_dir, download)
    n_train, n_valid = 1800, 100
    if validation is not None:
        n_train, n_valid = _hold_out_last(validation, len(images), "Frey faces")
    images = images[: n_train + n_valid]
    split = f"frames 0–{n_train - 1} in video order to train, the next {n_valid} held out"
    data = _images("frey", images, n_train, split, "gaussian-sigma-z")
    data.known = {"frame": np.arange(n_train, dtype=np.float32)}
    return data


def _mnist(name, data_dir, validation, download):
    """MNIST or Fashion-MNIST."""
    label, likelihood = "digit", "bernoulli"
    if name == "fashion-mnist":
        label, likelihood = "garment", "continuous-bernoulli"
    images, labels = mnist.load(name, "train", data_dir, download)
    n_train = len(images)
    split = "the 60,000 training images to train, the 10,000 test images held out"
    if validation is not None:
        n_train, n_valid = _hold_out_last(validation, len(images), f"{name} training images")
        split = f"training images 0–{n_train - 1} to train, the last {n_valid} of them held out"
    data = _images(name, images, n_train, split, likelihood, {label: labels})
    if validation is None:
        images, labels = mnist.load(name, "test", data_dir, download)
        data.X_valid, data.known_valid = images.reshape(len(images), -1), {label: labels}
    return data


def _images(name, images, n_train, split, likelihood, known=None):
    """The Dataset of images (N, H, W), of which the first n_train are to train on; known: name →
    (N,)."""
    X, known = images.reshape(len(images), -1), known or {}
    return Dataset(
        name=name,
        X=X[:n_train],
        X_valid=X[n_train:],
        shape=images.shape[1:],
        split=split,
        likelihood=likelihood,
        known={what: values[:n_train] for what, values in known.items()},
        known_valid={what: values[n_train:] for what, values in known.items()},
        bits=8,
    )


def _own(path, data, validation, seed, random_split, condition):
    n = len(data.rows)
    if data.n_train and validation is None and not random_split:
        train, held_out = np.split(np.arange(n), [data.n_train])
        split = f"its own split: {len(train)} examples to train, {len(held_out)} held out"
    else:
        n_valid = n - data.n_train if data.n_train else n // 10
        n_valid = n_valid if validation is None else validation
        n_train, n_valid = _hold_out_last(n_valid, n, "examples")
        train, held_out = map(np.sort, hold_out(n, n_valid, seed))
        split = f"{n_train} random examples (seed {seed}) to train, the other {n_valid} held out"
        split = split if n_valid else f"all {n} examples to train, none held out"
    return Dataset(
        name=Path(path).absolute().name.split(".")[0] or "own",
        X=data.examples(train),
        X_valid=data.examples(held_out),
        shape=data.shape,
        split=split,
        likelihood=data.likelihood,
        known={name: values[train] for name, values in data.known.items()},
        known_valid={name: values[held_out] for name, values in data.known.items()},
        summary=data.summary,
        scale=data.scale,
        limits=data.limits,
        bits=data.bits,
        columns=data.columns,
        table=data.table,
        digest=data.digest(getattr(condition, "names", condition) or ()),
    )


def _hold_out_last(n_valid, n, what):
    """(train, held out), with at least one example to train on."""
    if not n_valid < n:
        raise ValueError(f"Cannot hold out {n_valid} of {n} {what}; leave at least one to train.")
    return n - n_valid, n_valid
