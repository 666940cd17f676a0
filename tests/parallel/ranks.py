"""What the ranks of test_ranks.py run: the same training in several settings, its results kept.

mpiexec -n N python ranks.py FILE.npz
"""

import itertools
import sys

import numpy as np

from numvae import VAE, parallel
from numvae.settings import Settings
from numvae.training.loop import Training

STEPS = 20
X = np.random.default_rng(0).random((602, 12))
WIDE = np.random.default_rng(0).random((602, 70))
WIDTHS = {"hidden": (66, 67)}  # with small batches of WIDE, ranks share units instead of rows
SETTINGS = {
    "as ever": {},
    "few rows at the end": {"batch_size": 30},
    "more rows than a stream has": {"batch_size": 301, "binarize": "dynamic"},
    "several samples": {"objective": "iwae", "n_samples": 5, "clip": 0.5},
    "the sampled KL": {"objective": "stl", "n_samples": 2, "batch_size": 150},
    "masks": {"n_samples": 2, "batch_size": 200, "dropout": 0.3, "hidden": (8, 6)},
    "denoising": {"denoise": ("salt_and_pepper", 0.3)},
    "missing": {"missing": True, "beta": 2.0, "likelihood": "gaussian"},
    "an autoencoder": {"objective": "autoencoder", "likelihood": "gaussian-sigma-z"},
    "adagrad": {"optimizer": "adagrad"},
    "sgd": {"optimizer": "sgd", "momentum": 0.5, "weight_decay": 0.1, "clip": 0.5},
    "units": {
        "batch_size": 20,
        "weight_decay": 0.1,
        "binarize": "dynamic",
        "free_bits": 0.1,
        **WIDTHS,
    },
    "units of one layer": {
        "batch_size": 20,
        "objective": "dreg",
        "n_samples": 4,
        "clip": 0.5,
        "hidden": (65,),
        "likelihood": "continuous-bernoulli",
    },
    "a table": {"likelihood": "gaussian-sigma-z", "missing": True, "schedule": "cosine"},
    "units and missing": {
        "batch_size": 30,
        "skip": False,
        "standardize": False,
        "missing": True,
        "denoise": ("salt_and_pepper", 0.3),
        "likelihood": "gaussian-sigma-z",
        **WIDTHS,
    },
    "units of pixels as real numbers": {
        "batch_size": 30,
        "skip": False,
        "standardize": False,
        "likelihood": "gaussian",
        **WIDTHS,
    },
}


def train(name, team):
    """A model after STEPS steps, the rows of its history, and the optimizer's memory."""
    plain = {"n_latent": 3, "hidden": (9,), "likelihood": "bernoulli", "activation": "relu"}
    plain |= {"batch_size": 100, "lr": 1e-3, "schedule": "constant"}
    settings = Settings(**{**plain, "epochs": 50, **SETTINGS[name]}).checked()
    data = WIDE if name.startswith("units") else X
    if settings.missing:
        data = np.where(np.random.default_rng(1).random(data.shape) < 0.2, np.nan, data)
    training, n_steps = Training.new(settings, data, 7), itertools.count(1)
    team.share(training, data)
    if team.size > 1:
        assert ("units" in team.shares) == name.startswith("units")
    team.run(training, data, data[:250], asked=lambda: next(n_steps) > STEPS)
    rows = [list(row.values()) for row in training.history]
    return training.model.parameters.vector, np.array(rows), *training.optimizer.memory.values()


def results(team):
    """Everything that is compared: name → array."""
    arrays = {f"{name} {i}": a for name in SETTINGS for i, a in enumerate(train(name, team))}
    vae = VAE(epochs=3, validation_fraction=0.2, random_state=0)
    for name, data, settings in (
        ("rows", X, {}),
        ("units", WIDE, {"hidden": (64,), "batch_size": 20}),
    ):
        vae.set_params(**settings).fit(data, comm=getattr(team, "comm", None)).partial_fit(data)
        arrays[f"estimator, {name}"] = vae.network_.parameters.vector
    return arrays


if __name__ == "__main__":
    team = parallel.started()
    arrays = results(team)
    team.first(lambda: np.savez(sys.argv[1], **arrays))
