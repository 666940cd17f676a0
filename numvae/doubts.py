"""What makes a fit doubtful: a sentence for each, with what to do."""

import numpy as np

from numvae.evaluation import aggregate, diagnostics
from numvae.network.likelihoods import column_kinds
from numvae.rows import Rows, blocks, cycled, read, split_condition
from numvae.streams import START, stream
from numvae.tables.columns import kind_of_counts
from numvae.text import listed
from numvae.training import start
from numvae.training.loop import FEWEST

ROWS = 2000  # looked at, at most
FEW = 20  # rows: with fewer, no column is judged
RISEN = 0.1  # nats in the last tenth of a run: it could have gone on


def doubts(training, X, X_valid=None, names=None):
    """Sentences about a training that has ended, on rows X, of which X_valid was held out, or None.

    X       in the order in which the rows came
    names   of the columns; None: column 1, column 2, …
    """
    model = training.model
    names = names or [f"column {i + 1}" for i in range(model.n_features)]
    numbers = np.sort(stream(training.seed, *START, 1).permutation(len(X))[:ROWS])
    x, y = split_condition(read(X, numbers), model.n_condition)
    found = []
    if model.config["standardize"] and len(x) >= FEW:
        found += [*_of_columns(training, x, names), *_of_samples(training, x, y, names)]
    return [*found, *_of_course(training, len(X), X_valid)]


def of_codes(training, X):
    """A sentence if the codes of rows X, which were trained on, say nothing about them, or are far
    from the prior."""
    if not training.objective.draws_z or len(X) < FEW:
        return []
    some = Rows(X, np.arange(min(len(X), ROWS)))
    each = diagnostics.latent_units(*diagnostics.encode(training.model, some, training.inputs))
    return diagnostics.advice(each, aggregate.from_prior(training, X))


def of_reference(n, held_out, contamination=0.5):
    """What makes n rows a doubtful measure of how usual others are, and which share of the usual
    ones is called unusual."""
    if not held_out:
        yield (
            f"Nothing was held out, so rows are compared with {n} that were trained on: too many "
            f"usual ones look unusual. Hold out {FEWEST} rows or more, or give p_values an "
            "X_reference."
        )
    if contamination * (1 + n) < 1:
        yield (
            f"Among {n} reference rows the lowest decides, so about {1 / (1 + n):.1%} of usual "
            f"rows are called unusual, not {contamination:.1%}: hold out more rows."
        )


def of_holes(X):
    """A sentence if some of the rows X that are compared have missing values."""
    if n := sum(int(np.isnan(x).any(axis=1).sum()) for x in blocks(X)):
        yield (
            f"{n} of these rows have missing values. Their log p(x) is that of what is known, so "
            "it says little about how unusual they are beside rows of which more or less is known."
        )


def _of_samples(training, x, y, names):
    """Columns whose samples go far beyond the data, or below 0 where the data do not."""
    model = training.model
    rng = stream(training.seed, *START, 2)
    z = rng.standard_normal((ROWS, model.n_latent), dtype=model.dtype)
    drawn = model.sample(rng, z, cycled(y, ROWS))
    kinds = column_kinds(training.settings.likelihood, x.shape[1])
    far, negative = [], []
    for i in np.flatnonzero(np.char.startswith(kinds, "gaussian")):
        known = x[~np.isnan(x[:, i]), i]
        if not len(known):
            continue
        low, high = float(known.min()), float(known.max())
        beyond = np.maximum(low - drawn[:, i], drawn[:, i] - high)
        if high > low and np.mean(beyond > 2 * (high - low)) > 1e-3:
            ends = f"{drawn[:, i].min():.4g} to {drawn[:, i].max():.4g}"
            far.append(f"{names[i]} from {ends}, the data from {low:.4g} to {high:.4g}")
        elif low >= 0 and np.mean(drawn[:, i] < 0) > 0.05:
            negative.append(names[i])
    if far:
        yield (
            f"Samples go far beyond the data: {listed(far)}. With likelihood gaussian, one σ for "
            "each column, they would not."
        )
    if negative:
        yield f"More than 5% of the samples are negative, but no data are: {listed(negative)}."


