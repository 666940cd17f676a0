"""A training step of numvae, as `training/loop.py` takes it, alone or shared by workers; the
time of each of its parts; an epoch of MNIST; or the rows that `score_samples` does in a second.

The loop does more around a step, which the epoch counts: it fetches the rows, addresses the noise,
and takes the norm of the gradient, to tell at once when a number is no longer finite.
"""

import json
import time

import numpy as np
from case import (
    BETA1,
    BETA2,
    EPS,
    LR,
    SIGMA_MIN,
    batches,
    epochs,
    from_argv,
    mnist,
    peak_memory,
    run,
)

from numvae import VAE, parallel
from numvae.network import Autoencoder, objectives
from numvae.settings import Settings
from numvae.training.loop import Training
from numvae.training.optimizers import Adam

case, amount, mode = from_argv()
rng = np.random.default_rng(0)
model = Autoencoder(
    case.D, case.Z, case.hidden, case.activation, case.likelihood, sigma_min=SIGMA_MIN
).initialize(rng)
optimizer = Adam(model.parameters, LR, BETA1, BETA2, EPS)
settings = Settings(batch_size=case.B, clip=None)


def step(x):
    losses, _ = model.loss_and_grad(x, model.noise(rng, 1, len(x)))
    optimizer.update()
    return losses.loss


def shared(X, **more):
    """A training of the model on X, shared by workers on all cores where that pays."""
    team, training = parallel.team(None, -1), Training(model, optimizer, settings, 0)
    team.share(training, X)
    team.run(training, X, **more)


def workers():
    """Milliseconds of a step as `training/loop.py` takes it, rows and noise included."""
    X, stamps = batches(case).reshape(-1, case.D), []

    def asked():
        return len(stamps) > 1 and stamps[-1] - stamps[0] > amount

    shared(X, epochs=10**6, on_step=lambda n: stamps.append(time.perf_counter()), asked=asked)
    chunks = np.array_split(np.diff(stamps[len(stamps) // 4 :]), 10)
    ms = 1e3 * float(np.median([chunk.mean() for chunk in chunks]))
    print(json.dumps({"ms": ms, "loss": step(X[: case.B]), "MB": peak_memory()}))


def phases():
    """Milliseconds of each part of a step, the median of many."""
    stamps, order = [], []

    def stamp(module, method, before, after):
        """Have module.method note the time, as the end of the part `before` and of `after`."""
        original = getattr(module, method)

        def stamped(*args, **settings):
            note(before)
            result = original(*args, **settings)
            note(after)
            return result

        setattr(module, method, stamped)

    def note(part):
        stamps.append(time.perf_counter())
        order.append(part)

    objective = objectives.ELBO()
    model.elbo = objective
    stamp(model, "noise", None, "sampling")
    stamp(model.logvar_head, "forward", "encoder", "encoder")
    stamp(model.decoder, "forward", "sampling", "decoder")
    stamp(objective, "forward", "likelihood", "likelihood")
    stamp(optimizer, "update", "backward", "optimizer")
    x, steps = batches(case), []
    start = time.perf_counter()
    while time.perf_counter() - start < amount:
        stamps.clear(), order.clear()
        step(x[len(steps) % len(x)])
        parts = dict.fromkeys(("encoder", "sampling", "decoder", "likelihood"), 0.0)
        for part, took in zip(order[1:], np.diff(stamps)):
            parts[part] = parts.get(part, 0.0) + 1e3 * float(took)
        steps.append(parts)
    half = steps[len(steps) // 2 :]
    print(json.dumps({part: float(np.median([parts[part] for parts in half])) for part in half[0]}))


def epoch():
    X, training = mnist(), Training(model, optimizer, settings, 0)
    epochs(lambda: [None for _ in training.steps(X)] and training.finish_epoch(), int(amount))


def epoch_by_workers():
    X, stamps = mnist(), [time.perf_counter()]
    shared(X, epochs=int(amount), on_epoch=lambda row: stamps.append(time.perf_counter()))
    print(json.dumps({"seconds": np.diff(stamps).tolist(), "MB": peak_memory()}))


def score():
    """Rows per second of `score_samples`."""
    x = batches(case).reshape(-1, case.D)
    vae = VAE(case.Z, hidden=case.hidden, likelihood=case.likelihood, epochs=1, random_state=0)
    vae.fit(x[:200])
    vae.score_samples(x[:200])
    start = time.perf_counter()
    vae.score_samples(x[:1000])
    print(json.dumps({"rows": 1000 / (time.perf_counter() - start), "draws": vae.n_importance}))


{
    "step": lambda: run(step, batches(case), amount),
    "workers": workers,
    "phases": phases,
    "epoch": epoch,
    "epoch by workers": epoch_by_workers,
    "score": score,
}[mode]()
