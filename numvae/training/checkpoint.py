"""A run in a file.

A checkpoint holds all that `Training` remembers, so a resumed run is bit-identical to an
uninterrupted one; but its history, which would make every checkpoint longer than the last, is in
history.csv beside it. A model's file holds what is needed to use the model: it stands at the start
of an epoch, with its history, without the memory of the optimizer.

There is no state of a random generator to keep: the seed, the epoch and the step are the address of
every number that is still to be drawn.
"""

import math
from pathlib import Path

import numpy as np

from numvae import npz
from numvae.constraints import COUNT, NATURAL, Choice, labelled
from numvae.network.autoencoder import build, shapes
from numvae.settings import TABLE, Settings
from numvae.training.history import History
from numvae.training.loop import POSITION, Training
from numvae.training.optimizers import OPTIMIZERS


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
        header["position"] |= {"step": 0, "n_seen": 0}
    npz.write(path, kind, header, arrays)


def load(path, kind="checkpoint"):
    """The Training that `save` wrote, and its `about`. A history that is not beside its checkpoint
    any more begins anew.

    Raises  as `npz.read`, and as `History.read`
    """
    header, arrays = npz.read(path, kind, lambda h: _expected(h, kind), _from_older)
    settings = _settings(header)
    training = Training.empty(settings, header["n_features"], header["dtype"], header["seed"])
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
    return training, header["about"]


def _history_of(path):
    return Path(path).with_name("history.csv")


def load_finished(path):
    """The Training of a finished run, with its best parameters, and its `about`.

    path    of the run's folder, or of a model's file

    Raises  FileNotFoundError   there is no such thing, or the run has not come to its end
            ValueError          a file is damaged or of another kind, or the run went on afterwards
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no run and no model {path}.")
    if not path.is_dir():
        return load(path, "model")
    model, run = path / "model.npz", path / "checkpoint.npz"
    if not model.is_file():
        hint = f"; finish the run with --resume {path}" * run.is_file()
        raise FileNotFoundError(f"there is no model.npz in {path}{hint}.")
    training, about = load(model, "model")
    if run.is_file():
        finished, training = training, load(run)[0]
        if not np.array_equal(training.best, finished.best):
            raise ValueError(
                f"the run in {path} went on after its model.npz was written; finish it with "
                f"--resume {path}, or give {model}."
            )
        training.model.parameters.vector[...] = finished.best
        training.history = finished.history or training.history  # a model of numvae 0.1 has none
    return training, about


# Of what a header holds beside the settings.
CONSTRAINTS = {
    "n_features": COUNT,
    "dtype": Choice(("float32", "float64")),
    **dict.fromkeys(("seed", "epoch", "step", "n_seen", "best_epoch"), NATURAL),
}


def _expected(header, kind):
    """name → (shape, dtype) of the arrays that a file with this header holds.

    Raises  KeyError, TypeError, ValueError   the header is not one that `save` makes
    """
    s = _settings(header)
    flat = {**header, **header["position"]}
    for name, constraint in CONSTRAINTS.items():
        labelled(name, constraint, flat[name])
    types = {"start_elbo": float, "best_elbo": float, "history": list, "about": dict}
    for name, wanted in types.items():
        if not isinstance(flat[name], wanted):
            raise TypeError(f"{name} must be a {wanted.__name__}, found {flat[name]!r}.")
    if kind == "checkpoint":
        labelled("t", NATURAL, header["t"])
        labelled("n_rows", NATURAL, header["n_rows"])
        if [type(value) for value in header["sums"]] != [float] * 5:
            raise ValueError(f"sums must be five numbers, found {header['sums']!r}.")
    epochs = [row["epoch"] if isinstance(row, dict) else 0 for row in flat["history"]]
    if any(a >= b for a, b in zip([0, *epochs], [*epochs, flat["epoch"] + 1])):
        raise ValueError(f"history must have rows of epochs from 1 to {flat['epoch']}, in order.")
    D, dtype, config = header["n_features"], header["dtype"], s.of_network(header["n_features"])
    of_parameters = shapes(build(**config))
    size = sum(map(math.prod, of_parameters.values()))
    more = (*OPTIMIZERS[s.optimizer].memory_names, "best") if kind == "checkpoint" else ()
    every = {**of_parameters, **dict.fromkeys(more, (size,))}
    arrays = {name: (shape, np.dtype(dtype)) for name, shape in every.items()}
    of_constants = {}
    if config["standardize"]:
        of_constants |= {"units.center": (D,), "units.scale": (D,)}
    if config["skip"]:
        Z = config["n_latent"]
        of_constants |= {"factors.b": (D,), "factors.W": (D, Z), "factors.psi": (D,)}
    return arrays | {name: (shape, np.dtype("f8")) for name, shape in of_constants.items()}


def _settings(header):
    """Settings from the header's; a setting that a file does not know yet has its default."""
    unknown = set(header["settings"]) - {line.name for line in TABLE}
    if unknown:
        raise ValueError(
            f"this numvae has no setting {', '.join(sorted(unknown))}; install a newer one."
        )
    return Settings(**header["settings"]).checked()


# Format 3 had the history of a checkpoint in its header. Format 2 had models that were not
# standardised and had no skip path, and other defaults. Format 1, of numvae 0.1: a model's file had
# the configuration of the model and an `about` that was an estimator's or train.py's; a checkpoint
# had several tables of settings.

DEFAULTS_2 = {"n_latent": 2, "likelihood": "gaussian", "epochs": 100, "batch_size": 100}
DEFAULTS_2 |= {"lr": 1e-3, "schedule": "constant", "clip": None, "validation_fraction": 0.0}


def _from_older(header):
    """The header of format 4 for an older one."""
    if header["version"] < 3:
        header = _from_version_2(header)
    return {**header, "n_rows": 0} if "sums" in header else header


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
