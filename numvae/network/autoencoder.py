"""The variational autoencoder: `loss_and_grad` is the forward and the backward pass.

        x ── encoder ──┬── mu ─────┬─ z = μ + σ ε ── decoder ── likelihood ── log p(x|z)
                       └── logvar ─┴─ KL( q(z|x) ‖ N(0, I) )

With the KL in closed form, mu and logvar go into z and into the KL: each has two gradients, which
add.

A conditioned model describes x given y, a label or other numbers that are known of each row: y goes
into the encoder beside x and into the decoder beside z, and the prior of z knows nothing of it.

The noise ε is an argument, never drawn inside. So the loss is an ordinary function of the
parameters: it can be repeated, and finite differences can check its gradient.

The path to `loss_and_grad` ends here: exercises are next, or how it is trained.

Read next: training/minibatches.py.
"""

from typing import NamedTuple

import numpy as np

from numvae.network.layers import MLP, Dense, HiddenOnly
from numvae.network.likelihoods import likelihood as make_likelihood
from numvae.network.objectives import ELBO
from numvae.network.parameters import Parameters
from numvae.network.units import OwnUnits, StandardUnits
from numvae.rules import factor_analysis, gaussian

FAR = 1e15  # in the model's units: what is further out is encoded as this
LOGVAR = -30.0, 5.0  # `encode` clips logvar to this; of familiar rows it lies well inside


