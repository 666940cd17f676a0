"""The folder of a run: the model, its history, its pictures and its report.

    checkpoint.npz      all there is to remember, to go on from
    model.npz           the parameters of the best epoch, and the configuration
    history.csv         what every epoch measured
    report.txt          the numbers below
    curves.png …        the pictures

Like the estimator, this module knows all rooms of the package, and contains no formula.
"""

from pathlib import Path

import numpy as np

from numvae.evaluation import diagnostics, importance, latent, units
from numvae.files import write_atomically
from numvae.network.likelihoods import is_density
from numvae.progress import Countdown
from numvae.training.checkpoint import save_training
from numvae.training.history import save_history
from numvae.training.minibatches import PICTURES, corrupt, split_missing, stream, take

GRID = 15  # the manifold has GRID × GRID tiles
SHOWN = 20  # examples in a picture


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


def estimate(model, X, seed, n_samples, binarize, missing):
    """`importance.estimate`, with a line of progress."""
    progress, parts = Countdown(len(X)), []
    for part in importance.estimates(model, X, seed, n_samples, binarize, missing):
        parts.append(part)
        progress.advance(len(part.log_p), "log p(x)")
    progress.wipe()
    return importance.join(parts)


def save(training, folder, about):
    """Write checkpoint.npz and history.csv: a run as it stands."""
    save_training(training, folder / "checkpoint.npz", about)
    if training.history:
        save_history(training.history, folder / "history.csv")


def report(training, dataset):
    """The numbers of a trained model on the held-out examples, as lines of text."""
    model = training.model
    held_out = len(dataset.X_valid) > 0
    X = dataset.X_valid if held_out else dataset.X
    nll, kl = training.evaluate(X)
    elbo = -(nll + kl)
    density = is_density(model.config["likelihood"])
    is_image = len(dataset.shape) > 1
    bits = units.bits_per_dimension(
        elbo.mean(), model.n_features, 256 if density and is_image else None
    )
    what = "held-out" if held_out else "training"
    _, error = importance.mean_and_error(elbo)
    share = kl.mean() / (abs(nll.mean()) + kl.mean())
    each = diagnostics.latent_units(*model.encode(_shown(training, X, slice(0, 5000))[0]))
    n_active = int((each["activity"] > diagnostics.ACTIVE).sum())
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
        f"  active    {n_active:7d}    of {model.n_latent} latent units",
    ]
    for name, values in dataset.known_valid.items() if len(dataset.X_valid) > 1 else ():
        lines.append(_recovered(model, dataset, name, values))
    if not training.loss.draws_z:
        return lines + ["A plain autoencoder has no bound: its ELBO here is only −nll."]
    found = {"units": each, "n_latent": model.n_latent, "n_active": n_active}
    return lines + diagnostics.advice(found)


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


def pictures(training, dataset):
    """The pictures of a run, drawn one after the other: yields (filename, Figure).

    Those of two latent units show the two that tell most.
    """
    from numvae import plots

    model, rng = training.model, stream(training.seed, *PICTURES)
    layers = {
        name.removesuffix(".W"): value.shape
        for name, value in model.parameters.values.items()
        if not name.endswith(".b")
    }
    yield "curves.png", plots.curves(training.history)
    yield "network.png", plots.network_diagram(layers)

    X, known = dataset.X_valid, dataset.known_valid
    if len(X) < 500:  # too few for a cloud
        X, known = dataset.X, dataset.known
    some = slice(0, 5000)
    x, _ = _shown(training, X, some)
    mu, logvar = model.encode(x)
    each = diagnostics.latent_units(mu, logvar)
    most_telling = each["kl"].argsort()[::-1][:10]
    axes = tuple(sorted(most_telling[:2].tolist()))
    if model.n_latent > 1:
        colours = {name: values[some] for name, values in list(known.items())[:2]}
        yield "latent.png", plots.latent_scatter(mu, colours or None, axes=axes)
        yield "units.png", plots.kl_per_unit(each["kl"], each["activity"] > diagnostics.ACTIVE)

    X = dataset.X_valid if len(dataset.X_valid) else dataset.X
    spread = np.linspace(0, len(X) - 1, min(SHOWN, len(X))).astype(int)
    if len(dataset.shape) == 1:
        yield from _table_pictures(training, X, rng)
    else:
        yield from _image_pictures(training, X, spread, dataset.shape, most_telling, axes, rng)


def _image_pictures(training, X, rows, shape, units, axes, rng):
    """What the model makes of images, and the images it makes."""
    from numvae import plots

    model = training.model

    def images(flat):
        return flat.reshape(*flat.shape[:-1], *shape)

    def decoded(z):
        z = np.asarray(z, model.dtype)
        return images(model.decode(z.reshape(-1, model.n_latent)).reshape(*z.shape[:-1], -1))

    x, observed = _shown(training, X, rows)
    if training.denoise:
        seen = corrupt(rng, x, observed, *training.denoise)
        rows = [images(x), np.clip(images(seen), 0, 1), decoded(model.encode(seen)[0])]
        yield "denoising.png", plots.strips(rows, ["original", "spoiled", "denoised"])
    z, _ = model.encode(x)
    yield "reconstructions.png", plots.reconstructions(images(x), decoded(z))
    yield "samples.png", plots.samples(decoded(rng.standard_normal((60, model.n_latent))))

    values = latent.prior_quantiles(GRID)
    if model.n_latent > 1:
        plane = latent.plane(values, values, model.n_latent, axes)
        yield "manifold.png", plots.manifold(decoded(plane), (values, values), axes)
    centre = z.mean(axis=0)
    moves = np.stack([latent.traverse(centre, unit, values) for unit in units])
    yield "traversals.png", plots.traversals(decoded(moves), values, units)
    if len(z) > 1:
        ways = [latent.interpolate(z[0], z[-1], 9, path) for path in ("linear", "spherical")]
        ends = images(x[[0, -1]])
        yield (
            "interpolation.png",
            plots.interpolation(decoded(np.stack(ways)), ["linear", "spherical"], ends),
        )


def _table_pictures(training, X, rng):
    """What the model makes of a table's rows, and the rows it makes."""
    from numvae import plots

    model = training.model
    x, observed = _shown(training, X, slice(0, 5000))
    if observed is None:  # else there is nothing to hold the reconstructions against
        rebuilt = model.decode(model.encode(x)[0])
        yield "reconstructions.png", plots.table_reconstructions(x, rebuilt)
    z = rng.standard_normal((len(x), model.n_latent), dtype=model.dtype)
    x = x if observed is None else np.where(observed, x, np.nan)
    yield "marginals.png", plots.marginals(x, model.sample(rng, z))


def _shown(training, X, rows):
    """Rows as the model sees them in training, and where they are known, None if everywhere."""
    rng = stream(training.seed, *PICTURES)
    x = take(X, rows, training.model.dtype, rng, training.binarize)
    return split_missing(x) if training.missing else (x, None)
