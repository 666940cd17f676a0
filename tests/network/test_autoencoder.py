import copy
import math
import pickle
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit, log_softmax

from numvae.checks import definitions, gradients
from numvae.network.autoencoder import Autoencoder
from numvae.network.layers import MLP
from numvae.network.likelihoods import NAMES
from numvae.network.objectives import ELBO, objective
from numvae.network.objectives import NAMES as OBJECTIVES
from numvae.rules import activations, dense

L, B, D, Z = 2, 3, 4, 2
SIGMA, SIGMA_MIN = 0.7, 0.2
each_likelihood = pytest.mark.parametrize("likelihood", NAMES)


def make(likelihood="bernoulli", hidden=(5, 3), activation="tanh", dtype="float64", **kwargs):
    """A small model in which no parameter is zero."""
    kwargs = {"sigma": SIGMA, "sigma_min": SIGMA_MIN, **kwargs}
    model = Autoencoder(D, Z, hidden, activation, likelihood, dtype=dtype, **kwargs)
    vector = model.parameters.vector
    vector[...] = 0.5 * np.random.default_rng(5).standard_normal(vector.size)
    return model


@pytest.fixture
def batch(rng, draw):
    x = np.eye(D)[rng.integers(D, size=B)]  # one-hot rows suit every likelihood
    x.setflags(write=False)
    return x, draw(L, B, Z)


def loss_by_hand(model, x, eps, beta, y=None):
    """The definition of the loss, one number at a time; only the parameters are the model's."""
    p, c = model.parameters.values, model.config
    activate = {
        "tanh": math.tanh,
        "relu": lambda a: max(a, 0.0),
        "elu": lambda a: a if a > 0.0 else math.exp(a) - 1.0,
        "softplus": lambda a: math.log(1.0 + math.exp(a)),
        "sigmoid": lambda a: 1.0 / (1.0 + math.exp(-a)),
        "linear": lambda a: a,
    }[c["activation"]]

    def affine(name, h):
        W, b = p[name + ".W"], p[name + ".b"]
        return [sum(hi * W[i, o] for i, hi in enumerate(h)) + b[o] for o in range(len(b))]

    def hidden_layers(name, h):
        for i in range(len(c["hidden"])):
            h = [activate(a) for a in affine(f"{name}.{i}", h)]
        return h

    def log_p(x, h):
        if c["likelihood"] == "bernoulli":
            return stats.bernoulli.logpmf(x, expit(affine("likelihood.logits", h))).sum()
        if c["likelihood"] == "categorical":
            return (x * log_softmax(affine("likelihood.logits", h))).sum()
        if c["likelihood"] == "poisson":
            return stats.poisson.logpmf(x, np.exp(affine("likelihood.log_rate", h))).sum()
        if c["likelihood"] == "negative-binomial":
            m, r = np.exp(affine("likelihood.log_mean", h)), np.exp(p["likelihood.log_r"])
            return stats.nbinom.logpmf(x, r, r / (r + m)).sum()
        if c["likelihood"] == "continuous-bernoulli":
            a = np.array(affine("likelihood.logits", h))
            return (a * x - np.log(np.expm1(a) / a)).sum()
        s = {
            "gaussian-fixed": lambda: 2.0 * math.log(c["sigma"]),
            "gaussian": lambda: p["likelihood.s"],
            "gaussian-sigma-z": lambda: affine("likelihood.s", h),
        }[c["likelihood"]]()
        floor = 0.0 if c["likelihood"] == "gaussian-fixed" else c["sigma_min"] ** 2
        sigma = np.sqrt(np.exp(s) + floor)
        return stats.norm.logpdf(x, affine("likelihood.mean", h), sigma).sum()

    nll = kl = 0.0
    y = np.zeros((len(x), 0)) if y is None else y
    for b in range(len(x)):
        h = hidden_layers("encoder", [*x[b], *y[b]])
        mu, logvar = affine("mu", h), affine("logvar", h)
        for m, s in zip(mu, logvar):
            kl += (m**2 + math.exp(s) - 1.0 - s) / 2.0 / len(x)
        for e in eps[:, b]:
            z = [m + math.sqrt(math.exp(s)) * ei for m, s, ei in zip(mu, logvar, e)]
            nll -= log_p(x[b], hidden_layers("decoder", [*z, *y[b]])) / eps.shape[0] / len(x)
    return nll + beta * kl, nll, kl


