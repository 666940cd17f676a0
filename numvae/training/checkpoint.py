"""A run in a file.

A checkpoint holds all that `Training` remembers, so a resumed run is bit-identical to an
uninterrupted one; but its history, which would make every checkpoint longer than the last, is in
history.csv beside it. A model's file holds what is needed to use the model: it stands at the start
of an epoch, with its history, of which a very long one is thinned, without the memory of the
optimizer.

There is no state of a random generator to keep: the seed, the epoch and the step are the address of
every number that is still to be drawn.
"""

import contextlib
import math
import shlex
from pathlib import Path

import numpy as np

from numvae import npz
from numvae.constraints import (
    COUNT,
    FINITE,
    NATURAL,
    POSITIVE,
    SIZE,
    Choice,
    Fields,
    Flag,
    ListOf,
    Measured,
    Number,
    OrNone,
    Plain,
    Text,
    labelled,
)
from numvae.network.autoencoder import build, shapes
from numvae.rules import mixture
from numvae.settings import TABLE, Settings
from numvae.tables.columns import KINDS, LEVELLED, Column, Columns
from numvae.text import short
from numvae.training.history import History, in_order, row, thinned
from numvae.training.loop import POSITION, Training
from numvae.training.optimizers import OPTIMIZERS, SQUARES


def save(training, path, kind="checkpoint", about=None):
    """Write a run, whole or not at all.

    kind    checkpoint: all of it, to resume from; model: what is needed to use the model
    about   a dict of plain values to keep beside it, such as where the data came from
    """
    model, optimizer = training.model, training.optimizer
    header = {
        "settings": training.settings.plain(),
        "seed": training.seed,
        "n_features": model.n_features,
        "n_condition": model.n_condition,
        "dtype": model.dtype.name,
        "position": {name: getattr(training, name) for name in POSITION},
        "about": about or {},
    }
    arrays = {**model.parameters.values, **model.constants}
    if kind == "checkpoint":
        training.history.save(_history_of(path))
        header["position"] |= {"history": []}
        header["n_rows"] = len(training.history)
        header["sums"], header["t"] = training.sums.tolist(), optimizer.t
        arrays |= {**optimizer.memory, "best": training.best}
    else:
        header["position"] |= {"step": 0, "n_seen": 0, "history": thinned(training.history)}
        if training.mixture:
            header["n_components"] = len(training.mixture.shares)
            named = training.mixture._asdict().items()
            arrays |= {f"mixture.{name}": array for name, array in named}
    npz.write(path, kind, header, arrays)


def load(path, kind="checkpoint"):
    """The Training that `save` wrote, and its `about`. A history that is not beside its checkpoint
    any more begins anew.

    Raises  as `npz.read`, and as `History.read`
    """
    header, arrays = npz.read(path, kind, lambda h, n: _expected(h, kind, n), _from_older)
    settings = Settings(**header["settings"]).checked()
    size, n_condition = header["n_features"], header.get("n_condition", 0)
    training = Training.empty(settings, size, header["dtype"], header["seed"], n_condition)
    for name, value in {**training.model.parameters.values, **training.model.constants}.items():
        value[...] = arrays[name]
    for name in POSITION:
        setattr(training, name, header["position"][name])
    training.history = History(training.history)
    if kind == "checkpoint":
        if n := header["n_rows"]:
            training.history = History.read(_history_of(path), n, training.epoch)
        training.sums, training.optimizer.t = np.array(header["sums"]), header["t"]
        training.best = arrays["best"].copy()
        for name, memory in training.optimizer.memory.items():
            memory[...] = arrays[name]
    else:
        training.best[...] = training.model.parameters.vector
        if "n_components" in header:
            parts = (arrays[f"mixture.{name}"] for name in ("shares", "means", "covariances"))
            training.mixture = mixture.Mixture(*parts)
            _check_mixture(training.mixture, path)
    return training, header["about"]


def _history_of(path):
    return Path(path).with_name("history.csv")


