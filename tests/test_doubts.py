import warnings

import numpy as np
import pytest

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


def test_a_reference_that_was_trained_on_or_is_small_is_doubted():
    assert list(doubts.of_reference(10, True, contamination=0.1)) == []
    (few,) = doubts.of_reference(8, True, contamination=0.1)
    assert "Among 8 reference rows" in few and "about 11.1% of usual" in few and "not 10.0%" in few
    (trained,) = doubts.of_reference(8, False)
    assert "Nothing was held out, so rows are compared with 8 that were trained on" in trained
    assert len(list(doubts.of_reference(8, False, contamination=0.1))) == 2


def test_an_ordinary_fit_is_not_doubted(X):
    assert warned(X) == []
    assert warned(X, epochs=None) == []


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (lambda X: np.full(N, 0.1), "Constant: column 5. Leave it out"),
        (lambda X: 3.0 + 2.0 * X[:, 1], "in these or other units: column 5 and column 2. Leave"),
        (lambda X: 1000.0 - np.arange(N), "rise or fall from row to row: column 5. Leave it out"),
        (lambda X: 5.0 * (X[:, 0] > 0), "Two values only: column 5. Their density is a spike"),
        (lambda X: np.maximum(np.arange(N) % 9 - 5, 0), "most of them 0: column 5. A density"),
        (lambda X: np.full((N, 6), 2.0), "Constant: column 5, column 6, column 7, column 8 and 2"),
    ],
    ids=range(6),
)
def test_columns_that_say_nothing_are_named(X, columns, says):
    (message, *_) = warned(np.column_stack([X, columns(X)]))
    assert says in message and message.endswith(".")


def test_a_column_whose_deviation_is_1_already_is_not_constant(X):
    (message,) = warned(np.column_stack([X, np.tile([-1.0, 1.0], N // 2)]), validation_fraction=0.0)
    assert message.startswith("Two values only: column 5.")


def test_numbers_that_rise_but_are_not_whole_or_jump_back_are_data(X):
    half = np.arange(N) // 2
    for column in (np.sort(X[:, 0]), np.arange(N) % 150, half, -half):
        assert not any("to row" in line for line in warned(np.column_stack([X, column])))


def test_counts_that_are_seldom_0_or_below_it_or_no_counts_are_data(X):
    one, few = np.arange(N) % 5, np.maximum(np.arange(N) % 9 - 5, 0)
    for column in (one, few - (few == 3) * 4, 0.5 * few, np.where(few, few, 1)):
        assert not any("Whole" in line for line in warned(np.column_stack([X, column])))
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


@pytest.mark.parametrize(
    ("epochs", "valid", "train", "says"),
    [
        (40, np.arange(40.0), np.arange(40.0), "rose by 4.0 nats in the last tenth of the epochs"),
        (None, np.arange(40.0), np.arange(40.0), "train longer"),
        (40, -np.arange(40.0), np.arange(40.0), "fell after epoch 1, while that of the training"),
        (None, -np.arange(40.0), np.arange(40.0), None),  # so it is when the held-out rows decide
        (40, np.minimum(np.arange(40.0), 20.0), np.arange(40.0), None),
        (40, np.arange(40.0) / 1e3, np.arange(40.0), None),
        (40, np.arange(40.0) * 0.0375, np.arange(40.0), "rose by 0.1 nats"),
        (40, -np.arange(40.0), [*np.zeros(39), 0.15], "fell after epoch 1"),
        (40, -np.arange(40.0), np.linspace(0.0, 0.05, 40), None),
        (40, -np.abs(np.arange(40.0) - 19), np.arange(40.0), "fell after epoch 20"),
        (40, -np.abs(np.arange(40.0) - 20), np.arange(40.0), None),  # after the middle
        (10, np.arange(10.0), np.arange(10.0), "rose by 1.0 nats"),
        (9, np.arange(9.0), np.arange(9.0), None),  # too short to tell
    ],
    ids=range(13),
)
def test_the_course_of_a_run(X, epochs, valid, train, says):
    training = Training.new(Settings(2, hidden=(3,), epochs=epochs).checked(), X, 0)
    training.history = history(valid, train)
    found = doubts.doubts(training, X, X[:20])
    assert len(found) == (says is not None) and all(says in line for line in found)


def test_samples_far_beyond_the_data_and_negative_ones_are_said(X, monkeypatch):
    training = VAE(epochs=1, random_state=0).fit(np.abs(X))._training
    found = "\n".join(doubts.doubts(training, np.abs(X)))
    assert "More than 5% of the samples are negative, and no data: column 1" in found
    sample = training.model.sample
    monkeypatch.setattr(training.model, "sample", lambda *a: 100.0 * sample(*a))
    assert "Samples go far beyond the data: column 1 from" in "\n".join(
        doubts.doubts(training, np.abs(X))
    )


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
