"""Against scipy's normal distribution, and loops over points and components."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, special, stats

from numvae.rules import mixture
from numvae.rules.mixture import Mixture

K, Z, N = 3, 2, 60


@pytest.fixture
def some(rng):
    """A mixture whose components overlap."""
    roots = rng.normal(size=(K, Z, Z))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(Z)
    return Mixture(np.array([0.2, 0.5, 0.3]), 2.0 * rng.normal(size=(K, Z)), covariances)


@pytest.fixture
def z(draw):
    return 2.0 * draw(N, Z)


def joint_of(z, some):
    """The oracle."""
    return np.column_stack(
        [
            np.log(share) + stats.multivariate_normal(mean, covariance).logpdf(z)
            for share, mean, covariance in zip(*some)
        ]
    )


def penalised(z, some, spread, imagined):
    """What `fit` raises."""
    penalty = sum(
        np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, spread)) for C in some.covariances
    )
    return special.logsumexp(joint_of(z, some), axis=1).sum() - 0.5 * imagined * penalty


def test_each_component_is_a_normal_distribution(z, some):
    """(M11) (M12)"""
    assert_allclose(mixture.log_joint(z, *some), joint_of(z, some), rtol=1e-12)


def test_the_density_is_the_sum_over_components_even_far_out(z, some):
    """(M13)"""
    for scale in (1.0, 1e3, 1e100):
        wanted = special.logsumexp(joint_of(scale * z, some), axis=1)
        assert_allclose(mixture.log_density(scale * z, *some), wanted, rtol=1e-12)


def test_the_density_of_one_standard_normal_component_is_the_prior(z):
    prior = Mixture(np.ones(1), np.zeros((1, Z)), np.eye(Z)[None])
    assert_allclose(mixture.log_density(z, *prior), stats.norm.logpdf(z).sum(axis=1), rtol=1e-12)


def test_responsibilities_are_by_bayes(z, some):
    """(M14)"""
    p = np.exp(joint_of(z, some))
    r = mixture.responsibilities(mixture.log_joint(z, *some))
    assert_allclose(r, p / p.sum(axis=1, keepdims=True), rtol=1e-10)
    assert_allclose(r.sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize(("spread", "imagined"), [(np.diag([0.5, 2.0]), 1.5), (0.0, 0.0)])
def test_maximisation_point_by_point(z, rng, spread, imagined):
    """(M15) (M16) (M17), by default without imagined points"""
    r = rng.dirichlet(np.ones(K), N)
    found = mixture.maximize(z, r, *((spread, imagined) if imagined else ()))
    for k in range(K):
        n = sum(r[:, k])
        mean = sum(r[i, k] * z[i] for i in range(N)) / n
        scatter = sum(r[i, k] * np.outer(z[i] - mean, z[i] - mean) for i in range(N))
        assert_allclose(found.shares[k], n / N, rtol=1e-12)
        assert_allclose(found.means[k], mean, rtol=1e-10)
        covariance = (scatter + imagined * spread) / (n + imagined)
        assert_allclose(found.covariances[k], covariance, rtol=1e-10)
    assert_array_equal(found.covariances, found.covariances.transpose(0, 2, 1))


def test_no_other_mixture_is_better_given_the_responsibilities(z, rng):
    """(M15) (M16) (M17): a maximiser that knows nothing of them finds nothing better."""
    r, spread, imagined = rng.dirichlet(np.ones(K), N), np.diag([0.5, 2.0]), 1.5

    rows, columns = np.tril_indices(Z)

    def mixture_of(flat):
        roots = np.zeros((K, Z, Z))
        roots[:, rows, columns] = flat[K + K * Z :].reshape(K, -1)
        shares = special.softmax(flat[:K])
        return Mixture(shares, flat[K : K + K * Z].reshape(K, Z), roots @ roots.transpose(0, 2, 1))

    def loss(flat):
        some = mixture_of(flat)
        penalty = sum(
            np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, spread)) for C in some[2]
        )
        return 0.5 * imagined * penalty - (r * mixture.log_joint(z, *some)).sum()

    found = mixture.maximize(z, r, spread, imagined)
    roots = np.linalg.cholesky(found.covariances)[:, rows, columns]
    best = np.concatenate([np.log(found.shares), found.means.ravel(), roots.ravel()])
    assert_allclose(optimize.approx_fprime(best, loss, 1e-7), 0.0, atol=1e-3)
    for _ in range(5):
        assert loss(best + 0.05 * rng.normal(size=len(best))) > loss(best)


@pytest.mark.parametrize("imagined", [1.0, 5.0])
def test_no_step_lowers_the_likelihood(z, imagined):
    """(M14) (M15) (M16) (M17) (M19): that of the points and of those that are imagined."""
    r = mixture.begin(np.random.default_rng(0), z, K)
    around = [z[c == 1] - z[c == 1].mean(axis=0) for c in r.T]
    spread = sum(centered.T @ centered for centered in around) / N
    spread += 1e-6 * (1.0 + np.trace(spread) / Z) * np.eye(Z)
    values = [
        penalised(
            z,
            mixture.fit(np.random.default_rng(0), z, K, imagined, n_steps=n, enough=-np.inf),
            spread,
            imagined,
        )
        for n in range(12)
    ]
    assert (np.diff(values) > 0.0).all()


def test_without_imagined_points_the_likelihood_itself_never_falls(rng):
    z = np.concatenate([rng.normal(size=(100, Z)), rng.normal(size=(100, Z)) + 4.0])
    values = [
        mixture.log_density(z, *mixture.fit(np.random.default_rng(0), z, 2, 0.0, n, -np.inf)).mean()
        for n in range(8)
    ]
    assert (np.diff(values) >= -1e-12).all() and values[-1] > values[0]


def test_centres_are_drawn_by_their_squared_distance():
    """(M18): of 0, 1 and 3, 0 is alone only if the centres are 0 and 1."""
    z, n = np.array([[0.0], [1.0], [3.0]]), 4000
    alone = 0
    for seed in range(n):
        r = mixture.begin(np.random.default_rng(seed), z, 2)
        assert r.shape == (3, 2) and (r.sum(axis=1) == 1.0).all()
        alone += (r[0] != r[1]).all()
    assert alone / n == pytest.approx((1 / 10 + 1 / 5) / 3, abs=0.015)


def test_centres_are_those_of_k_means_point_by_point(z):
    """(M18), with the same random numbers."""
    rng = np.random.default_rng(5)
    centres = [z[rng.integers(N)]]
    while len(centres) < 4:
        d2 = np.array([min(sum((x - c) ** 2) for c in centres) for x in z])
        centres.append(z[rng.choice(N, p=d2 / sum(d2))])
    wanted = [min(range(4), key=lambda k: sum((x - centres[k]) ** 2)) for x in z]
    r = mixture.begin(np.random.default_rng(5), z, 4)
    assert_array_equal(r, np.eye(4)[wanted])


@pytest.mark.parametrize("imagined", [(), (11.0,)])
def test_the_imagined_points_are_ten_and_spread_as_the_others_and_a_little_more(z, imagined):
    """(M17) (M19): of one component, all numbers are known."""
    n, S = (*imagined, 10.0)[0], np.cov(z.T, bias=True)
    spread = S + 1e-6 * (1.0 + (S[0, 0] + S[1, 1]) / 2) * np.eye(2)
    found = mixture.fit(np.random.default_rng(0), z, 1, *imagined)
    assert_allclose(found.covariances[0], (N * S + n * spread) / (N + n), rtol=1e-9)


def test_points_belong_to_the_nearest_centre(rng):
    z = np.concatenate([rng.normal(size=(20, Z)) + 100.0 * np.array(c) for c in ((0, 0), (1, 0))])
    r = mixture.begin(rng, z, 2)
    assert_array_equal(r[:20], np.tile(r[0], (20, 1)))
    assert_array_equal(r[20:], np.tile(r[0, ::-1], (20, 1)))


def test_there_are_no_more_centres_than_points_that_differ(rng):
    assert mixture.begin(rng, np.ones((5, Z)), 3).shape == (5, 1)
    assert mixture.begin(rng, np.repeat(np.eye(Z), 4, axis=0), 3).shape == (8, 2)


def test_clusters_are_found(rng):
    truth = Mixture(
        np.array([0.7, 0.3]), np.array([[0.0, 5.0], [5.0, 0.0]]), np.stack([np.eye(Z)] * 2)
    )
    z = mixture.sample(rng, 4000, *truth)
    found = mixture.fit(rng, z, 2)
    order = found.shares.argsort()[::-1]
    assert_allclose(found.shares[order], truth.shares, atol=0.02)
    assert_allclose(found.means[order], truth.means, atol=0.1)
    assert_allclose(found.covariances[order], truth.covariances, atol=0.1)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_no_covariance_is_singular(rng, n, scale):
    """Of few points, of equal ones, and of those on a line."""
    line = rng.normal(size=(n, 1)) * np.ones((1, 4))
    for z in (line, np.ones((n, 4)), rng.normal(size=(n, 4))):
        found = mixture.fit(rng, scale * z, 3)
        assert np.isfinite(np.linalg.cholesky(found.covariances)).all()
        assert np.isfinite(mixture.log_density(scale * z, *found)).all()
        assert found.shares.sum() == pytest.approx(1.0)


def test_a_fit_ends_when_hardly_anything_is_gained(z):
    def fitted(n, enough):
        found = mixture.fit(np.random.default_rng(0), z, K, 1.0, n, enough)
        return mixture.log_density(z, *found).mean()

    rising = [fitted(n, -np.inf) for n in range(20)]
    last = next(n for n in range(1, 20) if rising[n] - rising[n - 1] < 1e-2)
    assert fitted(200, 1e-2) == pytest.approx(rising[last], rel=1e-12)


def test_draws_have_the_moments_of_the_mixture(some):
    """(M20)"""
    z = mixture.sample(np.random.default_rng(0), 200_000, *some)
    mean = some.shares @ some.means
    second = np.einsum("k,kij->ij", some.shares, some.covariances)
    second += np.einsum("k,ki,kj->ij", some.shares, some.means, some.means)
    assert_allclose(z.mean(axis=0), mean, atol=0.02)
    assert_allclose(np.cov(z.T), second - np.outer(mean, mean), atol=0.06)


def test_many_draws_take_the_memory_of_their_numbers(assert_grows):
    n, Z, rng = 20_000, 30, np.random.default_rng(0)
    with assert_grows(5 * 8 * n * Z):
        mixture.sample(rng, n, np.ones(1), np.zeros((1, Z)), np.eye(Z)[None])


def test_draws_are_distributed_as_the_density_says(some):
    """(M13) (M20): the mean of p′/p over draws from p is 1, for another density p′."""
    z = mixture.sample(np.random.default_rng(0), 100_000, *some)
    other = some._replace(shares=some.shares[::-1])
    ratio = np.exp(mixture.log_density(z, *other) - mixture.log_density(z, *some))
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_inputs_stay_as_they_are(z, some):
    for array in some:
        array.setflags(write=False)
    mixture.log_density(z, *some)
    mixture.sample(np.random.default_rng(0), 3, *some)
    mixture.fit(np.random.default_rng(0), z, K)  # z is read-only