def load_best(path):
    """The Training of a run with its best parameters, its `about`, and a sentence if it has not
    come to its end, or else "".

    path    of the run's folder, or of a model's file

    Raises  FileNotFoundError   there is no such thing
            ValueError          a file is damaged or of another kind
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no run and no model {path}.")
    if not path.is_dir():
        return *load(path, "model"), ""
    model, run = path / "model.npz", path / "checkpoint.npz"
    if not (model.is_file() or run.is_file()):
        raise FileNotFoundError(f"there is no model.npz and no checkpoint.npz in {path}.")
    if not run.is_file():
        return *load(model, "model"), ""
    training, about = load(run)
    best = training.keep_best()
    if model.is_file():
        finished, of_model = load(model, "model")
        same = training.model.config == finished.model.config
        if same and np.array_equal(training.best, finished.best):
            training.history = finished.history or training.history  # numvae 0.1 kept none
            training.mixture = finished.mixture
            return training, of_model, ""
    note = (
        f"The run in {path} has not come to its end: these are its best parameters so far, of "
        f"{f'epoch {best}' if best else 'its start'}. To go on with it: --resume "
        f"{shlex.quote(str(path))}"
    )
    return training, about, note


# What a header holds.

COUNTED = Number(int, least=0, most=2**53)  # as many as a float can count
DATA = {
    "name": OrNone(Text()),
    "data_dir": OrNone(Text()),
    "validation": OrNone(COUNTED),
    "resize": OrNone(ListOf(COUNT)),
    "random_split": Flag(),
    "scale": OrNone(POSITIVE),
    "na": OrNone(ListOf(Text())),
    "n_train": COUNT,
    "shape": ListOf(COUNT),
    "limits": ListOf(FINITE),
    "skip_bad": Flag(),
    "digest": Text(),
    "format": COUNT,
}
COLUMN = {
    "name": Text(),
    "kind": Choice(KINDS),
    "levels": OrNone(ListOf(Plain())),
    "decimals": OrNone(Number(int, least=0, most=6)),
    "form": OrNone(Text()),
}
COLUMNS = {
    "base": Text(),
    "named": Flag(),
    "delimiter": Text(),
    "decimal": Text(),
    "library": OrNone(Choice(("pandas", "polars"))),
    "condition": ListOf(Fields({"name": Text(), "center": FINITE, "scale": POSITIVE})),
    "columns": ListOf(Fields(COLUMN, may_lack=("levels", "decimals", "form"))),
}
OF_COLUMNS = OrNone(Fields(COLUMNS, may_lack=("condition",)))
REFERENCE = {"samples": COUNT, "log_p": ListOf(Measured()), "held_out": Flag()}
ABOUT = {
    "columns": OF_COLUMNS,
    "condition": OF_COLUMNS,
    "reference": Fields(REFERENCE),
    "seconds": SIZE,
    "data": Fields(DATA, may_lack=DATA),
}
PLACE = {
    **dict.fromkeys(("epoch", "step", "n_seen", "best_epoch"), COUNTED),
    **dict.fromkeys(("start_elbo", "best_elbo"), Measured()),
    "history": ListOf(row),
}
SETTINGS = {line.name: OrNone(line.metadata["constraint"]) for line in TABLE}
MODEL = {
    "numvae": Text(),
    "version": COUNT,
    "settings": Fields(SETTINGS, may_lack=SETTINGS),  # one that a file lacks has its default
    "seed": NATURAL,
    "n_features": COUNT,
    "n_condition": NATURAL,
    "dtype": Choice(("float32", "float64")),
    "position": Fields(PLACE),
    "about": Fields(ABOUT, may_lack=ABOUT),
}
CHECKPOINT = {**MODEL, "sums": ListOf(FINITE), "t": COUNTED, "n_rows": COUNTED}
OLD = ("n_condition",)  # what files of older numvae lack
HEADERS = {
    "model": Fields({**MODEL, "n_components": COUNT}, may_lack=(*OLD, "n_components")),
    "checkpoint": Fields(CHECKPOINT, OLD),
}


def _expected(header, kind, n_arrays):
    """name → (shape, dtype, constraint) of the n_arrays arrays of a file with this header.

    Raises  TypeError, ValueError   the header is not one that `save` makes
    """
    header = labelled("header", HEADERS[kind], header)
    s, D = Settings(**header["settings"]).checked(), header["n_features"]
    C = header.get("n_condition", 0)
    if len(s.hidden) + s.likelihood.count(",") > n_arrays:  # before they are all built
        raise ValueError("its arrays are fewer than the parts of its configuration")
    _check_about(header["about"], D, C, s.likelihood)
    _check_position(header, s.batch_size)
    config = {**s.of_network(D), "n_condition": C}
    of_parameters = shapes(build(**{**config, "standardize": False}))  # which takes no memory
    arrays = {name: (shape, header["dtype"], FINITE) for name, shape in of_parameters.items()}
    if kind == "checkpoint":
        size = sum(map(math.prod, of_parameters.values()))
        for name in (*OPTIMIZERS[s.optimizer].memory_names, "best"):
            arrays[name] = (size,), header["dtype"], SIZE if name in SQUARES else FINITE
    if config["standardize"]:
        arrays |= {"units.center": ((D,), "f8", FINITE), "units.scale": ((D,), "f8", POSITIVE)}
    if config["skip"]:
        arrays |= {"factors.b": ((D,), "f8", FINITE), "factors.psi": ((D,), "f8", POSITIVE)}
        arrays["factors.W"] = (D, config["n_latent"]), "f8", FINITE
        arrays |= {"factors.U": ((D, C), "f8", FINITE)} if C else {}
    if K := header.get("n_components"):
        Z = config["n_latent"]
        arrays |= {
            "mixture.shares": ((K,), "f8", POSITIVE),
            "mixture.means": ((K, Z), "f8", FINITE),
        }
        arrays["mixture.covariances"] = (K, Z, Z), "f8", FINITE
    return arrays


def _check_mixture(of_codes, path):
    """Raise ValueError if these finite numbers are not those of a mixture."""
    shares, _, covariances = of_codes
    with np.errstate(all="ignore"), contextlib.suppress(np.linalg.LinAlgError):
        is_whole = abs(shares.sum() - 1.0) < 1e-9 and np.isfinite(np.linalg.cholesky(covariances))
        if np.all(is_whole) and np.allclose(covariances, covariances.swapaxes(1, 2)):
            return
    raise ValueError(
        f"{path} is not a whole numvae model file: the shares of its mixture must sum to 1, and "
        "its covariances must be symmetric and positive definite."
    )


def _check_about(about, n_features, n_condition, likelihood):
    """Raise ValueError if what is said of the columns is not of so many."""
    columns, data = about.get("columns"), about.get("data", {})
    described = [
        Columns.of_plain(about[name]) for name in ("columns", "condition") if about.get(name)
    ]
    if sum(columns.n_condition for columns in described) != n_condition:
        raise ValueError(
            f"its model is conditioned on {n_condition} numbers, but its columns make another "
            "number of them"
        )
    shape, resize = data.get("shape", [n_features]), data.get("resize")
    for each in described:
        if len(set(each.names)) < len(each.names):
            raise ValueError("two of its columns have the same name")
        for column in each.columns:
            n = len(set(column.levels or ()))
            wanted = {"bernoulli": 2, "constant": 1}.get(column.kind, n)
            if n != len(column.levels or ()) or n != wanted:
                raise ValueError(f"column {short(column.name)} has the levels {column.levels}")
            if (column.levels is None) == (column.kind in LEVELLED):
                raise ValueError(f"column {short(column.name)} is {column.kind}: levels do not fit")
    if columns is not None:
        columns = Columns.of_plain(columns)
        if len(columns.labels) != n_features or columns.likelihood != likelihood:
            raise ValueError(
                f"there are {n_features} columns of {short(likelihood)}, but its table makes "
                f"{len(columns.labels)} of {short(columns.likelihood)}"
            )
    if len(shape) > 3 or math.prod(shape) != n_features:
        raise ValueError(f"there are {n_features} columns, which have not the shape {short(shape)}")
    if resize is not None and (len(resize) != 2 or n_features % math.prod(resize)):
        raise ValueError(f"there are {n_features} columns, no images of the size {short(resize)}")
    limits = data.get("limits")
    if limits is not None and (len(limits) != 2 or limits[0] > limits[1]):
        raise ValueError(f"limits must be two numbers in order, found {short(limits)}")
    if "reference" in about and not about["reference"]["log_p"]:
        raise ValueError("reference.log_p must hold a number or more")


def _check_position(header, batch_size):
    """Raise ValueError if a run cannot have come to stand where this header says."""
    here, n_train = header["position"], header["about"].get("data", {}).get("n_train", math.inf)
    epoch, step, n_seen = here["epoch"], here["step"], here["n_seen"]
    if not in_order(here["history"], epoch):
        raise ValueError(f"history must have rows of epochs from 1 to {epoch}, in order")
    if here["best_epoch"] > epoch:
        raise ValueError(f"best_epoch must be at most {epoch}, found {here['best_epoch']}")
    if not (step - 1) * batch_size < n_seen <= min(step * batch_size, n_train):
        raise ValueError(
            f"{step} steps of an epoch, of {batch_size} rows each, cannot have seen {n_seen} rows"
        )
    if "sums" in header:
        sums, t = header["sums"], header["t"]
        if len(sums) != 5 or sums[-1] < n_seen:
            raise ValueError(
                f"sums must be five, the last of {n_seen} rows or more, found {short(sums)}"
            )
        if t < step:
            raise ValueError(f"t must be a number of steps, at least {step}, found {t}")


# Format 4 had only the names of columns. Format 3 had the history of a checkpoint in its header.
# Format 2 had models that were not standardised and had no skip path, and other defaults. Format 1,
# of numvae 0.1: a model's file had the configuration of the model and an `about` that was an
# estimator's or train.py's; a checkpoint had several tables of settings.

DEFAULTS_2 = {"n_latent": 2, "likelihood": "gaussian", "epochs": 100, "batch_size": 100}
DEFAULTS_2 |= {"lr": 1e-3, "schedule": "constant", "clip": None, "validation_fraction": 0.0}


def _from_older(header):
    """The header of format 5 for an older one.

    Raises  KeyError, ValueError   it is none
    """
    try:
        version = header["version"]
        header = _from_version_2(header) if version < 3 else header
        if version < 4 and "sums" in header:
            header = {**header, "n_rows": 0}
        about = dict(header["about"])
        if names := about.pop("feature_names", None):
            likelihood = header["settings"].get("likelihood", "gaussian-sigma-z")
            columns = [Column(name, "number") for name in names]
            about["columns"] = Columns(columns, likelihood).plain()
        return {**header, "about": about}
    except (AttributeError, TypeError):  # a list where there should be a table, and the like
        raise ValueError(f"its header is not one of format {header['version']}") from None


def _from_version_2(header):
    """The header of format 3 for one of format 1 or 2."""
    header = _from_version_1(header) if header["version"] == 1 else header
    settings = {**DEFAULTS_2, **header["settings"], "skip": False, "standardize": False}
    header = {**header, "settings": settings}
    header["position"] = {**header["position"], "start_elbo": -math.inf}
    if "sums" in header:
        header["sums"] = [*header["sums"], float(header["position"]["n_seen"])]
    return header


RENAMED = {"latent": "n_latent", "samples": "n_samples", "seed": "random_state"}


def _from_version_1(header):
    """The header of format 2 for one of format 1."""
    config, about = header["model"], dict(header.get("about", {}))
    names = {line.name for line in TABLE}
    given = about.pop("parameters", None)
    if given is None:  # of train.py: its flags, some of them without a value
        flags = {RENAMED.get(name, name): value for name, value in about.items()}
        given = {name: v for name, v in flags.items() if name in names and v is not None}
    settings = {name: value for name, value in {**given, **config}.items() if name in names}
    position = {"epoch": 0, "step": 0, "seen": 0, "best_elbo": -math.inf, "best_epoch": 0}
    position = {**position, "history": about.pop("history", []), **header.get("position", {})}
    position["epoch"] = position["epoch"] or len(position["history"])
    position["n_seen"] = position.pop("seen")
    converted = {
        "numvae": header["numvae"],
        "version": header["version"],
        "seed": about.get("seed", 0),
        "n_features": config["n_features"],
        "dtype": config["dtype"],
        "position": position,
    }
    if "training" in header:  # a checkpoint
        if not header["has_best"]:
            raise ValueError("it was stopped in its first epoch by numvae 0.1: start the run again")
        training = dict(header["training"])
        converted["seed"] = training.pop("seed")
        training["binarize"] = settings.get("binarize", "none")
        optimizer = header["optimizer"]
        settings |= {**training, "optimizer": optimizer["name"], "lr": optimizer["settings"]["lr"]}
        converted |= {"sums": header["sums"], "t": optimizer["t"]}
    kept = {name: about[name] for name in ("feature_names", "seconds") if about.get(name)}
    if "data" in about or "shape" in about:
        kept["data"] = {name: about[name] for name in DATA_1 if name in about}
        kept["data"] |= {"name": about.get("data"), "format": 1}
    return {**converted, "settings": settings, "about": kept}


DATA_1 = "data_dir", "validation", "random_split", "resize", "scale", "n_train", "shape"
