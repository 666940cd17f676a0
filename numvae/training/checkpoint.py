"""A trained model as one `.npz` file: arrays with names, and its configuration as JSON. No pickle.

Read next: progress.
"""

import io
import json
import zipfile

import numpy as np

from numvae.files import write_atomically
from numvae.network import Autoencoder

FORMAT_VERSION = 1


def save_model(model, path, extra=None):
    """Write a model; `extra` is a dict of plain values to keep beside it (image shape, seed, …)."""
    header = {"numvae": FORMAT_VERSION, "config": model.config, "extra": extra or {}}
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array(json.dumps(header)), **model.parameters.values)
    write_atomically(path, buffer.getvalue())


def load_model(path):
    """The model that `save_model` wrote, and its `extra`.

    Raises  ValueError with a sentence if the file is not a whole numvae model of this version
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            arrays = {name: archive[name] for name in archive.files if name != "header"}
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a readable numvae model ({error}).") from None
    version = header.get("numvae") if isinstance(header, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version}; this numvae reads version {FORMAT_VERSION}."
        )
    model = Autoencoder(**header["config"])
    values = model.parameters.values
    if {k: v.shape for k, v in arrays.items()} != {k: v.shape for k, v in values.items()}:
        raise ValueError(f"{path} is damaged: its arrays do not fit its own configuration.")
    for name, value in values.items():
        value[...] = arrays[name]
    return model, header["extra"]
