import warnings

import numpy as np
import pytest
from scipy import stats

import numvae
from numvae import VAE, doubts
from numvae.rows import Beside
from numvae.settings import Settings
from numvae.training.loop import Training

N = 200


@pytest.fixture
def X(rng):
    return rng.normal(size=(N, 2)) @ rng.normal(size=(2, 4)) + 0.3 * rng.normal(size=(N, 4))


def warned(X, **settings):
    """The sentences of the warnings of a fit."""
    plain = {"hidden": (4,), "epochs": 2, "random_state": 0}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        VAE(2, **{**plain, **settings}).fit(X)
    assert all(w.category is numvae.DoubtfulFit and w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def found(X, X_all=None, **settings):
    """What is said of rows X by a training that has not begun, on rows X_all, or these."""
    settings = Settings(2, **{"hidden": (3,), "epochs": 2, **settings}).checked()
    return doubts.doubts(Training.new(settings, X if X_all is None else X_all, 0), X)


def test_a_reference_that_was_trained_on_or_is_small_is_doubted():
    assert list(doubts.of_reference(9, True, contamination=0.1)) == []
    few = (
        "Among 8 reference rows the lowest decides, so about 11.1% of usual rows are called "
        "unusual, not 10.0%: hold out more rows."
    )
    trained = (
        "Nothing was held out, so rows are compared with 8 that were trained on: too many usual "
        "ones look unusual. Hold out 10 rows or more, or give p_values an X_reference."
    )
    assert list(doubts.of_reference(8, True, contamination=0.1)) == [few]
    assert list(doubts.of_reference(8, False)) == [trained]
    assert list(doubts.of_reference(8, False, contamination=0.1)) == [trained, few]


def test_an_ordinary_fit_is_not_doubted(X):
    assert warned(X) == []
    assert warned(X, epochs=None) == []


CONSTANT = "Constant: {}. Leave out what does not vary: it has no density."
TWO = (
    "Two values only: {}. Their density is a spike at each, which says little: make them 0 and 1, "
    "with a bernoulli block, as in likelihood gaussian:3,bernoulli:1."
)
EQUAL = (
    "Equal, in these or other units: {}. Leave one of them out, or log p(x) says mostly how small "
    "σ may become."
)
COUNTS = (
    "Counts: {}. A density of whole numbers says little: make them a block of poisson or "
    "negative-binomial, as in likelihood gaussian:3,poisson:1."
)
NUMBERS = (
    "Whole numbers that rise or fall from row to row: {}. Leave it out if it only names the rows."
)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (lambda X: np.full(N, 0.1), CONSTANT.format("column 5")),
        (lambda X: np.full((N, 4), 2.0), CONSTANT.format("column 5, column 6, column 7, column 8")),
        (
            lambda X: np.full((N, 6), 2.0),
            CONSTANT.format("column 5, column 6, column 7, column 8 and 2 more"),
        ),
        (lambda X: 3.0 + 2.0 * X[:, 1], EQUAL.format("column 5 and column 2")),
        (lambda X: np.arange(N), NUMBERS.format("column 5")),
        (lambda X: 1000.0 - np.arange(N), NUMBERS.format("column 5")),
        (lambda X: 5.0 * (X[:, 0] > 0), TWO.format("column 5")),
        (lambda X: 5.0 * (X[:, 0] > 1), TWO.format("column 5")),  # most of them 0
        (lambda X: stats.poisson(2.0).ppf((np.arange(N) + 0.5) / N), COUNTS.format("column 5")),
    ],
    ids=range(9),
)
def test_columns_that_say_nothing_are_named(X, columns, says):
    kinds = tuple(text.partition(":")[0] for text in (CONSTANT, TWO, EQUAL, COUNTS, NUMBERS))
    lines = found(np.column_stack([X, columns(X)]))
    assert [line for line in lines if line.startswith(kinds)] == [says]


def test_a_column_that_varies_in_other_rows_only_is_not_constant(X):
    assert found(np.column_stack([X, np.full(N, -1.0)])) == [CONSTANT.format("column 5")]
    rows = np.column_stack([X, np.where(np.arange(N) < 100, -1.0, X[:, 0])])
    assert found(rows[:100], rows) == []


