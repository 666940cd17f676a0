import math
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.network import Autoencoder
from numvae.training import minibatches
from numvae.training.loop import Training, evaluate
from numvae.training.optimizers import Adam

N, D, Z = 25, 6, 2


@pytest.fixture
def X(rng):
    """Gray pixels that go dark and bright together."""
    X = 1.0 / (1.0 + np.exp(-3.0 * rng.standard_normal((N, 1)) * np.linspace(0.5, 1.5, D)))
    X.setflags(write=False)
    return X


def start(seed=0, lr=1e-2, dtype="float32", optimizer=Adam, **settings):
    model = Autoencoder(D, Z, (8,), dtype=dtype)
    model.initialize(streams.stream(seed, *streams.WEIGHTS))
    return Training(model, optimizer(model.parameters, lr), seed, **{"batch_size": 10, **settings})


def train(training, X, X_valid=None, epochs=3):
    for _ in range(epochs):
        for _ in training.steps(X):
            pass
        training.finish_epoch(X_valid)
    return training


# A run.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("settings", [{}, {"binarize": True, "n_samples": 2, "beta": 0.5}], ids=str)
def test_the_seed_decides_every_bit(X, dtype, settings):
    first, again, other = (
        train(start(seed, dtype=dtype, **settings), X[5:], X[:5]) for seed in (1, 1, 2)
    )
    assert first.model.parameters.vector.tobytes() == again.model.parameters.vector.tobytes()
    assert first.history == again.history
    assert (first.model.parameters.vector != other.model.parameters.vector).any()
    assert first.history != other.history


def test_an_epoch_sees_every_example_and_says_how_many_so_far(X):
    training = start()
    for epoch in (1, 2):
        assert list(training.steps(X)) == [10, 20, 25]
        training.finish_epoch()
        assert training.epoch == epoch
        assert training.optimizer.t == 3 * epoch


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_samples": 3}, {"beta": 0.0}, {"beta": 4.0}, {"binarize": True}],
    ids=str,
)
def test_every_step_can_be_computed_again_from_its_address(X, settings):
    """The mean over the epoch weights each example the same, the last batch's too."""
    training, twin = start(3, **settings), start(3).model
    adam = Adam(twin.parameters, 1e-2)
    beta, L = settings.get("beta", 1.0), settings.get("n_samples", 1)
    binarize = settings.get("binarize", False)
    for epoch in (1, 2):
        nll = kl = 0.0
        for step, rows in enumerate(minibatches.shuffled(3, epoch, N, 10), start=1):
            rng = streams.stream(3, epoch, step)
            x = rows_.take(X, rows, "float32", rng, binarize)
            losses, _ = twin.loss_and_grad(x, twin.noise(rng, L, len(x)), beta)
            adam.update()
            nll, kl = nll + losses.nll * len(x) / N, kl + losses.kl * len(x) / N
        for _ in training.steps(X):
            pass
        row = training.finish_epoch()
        wanted = -(nll + kl), nll, kl
        assert_allclose([row[f"train_{k}"] for k in ("elbo", "nll", "kl")], wanted, rtol=1e-12)
    assert_array_equal(training.model.parameters.vector, twin.parameters.vector)


@pytest.mark.parametrize("binarize", [False, True])
def test_binarized_examples_are_drawn_anew_every_epoch(X, binarize):
    seen = []

    class Watched(Autoencoder):
        def loss_and_grad(self, x, *args):
            seen.append(x)
            return super().loss_and_grad(x, *args)

    model = Watched(D, Z, (8,))
    train(Training(model, Adam(model.parameters), 0, N, binarize=binarize), X, epochs=2)
    order = [np.concatenate(minibatches.shuffled(0, epoch, N, N)).argsort() for epoch in (1, 2)]
    first, second = (x[i] for x, i in zip(seen, order))
    if binarize:
        assert set(np.unique(seen)) == {0.0, 1.0} and (first != second).any()
    else:
        assert_array_equal(first, X.astype("float32"))
        assert_array_equal(second, first)


def test_training_raises_the_bound_on_both_parts_of_the_data(X):
    history = train(start(), X[5:], X[:5], epochs=60).history
    assert history[-1]["train_elbo"] > history[0]["train_elbo"] + 0.3
    assert history[-1]["valid_elbo"] > history[0]["valid_elbo"] + 0.3


# The history.


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("beta", [1.0, 5.0])
def test_a_row_for_every_epoch_and_elbo_is_minus_nll_minus_kl_whatever_beta(X, held_out, beta):
    training = train(start(beta=beta), X, X[:5] if held_out else None)
    prefixes = ["train", "valid"] if held_out else ["train"]
    keys = ["epoch"] + [f"{p}_{q}" for p in prefixes for q in ("elbo", "nll", "kl")]
    keys.append("gradient_norm")
    assert [row["epoch"] for row in training.history] == [1, 2, 3]
    for row in training.history:
        assert list(row) == keys
        assert all(type(row[key]) is float for key in keys[1:])
        for p in prefixes:
            wanted = -(row[f"{p}_nll"] + row[f"{p}_kl"])
            assert row[f"{p}_elbo"] == pytest.approx(wanted, rel=1e-12)


