"""What the ranks of test_engine.py run: the same training in several settings, its results kept.

mpiexec -n N python ranks.py FILE.npz
"""

import sys

import numpy as np

from numvae import VAE
from numvae.network import Autoencoder
from numvae.training.engine import Units, started
from numvae.training.loop import Training
from numvae.training.optimizers import OPTIMIZERS

STEPS = 50
X = np.random.default_rng(0).random((602, 12))
WIDE = np.random.default_rng(0).random((602, 70))
WIDTHS = {"hidden": (66, 67)}  # with small batches of WIDE, ranks share units instead of rows
SETTINGS = {  # of Training, and of the Autoencoder
    "as ever": ({}, {}),
    "few rows at the end": ({"batch_size": 30}, {}),
    "more rows than a stream has": ({"batch_size": 301, "binarize": True}, {}),
    "several samples": ({"objective": "iwae", "n_samples": 5, "clip": 0.5}, {}),
    "the sampled KL": ({"objective": "sampled-elbo", "n_samples": 2, "batch_size": 150}, {}),
    "masks": ({"n_samples": 2, "batch_size": 200}, {"dropout": 0.3, "hidden": (8, 6)}),
    "denoising": ({"denoise": ("salt_and_pepper", 0.3), "free_bits": 0.1}, {}),
    "missing": ({"missing": True, "beta": 2.0}, {"likelihood": "gaussian"}),
    "an autoencoder": ({"objective": "autoencoder"}, {"likelihood": "gaussian-sigma-z"}),
    "units": ({"batch_size": 20, "binarize": True, "free_bits": 0.1}, WIDTHS),
    "units of one layer": (
        {"batch_size": 20, "objective": "iwae", "n_samples": 4, "clip": 0.5},
        {"hidden": (65,), "activation": "tanh", "likelihood": "continuous-bernoulli"},
    ),
    "units and missing": (
        {"batch_size": 30, "missing": True, "denoise": ("salt_and_pepper", 0.3)},
        {**WIDTHS, "likelihood": "gaussian-sigma-z"},
    ),
    "units of tables": ({"batch_size": 30}, {**WIDTHS, "likelihood": "gaussian"}),
}


def train(name, engine, optimizer="adam"):
    """A model after STEPS steps, the row of its first epoch, and what the optimizer remembers."""
    of_training, of_model = SETTINGS[name]
    shape = {"hidden": (9,), "likelihood": "bernoulli", "dtype": "float64", **of_model}
    data = WIDE if name.startswith("units") else X
    model = Autoencoder(data.shape[1], 3, **shape).initialize(np.random.default_rng(2))
    owner = OPTIMIZERS[optimizer](model.parameters)
    settings = {"batch_size": 100, "epochs": 50, **of_training}
    training = engine.share(Training(model, owner, 7, **settings))
    assert isinstance(training.engine, Units) == (engine.size > 1 and data is WIDE)
    if training.missing:
        data = np.where(np.random.default_rng(1).random(data.shape) < 0.2, np.nan, data)
    done = 0
    while done < STEPS:
        for _ in training.steps(data):
            done += 1
            if done == STEPS:
                break
        else:
            training.finish_epoch(data[:250])
    training = training.engine.whole(training)
    rows = [list(row.values()) for row in training.history]
    return training.model.parameters.vector, np.array(rows), *training.optimizer.memory.values()


def results(engine):
    """Everything that is compared: name → array."""
    found = {}
    for name in SETTINGS:
        for i, array in enumerate(train(name, engine)):
            found[f"{name} {i}"] = array
    for name in ("adagrad", "sgd"):
        found[name] = train("as ever", engine, optimizer=name)[0]
    ones = [np.ones(7, dtype) for dtype in ("f4", "f8", "f4")]
    losses = [engine.join((1.0, 2.0, 3.0), gradient) for gradient in ones]
    norms = [engine.norm(gradient) for gradient in ones]
    found["one engine for all types"] = np.column_stack([losses, norms]) / engine.size
    comm = getattr(engine, "comm", None)
    vae = VAE(epochs=3, validation_fraction=0.2, random_state=0)
    for name, data, settings in (
        ("rows", X, {}),
        ("units", WIDE, {"hidden": (64,), "batch_size": 20}),
    ):
        vae.set_params(**settings).fit(data, comm=comm).partial_fit(data)
        found[f"estimator, {name}"] = vae.network_.parameters.vector
    return found


if __name__ == "__main__":
    engine = started()
    found = results(engine)
    engine.first(lambda: np.savez(sys.argv[1], **found))
