import numpy as np
import pytest

from numvae.network import Autoencoder
from numvae.network.likelihoods import NAMES
from numvae.network.objectives import Losses
from numvae.training import watchdog
from numvae.training.engine import Alone
from numvae.training.loop import Training
from numvae.training.optimizers import OPTIMIZERS

D, Z, B = 4, 2, 6
FINE = Losses(1.0, 0.5, 0.5)


def begin(likelihood="gaussian", dtype="float64", **settings):
    model = Autoencoder(D, Z, (3,), "tanh", likelihood, dtype=dtype)
    model.initialize(np.random.default_rng(0))
    return Training(model, OPTIMIZERS["sgd"](model.parameters, 1e-3), 0, **settings)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 3, -1])
def test_one_bad_number_anywhere_is_found(bad, place, dtype):
    gradient = np.ones(100, dtype)
    watchdog.check(FINE, Alone().norm(gradient))
    gradient[place] = bad
    with pytest.raises(FloatingPointError):
        watchdog.check(FINE, Alone().norm(gradient))
    with pytest.raises(FloatingPointError):
        watchdog.check(Losses(bad, 0.0, 0.0), 1.0)


def test_large_and_tiny_gradients_that_are_numbers_pass():
    for size in (0.0, 1e-300, 1e150):
        watchdog.check(Losses(-size, size, 0.0), Alone().norm(np.full(100, size)))


def spoil(training, name, value=np.nan):
    training.model.parameters.values[name].flat[0] = value


@pytest.mark.parametrize(
    "name", ["encoder.0.W", "mu.b", "logvar.W", "decoder.0.b", "likelihood.mean.W"]
)
def test_the_parameter_that_is_bad_is_named(name, draw):
    training = begin()
    spoil(training, name)
    x, eps = draw(B, D), draw(1, B, Z)
    assert watchdog.first_bad(training.model, x, eps) == name


def test_the_first_array_in_the_order_of_computation_is_named(draw):
    training, x, eps = begin(), draw(B, D), draw(1, B, Z)
    model = training.model
    assert watchdog.first_bad(model, np.where(x > 1.0, np.nan, x), eps) == "x"
    with np.errstate(all="ignore"):
        for parameter, value, wanted in (
            ("logvar.b", 1e300, "z"),  # e^logvar
            ("likelihood.mean.b", 1e200, "log p(x|z)"),  # its square
        ):
            training = begin()
            spoil(training, parameter, value)
            assert watchdog.first_bad(training.model, x, eps) == wanted


def test_a_gradient_that_is_bad_alone_is_named_the_last_layer_first(draw):
    training, x, eps = begin(), draw(B, D), draw(1, B, Z)
    for name in ("encoder.0.W", "decoder.0.W"):
        training.model.parameters.gradients[name].flat[0] = np.inf
    assert watchdog.first_bad(training.model, x, eps) == "the gradient of decoder.0.W"


def test_where_only_the_norm_overflows_that_is_said(draw):
    training = begin()
    training.model.parameters.gradient[...] = 1e200
    assert watchdog.first_bad(training.model, draw(B, D), draw(1, B, Z)) == (
        "the norm of the gradient"
    )


@pytest.mark.parametrize("likelihood", NAMES)
def test_a_run_stops_before_the_step_with_a_sentence(likelihood, rng):
    training = begin(likelihood, batch_size=2)
    X = rng.random((B, D))
    list(training.steps(X))
    training.finish_epoch()
    steps = training.steps(X)
    next(steps)
    spoil(training, "logvar.b", np.inf)
    before, t = training.model.parameters.vector.copy(), training.optimizer.t
    with pytest.raises(watchdog.Diverged, match=r"in epoch 2, step 2: logvar\.b is") as caught:
        next(steps)
    assert "\n" not in str(caught.value)
    assert training.model.parameters.vector.tobytes() == before.tobytes()
    assert (training.optimizer.t, training.step, training.seen) == (t, 1, 2)


def test_other_errors_come_through_as_they_are(draw):
    with pytest.raises(ZeroDivisionError), watchdog.watch(begin(), draw(B, D), draw(1, B, Z)):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), watchdog.watch(begin(), draw(B, D), draw(1, B, Z)):
        raise KeyboardInterrupt


def test_how_numpy_warns_is_as_before_afterwards(draw):
    before = np.geterr()
    with watchdog.watch(begin(), draw(B, D), draw(1, B, Z)):
        assert np.exp(np.array(1e4)) == np.inf  # and no warning
    assert np.geterr() == before
