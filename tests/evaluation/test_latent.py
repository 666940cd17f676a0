import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae.evaluation import latent

# Where to look.


@pytest.mark.parametrize("n", [1, 2, 15, 20])
def test_prior_quantiles_are_the_middles_of_parts_of_equal_probability(n):
    """(U3)"""
    z = latent.prior_quantiles(n)
    assert z.shape == (n,) and (np.diff(z) > 0.0).all()
    assert_allclose(stats.norm.cdf(z), [(2 * i + 1) / (2 * n) for i in range(n)], rtol=1e-12)
    assert_allclose(z, -z[::-1], atol=1e-12)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0), (1, 3)])
def test_plane_moves_two_units_and_leaves_the_others_at_zero(axes):
    horizontal, vertical = np.array([1.0, 2.0, 3.0]), np.array([-5.0, -7.0])
    z = latent.plane(horizontal, vertical, 4, axes)
    assert z.shape == (2, 3, 4)
    for r in range(2):
        for c in range(3):
            wanted = np.zeros(4)
            wanted[axes[0]], wanted[axes[1]] = horizontal[c], vertical[r]
            assert_array_equal(z[r, c], wanted)


# Ways through it.


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_interpolation_goes_from_the_one_to_the_other(draw, dtype, path):
    """(S1) (S2)"""
    a, b = draw(5, dtype=dtype), draw(5, dtype=dtype)
    z = latent.interpolate(a, b, 7, path)
    assert z.shape == (7, 5) and z.dtype == dtype
    assert_allclose(z[0], a, rtol=1e-5, atol=1e-6)
    assert_allclose(z[-1], b, rtol=1e-5, atol=1e-6)
    assert_allclose(latent.interpolate(b, a, 7, path), z[::-1], rtol=1e-4, atol=1e-5)


def test_the_middle_of_a_line_is_the_mean(draw):
    """(S1)"""
    a, b = draw(5), draw(5)
    assert_allclose(latent.interpolate(a, b, 3)[1], (a + b) / 2, rtol=1e-12)


def test_an_arc_between_codes_of_one_length_keeps_it_and_turns_evenly(draw):
    """(S2)"""
    a, b = (v / np.linalg.norm(v) * 3.0 for v in (draw(6), draw(6)))
    z = latent.interpolate(a, b, 9, "spherical")
    assert_allclose(np.linalg.norm(z, axis=1), 3.0, rtol=1e-12)
    steps = np.arccos((z[1:] * z[:-1]).sum(axis=1) / 9.0)
    assert_allclose(steps, np.arccos(a @ b / 9.0) / 8, rtol=1e-9)


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_an_arc_that_is_undetermined_is_a_line(draw, dtype, factor):
    """(S2)"""
    a = draw(4, dtype=dtype)
    b = a * np.dtype(dtype).type(factor)
    z = latent.interpolate(a, b, 5, "spherical")
    assert np.isfinite(z).all() and z.dtype == dtype
    assert_allclose(z, latent.interpolate(a, b, 5), rtol=1e-6)


def test_a_traverse_moves_one_unit(draw, dtype):
    z = draw(4, dtype=dtype)
    path = latent.traverse(z, 2, latent.prior_quantiles(5))
    assert path.shape == (5, 4) and path.dtype == dtype
    assert_allclose(path[:, 2], latent.prior_quantiles(5), rtol=1e-6, atol=1e-7)
    for unit in (0, 1, 3):
        assert_array_equal(path[:, unit], np.full(5, z[unit]))


# What it knows.


def test_recovery_is_the_prediction_of_the_nearest_neighbours_one_by_one(draw, rng):
    mu, mu_new, factor, factor_new = draw(40, 3), draw(15, 3), draw(40), draw(15)
    classes, classes_new = rng.integers(0, 3, 40), rng.integers(0, 3, 15)
    squares = right = 0.0
    for new, truth, label in zip(mu_new, factor_new, classes_new):
        nearest = sorted(range(40), key=lambda i, new=new: sum((mu[i] - new) ** 2))[:5]
        squares += (truth - sum(factor[nearest]) / 5) ** 2
        right += np.bincount(classes[nearest]).argmax() == label
    wanted = 1.0 - squares / sum((factor_new - factor_new.mean()) ** 2)
    assert latent.recovery(mu, factor, mu_new, factor_new, k=5) == pytest.approx(wanted)
    assert latent.recovery(mu, classes, mu_new, classes_new, k=5) == pytest.approx(right / 15)
    by_ten = latent.recovery(mu, factor, mu_new, factor_new, k=10)
    assert latent.recovery(mu, factor, mu_new, factor_new) == by_ten
    assert latent.recovery(mu, factor, mu_new, factor_new, k=11) != by_ten
    names = np.array(["cat", "dog", "eel"])
    known, known_new = names[classes], names[classes_new]
    assert latent.recovery(mu, known, mu_new, known_new, k=5) == pytest.approx(right / 15)


def test_recovery_is_one_for_a_code_that_knows_and_none_for_one_that_does_not(draw, rng):
    factor, other = draw(4000), draw(4000)
    classes = (factor > 0.0).astype(int) + 5
    for known, chance in ((factor, 0.0), (classes, 0.5)):
        for code, low, high in ((factor, 0.95, 1.0), (other, chance - 0.2, chance + 0.1)):
            code, new = code[:3000, None], code[3000:, None]
            assert low < latent.recovery(code, known[:3000], new, known[3000:]) <= high


@pytest.mark.parametrize("n", [1, 3, 10])
def test_recovery_makes_do_with_few_neighbours(draw, n):
    mu, factor = draw(n, 2), draw(n)
    wanted = 1.0 - np.mean((factor.mean() - draw(8) * 0.0 - np.arange(8)) ** 2) / np.var(range(8))
    assert latent.recovery(mu, factor, draw(8, 2), np.arange(8.0)) == pytest.approx(wanted)


def test_recovery_of_a_single_new_example_warns_of_nothing(draw):
    """A variance of zero divides nothing: `--validation 1` is allowed."""
    latent.recovery(draw(20, 2), draw(20), draw(1, 2), draw(1))


def test_alignment_is_the_rank_correlation_of_each_axis(draw):
    mu, factor = draw(200, 3), draw(200)
    found = latent.alignment(mu, factor)
    assert found.shape == (3,)
    ranks = factor.argsort().argsort()
    for axis in range(3):
        rho = np.corrcoef(mu[:, axis].argsort().argsort(), ranks)[0, 1]
        assert found[axis] == pytest.approx(abs(rho), rel=1e-10)


def test_alignment_is_one_for_a_monotone_map_up_or_down(draw):
    factor = draw(200)
    mu = np.stack([np.exp(3 * factor), -(factor**3), draw(200)], axis=1)
    found = latent.alignment(mu, factor)
    assert_allclose(found[:2], 1.0)
    assert found[2] < 0.4


def test_an_axis_that_is_switched_off_is_aligned_with_nothing(draw):
    """A collapsed unit says the same for every example; it has no ranks."""
    mu = np.stack([np.zeros(50), draw(50)], axis=1)
    found = latent.alignment(mu, mu[:, 1])
    assert found[0] == 0.0 and found[1] == pytest.approx(1.0)