@each_likelihood
@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)], ids=str)
def test_losses_are_the_definition(likelihood, hidden, batch):
    """(L1) (L2) (L3), in nats per example: summed over dimensions, averaged over the batch."""
    model = make(likelihood, hidden)
    losses, _ = model.loss_and_grad(*batch, beta=0.3)
    assert_allclose(losses, loss_by_hand(model, *batch, beta=0.3), rtol=1e-12)


@each_likelihood
@pytest.mark.parametrize("activation", activations.NAMES)
@pytest.mark.parametrize("hidden", [(), (5, 3)], ids=str)
def test_gradient_is_the_slope_of_the_loss_by_hand(likelihood, activation, hidden, batch, draw):
    model = make(likelihood, hidden, activation)
    theta = model.parameters.vector
    gradient = model.loss_and_grad(*batch, beta=0.3)[1]
    direction, here, step = draw(theta.size), theta.copy(), 1e-5
    losses = []
    for sign in (1.0, -1.0):
        theta[...] = here + sign * step * direction
        losses.append(loss_by_hand(model, *batch, beta=0.3)[0])
    numeric, analytic = (losses[0] - losses[1]) / (2.0 * step), gradient @ direction
    assert abs(numeric - analytic) < 1e-7 * (abs(numeric) + abs(analytic))


@each_likelihood
def test_every_element_of_the_gradient_is_the_derivative(likelihood, batch, is_derivative):
    model = make(likelihood)
    theta = model.parameters.vector.copy()
    gradient = model.loss_and_grad(*batch, beta=2.0)[1].copy()

    def loss(theta):
        model.parameters.vector[...] = theta
        return model.loss_and_grad(*batch, beta=2.0)[0].loss

    assert is_derivative(loss, theta, gradient)


