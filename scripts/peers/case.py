"""What is measured: the same model, batch, loss and optimizer for everyone."""

import json
import sys
import time
from pathlib import Path
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

    A quarter of the time warms up and finds how many steps the rest has room for. What is printed
    is the median of ten chunks of steps, so that the clock itself does not count.
    """
    n, took = 1, 0.0
    while took < 0.1 * seconds:
        n *= 2
        took = _time(step, x, n)
    chunk = max(1, round(n * 0.075 * seconds / took))
    times = sorted(_time(step, x, chunk) / chunk for _ in range(10))
    loss = float(step(x[0]))
    assert loss == loss, "the loss is not a number"
    print(json.dumps({"ms": 500.0 * (times[4] + times[5]), "loss": loss, "MB": peak_memory()}))


def _time(step, x, n):
    """Seconds for n steps."""
    start = time.perf_counter()
    for i in range(n):
        step(x[i % len(x)])
    return time.perf_counter() - start


def epochs(epoch, n):
    """Call epoch() n times, a pass over MNIST each; print the seconds of each as JSON."""
    seconds = []
    for _ in range(n):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "MB": peak_memory()}))


def mnist():
    """The 60,000 training images as (N, 784) numbers in [0, 1]."""
    from numvae import datasets

    return datasets.load("mnist").X


def peak_memory():
    """The most memory that this process has had, in MB; None where the system does not say."""
    try:  # getrusage would count what the parent process had when it started this one
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


def from_argv():
    """(Case, amount, mode) from the command line: what `benchmark.py` asks of this process, and for
    how many seconds, or epochs."""
    *case, amount, mode = json.loads(sys.argv[1])
    case[1] = tuple(case[1])
    return Case(*case), amount, mode
