import copy
import doctest
import functools
import inspect
import io
import itertools
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae import VAE, DoubtfulFit, estimator, load
from numvae.estimator import NotFittedError
from numvae.evaluation import aggregate, anomaly, importance
from numvae.files import LOCK, locked
from numvae.network.likelihoods import NAMES as LIKELIHOODS
from numvae.rows import hold_out
from numvae.training import checkpoint, loop, watchdog

D, Z, N = 4, 2, 60
FAST = {"hidden": (8,), "epochs": 3, "batch_size": 20, "lr": 1e-2, "random_state": 0}
FAST |= {"schedule": "constant", "validation_fraction": 0.0}


RAW = {"skip": False, "standardize": False}


def fast(**changes):
    """A VAE that is fitted in a moment."""
    return VAE(**{**FAST, **changes})


@pytest.fixture
def X(rng):
    """Read-only: fit that writes into X raises."""
    X = rng.standard_normal((N, D)) @ rng.standard_normal((D, D))
    X.setflags(write=False)
    return X


def parameters(vae):
    return vae.network_.parameters.vector


def assert_same(vae, other):
    """Two fitted estimators are equal to the last bit."""
    assert parameters(vae).dtype == parameters(other).dtype
    assert parameters(vae).tobytes() == parameters(other).tobytes()
    assert vae.history_ == other.history_ and vae.n_iter_ == other.n_iter_


# The constructor.


def test_the_constructor_stores_what_it_is_given_and_looks_at_nothing():
    names = list(inspect.signature(VAE).parameters)
    values = {name: object() for name in names}
    vae = VAE(**values)
    assert list(vars(vae)) == names
    assert all(getattr(vae, name) is value for name, value in values.items())
    assert vae.get_params() == values


def test_fit_leaves_the_constructors_arguments_alone(X):
    hidden = [8]
    vae = VAE(n_latent=np.int64(2), hidden=hidden, epochs=1, random_state=None)
    before = dict(vars(vae))
    assert vae.fit(X) is vae
    assert {name: vars(vae)[name] for name in before} == before
    assert vae.hidden is hidden and vae.random_state is None


def test_set_params_changes_all_or_nothing():
    vae = VAE()
    assert vae.set_params(n_latent=5, lr=0.1) is vae
    assert (vae.n_latent, vae.lr) == (5, 0.1)
    with pytest.raises(ValueError, match="'epoch'.*Did you mean 'epochs'"):
        vae.set_params(n_latent=9, epoch=3)
    assert vae.n_latent == 5
    assert vae.set_params().get_params(deep=False) == vae.get_params()


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(VAE()) == "VAE()"
    assert repr(VAE(3, lr=0.1, verbose=False)) == "VAE(n_latent=3, lr=0.1)"
    assert repr(VAE(beta=1, hidden=[256])) == "VAE(hidden=[256], beta=1)"
    again = eval(repr(VAE(likelihood="bernoulli", hidden=())))
    assert again.get_params() == VAE(likelihood="bernoulli", hidden=()).get_params()


def test_an_estimator_is_equal_to_itself_alone():
    vae, other = VAE(), VAE()
    assert vae != other and len({vae, other, vae}) == 2


# One seed, one model.


@pytest.mark.parametrize(
    "seed",
    [lambda: 7, lambda: np.random.default_rng(7), lambda: np.random.RandomState(7)],
    ids=["int", "Generator", "RandomState"],
)
def test_the_random_state_decides_every_bit(X, seed):
    first, again, other = (
        VAE(**{**FAST, "random_state": state}).fit(X) for state in (seed(), seed(), 8)
    )
    assert_same(first, again)
    assert (parameters(first) != parameters(other)).any()
    assert first.score(X) == again.score(X)


@pytest.mark.parametrize(
    ("state", "seed"),
    [
        (np.random.default_rng, lambda rng: rng.integers(2**63)),
        (np.random.RandomState, lambda rng: rng.randint(2**31)),
    ],
)
def test_the_seed_of_a_generator_is_one_whole_number_of_many(X, state, seed):
    one, other = fast(random_state=state(7)), fast(random_state=int(seed(state(7))))
    assert_same(one.fit(X), other.fit(X))


def test_none_is_another_model_each_time_and_a_generator_moves_on(X):
    for state in (None, np.random.default_rng(0)):
        first, second = (VAE(**{**FAST, "random_state": state}).fit(X) for _ in range(2))
        assert (parameters(first) != parameters(second)).any()


def test_a_refused_fit_draws_nothing_from_a_generator(X):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError):
        VAE(random_state=rng).fit(X * np.nan)
    with pytest.raises(ValueError):
        VAE(random_state=rng, epochs=0).fit(X)
    assert rng.random() == np.random.default_rng(0).random()


def test_the_global_random_state_is_neither_read_nor_moved(X):
    np.random.seed(0)
    fast().fit(X).sample(3)
    assert np.random.random() == np.random.RandomState(0).random()


# What may come in as X.


def on_disk(X, folder, mode):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode=mode)


SAME = {
    "lists": lambda X, _: X.tolist(),
    "tuples": lambda X, _: tuple(map(tuple, X)),
    "objects": lambda X, _: X.astype(object),
    "Fortran order": lambda X, _: np.asfortranarray(X),
    "every other column": lambda X, _: np.repeat(X, 2, axis=1)[:, ::2],
    "backwards": lambda X, _: X[::-1].copy()[::-1],
    "big-endian": lambda X, _: X.astype(">f8"),
    "longdouble": lambda X, _: X.astype(np.longdouble),
    "matrix": lambda X, _: np.asarray(X).view(np.matrix),
    "map r": lambda X, folder: on_disk(X, folder, "r"),
    "map r+": lambda X, folder: on_disk(X, folder, "r+"),
    "map c": lambda X, folder: on_disk(X, folder, "c"),
    "map in Fortran order": lambda X, folder: on_disk(np.asfortranarray(X), folder, "r"),
    "copy of a map": lambda X, folder: on_disk(X, folder, "r").copy(),
    "rows of a map": lambda X, folder: on_disk(np.vstack([X[:5], X]), folder, "r")[5:],
}


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("held_out", [0.0, 0.2])
def test_the_same_numbers_give_the_same_model_however_they_come(X, tmp_path, how, held_out):
    vae, other = (fast(validation_fraction=held_out) for _ in range(2))
    came = SAME[how](X, tmp_path)
    before = pickle.dumps(came)
    assert_same(other.fit(came), vae.fit(X))
    for method in ("transform", "reconstruct", "score_samples", "elbo"):
        assert_array_equal(getattr(other, method)(came), getattr(vae, method)(X))
    assert pickle.dumps(came) == before


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int64", "uint64", "float16", "float32", "float64"]
)
def test_single_precision_stays_single_and_all_else_becomes_double(X, dtype):
    X = (X > 0.0).astype(dtype)
    kept = "float32" if dtype == "float32" else "float64"
    vae = fast().fit(X)
    outputs = [vae.transform(X), *vae.encode(X), vae.reconstruct(X)]
    outputs += [vae.sample(3), vae.decode(X[:, :2])]
    assert {str(output.dtype) for output in (*outputs, parameters(vae))} == {kept}
    if kept == "float64":
        assert_same(vae, fast().fit(X.astype(float)))


def test_a_model_in_single_precision_takes_doubles_that_fit(X):
    vae = fast().fit(X.astype("float32"))
    assert_array_equal(vae.transform(X), vae.transform(X.astype("float32")))
    with pytest.raises(ValueError, match="too large for float32"):
        vae.transform(np.full((1, D), 1e39))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("n", [1, 2, 21])
def test_few_rows_and_constant_columns_are_fine(likelihood, n, X):
    X = np.eye(D)[np.arange(n) % 2 + 2]  # two columns are constant, each row suits any likelihood
    vae = fast(likelihood=likelihood).fit(X)
    assert np.isfinite(parameters(vae)).all()
    assert np.isfinite(vae.score_samples(X)).all()
    assert fast(validation_fraction=0.5).fit(X).n_iter_ == 3


def test_one_column_and_wide_tables_are_fine(rng):
    for d in (1, 3000):
        X = rng.standard_normal((5, d))
        assert fast().fit(X).reconstruct(X).shape == (5, d)


# From data to codes, and back.


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("n", [1, 17, 1003])
def test_shapes_of_all_that_comes_out(likelihood, n, rng, dtype):
    X = np.eye(D, dtype=dtype)[rng.integers(D, size=n)]
    vae = fast(n_latent=3, likelihood=likelihood, n_importance=5).fit(X[:30])
    outputs = [vae.transform(X), *vae.encode(X), vae.decode(vae.transform(X)), vae.sample(n)]
    assert [o.shape for o in outputs] == [(n, 3)] * 4 + [(n, D)] * 2
    assert {str(o.dtype) for o in outputs} == {dtype}
    assert vae.score_samples(X).shape == vae.elbo(X).shape == (n,)
    assert type(vae.score(X)) is float and vae.score(X) == vae.score_samples(X).mean()
    assert (vae.n_features_in_, vae.n_iter_, len(vae.history_)) == (D, 3, 3)
    assert vae.get_feature_names_out().tolist() == ["vae0", "vae1", "vae2"]