def _of_columns(training, x, names):
    """Columns of real numbers that are constant, equal to another, counts, or only number the
    rows."""
    kinds = column_kinds(training.settings.likelihood, x.shape[1])
    center, scale = start.units(x, kinds)
    standardized = np.nan_to_num((x - center) / scale)
    constant, two, first, equal, counts, counters = [], [], {}, [], [], []
    for i in np.flatnonzero(np.char.startswith(kinds, "gaussian")):
        known = x[~np.isnan(x[:, i]), i]
        values = np.unique(known)
        if training.model.units.scale[i] == 1.0 and len(values) < 2:
            constant.append(names[i])
        if len(values) < 2:
            continue
        if len(values) == 2:
            two.append(names[i])
        same = first.setdefault(np.round(standardized[:, i], 6).tobytes(), i)
        if same != i:
            equal.append(f"{names[i]} and {names[same]}")
        elif _rises(x[:, i]):
            counters.append(names[i])
        elif (values == np.rint(values)).all() and kind_of_counts(known):
            counts.append(names[i])
    if constant:
        yield f"Constant: {listed(constant)}. Leave out what does not vary: it has no density."
    if two:
        yield (
            f"Two values only: {listed(two)}. Their density is a spike at each, which says little: "
            "make them 0 and 1, with a bernoulli block, as in likelihood gaussian:3,bernoulli:1."
        )
    if equal:
        yield (
            f"Equal, in these or other units: {listed(equal)}. Leave one of them out, or log p(x) "
            "says mostly how small σ may become."
        )
    if counts:
        yield (
            f"Counts: {listed(counts)}. A density of whole numbers says little: make them a block "
            "of poisson or negative-binomial, as in likelihood gaussian:3,poisson:1."
        )
    if counters:
        yield (
            f"Whole numbers that rise or fall from row to row: {listed(counters)}. Leave it out if "
            "it only names the rows."
        )


def _rises(column):
    """Whether these are whole numbers that rise from row to row, or fall."""
    steps = np.diff(column)
    whole = np.array_equal(column, np.rint(column))
    return whole and (bool((steps > 0).all()) or bool((steps < 0).all()))


def _of_course(training, n, X_valid):
    """What the number of rows and the history say."""
    n_valid, history = 0 if X_valid is None else len(X_valid), training.history
    by_itself = training.settings.epochs is None
    if by_itself and n_valid < FEWEST:
        if start.is_known(training.settings):
            yield (
                f"Without at least {FEWEST} rows held out nothing says when to stop, so the model "
                f"of {n} rows is their factor analysis, as it began; hold out more, or give epochs."
            )
        else:
            yield (
                f"Without at least {FEWEST} rows held out nothing says when to stop, so the model "
                f"of {n} rows was trained to the end, maybe too long; hold out more or give epochs."
            )
    if not n_valid or len(history) < 10:
        return
    held_out = np.array([row["valid_elbo"] for row in history])
    best = int(held_out.argmax())
    risen = held_out[-1] - held_out[-1 - len(history) // 10]
    trained = history[-1]["train_elbo"] - history[best]["train_elbo"]
    if held_out[best] <= training.start_elbo:  # which is kept, and said to be
        return
    if best == len(history) - 1 and risen > RISEN:
        yield (
            f"The held-out ELBO rose by {risen:.1f} nats in the last tenth of the epochs: "
            + (
                "it may go on to rise; give epochs to train longer."
                if by_itself
                else "train longer."
            )
        )
    elif not by_itself and best < len(history) // 2 and trained > RISEN:
        yield (
            f"The held-out ELBO fell after epoch {history[best]['epoch']}, while that of the "
            "training rows rose: the model of that epoch is kept. Fewer hidden units, dropout or "
            "more rows would help."
        )