def test_finish_epoch_returns_its_row_measured_after_the_epoch(X):
    training = start(5)
    list(training.steps(X))
    row = training.finish_epoch(X[:7])
    nll, kl = evaluate(training.model, X[:7], 5)
    assert row is training.history[-1]
    assert (row["valid_nll"], row["valid_kl"]) == (nll.mean(), kl.mean())


# The best epoch.


def test_the_best_epoch_by_held_out_elbo_is_kept(X):
    training, vectors = start(lr=0.5), []  # so fast that it goes up and down
    for _ in range(12):
        train(training, X[5:], X[:5], epochs=1)
        vectors.append(training.model.parameters.vector.copy())
    elbos = [row["valid_elbo"] for row in training.history]
    best = int(np.argmax(elbos))
    assert 0 < best < 11, "the first or the last proves less"
    assert training.best_elbo == elbos[best]
    assert training.keep_best() == best + 1
    assert_array_equal(training.model.parameters.vector, vectors[best])
    nll, kl = evaluate(training.model, X[:5], 0)
    assert -(nll + kl).mean() == pytest.approx(elbos[best], rel=1e-12)


# The evaluation.


def test_evaluation_uses_the_same_noise_at_every_call_and_changes_nothing(X):
    model = start().model
    model.loss_and_grad(X.astype("f4"), np.zeros((1, N, Z), "f4"))
    vector, gradient = model.parameters.vector.copy(), model.parameters.gradient.copy()
    first, again, other = (evaluate(model, X, seed) for seed in (0, 0, 1))
    for a, b in zip(first, again):
        assert a.shape == (N,) and a.dtype == np.float64
        assert_array_equal(a, b)
    assert (first[0] != other[0]).all()
    assert_array_equal(first[1], other[1])  # the KL needs no noise
    assert_array_equal(model.parameters.vector, vector)
    assert_array_equal(model.parameters.gradient, gradient)


@pytest.mark.parametrize("batch_size", [1, 7, 25, 1000])
def test_evaluation_covers_a_partial_last_batch(X, batch_size):
    model = start(dtype="float64").model
    mu, logvar = model.encode(X)
    nll, kl = evaluate(model, X, 0, n_samples=4, batch_size=batch_size)
    assert_allclose(kl, 0.5 * (mu**2 + np.exp(logvar) - 1.0 - logvar).sum(axis=1), rtol=1e-10)
    assert np.isfinite(nll).all() and nll.std() > 0.0


def test_many_samples_bring_evaluations_of_different_seeds_together(X):
    model = start(dtype="float64").model
    few, many = (
        np.std([evaluate(model, X, seed, n_samples=L)[0].mean() for seed in range(10)])
        for L in (1, 100)
    )
    assert many < 0.3 * few


def test_evaluation_of_binarized_pixels_repeats_and_scores_zeros_and_ones(X):
    model, scored = start().model, []

    def elbo_terms(x, eps, observed):
        scored.append(x)
        return np.zeros(len(x)), np.zeros(len(x))

    spy = SimpleNamespace(dtype=model.dtype, noise=model.noise, elbo_terms=elbo_terms)
    for _ in range(2):
        evaluate(spy, X, 0, binarize=True)
    assert set(np.unique(scored)) == {0.0, 1.0}
    assert_array_equal(scored[0], scored[1])


# What is no number.


def test_a_run_that_diverges_stops_with_the_parameters_from_before_that_step(X):
    training = start(lr=1e-3)
    steps = training.steps(X)
    next(steps)
    vector = training.model.parameters.vector
    before = vector.copy()
    bad = X.copy()
    bad[:] = math.nan
    with pytest.raises(FloatingPointError, match="diverged in epoch 1, step 1: x is the first"):
        next(start().steps(bad))
    vector[0] = math.inf
    with pytest.raises(FloatingPointError, match="epoch 1, step 2: encoder.0.W"):
        next(steps)
    vector[0] = before[0]
    assert_array_equal(vector, before)
    assert training.optimizer.t == 1


def test_a_bound_that_is_not_finite_is_no_best_one(X, monkeypatch):
    training = start()
    for valid in (np.nan, -3.0, -np.inf, -4.0):
        list(training.steps(X))
        monkeypatch.setattr(training, "evaluate", lambda X, v=valid: (np.array([-v]), np.zeros(1)))
        training.finish_epoch(X)
    assert (training.best_epoch, training.best_elbo) == (2, -3.0)