def test_transform_is_the_posterior_mean_and_encode_draws_from_it(X):
    vae = fast().fit(X)
    mu, logvar, z = vae.encode(X, random_state=1)
    assert_array_equal(mu, vae.transform(X))
    assert_array_equal(z, vae.encode(X, random_state=1)[2])
    assert (z != vae.encode(X, random_state=2)[2]).any()
    draws = np.stack([vae.encode(X[:1], random_state=i)[2][0] for i in range(2000)])
    assert_allclose(draws.mean(axis=0), mu[0], atol=0.15)
    assert_allclose(draws.std(axis=0), np.exp(logvar[0] / 2), rtol=0.1)


def test_decode_is_the_mean_of_what_sample_draws(X):
    vae = fast(likelihood="gaussian-fixed", sigma=0.2).fit(X)
    codes = vae.transform(X)
    assert_array_equal(vae.reconstruct(X), vae.decode(codes))
    assert_array_equal(vae.inverse_transform(codes), vae.decode(codes))
    assert_array_equal(vae.sample(5, random_state=3), vae.sample(5, random_state=3))
    x = vae.sample(20_000, random_state=0)
    z = np.random.default_rng(0).standard_normal((20_000, Z))
    noise = 0.2 * X.std(axis=0)  # sigma is a fraction of the standard deviation
    assert_allclose(x.std(axis=0) ** 2, vae.decode(z).std(axis=0) ** 2 + noise**2, rtol=0.05)


def clusters(n):
    """Three groups of rows, which the prior is not."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, D)) + 8.0 * rng.integers(0, 3, (n, 1))


def test_samples_from_the_mixture_and_the_posterior_are_more_like_the_data():
    X = clusters(600)
    vae = VAE(2, epochs=40, random_state=0).fit(X)

    def beside(x):
        """How many rows lie between the groups."""
        return np.mean(np.abs(x.mean(axis=1) % 8.0 - 4.0) < 2.0)

    drawn = {s: vae.sample(2000, 0, source=s) for s in ("prior", "posterior", "mixture")}
    assert_array_equal(drawn["prior"], vae.sample(2000, 0))
    assert vae.sample().shape == (1, D)
    assert beside(X) < 0.05 and beside(drawn["prior"]) > 0.15
    assert beside(drawn["posterior"]) < 0.05 and beside(drawn["mixture"]) < 0.08
    only = vae.sample(200, 0, source="posterior", X=X[np.abs(X.mean(axis=1)) < 3.0])
    assert (np.abs(only.mean(axis=1)) < 5.0).mean() > 0.95


def test_a_file_keeps_the_mixture_and_no_rows(X, tmp_path):
    vae = fast().fit(X)
    vae.save(tmp_path / "vae.npz")
    same = load(tmp_path / "vae.npz")
    wanted = vae.sample(50, 0, source="mixture")
    assert_array_equal(same.sample(50, 0, source="mixture"), wanted)
    with pytest.raises(ValueError, match="A file keeps no rows: give X"):
        same.sample(5, source="posterior")
    wanted = vae.sample(50, 0, source="posterior", X=X)
    assert_array_equal(same.sample(50, 0, source="posterior", X=X), wanted)
    same._training.mixture = None  # as of an older file
    with pytest.raises(ValueError, match="has no mixture of its codes"):
        same.sample(5, source="mixture")


def test_the_mixture_is_that_of_the_rows_that_were_trained_on(X):
    vae = fast(validation_fraction=0.5).fit(X)
    train, _ = hold_out(N, N // 2, 0)
    for found, wanted in zip(vae._training.mixture, aggregate.fit(vae._training, X[train])):
        assert_array_equal(found, wanted)


def test_the_mixture_follows_partial_fit(X, tmp_path):
    vae = fast().fit(X)
    before = vae.sample(50, 0, source="mixture")
    vae.partial_fit(X + 1.0)
    after = vae.sample(50, 0, source="mixture")
    assert (after != before).any()
    vae.partial_fit(X).save(tmp_path / "vae.npz")
    assert_array_equal(
        load(tmp_path / "vae.npz").sample(9, 0, source="mixture"),
        vae.sample(9, 0, source="mixture"),
    )


def test_a_source_that_is_unknown_or_needs_no_rows_is_refused_with_a_sentence(X):
    vae = fast().fit(X)
    with pytest.raises(ValueError, match="source must be one of prior, .* Did you mean 'mixture'"):
        vae.sample(source="mixtur")
    for source in ("prior", "mixture"):
        with pytest.raises(ValueError, match=f"but source is '{source}': leave X out"):
            vae.sample(source=source, X=X)
    with pytest.raises(ValueError, match="X has 2 features"):
        vae.sample(source="posterior", X=X[:, :2])


def test_codes_far_from_the_prior_are_a_doubt(X, monkeypatch):
    monkeypatch.setattr("numvae.doubts.aggregate.from_prior", lambda training, X: (5.0, 0.1))
    with pytest.warns(DoubtfulFit, match="5.0 nats from the prior.*mixture"):
        fast().fit(X)


def test_samples_of_a_bernoulli_are_zeros_and_ones(X):
    vae = fast(likelihood="bernoulli").fit(X > 0.0)
    assert set(np.unique(vae.sample(50))) == {0.0, 1.0}
    assert ((vae.reconstruct(X > 0.0) > 0.0) & (vae.reconstruct(X > 0.0) < 1.0)).all()


def counts(rng, n):
    """Counts in which a dimension of the code is worth much, beside a real number."""
    z = rng.normal(size=(n, 1))
    rates = np.exp([0.5, 1.0, -1.0, 3.0] + z * [1.0, -1.0, 0.5, 0.3])
    return np.hstack([rng.poisson(rates), z + 0.1 * rng.normal(size=(n, 1))])


@pytest.mark.parametrize("missing", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize(
    "likelihood",
    [
        pytest.param("poisson", marks=pytest.mark.slow),
        pytest.param("poisson:4,gaussian-sigma-z:1", marks=pytest.mark.slow),
        "negative-binomial:4,gaussian-sigma-z:1",
    ],
)
def test_counts_are_learned_drawn_and_filled_in(rng, dtype, likelihood, missing, tmp_path):
    D = 4 + (":" in likelihood)
    X, held_out = (counts(rng, n)[:, :D].astype(dtype) for n in (400, 200))
    given = np.where(rng.random(X.shape) < 0.1 * missing, np.nan, X)
    vae = fast(likelihood=likelihood, missing=missing, epochs=60, n_latent=1).fit(given)
    columns = [stats.poisson.logpmf(held_out[:, d], X[:, d].mean()) for d in range(4)]
    columns += [stats.norm.logpdf(x, 0.0, 1.0) for x in held_out.T[4:]]
    assert vae.score(held_out) > np.sum(columns, axis=0).mean() + 0.5
    x = vae.sample(500, random_state=0)
    assert x.dtype == dtype and (x[:, :4] >= 0.0).all()
    assert_array_equal(x[:, :4], np.rint(x[:, :4]))
    assert_allclose(x.mean(axis=0), X.mean(axis=0), rtol=0.3, atol=0.3)
    assert (vae.reconstruct(held_out)[:, :4] > 0.0).all()
    holes = held_out.copy()
    holes[:, 1] = np.nan
    filled = vae.impute(holes, random_state=0)
    assert_array_equal(filled[:, [0, 2, 3]], held_out[:, [0, 2, 3]])
    error = np.abs(filled[:, 1] - held_out[:, 1]).mean()
    assert error < 0.8 * np.abs(held_out[:, 1] - X[:, 1].mean()).mean()
    vae.save(tmp_path / "vae.npz")
    assert_array_equal(
        load(tmp_path / "vae.npz").score_samples(held_out), vae.score_samples(held_out)
    )


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("likelihood", ["poisson", "poisson:4,gaussian-sigma-z:1"])
def test_counts_far_out_have_the_lowest_scores_and_are_filled_in_whole(
    rng, dtype, likelihood, activation
):
    D = 4 + (":" in likelihood)
    X = counts(rng, 200)[:, :D].astype(dtype)
    vae = fast(likelihood=likelihood, activation=activation, missing=True, epochs=20).fit(X[:150])
    for far in (1e3, 1e6, 1e12):
        rows = np.rint(far * rng.random((10, D))).astype(dtype)
        assert (vae.p_values(rows, X[150:]) == 1 / 51).all()
        rows[:, 0] = np.nan
        assert np.isfinite(vae.impute(rows, random_state=0)).all()
        assert np.isfinite(vae.transform(rows)).all()


# What the model thinks of data.


@pytest.fixture(scope="module")
def linear():
    """A fitted VAE whose log p(x) is known, and its data."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((300, 2)) @ rng.standard_normal((2, D)) + rng.standard_normal((300, D))
    settings = {"hidden": (), "likelihood": "gaussian-fixed", "sigma": 1.0, "random_state": 0}
    return VAE(Z, **settings, epochs=300, lr=1e-2, batch_size=50).fit(X), X


