"""A data set of the user's own: a `.npy` file of rows or of images."""

import numpy as np


def load(path):
    """The array in a file, as examples.

    (N, D) are rows, (N, H, W) or (N, H, W, 3) are images. Bytes (uint8) from 0 to 255 become 0 … 1;
    bytes that are all 0 or 1 stay as they are.

    Returns X (N, D) float32 and the shape of one example
    Raises  FileNotFoundError   no such file
            ValueError          not an array of numbers of such a shape, empty, NaN or infinite
    """
    try:
        with open(path, "rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except Exception as error:  # a damaged header can raise almost anything
        raise ValueError(f"{path} is not a readable .npy array ({error}).") from None
    if array.dtype.kind not in "buif":
        raise ValueError(f"{path} must hold one array of real numbers.")
    if array.ndim not in (2, 3) and not (array.ndim == 4 and array.shape[3] == 3):
        raise ValueError(
            f"{path} has shape {array.shape}; expected (N, D) rows or (N, H, W[, 3]) images."
        )
    if array.size == 0:
        raise ValueError(f"{path} is empty: its shape is {array.shape}.")
    rows = array.reshape(len(array), -1)
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(axis=1).sum())
        raise ValueError(f"{path} holds NaN or infinity in {bad} of {len(rows)} rows; remove them.")
    if max(-float(rows.min()), float(rows.max())) > 1e30:
        raise ValueError(f"{path} holds numbers beyond 1e30, too large to train on; scale them.")
    X = rows.astype(np.float32)
    gray = array.dtype == np.uint8 and X.max() > 1
    return (X / 255 if gray else X), array.shape[1:]
