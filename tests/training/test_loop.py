import math
import signal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae.network import Autoencoder
from numvae.rows import Inputs, binarized, mean_of, split_missing
from numvae.rules import bernoulli, schedules
from numvae.settings import Settings
from numvae.streams import EVALUATION, WEIGHTS, stream
from numvae.training import checkpoint, loop, minibatches
from numvae.training.interrupt import Interrupt
from numvae.training.loop import Training
from numvae.training.optimizers import SGD, Adam

N, D, Z = 25, 6, 2


@pytest.fixture
def X(rng):
    """Gray pixels that go dark and bright together."""
    X = 1.0 / (1.0 + np.exp(-3.0 * rng.standard_normal((N, 1)) * np.linspace(0.5, 1.5, D)))
    X = X.astype("float32")
    X.setflags(write=False)
    return X


def start(X, seed=0, kind=Training, **changes):
    plain = {"hidden": (8,), "activation": "relu", "likelihood": "bernoulli", "batch_size": 10}
    plain |= {"epochs": 100, "schedule": "constant", "clip": None}
    return kind.new(Settings(Z, **{**plain, "lr": 1e-2, **changes}).checked(), X, seed)


def train(training, X, X_valid=None, epochs=3):
    assert training.run(X, X_valid, epochs) is None
    return training


# A run.


def test_the_rate_falls_and_beta_rises_as_the_settings_say(X, monkeypatch):
    training, betas = start(X, epochs=3, schedule="cosine", warmup=2, beta=0.5), []

    def loss_and_grad(batch, beta, loss_and_grad=training.loss_and_grad):
        betas.append(beta)
        return loss_and_grad(batch, beta)

    monkeypatch.setattr(training, "loss_and_grad", loss_and_grad)
    for epoch, last in enumerate((0, 1, 2, 2)):  # past the last epoch the rate stays
        train(training, X, epochs=epoch + 1)
        assert training.optimizer.lr_factor == schedules.cosine(last, 3)
        assert betas[3 * epoch :] == [0.5 * schedules.warmup(epoch, 2)] * 3


def test_a_new_run_is_as_its_settings_say_and_starts_at_the_mean_of_the_data(X, dtype):
    X = X.astype(dtype)
    training = start(X, 4, sigma_min=0.2, optimizer="sgd", init_sigma=0.3)
    model = Autoencoder(D, Z, (8,), "relu", "bernoulli", sigma_min=0.2, dtype=dtype)
    model.initialize(stream(4, *WEIGHTS), 0.3, mean_of(X))
    assert training.model.config == model.config
    assert_array_equal(training.model.parameters.vector, model.parameters.vector)
    assert_array_equal(training.best, model.parameters.vector)
    assert type(training.optimizer) is SGD and training.optimizer.settings["lr"] == 1e-2
    assert (training.epoch, training.step, training.n_seen, training.history) == (0, 0, 0, [])
    assert (training.start_elbo, training.best_elbo, training.best_epoch) == (-np.inf, -np.inf, 0)


@pytest.mark.parametrize("given", ["float16", "float64", "uint8", "bool"])
def test_all_but_float32_is_trained_in_float64(X, given):
    assert start(X.astype(given)).model.dtype == np.float64


@pytest.mark.parametrize(
    "settings", [{}, {"binarize": "dynamic", "n_samples": 2, "beta": 0.5}], ids=str
)
def test_the_seed_decides_every_bit(X, dtype, settings):
    X = X.astype(dtype)
    first, again, other = (train(start(X, s, **settings), X[5:], X[:5]) for s in (1, 1, 2))
    assert first.model.parameters.vector.tobytes() == again.model.parameters.vector.tobytes()
    assert first.history == again.history
    assert (first.model.parameters.vector != other.model.parameters.vector).any()
    assert first.history != other.history


def test_an_epoch_sees_every_example_and_says_how_many_so_far(X):
    training = start(X)
    for epoch in (1, 2):
        assert list(training.steps(X)) == [10, 20, 25]
        training.finish_epoch()
        assert training.epoch == epoch
        assert training.optimizer.t == 3 * epoch


