"""Each rank's units of a model, put together, against the whole model."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.network import Autoencoder, objectives
from numvae.parallel import hidden_units
from numvae.parallel.hidden_units import FEWEST, OwnFeatures, OwnInputs, OwnOutputs, worth_sharing
from numvae.settings import Settings

D, Z, B, C = 11, 3, 6, 2
ONE_ROW = Settings(batch_size=1)


class Threads:
    """What parallel.Ranks does for the ranks of a model, by threads that show each other arrays."""

    def __init__(self, size):
        self.size, self.local = size, threading.local()
        self.shown, self.barrier = [None] * size, threading.Barrier(size, timeout=600)

    def run(self, function):
        """What function() gives on each rank."""
        found = [None] * self.size

        def work(rank):
            self.local.rank = rank
            try:
                found[rank] = function()
            except BaseException as error:
                found[rank] = error
                self.barrier.abort()

        threads = [threading.Thread(target=work, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        errors = [error for error in found if isinstance(error, BaseException)]
        if errors:
            raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
        return found

    def all(self, array):
        self.shown[self.local.rank] = np.array(array)
        self.barrier.wait()
        found = list(self.shown)
        self.barrier.wait()
        return found

    def part(self, n):
        pieces = np.array_split(np.arange(n), self.size)  # the first are the larger ones
        mine = pieces[self.local.rank]
        return slice(mine[0], mine[-1] + 1)

    def total(self, array):
        array[...] = sum(self.all(array))
        return array

    def columns(self, own, n):
        found = np.hstack(self.all(own))
        assert found.shape[1] == n
        return found

    def own_columns(self, matrix):
        return sum(self.all(matrix))[:, self.part(matrix.shape[1])]


MODELS = {
    "one layer": {"hidden": (7,)},
    "two layers": {"hidden": (7, 8), "activation": "tanh,softplus"},
    "three layers": {"hidden": (9, 7, 8), "activation": "elu"},
    "gray": {"hidden": (7,), "likelihood": "continuous-bernoulli"},
    "one sigma": {"hidden": (7, 5), "likelihood": "gaussian-fixed"},
    "a sigma each": {"hidden": (7, 5), "likelihood": "gaussian"},
    "a sigma of z": {"hidden": (7, 5), "likelihood": "gaussian-sigma-z"},
    "a dispersion each": {"hidden": (7, 5), "likelihood": "negative-binomial"},
    "given y": {"hidden": (7, 5), "n_condition": C},
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def whole(request):
    model = Autoencoder(D, Z, dtype="float64", **request.param)
    rng = np.random.default_rng(0)
    model.parameters.vector[...] = rng.normal(0.0, 0.5, model.parameters.vector.size)
    return model


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    x, encoder_input = rng.random((2, B, D))
    observed = (rng.random((B, D)) < 0.7).astype(float)
    return {
        "x": x * observed,
        "eps": rng.normal(size=(2, B, Z)),
        "observed": observed,
        "encoder_input": encoder_input,
        "y": rng.normal(size=(B, C)),
    }


def own_units(whole, ranks):
    model = hidden_units.UnitShard(whole.config, ranks)
    model.parameters.vector[...] = model.own(whole.parameters.vector)
    return model


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", objectives.NAMES)
def test_loss_and_gradient_are_those_of_the_whole(whole, batch, n, name):
    batch["y"] = batch["y"] if whole.n_condition else None

    def loss_and_grad(model):
        objective = objectives.objective(name, free_bits=0.1 if name == "elbo" else 0.0)
        return model.loss_and_grad(**batch, beta=0.7, objective=objective)

    def step():
        model = own_units(whole, ranks)
        losses, own = loss_and_grad(model)
        return losses, model.whole(own)

    wanted, gradient = loss_and_grad(whole)
    ranks = Threads(n)
    for losses, found in ranks.run(step):
        assert_allclose(losses, wanted, rtol=1e-13)
        assert_allclose(found, gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_bound_of_each_example_is_that_of_the_whole(whole, batch, n):
    y = batch["y"] if whole.n_condition else None
    terms = batch["x"], batch["eps"], batch["observed"], y
    wanted = whole.elbo_terms(*terms)
    ranks = Threads(n)
    for found in ranks.run(lambda: own_units(whole, ranks).elbo_terms(*terms)):
        assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_parameter_belongs_to_one_rank(whole, n):
    """So a vector that is taken apart and put together again is the same vector."""
    P = whole.parameters.vector.size
    ranks = Threads(n)

    def there_and_back():
        model = hidden_units.UnitShard(whole.config, ranks)
        own = model.own(np.arange(P))
        assert own.shape == model.parameters.vector.shape == model.parameters.gradient.shape
        return own, model.whole(own)

    found = ranks.run(there_and_back)
    assert_array_equal(np.sort(np.concatenate([own for own, _ in found])), np.arange(P))
    for _, vector in found:
        assert_array_equal(vector, np.arange(P))
        assert vector.dtype == np.arange(P).dtype


def test_the_first_layer_asks_nobody_for_the_gradient_of_the_data():
    """Not wanted there, and a product that all ranks would wait for."""
    whole = Autoencoder(D, Z, (7,), dtype="float64")
    ranks = Threads(2)
    ranks.all = None
    ranks.local.rank = 0
    layer = hidden_units.UnitShard(whole.config, ranks).encoder.layers[0]
    layer.forward(np.ones((B, D)))
    assert layer.backward(np.ones((B, 4)), need_dx=False) is None


# Mistakes that are easily made, each of which must be seen.


def no_sum(patch):
    """The gradient of a layer's input, from own outputs alone."""

    def backward(self, dy, need_dx=True):
        dx = super(OwnOutputs, self).backward(dy, need_dx)
        if not need_dx or self.memory.x_is_whole:
            return dx
        return dx[:, self.ranks.part(dx.shape[1])]

    patch.setattr(OwnOutputs, "backward", backward)


