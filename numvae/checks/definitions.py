"""Is forward the formula it claims to be? Every answer here comes from code that shares nothing
with the package: scipy's distributions, numerical integration, sample moments, textbook loops.

Read next: lessons/bugs.py.
"""

import math

import numpy as np

from numvae.checks.finite_differences import Line, relative_error
from numvae.network import Autoencoder
from numvae.network.objectives import ImportanceWeighted, SampledELBO
from numvae.network.parameters import Parameters
from numvae.rows import beside
from numvae.rules import (
    activations,
    bernoulli,
    categorical,
    continuous_bernoulli,
    dropout,
    gaussian,
    initialization,
    mixture,
    negative_binomial,
    objectives,
    optimizers,
    poisson,
)
from numvae.settings import Settings
from numvae.training import minibatches
from numvae.training.loop import Training
from numvae.training.optimizers import BLOCK, Adam

SEED = 2014
EXACT = 1e-10


def definitions():
    """One line for each definition."""
    yield from densities()
    yield from moments()
    yield from optimizer()
    yield from invariants()
    yield from epochs()
    yield from linear_start()
    yield from units()


def densities():
    """Values against scipy's distributions, special functions and integration."""
    from scipy import integrate, special, stats

    rng = np.random.default_rng(SEED)
    a = 3.0 * rng.normal(size=(5, 4))
    yield _line("softplus", "numpy.logaddexp", activations.softplus(a), np.logaddexp(0.0, a))
    yield _line("sigmoid", "scipy.special.expit", activations.sigmoid(a), special.expit(a))

    x, mu, logvar = rng.normal(size=(3, 5, 4))
    truth = stats.norm.logpdf(x, mu, np.exp(0.5 * logvar)).sum(axis=1)
    value = gaussian.log_density(x, mu, logvar)
    yield _line("Gaussian log-density", "scipy.stats.norm", value, truth)

    x = (rng.random((5, 4)) < 0.5).astype(float)
    truth = stats.bernoulli.logpmf(x, special.expit(a)).sum(axis=1)
    value = bernoulli.log_likelihood(x, a)
    yield _line("Bernoulli log-likelihood", "scipy.stats.bernoulli", value, truth)

    one_hot = np.eye(4)[rng.integers(4, size=5)]
    truth = [stats.multinomial.logpmf(row, 1, special.softmax(b)) for row, b in zip(one_hot, a)]
    value = categorical.log_likelihood(one_hot, a)
    yield _line("categorical log-likelihood", "scipy.stats.multinomial", value, truth)

    counts = rng.poisson(np.exp(a))
    truth = stats.poisson.logpmf(counts, np.exp(a)).sum(axis=1)
    value = poisson.log_likelihood(counts, a)
    yield _line("Poisson log-likelihood", "scipy.stats.poisson", value, truth)
    log_r = rng.normal(size=a.shape[1])
    r, m = np.exp(log_r), np.exp(a)
    truth = stats.nbinom.logpmf(counts, r, r / (r + m)).sum(axis=1)
    value = negative_binomial.log_likelihood(counts, a, log_r)
    yield _line("negative binomial log-likelihood", "scipy.stats.nbinom", value, truth)

    logits = np.array([-13.8, -3.0, -0.6, -0.01, 0.0, 0.599, 0.6, 0.601, 5.0, 13.8])[:, None]

    def density(t):
        return np.exp(continuous_bernoulli.log_likelihood(np.full_like(logits, t), logits))

    value, _ = integrate.quad_vec(density, 0.0, 1.0)
    yield _line("continuous Bernoulli", "integral over [0, 1]", value, 1.0)

    q, p = stats.norm(mu, np.exp(0.5 * logvar)), stats.norm(0.0, 1.0)

    t = np.linspace(-9.0, 9.0, 501)[:, None, None]  # of q's standard deviations, from its mean
    z = q.mean() + t * q.std()
    truth = integrate.trapezoid(stats.norm.pdf(t) * (q.logpdf(z) - p.logpdf(z)), t, axis=0)
    yield _line("KL", "scipy.integrate", gaussian.kl(mu, logvar), truth)

    eps = rng.normal(size=(3, 5, 4))
    z = gaussian.reparameterize(mu, logvar, eps)
    log_q = stats.norm.logpdf(z, mu, np.exp(0.5 * logvar)).sum(axis=2)
    truth = log_q - stats.norm.logpdf(z).sum(axis=2)
    yield _line("sampled KL", "scipy.stats.norm", gaussian.sampled_kl(z, logvar, eps), truth)

    some = _some_mixture()
    parts = [
        math.log(share) + stats.multivariate_normal(mean, covariance).logpdf(x)
        for share, mean, covariance in zip(*some)
    ]
    value, truth = mixture.log_density(x, *some), special.logsumexp(parts, axis=0)
    yield _line("mixture of Gaussians", "scipy.stats, logsumexp", value, truth)

    log_px, kl = rng.normal(size=(2, 3, 5))
    truth = -np.mean(special.logsumexp(log_px - kl, axis=0) - math.log(3))
    value = objectives.importance_weighted(log_px, kl, 1.0)
    yield _line("importance-weighted bound", "scipy.special.logsumexp", value, truth)

    kl = rng.random((5, 2)) * (0.2, 2.0)
    truth = -np.mean(log_px) + 0.7 * sum(max(0.5, sum(unit) / 5) for unit in kl.T)
    value = objectives.free_bits_elbo(log_px, kl, 0.7, 0.5)
    yield _line("ELBO with free bits", "a loop over units", value, truth)

    s, floor = np.linspace(-20.0, 20.0, 9), 0.3
    truth = np.log(np.exp(s) + floor)
    yield _line("variance floor", "log(e^s + floor)", gaussian.floor_logvar(s, floor), truth)

    net, x, eps = _small_model("gaussian-sigma-z")
    mu, logvar = net.encode(x)
    z = mu + np.exp(0.5 * logvar) * eps
    log_px = []
    for sample in z:
        h = net.decoder.forward(sample)
        mean = net.likelihood.mean(h)
        sigma = np.exp(0.5 * net.likelihood.variance.forward(h, mean.shape))
        log_px.append(stats.norm.logpdf(x, mean, sigma).sum(axis=1))
    nll = -np.mean(log_px)
    value = net.loss_and_grad(x, eps)[0].nll
    yield _line("loss", "nats per example, summed over D", value, nll)
    kl = (0.5 * (mu**2 + np.exp(logvar) - 1.0) - 0.5 * logvar).sum() / len(x)
    value = net.loss_and_grad(x, eps, 0.7)[0].loss
    yield _line("loss", "nll + beta · kl", value, nll + 0.7 * kl)
    log_q = stats.norm.logpdf(z, mu, np.exp(0.5 * logvar)).sum(axis=2)
    log_w = log_px + stats.norm.logpdf(z).sum(axis=2) - log_q
    truth = -np.mean(special.logsumexp(log_w, axis=0) - math.log(len(z)))
    value = net.loss_and_grad(x, eps, 1.0, ImportanceWeighted())[0].loss
    yield _line("loss", "importance-weighted", value, truth)


