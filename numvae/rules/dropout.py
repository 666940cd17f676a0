"""Dropout: some units are set to 0 at random in training, so that none is relied upon.

The mask is an argument, like ε. Read next: corruption.
"""


def forward(h, mask, rate):
    """The units that stay are made larger, so that the sum a next layer sees stays the same on
    average; in evaluation there is nothing to do.

        y = h m / (1 − rate)                               (Q1)

    Shapes  h, mask (B, H), mask 0 or 1, 1 with probability 1 − rate → (B, H)
    Source  Srivastava et al. 2014, section 10
    """
    return h * mask * (1.0 / (1.0 - rate))


def backward(dy, mask, rate):
    """dh = dy m / (1 − rate)                              (Q2)

    Why     y is h times a number that does not depend on h: ∂y/∂h = m / (1 − rate)
    """
    return dy * mask * (1.0 / (1.0 - rate))


def draw(rng, shape, rate, dtype):
    """A mask: 1 with probability 1 − rate, else 0."""
    return (rng.random(shape, dtype=dtype) >= rate).astype(dtype)