@each_likelihood
def test_losses_are_the_means_of_elbo_terms(likelihood, batch):
    """(L1) (L2) (L3)"""
    model = make(likelihood)
    nll, kl = model.elbo_terms(*batch)
    assert nll.shape == kl.shape == (B,)
    wanted = nll.mean() + 0.3 * kl.mean(), nll.mean(), kl.mean()
    assert_allclose(model.loss_and_grad(*batch, beta=0.3)[0], wanted, rtol=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_objective_that_is_given_is_the_one_computed(name, batch):
    """(O1) (O7) (O9)"""
    model, (x, eps) = make(), batch
    mu, logvar = model.encode(x)
    z = mu + np.exp(0.5 * logvar) * eps
    wanted = objective(name).forward(model.log_likelihood(x, z), mu, logvar, z, eps, 0.3)
    losses, _ = model.loss_and_grad(x, eps, beta=0.3, objective=objective(name))
    assert_allclose(losses, wanted, rtol=1e-12)


def test_loss_and_gradient_are_linear_in_beta(batch):
    """(L3)"""
    model = make()
    (loss_0, g_0), (loss_1, g_1), (loss_3, g_3) = (
        (losses, gradient.copy())
        for losses, gradient in (model.loss_and_grad(*batch, beta=beta) for beta in (0.0, 1.0, 3.0))
    )
    assert loss_0.loss == loss_0.nll and loss_1.loss == pytest.approx(loss_1.nll + loss_1.kl)
    assert loss_0[1:] == loss_1[1:] == loss_3[1:]
    assert model.loss_and_grad(*batch)[0] == loss_1
    assert_allclose(g_3, g_0 + 3.0 * (g_1 - g_0), rtol=1e-10, atol=1e-14)


ORDER = np.array([2, 0, 1])
SAME_LOSS = {
    "examples twice": lambda x, eps: (np.tile(x, (2, 1)), np.tile(eps, (1, 2, 1))),
    "samples twice": lambda x, eps: (x, np.tile(eps, (2, 1, 1))),
    "examples permuted": lambda x, eps: (x[ORDER], eps[:, ORDER]),
    "samples permuted": lambda x, eps: (x, eps[::-1]),
}


@each_likelihood
@pytest.mark.parametrize("change", SAME_LOSS.values(), ids=SAME_LOSS)
def test_duplicating_or_permuting_changes_neither_loss_nor_gradient(likelihood, change, batch):
    model = make(likelihood)
    losses, gradient = model.loss_and_grad(*batch)
    gradient = gradient.copy()
    losses_changed, gradient_changed = model.loss_and_grad(*change(*batch))
    assert_allclose(losses_changed, losses, rtol=1e-12)
    assert_allclose(gradient_changed, gradient, rtol=1e-10, atol=1e-14)


@each_likelihood
def test_permuting_the_examples_permutes_the_elbo_terms(likelihood, batch):
    model, (x, eps) = make(likelihood), batch
    permuted = model.elbo_terms(x[ORDER], eps[:, ORDER])
    for got, wanted in zip(permuted, model.elbo_terms(x, eps)):
        assert_allclose(got, wanted[ORDER], rtol=1e-12)


@each_likelihood
@pytest.mark.parametrize("hidden", [(), (5, 3)], ids=str)
def test_gradient_is_overwritten_whole_and_the_same_at_every_call(likelihood, hidden, batch):
    model = make(likelihood, hidden)
    losses, gradient = model.loss_and_grad(*batch)
    first = gradient.copy()
    model.parameters.gradient[...] = np.nan
    losses_again, gradient_again = model.loss_and_grad(*batch)
    assert gradient_again is gradient is model.parameters.gradient
    assert losses_again == losses
    assert_array_equal(gradient_again, first)


def dense_layers(model):
    layers = [*model.encoder.layers, model.mu_head, model.logvar_head, *model.decoder.layers]
    if "gaussian" not in model.config["likelihood"]:
        return [*layers, model.likelihood.layer]
    layers.append(model.likelihood.mean_layer)
    if model.config["likelihood"] == "gaussian-sigma-z":
        layers.append(model.likelihood.variance.layer)
    return layers


def assert_views_are_bound(model):
    parameters = model.parameters
    for layer in dense_layers(model):
        assert layer.W.base is parameters.vector and layer.b.base is parameters.vector
        assert layer.dW.base is parameters.gradient and layer.db.base is parameters.gradient
    if model.config["likelihood"] == "gaussian":
        assert model.likelihood.variance.s.base is parameters.vector
        assert model.likelihood.variance.ds.base is parameters.gradient


@each_likelihood
def test_layers_are_views_into_the_flat_vectors_before_and_after_a_step(likelihood, batch):
    model = make(likelihood)
    assert_views_are_bound(model)
    model.loss_and_grad(*batch)
    model.initialize(np.random.default_rng(0))
    model.loss_and_grad(*batch)
    assert_views_are_bound(model)


@each_likelihood
@pytest.mark.parametrize("hidden", [(), (5, 3)], ids=str)
def test_dtype_in_is_dtype_out(likelihood, hidden, batch, draw, rng, dtype):
    model = make(likelihood, hidden, dtype=dtype)
    x, eps = (array.astype(dtype) for array in batch)
    z = draw(L, B, Z, dtype=dtype)
    losses, gradient = model.loss_and_grad(x, eps, beta=0.3)
    outputs = [gradient, *model.encode(x), *model.elbo_terms(x, eps), model.log_likelihood(x, z)]
    outputs += [model.decode(z[0]), model.sample(rng, z[0])]
    assert {str(output.dtype) for output in outputs} == {dtype}
    assert all(type(value) is float for value in losses)


@each_likelihood
def test_no_array_inside_a_step_leaves_the_dtype(likelihood, batch, monkeypatch):
    """A wider array on the way would be cast back into the gradient unseen, at twice the cost."""
    seen = []

    def watched(rule):
        def spy(*args):
            seen.extend(str(array.dtype) for array in args if isinstance(array, np.ndarray))
            return rule(*args)

        return spy

    monkeypatch.setattr(dense, "forward", watched(dense.forward))
    monkeypatch.setattr(dense, "backward", watched(dense.backward))
    model = make(likelihood, dtype="float32")
    model.loss_and_grad(*(array.astype("float32") for array in batch), beta=0.3)
    assert set(seen) == {"float32"}


@each_likelihood
def test_single_precision_agrees_with_double(likelihood, batch):
    losses, gradient = make(likelihood).loss_and_grad(*batch)
    single = make(likelihood, dtype="float32")
    losses_32, gradient_32 = single.loss_and_grad(*(a.astype("float32") for a in batch))
    assert_allclose(losses_32, losses, rtol=1e-5)
    assert np.linalg.norm(gradient_32 - gradient) < 1e-5 * np.linalg.norm(gradient)


def test_encode_decode_and_log_likelihood_have_the_shapes_declared(batch, draw, rng):
    model, z = make(), draw(L, B, Z)
    mu, logvar = model.encode(batch[0])
    assert mu.shape == logvar.shape == (B, Z)
    assert model.decode(z[0]).shape == model.sample(rng, z[0]).shape == (B, D)
    log_px = model.log_likelihood(batch[0], z)
    assert log_px.shape == (L, B)
    for sample in range(L):
        alone = model.log_likelihood(batch[0], z[sample : sample + 1])
        assert_allclose(alone[0], log_px[sample], rtol=1e-12)


def test_samples_average_to_the_decoded_mean(draw, rng):
    model, n, z = make(), 20_000, draw(1, Z)
    mean = model.decode(z)[0]
    error = np.abs(model.sample(rng, np.broadcast_to(z, (n, Z))).mean(axis=0) - mean)
    assert (error < 5.0 * np.sqrt(mean * (1.0 - mean) / n)).all()


def test_extreme_logits_leave_loss_and_gradient_finite(batch, dtype):
    model = make(dtype=dtype)
    model.parameters.values["likelihood.logits.b"][...] = [1e4, -1e4, 1e4, -1e4]
    losses, gradient = model.loss_and_grad(*(array.astype(dtype) for array in batch))
    assert np.isfinite(losses).all() and np.isfinite(gradient).all()


@each_likelihood
@pytest.mark.parametrize("hidden", [(), (5, 3)], ids=str)
@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "pickle"],
)
def test_a_copy_is_equal_and_independent(likelihood, hidden, duplicate, batch):
    model = make(likelihood, hidden, activation="softplus")
    losses, gradient = model.loss_and_grad(*batch)
    vector, gradient = model.parameters.vector.copy(), gradient.copy()

    twin = duplicate(model)
    assert twin.config == model.config
    assert repr(twin) == repr(model)
    losses_twin, gradient_twin = twin.loss_and_grad(*batch)
    assert losses_twin == losses
    assert_array_equal(gradient_twin, gradient)
    assert_views_are_bound(twin)

    twin.parameters.vector[...] = 0.0
    twin.loss_and_grad(*batch)
    assert_array_equal(model.parameters.vector, vector)
    assert_array_equal(model.parameters.gradient, gradient)