def moments():
    """Samples against the moments that they are declared to have."""
    from scipy import special

    rng = np.random.default_rng(SEED)
    mu, logvar = rng.normal(size=(2, 5, 4))
    eps = rng.normal(size=(50, 5, 4))
    eps = (eps - eps.mean(axis=0)) / eps.std(axis=0)  # moments 0 and 1 exactly, so z's are exact
    z = gaussian.reparameterize(mu, logvar, eps)
    yield _line("reparameterize", "mean of z", z.mean(axis=0), mu)
    yield _line("reparameterize", "variance of z", z.var(axis=0), np.exp(logvar))

    h = np.full((40_000, 4), 2.0)
    y = dropout.forward(h, dropout.draw(rng, h.shape, 0.4, "f8"), 0.4)
    yield _line("dropout", "mean of the units", y.mean(axis=0), h[0], limit=0.01)

    net, _, _ = _small_model("bernoulli")
    noise = net.noise(np.random.default_rng(SEED), 100, 1000)
    yield _line("noise", "standard deviation", noise.std(), 1.0, limit=0.01)

    W = initialization.glorot(rng, 300, 200)
    yield _line("initial weights", "variance", W.var(), 2 / 500, limit=0.01)

    some = _some_mixture()
    z = mixture.sample(rng, 40_000, *some)
    truth = some.shares @ some.means
    yield _line("mixture of Gaussians", "mean of z", z.mean(axis=0), truth, limit=0.01)

    z = rng.normal(size=(1, 2))
    truth = special.expit(net.likelihood.layer.forward(net.decoder.forward(z)))
    value = net.sample(rng, np.repeat(z, 40_000, axis=0)).mean(axis=0, keepdims=True)
    yield _line("Bernoulli sample", "mean of x", value, truth, limit=0.01)
    yield _line("Bernoulli mean", "scipy.special.expit", net.decode(z), truth)


