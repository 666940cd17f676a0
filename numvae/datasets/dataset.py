"""What a data set is to the rest of the program, and the sets that are known by name."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from numvae.datasets import faces, frey, mnist, own


@dataclass
class Dataset:
    """Examples to train on, examples held out, and what is known about both.

    X, X_valid          (N, D) float32; images lie in [0, 1]
    shape               of one example: (28, 20)
    split               one sentence that says how X and X_valid were chosen
    likelihood          the name of the likelihood that suits it
    known, known_valid  dict of name → (N,): labels (integers) or factors (floats); each may be
                        empty
    """

    name: str
    X: np.ndarray
    X_valid: np.ndarray
    shape: tuple
    split: str
    likelihood: str
    known: dict = field(default_factory=dict)
    known_valid: dict = field(default_factory=dict)


def load(name, data_dir=None, validation=None, seed=0):
    """A data set by name, or from a `.npy` file of the user's own.

    data_dir    where files are looked for first (see `files.find`)
    validation  how many examples to hold out; None: the set's own split
    seed        for the sets that the program draws, and for the split of the user's own

    Raises  FileNotFoundError   a file is missing: the sentence names it and the places searched
            ValueError          unknown name, damaged file, more held out than there is
    """
    name = str(name)
    if validation is not None and validation < 0:
        raise ValueError(f"Cannot hold out {validation} examples; give 0 or more.")
    if name == "faces":
        return _faces(validation, seed)
    if name == "frey":
        return _frey(data_dir, validation)
    if name == "mnist":
        return _mnist(data_dir, validation)
    if name.endswith(".npy"):
        return _own(name, validation, seed)
    raise ValueError(f"There is no data set {name!r}; give {', '.join(NAMES)} or a .npy file.")


NAMES = ("faces", "frey", "mnist")


def _faces(validation, seed):
    n_train, n_valid = 2000, 500 if validation is None else validation
    images, factors = faces.faces(n_train + n_valid, seed)
    X = images.reshape(len(images), -1)
    known = {name: factors[:, i] for i, name in enumerate(faces.FACTORS)}
    return Dataset(
        name="faces",
        X=X[:n_train],
        X_valid=X[n_train:],
        shape=images.shape[1:],
        split=f"{n_train} faces drawn from seed {seed} to train, {n_valid} more held out",
        likelihood="continuous-bernoulli",
        known={name: values[:n_train] for name, values in known.items()},
        known_valid={name: values[n_train:] for name, values in known.items()},
    )


def _frey(data_dir, validation):
    images = frey.load(data_dir)
    X = images.reshape(len(images), -1)
    if validation is None:
        n_train, n_valid = 1800, 100
    else:
        n_train, n_valid = _hold_out_last(validation, len(X), "Frey faces")
    stop = n_train + n_valid
    return Dataset(
        name="frey",
        X=X[:n_train],
        X_valid=X[n_train:stop],
        shape=images.shape[1:],
        split=f"frames 0–{n_train - 1} in video order to train, the next {n_valid} held out",
        likelihood="gaussian-sigma-z",
        known={"frame": np.arange(n_train, dtype=np.float32)},
    )


def _mnist(data_dir, validation):
    images, labels = mnist.load("train", data_dir)
    if validation is None:
        images_valid, labels_valid = mnist.load("test", data_dir)
        split = "the 60,000 training images to train, the 10,000 test images held out"
    else:
        n_train, n_valid = _hold_out_last(validation, len(images), "MNIST training images")
        images_valid, labels_valid = images[n_train:], labels[n_train:]
        images, labels = images[:n_train], labels[:n_train]
        split = f"training images 0–{n_train - 1} to train, the last {n_valid} of them held out"
    return Dataset(
        name="mnist",
        X=images.reshape(-1, 28 * 28),
        X_valid=images_valid.reshape(-1, 28 * 28),
        shape=images.shape[1:],
        split=split,
        likelihood="bernoulli",
        known={"digit": labels},
        known_valid={"digit": labels_valid},
    )


def _own(path, validation, seed):
    X, shape = own.load(path)
    n_valid = len(X) // 10 if validation is None else validation
    n_train, n_valid = _hold_out_last(n_valid, len(X), "examples")
    order = np.random.default_rng(seed).permutation(len(X))
    return Dataset(
        name=Path(path).stem,
        X=X[order[:n_train]],
        X_valid=X[order[n_train:]],
        shape=shape,
        split=f"{n_train} random examples (seed {seed}) to train, the other {n_valid} held out",
        likelihood=_suits(X, shape),
    )


def _suits(X, shape):
    """The likelihood for data of which only the values are known."""
    if np.isin(X, (0, 1)).all():
        return "bernoulli"
    is_image = len(shape) > 1
    return "continuous-bernoulli" if is_image and X.min() >= 0 and X.max() <= 1 else "gaussian"


def _hold_out_last(n_valid, n, what):
    """(train, held out) so that at least one example is left to train on."""
    if not n_valid < n:
        raise ValueError(f"Cannot hold out {n_valid} of {n} {what}; leave at least one to train.")
    return n - n_valid, n_valid
