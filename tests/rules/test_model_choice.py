import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numvae.rules import model_choice

DRAWS = {
    "poisson": lambda rng, n: rng.poisson(4.0, n),
    "negative-binomial": lambda rng, n: rng.poisson(5.0 * rng.gamma(2.0, 0.5, n)),
    "gaussian": lambda rng, n: np.rint(rng.normal(60.0, 5.0, n)),
    "categorical": lambda rng, n: rng.choice([0, 1, 5], n, p=[0.5, 0.3, 0.2]),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_it_is_its_definition_by_scipy(name, dtype):
    """(P33), one number at a time."""
    x = DRAWS[name](np.random.default_rng(1), 40).astype(dtype)
    m, v = np.mean(x, dtype="f8"), np.var(x, dtype="f8")
    r = np.clip(m**2 / max(v - m, 1e-12), 0.01, np.exp(16.0))
    shares = [np.mean(x == one) for one in x]
    wanted = {
        "poisson": stats.poisson(m).logpmf(x).sum() - 0.5 * np.log(40),
        "negative-binomial": stats.nbinom(r, r / (r + m)).logpmf(x).sum() - np.log(40),
        "gaussian": stats.norm(m, np.sqrt(v)).logpdf(x.astype("f8")).sum() - np.log(40),
        "categorical": np.log(shares).sum() - 0.5 * (len(set(x.tolist())) - 1) * np.log(40),
    }
    found = model_choice.bic(x)
    assert list(found) == list(wanted)
    assert_allclose(list(found.values()), list(wanted.values()), rtol=1e-7)


@pytest.mark.parametrize("name", DRAWS)
def test_of_many_numbers_the_distribution_that_they_were_drawn_from_is_the_best(name):
    found = model_choice.bic(DRAWS[name](np.random.default_rng(2), 4000))
    assert max(found, key=found.get) == name


def test_the_order_of_the_numbers_says_nothing_and_they_are_not_changed(rng):
    x = rng.poisson(3.0, 50).astype("f4")
    before, found = x.copy(), model_choice.bic(x)
    assert (x == before).all()
    assert_allclose(list(model_choice.bic(x[::-1]).values()), list(found.values()), rtol=1e-12)