@pytest.mark.parametrize(
    ("likelihood", "head"),
    [
        ("bernoulli", 5 * 784 + 784),
        ("gaussian-fixed", 5 * 784 + 784),
        ("gaussian", 5 * 784 + 784 + 784),
        ("gaussian-sigma-z", 2 * (5 * 784 + 784)),
    ],
)
def test_repr_lists_every_array_and_the_total(likelihood, head):
    model = Autoencoder(784, 2, (5, 3), "tanh", likelihood)
    encoder = (784 * 5 + 5) + (5 * 3 + 3)
    decoder = (2 * 3 + 3) + (3 * 5 + 5)
    total = encoder + 2 * (3 * 2 + 2) + decoder + head
    assert model.parameters.vector.size == total
    first, *rest = repr(model).splitlines()
    assert first == (
        f"Autoencoder 784-5-3-2-3-5-784, tanh, {likelihood}, {total:,} parameters, float32"
    )
    assert len(rest) == len(model.parameters.values)
    for line, (name, value) in zip(rest, model.parameters.values.items()):
        assert line.split()[0] == name
        assert str(value.shape) in line
        assert line.endswith(f" {value.size:,}")
    names = {line.split()[0] for line in rest}
    assert names >= {"encoder.0.W", "encoder.1.b", "mu.W", "logvar.b", "decoder.1.W"}


def test_repr_without_hidden_layers():
    assert repr(Autoencoder(4, 2, ())).startswith("Autoencoder 4-2-4, relu, bernoulli, 32 param")


def test_decoder_has_the_hidden_layers_in_reverse():
    values = Autoencoder(7, 2, [6, 5, 4]).parameters.values
    shapes = [value.shape for name, value in values.items() if name.endswith("W")]
    assert shapes == [(7, 6), (6, 5), (5, 4), (4, 2), (4, 2), (2, 4), (4, 5), (5, 6), (6, 7)]


@each_likelihood
def test_initialize_is_decided_by_its_seed_and_touches_every_parameter(likelihood):
    first, again, other = (make(likelihood) for _ in range(3))
    for model, seed in zip((first, again, other), (1, 1, 2)):
        model.parameters.vector[...] = np.nan
        assert model.initialize(np.random.default_rng(seed)) is model
    assert np.isfinite(first.parameters.vector).all()
    assert_array_equal(first.parameters.vector, again.parameters.vector)
    assert (first.parameters.vector != other.parameters.vector).any()


