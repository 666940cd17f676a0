"""The estimator: `from numvae import VAE`, for people who import the package.

It follows scikit-learn's conventions without importing it: `__init__` only stores, `fit` checks and
makes the attributes that end in an underscore.
"""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from numvae import doubts, parallel, validation
from numvae.constraints import COUNT, Seed, labelled, near
from numvae.evaluation import anomaly, importance, imputation
from numvae.files import check_free
from numvae.progress import Progress
from numvae.rows import Rows, by_blocks, hold_out, split_missing
from numvae.rules import gaussian
from numvae.settings import TABLE, Settings, described
from numvae.tables import columns as of_tables
from numvae.tables import frames
from numvae.text import printable
from numvae.training import checkpoint
from numvae.training.interrupt import deliver
from numvae.training.loop import FEWEST, Training
from numvae.training.watchdog import Diverged

# NumPy's own way with floating-point errors, whatever the caller has set: that a number underflows
# to 0 is harmless here.
usual_errors = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


class DoubtfulFit(UserWarning):
    """Something makes a fit less good than it looks; the sentence says what, and what to do."""


class NotFittedError(ValueError, AttributeError):
    """A method that needs a fitted estimator was called before `fit`."""


@dataclass(eq=False, repr=False)
class VAE(Settings):
    """A variational autoencoder, q(z|x) = N(mu(x), e^logvar(x)), p(z) = N(0, I).

    Parameters
    {parameters}

    Attributes, after `fit`
    network_             the Autoencoder: `network_.parameters`, `network_.loss_and_grad`, …
    history_             list of one dict per epoch, in nats per example
    n_iter_              epochs trained
    n_features_in_, feature_names_in_ (data frames with text columns)

    float32 data is trained in float32, which is twice as fast; all other in float64. Where pixels
    are binarized, each row that is scored or encoded is drawn by noise of its own, so the same row
    is always the same.
    """

    if __doc__:  # python -OO has none
        __doc__ = __doc__.replace("{parameters}", described())

    # Training.

    @usual_errors
    def fit(self, X, y=None, *, comm=None):
        """Train on X (N, D) from the start; y is ignored. Returns self.

        comm: an MPI communicator, such as mpi4py's MPI.COMM_WORLD. Its ranks, which all call `fit`
        with the same X (a memory map of one file, say), share every step; all are fitted alike.
        What ends one of them alone ends the program.

        Ctrl-C and SIGTERM finish the current step and leave the estimator fitted with what it has
        learned; then the program takes the signal: `fit` raises KeyboardInterrupt, or whatever the
        program's own handler does. A loss that is no longer finite ends `fit` with a warning.

        Raises  TypeError, ValueError   invalid input, or the ranks differ; an earlier fit is kept
        """
        team = parallel.team(comm)
        with team.together():
            settings, X, columns = self._check_first(X)
        seed = team.first(lambda: _seed(self.random_state))
        X_train, X_valid = X, None
        n_valid = int(settings.validation_fraction * len(X))
        if n_valid >= FEWEST or settings.epochs and n_valid:
            X_train, X_valid = (Rows(X, numbers) for numbers in hold_out(len(X), n_valid, seed))
        with team.together():
            training = Training.new(settings, X_train, seed)
        training = team.share(training, X)
        lead = team.rank == 0
        with team.as_one(), training.interrupt() as interrupt:
            verbose = self.verbose and lead
            diverged = self._run(training, X_train, X_valid, None, verbose, interrupt)
            training = team.whole(training)
            training.keep_best()
            self._set_fitted(training, columns)
        self._pass_on(interrupt)
        if lead and not diverged:
            labels = columns and list(map(printable, columns.labels))
            found = doubts.doubts(training, X, X_valid, labels)
            for doubt in found + doubts.of_codes(training, X):
                warnings.warn(doubt, DoubtfulFit, stacklevel=3)
        return self

    @usual_errors
    def partial_fit(self, X, y=None):
        """Train one more epoch, on the rows of X; the first call starts as `fit` does.

        Raises  TypeError, ValueError   invalid input; nothing is changed
        """
        if not hasattr(self, "network_"):
            settings, X, columns = self._check_first(X)
            training = Training.new(settings, X, _seed(self.random_state))
        else:
            self.checked()
            X, columns, training = self._check(X), self.columns_, self._training
            training.begin_epoch()  # a block before may have been broken off
            training.sums[...] = 0.0
        with training.interrupt() as interrupt:
            self._run(training, X, None, training.epoch + 1, self.verbose, interrupt)
            shape = getattr(self, "_about", {}).get("data", {}).get("shape")
            self._set_fitted(training, columns, {"data": {"shape": shape}} if shape else None)
        self._pass_on(interrupt)
        return self

    def fit_transform(self, X, y=None):
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X, y).transform(X)

    # From data to codes, and back.

    @usual_errors
    def transform(self, X):
        """The mean of q(z|x) for each row.

        Shapes  X (N, D) → (N, Z)
        """
        X = self._check(X)
        return by_blocks(lambda x: self.network_.encode(self._training.inputs(x)[0])[0], X)

    @usual_errors
    def encode(self, X, random_state=None):
        """The posterior q(z|x) of each row, and a draw from it.

        Shapes  X (N, D) → mu, logvar, z, each (N, Z)
        """
        X, rng = self._check(X), np.random.default_rng(_seed(random_state))
        mu, logvar = by_blocks(lambda x: self.network_.encode(self._training.inputs(x)[0]), X)
        return mu, logvar, gaussian.sample(rng, mu, logvar)

    @usual_errors
    def decode(self, Z):
        """The mean of p(x|z) for each code.

        Shapes  Z (N, Z) → (N, D)
        """
        self._check_fitted()
        like, Z = Z, validation.as_table(Z, "VAE.decode", self.network_.dtype)
        if Z.shape[1] != self.network_.n_latent:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this VAE has {self.network_.n_latent} latent "
                "units: give one column for each."
            )
        x = by_blocks(lambda z: self.network_.decode(z.astype(self.network_.dtype)), Z)
        return self._given(x, like)

    def inverse_transform(self, X):
        """`decode`, by the name that pipelines know. Shapes  codes (N, Z) → (N, D)"""
        return self.decode(X)

    def reconstruct(self, X):
        """The rows as the model would have them: `decode(transform(X))`. Shapes  (N, D) → (N, D)"""
        like, X = X, self._check(X)
        codes = by_blocks(lambda x: self.network_.encode(self._training.inputs(x)[0])[0], X)
        return self._given(by_blocks(self.network_.decode, codes), like)

    @usual_errors
    def sample(self, n=1, random_state=None):
        """New rows: z ~ N(0, I), then x ~ p(x|z) with the noise of the likelihood.

        Shapes  → (n, D)
        """
        self._check_fitted()
        n = labelled("n", COUNT, n)
        rng = np.random.default_rng(_seed(random_state))
        z = rng.standard_normal((n, self.network_.n_latent), dtype=self.network_.dtype)
        return self._given(by_blocks(lambda some: self.network_.sample(rng, some), z))

    # What the model thinks of data, in nats.

    @usual_errors
    def score_samples(self, X):
        """log p(x) of each row, by importance sampling with n_importance draws.

        Every row brings its own noise, so the score of a row depends neither on its neighbours nor
        on the moment: the same row has the same score. It is too low on average, the more so the
        more latent units there are: compare models by equally many draws.

        Shapes  X (N, D) → (N,)
        Units   nats; for real-valued likelihoods a log-density, which may be positive
        """
        return self._estimate(X).log_p

    def score(self, X, y=None):
        """The mean of `score_samples(X)`: higher is better. Units  nats per row"""
        return float(self.score_samples(X).mean())

    @usual_errors
    def elbo(self, X):
        """The evidence lower bound of each row, from the draws of `score_samples`.

        Shapes  X (N, D) → (N,)
        Units   nats, never above what `score_samples` says
        """
        return self._estimate(X).elbo

    def p_values(self, X, X_reference):
        """How unusual each row is: the share of the reference rows that score no higher.

        X_reference are rows known to be usual, best not those that were trained on: a small p says
        that few of them are as improbable as this row.

        Shapes  X (N, D), X_reference (M, D) → (N,) in (0, 1]
        """
        return anomaly.p_values(self.score_samples(X), self.score_samples(X_reference))

    @usual_errors
    def impute(self, X, random_state=None):
        """X with what is missing (NaN) filled in by its expectation given what is known.

        Shapes  X (N, D) → (N, D)
        Source  see `evaluation.imputation`
        """
        rng = np.random.default_rng(_seed(random_state))
        given, X = X, self._check(X, missing=True)

        def filled(x):
            known, observed = split_missing(self._training.inputs.drawn(x))
            mean = imputation.impute(self.network_, known, observed, rng).mean
            return np.where(observed, x, mean)

        x = by_blocks(filled, X)
        if not self.columns_:
            return x
        made = self.columns_.filled(self._table(given), x)
        if frames.is_frame(given):
            return frames.filled(given, made, self.columns_.dates)
        return self._given(x)

    # Files.

    def save(self, path):
        """Write the fitted estimator to one `.npz` file, without pickle, whole or not at all.

        A random_state that is not an int is not kept, nor is the optimizer's memory, nor more than
        10,000 rows of the history: of a longer one every second row, or third, ….

        Raises  OSError   as the system says; or `path` is a folder, a link, a device, …, or in the
                          folder of a run in progress. What it held before is left
        """
        self._check_fitted()
        about = dict(self._about)
        if self.columns_:
            about["columns"] = self.columns_.plain()
        n_importance = labelled("n_importance", COUNT, self.n_importance)
        self._training.settings.n_importance = n_importance
        check_free(Path(path).parent)
        checkpoint.save(self._training, path, "model", about)

    # scikit-learn's conventions.

    def get_params(self, deep=True):
        """The constructor's arguments by name."""
        return {line.name: getattr(self, line.name) for line in TABLE}

    def set_params(self, **parameters):
        """Change the constructor's arguments for the next `fit`; what is fitted, and what
        `partial_fit` and `save` make of it, keeps those it was fitted with, but for n_importance
        and verbose, which are used from now on. Returns self.

        Raises  ValueError   an unknown name; nothing is changed
        """
        known = self.get_params()
        for name in parameters:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator VAE; there are {', '.join(known)}."
                    f"{near(name, known)}"
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
            f"{line.name}={getattr(self, line.name)!r}"
            for line in TABLE
            if repr(getattr(self, line.name)) != repr(line.default)
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

    def _check_first(self, X):
        """X to be fitted: settings for it, its rows (N, D), and what its columns are, or None."""
        settings, columns = self.checked(), None
        if frames.is_frame(X):
            validation.feature_names(X)
            table = frames.table(X)
            columns = of_tables.guess(table, settings.likelihood, settings.columns)
            columns.library = frames.library(X)
            X = columns.encode(table)
            missing = settings.missing or bool(np.isnan(X).any())
            settings = replace(settings, likelihood=columns.likelihood, missing=missing)
        elif settings.columns:
            raise TypeError(
                f"columns says what named columns are, but X is {type(X).__name__}, which has no "
                "names: pass a data frame."
            )
        X = validation.as_table(X, "VAE", missing=settings.missing)
        validation.check_range(X, settings.likelihood)
        return settings, X, columns

    def _check(self, X, missing=False):
        """X to be used by a fitted estimator; NaN is let through if it may be missing."""
        self._check_fitted()
        validation.check_feature_names(validation.feature_names(X), self.columns_, "VAE")
        missing = missing or self._training.inputs.missing
        if self.columns_:
            X, missing = self.columns_.encode(self._table(X)), True
        X = validation.as_table(X, "VAE", self.network_.dtype, missing)
        if X.shape[1] != self.network_.n_features:
            raise ValueError(self._other_width(X.shape[1]))
        validation.check_range(X, self.network_.config["likelihood"])
        return X

    def _table(self, X):
        """X, for an estimator that was fitted on a data frame, as a Table."""
        if frames.is_frame(X):
            return frames.table(X)
        X = np.asarray(X)
        if X.ndim != 2:
            validation.as_table(X, "VAE")
        if X.shape[1] != self.n_features_in_:
            raise ValueError(self._other_width(X.shape[1]))
        return frames.table_of_array(X)

    def _other_width(self, n):
        return f"X has {n} features, but VAE is expecting {self.n_features_in_} features as input."

    def _given(self, x, like=None):
        """Rows of the model (N, D) as what was fitted: an array, or a data frame of the same kind.

        like    what has the rows' names, if it is a data frame
        """
        if not self.columns_:
            return x
        index = getattr(like, "index", None)
        columns = self.columns_
        return frames.frame(columns.decode(x), columns.library, columns.dates, index)

    def _estimate(self, X):
        X, L = self._check(X), labelled("n_importance", COUNT, self.n_importance)
        return importance.estimate(self.network_, X, self._training.inputs, L)

    def _check_fitted(self):
        if not hasattr(self, "network_"):
            raise NotFittedError("This VAE instance is not fitted yet: call fit(X) first.")

    def _run(self, training, X, X_valid, epochs, verbose, interrupt):
        """Train until so many epochs are finished, or a signal asks to stop.

        Returns whether it diverged, which a warning says
        """
        n_epochs = training.length(len(X), X_valid) if epochs is None else epochs
        by_itself = epochs is None and training.settings.epochs is None
        progress = Progress(n_epochs, len(X), quiet=not verbose, may_end_early=by_itself)
        diverged = False
        shown = {"on_step": progress.step, "on_epoch": progress.epoch} if verbose else {}
        try:
            training.run(X, X_valid, epochs, asked=interrupt.asked, close_epoch=True, **shown)
        except Diverged as error:
            diverged = True
            best = f"of epoch {training.best_epoch}" if training.best_epoch else "of the start"
            kept = best if epochs is None else "from before that step"
            text = f"{error} The estimator keeps the parameters {kept}."
            warnings.warn(text, RuntimeWarning, stacklevel=4)
        progress.close()
        return diverged

    def _pass_on(self, interrupt):
        """Have the program take the signal that ended training, if any; a warning if it goes on."""
        if number := interrupt.asked():
            text = (
                f"Training was interrupted in epoch {self.n_iter_}; the estimator is fitted with "
                "what it has learned."
            )
            deliver(number, text)
            warnings.warn(text, RuntimeWarning, stacklevel=4)

    def _set_fitted(self, training, columns, about=None):
        self._training, self.columns_, self._about = training, columns, about or {}
        self.network_, self.history_ = training.model, training.history
        self.n_iter_ = training.epoch
        self.n_features_in_ = len(columns.columns) if columns else training.model.n_features
        if columns and columns.named:
            self.feature_names_in_ = np.array(columns.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_


def load(path):
    """The estimator that `VAE.save` wrote, or that of a run: its folder, or its model.npz. Of a run
    that has not come to its end it is the best so far, and a DoubtfulFit warning says so.

    Raises  FileNotFoundError   no such file
            ValueError          the file is damaged, or not a model, or from a newer numvae
    """
    training, about, note = checkpoint.load_best(path)
    if note:
        warnings.warn(note, DoubtfulFit, stacklevel=2)
    return fitted(training, about)


def fitted(training, about):
    """The estimator of a finished run; about: what its file says beside it."""
    given, columns = training.settings.plain(), about.get("columns")
    if columns:
        columns = of_tables.Columns.of_plain(columns)
        given["likelihood"] = columns.base
    vae = VAE(**given)
    vae._set_fitted(training, columns, about)
    return vae


def _seed(random_state):
    """An integer from whatever scikit-learn lets a random_state be.

    Raises  TypeError, ValueError   something else, or a negative number
    """
    if random_state is None:
        return np.random.SeedSequence().entropy
    random_state = labelled("random_state", Seed(), random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return random_state