def exact(vae, X):
    """log N(x; b, S (WᵀW + σ² I) S), the density of a linear decoder of standardised columns."""
    values, units = vae.network_.parameters.values, vae.network_.units
    W, b = values["likelihood.mean.W"], values["likelihood.mean.b"]
    C = np.outer(units.scale, units.scale) * (W.T @ W + vae.sigma**2 * np.eye(D))
    return stats.multivariate_normal.logpdf(X, units.inverse(b), C)


def test_score_samples_is_log_p_of_a_linear_gaussian_model(linear):
    vae, X = linear
    vae = copy.deepcopy(vae).set_params(n_importance=3000)
    scores = vae.score_samples(X)
    assert scores.dtype == np.float64
    assert_allclose(scores, exact(vae, X), atol=0.05)
    assert vae.score(X) == pytest.approx(exact(vae, X).mean(), abs=0.003)


def test_the_bound_lies_below_and_the_gap_shrinks_with_more_samples(linear):
    vae, X = copy.deepcopy(linear[0]), linear[1]
    vae.network_.parameters.values["logvar.b"] += 1.0  # a posterior that is wider than right
    log_p, gaps = exact(vae, X).mean(), []
    for n in (1, 10, 100):
        vae.set_params(n_importance=n)
        gaps.append(log_p - vae.score(X))
        assert vae.elbo(X).mean() < log_p - 0.2
    assert gaps[0] > 0.2 > 0.1 > gaps[1] > gaps[2] > -0.01
    assert vae.elbo(X).mean() < vae.score(X)


def test_the_score_and_the_code_of_a_row_depend_on_the_row_alone(X):
    vae = fast().fit(X)
    order = np.random.default_rng(0).permutation(N)
    for method in (vae.score_samples, vae.elbo, vae.transform):
        scores = method(X)
        assert_array_equal(scores, method(X))
        assert_allclose(method(X[order]), scores[order], rtol=1e-10)
        assert_allclose([method(row[None])[0] for row in X], scores, rtol=1e-10)
        twice = method(np.repeat(X, 40, axis=0))
        assert_allclose(twice, np.repeat(scores, 40, axis=0), rtol=1e-10)


def test_rows_are_reconstructed_block_by_block(X, monkeypatch):
    """A memory map may be larger than the memory: it is never read as a whole."""
    vae, given = fast().fit(X), fast(condition="y").fit(X, np.arange(N) % 2)
    wanted = vae.reconstruct(X), given.reconstruct(X, 1)
    monkeypatch.setattr("numvae.estimator.read", None)
    assert_array_equal(vae.reconstruct(X), wanted[0])
    assert_array_equal(given.reconstruct(X, 1), wanted[1])


def test_many_samples_take_no_more_memory_at_a_time(X, monkeypatch):
    """The decoder sees some thousand codes at once, however many draws are asked for."""
    vae = fast(n_importance=500).fit(X)
    seen, decode = [], vae.network_.decoder.forward

    def spy(z, y=None):
        seen.append(len(z))
        return decode(z, y=y)

    monkeypatch.setattr(vae.network_.decoder, "forward", spy)
    vae.score_samples(X), vae.elbo(X)
    assert sum(seen) == 2 * 500 * N and max(seen) <= 4096


# Training.


def test_partial_fit_is_fit_one_epoch_at_a_time(X):
    vae = fast()
    for epoch in (1, 2, 3):
        assert vae.partial_fit(X) is vae
        assert vae.n_iter_ == len(vae.history_) == epoch
        assert_same(vae, VAE(**{**FAST, "epochs": epoch}).fit(X))


def test_partial_fit_goes_on_from_fit_also_with_other_rows(X):
    vae = fast().fit(X)
    vae.partial_fit(X).partial_fit(X)
    assert_same(vae, VAE(**{**FAST, "epochs": 5}).fit(X))
    vae.partial_fit(X[:1])
    assert vae.n_iter_ == 6 and np.isfinite(vae.score(X))


def test_partial_fit_takes_holes_in_a_data_frame_that_had_none_before(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X).add_prefix("x")
    vae = fast().partial_fit(frame)
    assert vae.partial_fit(frame.mask(X > 1.0)).n_iter_ == 2
    assert np.isfinite(vae.score(frame))


def test_partial_fit_goes_on_though_the_held_out_rows_had_said_enough(X, monkeypatch):
    monkeypatch.setattr(loop, "PATIENCE", 2)
    vae = fast(epochs=None, validation_fraction=0.5, lr=0.1).fit(X)
    n_epochs, before = vae.n_iter_, parameters(vae).copy()
    assert n_epochs < vae._training.length(N)
    assert vae.partial_fit(X).n_iter_ == n_epochs + 1
    assert (parameters(vae) != before).any()
    assert vae.history_[-1]["epoch"] == n_epochs + 1


def test_fit_starts_anew(X):
    vae = fast().fit(X[:, :3] + 5.0)
    assert_same(vae.fit(X), fast().fit(X))
    assert vae.n_features_in_ == D


def test_held_out_rows_choose_the_best_epoch(X):
    more = {"hidden": (64,), "epochs": 150, "batch_size": 5, "validation_fraction": 0.5}
    vae = VAE(**{**FAST, **more}).fit(X)
    held_out = [row["valid_elbo"] for row in vae.history_]
    best = int(np.argmax(held_out))
    assert len(held_out) == vae.n_iter_ == 150 and 0 < best < 149
    until_best = VAE(**{**vae.get_params(), "epochs": best + 1}).fit(X)
    assert parameters(vae).tobytes() == parameters(until_best).tobytes()
    assert_allclose(until_best.history_[-1]["valid_elbo"], held_out[best])


def test_verbose_shows_the_epochs_and_otherwise_nothing_is_printed(X, capsys):
    fast().fit(X).partial_fit(X)
    assert capsys.readouterr() == ("", "")
    fast(verbose=True, validation_fraction=0.2).fit(X)
    output, errors = capsys.readouterr()
    assert "epoch 3/3" in output and "held-out" in output and errors == ""


def test_on_a_terminal_the_last_line_says_how_long_it_took(X, monkeypatch):
    monkeypatch.setattr(loop, "PASSES", 3)
    monkeypatch.setattr(loop, "STEPS", 3)
    for epochs, partly in ((3, False), (None, False), (None, True)):
        monkeypatch.setattr(sys, "stdout", terminal := Terminal())
        vae = fast(verbose=True, epochs=epochs, validation_fraction=0.5)
        vae.partial_fit(X) if partly else vae.fit(X)
        *drawn, last = terminal.getvalue().split("\r")
        n = vae.n_iter_
        assert last.startswith(f"  {n} epoch{'s' * (n != 1)} in 0 s  ELBO ")
        assert last.endswith("\n")
        assert any("at most" in line for line in drawn) == (epochs is None and not partly)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def assert_usable(vae, X):
    assert np.isfinite(parameters(vae)).all()
    assert np.isfinite(vae.transform(X)).all()
    assert vae.n_iter_ == len(vae.history_)
    assert pickle.loads(pickle.dumps(vae)).n_features_in_ == D


@pytest.fixture
def taken():
    """taken(number, handler): from now on the program takes a signal so; after the test as before.

    By default Ctrl-C is Python's own, also in a run in the background of a shell, which ignores it.
    """

    def take(number, handler):
        before.setdefault(number, signal.signal(number, handler))

    before = {}
    take(signal.SIGINT, signal.default_int_handler)
    yield take
    for number, handler in before.items():
        signal.signal(number, handler)


def sent_at(monkeypatch, step, number):
    """Send the signal to this process in a step of the training that follows."""

    def check(*args, check=watchdog.check):
        steps.append(1)
        if len(steps) == step:
            signal.raise_signal(number)
        return check(*args)

    steps = []
    monkeypatch.setattr(watchdog, "check", check)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 9])  # three steps make an epoch, nine make them all
