"""What people use on a table instead of a VAE, each with the same floor, and VAE itself.

A program is fit(data, seed), which learns from the training rows of a `table.Split` and returns
what it can do then, as a function. Only those of the package work without scikit-learn.
"""

import numpy as np
from scipy.stats import multivariate_normal

from numvae import VAE

FLOOR = 1e-4  # least variance of a column whose variance is 1, which no program may go below
SIZES = (1, 2, 3, 5, 8, 12, 20)  # of pPCA and factor analysis
COMPONENTS = range(1, 11)  # of the mixture
FOLDS = 3


# Densities: rows (N, D) → log p(x) of each, (N,)


def normal(mean, covariance):
    """The log-density of N(mean, covariance + FLOOR · I)."""
    return multivariate_normal(mean, covariance + FLOOR * np.eye(len(mean))).logpdf


def gaussian(data, seed):
    return normal(data.train.mean(axis=0), np.cov(data.train.T, bias=True))


def ppca(data, seed):
    from sklearn.decomposition import PCA

    return _cross_validated(PCA, data.train, seed)


def factor_analysis(data, seed):
    from sklearn.decomposition import FactorAnalysis

    return _cross_validated(FactorAnalysis, data.train, seed, svd_method="lapack")


def _cross_validated(Model, X, seed, **options):
    """The linear model of the size that rows left out find most probable."""

    def fit(size, rows):
        model = Model(size, **options).fit(rows)
        return normal(model.mean_, model.get_covariance())

    def left_out(size):
        return np.mean([fit(size, X[fold != k])(X[fold == k]).mean() for k in range(FOLDS)])

    fold = np.random.default_rng(seed).permutation(len(X)) % FOLDS
    sizes = [size for size in SIZES if size < min(X.shape[1], len(X) // FOLDS)]
    return fit(max(sizes, key=left_out), X)


def mixture(data, seed):
    from sklearn.mixture import GaussianMixture

    models = [
        GaussianMixture(n, reg_covar=FLOOR, random_state=seed).fit(data.train)
        for n in COMPONENTS
        if n <= len(data.train)
    ]
    return min(models, key=lambda model: model.bic(data.train)).score_samples


def vae(**settings):
    """The fit of a VAE that scores rows."""
    return lambda data, seed: VAE(random_state=seed, **settings).fit(data.train).score_samples


def forest(data, seed):
    from sklearn.ensemble import IsolationForest

    return IsolationForest(random_state=seed).fit(data.train).score_samples


# Missing values: rows (N, D) with NaN → without


def column_means(data, seed):
    means = np.nanmean(data.train, axis=0)
    return lambda X: np.where(np.isnan(X), means, X)


def neighbours(data, seed):
    from sklearn.impute import KNNImputer

    return KNNImputer().fit(data.train).transform


def chained(data, seed):
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    return IterativeImputer(random_state=seed).fit(data.train).transform


def vae_impute(data, seed):
    return VAE(missing=True, random_state=seed).fit(data.train).impute


# Codes: rows (N, D) → (N, Z)


def vae_codes(data, seed):
    return VAE(random_state=seed).fit(data.train).transform


# Rows to train a classifier on: () → X, y


def real_rows(data, seed):
    return lambda: (data.train, data.y_train)


def gaussian_rows(data, seed):
    def draw(rows, n):
        covariance = np.cov(rows.T, bias=True) + FLOOR * np.eye(rows.shape[1])
        rng = np.random.default_rng(seed)
        return rng.multivariate_normal(rows.mean(axis=0), covariance, n)

    return _by_class(draw, data)


def vae_rows(data, seed):
    def draw(rows, n):
        return VAE(random_state=seed).fit(rows).sample(n, random_state=seed)

    return _by_class(draw, data)


def _by_class(draw, data):
    """As many rows of each class as there are: draw(rows of a class, n) → n others."""
    drawn = {}
    for label in np.unique(data.y_train):
        rows = data.train[data.y_train == label]
        drawn[label] = draw(rows, len(rows))
    X, y = np.vstack([*drawn.values()]), np.repeat([*drawn], [len(x) for x in drawn.values()])
    return lambda: (X, y)
