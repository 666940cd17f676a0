"""The estimator: `from numvae import VAE`, for people who import the package.

It follows scikit-learn's conventions without importing it: `__init__` only stores, `fit` checks and
makes the attributes that end in an underscore. It is the door, so all checks are made here.
"""

import inspect
import warnings

import numpy as np

from numvae import validation
from numvae.evaluation import importance
from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES as LIKELIHOODS
from numvae.rules import gaussian
from numvae.rules.activations import NAMES as ACTIVATIONS
from numvae.training.checkpoint import load_model, save_model
from numvae.training.interrupt import Interrupt
from numvae.training.loop import Training
from numvae.training.minibatches import Rows, row_noise, stream, take
from numvae.training.optimizers import OPTIMIZERS
from numvae.training.progress import Progress
from numvae.training.watchdog import Diverged

ROWS_AT_ONCE = 1000


class NotFittedError(ValueError, AttributeError):
    """A method that needs a fitted estimator was called before `fit`."""


class VAE:
    """A variational autoencoder, q(z|x) = N(mu(x), e^logvar(x)), p(z) = N(0, I).

    Parameters
    n_latent             Z, latent units
    hidden               widths of the encoder's hidden layers; the decoder has them in reverse
    activation           tanh, relu, elu, softplus, sigmoid or linear
    likelihood           p(x|z): gaussian (one learned σ per column; for any real columns),
                         gaussian-sigma-z, gaussian-fixed, bernoulli (0 or 1), continuous-bernoulli
                         (0 to 1)
    sigma, sigma_min     σ of gaussian-fixed; the smallest σ that the other two may learn
    epochs, batch_size   times to go through the data; examples per step
    optimizer, lr        adam, adagrad or sgd, and its learning rate
    beta, n_samples      weight of the KL in the loss; samples of z per example and step
    validation_fraction  share of the rows to hold out; the epoch with the best ELBO on them is kept
    n_importance         samples per row for `score_samples` and `score`
    random_state         an int, a numpy Generator or RandomState, or None
    verbose              show progress

    Attributes, after `fit`
    network_             the Autoencoder: `network_.parameters`, `network_.loss_and_grad`, …
    history_             list of one dict per epoch, in nats per example
    n_iter_              epochs trained
    n_features_in_, feature_names_in_ (data frames with text columns)

    float32 data is trained in float32, which is twice as fast; everything else in float64.
    """

    def __init__(
        self,
        n_latent=2,
        *,
        hidden=(256,),
        activation="tanh",
        likelihood="gaussian",
        sigma=0.1,
        sigma_min=0.01,
        epochs=100,
        batch_size=100,
        optimizer="adam",
        lr=1e-3,
        beta=1.0,
        n_samples=1,
        validation_fraction=0.0,
        n_importance=100,
        random_state=None,
        verbose=False,
    ):
        self.n_latent = n_latent
        self.hidden = hidden
        self.activation = activation
        self.likelihood = likelihood
        self.sigma = sigma
        self.sigma_min = sigma_min
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.beta = beta
        self.n_samples = n_samples
        self.validation_fraction = validation_fraction
        self.n_importance = n_importance
        self.random_state = random_state
        self.verbose = verbose

    # Training.

    def fit(self, X, y=None):
        """Train on X (N, D) from the start; y is ignored. Returns self.

        Ctrl-C finishes the current step and leaves the estimator fitted with what it has learned,
        with a warning; so does a loss that is no longer finite.

        Raises  TypeError, ValueError   what came will not do; an earlier fit is left as it was
        """
        self._check_parameters()
        X, names = self._check_first(X)
        training = self._new_training(X)
        X_train, X_valid = self._hold_out(X, training.seed)
        self._train(training, X_train, X_valid, self.epochs)
        training.keep_best()
        self._set_fitted(training, names)
        return self

    def partial_fit(self, X, y=None):
        """Train one more epoch, on the rows of X; the first call starts as `fit` does.

        Raises  TypeError, ValueError   what came will not do; nothing is changed
        """
        self._check_parameters()
        if not hasattr(self, "network_"):
            X, names = self._check_first(X)
            training = self._new_training(X)
        else:
            X, names = self._check(X), getattr(self, "feature_names_in_", None)
            training = self._training
        self._train(training, X, None, training.epoch + 1)
        self._set_fitted(training, names)
        return self

    def fit_transform(self, X, y=None):
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X, y).transform(X)

    # From data to codes, and back.

    def transform(self, X):
        """The mean of q(z|x) for each row.

        Shapes  X (N, D) → (N, Z)
        """
        X = self._check(X)
        return self._by_rows(X, lambda x: self.network_.encode(x)[0])

    def encode(self, X, random_state=None):
        """The posterior q(z|x) of each row, and a draw from it.

        Shapes  X (N, D) → mu, logvar, z, each (N, Z)
        """
        X, rng = self._check(X), np.random.default_rng(_seed(random_state))
        mu, logvar = self._by_rows(X, self.network_.encode)
        return mu, logvar, gaussian.sample(rng, mu, logvar)

    def decode(self, Z):
        """The mean of p(x|z) for each code.

        Shapes  Z (N, Z) → (N, D)
        """
        self._check_fitted()
        Z = validation.as_table(Z, "VAE.decode")
        if Z.shape[1] != self.network_.n_latent:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this VAE has {self.network_.n_latent} latent "
                "units: give one column for each."
            )
        return self._by_rows(Z, self.network_.decode)

    def inverse_transform(self, X):
        """`decode`, by the name that pipelines know. Shapes  codes (N, Z) → (N, D)"""
        return self.decode(X)

    def reconstruct(self, X):
        """The rows as the model would have them: `decode(transform(X))`. Shapes  (N, D) → (N, D)"""
        return self.decode(self.transform(X))

    def sample(self, n=1, random_state=None):
        """New rows: z ~ N(0, I), then x ~ p(x|z) with the noise of the likelihood.

        Shapes  → (n, D)
        """
        self._check_fitted()
        validation.check_number("n", n, int, least=1)
        rng = np.random.default_rng(_seed(random_state))
        z = rng.standard_normal((n, self.network_.n_latent), dtype=self.network_.dtype)
        return self._by_rows(z, lambda some: self.network_.sample(rng, some))

    # What the model thinks of data, in nats.

    def score_samples(self, X):
        """log p(x) of each row, by importance sampling with n_importance draws.

        Every row brings its own noise, so the score of a row depends neither on its neighbours nor
        on the moment: the same row has the same score.

        Shapes  X (N, D) → (N,)
        Units   nats; for real-valued likelihoods a log-density, which may be positive
        """
        X = self._check(X)
        return self._by_rows(
            X, lambda x: importance.log_likelihood(self.network_, x, self._noise(x))
        )

    def score(self, X, y=None):
        """The mean of `score_samples(X)`: higher is better. Units  nats per row"""
        return float(self.score_samples(X).mean())

    def elbo(self, X):
        """The evidence lower bound of each row, its expectation over n_importance draws of z.

        Shapes  X (N, D) → (N,)
        Units   nats, on average below log p(x)
        """
        X = self._check(X)
        return self._by_rows(X, lambda x: -sum(self.network_.elbo_terms(x, self._noise(x))))

    # Files.

    def save(self, path):
        """Write the fitted estimator to one `.npz` file, without pickle, whole or not at all.

        A random_state that is not an int is not kept, nor is the optimizer's memory.
        """
        self._check_fitted()
        parameters = {name: _plain(value) for name, value in self.get_params().items()}
        names = getattr(self, "feature_names_in_", None)
        about = {
            "parameters": parameters,
            "seed": self._training.seed,
            "history": self.history_,
            "feature_names": None if names is None else names.tolist(),
        }
        save_model(self.network_, path, about)

    # scikit-learn's conventions.

    def get_params(self, deep=True):
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in _defaults()}

    def set_params(self, **parameters):
        """Change constructor's arguments; takes effect at the next `fit`. Returns self.

        Raises  ValueError   an unknown name; nothing is changed
        """
        for name in parameters:
            if name not in _defaults():
                known = ", ".join(_defaults())
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator VAE; there are {known}."
                    f"{validation.near(name, _defaults())}"
                )
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    def get_feature_names_out(self, input_features=None):
        """The names of the columns of `transform`: vae0, vae1, …"""
        self._check_fitted()
        return np.array([f"vae{i}" for i in range(self.network_.n_latent)], dtype=object)

    def __repr__(self):
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, default in _defaults().items()
            if not _same(getattr(self, name), default)
        )
        return f"VAE({', '.join(changed)})"

    def __sklearn_tags__(self):
        """Asked for by scikit-learn only, which is then there to be imported."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
            input_tags=InputTags(),
        )

    # Inside.

    def _check_parameters(self):
        """Raise TypeError or ValueError if a constructor's argument will not do."""
        check = validation.check_number
        check("n_latent", self.n_latent, int, least=1)
        if isinstance(self.hidden, str) or not np.iterable(self.hidden):
            raise TypeError(f"hidden must be a sequence of widths, found {self.hidden!r}.")
        for width in self.hidden:
            check("each width in hidden", width, int, least=1)
        validation.check_choice("activation", self.activation, ACTIVATIONS)
        validation.check_choice("likelihood", self.likelihood, LIKELIHOODS)
        validation.check_choice("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("sigma", "sigma_min", "lr"):
            check(name, getattr(self, name), float, above=0)
        for name in ("epochs", "batch_size", "n_samples", "n_importance"):
            check(name, getattr(self, name), int, least=1)
        check("beta", self.beta, float, least=0)
        check("validation_fraction", self.validation_fraction, float, least=0)
        if self.validation_fraction >= 1:
            raise ValueError(
                f"validation_fraction must be below 1, found {self.validation_fraction!r}."
            )
        _seed(self.random_state)

    def _check_first(self, X):
        """X to be fitted, and its column names or None."""
        names = validation.feature_names(X)
        X = validation.as_table(X, "VAE")
        validation.check_range(X, self.likelihood)
        return X, names

    def _check(self, X):
        """X to be used by a fitted estimator."""
        self._check_fitted()
        names = validation.feature_names(X)
        validation.check_feature_names(names, getattr(self, "feature_names_in_", None), "VAE")
        X = validation.as_table(X, "VAE")
        if X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {X.shape[1]} features, but VAE is expecting {self.n_features_in_} features "
                "as input."
            )
        validation.check_range(X, self.network_.config["likelihood"])
        return X

    def _check_fitted(self):
        if not hasattr(self, "network_"):
            raise NotFittedError("This VAE instance is not fitted yet: call fit(X) first.")

    def _new_training(self, X):
        """A run that has not begun, for data like X."""
        seed = _seed(self.random_state)
        network = Autoencoder(
            X.shape[1],
            int(self.n_latent),
            tuple(int(width) for width in self.hidden),
            self.activation,
            self.likelihood,
            float(self.sigma),
            float(self.sigma_min),
            np.float32 if X.dtype == np.float32 else np.float64,
        )
        network.initialize(stream(seed, 0, 0))
        optimizer = OPTIMIZERS[self.optimizer](network.parameters, float(self.lr))
        return Training(
            network,
            optimizer,
            seed,
            int(self.batch_size),
            float(self.beta),
            int(self.n_samples),
        )

    def _hold_out(self, X, seed):
        """(rows to train on, rows held out or None), without copying X."""
        n_valid = int(self.validation_fraction * len(X))
        if not n_valid:
            return X, None
        order = stream(seed, 0, 1).permutation(len(X))
        return Rows(X, order[n_valid:]), Rows(X, np.sort(order[:n_valid]))

    def _train(self, training, X, X_valid, epochs):
        """Train until `epochs` epochs are finished, or until something stops it."""
        progress = Progress(epochs, len(X)) if self.verbose else None
        with Interrupt() as interrupt:
            while training.epoch < epochs and not interrupt.signal:
                try:
                    for seen in training.steps(X):
                        if progress:
                            progress.step(seen)
                        if interrupt.signal:
                            break
                except Diverged as error:
                    warnings.warn(str(error), RuntimeWarning, stacklevel=3)
                    break
                if training.seen:
                    row = training.finish_epoch(X_valid)
                    if progress:
                        progress.epoch(row)
        if progress:
            progress.close()
        if interrupt.signal:
            warnings.warn(
                f"Training was interrupted in epoch {training.epoch}; the estimator is fitted with "
                "what it has learned.",
                RuntimeWarning,
                stacklevel=3,
            )

    def _set_fitted(self, training, names):
        self._training = training
        self.network_, self.history_, self.n_iter_ = (
            training.model,
            training.history,
            training.epoch,
        )
        self.n_features_in_ = training.model.n_features
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _noise(self, x):
        return row_noise(x, self._training.seed, self.n_importance, self.network_.n_latent)

    def _by_rows(self, X, function):
        """function(x) for a thousand rows of X at a time, the results joined."""
        starts = range(0, len(X), ROWS_AT_ONCE)
        dtype = self.network_.dtype
        parts = [function(take(X, slice(i, i + ROWS_AT_ONCE), dtype)) for i in starts]
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(column) for column in zip(*parts))
        return np.concatenate(parts)