class Autoencoder:
    """q(z|x) = N(mu(x), e^logvar(x)), p(z) = N(0, I), p(x|z) by the likelihood's name; conditioned,
    q(z|x, y) and p(x|z, y), and the same p(z).

    n_features    D, numbers per example
    n_latent      Z, latent units
    hidden        widths of the encoder's hidden layers; the decoder has them in reverse
    activation    tanh, relu, elu, softplus, sigmoid or linear; or one for each of the encoder's
                  hidden layers, as elu,tanh: the decoder has them in reverse
    likelihood    bernoulli, continuous-bernoulli, categorical, poisson, negative-binomial,
                  gaussian-fixed, gaussian or gaussian-sigma-z; or blocks of columns, such as
                  gaussian:3,categorical:5
    sigma         σ of gaussian-fixed
    sigma_min     the smallest σ that gaussian and gaussian-sigma-z may learn
    dropout       the fraction of the hidden units that is dropped where masks are given
    skip          whether linear paths lead past the hidden layers: x → mu, and z → the outputs of
                  the likelihood's layers, except variances
    standardize   whether Gaussian columns are standardised inside, by center and scale of `units`;
                  sigma and sigma_min are then fractions of a column's standard deviation. Counts
                  are standardised for the encoder alone: a rate is that of the counts as they are
    n_condition   C, numbers of y: one-hot labels, numbers of about unit size; 0: not conditioned
    dtype         float32 to train, float64 to check
    parameters    Parameters to be bound to; None: new ones, all zero

    Source  Kingma & Welling 2014; conditioned: Sohn, Lee & Yan 2015, with their prior N(0, I)
    """

    def __init__(
        self,
        n_features,
        n_latent,
        hidden=(256,),
        activation="relu",
        likelihood="bernoulli",
        sigma=0.1,
        sigma_min=0.01,
        dropout=0.0,
        skip=False,
        standardize=False,
        n_condition=0,
        dtype="float32",
        parameters=None,
    ):
        self.config = {
            "n_features": n_features,
            "n_latent": n_latent,
            "hidden": tuple(hidden),
            "activation": activation,
            "likelihood": likelihood,
            "sigma": sigma,
            "sigma_min": sigma_min,
            "dropout": dropout,
            "skip": skip,
            "standardize": standardize,
            "n_condition": n_condition,
            "dtype": np.dtype(dtype).name,
        }
        self.n_features, self.n_latent, self.dtype = n_features, n_latent, np.dtype(dtype)
        self.n_condition = n_condition

        layers = build(**{k: v for k, v in self.config.items() if k != "dtype"})
        self.units, self.factors, D = layers[0].units, None, n_features
        if skip:
            W, U = np.zeros((D, n_latent)), np.zeros((D, n_condition))
            self.factors = Factors(np.zeros(D), W, np.ones(D), U)
        self.assemble(layers, parameters or Parameters(shapes(layers), self.dtype))

    def assemble(self, layers, parameters):
        """Put the model together from its five layers, which get their views of the parameters."""
        self.encoder, self.mu_head, self.logvar_head, self.decoder, self.likelihood = layers
        self.parameters = parameters
        for layer in layers:
            layer.bind(parameters)
        self.elbo = ELBO()

    def initialize(self, rng, init_sigma=None, mean=None, variance=None):
        """Draw all weights: Glorot or He by activation, or N(0, init_sigma²).

        mean (D,), where given, is what the decoder outputs at first, whatever z is, and variance
        (D,) that of the data, where a dispersion begins.
        """
        self.encoder.initialize(rng, init_sigma)
        self.mu_head.initialize(rng, init_sigma=init_sigma)
        self.logvar_head.initialize(rng, init_sigma=init_sigma)
        self.decoder.initialize(rng, init_sigma)
        self.likelihood.initialize(rng, init_sigma)
        if mean is not None:
            self.likelihood.initialize_mean(mean, variance)
        return self

    def initialize_factors(self, mean, b, W, psi, U):
        """Make the model a factor analysis of the standardised columns, or of what y does not
        explain of them, whose ELBO is log p(x) exactly where all of x is known.

        The weights of the hidden layers' outputs are 0. Columns that are not Gaussian have their
        mean, for every z; their rows of W are 0.

        Shapes  mean, b, psi (D,), W (D, Z) as `factor_analysis.rotated` gives it, U (D, C)
        """
        for array, value in zip(self.factors or (), (b, W, psi, U)):
            array[...] = value
        V, c, logvar = factor_analysis.encoder(b, W, psi, U)
        self.mu_head.initialize_linear(V, c)
        self.logvar_head.initialize_linear(np.zeros((0, self.n_latent)), logvar)
        self.likelihood.initialize_factors(mean, b, np.concatenate([W, U], axis=1), psi)

    def loss_and_grad(
        self,
        x,
        eps,
        beta=1,
        objective=None,
        encoder_input=None,
        observed=None,
        masks=(None, None),
        y=None,
    ):
        """The loss of one minibatch and its gradient: the forward pass, then its lines in reverse.

            nll  = − mean_{l,n} log p(x_n | z_ln)          (L1)
            kl   =   mean_n KL( q(z|x_n) ‖ N(0, I) )       (L2)
            loss = nll + beta · kl                         (L3)

        Shapes    x (B, D), eps (L, B, Z): L samples of z for each example
        objective one of `objectives`; None: the ELBO, whose loss is (L3)
        encoder_input   (B, D), where that is not x (denoising)
        observed  (B, D) 1 where x is known, 0 where it is missing and x is 0
        masks     of the encoder's and the decoder's dropout, as `masks` draws them
        y         (B, C) what x is conditioned on: q(z|x, y) and p(x|z, y)
        Returns   Losses(loss, nll, kl) in nats per example, and the flat gradient (P,), which is
                  overwritten by the next call
        Source    Kingma & Welling 2014, equation 7; beta: Higgins et al. 2017
        """
        L, B, Z = eps.shape
        objective = objective or self.elbo

        # Forward.
        h = self.encoder.forward(x if encoder_input is None else encoder_input, masks[0], y)
        mu, logvar = self.mu_head.forward(h), self.logvar_head.forward(h)
        z = gaussian.reparameterize(mu, logvar, eps)
        h_dec = self.decoder.forward(z.reshape(L * B, Z), masks[1], y)
        log_px = self.likelihood.log_likelihood(x, h_dec, observed)
        losses = objective.forward(log_px, mu, logvar, z, eps, beta)

        # Backward.
        dlog_px, dz_kl, dmu_kl, dlogvar_kl = objective.backward()
        dh_dec = self.likelihood.backward(dlog_px)
        dz = objective.reweighted(self.decoder.backward(dh_dec).reshape(L, B, Z) + dz_kl)
        dmu_z, dlogvar_z = gaussian.reparameterize_backward(dz, logvar, eps)
        dmu, dlogvar = dmu_z + dmu_kl, dlogvar_z + dlogvar_kl
        dh = self.mu_head.backward(dmu) + self.logvar_head.backward(dlogvar)
        self.encoder.backward(dh, need_dx=False)

        return losses, self.parameters.gradient

    def fill(self, x, observed, y=None):
        """x with missing values filled in, as an input of the encoder.

        They are the expectations under the factor analysis that the model was initialized with, or
        without one the center of the column's units.

        Shapes  x, observed (B, D): x may hold anything where observed is 0; y (B, C) → (B, D)
        """
        guess = self.units.center
        if self.factors:
            b, W, psi, U = self.factors
            m = factor_analysis.given(y, b, U)
            guess = self.units.forward(np.where(observed, x, 0.0))
            guess = factor_analysis.expectation(guess, np.asarray(observed, guess.dtype), m, W, psi)
            guess = self.units.inverse(guess)
        return np.where(observed, x, guess).astype(x.dtype, copy=False)

    def noise(self, rng, n_samples, n_examples):
        """ε ~ N(0, I) for L samples of each of B examples: (L, B, Z), in the model's dtype."""
        return rng.standard_normal((n_samples, n_examples, self.n_latent), dtype=self.dtype)

    def masks(self, rng, n_samples, n_examples):
        """Dropout masks for the encoder and the decoder: (None, None) if nothing is dropped."""
        return (
            self.encoder.masks(rng, 1, n_examples, self.dtype),
            self.decoder.masks(rng, n_samples, n_examples, self.dtype),
        )

    def encode(self, x, y=None):
        """The approximate posterior q(z|x) = N(mu, e^logvar), or q(z|x, y).

        For a row unlike all in training, the encoder's output may be anything. So that nothing
        overflows, its input and logvar are kept within bounds.

        Shapes  x (B, D), y (B, C) → mu, logvar (B, Z)
        """
        far = np.full(self.n_features, FAR, x.dtype)
        near = np.clip(x, self.units.inverse(-far), self.units.inverse(far))
        h = self.encoder.forward(near, y=y)
        return self.mu_head.forward(h), np.clip(self.logvar_head.forward(h), *LOGVAR)

    def decode(self, z, y=None):
        """The mean of p(x|z), or of p(x|z, y).

        Shapes  z (N, Z), y (N, C) → (N, D)
        """
        return self.likelihood.mean(self.decoder.forward(z, y=y))

    def sample(self, rng, z, y=None):
        """A draw x ~ p(x|z), or p(x|z, y), with the noise of the likelihood.

        Shapes  z (N, Z), y (N, C) → (N, D)
        """
        return self.likelihood.sample(rng, self.decoder.forward(z, y=y))

    def sigma(self):
        """σ of each column in its own units; NaN where it depends on z, or there is none.

        Shapes  → (D,)
        """
        return self.likelihood.sigma()

    def log_likelihood(self, x, z, observed=None, y=None):
        """log p(x|z), or log p(x|z, y), in nats.

        Shapes  x (B, D), z (L, B, Z) → (L, B); observed (B, D), y (B, C) as in `loss_and_grad`
        """
        h_dec = self.decoder.forward(z.reshape(-1, z.shape[-1]), y=y)
        return self.likelihood.log_likelihood(x, h_dec, observed)

    def elbo_terms(self, x, eps, observed=None, y=None):
        """The two parts of the bound, example by example: elbo = −(nll + kl).

        Shapes  x (B, D), eps (L, B, Z) → nll, kl (B,); observed (B, D), y (B, C) as in
                `loss_and_grad`
        Units   nats
        """
        mu, logvar = self.encode(x, y)
        z = gaussian.reparameterize(mu, logvar, eps)
        nll = -self.log_likelihood(x, z, observed, y).mean(axis=0)
        return nll, gaussian.kl(mu, logvar).sum(axis=1)

    def __getstate__(self):
        """What a pickle or a deep copy holds; the layers are made again around the parameters."""
        return {
            "config": self.config,
            "parameters": self.parameters,
            "constants": self.constants,
        }

    def __setstate__(self, state):
        self.__init__(**state["config"], parameters=state["parameters"])
        for name, value in state["constants"].items():
            self.constants[name][...] = value

    @property
    def constants(self):
        """name → array of what is measured before training and stays: no gradient reaches it."""
        arrays = {}
        if self.config["standardize"]:
            arrays |= {"units.center": self.units.center, "units.scale": self.units.scale}
        if self.factors:
            arrays |= {f"factors.{k}": v for k, v in self.factors._asdict().items() if v.size}
        return arrays

    def __repr__(self):
        c, values = self.config, self.parameters.values
        sizes = (self.n_features, *c["hidden"], self.n_latent)
        path = "-".join(map(str, sizes + sizes[-2::-1]))
        lines = [
            f"Autoencoder {path}, {c['activation']}, {c['likelihood']}, "
            f"{self.parameters.vector.size:,} parameters, {c['dtype']}"
        ]
        lines += [f"  {name:<22}{str(v.shape):>12}{v.size:>12,}" for name, v in values.items()]
        return "\n".join(lines)