def optimizer():
    """Adam against Algorithm 1 of the paper, number by number; weight decay against its prior."""
    from scipy import stats

    rng = np.random.default_rng(SEED)
    gradients, lr, b1, b2, eps = rng.normal(size=8), 0.1, 0.9, 0.999, 1e-3
    theta, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    truth, m_paper, v_paper = 1.0, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        optimizers.adam(theta, np.array([g]), m, v, t, lr, b1, b2, eps)
        m_paper = b1 * m_paper + (1.0 - b1) * g
        v_paper = b2 * v_paper + (1.0 - b2) * g * g
        m_hat, v_hat = m_paper / (1.0 - b1**t), v_paper / (1.0 - b2**t)
        truth -= lr * m_hat / (math.sqrt(v_hat) + eps)
    yield _line("Adam", "Algorithm 1", theta, [truth])

    parameters = Parameters({"W": (3 * BLOCK,)}, "f8")
    adam = Adam(parameters, lr)
    parameters.gradient[...] = 5.0
    for t in range(1, 4):
        adam.update()
        yield _line("Adam", f"constant g, step {t}", parameters.vector, -lr * t, limit=1e-8)

    theta, g, n, h = rng.normal(size=5), np.zeros(5), 50, 1e-5
    optimizers.weight_decay(g, theta, 1.0 / n)
    up, down = (-stats.norm.logpdf(theta + step) / n for step in (h, -h))
    yield _line("weight decay", "scipy.stats.norm", g, (up - down) / (2.0 * h), limit=1e-8)


def invariants():
    """What must not change the answer."""
    net, x, eps = _small_model("bernoulli")
    once = net.loss_and_grad(x, eps)[1].copy()
    twice = net.loss_and_grad(np.vstack([x, x]), np.concatenate([eps, eps], axis=1))[1]
    yield _line("loss_and_grad", "batch duplicated", twice, once)
    one = eps[:1]
    sampled = net.loss_and_grad(x, one, 1.0, SampledELBO())[1].copy()
    weighted = net.loss_and_grad(x, one, 1.0, ImportanceWeighted())[1]
    yield _line("loss_and_grad", "IWAE of one sample", weighted, sampled)
    net32 = Autoencoder(**{**net.config, "dtype": "float32"})
    net32.parameters.vector[...] = net.parameters.vector
    single = net32.loss_and_grad(x.astype("f4"), eps.astype("f4"))[1]
    yield _line("loss_and_grad", "float32 for float64", single, once, limit=1e-5)


def epochs():
    """Each epoch has its own minibatches."""
    first, second = (np.array(minibatches.shuffled(SEED, epoch, 1000, 10)) for epoch in (1, 2))
    yield _line("minibatches", "each example once", np.sort(second, axis=None), np.arange(1000))
    batch = np.empty((2, 1000), int)
    for epoch, batches in enumerate((first, second)):
        batch[epoch, batches] = np.arange(100)[:, None]
    together = batch[:, :, None] == batch[:, None, :]
    parted = 1.0 - (together.all(axis=0).sum() - 1000) / (100 * 10 * 9)
    yield _line("minibatches", "pairs that the next parts", parted, 1 - 9 / 999, limit=0.01)


