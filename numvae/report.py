"""The numbers and the pictures of a trained model."""

import numpy as np

from numvae.evaluation import diagnostics, importance, latent
from numvae.evaluation.conventions import bits_per_dimension
from numvae.network.likelihoods import is_density
from numvae.rows import Rows, read
from numvae.streams import PICTURES, stream
from numvae.training.minibatches import corrupt

SOME = 5000  # rows that are enough for a picture of the codes
GRID = 15  # the manifold has GRID × GRID tiles
SHOWN = 20  # examples in a picture


def some(X, n=SOME):
    """The first n rows of X."""
    return Rows(X, np.arange(min(n, len(X))))


def lines(training, dataset):
    """The numbers of a trained model on the held-out examples, as lines of text."""
    model = training.model
    held_out = len(dataset.X_valid) > 0
    X = dataset.X_valid if held_out else dataset.X
    nll, kl = training.evaluate(training.drawn(X))
    elbo = -(nll + kl)
    density = is_density(model.config["likelihood"])
    is_image = len(dataset.shape) > 1
    bits = bits_per_dimension(elbo.mean(), model.n_features, 256 if density and is_image else None)
    what = "held-out" if held_out else "training"
    _, error = importance.mean_and_error(elbo)
    fraction = kl.mean() / (abs(nll.mean()) + kl.mean())
    each = diagnostics.latent_units(*diagnostics.encode(model, some(X), training.inputs))
    n_active = int((each["activity"] > diagnostics.ACTIVE).sum())
    text = [
        f"Epoch {training.best_epoch} of {training.epoch} was the best, and is kept."
        if held_out
        else "Nothing was held out, so the last epoch is kept, so the numbers are optimistic.",
        f"On {len(X):,} {what} examples:",
        f"  ELBO      {elbo.mean():10.2f} ± {error:.2f} nats per example, higher is better"
        + (" (a density: it may be positive)" if density else ""),
        f"  nll       {nll.mean():10.2f} nats, the reconstruction",
        f"  KL        {kl.mean():10.2f} nats, information in the code z: {fraction:.1%} of |nll| + "
        "KL",
        f"  bits      {bits:10.3f}"
        + (" per 8-bit pixel" if density and is_image else " per dimension"),
        f"  active    {n_active:7d}    of {model.n_latent} latent units",
    ]
    if dataset.known_valid and len(dataset.X_valid) > 1:
        text += _recovered(training, dataset)
    if not training.objective.draws_z:
        return text + ["A plain autoencoder has no bound: its ELBO here is only −nll."]
    return text + diagnostics.advice(each, n_active)


def _recovered(training, dataset):
    """A line for each known class or factor: how well it can be read off the code."""
    mu, _ = diagnostics.encode(training.model, some(dataset.X, 10_000), training.inputs)
    mu_valid, _ = diagnostics.encode(training.model, dataset.X_valid, training.inputs)
    for name, values in dataset.known_valid.items():
        score = latent.recovery(mu, dataset.known[name][: len(mu)], mu_valid, values)
        if np.issubdtype(values.dtype, np.integer):
            yield (
                f"  {name:<11}{score:9.1%} of held-out examples classified correctly by "
                "nearest-neighbour codes"
            )
            continue
        rho = latent.alignment(mu_valid, values)
        unit = int(rho.argmax())
        yield (
            f"  {name:<11}{score:9.2f} = R² read off the code; alone with z{unit + 1}: "
            f"|ρ| = {rho[unit]:.2f}"
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
    mu, logvar = diagnostics.encode(model, some(X), training.inputs)
    each = diagnostics.latent_units(mu, logvar)
    most_telling = each["kl"].argsort()[::-1][:10]
    axes = tuple(sorted(most_telling[:2].tolist()))
    if model.n_latent > 1:
        colours = {name: values[: len(mu)] for name, values in list(known.items())[:2]}
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

    x, observed = training.inputs(read(X, rows))
    if training.settings.denoise:
        corrupted = corrupt(rng, x, observed, *training.settings.denoise)
        rows = [images(x), np.clip(images(corrupted), 0, 1), decoded(model.encode(corrupted)[0])]
        yield "denoising.png", plots.strips(rows, ["original", "corrupted", "denoised"])
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
    x, observed = training.inputs(read(X, slice(0, SOME)))
    if observed is None:  # else there is nothing to hold the reconstructions against
        rebuilt = model.decode(model.encode(x)[0])
        yield "reconstructions.png", plots.table_reconstructions(x, rebuilt)
    z = rng.standard_normal((len(x), model.n_latent), dtype=model.dtype)
    x = x if observed is None else np.where(observed, x, np.nan)
    yield "marginals.png", plots.marginals(x, model.sample(rng, z))
