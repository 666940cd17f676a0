"""The estimator: `from numvae import VAE`, for people who import the package.

It follows scikit-learn's conventions without importing it: `__init__` only stores, `fit` checks and
makes the attributes that end in an underscore.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import textwrap
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from numvae import doubts, notebook, parallel, report, validation
from numvae.constraints import COUNT, SHARE, Choice, Jobs, Seed, labelled, near
from numvae.evaluation import aggregate, anomaly, diagnostics, importance, imputation
from numvae.files import check_free, write_atomically
from numvae.network import Autoencoder
from numvae.progress import Progress
from numvae.rows import (
    Rows,
    beside,
    by_blocks,
    condition_of,
    hold_out,
    read,
    split_condition,
    split_missing,
)
from numvae.rules import gaussian
from numvae.settings import Settings, described
from numvae.tables import columns as of_tables
from numvae.tables import frames
from numvae.tables.columns import Columns
from numvae.text import printable
from numvae.training import checkpoint
from numvae.training.interrupt import deliver
from numvae.training.loop import FEWEST, Training
from numvae.training.watchdog import Diverged

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike
    from typing_extensions import Self

SHOWN = 2000  # rows in a picture, enough for a cloud

# NumPy's own way with floating-point errors, whatever the caller has set: that a number underflows
# to 0 is harmless here.
usual_errors = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


class DoubtfulFit(UserWarning):
    """Something makes a fit less good than it looks; the sentence says what, and what to do."""


class NotFittedError(ValueError, AttributeError):
    """A method that needs a fitted estimator was called before `fit`.

    Where scikit-learn is loaded, an instance is one of its NotFittedError too.
    """

    def __new__(cls, *arguments):
        theirs = sys.modules.get("sklearn.exceptions")
        return super().__new__(_both(theirs.NotFittedError) if theirs else cls, *arguments)

    def __reduce__(self):
        return NotFittedError, self.args


@functools.cache
def _both(theirs):
    return type("NotFittedError", (NotFittedError, theirs), {})


# What estimators of scikit-learn may have and VAE has not, and what there is instead.
INSTEAD = {
    "sample_weight": "all rows count alike; repeat the rows that should count more",
    "early_stopping": "with epochs=None training ends when the held-out ELBO has stopped rising",
    "warm_start": "partial_fit trains on from where the model stands",
    "callbacks": "call partial_fit in a loop, an epoch each time, or fit with verbose=True",
}


def _refuse(name, given):
    """Raise TypeError if anything was given: `name` takes no such arguments."""
    for argument in given:
        if argument in INSTEAD:
            raise TypeError(f"VAE has no {argument}: {INSTEAD[argument]}.")
        raise TypeError(f"{name}() got an unexpected keyword argument {argument!r}.")


def _refusing(estimator):
    """The class, whose constructor says what there is instead of what it has not."""
    construct = estimator.__init__

    @functools.wraps(construct)
    def __init__(self, *values, **named):
        _refuse("VAE", [name for name in named if name in INSTEAD])
        construct(self, *values, **named)

    estimator.__init__ = __init__
    return estimator


@_refusing
@dataclass(eq=False)
class VAE(Settings):
    """A variational autoencoder, q(z|x) = N(mu(x), e^logvar(x)), p(z) = N(0, I); with `condition` a
    conditional one, q(z|x, y), p(x|z, y), p(z) = N(0, I).

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : Autoencoder
        The model: `network_.parameters`, `network_.loss_and_grad`, …
    history_ : list of dict
        One dict per epoch that was measured, in nats per example.
    n_iter_ : int
        Epochs trained.
    best_epoch_ : int
        The epoch whose parameters are kept; 0 for those that training began at.
    sigma_ : ndarray of shape (network_.n_features,)
        σ of each column in its own units; NaN where it depends on z (gaussian-sigma-z), and where
        the likelihood has none.
    columns_ : Columns or None
        What the columns of a data frame are; `columns_.labels` are those of the model.
    condition_ : Columns or None
        What the model is conditioned on: the class or number y, or columns of the data frame.
    offset_ : float
        The log p(x) below which `predict` calls a row unusual. Computed when it is asked for.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, of data frames whose names are all text.

    Methods
    -------
    {methods}

    Notes
    -----
    float32 data is trained in float32, which is twice as fast; all other in float64. Where pixels
    are binarized, each row that is scored or encoded is drawn by noise of its own, so the same row
    is always the same.

    Conditioned on y, each method takes y, one for each row or one for all; conditioned on columns
    of a data frame, it finds them in X, and `sample` and `decode` take y as a dict or as rows of a
    frame. All of log p(x) is then log p(x|y). Integers, bools and texts are classes, floats are
    numbers, and y must be known.

    `fit` keeps up to 1,000 of the rows that it held out. When `predict`, `decision_function` or
    `p_values` is first called, it computes their log p(x), to compare other rows with. Of rows like
    those of `fit`, about the share `contamination` is called unusual. Training rows would not do:
    a model finds them more probable than new ones. Where nothing was held out they have to, and a
    DoubtfulFit warning says so. A file keeps the scores, and not the rows.

    Not as in scikit-learn
    ----------------------
    - `contamination` is a share of the held-out rows, so `fit_predict` does not call exactly this
      share of X unusual, and VAE has no outlier_detector tag.
    - No `sample_weight`: {sample_weight}.
    - No `early_stopping`: {early_stopping}.
    - No `warm_start`: {warm_start}.
    - No `callbacks`: {callbacks}.

    References
    ----------
    Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014.
    Sohn, Lee & Yan, Learning Structured Output Representation using Deep Conditional Generative
    Models, NeurIPS 2015: `condition`.
    Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders, ICLR 2016: `score_samples`.
    Bates, Candès, Lei, Romano & Sesia, Testing for outliers with conformal p-values, Annals of
    Statistics 2023: `p_values`, `predict`.

    Examples
    --------
    >>> import numpy as np
    >>> from numvae import VAE
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 1)) * [1.0, -2.0, 3.0] + rng.normal(size=(300, 3))
    >>> vae = VAE(n_latent=1, hidden=16, epochs=3, random_state=0).fit(X)
    >>> vae.transform(X).shape
    (300, 1)
    >>> vae.predict([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]])
    array([ 1, -1])
    >>> vae.sample(2, random_state=0).shape
    (2, 3)
    """

    # Training.

    @usual_errors
    def fit(self, X: ArrayLike, y: Any = None, *, comm: Any = None, **other: Any) -> Self:
        """Train on X (N, D) from the start. Returns self.

        y: with condition='y' a class or a number for each row (N,); otherwise it is ignored.

        comm: an MPI communicator, such as mpi4py's MPI.COMM_WORLD. Its ranks, which all call `fit`
        with the same X (a memory map of one file, say), share every step; all are fitted alike.
        What ends one of them alone ends the program.

        Ctrl-C and SIGTERM finish the current step and leave the estimator fitted with what it has
        learned; then the program takes the signal: `fit` raises KeyboardInterrupt, or whatever the
        program's own handler does. A loss that is no longer finite ends `fit` with a warning.

        Raises  TypeError, ValueError   invalid input, or the ranks differ; an earlier fit is kept
        """
        _refuse("VAE.fit", other)
        n_jobs = self.n_jobs if self.n_jobs is None else labelled("n_jobs", Jobs(), self.n_jobs)
        team = parallel.team(comm, n_jobs)
        with team.together():
            settings, X, columns, condition = self._check_first(X, y)
        seed = team.first(lambda: _seed(self.random_state))
        X_train, X_valid = X, None
        n_valid = int(settings.validation_fraction * len(X))
        if n_valid >= FEWEST or settings.epochs and n_valid:
            X_train, X_valid = (Rows(X, numbers) for numbers in hold_out(len(X), n_valid, seed))
        with team.together():
            training = Training.new(settings, X_train, seed, _width(condition))
        team.share(training, X)
        lead = team.rank == 0
        with team.as_one(), team.interrupt() as interrupt:
            verbose = self.verbose and lead
            diverged = self._run(team, training, X_train, X_valid, None, verbose, interrupt)
            training.keep_best()
            training.mixture = aggregate.fit(training, X_train)
            data = {"n_train": len(X_train)}
            reference = _reference(X, X_valid, seed)
            self._set_fitted(training, columns, condition, reference, {"data": data})
        self._pass_on(interrupt)
        if lead and not diverged:
            labels = columns and list(map(printable, columns.labels))
            found = [
                *(columns.doubts if columns else ()),
                *doubts.doubts(training, X, X_valid, labels),
            ]
            for doubt in found + doubts.of_codes(training, X_train):
                warnings.warn(doubt, DoubtfulFit, stacklevel=3)
        return self

    @usual_errors
    def partial_fit(self, X: ArrayLike, y: Any = None, **other: Any) -> Self:
        """Train one more epoch, on the rows of X; the first call starts as `fit` does.

        Rows that an earlier `fit` held out stay what `predict` compares with, or else those of X.

        Raises  TypeError, ValueError   invalid input; nothing is changed
        """
        _refuse("VAE.partial_fit", other)
        if not hasattr(self, "network_"):
            settings, X, columns, condition = self._check_first(X, y)
            seed = _seed(self.random_state)
            training = Training.new(settings, X, seed, _width(condition))
        else:
            self.checked()
            X, columns, training = self._check(X, self._own(y)), self.columns_, self._training
            condition = self.condition_
            training.settings.missing |= columns is not None and bool(np.isnan(X).any())
            training.begin_epoch()  # a block before may have been broken off
            training.sums[...] = 0.0
        training.mixture = None  # its codes are about to move
        team = parallel.OneProcess()
        with team.interrupt() as interrupt:
            self._run(team, training, X, None, training.epoch + 1, self.verbose, interrupt)
            shape = getattr(self, "_about", {}).get("data", {}).get("shape")
            kept = getattr(self, "_reference", None)
            if kept is None or kept.X is None or not kept.held_out:
                kept = _reference(X, None, training.seed)
            kept = anomaly.Reference(kept.X, kept.held_out)
            about = {"data": {"shape": shape}} if shape else None
            self._set_fitted(training, columns, condition, kept, about)
        self._pass_on(interrupt)
        return self

    def fit_transform(self, X: ArrayLike, y: Any = None, **other: Any) -> np.ndarray:
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X, y, **other).transform(X, self._own(y))

    def fit_predict(self, X: ArrayLike, y: Any = None, **other: Any) -> np.ndarray:
        """`fit(X)`, then `predict(X)`."""
        return self.fit(X, y, **other).predict(X, self._own(y))

    # From data to codes, and back.

    @usual_errors
    def transform(self, X: ArrayLike, y: Any = None) -> np.ndarray:
        """The mean of q(z|x) for each row; a data frame where `set_output` says so.

        Shapes  X (N, D) → (N, Z)
        """
        mu, _ = self._encoded(self._check(X, y))
        if not sys.modules.get("sklearn"):  # then nobody can have asked for a frame
            return mu
        from sklearn.utils._set_output import _wrap_data_with_container

        return _wrap_data_with_container("transform", mu, X, self)

    @usual_errors
    def encode(
        self, X: ArrayLike, random_state: Any = None, y: Any = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The posterior q(z|x) of each row, and a draw from it.

        Shapes  X (N, D) → mu, logvar, z, each (N, Z)
        """
        X, rng = self._check(X, y), np.random.default_rng(_seed(random_state))
        mu, logvar = self._encoded(X)
        return mu, logvar, gaussian.sample(rng, mu, logvar)

    @usual_errors
    def decode(self, Z: ArrayLike, y: Any = None) -> Any:
        """The mean of p(x|z) for each code; conditioned, that of p(x|z, y).

        Shapes  Z (N, Z) → (N, D)
        """
        self._check_fitted()
        like, Z = Z, validation.as_table(Z, "VAE.decode", self.network_.dtype)
        if Z.shape[1] != self.network_.n_latent:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this VAE has {self.network_.n_latent} latent "
                "units: give one column for each."
            )
        return self._made(self.network_.decode, Z, self._condition(y, len(Z)), like)

    def inverse_transform(self, X: ArrayLike, y: Any = None) -> Any:
        """`decode`, by the name that pipelines know. Shapes  codes (N, Z) → (N, D)"""
        return self.decode(X, y)

    def reconstruct(self, X: ArrayLike, y: Any = None) -> Any:
        """The rows as the model would have them: `decode(transform(X))`. Shapes  (N, D) → (N, D)"""
        like, X = X, self._check(X, y)
        x = diagnostics.reconstruct(self.network_, X, self._training.inputs)
        return self._given(x, condition_of(X, self.network_.n_condition), like)

    @usual_errors
    def sample(
        self,
        n: int = 1,
        random_state: Any = None,
        y: Any = None,
        *,
        source: str = "prior",
        X: ArrayLike | None = None,
    ) -> Any:
        """New rows: codes z from a source, then x ~ p(x|z) with the noise of the likelihood.

        y       of a conditioned model, one for all rows or one for each
        source  "prior": z ~ N(0, I).
                "mixture": z from the Gaussian mixture that `fit` fitted to the codes of its rows;
                where these do not fill the prior, the rows are more like the data.
                "posterior": z ~ q(z|x) of rows x that are drawn from X; of a conditioned model
                from those with this y, or the nearest
        X       None: those that `fit` held out

        Shapes  X (N, D) → (n, D)

        Raises  ValueError   there is no mixture, or there are no rows: a file keeps none
        """
        self._check_fitted()
        n = labelled("n", COUNT, n)
        source = labelled("source", Choice(aggregate.SOURCES), source)
        if source == "posterior":
            if X is not None and self._takes_y:
                raise ValueError(
                    "Rows X would need a y of their own, which sample does not take: leave X out, "
                    "or encode X with its y and decode the codes with another."
                )
            X = self._kept_rows() if X is None else self._check(X)
        elif X is not None:
            raise ValueError(
                f"X holds the rows of source='posterior', but source is {source!r}: leave X out."
            )
        if source == "mixture":
            self._fit_mixture()
        rng = np.random.default_rng(_seed(random_state))
        y = self._condition(y, n)
        z = aggregate.draw(self._training, rng, n, source, X, y)
        return self._made(functools.partial(self.network_.sample, rng), z, y)

    # What the model thinks of data, in nats.

    @usual_errors
    def score_samples(self, X: ArrayLike, y: Any = None) -> np.ndarray:
        """log p(x) of each row, by importance sampling with n_importance draws; conditioned, log
        p(x|y).

        Every row brings its own noise, so the score of a row depends neither on its neighbours nor
        on the moment: the same row has the same score. It is too low on average, the more so the
        more latent units there are: compare models by equally many draws.

        Shapes  X (N, D) → (N,)
        Units   nats; for real-valued likelihoods a log-density, which may be positive
        """
        return self._estimate(X, y).log_p

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The mean of `score_samples(X)`: higher is better. Units  nats per row"""
        return float(self.score_samples(X, self._own(y)).mean())

    @usual_errors
    def elbo(self, X: ArrayLike, y: Any = None) -> np.ndarray:
        """The evidence lower bound of each row, from the draws of `score_samples`.

        Shapes  X (N, D) → (N,)
        Units   nats, never above what `score_samples` says
        """
        return self._estimate(X, y).elbo

    # Is a row usual?

    def predict(self, X: ArrayLike, y: Any = None) -> np.ndarray:
        """+1 for a usual row, −1 for an unusual one: one whose p-value is at most `contamination`.

        Shapes  X (N, D) → (N,) of int
        """
        return np.where(self.score_samples(X, y) < self._offset(X, y), -1, 1)

    def decision_function(self, X: ArrayLike, y: Any = None) -> np.ndarray:
        """`score_samples(X) - offset_`: below 0 for unusual rows.

        Shapes  X (N, D) → (N,)
        Units   nats
        """
        return self.score_samples(X, y) - self._offset(X, y)

    @property
    def offset_(self) -> float:
        """The log p(x) below which a row is unusual. Units  nats"""
        return self._offset()

    def p_values(
        self,
        X: ArrayLike,
        X_reference: ArrayLike | None = None,
        y: Any = None,
        y_reference: Any = None,
    ) -> np.ndarray:
        """How unusual each row is: the share of the reference rows that score no higher.

        X_reference are rows known to be usual, best not those that were trained on, and y_reference
        what is known of them; None: those that `fit` held out. A small p says that few of them are
        as improbable as this row.

        Shapes  X (N, D), X_reference (M, D) → (N,) in (0, 1]
        """
        if y_reference is not None and X_reference is None:
            raise ValueError("y_reference goes with X_reference, which is not given.")
        scores = self.score_samples(X, y)
        if X_reference is None:
            return anomaly.p_values(scores, self._compared(X, y, stacklevel=3))
        return anomaly.p_values(scores, self.score_samples(X_reference, y_reference))

    @usual_errors
    def impute(self, X: ArrayLike, random_state: Any = None, y: Any = None) -> Any:
        """X with what is missing (NaN) filled in by its expectation given what is known.

        Shapes  X (N, D) → (N, D)
        Source  see `evaluation.imputation`
        """
        rng = np.random.default_rng(_seed(random_state))
        given, X, C = X, self._check(X, y, missing=True), self.network_.n_condition

        def filled(rows):
            x, _ = split_condition(rows, C)
            if not (holed := np.isnan(x).any(axis=1)).any():
                return x
            drawn, y = split_condition(self._training.inputs.drawn(rows[holed]), C)
            known, observed = split_missing(drawn)
            mean = imputation.impute(self.network_, known, observed, rng, y=y)
            x = np.array(x)
            x[holed] = np.where(observed, x[holed], mean)
            return x

        x = by_blocks(filled, X)
        if not self.columns_:
            return x
        made = self.columns_.filled(self._table(given), x)
        if frames.is_frame(given):
            return frames.filled(given, made, self.columns_.dates)
        return self._given(x, condition_of(X, C))

    # Pictures.

    def plot(self, X: ArrayLike | None = None, y: Any = None, *, shape: Any = None) -> Figure:
        """One picture: the latent units and the ELBO, reconstructions, samples.

        X       rows to show; None: those that `fit` held out
        y       what is known of each row, to colour the codes: classes or numbers (N,); and what
                the model is conditioned on, if that is y
        shape   (H, W) or (H, W, 3), where a row is an image; None: as the file of the model says

        `numvae.plots.save(vae.plot(), "vae.png")` writes it to a file.
        """
        x, known, of_data = self._to_show(X, y, shape)
        if known is None:
            known = next(iter(self._colours(x).values()), None)
        return report.overview(self._training, x, known, self.columns_, **of_data)

    def explore(
        self,
        path: str | os.PathLike[str],
        X: ArrayLike | None = None,
        y: Any = None,
        *,
        shape: Any = None,
    ) -> Path:
        """Write a page for the browser: move a point in the latent plane, see what is decoded.

        X, y, shape     as in `plot`

        Returns the path.

        Raises  FileExistsError   there is such a file: nothing is overwritten
                ValueError        its name does not end in .html or .htm
        """
        from numvae.cli import new_file
        from numvae.explore.page import page
        from numvae.explore.view import view

        path = new_file(path, ".html", ".htm")
        x, known, of_data = self._to_show(X, y, shape)
        known = self._colours(x) if known is None else {"y": known}
        of_data |= {"name": path.stem, "condition": self.condition_}
        shown = view(self._training, x, known, **of_data)
        write_atomically(path, page(shown).encode())
        return path

    # Files.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one `.npz` file, without pickle, whole or not at all.

        Not saved: a random_state that is not an int, the optimizer's memory, and more than 10,000
        rows of the history (of a longer one every second, third, … row is). Saved, and computed
        first if need be: the scores that `predict` compares with, and the mixture that `sample` may
        draw from. Of a subclass `load` makes a VAE.

        Raises  OSError   as the system says; or `path` is a folder, a link, a device, …, or in the
                          folder of a run in progress. What it held before is left
        """
        self._check_fitted()
        check_free(Path(path).parent)
        self._fit_mixture()
        about = dict(self._about)
        if self.columns_:
            about["columns"] = self.columns_.plain()
        if self._takes_y:
            about["condition"] = self.condition_.plain()
        settings = self._training.settings
        settings.n_importance = labelled("n_importance", COUNT, self.n_importance)
        settings.contamination = labelled("contamination", SHARE, self.contamination)
        if self._reference is not None:
            if self._reference.X is not None:  # in a file only scores are left, as they are
                self._reference_scores()
            samples, log_p = self._reference.scored
            held_out = self._reference.held_out
            reference = {"samples": samples, "log_p": log_p.tolist(), "held_out": held_out}
            about["reference"] = reference
        checkpoint.save(self._training, path, "model", about)

    # scikit-learn's conventions.

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **parameters: Any) -> Self:
        """Change the constructor's arguments for the next `fit`. Returns self.

        What is fitted, and what `partial_fit` and `save` make of it, keeps those it was fitted
        with, but for n_importance, contamination and verbose, which are used from now on.

        Raises  ValueError   an unknown name; nothing is changed
        """
        known = self._defaults()
        for name in parameters:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}; there are "
                    f"{', '.join(known)}.{near(name, known)}"
                )
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    def set_output(self, *, transform: str | None = None) -> Self:
        """What `transform` and `fit_transform` return, if scikit-learn is installed.

        transform   "default" for arrays, "pandas" or "polars" for data frames; None: as it was
        """
        from sklearn.base import TransformerMixin

        return TransformerMixin.set_output(self, transform=transform)

    _sklearn_auto_wrap_output_keys = frozenset({"transform"})  # scikit-learn asks for it

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the columns of `transform`: vae0, vae1, …"""
        self._check_fitted()
        return np.array([f"vae{i}" for i in range(self.network_.n_latent)], dtype=object)

    def __repr__(self) -> str:
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, default in self._defaults().items()
            if repr(getattr(self, name)) != repr(default)
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        if not hasattr(self, "network_"):
            return notebook.page([repr(self), "Not fitted yet."])
        training, model = self._training, self.network_
        rows = self._about.get("data", {}).get("n_train")
        kept = f"epoch {self.best_epoch_} of {self.n_iter_}" if self.best_epoch_ else "its start"
        held_out = any("valid_elbo" in row for row in self.history_[-1:])
        which = "valid_elbo" if held_out else "train_elbo"
        what = f"{self.n_features_in_} columns → {model.n_latent} latent units"
        lines = [
            repr(self),
            f"{what}, {model.config['likelihood']}" + (f"; {rows:,} training rows" if rows else ""),
            f"Kept: {kept}",
        ]
        if np.isfinite(training.best_elbo):
            of = "held-out" if held_out else "training"
            lines[-1] += f"; ELBO {training.best_elbo:.2f} nats per {of} row"
        return notebook.page(lines, [row[which] for row in self.history_])

    def __sklearn_tags__(self):
        """Asked for by scikit-learn only, which is then there to be imported."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=self.condition == "y"),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
            input_tags=InputTags(allow_nan=bool(self.missing)),
        )

    # Inside.

    @classmethod
    def _defaults(cls):
        """The constructor's arguments, name → default; of a subclass whose constructor takes
        **settings, also those of the class above it."""
        found = {}
        for above in cls.__mro__:
            if "__init__" in vars(above):
                _, *arguments = inspect.signature(above.__init__).parameters.values()
                for p in arguments:
                    if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                        found.setdefault(p.name, p.default)
                if all(p.kind is not p.VAR_KEYWORD for p in arguments):
                    return found

    def _check_first(self, X, y):
        """X and y to be fitted: settings for them, the model's rows (N, D + C), what the columns of
        X are, and what the model is conditioned on: Columns or None."""
        settings, columns, condition = self.checked(), None, None
        names = settings.condition if settings.condition != "y" else None
        if names and not frames.is_frame(X):
            raise TypeError(
                f"condition names columns, but X is {type(X).__name__}, which has no names: pass a "
                "data frame, or condition='y' and y."
            )
        if frames.is_frame(X):
            validation.feature_names(X)
            table = frames.table(X)
            columns = of_tables.guess(table, settings.likelihood, settings.columns)
            columns.library = frames.library(X)
            if names:
                columns = condition = columns.conditioned(names, table)
            X = columns.encode(table)
            missing = settings.missing or bool(np.isnan(X).any())
            settings = replace(settings, likelihood=columns.likelihood, missing=missing)
        elif settings.columns:
            raise TypeError(
                f"columns says what named columns are, but X is {type(X).__name__}, which has no "
                "names: pass a data frame."
            )
        X = validation.as_table(X, "VAE", missing=settings.missing)
        validation.check_range(split_condition(X, _width(condition))[0], settings.likelihood)
        if settings.condition == "y":
            if y is None:
                raise ValueError("condition='y' needs y, a class or a number for each row of X.")
            condition = of_tables.of_known({"y": validation.as_known(y, len(X))})
            X = beside(X, condition.encode_condition(frames.table_of_values({"y": y}, len(X))))
        return settings, X, columns, condition

    def _check(self, X, y=None, missing=False):
        """X and y to be used by a fitted estimator, as the model's rows (N, D + C); NaN is let
        through if it may be missing."""
        self._check_fitted()
        validation.check_feature_names(validation.feature_names(X), self.columns_, "VAE")
        missing = missing or self._training.inputs.missing
        if self.columns_:
            X, missing = self.columns_.encode(self._table(X)), True
        X = validation.as_table(X, "VAE", self.network_.dtype, missing)
        x, its_y = split_condition(X, 0 if self._takes_y else self.network_.n_condition)
        if x.shape[1] != self.network_.n_features:
            raise ValueError(self._other_width(x.shape[1]))
        validation.check_range(x, self.network_.config["likelihood"])
        if its_y is None:
            return beside(X, self._condition(y, len(X)))
        if y is not None:
            raise ValueError(f"{self._what_given} are columns of X, so there is no y to be given.")
        return X

    @property
    def _takes_y(self):
        """Whether the model is conditioned on what does not stand in X."""
        return self.condition_ is not None and self.condition_ is not self.columns_

    def _own(self, y):
        """y where the model is conditioned on it; scikit-learn hands it to others too."""
        self._check_fitted()
        return y if self._takes_y else None

    @property
    def _what_given(self):
        return ", ".join(printable(column.name) for column in self.condition_.given)

    def _condition(self, y, n):
        """What n rows are conditioned on, as the model has it: (n, C), or None if it has not.

        Raises  TypeError, ValueError   y is missing, or not one that the model knows
        """
        if self.condition_ is None:
            if y is not None:
                raise ValueError("This VAE is not conditioned, so it takes no y: see `condition`.")
            return None
        given = self.condition_.given
        if y is None:
            raise ValueError(
                f"This VAE is conditioned on {self._what_given}: give y, one for all rows or one "
                "for each."
            )
        if len(given) == 1 and not frames.is_named(y, given[0].name):
            y = {given[0].name: y}
        return self.condition_.encode_condition(frames.table_of_values(y, n))

    def _encoded(self, X):
        """mu, logvar (N, Z) of the model's rows."""
        return diagnostics.encode(self.network_, X, self._training.inputs)

    def _made(self, method, Z, y, like=None):
        """What a method of the network makes of codes Z (N, Z) given y (N, C), as `_given`."""
        x = diagnostics.decode(method, Z.astype(self.network_.dtype, copy=False), y)
        return self._given(x, y, like)

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

    def _given(self, x, y, like=None):
        """x (N, D) and y (N, C) of the model as what was fitted: an array, or a data frame of the
        same kind.

        like    what has the rows' names, if it is a data frame
        """
        if not self.columns_:
            return x
        index = getattr(like, "index", None) if frames.is_frame(like) else None
        columns = self.columns_
        return frames.frame(columns.decode(x, y), columns.library, columns.dates, index)

    def _estimate(self, X, y):
        X, L = self._check(X, y), labelled("n_importance", COUNT, self.n_importance)
        return importance.estimate(self.network_, X, self._training.inputs, L)

    def _reference_scores(self):
        """log p(x) of the rows to compare others with."""
        if self._reference is None:
            raise ValueError(
                "This model's file keeps no rows to compare with: give p_values an X_reference, "
                "rows known to be usual."
            )
        L = labelled("n_importance", COUNT, self.n_importance)
        return self._reference.scores(self.network_, self._training.inputs, L)

    def _compared(self, X, y, stacklevel, **contamination):
        """The same, with a warning of what is doubtful about comparing X, or None, with them."""
        scores = self._reference_scores()
        for doubt in () if X is None else doubts.of_holes(self._check(X, y)):
            warnings.warn(doubt, DoubtfulFit, stacklevel)
        for doubt in doubts.of_reference(len(scores), self._reference.held_out, **contamination):
            warnings.warn(doubt, DoubtfulFit, stacklevel)
        return scores

    def _offset(self, X=None, y=None):
        self._check_fitted()
        contamination = labelled("contamination", SHARE, self.contamination)
        scores = self._compared(X, y, stacklevel=4, contamination=contamination)
        return anomaly.offset(scores, contamination)

    def _kept_rows(self):
        """The rows that `fit` held out, or if there are none some of those it was given."""
        if self._reference is None or self._reference.X is None:
            raise ValueError("A file keeps no rows: give X.")
        return self._reference.X

    def _fit_mixture(self):
        """Fit the mixture to the rows that are kept, where `partial_fit` has moved their codes."""
        training, kept = self._training, self._reference
        if training.mixture is None and kept is not None and kept.X is not None:
            training.mixture = aggregate.fit(training, kept.X)

    def _to_show(self, X, y, shape):
        """Some rows to draw, what is known of each or None, and what a picture needs besides."""
        self._check_fitted()
        if X is None:
            if y is not None:
                raise ValueError("y says what is known of the rows of X, so give X too.")
            X = self._kept_rows()
        else:
            X = self._check(X, self._own(y))
        numbers = np.linspace(0, len(X) - 1, min(SHOWN, len(X))).astype(int)
        known = None if y is None else validation.as_known(y, len(X))[numbers]
        data, D = self._about.get("data", {}), self.network_.n_features
        usual = data.get("shape") or (D,)
        shape = validation.as_shape(usual if shape is None else shape, D)
        X = read(X, numbers)
        x, _ = split_condition(X, self.network_.n_condition)
        low, high = float(np.fmin.reduce(x, None)), float(np.fmax.reduce(x, None))
        limits = data.get("limits") or ((0, 1) if low >= 0 and high <= 1 else (low, high))
        names = self.columns_.labels if self.columns_ else [f"x{i + 1}" for i in range(D)]
        return X, known, {"shape": shape, "limits": tuple(limits), "columns": names}

    def _colours(self, X):
        """What rows X (N, D + C) may be coloured by: the columns of a table, and what the model is
        conditioned on. name → (N,)"""
        if not (columns := self.columns_ or self.condition_):
            return {}
        x, y = split_condition(X, self.network_.n_condition)
        return columns.colours(x if self.columns_ else x[:, :0], y)

    def _check_fitted(self):
        if not hasattr(self, "network_"):
            raise NotFittedError("This VAE instance is not fitted yet: call fit(X) first.")

    def _run(self, team, training, X, X_valid, epochs, verbose, interrupt):
        """Train until so many epochs are finished, or a signal asks to stop.

        Returns whether it diverged, which a warning says
        """
        n_epochs = training.length(len(X), X_valid) if epochs is None else epochs
        by_itself = epochs is None and training.settings.epochs is None
        progress = Progress(n_epochs, len(X), quiet=not verbose, may_end_early=by_itself)
        diverged = False
        shown = {"on_step": progress.step, "on_epoch": progress.epoch} if verbose else {}
        try:
            asked = interrupt.asked
            team.run(training, X, X_valid, epochs, asked=asked, close_epoch=True, **shown)
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

    def _set_fitted(
        self, training: Any, columns: Any, condition: Any, reference: Any, about: Any = None
    ) -> None:
        self._training, self._reference, self._about = training, reference, about or {}
        self.columns_: Columns | None = columns
        self.condition_: Columns | None = condition
        self.network_: Autoencoder = training.model
        self.history_: list[dict[str, float]] = training.history
        self.n_iter_: int = training.epoch
        self.best_epoch_: int = training.best_epoch
        self.sigma_: np.ndarray = training.model.sigma()
        self.n_features_in_: int = len(columns.columns) if columns else training.model.n_features
        if columns and columns.named:
            self.feature_names_in_ = np.array(columns.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_


def _methods(estimator):
    """A line for each public method: the first sentence of its docstring."""
    public = {n: f for n, f in vars(estimator).items() if n[0] != "_" and inspect.isfunction(f)}
    for name, method in public.items():
        said = " ".join(inspect.getdoc(method).split()).split(". ")[0].rstrip(".")
        yield from textwrap.wrap(f"{name:<24}{said}", 96, subsequent_indent=" " * 24)


if VAE.__doc__:  # python -OO has none
    VAE.__doc__ = inspect.cleandoc(VAE.__doc__).format(
        parameters=described(), methods="\n".join(_methods(VAE)), **INSTEAD
    )


def load(path: str | os.PathLike[str]) -> VAE:
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
    condition = about.get("condition")
    if columns:
        columns = of_tables.Columns.of_plain(columns)
        given["likelihood"] = columns.base
    if condition:
        condition = of_tables.Columns.of_plain(condition)
    elif columns and columns.given:
        condition = columns
    if reference := about.get("reference"):
        reference = anomaly.Reference.of_plain(reference)
    vae = VAE(**given)
    vae._set_fitted(training, columns, condition, reference, about)
    return vae


def _width(condition):
    """C of the Columns that a model is conditioned on, or None."""
    return condition.n_condition if condition else 0


def _reference(X, X_valid, seed):
    """Rows to compare others with: some of those held out, or if there are none of all."""
    rows = anomaly.reference_rows(X if X_valid is None else X_valid, seed)
    return anomaly.Reference(read(rows, slice(None)), held_out=X_valid is not None)


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
