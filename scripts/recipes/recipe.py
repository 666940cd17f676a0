"""What a recipe declares, and what is left when its runs are trained."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numvae import plots, report
from numvae.datasets.dataset import Dataset
from numvae.evaluation import aggregate, latent
from numvae.rows import read
from numvae.streams import PICTURES, stream
from numvae.training.loop import Training

LENGTHS = ("quick", "default", "full")  # minutes, a quarter of an hour, as published


@dataclass(frozen=True)
class Run:
    """One training.

    flags      of train.py; --epochs and --seed are given with the length
    epochs     for each of LENGTHS; 0 leaves the run out
    draws      importance samples for log p(x), for each of LENGTHS; 0: no log p(x)
    published  what the source gives for it
    planted    a context in which it trains and is watched, for a program that was published with a
               mistake; what is measured in the end is measured outside of it
    """

    flags: str
    epochs: tuple
    draws: tuple = (0, 0, 0)
    published: str = ""
    planted: Callable = nullcontext


@dataclass
class Trained:
    """A run at the end of its training: its folder, the parameters of its last epoch, its data, its
    numbers."""

    name: str
    run: Run
    path: Path
    training: Training
    data: Dataset
    numbers: dict

    @property
    def model(self):
        return self.training.model

    def inputs(self, rows):
        """Held-out examples as the model takes them: (n, D)."""
        return self.training.inputs(read(self.data.X_valid, rows))[0]

    def images(self, flat):
        return flat.reshape(*flat.shape[:-1], *self.data.shape)

    def decoded(self, z):
        """The mean image for each code: z (..., Z) → (..., H, W)."""
        z = np.asarray(z, self.model.dtype)
        x = self.model.decode(z.reshape(-1, self.model.n_latent))
        return self.images(x.reshape(*z.shape[:-1], -1))

    def reconstructions(self, n=20):
        """Held-out examples above what two numbers, or Z, keep of them."""
        x = self.inputs(np.linspace(0, len(self.data.X_valid) - 1, n).astype(int))
        return plots.reconstructions(self.images(x), self.decoded(self.model.encode(x)[0]))

    def draws(self, n, source="prior"):
        """n codes (n, Z) from a source: the prior, the posterior of training examples, or the
        mixture of Gaussians fitted to their codes."""
        rng = stream(self.training.seed, *PICTURES)
        return aggregate.draw(self.training, rng, n, source, self.data.X)

    def samples(self, n=100, columns=10, sources=("prior",)):
        """What the decoder makes of codes from each source."""
        drawn = {source: self.decoded(self.draws(n, source)) for source in sources}
        return plots.samples(drawn, columns)

    def manifold(self, n=20, scale=1.0):
        """A square of n × n codes, the quantiles of N(0, scale²) along each side, decoded."""
        values = scale * latent.prior_quantiles(n)
        plane = latent.plane(values, values, 2, (0, 1))
        return plots.manifold(self.decoded(plane), (values, values))

    def curves(self):
        """The ELBO and its two terms over the epochs."""
        return plots.curves(self.training.history)

    def network(self):
        """The layers, the way of the data through them, and where the loss comes from."""
        return report.network_diagram(self.model)

    def codes(self, n=5000):
        """The posterior of the first n held-out examples: mu, logvar (n, Z)."""
        return self.model.encode(self.inputs(slice(0, n)))

    def cloud(self, n=5000):
        """Where the held-out examples lie in the latent plane, coloured by what is known."""
        known = {name: values[:n] for name, values in list(self.data.known_valid.items())[:1]}
        return plots.latent_scatter(self.codes(n)[0], known or None)


@dataclass(frozen=True)
class Recipe:
    """A paper's or a post's experiments.

    title        what it is, with its source
    about        what is trained, in a sentence or two
    differences  what is not as in the source, one sentence each
    runs         dict of name → Run
    pictures     trained → (filename, Figure, caption), …; trained is a dict of name → Trained and
                 lacks the runs that a length or --only leaves out
    lines        trained → lines of Markdown that compare
    """

    title: str
    about: str
    runs: dict
    pictures: Callable
    differences: tuple = ()
    lines: Callable = lambda trained: ()
