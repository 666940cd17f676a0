"""The matrix products of a training step and nothing else, into memory that is there already: the
floor on this machine."""

import numpy as np
from case import batches, from_argv, run

case, amount, _ = from_argv()
rng = np.random.default_rng(0)
encoder, decoder = case.layers()
width = case.hidden[-1] if case.hidden else case.D
heads = [(width, case.Z)] * 2
likelihood = [(case.hidden[0] if case.hidden else case.Z, case.D)] * case.heads()


def ready(shape):
    n_in, n_out = shape
    arrays = (case.B, n_in), (n_in, n_out), (case.B, n_out), (case.B, n_in), (n_in, n_out)
    return [rng.standard_normal(s, dtype=np.float32) for s in arrays]


layers = [ready(shape) for shape in (*encoder, *heads, *decoder, *likelihood)]


def step(_):
    for h, W, y, dh, dW in layers:
        np.matmul(h, W, out=y)
        np.matmul(h.T, y, out=dW)
        if h is not layers[0][0]:  # the data has no gradient
            np.matmul(y, W.T, out=dh)
    return 0.0


run(step, batches(case, 3), amount)
