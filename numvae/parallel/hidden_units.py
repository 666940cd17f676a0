"""A model whose units are shared out: each rank has some units of every layer, for all examples.

A unit's weights are a column of W. Forward, backward and the optimizer's rule for one column need
no other column, only the layer's inputs. So each rank computes its own columns, and what travels
between the ranks is activations: what goes into a layer, and on the way back the gradient of that.
Where a batch has fewer examples than the layers have units, that is far less than the parameters.

    x ── own h ──┬── mu ─────┬─ z ── own h ── own columns of x ── log p(x|z)
                 └── logvar ─┘

What `loss_and_grad` itself handles, x, mu, logvar, z and log p(x|z), every rank has whole, so that
it is the same for all. What lies between is divided inside three kinds of layers, whose `places`
tell which part of each array of the whole model is a rank's own:

    OwnOutputs      a layer that has its own outputs, from all inputs: the hidden layers
    OwnInputs       a layer that has all outputs, from its own inputs: mu and logvar
    OwnFeatures     the likelihood of its own columns of x

"""

import math

import numpy as np

from numvae.network.autoencoder import Autoencoder, build, shapes
from numvae.network.layers import Dense
from numvae.network.likelihoods import likelihood as make_likelihood
from numvae.network.parameters import Parameters, views
from numvae.network.units import OwnUnits
from numvae.rules import dense


class OwnOutputs(Dense):
    """Own columns of W and elements of b: own outputs, from all inputs.

        y[:, own] = x W[:, own] + b[own]
        dx        = Σ_ranks dy[:, own] W[:, own]ᵀ

    Where x comes as each rank's own columns they are put together, and dx is taken apart again.
    """

    def __init__(self, name, n_in, n_out, ranks):
        own = ranks.part(n_out)
        super().__init__(name, n_in, width(own))
        W, b = self.shapes
        self.ranks, self.places = ranks, {W: (slice(None), own), b: own}

    def forward(self, x):
        """x (B, n_in), or own columns of it → own columns of y."""
        self.memory.x_is_whole = x.shape[1] == self.n_in
        return super().forward(x if self.memory.x_is_whole else self.ranks.columns(x, self.n_in))

    def backward(self, dy, need_dx=True):
        """Own columns of dy → dx (B, n_in), or own columns of it, as x came."""
        dx = super().backward(dy, need_dx)
        if not need_dx:
            return None
        return self.ranks.total(dx) if self.memory.x_is_whole else self.ranks.own_columns(dx)


class OwnInputs(Dense):
    """Own rows of W, and own elements of b: all outputs, from own inputs.

    y          = Σ_ranks ( x[:, own] W[own] + b where it is own )
    dx[:, own] = dy W[own]ᵀ
    """

    def __init__(self, name, n_in, n_out, ranks):
        super().__init__(name, n_in, n_out)
        W, b = self.shapes
        self.ranks, self.places = ranks, {W: ranks.part(n_in), b: ranks.part(n_out)}
        self.shapes = {W: (width(self.places[W]), n_out), b: (width(self.places[b]),)}
        self.own_b = self.places[b]

    def forward(self, x):
        """Own columns of x → y (B, n_out)."""
        self.memory.x = x
        b = np.zeros(self.n_out, self.b.dtype)
        b[self.own_b] = self.b
        return self.ranks.total(dense.forward(x, self.W, b))

    def backward(self, dy):
        """dy (B, n_out) → own columns of dx."""
        dx, self.dW[...], db = dense.backward(dy, self.memory.x, self.W)
        self.db[...] = db[self.own_b]
        return dx


class OwnFeatures:
    """The likelihood of own columns of x; given z they are independent of the others.

    log p(x|z) = Σ_ranks log p(x[:, own] | z)
    """

    def __init__(self, kind, n_in, n_features, sigma, sigma_min, ranks):
        self.ranks, self.n_in, self.own = ranks, n_in, ranks.part(n_features)
        self.likelihood = make_likelihood(kind, n_in, width(self.own), sigma, sigma_min)
        self.shapes, self.bind = self.likelihood.shapes, self.likelihood.bind
        self.places = dict.fromkeys(self.shapes, (..., self.own))

    def log_likelihood(self, x, h, observed=None):
        """x (B, D), own columns of h → log p(x|z) (L, B)."""
        h = self.ranks.columns(h, self.n_in)
        observed = None if observed is None else observed[:, self.own]
        return self.ranks.total(self.likelihood.log_likelihood(x[:, self.own], h, observed))

    def backward(self, dlog_px):
        """dlog_px (L, B) → own columns of dh."""
        return self.ranks.own_columns(self.likelihood.backward(dlog_px))


class UnitShard(Autoencoder):
    """One rank's shard of an Autoencoder; it holds only its own parameters, and supports training
    only: all ranks call `loss_and_grad` and `elbo_terms` with the same arguments and get the same
    but for the gradient, which is that of own parameters.

    config    of the whole model
    ranks     who has the other units, and how to reach them
    """

    def __init__(self, config, ranks):
        self.config, self.ranks = config, ranks
        for name in "n_features", "n_latent", "n_condition":
            setattr(self, name, config[name])
        self.dtype = np.dtype(config["dtype"])
        self.units, self.factors = OwnUnits(), None
        settings = {name: value for name, value in config.items() if name != "dtype"}
        encoder, mu, logvar, decoder, likelihood = whole = build(**settings)
        self.whole_shapes = shapes(whole)
        for mlp in encoder, decoder:
            mlp.layers = [
                OwnOutputs(layer.name, layer.n_in, layer.n_out, ranks) for layer in mlp.layers
            ]
        mu, logvar = (
            OwnInputs(layer.name, layer.n_in, layer.n_out, ranks) for layer in (mu, logvar)
        )
        likelihood = OwnFeatures(
            settings["likelihood"],
            decoder.n_out,
            self.n_features,
            settings["sigma"],
            settings["sigma_min"],
            ranks,
        )
        divided = *encoder.layers, mu, logvar, *decoder.layers, likelihood
        self.places = {name: place for layer in divided for name, place in layer.places.items()}
        layers = encoder, mu, logvar, decoder, likelihood
        self.assemble(layers, Parameters(shapes(divided), self.dtype))

    def own(self, vector):
        """The own part of a vector (P,) of all parameters, or of what belongs to them."""
        whole = views(vector, self.whole_shapes)
        return np.concatenate([whole[name][place].ravel() for name, place in self.places.items()])

    def whole(self, vector):
        """Every rank's own part → the whole vector (P,), on every rank."""
        total = np.zeros(sum(map(math.prod, self.whole_shapes.values())), vector.dtype)
        whole, own = views(total, self.whole_shapes), views(vector, self.parameters.shapes)
        for name, place in self.places.items():
            whole[name][place] = own[name]
        return self.ranks.total(total)


FEWEST = 16  # units of a layer for each rank: narrower products leave a processor half idle


def worth_sharing(model, settings, n_ranks):
    """Whether a step of all ranks sends fewer numbers if they share units, not rows.

    Rows shared, every parameter's gradient travels, and the new parameter. Units shared, what
    travels for each row is the units between hidden layers, forward and backward.
    """
    hidden, kind = model.config["hidden"], model.config["likelihood"]
    if not hidden or min(*hidden, model.n_features) < FEWEST * n_ranks:
        return False
    if kind == "categorical" or ":" in kind:
        return False
    if any(model.config[name] for name in ("dropout", "skip", "standardize")):
        return False
    travelling = settings.batch_size * (sum(hidden[:-1]) + settings.n_samples * sum(hidden))
    return travelling < model.parameters.vector.size


def width(own):
    return own.stop - own.start
