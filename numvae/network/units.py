"""The units of measurement of the columns: a model works on columns of mean 0 and standard
deviation 1, but takes and returns rows in their own units. Counts are standardised for the encoder
alone.

Read next: likelihoods.
"""

import numpy as np

from numvae.rules import standardization


class StandardUnits:
    """center and scale (D,), float64: no parameters, but measured before training begins.

    The gradients of the parameters are the same in all units: log p(x) differs by a constant.
    """

    def __init__(self, center, scale):
        self.center, self.scale = center, scale

    def forward(self, x):
        """Rows in their own units → standardised. Shapes  x (..., D) → (..., D)"""
        return standardization.forward(x, self.center, self.scale).astype(x.dtype, copy=False)

    def inverse(self, y):
        """The way back. Shapes  y (..., D) → (..., D)"""
        return standardization.inverse(y, self.center, self.scale).astype(y.dtype, copy=False)

    def log_density(self, log_py, observed=None):
        """The log-density of rows, from that of standardised rows.

        Shapes  log_py (..., B), observed (B, D) or None → (..., B)
        """
        volume = standardization.log_volume(self.scale, observed)
        return (log_py - volume).astype(log_py.dtype, copy=False)

    def columns(self, columns):
        """The units of some columns: views."""
        return StandardUnits(self.center[columns], self.scale[columns])

    def bounds(self, x):
        """How far from the center the values of each row go, and at least to ±10 standard
        deviations: what is drawn in place of a missing value should not go further.

        Shapes  x (B, D) → low, high (B, D)
        """
        reach = np.maximum(np.abs(self.forward(x)).max(axis=1, keepdims=True), 10.0)
        return self.inverse(-reach), self.inverse(reach)

    def address(self, x):
        """A key of each row, the same in any units: its standardised values to three decimals."""
        return np.rint(1024.0 * self.forward(x)) + 0.0  # −0 and 0 are one


class OwnUnits:
    """Columns that are left as they come."""

    center, scale = 0.0, 1.0

    def forward(self, x):
        return x

    def inverse(self, y):
        return y

    def log_density(self, log_py, observed=None):
        return log_py

    def columns(self, columns):
        return self

    def bounds(self, x):
        return -np.inf, np.inf

    def address(self, x):
        return x
