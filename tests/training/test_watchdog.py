import numpy as np
import pytest

from numvae.network.likelihoods import NAMES
from numvae.network.objectives import Losses
from numvae.settings import Settings
from numvae.training import watchdog
from numvae.training.loop import Training

D, Z, B = 4, 2, 6
FINE = Losses(1.0, 0.5, 0.5)


def begin(X, **settings):
    return Training.new(Settings(Z, hidden=(3,), optimizer="sgd", **settings), X, 0)


@pytest.fixture
def X(draw):
    return draw(B, D)


@pytest.fixture
def training(X):
    return begin(X)


@pytest.fixture
def batch(training, X):
    return training.minibatch(X, np.arange(B))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 3, -1])
def test_one_bad_number_anywhere_is_found(training, batch, bad, place, dtype):
    gradient = np.ones(100, dtype)
    watchdog.check(training, batch, FINE, training.norm(gradient))
    gradient[place] = bad
    with pytest.raises(watchdog.Diverged):
        watchdog.check(training, batch, FINE, training.norm(gradient))
    with pytest.raises(watchdog.Diverged):
        watchdog.check(training, batch, Losses(bad, 0.0, 0.0), 1.0)


def test_large_and_tiny_gradients_that_are_numbers_pass(training, batch):
    for size in (0.0, 1e-300, 1e150):
        norm = training.norm(np.full(100, size))
        watchdog.check(training, batch, Losses(-size, size, 0.0), norm)


def spoil(training, name, value=np.nan):
    training.model.parameters.values[name].flat[0] = value


@pytest.mark.parametrize(
    "name", ["encoder.0.W", "mu.b", "logvar.W", "decoder.0.b", "likelihood.mean.W"]
)
def test_the_parameter_that_is_bad_is_named(training, batch, name):
    spoil(training, name)
    assert watchdog.first_bad(training.model, batch) == name


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [("logvar.b", 1e300, "z"), ("likelihood.mean.b", 1e200, "log p(x|z)")],  # e^logvar; a square
)
def test_the_first_array_in_the_order_of_computation_is_named(training, batch, name, value, wanted):
    spoil(training, name, value)
    with np.errstate(all="ignore"):
        assert watchdog.first_bad(training.model, batch) == wanted
        bad = {**batch, "x": np.where(batch["x"] > 1.0, np.nan, batch["x"])}
        assert watchdog.first_bad(training.model, bad) == "x"


def test_the_encoder_is_given_what_the_step_gave_it(training, batch):
    bad = {**batch, "encoder_input": np.full((B, D), np.nan)}
    assert watchdog.first_bad(training.model, bad) == "mu"


def test_a_conditioned_model_is_watched_too(X):
    training = Training.new(Settings(Z, hidden=(3,)), X, 0, n_condition=1)
    spoil(training, "decoder.0.b")
    batch = training.minibatch(X, np.arange(B))
    assert watchdog.first_bad(training.model, batch) == "decoder.0.b"


def test_a_gradient_that_is_bad_alone_is_named_the_last_layer_first(training, batch):
    for name in ("encoder.0.W", "decoder.0.W"):
        training.model.parameters.gradients[name].flat[0] = np.inf
    assert watchdog.first_bad(training.model, batch) == "the gradient of decoder.0.W"


def test_where_only_the_norm_overflows_that_is_said(training, batch):
    training.model.parameters.gradient[...] = 1e200
    assert watchdog.first_bad(training.model, batch) == "the norm of the gradient"


@pytest.mark.parametrize("likelihood", NAMES)
def test_a_run_stops_before_the_step_with_a_sentence(likelihood, rng):
    X = rng.random((B, D))
    training = begin(X, likelihood=likelihood, batch_size=2)
    training.run(X, epochs=1)
    steps = training.steps(X)
    next(steps)
    spoil(training, "logvar.b", np.inf)
    before, t = training.model.parameters.vector.copy(), training.optimizer.t
    with pytest.raises(watchdog.Diverged, match=r"in epoch 2, step 2: logvar\.b is") as caught:
        next(steps)
    assert "\n" not in str(caught.value)
    assert training.model.parameters.vector.tobytes() == before.tobytes()
    assert (training.optimizer.t, training.step, training.n_seen) == (t, 1, 2)


def test_a_caller_who_has_numpy_raise_gets_the_same_model_and_keeps_that_setting(X):
    plain, strict = begin(X), begin(X)
    plain.run(X, epochs=2)
    with np.errstate(all="raise"):
        before = np.geterr()
        strict.run(X, epochs=2)
        assert np.geterr() == before
    assert strict.model.parameters.vector.tobytes() == plain.model.parameters.vector.tobytes()
