"""The numbers and the pictures of a trained model."""

from functools import cached_property

import numpy as np

from numvae.doubts import doubts
from numvae.evaluation import aggregate, diagnostics, importance, latent
from numvae.evaluation.conventions import bits_per_dimension
from numvae.network.likelihoods import is_density, parse_blocks
from numvae.rows import Rows, condition_of, cycled, read, split_condition
from numvae.streams import PICTURES, stream
from numvae.text import printable
from numvae.training import start
from numvae.training.loop import FEWEST
from numvae.training.minibatches import corrupt

FEW, SOME = 500, 5000  # codes that are too few for a picture of them, and that are enough
GRID = 15  # the manifold has GRID × GRID tiles
SHOWN = 20  # examples in a picture
SAMPLES = 30  # images from each source of z
ACROSS = 10  # values of y, and samples given each, in a picture
DRAWN = 2000  # samples for the histograms of an overview


class Report:
    """What there is to say and to show of a training that has ended, measured once.

    X, known    the rows that the numbers are of: those held out, or if there are none those trained
                on, and what is known about them
    """

    def __init__(self, training, dataset):
        self.training, self.dataset, self.model = training, dataset, training.model
        self.held_out, self.is_image = len(dataset.X_valid) > 0, len(dataset.shape) > 1
        self.X = dataset.X_valid if self.held_out else dataset.X
        self.known = dataset.known_valid if self.held_out else dataset.known
        self.mu, self.logvar = diagnostics.encode(self.model, self.X, training.inputs)
        if training.mixture is None:  # it has not come to its end
            training.mixture = aggregate.fit(training, dataset.X)

    def lines(self):
        """The numbers, as lines of text."""
        training, model, X = self.training, self.model, self.X
        nll, kl = training.evaluate(training.drawn(X))
        elbo, error = importance.mean_and_error(-(nll + kl))
        fraction = kl.mean() / (abs(nll.mean()) + kl.mean())
        density = is_density(training.settings.likelihood)
        pixel_bits = self.dataset.bits if density else None
        bits = bits_per_dimension(elbo, model.n_features, pixel_bits and 2**pixel_bits)
        each = diagnostics.latent_units(self.mu, self.logvar)
        from_prior = aggregate.from_prior(training, self.dataset.X)
        n_active = int((each["activity"] > diagnostics.ACTIVE).sum())
        text = [
            self._kept(),
            f"On {len(X):,} {'held-out' if self.held_out else 'training'} examples:",
            f"  ELBO      {elbo:10.2f} ± {error:.2f} nats per example, higher is better"
            + (" (a density: it may be positive)" if density else ""),
            *self._start(elbo),
            f"  nll       {nll.mean():10.2f} nats, the reconstruction",
            f"  KL        {kl.mean():10.2f} nats, information in the code z: {fraction:.1%} of "
            "|nll| + KL",
            *diagnostics.distance(from_prior, model.n_condition > 0),
            f"  bits      {bits:10.3f}"
            + (f" per {pixel_bits}-bit pixel" if pixel_bits else " per dimension"),
            f"  active    {n_active:7d}    of {model.n_latent} latent units",
        ]
        if self.held_out and len(X) > 1:
            text += [self._recovered(name, values) for name, values in self.known.items()]
        if not training.objective.draws_z:
            return text + ["A plain autoencoder has no bound: its ELBO here is only −nll."]
        columns = self.dataset.columns
        names = columns and list(map(printable, columns.labels))
        found = doubts(training, self.dataset.X, self.dataset.X_valid, names)
        return text + found + (diagnostics.advice(each, from_prior) if len(X) >= FEWEST else [])

    def _kept(self):
        """A line: whose parameters the model has."""
        best, last = self.training.best_epoch, self.training.epoch
        if not self.held_out:
            return "Nothing was held out: the last epoch is kept, and the numbers are optimistic."
        if best == 0:
            return f"No epoch of {last} was better than the start, which is kept."
        return f"Epoch {best} of {last} was the best, and is kept."

    def _start(self, elbo):
        """A line: what was learned beyond the linear model that training began at."""
        training = self.training
        if not (self.held_out and start.is_known(training.settings)):
            return []
        blocks = parse_blocks(training.settings.likelihood, self.model.n_features)
        gained = f"{elbo - training.start_elbo:.2f}"
        said = f"a factor analysis: what is not linear adds {gained}"
        if not all(kind.startswith("gaussian") for kind, _ in blocks):
            said = f"factors of the numbers, frequencies of all else: training adds {gained}"
        return [f"  at start  {training.start_elbo:10.2f} nats, {said}"]

    @cached_property
    def training_codes(self):
        """mu and logvar of the first rows that were trained on."""
        rows = Rows(self.dataset.X, np.arange(min(10_000, len(self.dataset.X))))
        return diagnostics.encode(self.model, rows, self.training.inputs)

    def _recovered(self, name, values):
        """A line: how well a known class or factor can be read off the code."""
        mu = self.training_codes[0]
        score = latent.recovery(mu, self.dataset.known[name][: len(mu)], self.mu, values)
        if latent.is_class(values):
            return (
                f"  {name:<11}{score:9.1%} of held-out examples classified correctly by "
                "nearest-neighbour codes"
            )
        rho = latent.alignment(self.mu, values)
        unit = int(rho.argmax())
        return (
            f"  {name:<11}{score:9.2f} = R² read off the code; alone with z{unit + 1}: "
            f"|ρ| = {rho[unit]:.2f}"
        )

    def pictures(self):
        """The pictures, drawn one after the other: yields (filename, Figure).

        Those of two latent units show the two of most KL.
        """
        from numvae import plots

        model = self.model
        if self.training.history:  # empty if the start is kept and nothing was trained
            yield "curves.png", plots.curves(self.training.history)
        yield "network.png", network_diagram(model)

        rows, mu, logvar, known = self.X, self.mu, self.logvar, self.known
        if len(mu) < FEW:
            rows, (mu, logvar), known = self.dataset.X, self.training_codes, self.dataset.known
        mu, logvar = mu[:SOME], logvar[:SOME]
        each = diagnostics.latent_units(mu, logvar)
        units = each["kl"].argsort()[::-1][:10]
        axes = tuple(sorted(units[:2].tolist()))
        if model.n_latent > 1:
            if columns := self.dataset.columns:
                C = model.n_condition
                known = columns.colours(*split_condition(read(rows, slice(0, len(mu))), C))
            colours = {name: known[name][: len(mu)] for name in list(known)[:2]}
            yield "latent.png", plots.latent_scatter(mu, colours or None, axes=axes)
            yield "units.png", plots.kl_per_unit(each["kl"], each["activity"] > diagnostics.ACTIVE)
        yield from self._image_pictures(units, axes) if self.is_image else self._table_pictures()

    def _values_of_y(self):
        """At most ten values of what the model is conditioned on, from the smallest to the largest
        (of several, of the first), and how each is called. Shapes  → (K, C), K texts"""
        columns = self.dataset.condition
        y = condition_of(self.X, self.model.n_condition).astype(self.model.dtype)
        table = columns.decode(y[:, :0], y)
        names = [column.name for column in columns.given]
        _, first = np.unique(table[names[0]], return_index=True)
        first = first[np.linspace(0, len(first) - 1, min(ACROSS, len(first))).astype(int)]
        texts = [map(_short, table[name][first]) for name in names]
        return y[first], [", ".join(values) for values in zip(*texts)]

    def _image_pictures(self, units, axes):
        """What the model makes of images, and the images it makes: of a conditioned model the same
        z's in each row, given another y; pictures of z alone are left out."""
        from numvae import plots

        model, denoise = self.model, self.training.settings.denoise
        rng, limits = stream(self.training.seed, *PICTURES), self.dataset.limits

        def images(flat):
            return flat.reshape(*flat.shape[:-1], *self.dataset.shape)

        def decoded(z, y=None):
            x = model.decode(z.reshape(-1, model.n_latent), y)
            return images(x.reshape(*z.shape[:-1], -1))

        rows = np.linspace(0, len(self.X) - 1, min(SHOWN, len(self.X))).astype(int)
        x, observed, y = self.training.inputs(read(self.X, rows))
        originals = images(x if observed is None else np.where(observed, x, np.nan))
        if denoise:
            corrupted = corrupt(rng, x, observed, model.units, *denoise)
            denoised = decoded(model.encode(corrupted, y)[0], y)
            rows = [originals, images(corrupted), denoised]
            labels = ["original", "corrupted", "denoised"]
            yield "denoising.png", plots.strips(rows, labels, limits)
        z, _ = model.encode(x, y)
        yield "reconstructions.png", plots.reconstructions(originals, decoded(z, y), limits)
        if model.n_condition:
            z = rng.standard_normal((ACROSS, model.n_latent))
            values, labels = self._values_of_y()
            drawn = [decoded(z, y[None]) for y in values]
            yield "samples.png", plots.strips(drawn, labels, limits)
            return
        drawn = {
            source: decoded(aggregate.draw(self.training, rng, SAMPLES, source, self.dataset.X))
            for source in aggregate.SOURCES
        }
        yield "samples.png", plots.samples(drawn, 5, limits)

        values = latent.prior_quantiles(GRID)
        if model.n_latent > 1:
            plane = latent.plane(values, values, model.n_latent, axes)
            yield "manifold.png", plots.manifold(decoded(plane), (values, values), axes, limits)
        centre = z.mean(axis=0)
        moves = np.stack([latent.traverse(centre, unit, values) for unit in units])
        yield "traversals.png", plots.traversals(decoded(moves), values, units, limits)
        if len(z) > 1:
            ways = [latent.interpolate(z[0], z[-1], 9, path) for path in ("linear", "spherical")]
            labels, ends = ["linear", "spherical"], originals[[0, -1]]
            picture = plots.interpolation(decoded(np.stack(ways)), labels, ends, limits)
            yield "interpolation.png", picture

    def _table_pictures(self):
        """What the model makes of a table's rows, and the rows it makes."""
        from numvae import plots

        model, rng = self.model, stream(self.training.seed, *PICTURES)
        columns = self.dataset.columns

        def table(x):
            return columns.categories_as_text(columns.decode(x)) if columns else x

        given, y = split_condition(rows := read(self.X, slice(0, SOME)), model.n_condition)
        rebuilt = diagnostics.reconstruct(model, rows, self.training.inputs)
        picture = plots.table_reconstructions(table(given), table(rebuilt))
        yield "reconstructions.png", picture
        if len(given) < FEW:
            given, y = split_condition(read(self.dataset.X, slice(0, SOME)), model.n_condition)
        z = rng.standard_normal((SOME, model.n_latent), dtype=model.dtype)
        drawn = model.sample(rng, z, cycled(y, SOME))
        yield "marginals.png", plots.marginals(table(given), table(drawn))


