"""What a training left behind, taken up again: the folder of a run, or the file of a model.

A folder knows its settings, its history and its data; the file of a model knows its shape at most.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numvae import datasets
from numvae.datasets import own
from numvae.network.autoencoder import Autoencoder
from numvae.training.checkpoint import load_model, load_training
from numvae.training.loop import Training
from numvae.training.minibatches import PICTURES, split_missing, stream, take
from numvae.validation import check_range

ROWS_AT_ONCE = 1000


@dataclass
class Saved:
    """A trained model and what is known of its training.

    path        where it was found
    model       with the parameters of its best epoch
    about       the settings of the run: data, seed, … ; a file of a model has only some of them
    training    the run with its history, or None
    """

    path: Path
    model: Autoencoder
    about: dict
    training: Training | None = None

    @property
    def seed(self):
        return self.about.get("seed", 0)

    @property
    def shape(self):
        """The shape of one example, (D,) where nothing says that it is an image."""
        return tuple(self.about.get("shape") or (self.model.n_features,))

    @property
    def missing(self):
        """Whether NaN in the data means: not known."""
        return self._settings.get("missing", False)

    @property
    def binarize(self):
        """none, fixed or dynamic: how gray pixels became black or white in training."""
        return self._settings.get("binarize", "none")

    @property
    def _settings(self):
        return self.about.get("parameters", self.about)  # those of an estimator, or of a run

    def columns(self):
        """The names of the D numbers of an example: those it was trained with, or x1, x2, …"""
        names = self.about.get("feature_names")
        return names or [f"x{i + 1}" for i in range(self.model.n_features)]

    def training_data(self, data=None, data_dir=None):
        """The run's own data set, as it was in training; `data` says where it is now, if elsewhere.

        Raises  as `datasets.load`
                ValueError   it is another one now, or nothing says what it was
        """
        data = data or self.about.get("data")
        if data is None:
            raise ValueError(f"{self.path} does not say what it was trained on; give the data too.")
        dataset = self._load(data, data_dir, self.about.get("validation"))
        if self.about.get("binarize") == "fixed":
            dataset.binarize(self.seed)
        n_train = self.about.get("n_train", len(dataset.X))
        dataset.check_same(data, self.path, n_train, self.model.n_features)
        return dataset

    def dataset(self, data=None, data_dir=None):
        """A data set in its usual split; without a name, that of the run.

        Raises  as `training_data`
        """
        if data is None:
            return self.training_data(None, data_dir)
        return self._load(data, data_dir, None)

    def examples(self, data=None, data_dir=None, missing=False):
        """Every example of a data set, and the shape of one: those to train on, then those held
        out; of a file or folder of one's own, all in its own order. missing: NaN is let through.

        Shapes  → X (N, D), shape
        Raises  as `training_data`
        """
        source = str(data or self.about.get("data"))
        if source in datasets.dataset.NAMES or not own.is_own(source):
            dataset = self.dataset(data, data_dir)
            return np.concatenate([dataset.X, dataset.X_valid]), dataset.shape
        found = own.load(
            source, self._resize(source), missing or self.missing, self.about.get("scale")
        )
        X = found.examples(np.arange(len(found.rows)))
        self._check(X, source)
        return X, found.shape

    def as_seen(self, X, rng=None):
        """Examples as the model saw them in training: its dtype, black or white if so drawn."""
        binarize = self.binarize != "none"
        return take(X, slice(None), self.model.dtype, rng or self._rng(), binarize)

    def encode(self, X):
        """q(z|x) of each row, some rows at a time; what is missing (NaN) is left out.

        Shapes  X (N, D) → mu, logvar (N, Z)
        """
        rng = self._rng()
        blocks = (split_missing(self.as_seen(rows, rng))[0] for rows in _blocks(X))
        parts = [self.model.encode(x) for x in blocks]
        mu, logvar = (np.concatenate(part) for part in zip(*parts))
        return mu, logvar

    def decode(self, z):
        """The mean of p(x|z) for each row, some rows at a time.

        Shapes  z (N, Z) → (N, D)
        """
        return np.concatenate([self.model.decode(rows) for rows in _blocks(z)])

    def _load(self, data, data_dir, validation):
        dataset = datasets.load(
            data,
            data_dir or self.about.get("data_dir"),
            validation,
            self.seed,
            resize=self._resize(data),
            missing=self.missing,
            scale=self.about.get("scale"),
            random_split=self.about.get("random_split", False),
        )
        self._check(dataset.X, data)
        return dataset

    def _resize(self, data):
        """The size that the run gave the images of a folder, if `data` is one."""
        is_folder = data not in datasets.dataset.NAMES and Path(data).is_dir()
        return self.about.get("resize") if is_folder else None

    def _rng(self):
        return stream(self.seed, *PICTURES)

    def _check(self, X, data):
        if X.shape[1] != self.model.n_features:
            raise ValueError(
                f"{data} has {X.shape[1]} numbers per example, the model in {self.path} was "
                f"trained on {self.model.n_features}."
            )
        check_range(X, self.model.config["likelihood"])


def load(path):
    """What `scripts/train.py` left in a folder, or the model in a file.

    Raises  FileNotFoundError   there is no such thing, or the run has not come to its end
            ValueError          a file is damaged or of another kind, or the run went on afterwards
    """
    path = Path(path)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(f"there is no run and no model {path}.")
        return Saved(path, *load_model(path))
    checkpoint = path / "checkpoint.npz"
    if not (path / "model.npz").is_file():
        raise FileNotFoundError(
            f"there is no model.npz in {path}"
            + (f"; finish the run with --resume {path}." if checkpoint.is_file() else ".")
        )
    model, about = load_model(path / "model.npz")
    if not checkpoint.is_file():
        return Saved(path, model, about)
    training, settings = load_training(checkpoint)
    if training.best is None or not np.array_equal(training.best, model.parameters.vector):
        raise ValueError(
            f"the run in {path} went on after its model.npz was written; finish it with "
            f"--resume {path}, or give {path / 'model.npz'}."
        )
    training.keep_best()
    return Saved(path, training.model, {**settings, **about}, training)


def _blocks(rows):
    return (rows[i : i + ROWS_AT_ONCE] for i in range(0, len(rows), ROWS_AT_ONCE))
