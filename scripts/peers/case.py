"""What is measured: the same model, batch, loss and optimizer for everyone."""

import json
import sys
import time
from typing import NamedTuple

LR, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
SIGMA_MIN = 0.01


class Case(NamedTuple):
    """One configuration: D-H…-Z, batches of B, in float32."""

    D: int
    hidden: tuple
    Z: int
    B: int
    likelihood: str = "bernoulli"
    activation: str = "tanh"

    @property
    def name(self):
        sizes = "-".join(map(str, (self.D, *self.hidden, self.Z)))
        gaussian = " Gaussian σ(z)" * (self.likelihood == "gaussian-sigma-z")
        return f"{sizes} b{self.B}{gaussian}"

    def layers(self):
        """(n_in, n_out) of the encoder's hidden layers, and of the decoder's."""
        up = (self.D, *self.hidden)
        down = (self.Z, *reversed(self.hidden))
        return list(zip(up, up[1:])), list(zip(down, down[1:]))

    def heads(self):
        """How many numbers per feature the decoder says: the logits, or mean and log-variance."""
        return 1 if self.likelihood == "bernoulli" else 2


CASES = (
    Case(64, (32,), 2, 64, activation="relu"),
    Case(560, (256,), 2, 100, activation="relu"),
    Case(560, (200,), 20, 100, "gaussian-sigma-z"),
    Case(784, (400,), 20, 128, activation="relu"),
    Case(784, (500,), 20, 100),
    Case(784, (200, 200), 50, 20),
    Case(784, (200, 200), 50, 100),
    Case(784, (500, 500), 20, 1000, activation="relu"),
)


def batches(case, n=20):
    """n minibatches: black and white pixels, or real numbers in [0, 1]."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((n, case.B, case.D), dtype=np.float32)
    return (x < 0.3).astype(np.float32) if case.likelihood == "bernoulli" else x


def run(step, x, seconds):
    """Call step(x[i]) → loss again and again; print milliseconds per step as JSON.

    A quarter of the time warms up. What is printed is the median of chunks of steps, so that the
    clock itself does not count.
    """
    for i in range(3):
        step(x[i])
    began = time.perf_counter()
    n = 0
    while time.perf_counter() - began < 0.25 * seconds:
        step(x[n % len(x)])
        n += 1
    chunk = max(1, n // 10)
    times = []
    began = time.perf_counter()
    while time.perf_counter() - began < 0.75 * seconds:
        start = time.perf_counter()
        for i in range(chunk):
            loss = step(x[i % len(x)])
        times.append((time.perf_counter() - start) / chunk * 1e3)
    assert loss == loss, "the loss is not a number"
    print(json.dumps({"ms": sorted(times)[len(times) // 2], "loss": float(loss)}))


def told():
    """(Case, seconds, mode) from the command line: what `benchmark.py` asks of this process."""
    *case, seconds, mode = json.loads(sys.argv[1])
    case[1] = tuple(case[1])
    return Case(*case), seconds, mode
