"""The folder of a run: the model, its history, its pictures and its report.

    model.npz           the parameters of the best epoch, and the configuration
    history.csv         what every epoch measured
    report.txt          the numbers below
    curves.png …        the pictures

Like the estimator, this module knows all rooms of the package, and contains no formula.
"""

from pathlib import Path

import numpy as np

from numvae.evaluation import latent, units
from numvae.files import write_atomically
from numvae.training.minibatches import PICTURES, stream, take

GRID = 15  # the manifold has GRID × GRID tiles


def new_folder(out, name):
    """Make the folder of a new run: `out`, or the first free of runs/NAME-1, runs/NAME-2, …

    Raises  FileExistsError if `out` is there already: a run is never overwritten
    """
    if out is not None:
        folder = Path(out)
        if folder.exists():
            raise FileExistsError(
                f"{folder} exists already, and a run is never overwritten; choose another --out."
            )
        folder.mkdir(parents=True)
        return folder
    number = 1
    while True:
        folder = Path("runs") / f"{name}-{number}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1


def report(training, dataset):
    """The numbers of a trained model on the held-out examples, as lines of text."""
    model = training.model
    held_out = len(dataset.X_valid) > 0
    X = dataset.X_valid if held_out else dataset.X
    nll, kl = training.evaluate(X)
    elbo = -(nll + kl)
    density = model.config["likelihood"] != "bernoulli"
    is_image = len(dataset.shape) > 1
    bits = units.bits_per_dimension(
        elbo.mean(), model.n_features, 256 if density and is_image else None
    )
    what = "held-out" if held_out else "training"
    error = elbo.std() / np.sqrt(len(elbo))
    share = kl.mean() / (abs(nll.mean()) + kl.mean())
    lines = [
        f"Epoch {training.best_epoch} of {training.epoch} was the best, and is kept."
        if held_out
        else "Nothing was held out, so the last epoch is kept, and the numbers flatter.",
        f"On {len(X):,} {what} examples:",
        f"  ELBO      {elbo.mean():10.2f} ± {error:.2f} nats per example, higher is better"
        + (" (a density: it may be positive)" if density else ""),
        f"  nll       {nll.mean():10.2f} nats, the reconstruction",
        f"  KL        {kl.mean():10.2f} nats, what the code z tells: {share:.1%} of |nll| + KL",
        f"  bits      {bits:10.3f}"
        + (" per 8-bit pixel" if density and is_image else " per dimension"),
    ]
    for name, values in dataset.known_valid.items() if len(dataset.X_valid) > 1 else ():
        lines.append(_recovered(model, dataset, name, values))
    return lines


def save_report(folder, lines):
    """Write report.txt."""
    write_atomically(folder / "report.txt", ("\n".join(lines) + "\n").encode())


def _recovered(model, dataset, name, values):
    """One line: how well a known class or factor can be read off the code."""
    some = slice(0, 10_000)
    mu, _ = model.encode(dataset.X[some])
    mu_valid, _ = model.encode(dataset.X_valid)
    score = latent.recovery(mu, dataset.known[name][some], mu_valid, values)
    if np.issubdtype(values.dtype, np.integer):
        return (
            f"  {name:<11}{score:9.1%} of held-out examples named right by their neighbours' codes"
        )
    along = latent.alignment(mu_valid, values)
    axis = int(along.argmax())
    return (
        f"  {name:<11}{score:9.2f} = R² read off the code; alone with z{axis + 1}: "
        f"|ρ| = {along[axis]:.2f}"
    )


def pictures(training, dataset, axes=(0, 1)):
    """The pictures of a run, drawn one after the other: yields (filename, Figure)."""
    from numvae import plots

    model, rng = training.model, stream(training.seed, *PICTURES)
    yield "curves.png", plots.curves(training.history)

    X, known = dataset.X_valid, dataset.known_valid
    if len(X) < 500:  # too few for a cloud
        X, known = dataset.X, dataset.known
    if model.n_latent > 1:
        some = slice(0, 5000)
        colours = {name: values[some] for name, values in list(known.items())[:2]}
        mu, _ = model.encode(_shown(training, X, some, rng))
        yield "latent.png", plots.latent_scatter(mu, colours or None, axes=axes)
    if len(dataset.shape) == 1:
        return

    def images(flat):
        return flat.reshape(*flat.shape[:-1], *dataset.shape)

    X = dataset.X_valid if len(dataset.X_valid) else dataset.X
    spread = np.linspace(0, len(X) - 1, min(20, len(X))).astype(int)
    x = _shown(training, X, spread, rng)
    mu, _ = model.encode(x)
    yield "reconstructions.png", plots.reconstructions(images(x), images(model.decode(mu)))
    z = rng.standard_normal((60, model.n_latent), dtype=model.dtype)
    yield "samples.png", plots.samples(images(model.decode(z)))
    if model.n_latent > 1:
        values = latent.prior_quantiles(GRID), latent.prior_quantiles(GRID)
        grid = latent.plane(*values, model.n_latent, axes).astype(model.dtype)
        decoded = model.decode(grid.reshape(-1, model.n_latent)).reshape(GRID, GRID, -1)
        yield "manifold.png", plots.manifold(images(decoded), values, axes)


def _shown(training, X, rows, rng):
    """Rows as the model sees them in training."""
    return take(X, rows, training.model.dtype, rng, training.binarize)