def test_a_run_tells_of_every_step_and_epoch_and_goes_on_where_it_stood(X):
    training, seen, rows = start(X, epochs=3), [], []
    next(training.steps(X))
    assert training.run(X, None, 1, seen.append, rows.append) is None
    assert seen == [20, 25] and rows == training.history
    assert training.run(X, on_epoch=rows.append) is None
    assert [row["epoch"] for row in rows] == [1, 2, 3] and rows == training.history
    assert training.run(X) is None and training.epoch == 3
    assert training.history == train(start(X), X).history


@pytest.mark.parametrize("close_epoch", [False, True])
def test_a_run_stops_after_the_step_when_asked_and_the_epoch_is_closed_on_request(X, close_epoch):
    def on_step(n_seen):
        if training.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    training = start(X)
    with Interrupt() as interrupt:
        training.run(X, X, None, on_step, asked=interrupt.asked, close_epoch=close_epoch)
    assert interrupt.asked() is signal.SIGINT
    where = training.epoch, training.step, training.n_seen, len(training.history)
    assert where == ((2, 0, 0, 2) if close_epoch else (1, 1, 10, 1))
    assert training.optimizer.t == 4


def test_a_run_that_is_asked_to_stop_before_its_first_step_takes_none(X):
    training = start(X)
    training.run(X, asked=lambda: True, close_epoch=True)
    assert (training.optimizer.t, training.epoch) == (0, 0)


def test_who_asks_once_stops_a_run(X):
    training, answers = start(X, epochs=2), iter([None, True])
    training.run(X, asked=lambda: next(answers, None), close_epoch=True)
    assert (training.optimizer.t, training.epoch) == (1, 1)


def test_a_run_that_is_asked_to_stop_in_its_last_step_is_whole(X):
    training, seen = start(X, epochs=1), []
    training.run(X, None, None, seen.append, asked=lambda: N in seen, close_epoch=True)
    assert training.epoch == 1 and training.history == train(start(X, epochs=1), X, None, 1).history


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_samples": 3}, {"beta": 0.0}, {"beta": 4.0}, {"binarize": "dynamic"}],
    ids=str,
)
def test_every_step_can_be_computed_again_from_its_address(X, settings):
    """The mean over the epoch weights each example the same, the last batch's too."""
    training, twin = start(X, 3, **settings), start(X, 3).model
    adam = Adam(twin.parameters, 1e-2)
    beta, L = settings.get("beta", 1.0), settings.get("n_samples", 1)
    for epoch in (1, 2):
        nll = kl = 0.0
        for step, rows in enumerate(minibatches.shuffled(3, epoch, N, 10), start=1):
            rng, x = stream(3, epoch, step), X[rows]
            if "binarize" in settings:
                x = bernoulli.sample(rng, x)
            losses, _ = twin.loss_and_grad(x, twin.noise(rng, L, len(x)), beta)
            adam.update()
            nll, kl = nll + losses.nll * len(x) / N, kl + losses.kl * len(x) / N
        row = train(training, X, epochs=epoch).history[-1]
        wanted = -(nll + kl), nll, kl
        assert_allclose([row[f"train_{k}"] for k in ("elbo", "nll", "kl")], wanted, rtol=1e-12)
    assert_array_equal(training.model.parameters.vector, twin.parameters.vector)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_two_steps_of_sgd_are_those_of_the_definition(X, momentum, clip):
    """(A0) (A6) (M1) (M2): without momentum, θ ← θ − lr g; the prior is not clipped."""
    settings = {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.2, "batch_size": N}
    training = start(X.astype("f8"), momentum=momentum, clip=clip, **settings)
    theta, velocity = training.model.parameters.vector.copy(), 0.0
    for epoch in (1, 2):
        (rows,) = minibatches.shuffled(0, epoch, N, N)
        batch = training.minibatch(X.astype("f8"), rows)
        g = training.loss_and_grad(batch, 1.0)[1].copy()
        if clip:
            g *= min(1.0, clip / np.linalg.norm(g))
        velocity = momentum * velocity + g + 0.2 * theta
        theta = theta - 0.1 * velocity
        train(training, X.astype("f8"), epochs=epoch)
        assert_allclose(training.model.parameters.vector, theta, rtol=1e-10)


