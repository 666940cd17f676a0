"""The estimator: `from numvae import VAE`, for people who import the package.

It follows scikit-learn's conventions without importing it: `__init__` only stores, `fit` checks and
makes the attributes that end in an underscore. It is the door, so all checks are made here.
"""

import inspect
import numbers
import warnings
from collections.abc import Sequence

import numpy as np

from numvae import validation
from numvae.evaluation import anomaly, importance, imputation
from numvae.network import Autoencoder
from numvae.network.objectives import NAMES as OBJECTIVES
from numvae.progress import Progress
from numvae.rules import gaussian
from numvae.rules.schedules import NAMES as SCHEDULES
from numvae.training.checkpoint import facts, load_model, save_model
from numvae.training.engine import Alone, Ranks
from numvae.training.interrupt import Interrupt
from numvae.training.loop import Training
from numvae.training.minibatches import (
    SPLIT,
    WEIGHTS,
    Rows,
    mean_of,
    row_binarized,
    row_noise,
    split_missing,
    stream,
    take,
)
from numvae.training.optimizers import OPTIMIZERS
from numvae.training.watchdog import Diverged

ROWS_AT_ONCE = 1000
SAMPLES_AT_ONCE = 4096  # samples × rows, where each row has several samples


class NotFittedError(ValueError, AttributeError):
    """A method that needs a fitted estimator was called before `fit`."""