class Factors(NamedTuple):
    """The factor analysis that a model was initialized with, of standardised columns."""

    b: np.ndarray  # (D,)
    W: np.ndarray  # (D, Z)
    psi: np.ndarray  # (D,)
    U: np.ndarray  # (D, C)


class Encoder(MLP):
    """A multilayer perceptron that takes rows in their own units."""

    def __init__(self, units, sizes, names, dropout, skip):
        super().__init__("encoder", sizes, names, dropout, skip)
        self.units = units

    def forward(self, x, masks=None, y=None):
        return super().forward(self.units.forward(x), masks, y)


def build(
    n_features,
    n_latent,
    hidden,
    activation,
    likelihood,
    sigma,
    sigma_min,
    dropout,
    skip,
    standardize,
    n_condition=0,
):
    """The layers of a model, without parameters yet: encoder, heads, decoder, likelihood."""
    D, C = n_features, n_condition
    units = StandardUnits(np.zeros(D), np.ones(D)) if standardize else OwnUnits()
    names = activation.split(",")
    names = names if len(names) > 1 else names * len(hidden)
    encoder = Encoder(units, (D + C, *hidden), names, dropout, skip)
    mu_head = Dense("mu", encoder.n_out, n_latent)
    logvar_head = HiddenOnly("logvar", encoder.n_out, n_latent, encoder.n_skip)
    decoder = MLP("decoder", (n_latent + C, *reversed(hidden)), names[::-1], dropout, skip)
    p_x = make_likelihood(likelihood, decoder.n_out, D, sigma, sigma_min, units, decoder.n_skip)
    return encoder, mu_head, logvar_head, decoder, p_x


def shapes(layers):
    """The name → shape of every parameter, in the order of the flat vector."""
    return {name: shape for layer in layers for name, shape in layer.shapes.items()}