@pytest.mark.parametrize("binarize", ["none", "fixed", "dynamic"])
def test_gray_examples_are_drawn_once_or_anew_every_epoch_or_left_alone(X, binarize):
    seen = []

    class Watched(Training):
        def loss_and_grad(self, batch, beta):
            seen.append(batch["x"])
            return super().loss_and_grad(batch, beta)

    train(start(X, kind=Watched, batch_size=N, binarize=binarize), X, epochs=2)
    order = [np.concatenate(minibatches.shuffled(0, epoch, N, N)).argsort() for epoch in (1, 2)]
    first, second = (x[i] for x, i in zip(seen, order))
    if binarize == "dynamic":
        assert set(np.unique(seen)) == {0.0, 1.0} and (first != second).any()
    else:
        assert_array_equal(first, binarized(X, 0) if binarize == "fixed" else X)
        assert_array_equal(second, first)


def test_a_trained_model_takes_rows_as_it_was_trained_on_them(X):
    for binarize in ("none", "fixed", "dynamic"):
        training = start(X, 3, binarize=binarize, missing=binarize == "fixed")
        fill = training.model.fill
        wanted = Inputs(np.dtype("f4"), 3, binarize != "none", binarize == "fixed", fill)
        assert training.inputs == wanted


def test_training_raises_the_bound_on_both_parts_of_the_data(X):
    history = train(start(X), X[5:], X[:5], epochs=60).history
    assert history[-1]["train_elbo"] > history[0]["train_elbo"] + 0.3
    assert history[-1]["valid_elbo"] > history[0]["valid_elbo"] + 0.3


# The history.


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("beta", [1.0, 5.0])
def test_a_row_for_every_epoch_and_elbo_is_minus_nll_minus_kl_whatever_beta(X, held_out, beta):
    training = train(start(X, beta=beta), X, X[:5] if held_out else None)
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


def test_the_bound_before_the_first_step_is_that_of_the_start(X):
    training = start(X)
    nll, kl = training.evaluate(X[:5])
    train(training, X, X[:5], epochs=1)
    assert training.start_elbo == pytest.approx(-(nll + kl).mean(), rel=1e-12)


def test_finish_epoch_returns_its_row_measured_after_the_epoch(X):
    training = start(X, 5)
    list(training.steps(X))
    row = training.finish_epoch(X[:7])
    nll, kl = training.evaluate(X[:7])
    assert row is training.history[-1]
    assert (row["valid_nll"], row["valid_kl"]) == (nll.mean(), kl.mean())


# The best epoch.


def test_the_best_epoch_by_held_out_elbo_is_kept(X):
    training, vectors = start(X, lr=0.5), []  # so fast that it goes up and down
    keep = lambda row: vectors.append(training.model.parameters.vector.copy())  # noqa: E731
    training.run(X[5:], X[:5], 12, on_epoch=keep)
    elbos = [row["valid_elbo"] for row in training.history]
    best = int(np.argmax(elbos))
    assert 0 < best < 11, "the first or the last proves less"
    assert training.best_elbo == elbos[best]
    assert training.keep_best() == best + 1
    assert_array_equal(training.model.parameters.vector, vectors[best])
    nll, kl = training.evaluate(X[:5])
    assert -(nll + kl).mean() == pytest.approx(elbos[best], rel=1e-12)


# The evaluation.


def test_evaluation_uses_the_same_noise_at_every_call_and_changes_nothing(X):
    training = start(X)
    model = training.model
    model.loss_and_grad(X, np.zeros((1, N, Z), "f4"))
    vector, gradient = model.parameters.vector.copy(), model.parameters.gradient.copy()
    first, again = training.evaluate(X), training.evaluate(X)
    other = Training(model, training.optimizer, training.settings, 1).evaluate(X)
    for a, b in zip(first, again):
        assert a.shape == (N,) and a.dtype == np.float64
        assert_array_equal(a, b)
    assert (first[0] != other[0]).all()
    assert_array_equal(first[1], other[1])  # the KL needs no noise
    assert_array_equal(model.parameters.vector, vector)
    assert_array_equal(model.parameters.gradient, gradient)