def test_control_c_is_raised_by_a_fit_that_is_a_fit(X, monkeypatch, taken, step):
    sent_at(monkeypatch, step, signal.SIGINT)
    vae = fast()
    with pytest.raises(KeyboardInterrupt, match=f"in epoch {-(-step // 3)}; the .* is fitted"):
        vae.fit(X)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert vae.n_iter_ == -(-step // 3)
    assert_usable(vae, X)
    assert vae.partial_fit(X).n_iter_ == 1 + -(-step // 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("step", [1, 5, 9])
def test_a_handler_of_the_programs_own_gets_the_signal_when_the_fit_is_a_fit(
    X, monkeypatch, taken, number, step
):
    def handler(number, frame):
        got.append(number)
        assert_usable(vae, X)

    got, vae = [], fast()
    taken(number, handler)
    sent_at(monkeypatch, step, number)
    with pytest.warns(RuntimeWarning, match="interrupted in epoch") as caught:
        assert vae.fit(X) is vae
    assert caught[0].filename == __file__
    assert got == [number] and signal.getsignal(number) is handler
    assert vae.n_iter_ == -(-step // 3)


def test_a_partial_fit_passes_control_c_on_too(X, monkeypatch, taken):
    vae = fast().partial_fit(X)
    sent_at(monkeypatch, 2, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="in epoch 2"):
        vae.partial_fit(X)
    assert vae.n_iter_ == 2
    assert_usable(vae, X)


def test_a_fit_that_fails_passes_the_signal_on(X, monkeypatch, taken):
    def check(*_):
        signal.raise_signal(signal.SIGTERM)
        raise MemoryError

    got = []
    taken(signal.SIGTERM, lambda *_: got.append(True))
    monkeypatch.setattr(watchdog, "check", check)
    with pytest.raises(MemoryError):
        fast().fit(X)
    assert got == [True]


def test_an_ignored_signal_stops_nothing(X, monkeypatch, taken):
    taken(signal.SIGTERM, signal.SIG_IGN)
    sent_at(monkeypatch, 2, signal.SIGTERM)
    assert fast().fit(X).n_iter_ == 3
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_one_control_c_ends_a_loop_of_fits(X, taken):
    def press():
        if not over.wait(0.3):
            os.kill(os.getpid(), signal.SIGINT)

    over, hand, fitted = threading.Event(), threading.Thread(target=press), []
    hand.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            for _ in range(5):
                fitted.append(VAE(**{**FAST, "epochs": 10**9}))
                fitted[-1].fit(X)
    finally:  # a fit that fails must not be followed by a Ctrl-C
        over.set()
        hand.join()
    (vae,) = fitted
    assert 0 < vae.n_iter_ < 10**9
    assert_usable(vae, X)


FIT_FOR_EVER = """
import sys, numpy as np
from numvae import VAE
X = np.random.default_rng(0).random((60, 4))
VAE(epochs=10**9, random_state=0, verbose=True).fit(X)
"""


def test_sigterm_ends_a_program_as_it_always_does():
    command = [sys.executable, "-c", FIT_FOR_EVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()  # it trains
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM and errors == b""


def fit_for_ever(_):
    VAE(**{**FAST, "epochs": 10**9}).fit(np.random.default_rng(0).random((60, 4)))


@pytest.mark.slow
def test_a_pool_can_be_left_while_its_workers_fit():
    code = f"""
import multiprocessing, sys, time
sys.path[:0] = {[str(Path(__file__).parent)]}
from test_estimator import fit_for_ever
with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map_async(fit_for_ever, range(2))
    time.sleep(1)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.slow
def test_a_handler_that_is_not_pythons_is_left_alone(tmp_path):
    """The process gets SIGTERM while it fits, which its C handler counts; the fit goes on."""
    (tmp_path / "handler.c").write_text(
        "#include <signal.h>\nint n = 0; static void count(int s) { n++; }\n"
        "__attribute__((constructor)) static void f(void) { signal(SIGTERM, count); }\n"
    )
    library = tmp_path / "handler.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "handler.c"], check=True)
    code = f"""
import ctypes, signal, numpy as np
from numvae import VAE
from numvae.training import watchdog
check = watchdog.check
watchdog.check = lambda *args: (signal.raise_signal(15), check(*args))[1]
vae = VAE(epochs=2, random_state=0).fit(np.random.default_rng(0).random((50, 3)))
assert signal.getsignal(15) is None and vae.n_iter_ == 2
assert ctypes.c_int.in_dll(ctypes.CDLL({str(library)!r}), 'n').value == 2
"""
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


@pytest.mark.parametrize(
    "settings",
    [
        {"likelihood": "continuous-bernoulli", "activation": "elu"},
        {"likelihood": "gaussian-sigma-z", "missing": True},
    ],
    ids=str,
)
def test_what_the_callers_numpy_does_about_underflow_is_nothing_to_us(rng, settings):
    def everything():
        vae = fast(n_importance=10, lr=0.1, **settings).fit(X[20:]).partial_fit(X)
        codes, *draws = vae.transform(X), *vae.encode(X, 0), vae.reconstruct(X), vae.sample(5, 0)
        return [*draws, vae.elbo(X), vae.score_samples(X), vae.impute(X, 0), vae.decode(60 * codes)]

    X = (rng.random((N, 12)) < 0.1).astype(np.float32)
    X[:, :4] *= np.float32(1e-38)
    usual = everything()
    with np.errstate(all="raise"):
        for mine, theirs in zip(everything(), usual):
            assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("settings", "scale", "says", "epochs"),
    [
        ({"lr": 1e30}, 1.0, r"epoch 1, step 2: (z|log p\(x\|z\)) is", 0),
        ({"lr": 1e30, "batch_size": N}, 1.0, r"epoch 2, step 1: (z|log p\(x\|z\)) is", 1),
        ({"lr": 1e30, "validation_fraction": 0.2}, 1.0, "epoch 1, step 2: ", 0),
        ({"lr": 1e30, "batch_size": N, "validation_fraction": 0.2}, 1.0, "epoch 2, step 1: ", 1),
        ({"lr": 1e30, "optimizer": "sgd"}, 1.0, "epoch 1, step 2: ", 0),
        ({"beta": 1e300}, 1.0, "epoch 1, step 1: the norm of the gradient is", 0),
        (RAW, 1e200, r"epoch 1, step 1: log p\(x\|z\) is", 0),
    ],
    ids=str,
)
def test_a_fit_that_diverges_keeps_its_best_epoch_and_says_where_and_no_more(
    X, settings, scale, says, epochs, monkeypatch
):
    vae = VAE(**{**FAST, **settings})
    monkeypatch.setattr(estimator.doubts, "doubts", lambda *_: ["of this fit"])
    with pytest.warns(RuntimeWarning, match=f"{says}.*first array that is not finite") as caught:
        assert vae.fit(scale * X) is vae
    (warning,) = caught
    assert warning.filename == __file__ and "\n" not in str(warning.message)
    kept = f"of epoch {vae.best_epoch_}" if vae.best_epoch_ else "of the start"
    assert str(warning.message).endswith(f" The estimator keeps the parameters {kept}.")
    assert vae.n_iter_ == epochs
    assert_usable(vae, X)


def test_numbers_that_cannot_be_standardised_are_refused(X):
    with pytest.raises(ValueError, match="Column 2 holds numbers too large to be standardised"):
        fast().fit(X * [1.0, 1e200, 1.0, 1.0])


def test_a_fit_that_diverges_in_its_first_epoch_is_left_as_it_began(X, dtype):
    """Though the steps before may have led to numbers that are finite, but of no use."""
    start = VAE(**{**FAST, "epochs": 1, "lr": 1e-300}).fit(X.astype(dtype))
    for lr in (1e30, 1e300):
        with pytest.warns(RuntimeWarning, match="epoch 1, step 2"):
            vae = VAE(**{**FAST, "lr": lr}).fit(X.astype(dtype))
        assert_allclose(parameters(vae), parameters(start), atol=1e-250)
        assert_usable(vae, X)
        assert vae.sample(5).shape == (5, D)


def test_after_a_divergence_the_next_block_is_trained_from_its_first_row(X, tmp_path):
    """In the same session, and from a file."""
    settings = {**FAST, "batch_size": 10, "binarize": "none", "likelihood": "gaussian"}
    bad = np.array(X)
    bad[5] = 1e200
    vae, clean = (VAE(**settings).partial_fit(X) for _ in range(2))
    with pytest.warns(RuntimeWarning, match="keeps the parameters from before that step"):
        vae.partial_fit(bad)
    vae.save(tmp_path / "vae.npz")
    assert vae.n_iter_ == 1
    for again in (load(tmp_path / "vae.npz"), vae):
        before = parameters(again).copy()
        again.partial_fit(X[:20])
        assert (parameters(again) != before).any()
        assert again.history_[-1]["train_nll"] != 0.0 and again.n_iter_ == 2
    assert clean.n_iter_ == 1


def test_a_model_is_not_saved_into_a_run_in_progress_nor_over_what_is_no_file(X, tmp_path):
    vae = fast().fit(X)
    with locked(tmp_path), pytest.raises(BlockingIOError, match="is in use by process"):
        vae.save(tmp_path / "model.npz")
    (tmp_path / LOCK).touch()  # of a process that died
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(FileExistsError, match="link is a symbolic link, which is not overwritten"):
        vae.save(tmp_path / "link")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: vae.save(tmp_path / "model.npz"), range(12)))
    assert (load(tmp_path / "model.npz").transform(X) == vae.transform(X)).all()
    assert sorted(os.listdir(tmp_path)) == [LOCK, "link", "model.npz"]


def test_a_run_in_progress_is_loaded_with_a_warning_at_the_caller(X, tmp_path):
    checkpoint.save(fast().fit(X)._training, tmp_path / "checkpoint.npz")
    with pytest.warns(DoubtfulFit, match="has not come to its end") as caught:
        load(tmp_path)
    assert [warning.filename for warning in caught] == [__file__]


def test_save_keeps_the_number_of_importance_samples_that_is_used(X, tmp_path):
    vae = fast().fit(X).set_params(n_importance=3)
    vae.save(tmp_path / "vae.npz")
    assert_array_equal(load(tmp_path / "vae.npz").score_samples(X), vae.score_samples(X))


# Copies.


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "sgd"])
def test_a_copy_is_equal_independent_and_goes_on_to_the_same_bits(X, copied, optimizer):
    vae = fast(optimizer=optimizer, validation_fraction=0.2).fit(X)
    other = copied(vae)
    assert_same(other, vae)
    before = parameters(vae).copy()
    other.partial_fit(X)
    assert_array_equal(parameters(vae), before)
    assert (parameters(other) != before).any()
    assert_same(vae.partial_fit(X), other)
    assert vae.score(X) == other.score(X)


def test_an_estimator_that_is_not_fitted_can_be_copied():
    assert copy.deepcopy(VAE(3)).get_params() == pickle.loads(pickle.dumps(VAE(3))).get_params()


# Files.


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("hidden", [(), [8], (8, 5), np.array([8])], ids=str)
def test_all_of_an_estimator_comes_back_from_a_file(X, likelihood, hidden, dtype, tmp_path):
    X = np.eye(D, dtype=dtype)[X.argmax(axis=1)]
    settings = {**FAST, "hidden": hidden, "lr": np.float32(0.01), "n_latent": np.int64(3)}
    settings |= {"likelihood": likelihood, "validation_fraction": 0.2, "n_importance": 7}
    vae = VAE(**settings).fit(X)
    vae.save(tmp_path / "vae.npz")
    other = load(str(tmp_path / "vae.npz"))
    assert_same(other, vae)
    params = {**vae.get_params(), "hidden": tuple(int(width) for width in hidden)}
    assert other.get_params() == params
    for method in ("transform", "reconstruct", "score_samples", "elbo"):
        assert_array_equal(getattr(other, method)(X), getattr(vae, method)(X))
    assert other.n_features_in_ == D and not hasattr(other, "feature_names_in_")
    other.partial_fit(X)
    assert other.n_iter_ == vae.n_iter_ + 1
    other.save(tmp_path / "vae.npz")
    assert_same(load(tmp_path / "vae.npz"), other)


@pytest.mark.parametrize("state", [None, np.random.default_rng(0), np.random.RandomState(0)])
def test_a_random_state_that_is_no_int_is_not_kept_but_the_scores_are(X, state, tmp_path):
    vae = VAE(**{**FAST, "random_state": state}).fit(X)
    vae.save(tmp_path / "a name without an ending")
    other = load(tmp_path / "a name without an ending")
    assert other.random_state is None
    assert_array_equal(other.score_samples(X), vae.score_samples(X))
    assert os.listdir(tmp_path) == ["a name without an ending"]


# Is a row usual?


@pytest.fixture(scope="module")
def judging():
    """An estimator that held out 40 rows of 400, these rows, and 2000 fresh ones like them."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((2400, 2)) @ rng.standard_normal((2, D)) + rng.standard_normal(
        (2400, D)
    )
    settings = {**FAST, "validation_fraction": 0.1, "n_importance": 20}
    return VAE(**settings).fit(X[:400]), X[:400], X[400:]


def test_predict_decides_as_the_p_values_and_the_decision_function_do(judging):
    vae, _, fresh = judging
    for contamination in (0.05, 0.1, 0.5):
        vae = copy.deepcopy(vae).set_params(contamination=contamination)
        usual, p = vae.predict(fresh), vae.p_values(fresh)
        assert usual.dtype == np.int64 and set(usual) == {-1, 1}
        assert_array_equal(usual == -1, p <= contamination)
        decided = vae.decision_function(fresh)
        assert_array_equal(usual == -1, decided < 0.0)
        assert_array_equal(decided, vae.score_samples(fresh) - vae.offset_)
        wanted = np.floor(contamination * 41) / 41  # and how much 40 rows may be off
        assert np.mean(usual == -1) == pytest.approx(wanted, abs=3 * np.sqrt(wanted / 41))


def test_the_reference_are_the_rows_that_training_has_not_seen(judging):
    vae, X, fresh = judging
    held_out = vae._reference.X
    _, numbers = hold_out(400, 40, 0)
    assert sorted(map(bytes, held_out)) == sorted(map(bytes, X[numbers]))
    assert_array_equal(vae.p_values(fresh), vae.p_values(fresh, held_out))


def test_the_reference_is_a_copy_of_at_most_a_thousand_rows(rng, monkeypatch):
    monkeypatch.setattr(anomaly, "MOST", 7)
    monkeypatch.setattr(anomaly, "FEWEST", 1)
    X = rng.random((60, D))
    for settings in ({}, {"validation_fraction": 0.5}):
        vae = fast(**settings).fit(X)
        assert vae._reference.X.shape == (7, D) and not np.shares_memory(vae._reference.X, X)
        assert vae._reference.held_out == bool(settings)
        assert len(np.unique(vae._reference.X, axis=0)) == 7


def test_nothing_is_scored_before_somebody_asks(X, monkeypatch):
    monkeypatch.setattr(importance, "estimate", None)
    vae = fast(validation_fraction=0.2).fit(X).partial_fit(X)
    with pytest.raises(TypeError, match="NoneType"):
        vae.offset_  # noqa: B018


def test_without_held_out_rows_a_warning_points_at_the_caller(X):
    vae = fast(n_importance=5).fit(X)
    for ask in (
        lambda: vae.predict(X),
        lambda: vae.decision_function(X),
        lambda: vae.p_values(X),
        lambda: vae.offset_,
    ):
        with pytest.warns(DoubtfulFit, match="Nothing was held out.*with 60 that were") as caught:
            ask()
        assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae.p_values(X, X)
        assert fast(validation_fraction=0.2, n_importance=5).fit(X).predict(X).shape == (60,)
    few = fast(validation_fraction=0.1, n_importance=5, contamination=0.1).fit(X)  # six of them
    with pytest.warns(DoubtfulFit, match="Among 6 reference rows the lowest decides") as caught:
        assert few.predict(X + 100.0).tolist() == [-1] * 60
    assert len(caught) == 1


def test_fit_predict_is_predict_after_fit(X):
    settings = {"validation_fraction": 0.2, "n_importance": 5}
    vae = fast(**settings)
    assert_array_equal(vae.fit_predict(X), fast(**settings).fit(X).predict(X))
    assert vae.n_iter_ == 3


def test_a_file_keeps_the_scores_that_rows_are_compared_with_and_not_the_rows(judging, tmp_path):
    vae, X, fresh = judging
    vae.set_params(contamination=0.2).save(tmp_path / "vae.npz")
    vae.set_params(contamination=0.1)
    other = load(tmp_path / "vae.npz")
    assert other.contamination == 0.2 and other._reference.X is None
    assert_array_equal(other.p_values(fresh), vae.p_values(fresh))
    assert other.set_params(contamination=0.1).offset_ == vae.offset_
    other.save(tmp_path / "again.npz")
    assert load(tmp_path / "again.npz").offset_ == vae.offset_
    with pytest.raises(ValueError, match="set n_importance back"):
        other.set_params(n_importance=21).predict(fresh)
    other.save(tmp_path / "as it is.npz")
    assert load(tmp_path / "as it is.npz").set_params(n_importance=20).offset_ == vae.offset_
    with pytest.warns(DoubtfulFit, match="with 400 that were trained on"):
        assert other.partial_fit(X).predict(fresh).shape == (2000,)


def test_a_file_without_a_reference_says_so_when_it_is_needed(judging, tmp_path):
    vae, _, fresh = judging
    checkpoint.save(vae._training, tmp_path / "of a run.npz", "model")
    other = load(tmp_path / "of a run.npz")
    for method in ("predict", "decision_function", "p_values"):
        with pytest.raises(ValueError, match="keeps no rows to compare with: give p_values an X_"):
            getattr(other, method)(fresh)
    assert_array_equal(other.p_values(fresh, fresh), vae.p_values(fresh, fresh))
    other.save(tmp_path / "vae.npz")
    with pytest.raises(ValueError, match="keeps no rows"):
        load(tmp_path / "vae.npz").predict(fresh)


def test_partial_fit_goes_on_to_compare_with_the_rows_that_fit_held_out(X):
    vae = fast(validation_fraction=0.2, n_importance=5).fit(X)
    before, kept = vae.offset_, vae._reference.X
    assert vae.partial_fit(X[:30]).offset_ != before
    assert vae._reference.X is kept
    assert vae.set_params(n_importance=50).offset_ != vae.set_params(n_importance=5).offset_
    alone = fast().partial_fit(X[:30]).partial_fit(X[:20])
    assert len(alone._reference.X) == 20 and not alone._reference.held_out


# What is known after a fit.


def test_the_best_epoch_is_that_of_the_highest_held_out_elbo(X, tmp_path):
    vae = VAE(**{**FAST, "epochs": 30, "validation_fraction": 0.5, "lr": 0.1}).fit(X)
    held_out = [row["valid_elbo"] for row in vae.history_]
    start = vae._training.start_elbo
    assert vae.best_epoch_ == (int(np.argmax(held_out)) + 1 if max(held_out) > start else 0)
    vae.save(tmp_path / "vae.npz")
    assert load(tmp_path / "vae.npz").best_epoch_ == vae.best_epoch_
    assert vae.partial_fit(X).best_epoch_ == 31
    assert fast(epochs=None).fit(X).best_epoch_ == 0


def test_sigma_is_in_the_units_of_the_columns(X, tmp_path):
    fixed, learned, of_z = (
        fast(likelihood=f"gaussian{kind}", sigma=0.3).fit(10.0 * X) for kind in KINDS_OF_SIGMA
    )
    assert_allclose(fixed.sigma_, 3.0 * X.std(axis=0))
    assert np.isnan(of_z.sigma_).all() and of_z.sigma_.shape == (D,)
    z = np.zeros((20_000, Z))
    noise = learned.network_.sample(np.random.default_rng(0), z).std(axis=0)
    assert_allclose(learned.sigma_, noise, rtol=0.03)
    learned.save(tmp_path / "vae.npz")
    assert_array_equal(load(tmp_path / "vae.npz").sigma_, learned.sigma_)


KINDS_OF_SIGMA = "-fixed", "", "-sigma-z"


# Pictures.


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_a_picture_shows_the_rows_that_were_held_out_or_those_given(X, tmp_path):
    vae = fast(validation_fraction=0.5).fit(X)
    for figure, shown in ((vae.plot(), vae._reference.X), (vae.plot(X), X)):
        points = np.asarray(figure.axes[1].collections[0].get_offsets())
        assert_allclose(np.sort(points, axis=0), np.sort(vae.transform(shown), axis=0))
        assert titles(figure)[1:3] == ["Codes", "ELBO"]
        assert titles(figure)[3].startswith("x1\nR² = ")
    figure = vae.plot(X, [f"class {i % 3}" for i in range(N)])
    legend = figure.axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["class 0", "class 1", "class 2"]
    vae.save(tmp_path / "vae.npz")
    other = load(tmp_path / "vae.npz")
    with pytest.raises(ValueError, match="A file keeps no rows: give X"):
        other.plot()
    assert len(other.plot(X).axes) == len(figure.axes)


def test_a_picture_of_more_than_two_thousand_rows_shows_so_many_of_them_all_over(X, rng):
    vae, rows = fast().fit(X), rng.standard_normal((2001, D))
    points = np.asarray(vae.plot(rows, np.arange(2001)).axes[1].collections[0].get_offsets())
    shown = vae.transform(np.delete(rows, 1999, axis=0))
    assert_allclose(np.sort(points, axis=0), np.sort(shown, axis=0))


def test_rows_that_are_images_are_drawn_as_images(X):
    vae = fast(likelihood="bernoulli").fit(np.tile(X > 0.0, 3))
    for shape in ((3, 4), [2, 2, 3]):
        images = [axes.images[0].get_array() for axes in vae.plot(shape=shape).axes if axes.images]
        assert len(images) == 2 and images[0].ndim == len(shape)
        assert images[0].min() >= 0.0 and images[0].max() <= 1.0


def test_images_of_a_file_keep_their_shape_though_they_are_trained_on(X, tmp_path):
    about = {"data": {"shape": [2, 2]}}
    checkpoint.save(fast().fit(X)._training, tmp_path / "model.npz", "model", about)
    vae = load(tmp_path / "model.npz").partial_fit(X)
    assert '"shape": [2, 2]' in vae.explore(tmp_path / "page.html", X).read_text("utf-8")


def test_images_are_shown_from_black_to_white_where_they_are_gray_and_else_from_end_to_end(
    X, tmp_path
):
    vae = fast().fit(X)
    for low, high, limits in (
        (0.0, 0.5, [0, 1]),
        (0.5, 1.0, [0, 1]),
        (0.0, 1.5, [0.0, 1.5]),
        (-0.5, 0.5, [-0.5, 0.5]),
    ):
        rows = np.linspace(low, high, 8 * D).reshape(8, D)
        text = vae.explore(tmp_path / f"{low} {high}.html", rows, shape=(2, 2)).read_text("utf-8")
        assert json.loads(re.search(r'"limits": (\[.*?\])', text)[1]) == limits


def test_a_data_frame_is_drawn_with_its_columns_and_judged(X, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "big", "small")})
    vae = fast(n_latent=2, validation_fraction=0.5, n_importance=5).fit(frame)
    for figure, classes in ((vae.plot(frame, np.arange(N) % 3), "012"), (vae.plot(), KIND)):
        legend = figure.axes[1].get_legend().get_texts()
        assert [text.get_text() for text in legend] == list(classes)
        drawn = [title.split("\n")[0] for title in titles(figure)[3:]]
        assert drawn[:2] == drawn[5:7] == ["size", "kind"]
    assert set(vae.predict(frame)) <= {-1, 1} and vae.sigma_.shape == (2,)
    assert '"size", "kind=small"' in vae.explore(tmp_path / "a.html").read_text("utf-8")
    vae.save(tmp_path / "vae.npz")
    assert_array_equal(load(tmp_path / "vae.npz").p_values(frame), vae.p_values(frame))


KIND = "big", "small"


def test_codes_are_coloured_by_what_the_model_is_conditioned_on(X):
    vae = fast(condition="y", validation_fraction=0.5).fit(X, np.array(KIND)[np.arange(N) % 2])
    legend = vae.plot().axes[1].get_legend().get_texts()
    assert [text.get_text() for text in legend] == list(KIND)


def test_missing_values_are_left_out_of_a_picture(X):
    holes = X.copy()
    holes[::2, 0] = np.nan
    figure = fast(missing=True).fit(holes).plot(holes)
    assert len(figure.axes[3].collections[0].get_offsets()) == 30


def test_a_page_to_explore_is_written_once(X, tmp_path):
    vae, path = fast(validation_fraction=0.5).fit(X), tmp_path / "<b>page.html"
    assert vae.explore(path) == path
    text = path.read_text(encoding="utf-8")
    assert "The latent space of &lt;b&gt;page</title>" in text
    assert '"columns": ["x1", "x2", "x3", "x4"]' in text
    with pytest.raises(FileExistsError, match="exists already, and is not overwritten"):
        vae.explore(path, X)
    assert path.read_text(encoding="utf-8") == text
    again = vae.explore(str(tmp_path / "again.htm"), X, [0, 1] * 30, shape=(2, 2))
    assert '"name": "y"' in again.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"y": [1] * N}, ValueError, "so give X too"),
        ({"X": True, "y": [1, 2]}, ValueError, "expected a value for each of the 60 rows"),
        ({"X": True, "y": [np.nan] * N}, ValueError, "y holds NaN or infinity"),
        ({"X": True, "y": np.zeros(N, "M8[s]")}, TypeError, "y must hold numbers or text, found d"),
        ({"shape": (3, 3)}, ValueError, r"\(H, W\) or \(H, W, 3\), of 4 numbers in all, found"),
        ({"shape": (2, 2, 1)}, ValueError, "of 4 numbers in all"),
        ({"X": [[1.0]]}, ValueError, "X has 1 features"),
    ],
)
def test_what_cannot_be_drawn_is_answered(X, tmp_path, arguments, error, says):
    vae = fast().fit(X)
    arguments = {**arguments, "X": X} if arguments.get("X") is True else arguments
    with pytest.raises(error, match=says):
        vae.plot(**arguments)
    with pytest.raises(error, match=says):
        vae.explore(tmp_path / "page.html", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_what_it_is(X, tmp_path):
    vae = fast(validation_fraction=0.2)
    assert vae._repr_html_().endswith("random_state=0)</code><br>Not fitted yet.</div>")
    text = vae.fit(X)._repr_html_()
    assert "4 columns → 2 latent units, gaussian-sigma-z; 48 training rows<br>Kept: epoch" in text
    assert f"ELBO {vae._training.best_elbo:.2f} nats per held-out row<br><svg" in text
    vae.save(tmp_path / "vae.npz")
    assert "48 training rows" in load(tmp_path / "vae.npz")._repr_html_()
    vae.partial_fit(X)
    assert "nats per training row" in vae._repr_html_() and " rows" not in vae._repr_html_()
    start = fast(epochs=None).fit(X)._repr_html_()
    assert "Kept: its start</div>" in start and "60 training rows" in start
    vae.set_params(likelihood="<script>")
    assert "<script>" not in vae._repr_html_()


# As in scikit-learn, or not.


class Mine(VAE):
    def __init__(self, n_latent=3, *, extra=1.5, epochs=2):
        super().__init__(n_latent, epochs=epochs, hidden=4, random_state=0)
        self.extra = extra


class Open(VAE):
    def __init__(self, extra=None, **settings):
        super().__init__(**{"epochs": 2, "random_state": 0, **settings})
        self.extra = extra


def test_a_subclass_has_the_arguments_of_its_own_constructor(X, tmp_path):
    mine = Mine(extra=2)
    assert mine.get_params() == {"n_latent": 3, "extra": 2, "epochs": 2}
    assert repr(mine) == "Mine(extra=2)" and repr(Mine(2, epochs=1)) == "Mine(n_latent=2, epochs=1)"
    assert mine.fit(X).transform(X).shape == (N, 3) and mine.hidden == 4
    with pytest.raises(ValueError, match="for estimator Mine; there are n_latent, extra, epochs"):
        mine.set_params(hidden=3)
    assert mine.set_params(extra=3).extra == 3
    mine.save(tmp_path / "mine.npz")
    other = load(tmp_path / "mine.npz")
    assert type(other) is VAE and other.hidden == (4,)
    assert_array_equal(other.transform(X), mine.transform(X))


def test_a_subclass_that_takes_all_settings_has_these_too(X):
    vae = Open(extra="x", n_latent=1, epochs=1)
    assert list(vae.get_params()) == ["extra", *VAE().get_params()]
    assert repr(vae) == "Open(extra='x', n_latent=1, epochs=1, random_state=0)"
    assert eval(repr(vae)).get_params() == vae.get_params()
    assert vae.fit(X).n_iter_ == 1
    with pytest.raises(TypeError, match="VAE has no early_stopping"):
        Open(early_stopping=True)


def test_what_there_is_in_scikit_learn_and_not_here_is_said_with_what_there_is_instead(X):
    for name, instead in estimator.INSTEAD.items():
        assert f"No `{name}`: {instead}." in " ".join(VAE.__doc__.split())
        for call in (VAE, VAE().set_params):
            with pytest.raises((TypeError, ValueError), match=name) as caught:
                call(**{name: 1})
        for method in ("fit", "partial_fit", "fit_transform", "fit_predict"):
            with pytest.raises(TypeError) as caught:
                getattr(VAE(), method)(X, **{name: 1})
            assert str(caught.value) == f"VAE has no {name}: {instead}."
    with pytest.raises(
        TypeError, match=r"VAE.fit\(\) got an unexpected keyword argument 'weights'"
    ):
        VAE().fit(X, weights=1)


# What help(VAE) says.


def test_the_examples_of_the_docstring_are_true():
    (example,) = doctest.DocTestFinder(recurse=False).find(VAE, "VAE", globs={})
    assert doctest.DocTestRunner().run(example).failed == 0
    assert example.examples


def test_the_docstring_has_the_sections_of_numpydoc_and_every_method():
    text = inspect.getdoc(VAE)
    sections = re.findall(r"^(.+)\n-+$", text, re.M)
    wanted = ["Parameters", "Attributes", "Methods", "Notes", "Not as in scikit-learn"]
    assert sections == [*wanted, "References", "Examples"]
    assert max(map(len, VAE.__doc__.splitlines())) <= 100
    part = dict(zip(sections, re.split(r"^.+\n-+$", text, flags=re.M)[1:]))
    public = [name for name, value in vars(VAE).items() if name[0] != "_" and callable(value)]
    assert re.findall(r"^(\w+)", part["Methods"], re.M) == public
    lines = part["Methods"].split("\n\n")[0].strip().splitlines()
    assert max(map(len, lines)) <= 96
    assert {re.match(r"\w* *", line).end() for line in lines} == {24}
    first = {
        name: re.split(r"\.(?:\s|$)", inspect.getdoc(getattr(VAE, name)))[0] for name in public
    }
    said = " ".join(f"{name} {sentence}" for name, sentence in first.items())
    assert " ".join(" ".join(lines).split()) == " ".join(said.split())
    fitted = {"offset_", "feature_names_in_"} | {
        name for name in vars(fast().fit(np.eye(D))) if name[0] != "_" and name[-1] == "_"
    }
    assert set(re.findall(r"^(\w+) :", part["Attributes"], re.M)) == fitted


def test_every_public_function_says_its_types():
    public = [value for name, value in vars(VAE).items() if name[0] != "_"]
    functions = [inspect.unwrap(value) for value in public if callable(value)]
    for function in [*functions, load, VAE.offset_.fget, VAE.__repr__]:
        signature = inspect.signature(function)
        kinds = [p.annotation for name, p in signature.parameters.items() if name != "self"]
        assert inspect.Signature.empty not in [*kinds, signature.return_annotation], function


# Before fit.


def test_not_fitted_is_both_errors_that_are_expected():
    assert issubclass(NotFittedError, ValueError) and issubclass(NotFittedError, AttributeError)


# More data than memory.

MEASURE = """
import sys
import numpy as np
from numvae import VAE

X = np.load(sys.argv[1], mmap_mode="r")
vae = VAE(hidden=(16,), epochs=1, batch_size=1000, validation_fraction=0.01, random_state=0).fit(X)
assert vae.transform(X).shape == (len(X), 16) and np.isfinite(vae.history_[0]["valid_elbo"])
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's VmHWM")
def test_two_gigabytes_are_fitted_from_disk_in_a_fifth_of_the_memory(tmp_path, rng):
    """VmHWM counts the pages of the mapped file too."""
    if shutil.disk_usage(tmp_path).free < 4e9:
        pytest.skip("needs 4 GB of disk")
    path, shape = tmp_path / "X.npy", (1_000_000, 512)
    block = rng.standard_normal((20_000, 512), dtype="float32")
    try:
        X = np.lib.format.open_memmap(path, "w+", "float32", shape)
        for start in range(0, len(X), len(block)):
            X[start : start + len(block)] = block
        del X
        assert path.stat().st_size > 2e9
        found = subprocess.run(
            [sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=False
        )
    finally:
        path.unlink()
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < 400_000, f"{int(found.stdout) // 1000} MB"


# Missing values, anomalies, and the settings of the loss.


def test_missing_values_are_refused_unless_they_are_announced(X):
    holes = X.copy()
    holes[::3, 1] = np.nan
    with pytest.raises(ValueError, match="missing=True"):
        fast().fit(holes)
    vae = fast(missing=True, n_importance=5).fit(holes)
    for method in ("transform", "score_samples", "elbo"):
        assert np.isfinite(getattr(vae, method)(holes)).all()
    with pytest.raises(ValueError, match="infinity"):
        vae.transform(np.where(np.isnan(holes), np.inf, holes))


def test_imputing_keeps_what_is_known_and_beats_the_mean(rng):
    z = rng.standard_normal((600, 1))
    X = z * np.array([[1.0, -1.0, 2.0, 0.5]]) + 0.1 * rng.standard_normal((600, 4))
    holes = X.copy()
    holes[rng.random(X.shape) < 0.3] = np.nan
    settings = {"hidden": (), "epochs": 60, "lr": 1e-2, "random_state": 0, "missing": True}
    vae = VAE(1, **settings).fit(holes[:500])
    filled, missing = vae.impute(holes[500:], random_state=0), np.isnan(holes[500:])
    assert_array_equal(filled[~missing], X[500:][~missing])
    error = np.sqrt(np.mean((filled - X[500:])[missing] ** 2))
    by_mean = np.sqrt(np.mean((np.nanmean(holes, axis=0) - X[500:])[missing] ** 2))
    assert error < 0.4 * by_mean


def test_p_values_of_the_usual_are_spread_and_those_of_the_unusual_small(X):
    vae = fast().fit(X)
    usual = vae.p_values(X, X)
    assert usual.shape == (len(X),) and usual.min() > 0.0 and usual.max() <= 1.0
    assert vae.p_values(X + 100.0, X).max() == pytest.approx(1.0 / (1 + len(X)))
    with pytest.raises(ValueError, match="^y_reference goes with X_reference, which is not given"):
        vae.p_values(X, y_reference=np.zeros(len(X)))


@pytest.mark.parametrize(
    "setting",
    [
        {"objective": "iwae", "n_samples": 3},
        {"objective": "sampled-elbo"},
        {"objective": "autoencoder"},
        {"free_bits": 5.0},
        {"warmup": 2},
        {"beta": 4.0},
        {"dropout": 0.3},
        {"denoise": ("gaussian", 0.5)},
        {"denoise": ("salt_and_pepper", 0.3)},
        {"clip": 0.1},
        {"lr": 0.1},
        {"optimizer": "sgd"},
        {"batch_size": 7},
        {"n_samples": 2},
        {"init_sigma": 0.1},
        {"activation": "elu"},
        {"schedule": "cosine"},
        {"schedule": "burda"},
        {"likelihood": "gaussian:2,gaussian-sigma-z:2"},
        {"n_latent": 3},
        {"skip": False},
        {"standardize": False},
        {"validation_fraction": 0.5},
    ],
    ids=str,
)
def test_every_setting_makes_a_difference_and_comes_back_from_a_file(X, setting, tmp_path):
    plain, vae = fast().fit(X), fast(**setting).fit(X)
    assert parameters(vae).tobytes() != parameters(plain).tobytes()
    assert np.isfinite(parameters(vae)).all()
    vae.save(tmp_path / "vae.npz")
    other = load(tmp_path / "vae.npz")
    assert other.get_params() == vae.get_params()
    assert_array_equal(other.score_samples(X), vae.score_samples(X))


def test_gray_values_are_binarized_once_or_anew_every_time_they_are_seen(X):
    gray = 1.0 / (1.0 + np.exp(-X))
    settings = {**FAST, "likelihood": "bernoulli", "n_importance": 5}
    vaes = [VAE(**settings, binarize=how).fit(gray) for how in ("none", "fixed", "dynamic")]
    assert len({parameters(vae).tobytes() for vae in vaes}) == 3
    for vae in vaes[1:]:
        scores = vae.score_samples(gray)
        assert_array_equal(scores, vae.score_samples(gray))
        assert_array_equal(scores[::-1], vae.score_samples(gray[::-1]))
        drawn = (gray > 0.5).astype(float)  # what is 0 or 1 already stays
        assert_array_equal(vae.transform(drawn), vae.network_.encode(drawn)[0])
        assert vae.partial_fit(gray).n_iter_ == 4
    with pytest.raises(ValueError, match="choose the bernoulli likelihood"):
        VAE(binarize="fixed").fit(gray)


def test_what_is_missing_stays_missing_when_gray_becomes_black_and_white(rng):
    X = np.ones((300, 6))
    X[rng.random(X.shape) < 0.5] = np.nan
    settings = {**FAST, "epochs": 40, "likelihood": "bernoulli", "missing": True}
    for how in ("none", "fixed", "dynamic"):
        vae = VAE(**settings, binarize=how).fit(X)
        assert vae.sample(500, random_state=0).mean() > 0.95


def test_pixels_drawn_once_are_those_that_are_scored(X, dtype):
    gray = (1.0 / (1.0 + np.exp(-X))).astype(dtype)
    vae = fast(likelihood="bernoulli", binarize="fixed").fit(gray)
    training = vae._training
    assert_array_equal(training.drawn(gray), training.inputs.drawn(gray))
    holes = gray.copy()
    holes[:, 0] = np.nan
    assert_array_equal(vae.impute(holes, random_state=0)[:, 1:], gray[:, 1:])


def test_settings_changed_after_a_fit_wait_for_the_next(X, tmp_path):
    gray = 1.0 / (1.0 + np.exp(-X))
    vae = fast(likelihood="bernoulli", n_importance=3).fit(gray)
    scores, twin = vae.score_samples(gray), copy.deepcopy(vae)
    vae.set_params(binarize="fixed", n_latent=7)
    vae.save(tmp_path / "vae.npz")
    other = load(tmp_path / "vae.npz")
    assert other.n_latent is None and other.binarize == "none"
    assert_array_equal(other.score_samples(gray), scores)
    assert_same(vae.partial_fit(gray), twin.partial_fit(gray))
    assert vae.fit(gray).network_.n_latent == 7


def test_one_more_epoch_after_a_schedule_goes_on_at_its_last_rate(X):
    vae = VAE(**{**FAST, "schedule": "cosine"}).fit(X)
    before = parameters(vae).copy()
    for _ in range(3):
        vae.partial_fit(X)
    assert (parameters(vae) != before).any()
    assert vae._training.optimizer.lr_factor == pytest.approx(0.25)  # of epoch 3 of 3


# Units.

KINDS = {"complete": {}, "missing": {"missing": True}}
KINDS["blocks"] = {"likelihood": "gaussian:2,categorical:2,gaussian-sigma-z:2"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [True, False], ids=["powers of two", "any units"])
def test_the_fit_is_the_same_in_all_units(X, rng, kind, exact):
    if kind == "missing":
        X = np.where(rng.random(X.shape) < 0.2, np.nan, X)
    if kind == "blocks":
        X = np.hstack([X[:, :2], np.eye(2)[1 * (X[:, 0] > 0)], X[:, 2:]])
    real = np.ones(X.shape[1])
    real[2:4] = kind != "blocks"
    a = 2.0 ** (7 * real * rng.choice([-1, 1], len(real))) if exact else np.exp(3 * real)
    c = 0.0 if exact else real * rng.normal(size=len(real))
    vaes = [fast(epochs=20, **KINDS[kind]).fit(rows) for rows in (X, a * X + c)]
    u, v = vaes
    close = assert_array_equal if exact else functools.partial(assert_allclose, rtol=0, atol=1e-6)
    close(v.transform(a * X + c), u.transform(X))
    volume = np.log(a).sum() if kind != "missing" else (~np.isnan(X)) @ np.log(a)
    assert_allclose(v.score_samples(a * X + c), u.score_samples(X) - volume, atol=1e-6)
    for method in ("reconstruct", *(["impute"] if kind == "missing" else [])):
        seed = {"random_state": 0} if method == "impute" else {}
        found, wanted = (getattr(vae, method)(Y, **seed) for vae, Y in zip(vaes, (X, a * X + c)))
        assert_allclose(wanted, a * found + c, rtol=1e-6, atol=1e-6)
    assert_allclose(v.sample(9, random_state=0), a * u.sample(9, random_state=0) + c, atol=1e-5)
    assert_allclose(
        [row["train_elbo"] for row in v.history_],
        [row["train_elbo"] - volume.mean() for row in u.history_],
        atol=1e-6 if kind != "missing" else 1.0,  # each minibatch misses others
    )


@pytest.mark.parametrize("activation", ["relu", "elu", "softplus", "linear", "tanh"])
@pytest.mark.parametrize("likelihood", ["gaussian-sigma-z", "gaussian", "gaussian-fixed"])
def test_rows_far_out_have_the_lowest_scores_and_are_filled_in_whole(
    activation, likelihood, dtype, rng
):
    settings = {**FAST, "activation": activation, "likelihood": likelihood, "lr": 0.05}
    X = rng.normal(size=(200, D)).astype(dtype)
    vae = VAE(**{**settings, "epochs": 20, "missing": True, "n_importance": 30}).fit(X[:150])
    far = np.repeat([20.0, 1e3, 1e15, 1e38 if dtype == "float32" else 1e200], 10)
    rows = far[:, None] * (1.0 + rng.random((40, D))) * rng.choice([-1, 1], (40, D))
    rows = rows.astype(dtype)
    holes = rows[::5].copy()
    holes[:, 0] = np.nan
    assert (vae.p_values(np.vstack([rows, holes]), X[150:]) == 1 / 51).all()
    assert (vae.score_samples(rows) < np.inf).all()  # NaN is not
    assert (vae.elbo(rows) < np.inf).all()
    assert all(np.isfinite(part).all() for part in vae.encode(rows, random_state=0))
    assert np.isfinite(vae.transform(rows)).all()
    filled = vae.impute(holes, random_state=0)
    assert np.isfinite(filled).all() and (np.abs(filled[:, 0] / far[::5]) <= 1e3).all()


def test_a_plain_autoencoder_is_not_stopped_by_the_log_variance_that_it_does_not_use(rng):
    X = (1e4 * rng.normal(size=(200, D))).astype(np.float32)
    settings = {"likelihood": "gaussian-fixed", "sigma": 1e4, "activation": "relu", **RAW}
    vae = VAE(**{**FAST, **settings, "objective": "autoencoder", "lr": 1e-6}).fit(X)
    assert vae.n_iter_ == FAST["epochs"]
    assert_array_equal(vae.encode(X)[1], 0.0)


def test_one_fitted_estimator_serves_many_threads(rng):
    X = rng.random((400, 30))
    vae = VAE(likelihood="gaussian-sigma-z", n_importance=20, **FAST).fit(X)
    parts = [X[:50], X[50:130], X[130:]] * 4
    methods = vae.score_samples, vae.transform, vae.reconstruct, vae.elbo
    wanted = [[method(part) for part in parts] for method in methods]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for method, right in zip(methods, wanted):
                for found, part in zip(pool.map(method, parts), right):
                    assert_array_equal(found, part)
    finally:
        sys.setswitchinterval(before)


def test_a_block_that_was_broken_off_does_not_shorten_the_next(rng, monkeypatch):
    """Whatever broke it off: the next block is trained whole, and its row is of it alone."""
    X = rng.normal(size=(100, D))
    vae, clean = (VAE(**{**FAST, "batch_size": 10}).partial_fit(X) for _ in range(2))
    steps = loop.Training.update
    monkeypatch.setattr(loop.Training, "update", broken_off(steps, after=4))
    with pytest.raises(MemoryError):
        vae.partial_fit(X)
    monkeypatch.undo()
    clean.network_.parameters.vector[...] = vae.network_.parameters.vector
    for one in (vae, clean):
        one._training.optimizer.t = 0
        for memory in one._training.optimizer.memory.values():
            memory[...] = 0.0
        one.partial_fit(X)
    assert_array_equal(parameters(vae), parameters(clean))
    assert vae.history_ == clean.history_


def broken_off(update, after):
    """Training.update, which raises a MemoryError after so many steps."""
    count = itertools.count()

    def broken(*arguments):
        if next(count) == after:
            raise MemoryError
        update(*arguments)

    return broken


def test_what_was_loaded_is_saved_with_the_scores_that_it_has(tmp_path, rng):
    VAE(epochs=1, n_importance=5, random_state=0).fit(rng.normal(size=(60, 3))).save(tmp_path / "a")
    loaded = load(tmp_path / "a").set_params(n_importance=7)
    loaded.save(tmp_path / "b")
    assert load(tmp_path / "b")._about["reference"]["samples"] == 5