def network_diagram(model):
    """`plots.network_diagram` of a model: its weights, and the vectors that are no biases."""
    from numvae import plots

    values = model.parameters.values
    shapes = {name: array.shape for name, array in values.items() if not name.endswith(".b")}
    layers = {name.removesuffix(".W"): shape for name, shape in shapes.items()}
    return plots.network_diagram(layers, n_condition=model.n_condition)


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def overview(training, X, known, table, shape, columns, limits):
    """`plots.overview` of a trained model: of rows X (N, D), and of as many samples as it takes.

    X           with y beside them where the model is conditioned
    known       (N,) what the codes are coloured by, or None
    table       the Columns of a table that they are from, or None
    shape       of one row: (D,), (H, W) or (H, W, 3)
    columns     names of the D numbers
    limits      of images: the values that are drawn black and white
    """
    from numvae import plots

    model, inputs = training.model, training.inputs

    def shown(x, y):
        if table:
            return table.categories_as_text(table.decode(x, y))
        return x.reshape(-1, *shape)

    x, y = split_condition(inputs.drawn(X), model.n_condition)
    mu, logvar = diagnostics.encode(model, X, inputs)
    each = diagnostics.latent_units(mu, logvar)
    rng = stream(training.seed, *PICTURES)
    z = rng.standard_normal((DRAWN, model.n_latent), dtype=model.dtype)
    drawn_y = cycled(y, DRAWN)
    samples = model.decode(z, drawn_y) if len(shape) > 1 else model.sample(rng, z, drawn_y)
    return plots.overview(
        shown(x, y),
        shown(model.decode(mu, y), y),
        shown(samples, drawn_y),
        mu,
        each["kl"],
        each["activity"] > diagnostics.ACTIVE,
        training.history,
        known,
        columns,
        limits,
    )