@pytest.mark.parametrize("block_rows", [1, 7, 25, 1000])
def test_evaluation_covers_a_partial_last_block(X, block_rows, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_ROWS", block_rows)
    training = start(X.astype("f8"))
    mu, logvar = training.model.encode(X)
    nll, kl = training.evaluate(X)
    assert_allclose(kl, 0.5 * (mu**2 + np.exp(logvar) - 1.0 - logvar).sum(axis=1), rtol=1e-10)
    assert np.isfinite(nll).all() and nll.std() > 0.0


def test_fewer_than_a_thousand_rows_that_decide_the_end_have_several_draws_each(monkeypatch):
    X, draws = table(300), []

    def elbo_terms(x, eps, observed, y):
        draws.append(eps.shape)
        return np.zeros(len(x)), np.zeros(len(x))

    for epochs in (None, 5):
        training = Training.new(by_itself(n_latent=Z, epochs=epochs), X, 0)
        monkeypatch.setattr(training.model, "elbo_terms", elbo_terms)
        training.evaluate(X)
        training.evaluate(np.tile(X, (4, 1)))
    assert draws == [(3, 300, Z), *[(1, 1000, Z), (1, 200, Z)], (1, 300, Z), *draws[1:3]]


def test_evaluation_of_binarized_pixels_repeats_and_scores_zeros_and_ones(X, monkeypatch):
    training, scored = start(X, binarize="dynamic"), []

    def elbo_terms(x, eps, observed, y):
        scored.append(x)
        return np.zeros(len(x)), np.zeros(len(x))

    monkeypatch.setattr(training.model, "elbo_terms", elbo_terms)
    for _ in range(2):
        training.evaluate(X)
    assert set(np.unique(scored)) == {0.0, 1.0}
    assert_array_equal(scored[0], scored[1])


def test_evaluation_is_of_what_is_known_and_fills_in_the_rest_as_training_does():
    X = table(60)
    X[::2, 1] = np.nan
    training = start(X, likelihood="gaussian", missing=True)
    x, observed = split_missing(X, training.model.fill)
    eps = stream(0, *EVALUATION, 0).standard_normal((1, len(X), Z), X.dtype)
    nll, kl = training.model.elbo_terms(x, eps, observed)
    found = training.evaluate(X)
    assert_allclose(found, [nll, kl], rtol=1e-12)
    assert (x[::2, 1] != 0.0).all()
    assert (training.model.elbo_terms(x, eps)[0][::2] != nll[::2]).all()


def test_a_plain_autoencoder_is_evaluated_at_the_mean_and_without_a_kl(X):
    training = start(X, objective="autoencoder")
    nll, kl = training.evaluate(X)
    mu, _ = training.model.encode(X)
    assert_allclose(nll, -training.model.log_likelihood(X, mu[None])[0], rtol=1e-6)
    assert (kl == 0.0).all()


# What is no number.


def test_a_run_that_diverges_stops_with_the_parameters_from_before_that_step(X):
    training = start(X, lr=1e-3)
    steps = training.steps(X)
    next(steps)
    vector = training.model.parameters.vector
    before = vector.copy()
    bad = X.copy()
    bad[:] = math.nan
    with pytest.raises(FloatingPointError, match="diverged in epoch 1, step 1: x is the first"):
        start(X).run(bad)
    vector[0] = math.inf
    with pytest.raises(FloatingPointError, match="epoch 1, step 2: encoder.0.W"):
        next(steps)
    vector[0] = before[0]
    assert_array_equal(vector, before)
    assert training.optimizer.t == 1


def test_a_bound_that_is_not_finite_is_no_best_one(X, monkeypatch):
    training = start(X)
    for valid in (np.nan, -3.0, -np.inf, -4.0):
        list(training.steps(X))
        monkeypatch.setattr(training, "evaluate", lambda X, v=valid: (np.array([-v]), np.zeros(1)))
        training.finish_epoch(X)
    assert (training.best_epoch, training.best_elbo) == (2, -3.0)


# The length left to the program.


def table(n=120):
    """Rows that a factor analysis does not explain."""
    rng = np.random.default_rng(0)
    t = rng.normal(size=n)
    return np.column_stack([t, t**2, np.sin(3 * t), rng.normal(size=n)]) + 0.1


def by_itself(**changes):
    return Settings(**{"hidden": (16,), "epochs": None, **changes}).checked()


@pytest.fixture
def short(monkeypatch):
    """Runs of some hundred steps."""
    for name, value in {"PASSES": 5, "STEPS": 300, "EVERY": 10, "PATIENCE": 3}.items():
        monkeypatch.setattr(loop, name, value)


def run_by_itself(X, X_valid, **changes):
    training = Training.new(by_itself(**changes), X, 1)
    assert training.run(X, X_valid) is None
    return training


def test_what_decides_the_end_is_as_the_package_s_readme_says():
    assert (loop.STEPS, loop.PASSES, loop.EVERY, loop.PATIENCE) == (3000, 100, 50, 30)
    training = Training.new(by_itself(), table(), 0)
    assert training.length(90, table(9)) == training.length(90, None) == 0
    assert training.length(90, table(10)) == training.length(90) == 3000


@pytest.mark.parametrize(
    ("n", "batch_size", "length", "every"),
    [(100, 128, 300, 10), (300, 128, 100, 3), (1280, 128, 30, 1), (12_800, 128, 5, 1)],
)
def test_epochs_are_enough_for_the_steps_and_measured_between_some(
    short, n, batch_size, length, every
):
    training = Training.new(by_itself(batch_size=batch_size), table(), 0)
    assert (training.length(n), training.every(n)) == (length, every)
    training.settings.epochs = 7
    assert (training.length(n), training.every(n)) == (7, 1)


def test_a_row_for_each_measurement_and_the_last_epoch(short):
    X = table(200)
    training = run_by_itself(X[20:], X[:20], lr=1e-3)
    epochs = [row["epoch"] for row in training.history]
    assert epochs == [*range(5, training.epoch + 1, 5)]  # two steps make an epoch
    assert training.optimizer.t == 2 * training.epoch


def test_an_epoch_in_which_training_is_stopped_is_measured(short):
    training = Training.new(by_itself(), table(), 1)  # one step makes an epoch, ten a measurement
    training.run(table(), table(20), asked=lambda: training.optimizer.t == 3, close_epoch=True)
    assert [row["epoch"] for row in training.history] == [3]


def test_training_ends_when_the_held_out_rows_have_stopped_gaining(short):
    X = table(60)
    training = run_by_itself(X[20:], X[:20], lr=0.1)
    elbos = [training.start_elbo, *(row["valid_elbo"] for row in training.history)]
    best = int(np.argmax(elbos))
    assert len(elbos) - 1 == best + 3 and training.epoch < training.length(40)
    assert training.best_elbo == elbos[best]
    assert training.best_epoch == [0, *(row["epoch"] for row in training.history)][best]
    before = training.epoch
    assert training.run(X[20:], X[:20]) is None and training.epoch == before
    vector = training.model.parameters.vector.copy()
    assert training.run(X[20:], X[:20], before + 2) is None and training.epoch == before + 2
    assert (training.model.parameters.vector != vector).any()  # whoever says how long is obeyed


def test_the_start_can_be_the_best(short):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)) * [1.0, 2.0, -1.0] + rng.normal(size=(60, 3))
    training = run_by_itself(X[20:], X[:20], lr=0.3)
    assert training.best_epoch == 0 and training.best_elbo == training.start_elbo
    start = Training.new(training.settings, X[20:], 1).model.parameters.vector
    training.keep_best()
    assert_array_equal(training.model.parameters.vector, start)


def test_a_run_by_itself_that_was_stopped_ends_as_if_it_had_not_been(short, tmp_path):
    X = table(60)
    whole = run_by_itself(X[20:], X[:20], lr=0.02)
    training = Training.new(whole.settings, X[20:], 1)

    def on_step(n_seen):
        if training.optimizer.t == 23:
            stop.append(True)

    stop = []
    training.run(X[20:], X[:20], on_step=on_step, asked=lambda: bool(stop))
    assert training.epoch < whole.epoch
    checkpoint.save(training, tmp_path / "c")
    training, _ = checkpoint.load(tmp_path / "c")
    assert training.run(X[20:], X[:20]) is None
    assert training.history == whole.history and training.start_elbo == whole.start_elbo
    assert training.best.tobytes() == whole.best.tobytes()
    assert training.model.parameters.vector.tobytes() == whole.model.parameters.vector.tobytes()


def test_without_a_known_start_the_length_is_trained_though_nothing_is_held_out(short):
    X = 1.0 * (table() > 0)
    training = run_by_itself(X, None, likelihood="bernoulli")
    assert training.epoch == training.length(len(X)) == 300