def no_total_for_z(patch):
    """The same of z, which every rank has whole."""

    def backward(self, dy, need_dx=True):
        dx = super(OwnOutputs, self).backward(dy, need_dx)
        return dx if self.memory.x_is_whole else self.ranks.own_columns(dx)

    patch.setattr(OwnOutputs, "backward", backward)


def b_of_all_ranks(patch):
    """Every rank adds all of b, so that it counts n times."""
    forward = OwnInputs.forward
    patch.setattr(OwnInputs, "forward", lambda self, x: forward(self, x) + self.b.sum())


def others_columns(patch):
    """The first columns of x, whoever asks."""
    log_likelihood = OwnFeatures.log_likelihood

    def shifted(self, x, h, observed=None):
        return log_likelihood(self, np.roll(x, 1, axis=1), h, observed)

    patch.setattr(OwnFeatures, "log_likelihood", shifted)


def own_pixels_only(patch):
    """log p(x|z) of own columns, taken for that of all."""

    def log_likelihood(self, x, h, observed=None):
        h = self.ranks.columns(h, self.n_in)
        return self.likelihood.log_likelihood(x[:, self.own], h, observed[:, self.own])

    patch.setattr(OwnFeatures, "log_likelihood", log_likelihood)


@pytest.mark.parametrize(
    "bug", [no_sum, no_total_for_z, b_of_all_ranks, others_columns, own_pixels_only]
)
def test_a_planted_bug_is_caught(monkeypatch, batch, bug):
    whole = Autoencoder(D, Z, (7, 8), "tanh", dtype="float64")
    rng = np.random.default_rng(0)
    whole.parameters.vector[...] = rng.normal(0.0, 0.5, whole.parameters.vector.size)
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        test_loss_and_gradient_are_those_of_the_whole(whole, batch, 2, "iwae")


# Which way is the shorter.


def autoencoder(hidden=(64, 32), n_features=70, **settings):
    return Autoencoder(n_features, 2, hidden, **settings)


def test_units_are_shared_where_fewer_numbers_travel():
    """70·64 + 64 + 64·32 + 32 + 2 (32·2 + 2) + 2·32 + 32 + 32·64 + 64 + 64·70 + 70 parameters."""
    model = autoencoder()
    P = model.parameters.vector.size
    assert P == 13_514
    for samples, per_example in ((1, 64 + 96), (3, 64 + 3 * 96)):
        most = P // per_example
        assert worth_sharing(model, Settings(batch_size=most, n_samples=samples), 2)
        assert not worth_sharing(model, Settings(batch_size=most + 1, n_samples=samples), 2)


@pytest.mark.parametrize(
    "model",
    [
        autoencoder(()),
        autoencoder((64, 31)),
        autoencoder(n_features=31),
        autoencoder(dropout=0.1),
        autoencoder(likelihood="categorical"),
        autoencoder(likelihood="gaussian:30,categorical:40"),
    ],
    ids=["no layer", "narrow layer", "narrow data", "dropout", "categorical", "blocks"],
)
def test_units_are_not_shared_where_they_cannot_be_or_are_few(model):
    assert not worth_sharing(model, ONE_ROW, 2)


def test_each_rank_must_have_some_units():
    assert worth_sharing(autoencoder((64, 64)), ONE_ROW, 4) and 4 * FEWEST == 64
    assert not worth_sharing(autoencoder((64, 63)), ONE_ROW, 4)
    assert not worth_sharing(autoencoder((64, 64)), ONE_ROW, 5)


def test_every_likelihood_is_either_shared_or_left(monkeypatch):
    """A new one must be thought of: are its columns independent given z?"""
    from numvae.network.likelihoods import NAMES

    monkeypatch.setattr(hidden_units, "FEWEST", 1)
    shared = [name for name in NAMES if worth_sharing(autoencoder(likelihood=name), ONE_ROW, 2)]
    assert shared == [name for name in NAMES if name != "categorical"]
