"""Each optimizer against its paper's algorithm, number by number in plain Python."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.rules import optimizers

STEPS, P = 20, 7
# name → (step(theta, g, memory, t), number of memory arrays)
OPTIMIZERS = {
    "sgd": (lambda theta, g, s, t: optimizers.sgd(theta, g, *s, lr=0.1, momentum=0.9), 1),
    "adagrad": (lambda theta, g, s, t: optimizers.adagrad(theta, g, *s, lr=0.1, eps=1e-8), 1),
    "adam": (
        lambda theta, g, s, t: optimizers.adam(
            theta, g, *s, t, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8
        ),
        2,
    ),
}
each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def run(name, theta, gradients, slices=(slice(None),)):
    """The trajectory of theta, (steps, P)."""
    step, n_memories = OPTIMIZERS[name]
    theta = theta.copy()
    memories = [np.zeros_like(theta) for _ in range(n_memories)]
    path = []
    for t, g in enumerate(gradients, start=1):
        for here in slices:
            step(theta[here], g[here], [memory[here] for memory in memories], t)
        path.append(theta.copy())
    return np.array(path)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_its_definition(draw, momentum):
    """(M1) (M2)"""
    theta, gradients = draw(P).copy(), draw(STEPS, P)
    v, wanted_v, wanted = np.zeros(P), [0.0] * P, theta.tolist()
    for g in gradients:
        optimizers.sgd(theta, g, v, 0.1, momentum)
        for i in range(P):
            wanted_v[i] = momentum * wanted_v[i] + g[i]
            wanted[i] = wanted[i] - 0.1 * wanted_v[i]
        assert_allclose(theta, wanted, rtol=1e-12)
        assert_allclose(v, wanted_v, rtol=1e-12)


@pytest.mark.parametrize("eps", [1e-8, 0.5])
def test_adagrad_is_its_definition(draw, eps):
    """(R1) (R2)"""
    theta, gradients = draw(P).copy(), draw(STEPS, P)
    total, wanted_total, wanted = np.zeros(P), [0.0] * P, theta.tolist()
    for g in gradients:
        optimizers.adagrad(theta, g, total, 0.1, eps)
        for i in range(P):
            wanted_total[i] = wanted_total[i] + g[i] ** 2
            wanted[i] = wanted[i] - 0.1 * g[i] / (math.sqrt(wanted_total[i]) + eps)
        assert_allclose(theta, wanted, rtol=1e-12)
        assert_allclose(total, wanted_total, rtol=1e-12)


@pytest.mark.parametrize("eps", [1e-8, 1e-4, 0.5])
@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)])
def test_adam_is_algorithm_1_of_the_paper(draw, beta1, beta2, eps):
    """(A1) (A2) (A3) (A4) (A5), in the textbook form that scales g on its way in."""
    theta, gradients = draw(P).copy(), draw(STEPS, P)
    m, v = np.zeros(P), np.zeros(P)
    paper_m, paper_v, wanted = [0.0] * P, [0.0] * P, theta.tolist()
    for t, g in enumerate(gradients, start=1):
        optimizers.adam(theta, g, m, v, t, 0.001, beta1, beta2, eps)
        for i in range(P):
            paper_m[i] = beta1 * paper_m[i] + (1.0 - beta1) * g[i]
            paper_v[i] = beta2 * paper_v[i] + (1.0 - beta2) * g[i] ** 2
            m_hat = paper_m[i] / (1.0 - beta1**t)
            v_hat = paper_v[i] / (1.0 - beta2**t)
            wanted[i] = wanted[i] - 0.001 * m_hat / (math.sqrt(v_hat) + eps)
        assert_allclose(theta, wanted, rtol=1e-12)
        assert_allclose(m * (1.0 - beta1), paper_m, rtol=1e-10, atol=1e-15)
        assert_allclose(v * (1.0 - beta2), paper_v, rtol=1e-10, atol=1e-15)


def test_adam_steps_by_lr_at_every_t_under_a_constant_gradient(draw):
    """(A3) (A4): with a wrong bias correction the first steps are too long or too short."""
    g = draw(P)
    path = run("adam", np.zeros(P), [g] * 200)
    steps = np.diff(path, axis=0, prepend=0.0)
    assert_allclose(steps, -0.1 * np.broadcast_to(np.sign(g), (200, P)), rtol=1e-5)


@each_optimizer
def test_two_tensors_with_equal_gradients_move_equally(name, draw):
    gradients = draw(STEPS, P)
    path = run(name, np.zeros(2 * P), np.concatenate([gradients, gradients], axis=1))
    assert_array_equal(path[:, :P], path[:, P:])


@each_optimizer
def test_slices_updated_one_after_another_equal_the_whole(name, draw):
    theta, gradients = draw(P), draw(STEPS, P)
    blocks = (slice(0, 3), slice(3, 6), slice(6, 9))
    assert_array_equal(run(name, theta, gradients, blocks), run(name, theta, gradients))


@each_optimizer
def test_update_is_in_place_keeps_the_dtype_and_only_reads_the_gradient(name, draw, dtype):
    step, n_memories = OPTIMIZERS[name]
    theta, g = np.zeros(P, dtype), draw(P, dtype=dtype)
    memories = [np.zeros(P, dtype) for _ in range(n_memories)]
    assert step(theta, g, memories, 1) is None
    assert theta.dtype == dtype and (theta * g < 0.0).all()
    assert all(memory.dtype == dtype and memory.all() for memory in memories)


@each_optimizer
def test_single_precision_follows_double(name, draw):
    theta, gradients = draw(P), draw(STEPS, P)
    single = run(name, theta.astype("float32"), gradients.astype("float32"))
    assert single.dtype == np.float32
    assert_allclose(single, run(name, theta, gradients), rtol=1e-4, atol=1e-5)


@each_optimizer
def test_zero_and_tiny_and_huge_gradients_stay_finite(name, dtype):
    g = np.array([0.0, 1e-30, 1e-10, 1e10, -1e15], dtype)
    path = run(name, np.zeros(5, dtype), [g] * STEPS)
    assert np.isfinite(path).all()
    assert_array_equal(path[:, 0], np.zeros(STEPS))


def test_clip_shortens_what_is_too_long_and_keeps_its_direction(draw, dtype):
    """(A0)"""
    g = draw(50, dtype=dtype)
    norm = float(np.linalg.norm(g))
    for limit in (0.5 * norm, 2.0 * norm):
        clipped = g.copy()
        optimizers.clip(clipped, norm, limit)
        assert clipped.dtype == dtype
        assert np.linalg.norm(clipped) == pytest.approx(min(limit, norm), rel=1e-5)
        assert_allclose(clipped / np.linalg.norm(clipped), g / norm, rtol=1e-5)


def test_weight_decay_adds_the_slope_of_the_priors_density(draw, is_derivative):
    """(A6), with scipy's N(0, I) for N rows."""
    theta, g, n = draw(7), draw(7), 40
    found = g.copy()
    optimizers.weight_decay(found, theta, 1.0 / n)
    assert is_derivative(lambda q: (g * q).sum() - stats.norm.logpdf(q).sum() / n, theta, found)


def test_weight_decay_leads_to_the_most_probable_parameters(dtype):
    """(A6) of ½ (θ − a)² and ½ λ θ²: a / (1 + λ)."""
    theta, a = np.zeros(3, dtype), np.array([-1.0, 0.5, 3.0], dtype)
    for _ in range(200):
        g = theta - a
        optimizers.weight_decay(g, theta, 0.25)
        optimizers.sgd(theta, g, np.zeros_like(g), 0.5, 0.0)
    assert theta.dtype == g.dtype == dtype
    assert_allclose(theta, a / 1.25, rtol=1e-6)