def load(path):
    """The estimator that `VAE.save` wrote, or one around the model.npz of a run.

    Raises  FileNotFoundError   no such file
            ValueError          the file is damaged, or not a model, or from a newer numvae
    """
    network, about = load_model(path)
    if "parameters" in about:
        parameters = about["parameters"]
    else:
        settings = ("n_latent", "activation", "likelihood", "sigma", "sigma_min")
        parameters = {name: network.config[name] for name in settings}
        parameters["hidden"] = network.config["hidden"]
    parameters["hidden"] = tuple(parameters["hidden"])
    vae = VAE(**parameters)
    optimizer = OPTIMIZERS[vae.optimizer](network.parameters, vae.lr)
    training = Training(network, optimizer, about["seed"], vae.batch_size, vae.beta, vae.n_samples)
    training.history = about.get("history", [])
    training.epoch = len(training.history)
    names = about.get("feature_names")
    vae._set_fitted(training, None if names is None else np.array(names, dtype=object))
    return vae


def _defaults():
    """The constructor's arguments and their defaults."""
    signature = inspect.signature(VAE.__init__).parameters.values()
    return {p.name: p.default for p in signature if p.name != "self"}


def _same(value, default):
    """value is the default, and not merely equal to it (0 is not False)."""
    return type(value) is type(default) and bool(value == default)


def _seed(random_state):
    """An integer from whatever scikit-learn lets a random_state be.

    Raises  TypeError, ValueError   something else, or a negative number
    """
    if random_state is None:
        return np.random.SeedSequence().entropy
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    validation.check_number("random_state", random_state, int, least=0)
    return int(random_state)


def _plain(value):
    """A constructor's argument as JSON can hold it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (np.random.Generator, np.random.RandomState)):
        return None
    return (
        [int(width) for width in value]
        if np.iterable(value) and not isinstance(value, str)
        else value
    )
