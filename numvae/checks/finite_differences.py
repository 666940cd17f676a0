"""The numerical gradient, and how two gradients are compared.

Read next: gradients.
"""

from typing import NamedTuple

import numpy as np

STEP = 1e-5
LIMIT = 1e-7


def numerical_gradient(f, q, step=STEP):
    """∂f/∂q for every element of q, by central differences. q is changed in place and restored.

        ∂f/∂q_i ≈ ( f(q + h e_i) − f(q − h e_i) ) / 2h     (N1)

    Shapes  q any shape, float64; f() → a number, computed from q as it stands
    Why     the error is of order h² (truncation) plus 1e-16 |f| / h (rounding): at h = 1e-5 both
            are near 1e-10.
    """
    gradient = np.empty_like(q)
    for i in np.ndindex(q.shape):
        value = q[i]
        q[i] = value + step
        above = f()
        q[i] = value - step
        below = f()
        q[i] = value
        gradient[i] = (above - below) / (2.0 * step)
    return gradient


class Line(NamedTuple):
    """One line of the table: how far `what` of `name` is from the truth, and how far it may be.

    cosine is that of the angle between the two gradients; None where something else is compared.
    """

    name: str
    what: str
    shape: tuple
    error: float
    cosine: float | None
    limit: float

    @property
    def ok(self):
        return bool(self.error < self.limit)  # a NaN is not below any limit


def relative_error(a, b):
    """‖a − b‖ / (‖a‖ + ‖b‖): 0 for equal, 1 for opposite or unrelated; 0 if both are 0."""
    scale = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(np.subtract(a, b)) / scale) if scale else 0.0


def compare(name, what, analytic, numerical, limit=LIMIT):
    """The line that holds an analytic gradient against a numerical one."""
    if np.shape(analytic) != np.shape(numerical):
        return Line(name, what, np.shape(analytic), float("nan"), float("nan"), limit)
    scale = np.linalg.norm(analytic) * np.linalg.norm(numerical)
    cosine = float(np.sum(analytic * numerical) / scale) if scale else 1.0
    error = relative_error(analytic, numerical)
    return Line(name, what, np.shape(analytic), error, cosine, limit)
