"""What every epoch measured, as a CSV file that a spreadsheet opens.

Columns, all in nats per example:

    epoch                               1, 2, …
    train_elbo, train_nll, train_kl     averaged while the epoch was being trained
    valid_elbo, valid_nll, valid_kl     on the held-out examples, after the epoch
    gradient_norm                       ‖∂loss/∂parameters‖, averaged over the epoch's steps

with elbo = −(nll + kl), whatever the weight of the KL in the loss was.

Read next: checkpoint.
"""

import csv
import io

from numvae.constraints import COUNT, Fields, Measured
from numvae.files import write_atomically

TRAIN, VALID = (
    [f"{prefix}_{term}" for term in ("elbo", "nll", "kl")] for prefix in ("train", "valid")
)
NUMBERS = dict.fromkeys([*TRAIN, *VALID, "gradient_norm"], Measured())
FIELDS = Fields({"epoch": COUNT, **NUMBERS}, may_lack=VALID)


def row(value):
    """A constraint: a row of a history, with or without what was measured on held-out examples."""
    value = FIELDS(value)
    if 0 < len(value.keys() & VALID) < len(VALID):
        raise ValueError(f"must have all of {', '.join(VALID)}, or none.")
    return value


def save_history(history, path):
    """Write the rows of a history, with every digit that the numbers have."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=history[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(path, text.getvalue().encode())
