"""A model, or a whole run in progress, in one file.

A checkpoint holds all that `Training` remembers, so a run that is taken up again goes on to the
same bits as one that was never put down. There is no state of a random generator to keep: the
seed, the epoch and the step are the address of every number that is still to be drawn.
"""

import math
import operator
import zlib
from importlib import metadata

import numpy as np

from numvae import archives
from numvae.network.autoencoder import Autoencoder, build, shapes
from numvae.training import minibatches
from numvae.training.loop import Training
from numvae.training.optimizers import OPTIMIZERS


def save_model(model, path, about=None):
    """Write a model; `about` is a dict of plain values to keep beside it (image shape, seed, …)."""
    header = {"model": model.config, "about": about or {}}
    archives.write(path, "model", header, model.parameters.values)


def load_model(path):
    """The model that `save_model` wrote, and its `about`.

    Raises  as `archives.read`
    """
    header, arrays = archives.read(path, "model", lambda header: _parameters(header["model"]))
    return _model(header, arrays), header.get("about", {})


def save_training(training, path, about=None):
    """Write a run in progress; `about` is a dict of plain values to keep beside it."""
    optimizer = training.optimizer
    header = {
        "model": training.model.config,
        "optimizer": {"name": optimizer.name, "settings": optimizer.settings, "t": optimizer.t},
        "training": {name: getattr(training, name) for name in SETTINGS},
        "position": {name: getattr(training, name) for name in POSITION},
        "sums": training.sums.tolist(),
        "has_best": training.best is not None,
        "about": about or {},
    }
    arrays = {**training.model.parameters.values, **optimizer.memory}
    if training.best is not None:
        arrays["best"] = training.best
    archives.write(path, "checkpoint", header, arrays)


def load_training(path):
    """The run that `save_training` wrote, ready to go on, and its `about`.

    Raises  as `archives.read`
    """
    header, arrays = archives.read(path, "checkpoint", _expected_of_training)
    model = _model(header, arrays)
    saved = header["optimizer"]
    optimizer = OPTIMIZERS[saved["name"]](model.parameters, **saved["settings"])
    optimizer.t = saved["t"]
    for name, memory in optimizer.memory.items():
        memory[...] = arrays[name]
    training = Training(model, optimizer, **header["training"])
    for name, value in header["position"].items():
        setattr(training, name, value)
    training.sums = np.array(header["sums"])
    training.best = arrays["best"].copy() if header["has_best"] else None
    return training, header["about"]


def facts(training, X, size):
    """What `size` ranks that share the batches of X must have in common: a dict of name → text.

    Raises  ValueError   a batch has fewer examples than there are ranks
    """
    batch = min(training.batch_size, len(X))
    if batch < size:
        raise ValueError(
            f"a batch of {batch} examples cannot be shared by {size} ranks: start fewer ranks, or "
            "make the batches larger."
        )
    some = np.linspace(0, len(X) - 1, min(len(X), 10)).astype(int)
    data = zlib.crc32(minibatches.take(X, some, training.model.dtype))
    return {
        "version of numvae": metadata.version("numvae"),
        "version of NumPy": np.__version__,
        "data": f"{len(X):,} examples with checksum {data:08x}",
        "model": str(training.model.config),
        "settings": str({name: getattr(training, name) for name in SETTINGS}),
        "optimizer": f"{training.optimizer.name} with {training.optimizer.settings}",
        "position": f"epoch {training.epoch}, step {training.step}",
        "parameters": f"checksum {zlib.crc32(training.model.parameters.vector):08x}",
    }


# The attributes of Training that are plain values: how it was set up, and where it stands.
SETTINGS = (
    "seed",
    "batch_size",
    "epochs",
    "schedule",
    "objective",
    "n_samples",
    "beta",
    "warmup",
    "free_bits",
    "binarize",
    "denoise",
    "missing",
    "clip",
)
POSITION = ("epoch", "step", "seen", "history", "best_elbo", "best_epoch")


def _parameters(config):
    """What the arrays of a model must be, without making it."""
    settings = {name: value for name, value in config.items() if name != "dtype"}
    dtype = np.dtype(config["dtype"])
    return {
        name: (tuple(map(operator.index, shape)), dtype)
        for name, shape in shapes(build(**settings)).items()
    }


def _expected_of_training(header):
    expected = _parameters(header["model"])
    size = sum(math.prod(shape) for shape, _ in expected.values())
    memory = OPTIMIZERS[header["optimizer"]["name"]].memory_names
    flat = [*memory, "best"] if header["has_best"] else memory
    return {**expected, **dict.fromkeys(flat, ((size,), np.dtype(header["model"]["dtype"])))}


def _model(header, arrays):
    model = Autoencoder(**header["model"])
    for name, value in model.parameters.values.items():
        value[...] = arrays[name]
    return model