def linear_start():
    """Training begins at a factor analysis: the ELBO is log p(x), by scipy's normal distribution;
    conditioned, at that of what y does not explain, and it is log p(x|y).

    Whatever is drawn for ε: with the exact posterior every draw says the same.
    """
    from scipy import stats

    net, x = _at_its_start("gaussian-sigma-z")
    eps = np.random.default_rng(SEED).normal(size=(3, len(x), 2))
    b, W, psi, _ = net.factors
    truth = stats.multivariate_normal(b, W @ W.T + np.diag(psi)).logpdf(net.units.forward(x))
    truth -= np.log(x.std(axis=0)).sum()
    z = gaussian.reparameterize(*net.encode(x), eps)
    value = net.log_likelihood(x, z) - gaussian.sampled_kl(z, net.encode(x)[1], eps)
    yield _line("factor analysis", "ELBO = log p(x)", value, np.broadcast_to(truth, value.shape))

    rng = np.random.default_rng(SEED)
    y = rng.normal(size=(len(x), 2))
    x = x + x.std(axis=0) * (y @ rng.normal(size=(2, 5)))
    net = _at_its_start("gaussian-sigma-z", x, y)[0]
    b, W, psi, U = net.factors
    normal = stats.multivariate_normal(np.zeros(5), W @ W.T + np.diag(psi))
    truth = normal.logpdf(net.units.forward(x) - b - y @ U.T) - np.log(x.std(axis=0)).sum()
    mu, logvar = net.encode(x, y)
    z = gaussian.reparameterize(mu, logvar, eps)
    value = net.log_likelihood(x, z, y=y) - gaussian.sampled_kl(z, logvar, eps)
    truth = np.broadcast_to(truth, value.shape)
    yield _line("factor analysis given y", "ELBO = log p(x|y)", value, truth)
    least, *_ = np.linalg.lstsq(np.column_stack([y, np.ones(len(y))]), net.units.forward(x))
    yield _line("factor analysis given y", "numpy.linalg.lstsq", U.T, least[:2], limit=1e-3)


def units():
    """Standardised inside: rows come and go in their own units."""
    from scipy import stats

    net, x = _at_its_start("gaussian")
    x = net.units.inverse(net.units.forward(x))  # rows that standardising does not round
    rng, D = np.random.default_rng(SEED), 5
    z = rng.normal(size=(1, len(x), 2))
    sigma = net.units.scale * np.sqrt(net.factors.psi)
    truth = stats.norm.logpdf(x, net.decode(z[0]), sigma).sum(axis=1)
    yield _line("standardised columns", "scipy.stats.norm", net.log_likelihood(x, z)[0], truth)
    many = net.sample(rng, np.repeat(z[0, :1], 40_000, axis=0))
    mean, spread = net.decode(z[0, :1])[0], many.std(axis=0)
    yield _line("standardised columns", "σ of samples", spread / sigma, np.ones(D), limit=0.01)
    off = (many.mean(axis=0) - mean) / sigma
    yield _line("standardised columns", "mean of samples", 1.0 + off, np.ones(D), limit=0.01)
    everywhere = net.decode(rng.normal(size=(40_000, 2))).mean(axis=0)
    off = (everywhere - x.mean(axis=0)) / x.std(axis=0)
    yield _line("standardised columns", "mean of x", 1.0 + off, np.ones(D), limit=0.01)


def _line(name, what, value, truth, limit=EXACT):
    value, truth = np.asarray(value, float), np.asarray(truth, float)
    error = relative_error(value, np.broadcast_to(truth, value.shape))
    return Line(name, what, value.shape, error, None, limit)


def _at_its_start(likelihood, x=None, y=None):
    """A model where its training begins, and the rows, by default in units of all sizes."""
    if x is None:
        rng = np.random.default_rng(SEED)
        x = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 5)) + 0.5 * rng.normal(size=(200, 5))
        x = x * 10.0 ** np.arange(-2, 3) + 10.0 ** np.arange(5)
    settings = Settings(n_latent=2, hidden=(4,), likelihood=likelihood)
    n_condition = 0 if y is None else y.shape[1]
    return Training.new(settings, beside(x, y), SEED, n_condition).model, x


def _some_mixture():
    """Two Gaussians in four dimensions."""
    rng = np.random.default_rng(SEED)
    roots = rng.normal(size=(2, 4, 4))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(4)
    return mixture.Mixture(np.array([0.3, 0.7]), 2.0 * rng.normal(size=(2, 4)), covariances)


def _small_model(likelihood):
    rng = np.random.default_rng(SEED)
    net = Autoencoder(5, 2, (4,), "tanh", likelihood, sigma_min=0.4, dtype="f8").initialize(rng)
    net.parameters.vector += 0.3 * rng.normal(size=net.parameters.vector.size)
    x = (rng.random((6, 5)) < 0.5).astype(float)
    return net, x, rng.normal(size=(3, 6, 2))
