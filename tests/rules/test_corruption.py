import numpy as np
from numpy.testing import assert_array_equal

from numvae.rules import corruption

X = np.full((200, 500), 0.5)


def test_salt_and_pepper_replaces_the_share_it_should_half_by_0_half_by_1(rng):
    seen = corruption.salt_and_pepper(rng, X, 0.3)
    assert set(np.unique(seen)) == {0.0, 0.5, 1.0}
    for value, share in ((0.0, 0.15), (1.0, 0.15), (0.5, 0.7)):
        assert abs((seen == value).mean() - share) < 5.0 * np.sqrt(share * (1 - share) / X.size)


def test_gaussian_adds_noise_of_the_standard_deviation(rng):
    noise = corruption.gaussian(rng, X, 0.2) - X
    assert abs(noise.mean()) < 5.0 * 0.2 / np.sqrt(X.size)
    assert abs(noise.std() - 0.2) < 5.0 * 0.2 / np.sqrt(2 * X.size)


def test_the_seed_decides_the_dtype_stays_and_the_input_is_left_alone(dtype):
    x = X.astype(dtype)
    x.setflags(write=False)
    for name in corruption.NAMES:
        first, again = (
            getattr(corruption, name)(np.random.default_rng(1), x, 0.2) for _ in range(2)
        )
        assert_array_equal(first, again)
        assert first.dtype == dtype