@pytest.mark.parametrize(
    ("activation", "hidden_variance"),
    [("tanh", lambda n_in, n_out: 2.0 / (n_in + n_out)), ("relu", lambda n_in, n_out: 2.0 / n_in)],
)
def test_initialize_follows_glorot_or_he_and_glorot_where_no_activation_follows(
    activation, hidden_variance
):
    """(I1) (I2)"""
    model = Autoencoder(200, 100, (300,), activation, "gaussian-sigma-z")
    model.initialize(np.random.default_rng(0))
    for layer in dense_layers(model):
        n_in, n_out = layer.W.shape
        hidden = layer.name.startswith(("encoder", "decoder"))
        variance = hidden_variance(n_in, n_out) if hidden else 2.0 / (n_in + n_out)
        assert layer.W.var() == pytest.approx(variance, rel=0.04)
        assert not layer.b.any()


@each_likelihood
def test_initialize_with_a_mean_makes_the_decoder_say_it_whatever_z_is(likelihood, draw):
    mean = np.array([0.1, 0.2, 0.3, 0.4])
    model = make(likelihood).initialize(np.random.default_rng(0), init_sigma=1e-9, mean=mean)
    assert_allclose(model.decode(draw(B, Z)), np.tile(mean, (B, 1)), rtol=1e-7)


def test_initialize_draws_every_weight_from_the_sigma_given():
    """(I3)"""
    model = Autoencoder(200, 100, (300,), "relu", "gaussian-sigma-z")
    model.initialize(np.random.default_rng(0), init_sigma=0.01)
    for layer in dense_layers(model):
        assert layer.W.std() == pytest.approx(0.01, rel=0.03)
        assert not layer.b.any()


def test_activations_one_by_one_are_those_of_the_encoder_and_the_decoder_has_them_in_reverse():
    model = make(hidden=(5, 3), activation="elu,tanh")
    assert model.encoder.names == ["elu", "tanh"]
    assert model.decoder.names == ["tanh", "elu"]
    assert model.config["activation"] == "elu,tanh"


def test_what_is_not_said_is_what_is_documented():
    wanted = {"n_features": D, "n_latent": Z, "hidden": (256,), "activation": "relu"}
    wanted |= {"likelihood": "bernoulli", "sigma": 0.1, "sigma_min": 0.01, "dropout": 0.0}
    wanted |= {"skip": False, "standardize": False, "n_condition": 0, "dtype": "float32"}
    assert Autoencoder(D, Z).config == wanted


@pytest.mark.parametrize("likelihood", [*NAMES, "gaussian:2,bernoulli:3"])
def test_other_threads_may_use_a_model_between_forward_and_backward(likelihood, rng):
    """The first line of the backward pass waits until another thread has used the model."""
    model = Autoencoder(5, 2, (4,), "tanh", likelihood, dtype="float64", skip=True)
    model.initialize(rng)
    x = np.eye(5)[rng.integers(5, size=3)] if likelihood == "categorical" else rng.random((3, 5))
    eps = rng.standard_normal((2, 3, 2))

    class InBetween(ELBO):
        def backward(self):
            other = threading.Thread(target=model.elbo_terms, args=(x[:1], eps[:, :1]))
            other.start()
            other.join()
            return super().backward()

    _, gradient = model.loss_and_grad(x, eps)
    wanted = gradient.copy()
    _, gradient = model.loss_and_grad(x, eps, objective=InBetween())
    assert_array_equal(gradient, wanted)


@pytest.mark.parametrize("activation", ["relu", "linear", "tanh"])
def test_the_posterior_of_any_row_is_finite(activation, dtype, rng):
    model = Autoencoder(5, 2, (64, 64), activation, "gaussian", skip=True, dtype=dtype)
    model.initialize(rng, init_sigma=1.0)
    for far in (1e3, 1e15, 1e38, 1e300):
        with np.errstate(over="ignore"):
            x = np.clip(far * rng.normal(size=(3, 5)), -np.finfo(dtype).max, np.finfo(dtype).max)
        mu, logvar = model.encode(x.astype(dtype))
        assert np.isfinite(mu).all() and (np.abs(logvar) <= 30.0).all()


# Given y.

C = 3


@pytest.fixture
def y(draw):
    return draw(B, C)