class VAE:
    """A variational autoencoder, q(z|x) = N(mu(x), e^logvar(x)), p(z) = N(0, I).

    Parameters
    n_latent             Z, latent units
    hidden               widths of the encoder's hidden layers; the decoder has them in reverse
    activation           tanh, relu, elu, softplus, sigmoid or linear; or one for each of the
                         encoder's hidden layers, as elu,tanh: the decoder has them in reverse
    likelihood           p(x|z): gaussian (one learned σ per column; for any real columns),
                         gaussian-sigma-z, gaussian-fixed, bernoulli (0 or 1), continuous-bernoulli
                         (0 to 1), categorical (one-hot columns), or blocks of columns such as
                         "gaussian:3,categorical:5"
    sigma, sigma_min     σ of gaussian-fixed; the smallest σ that the other two may learn
    dropout              share of the hidden units that is silenced at random in training
    epochs, batch_size   times to go through the data; examples per step
    optimizer, lr        adam, adagrad or sgd, and its learning rate
    schedule, clip       how the learning rate falls over the epochs: constant, cosine or burda; how
                         long a gradient may be, or None
    objective            elbo, sampled-elbo, iwae (the importance-weighted bound of n_samples), or
                         autoencoder (no noise, no KL)
    n_samples            samples of z per example and step
    beta, warmup         weight of the KL in the loss, and the epochs over which it rises from 0
    free_bits            nats that each latent unit may have for nothing (elbo only)
    binarize             none; fixed: draw each gray pixel as 0 or 1, once and for all; dynamic:
                         every time it is seen in training. Either way a fitted estimator draws
                         each row by noise of its own, so the same row is always the same
    denoise              None, ("salt_and_pepper", share) or ("gaussian", σ): what is done to the
                         encoder's input, while the clean one is asked for
    missing              NaN in X stands for what is not known; without it NaN is refused
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
        dropout=0.0,
        epochs=100,
        batch_size=100,
        optimizer="adam",
        lr=1e-3,
        schedule="constant",
        clip=None,
        objective="elbo",
        n_samples=1,
        beta=1.0,
        warmup=0,
        free_bits=0.0,
        binarize="none",
        denoise=None,
        missing=False,
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
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.clip = clip
        self.objective = objective
        self.n_samples = n_samples
        self.beta = beta
        self.warmup = warmup
        self.free_bits = free_bits
        self.binarize = binarize
        self.denoise = denoise
        self.missing = missing
        self.validation_fraction = validation_fraction
        self.n_importance = n_importance
        self.random_state = random_state
        self.verbose = verbose

    # Training.

    def fit(self, X, y=None, *, comm=None):
        """Train on X (N, D) from the start; y is ignored. Returns self.

        comm: an MPI communicator, such as mpi4py's MPI.COMM_WORLD. Its ranks, which all call `fit`
        with the same X (a memory map of one file, say), share every step; all are fitted alike.

        Ctrl-C finishes the current step and leaves the estimator fitted with what it has learned,
        with a warning; so does a loss that is no longer finite.

        Raises  TypeError, ValueError   what came will not do, or the ranks differ; an earlier fit
                                        is left as it was
        """
        engine = Alone() if comm is None else Ranks(comm)
        with engine.together():
            self._check_parameters()
            X, names = self._check_first(X)
        seed = engine.first(lambda: _seed(self.random_state))
        with engine.together():
            training = self._new_training(X, seed)
        engine.agree(lambda: facts(training, X, engine.size))
        if self.binarize == "fixed":
            X = self._drawn_once(X, training.seed)
        X_train, X_valid = self._hold_out(X, training.seed)
        training.best = training.model.parameters.vector.copy()  # until an epoch is finished
        training = engine.share(training)
        self._train(training, X_train, X_valid, self.epochs)
        training = training.engine.whole(training)
        training.engine = Alone()
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
            training = self._new_training(X, _seed(self.random_state))
            binarize = self.binarize
        else:
            X, names = self._check(X), getattr(self, "feature_names_in_", None)
            training, binarize = self._training, self._settings["binarize"]
        if binarize == "fixed":
            X = self._drawn_once(X, training.seed)
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
        return self._by_rows(X, lambda x: self.network_.encode(self._fill(x)[0])[0])

    def encode(self, X, random_state=None):
        """The posterior q(z|x) of each row, and a draw from it.

        Shapes  X (N, D) → mu, logvar, z, each (N, Z)
        """
        X, rng = self._check(X), np.random.default_rng(_seed(random_state))
        mu, logvar = self._by_rows(X, lambda x: self.network_.encode(self._fill(x)[0]))
        return mu, logvar, gaussian.sample(rng, mu, logvar)

    def decode(self, Z):
        """The mean of p(x|z) for each code.

        Shapes  Z (N, Z) → (N, D)
        """
        self._check_fitted()
        Z = validation.as_table(Z, "VAE.decode", self.network_.dtype)
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
        return self._by_rows_and_samples(
            X, lambda x, eps, seen: importance.log_likelihood(self.network_, x, eps, seen)
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
        return self._by_rows_and_samples(
            X, lambda x, eps, seen: -sum(self.network_.elbo_terms(x, eps, seen))
        )

    def p_values(self, X, X_reference):
        """How unusual each row is: the share of the reference rows that score no higher.

        X_reference are rows known to be usual, best not those that were trained on: a small p says
        that few of them are as improbable as this row.

        Shapes  X (N, D), X_reference (M, D) → (N,) in (0, 1]
        """
        return anomaly.p_values(self.score_samples(X), self.score_samples(X_reference))

    def impute(self, X, random_state=None):
        """X with what is missing (NaN) filled in by its expectation given what is known.

        Shapes  X (N, D) → (N, D)
        Source  see `evaluation.imputation`
        """
        rng = np.random.default_rng(_seed(random_state))
        X = self._check(X, missing=True)

        def filled(x):
            seen, observed = split_missing(self._drawn(x))
            mean = imputation.impute(self.network_, seen, observed, rng).mean
            return np.where(observed, x, mean)

        return self._by_rows(X, filled)

    # Files.

    def save(self, path):
        """Write the fitted estimator to one `.npz` file, without pickle, whole or not at all.

        A random_state that is not an int is not kept, nor is the optimizer's memory.

        Raises  OSError                 as the system says; what `path` held before is left
                TypeError, ValueError   a constructor's argument was changed to one that will not do
        """
        self._check_fitted()
        self._check_parameters()
        parameters = {name: _plain(value) for name, value in self._settings.items()}
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
        """Change the constructor's arguments for the next `fit`; what is fitted, and what
        `partial_fit` and `save` make of it, keeps those it was fitted with. Returns self.

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
            input_tags=InputTags(allow_nan=bool(self.missing)),
        )

    # Inside.

    def _check_parameters(self):
        """Raise TypeError or ValueError if a constructor's argument will not do."""
        check = validation.check_number
        check("n_latent", self.n_latent, int, least=1)
        hidden = self.hidden.tolist() if isinstance(self.hidden, np.ndarray) else self.hidden
        if isinstance(hidden, (str, bytes)) or not isinstance(hidden, Sequence):
            raise TypeError(f"hidden must be a sequence of widths, found {self.hidden!r}.")
        for width in hidden:
            check("each width in hidden", width, int, least=1)
        validation.check_activation(self.activation, hidden)
        validation.check_likelihood(self.likelihood)
        validation.check_choice("optimizer", self.optimizer, OPTIMIZERS)
        validation.check_choice("schedule", self.schedule, SCHEDULES)
        validation.check_choice("objective", self.objective, OBJECTIVES)
        validation.check_choice("binarize", self.binarize, ("none", "fixed", "dynamic"))
        for name in ("sigma", "sigma_min", "lr"):
            check(name, getattr(self, name), float, above=0)
        validation.check_sigma_min(self.sigma_min)
        for name in ("epochs", "batch_size", "n_samples", "n_importance"):
            check(name, getattr(self, name), int, least=1)
        check("warmup", self.warmup, int, least=0)
        for name in ("beta", "free_bits", "validation_fraction", "dropout"):
            check(name, getattr(self, name), float, least=0)
        for name in ("validation_fraction", "dropout"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} must be below 1, found {getattr(self, name)!r}.")
        if self.clip is not None:
            check("clip", self.clip, float, above=0)
        if self.denoise is not None:
            validation.check_corruption("denoise", self.denoise)
        if self.free_bits and self.objective != "elbo":
            raise ValueError(f"free_bits goes with objective='elbo', not with {self.objective!r}.")
        if self.binarize != "none" and self.likelihood != "bernoulli":
            raise ValueError(
                f"binarize makes values 0 or 1, which {self.likelihood} does not describe; say "
                "likelihood='bernoulli'."
            )
        for name in ("missing", "verbose"):
            if not isinstance(getattr(self, name), (numbers.Integral, np.bool_)):
                raise TypeError(f"{name} must be True or False, found {getattr(self, name)!r}.")
        _check_seed(self.random_state)

    def _check_first(self, X):
        """X to be fitted, and its column names or None."""
        names = validation.feature_names(X)
        X = validation.as_table(X, "VAE", missing=self.missing)
        validation.check_range(X, self.likelihood)
        return X, names

    def _check(self, X, missing=False):
        """X to be used by a fitted estimator; NaN is let through if it may be missing."""
        self._check_fitted()
        names = validation.feature_names(X)
        validation.check_feature_names(names, getattr(self, "feature_names_in_", None), "VAE")
        missing = missing or self._training.missing
        X = validation.as_table(X, "VAE", self.network_.dtype, missing)
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

    def _new_training(self, X, seed):
        """A run that has not begun, for data like X."""
        network = Autoencoder(
            X.shape[1],
            int(self.n_latent),
            tuple(int(width) for width in self.hidden),
            self.activation,
            self.likelihood,
            float(self.sigma),
            float(self.sigma_min),
            float(self.dropout),
            np.float32 if X.dtype == np.float32 else np.float64,
        )
        network.initialize(stream(seed, *WEIGHTS), mean=mean_of(X))
        optimizer = OPTIMIZERS[self.optimizer](network.parameters, float(self.lr))
        return self._training_of(network, optimizer, seed)

    def _training_of(self, network, optimizer, seed):
        """A run with this estimator's settings."""
        return Training(
            network,
            optimizer,
            seed,
            batch_size=int(self.batch_size),
            epochs=int(self.epochs),
            schedule=self.schedule,
            objective=self.objective,
            n_samples=int(self.n_samples),
            beta=float(self.beta),
            warmup=int(self.warmup),
            free_bits=float(self.free_bits),
            binarize=self.binarize == "dynamic",
            denoise=self.denoise and (self.denoise[0], float(self.denoise[1])),
            missing=bool(self.missing),
            clip=self.clip,
        )

    def _drawn_once(self, X, seed):
        """A copy of gray X (N, D) as black and white."""
        dtype = np.float32 if X.dtype == np.float32 else np.float64
        blocks = (np.asarray(block, dtype) for block in validation.blocks(X))
        return np.concatenate([row_binarized(block, seed) for block in blocks])

    def _hold_out(self, X, seed):
        """(rows to train on, rows held out or None), without copying X."""
        n_valid = int(self.validation_fraction * len(X))
        if not n_valid:
            return X, None
        order = stream(seed, *SPLIT).permutation(len(X))
        return Rows(X, order[n_valid:]), Rows(X, np.sort(order[:n_valid]))

    def _train(self, training, X, X_valid, epochs):
        """Train until `epochs` epochs are finished, or until something stops it."""
        engine = training.engine
        progress = Progress(epochs, len(X)) if self.verbose and engine.rank == 0 else None
        with Interrupt() as interrupt, np.errstate(over="ignore", invalid="ignore"):
            while training.epoch < epochs and not interrupt.asked(engine):
                try:
                    for seen in training.steps(X):
                        if progress:
                            progress.step(seen)
                        if interrupt.asked(engine):
                            break
                except Diverged as error:
                    warnings.warn(str(error), RuntimeWarning, stacklevel=3)
                    break
                if training.seen:
                    row = training.finish_epoch(X_valid)
                    if progress:
                        progress.epoch(row)
            stopped = interrupt.asked(engine)
        if progress:
            progress.close()
        if stopped:
            warnings.warn(
                f"Training was interrupted in epoch {training.epoch}; the estimator is fitted with "
                "what it has learned.",
                RuntimeWarning,
                stacklevel=3,
            )

    def _set_fitted(self, training, names):
        if getattr(self, "_training", None) is not training:  # or these settings are of no fit
            self._settings, self._draws = self.get_params(), self.binarize != "none"
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

    def _fill(self, x):
        """Rows as the model takes them, and where they are known; None if all of them are."""
        x = self._drawn(x)
        return split_missing(x) if self._training.missing else (x, None)

    def _drawn(self, x):
        """Gray rows as black and white, if that is how the model was trained."""
        return row_binarized(x, self._training.seed) if self._draws else x

    def _by_rows_and_samples(self, X, function):
        """function(x, eps, observed) for some rows of X at a time, the results joined."""
        L, seed = self.n_importance, self._training.seed
        validation.check_number("n_importance", L, int, least=1)

        def with_noise(x):
            eps = row_noise(x, seed, L, self.network_.n_latent)
            x, observed = self._fill(x)
            return function(x, eps, observed)

        return self._by_rows(X, with_noise, min(ROWS_AT_ONCE, max(1, SAMPLES_AT_ONCE // L)))

    def _by_rows(self, X, function, at_once=ROWS_AT_ONCE):
        """function(x) for `at_once` rows of X at a time, the results joined."""
        starts = range(0, len(X), at_once)
        dtype = self.network_.dtype
        parts = [function(take(X, slice(i, i + at_once), dtype)) for i in starts]
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(column) for column in zip(*parts))
        return np.concatenate(parts)


def load(path):
    """The estimator that `VAE.save` wrote, or one around the model.npz of a run.

    Raises  FileNotFoundError   no such file
            ValueError          the file is damaged, or not a model, or from a newer numvae
    """
    network, about = load_model(path)
    try:
        return _fitted(network, about)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is a model, but not of an estimator: {error!r}.") from None


def _fitted(network, about):
    """The estimator around a trained network, from what a file says about it."""
    settings = {"n_latent", "hidden", "activation", "likelihood", "sigma", "sigma_min", "dropout"}
    parameters = about.get("parameters") or {
        name: value for name, value in network.config.items() if name in settings
    }
    tuples = {name: tuple(v) for name, v in parameters.items() if isinstance(v, list)}
    vae = VAE(**{**parameters, **tuples})
    vae._check_parameters()
    validation.check_number("seed", about["seed"], int, least=0)
    optimizer = OPTIMIZERS[vae.optimizer](network.parameters, vae.lr)
    training = vae._training_of(network, optimizer, about["seed"])
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
    _check_seed(random_state)
    if random_state is None:
        return np.random.SeedSequence().entropy
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return int(random_state)


def _check_seed(random_state):
    """The checks of `_seed`, without a draw."""
    if not isinstance(random_state, (type(None), np.random.Generator, np.random.RandomState)):
        validation.check_number("random_state", random_state, int, least=0)


def _plain(value):
    """A constructor's argument as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (np.random.Generator, np.random.RandomState)):
        return None
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (Sequence, np.ndarray)):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, numbers.Integral) else float(value)
