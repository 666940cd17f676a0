"""How unusual a row is, as a p-value.

A log p(x) of −90 says little by itself; that only 1 % of known rows score as low says something.
"""

import numpy as np

from numvae.evaluation import importance
from numvae.rows import sample

# Reference rows, at most: enough for p-values of 0.001; of long rows fewer, so that they hold no
# more than so many numbers.
MOST, FEWEST, NUMBERS = 1000, 100, 2_500_000
LOWEST = -np.finfo(np.float64).max  # for −∞, which has no distance to anything


def reference_rows(X, seed):
    """At most 1,000 of rows X (N, D), of long rows at least 100, chosen by the seed: Rows."""
    return sample(X, max(FEWEST, min(MOST, NUMBERS // X.shape[1])), seed)


class Reference:
    """Rows to compare others with, and their log p(x) from the moment that it is asked for.

    X           (n, D), or None where only their scores are left, as in a file
    held_out    whether training has not seen them
    scored      how many draws each score is of, and the scores (n,); None as long as nobody asked
    """

    def __init__(self, X, held_out, scored=None):
        self.X, self.held_out, self.scored = X, held_out, scored

    @classmethod
    def of_plain(cls, plain):
        """The Reference in a file: a dict of samples, log_p and held_out."""
        log_p = np.nan_to_num(plain["log_p"], nan=LOWEST, neginf=LOWEST)
        return cls(None, plain["held_out"], (plain["samples"], log_p))

    def scores(self, model, inputs, n_samples):
        """log p(x) of each row, as `importance.estimate` has it. Shapes  → (n,)

        Raises  ValueError   they are of another number of draws, and there are no rows to score
        """
        if self.scored is None or self.scored[0] != n_samples:
            if self.X is None:
                raise ValueError(
                    f"The reference was scored with n_importance={self.scored[0]}, and a file "
                    f"keeps no rows to score anew with {n_samples}: set n_importance back, or give "
                    "p_values an X_reference."
                )
            log_p = importance.estimate(model, self.X, inputs, n_samples).log_p
            self.scored = n_samples, np.nan_to_num(log_p, nan=LOWEST, neginf=LOWEST)
        return self.scored[1]


def p_values(scores, reference):
    """The share of reference rows that score as low as each row, the row itself counted in.

        p = (1 + #{reference ≤ score}) / (1 + n)           (P1)

    A row drawn like the reference rows has p ≤ α with a probability of at most α, whatever the
    distribution of the scores. Rows that the model was trained on score a little too well, which
    makes new rows look a little too unusual: rows held out are the better reference. A low p marks
    a row as unusual, but a high one does not mark it as usual: smooth, simple data may score above
    all that the model was trained on.

    A score that is not a number is the lowest of all: nothing is known in favour of that row.

    Shapes  scores (N,), reference (n,): log p(x) or any score where low is unusual → (N,) in (0, 1]
    Source  Davison & Hinkley 1997, section 4.2; Bates et al. 2023; the warning: Nalisnick et al.
            2019
    """
    scores, reference = (np.where(np.isnan(s), -np.inf, s) for s in (scores, reference))
    as_low = np.searchsorted(np.sort(reference), scores, side="right")
    return (1.0 + as_low) / (1.0 + len(reference))


def offset(reference, contamination):
    """The score below which a row is unusual: there its p-value is at most `contamination`.

        offset = the k-th lowest reference score,  k = ⌊contamination · (1 + n)⌋      (P6)

    With so few rows that k would be 0 it is the lowest. It is lowered by a millionth, so that
    rounding does not decide about the reference row itself.

    Shapes  reference (n,) → a float
    """
    n = len(reference)
    k = np.searchsorted(np.arange(1, n + 1) / (1.0 + n), contamination, side="right")
    lowest = float(np.sort(reference)[max(k, 1) - 1])
    return max(lowest - 1e-6 * max(1.0, abs(lowest)), LOWEST)