def test_of_a_column_of_which_nothing_is_known_only_that_it_is_constant_is_said(X):
    rows = np.column_stack([X, np.full(N, np.nan)])
    assert found(rows, missing=True) == [CONSTANT.format("column 5")]


def test_nothing_is_said_of_columns_that_are_taken_as_they_are(X):
    assert found(np.column_stack([X, np.ones(N)]), standardize=False) == []


@pytest.mark.parametrize(("n", "enough"), [(19, False), (20, True)])
def test_of_fewer_than_twenty_rows_nothing_is_said(X, n, enough):
    rows = np.column_stack([X[:n], np.full(n, -1.0)])
    assert bool(found(rows)) is enough
    training = Training.new(Settings(2, epochs=1).checked(), rows, 0)
    training.model.parameters.vector[...] = 0.0  # so that all codes are the same
    assert bool(doubts.of_codes(training, rows)) is enough


def test_the_codes_of_a_plain_autoencoder_may_lie_anywhere(X):
    training = Training.new(Settings(2, objective="autoencoder", epochs=1).checked(), X, 0)
    training.model.parameters.vector[...] = 0.0
    assert doubts.of_codes(training, X) == []


def test_a_column_whose_deviation_is_1_already_is_not_constant(X):
    (message,) = warned(np.column_stack([X, np.tile([-1.0, 1.0], N // 2)]), validation_fraction=0.0)
    assert message.startswith("Two values only: column 5.")


def test_numbers_that_rise_but_are_not_whole_or_jump_back_are_data(X):
    half = np.arange(N) // 2
    for column in (np.sort(X[:, 0]), np.arange(N) % 150, half, -half):
        assert not any("to row" in line for line in warned(np.column_stack([X, column])))


def test_numbers_that_no_counts_are_like_are_data(X):
    few = np.random.default_rng(0).permutation(stats.poisson(2.0).ppf((np.arange(N) + 0.5) / N))
    for column in (np.arange(N) % 5, few - 1, 0.5 * few, few + 4):
        assert not any("Counts" in line for line in warned(np.column_stack([X, column])))
    assert warned(np.column_stack([X, few]), likelihood="gaussian:4,poisson:1") == []


def test_names_are_those_of_the_data_frame(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd")).assign(step=range(7, 7 + 3 * N, 3))
    assert "row to row: step." in warned(frame)[0]


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_too_few_rows_to_decide(X, likelihood):
    X = X if likelihood == "gaussian" else 1.0 * (X > 0)
    (message,) = warned(X[:40], epochs=None, likelihood=likelihood)
    wanted = "factor analysis, as it began" if likelihood == "gaussian" else "trained to the end"
    assert wanted in message and "40 rows" in message
    assert warned(X[:40], epochs=3, likelihood=likelihood) == []


def test_ten_rows_held_out_are_enough_to_decide(X):
    assert not any("Without at least" in line for line in warned(X[:100], epochs=None))
    assert any("Without at least" in line for line in warned(X[:99], epochs=None))


def test_a_collapsed_code(X):
    (message,) = warned(X, beta=1e4, epochs=60, lr=0.05, validation_fraction=0.0)
    assert "The posterior has collapsed: 0 of 2 units" in message


def history(valid, train):
    return [
        {"epoch": i + 1, "valid_elbo": v, "train_elbo": t}
        for i, (v, t) in enumerate(zip(valid, train))
    ]


ROSE = "The held-out ELBO rose by {} nats in the last tenth of the epochs: train longer."
MAY_RISE = ROSE.replace("train", "it may go on to rise; give epochs to train")
FELL = (
    "The held-out ELBO fell after epoch {}, while that of the training rows rose: the model of "
    "that epoch is kept. Fewer hidden units, dropout or more rows would help."
)
UP = np.arange(40.0)


@pytest.mark.parametrize(
    ("epochs", "valid", "train", "says"),
    [
        (40, UP, UP, [ROSE.format("4.0")]),
        (None, UP, UP, [MAY_RISE.format("4.0")]),
        (40, -UP, UP, [FELL.format(1)]),
        (None, -UP, UP, []),  # so it is when the held-out rows decide
        (40, np.minimum(UP, 20.0), UP, []),
        (40, UP / 1e3, UP, []),
        (40, UP * 0.0375, UP, [ROSE.format("0.1")]),
        (40, [*np.zeros(39), 0.1], UP, []),
        (None, [50.0, *UP[1:]], UP, []),  # it rose, but not to its best
        (40, -UP, [*np.zeros(39), 0.15], [FELL.format(1)]),
        (40, -UP, [*np.zeros(39), 0.1], []),
        (40, -UP, np.full(40, 5.0), []),
        (40, -np.abs(UP - 19), UP, [FELL.format(20)]),
        (40, -np.abs(UP - 20), UP, []),  # after the middle
        (10, UP[:10], UP, [ROSE.format("1.0")]),
        (9, UP[:9], UP, []),  # too short to tell
    ],
    ids=range(16),
)
def test_the_course_of_a_run(X, epochs, valid, train, says):
    training = Training.new(Settings(2, hidden=(3,), epochs=epochs).checked(), X, 0)
    training.history = history(valid, train)
    assert doubts.doubts(training, X, X[:20]) == says


@pytest.mark.parametrize(("start_elbo", "says"), [(38.9, [ROSE.format("4.0")]), (39.0, [])])
def test_a_run_that_was_never_better_than_its_start_keeps_that(X, start_elbo, says):
    training = Training.new(Settings(2, hidden=(3,), epochs=40).checked(), X, 0)
    training.history, training.start_elbo = history(UP, UP), start_elbo
    assert doubts.doubts(training, X, X[:20]) == says


FAR = (
    "Samples go far beyond the data: column 1 from {}, the data from 10 to 30. With likelihood "
    "gaussian, one σ for each column, they would not."
)
NEGATIVE = "More than 5% of the samples are negative, but no data are: column 2."


@pytest.mark.parametrize(
    ("n", "first", "second", "says"),
    [
        (3, 70.5, 10.0, [FAR.format("15 to 70.5")]),
        (3, 70.0, 10.0, []),  # twice the range of the data beyond them
        (2, 71.0, 10.0, []),  # one in a thousand
        (3, -30.5, 10.0, [FAR.format("-30.5 to 15")]),
        (3, -30.0, 10.0, []),
        (101, 15.0, -0.5, [NEGATIVE]),
        (100, 15.0, -0.5, []),  # one in twenty
        (101, 15.0, 0.0, []),
        (101, 15.0, 0.5, []),
    ],
)
def test_samples_far_beyond_the_data_and_negative_ones_are_said(rng, n, first, second, says):
    """Of 2,000 samples n are given in the first two columns; the third is often negative, as the
    data are, and the fourth does not vary in the data."""
    X = np.column_stack([rng.permutation(np.linspace(a, b, 40)) for a, b in ((10, 30), (0, 20))])
    X = np.column_stack([X, rng.normal(size=40), np.full(40, 5.0)])
    training = Training.new(Settings(2, hidden=(3,), epochs=1).checked(), X, 0)
    drawn = np.tile([15.0, 10.0, -0.1, 9.0], (2000, 1))
    drawn[:n, :2] = first, second
    training.model.sample = lambda *_: drawn
    assert doubts.doubts(training, X) == [CONSTANT.format("column 4"), *says]


def test_samples_of_a_density_that_is_cut_off_at_0_are_often_negative(X):
    training = VAE(epochs=1, random_state=0).fit(np.abs(X))._training
    (line,) = doubts.doubts(training, np.abs(X))
    assert line.startswith("More than 5% of the samples are negative, but no data are: column 1")


def test_samples_beside_the_data_are_not_far_beyond_it_wherever_that_lies(X):
    training = VAE(epochs=1, random_state=0).fit(X + 1000.0)._training
    assert "far beyond" not in "\n".join(doubts.doubts(training, X + 1000.0))


def test_rows_with_missing_values_are_no_fair_comparison(X):
    vae = VAE(epochs=2, random_state=0, missing=True).fit(X)
    holed = X.copy()
    holed[:3, 0] = np.nan
    with pytest.warns(numvae.DoubtfulFit, match="^3 of these rows have missing values"):
        vae.p_values(holed)


def test_rows_are_looked_through_for_missing_values_a_part_at_a_time(assert_grows):
    X = Beside(np.zeros((200_000, 120), np.float32), np.zeros((200_000, 1)))
    with assert_grows(2**26):
        assert not list(doubts.of_holes(X))
