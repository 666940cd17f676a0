"""A data set of the user's own: a `.npy` file of rows or of images."""

import numpy as np


def load(path):
    """The array in a file, as examples.

    (N, D) are rows, (N, H, W) or (N, H, W, 3) are images. Bytes (uint8) become 0 … 1.

    Returns X (N, D) float32 and the shape of one example
    Raises  FileNotFoundError   no such file
            ValueError          not an array of numbers of such a shape, empty, NaN or infinite
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not a readable .npy array ({error}).") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif":
        raise ValueError(f"{path} must hold one array of real numbers.")
    if array.ndim not in (2, 3) and not (array.ndim == 4 and array.shape[3] == 3):
        raise ValueError(
            f"{path} has shape {array.shape}; expected (N, D) rows or (N, H, W[, 3]) images."
        )
    if array.size == 0:
        raise ValueError(f"{path} is empty: its shape is {array.shape}.")
    X = array.reshape(len(array), -1).astype(np.float32)
    if not np.isfinite(X).all():
        bad = int((~np.isfinite(X)).any(axis=1).sum())
        raise ValueError(f"{path} holds NaN or infinity in {bad} of {len(X)} rows; remove them.")
    return (X / 255 if array.dtype == np.uint8 else X), array.shape[1:]
