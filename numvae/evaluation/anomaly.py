"""How unusual a row is, as a p-value.

A log p(x) of −90 says little by itself; that only 1 % of known rows score as low says something.
"""

import numpy as np


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
