from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.network.parameters import Parameters
from numvae.training import optimizers
from numvae.training.optimizers import BLOCK, OPTIMIZERS

each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def run(name, shapes, steps=3, dtype="float64"):
    """(parameters, optimizer) after some steps along random gradients."""
    parameters = Parameters(shapes, dtype)
    rng = np.random.default_rng(0)
    optimizer = OPTIMIZERS[name](parameters)
    for _ in range(steps):
        parameters.gradient[...] = rng.standard_normal(parameters.gradient.size)
        optimizer.update()
    return parameters, optimizer


@each_optimizer
@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, 2 * BLOCK + 17])
def test_blocks_change_no_number(name, size, monkeypatch):
    parameters, optimizer = run(name, {"W": (size,)})
    monkeypatch.setattr(optimizers, "BLOCK", 10 * BLOCK)
    whole, other = run(name, {"W": (size,)})
    assert_array_equal(parameters.vector, whole.vector)
    for key, memory in optimizer.memory.items():
        assert_array_equal(memory, other.memory[key])


@each_optimizer
def test_t_counts_steps_and_neither_tensors_nor_blocks(name):
    for shapes in ({"W": (3,)}, {"W": (2, 2), "b": (2,), "c": (1,)}, {"W": (2 * BLOCK + 1,)}):
        for steps in (0, 1, 5):
            assert run(name, shapes, steps)[1].t == steps


@each_optimizer
def test_tensors_move_as_the_one_vector_that_they_are(name):
    parameters, _ = run(name, {"W": (2, 3), "b": (4,)})
    one, _ = run(name, {"all": (10,)})
    assert_array_equal(parameters.vector, one.vector)
    assert_array_equal(parameters.values["W"].ravel(), one.vector[:6])
    assert_array_equal(parameters.values["b"], one.vector[6:])


@each_optimizer
def test_the_gradient_is_only_read_and_the_dtype_is_kept(name, dtype):
    parameters, optimizer = run(name, {"W": (5,)}, steps=0, dtype=dtype)
    parameters.gradient[...] = g = np.arange(1.0, 6.0)
    vector = parameters.vector
    optimizer.update()
    assert_array_equal(parameters.gradient, g)
    assert parameters.vector is vector and (vector < 0.0).all()
    for array in (vector, *optimizer.memory.values()):
        assert array.dtype == dtype and array.shape == (5,)


@each_optimizer
@pytest.mark.parametrize("curvature", [0.5, 2.0])
def test_the_minimum_of_a_quadratic_is_found(name, curvature):
    lr = {"sgd": 0.02, "adagrad": 1.0, "adam": 0.02}[name]
    parameters = Parameters({"W": (3,), "b": (2,)}, "float64")
    optimizer = OPTIMIZERS[name](parameters, lr=lr)
    minimum = np.array([-3.0, 0.0, 1.0, 0.5, 2.0])
    for _ in range(2000):
        parameters.gradient[...] = curvature * (parameters.vector - minimum)
        optimizer.update()
    assert np.abs(parameters.vector - minimum).max() < 1e-5


@each_optimizer
def test_two_optimizers_share_no_memory(name):
    (_, one), (_, other) = run(name, {"W": (3,)}, 1), run(name, {"W": (3,)}, 0)
    assert all(memory.any() for memory in one.memory.values())
    assert not any(memory.any() for memory in other.memory.values())


def test_what_is_not_said_is_what_the_papers_say():
    parameters = Parameters({"W": (1,)}, "float64")
    assert {name: make(parameters).settings for name, make in OPTIMIZERS.items()} == {
        "sgd": {"lr": 1e-3, "momentum": 0.9},
        "adagrad": {"lr": 1e-2, "eps": 1e-8},
        "adam": {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    }


@each_optimizer
def test_the_schedule_scales_every_step(name):
    first, other = (Parameters({"W": (3,)}, "float64") for _ in range(2))
    for parameters, lr, factor in ((first, 0.5, None), (other, 2.0, 0.25)):
        optimizer = OPTIMIZERS[name](parameters, lr=lr)
        if factor:
            optimizer.lr_factor = factor
        for g in (1.0, -3.0):
            parameters.gradient[...] = g
            optimizer.update()
    assert first.vector.all()
    assert_array_equal(first.vector, other.vector)


@each_optimizer
def test_a_part_is_moved_alone_and_as_it_would_be_with_the_rest(name):
    """The optimizer is given views of the two vectors, as one of several processes gives it."""
    size = 2 * BLOCK + 17
    whole, of_whole = run(name, {"W": (size,)}, steps=1)
    for part in (slice(0, 5), slice(3, BLOCK + 40), slice(BLOCK, size), slice(7, 7)):
        parameters = Parameters({"W": (size,)}, "float64")
        parameters.gradient[...] = whole.gradient
        vector, gradient = parameters.vector[part], parameters.gradient[part]
        optimizer = OPTIMIZERS[name](SimpleNamespace(vector=vector, gradient=gradient))
        optimizer.update()
        wanted = np.zeros(size)
        wanted[part] = whole.vector[part]
        assert_array_equal(parameters.vector, wanted)
        for key, memory in optimizer.memory.items():
            assert_array_equal(memory, of_whole.memory[key][part])


@each_optimizer
def test_a_gradient_that_stays_0_leaves_no_denormal_number_behind(name, dtype):
    """They would slow every later step; β₁ᵗ reaches them after some 800 steps."""
    parameters, optimizer = run(name, {"W": (40,)}, dtype=dtype)
    parameters.gradient[:20] = 0.0
    for _ in range(7000 if dtype == "float64" else 1100):
        optimizer.update()
        for memory in optimizer.memory.values():
            assert ((memory == 0.0) | (np.abs(memory) >= np.finfo(dtype).tiny)).all()
    if name != "adagrad":
        first, *_ = optimizer.memory.values()
        assert (first[:20] == 0.0).all() and (first[20:] != 0.0).all()


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_what_is_forgotten_would_have_moved_nothing(name, monkeypatch, dtype):
    def train():
        parameters, optimizer = run(name, {"W": (40,)}, dtype=dtype)
        rng = np.random.default_rng(1)
        for step in range(3000):
            parameters.gradient[...] = rng.standard_normal(40) if step % 1500 < 50 else 0.0
            optimizer.update()
        return parameters.vector

    found = train()
    monkeypatch.setattr(optimizers, "FORGET_EVERY", 10**9)
    assert_array_equal(found, train())
