"""The same step in JAX: jit of loss, gradient and Adam as one function, its buffers donated; or an
epoch of MNIST, its batches taken from a NumPy array."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from case import BETA1, BETA2, EPS, LR, SIGMA_MIN, batches, epochs, from_argv, mnist, run

case, amount, mode = from_argv()
ACTIVATION = {"tanh": jnp.tanh, "relu": jax.nn.relu}[case.activation]
LOG_FLOOR = math.log(SIGMA_MIN**2)
encoder, decoder = case.layers()
shapes = [*encoder, (case.hidden[-1], case.Z), (case.hidden[-1], case.Z), *decoder]
shapes += [(case.hidden[0], case.D)] * case.heads()
rng = np.random.default_rng(0)
parameters = [
    (jnp.asarray(rng.normal(0, 1 / math.sqrt(s[0]), s), jnp.float32), jnp.zeros(s[1]))
    for s in shapes
]
n_up, n_down = len(encoder), len(decoder)


def loss(parameters, x, key):
    def dense(i, h):
        W, b = parameters[i]
        return h @ W + b

    h = x
    for i in range(n_up):
        h = ACTIVATION(dense(i, h))
    mu, logvar = dense(n_up, h), dense(n_up + 1, h)
    g = mu + jnp.exp(0.5 * logvar) * jax.random.normal(key, mu.shape)
    for i in range(n_up + 2, n_up + 2 + n_down):
        g = ACTIVATION(dense(i, g))
    a = dense(n_up + 2 + n_down, g)
    if case.likelihood == "bernoulli":
        nll = jnp.sum(jnp.maximum(a, 0) - a * x + jnp.log1p(jnp.exp(-jnp.abs(a))))
    else:
        v = jax.nn.softplus(dense(n_up + 3 + n_down, g) - LOG_FLOOR) + LOG_FLOOR
        nll = 0.5 * jnp.sum((x - a) ** 2 * jnp.exp(-v) + v + math.log(2 * math.pi))
    kl = 0.5 * jnp.sum(mu * mu + jnp.exp(logvar) - 1.0 - logvar)
    return (nll + kl) / len(x)


def train(state, x):
    parameters, m, v, t, key = state
    key, now = jax.random.split(key)
    value, gradient = jax.value_and_grad(loss)(parameters, x, now)
    t = t + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
    c1, c2 = 1 - BETA1**t, 1 - BETA2**t
    parameters = jax.tree.map(
        lambda p, m, v: p - LR * (m / c1) / (jnp.sqrt(v / c2) + EPS), parameters, m, v
    )
    return (parameters, m, v, t, key), value


train = jax.jit(train, donate_argnums=0)
zeros = jax.tree.map(jnp.zeros_like, parameters)
state = (parameters, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0), jax.random.key(0))


def step(x):
    global state
    state, value = train(state, x)
    return float(value)


if mode == "epoch":
    X = mnist()
    starts = range(0, len(X), case.B)

    def epoch():
        order = rng.permutation(len(X))
        for i in starts:
            step(X[order[i : i + case.B]])

    epochs(epoch, int(amount))
else:
    run(step, [jnp.asarray(x) for x in batches(case)], amount)