@each_likelihood
@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)], ids=str)
def test_losses_given_y_are_the_definition(likelihood, hidden, batch, y):
    """(L1) (L2) (L3), with q(z|x, y) and p(x|z, y)"""
    model = make(likelihood, hidden, n_condition=C)
    losses, _ = model.loss_and_grad(*batch, beta=0.3, y=y)
    assert_allclose(losses, loss_by_hand(model, *batch, beta=0.3, y=y), rtol=1e-12)
    nll, kl = model.elbo_terms(*batch, y=y)
    assert_allclose((nll.mean(), kl.mean()), losses[1:], rtol=1e-12)


def test_what_is_decoded_and_encoded_depends_on_y(batch, y):
    model, (x, eps) = make(n_condition=C), batch
    for method, given in ((model.encode, x), (model.decode, eps[0])):
        one, other = method(given, y), method(given, y[ORDER])
        assert not np.isclose(one, other).any()
        assert_array_equal(method(given[ORDER], y[ORDER]), np.array(one)[..., ORDER, :])
    drawn = model.sample(np.random.default_rng(0), np.tile(eps[0, :1], (9_000, 1)), y[:1])
    assert_allclose(drawn.mean(axis=0), model.decode(eps[0, :1], y[:1])[0], atol=0.02)


def test_y_of_no_effect_is_no_y(batch, y):
    """Weights of 0: the same numbers as without y, and gradients beside them."""
    model, plain = make(n_condition=C), make()
    values = model.parameters.values
    for name, value in plain.parameters.values.items():
        values[name][: len(value)] = value
        values[name][len(value) :] = 0.0
    losses, _ = model.loss_and_grad(*batch, y=y)
    wanted, _ = plain.loss_and_grad(*batch)
    assert_allclose(losses, wanted, rtol=1e-14)
    for name, gradient in plain.parameters.gradients.items():
        found = model.parameters.gradients[name]
        assert_allclose(found[: len(gradient)], gradient, rtol=1e-12)
        assert len(found) == len(gradient) + C * (name in ("encoder.0.W", "decoder.0.W"))
        assert found[len(gradient) :].all()


_forward, _backward = MLP.forward, MLP.backward


def forgotten(y):
    return y if y is None else np.zeros_like(y)


def not_in_the_encoder(self, x, masks=None, y=None):
    return _forward(self, x, masks, forgotten(y) if x.shape[1] == 5 else y)


def not_in_the_decoder(self, x, masks=None, y=None):
    return _forward(self, x, masks, forgotten(y) if x.shape[1] == 2 else y)


def of_another_sample(self, x, masks=None, y=None):
    """y repeated example by example, as z is sample by sample."""
    return _forward(self, x, masks, y if y is None else np.repeat(y, len(x) // len(y), axis=0))


def no_gradient_of_its_weights(self, dh, need_dx=True):
    dx, first = _backward(self, dh, need_dx), self.layers[0]
    first.dW[first.n_in - self.memory.n_y :] = 0.0
    return dx


def gradient_of_y_for_that_of_z(self, dh, need_dx=True):
    y, self.memory.n_y = self.memory.n_y, 0
    dx = _backward(self, dh, need_dx)
    return dx[:, y:] if need_dx else dx


def passed_by_the_hidden_layers_only(self, dh, need_dx=True):
    """The gradient of the path that skips them taken from its end, which is y's."""
    dh = np.array(dh)
    if self.n_skip and need_dx:
        dh[:, -self.n_skip :] = np.roll(dh[:, -self.n_skip :], self.memory.n_y, axis=1)
    return _backward(self, dh, need_dx)


@pytest.mark.parametrize("bug", [not_in_the_encoder, not_in_the_decoder, of_another_sample])
def test_y_that_does_not_arrive_is_noticed(bug, monkeypatch):
    """Its gradient fits, so that finite differences see nothing; log p(x|y) is another."""
    monkeypatch.setattr(MLP, "forward", bug)
    (line,) = [line for line in definitions.linear_start() if line.what == "ELBO = log p(x|y)"]
    assert not line.ok


@pytest.mark.parametrize(
    "bug",
    [
        no_gradient_of_its_weights,
        gradient_of_y_for_that_of_z,
        passed_by_the_hidden_layers_only,
    ],
)
def test_a_wrong_gradient_given_y_is_noticed(bug, monkeypatch):
    monkeypatch.setattr(MLP, "backward", bug)
    mode = {"likelihood": "gaussian", "skip": True, "hidden": (4,), "L": 2, "conditioned": True}
    assert not all(line.ok for line in gradients.model(**mode))
