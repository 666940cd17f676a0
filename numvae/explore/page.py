"""One HTML file with the decoder inside: to be opened, sent and kept, without this program.

It asks nothing of the network, and its Content-Security-Policy lets it ask nothing.
"""

import base64
import html
import json
import re
from importlib import resources

import numpy as np

from numvae.network.likelihoods import OWN_UNITS, Gaussian, parse_blocks
from numvae.plots import mosaic


def page(view):
    """The text of the page that shows a View."""
    about = [repr(view.model).splitlines()[0]]
    if view.is_image:
        about += [mosaic.named(view.limits, len(view.shape) == 3)]
    parts = {
        "title": html.escape(f"The latent space of {view.name}"),
        "about": html.escape(". ".join(text.rstrip(".") for text in about if text)),
        "style": _file("page.css"),
        "decoder": _file("decoder.js"),
        "script": _file("page.js"),
        # "<" would end the script element, were a name to hold "</script>"
        "data": json.dumps(_data(view), allow_nan=False).replace("<", "\\u003c"),
    }
    return re.sub(r"{{(\w+)}}", lambda found: parts[found[1]], _file("page.html"))


def _data(view):
    """All that the page knows, as JSON can hold it."""
    data = {
        "shape": view.shape,
        "latent": view.model.n_latent,
        "units": view.units,
        "limit": view.limit,
        "decoder": _decoder(view.model),
        "points": _packed(view.mu[:, view.axes] if view.axes else view.mu[:0], "<f4"),
        "colourings": [
            {**known, "index": _packed(known["index"], "u1")} for known in view.colourings
        ],
        "codes": _packed(view.codes, "<f4"),
        "given": view.given,
        "y": _packed(view.y, "<f4"),
        "mixture": _mixture(view.mixture),
    }
    if view.is_image:
        low, high = data["limits"] = view.limits
        shades = (view.originals - low) / ((high - low) or 1)
        shades = np.nan_to_num(np.clip(shades, 0, 1), nan=0.5)  # gray where a pixel is missing
        data["originals"] = _packed(np.rint(255 * shades), "u1")
    else:
        data["columns"] = view.columns
        data["low"], data["high"] = view.low.tolist(), view.high.tolist()
    return data


def _mixture(mixture):
    """What codes are drawn from beside the prior, with covariances as their Cholesky factors."""
    if mixture is None:
        return None
    factors = np.linalg.cholesky(mixture.covariances)
    packed = {"means": _packed(mixture.means, "<f4"), "factors": _packed(factors, "<f4")}
    return {"shares": mixture.shares.tolist(), **packed}


def _decoder(model):
    """The layers from z to the mean of p(x|z); that of its variance is not drawn.

    Where a Gaussian standardises its columns, its layer says them in their own units.
    """
    likelihood = model.likelihood
    kinds = [kind for kind, _ in parse_blocks(model.config["likelihood"], model.n_features)]

    def layer(dense, units=OWN_UNITS):
        W, b = dense.W * units.scale, units.inverse(dense.b)
        return {"W": _packed(W, "<f4"), "b": _packed(b, "<f4")}

    def head(block):
        own = (block.mean_layer, block.units) if isinstance(block, Gaussian) else (block.layer,)
        return layer(*own)

    return {
        "activations": model.decoder.names,
        "skip": model.decoder.skip,
        "layers": [layer(hidden) for hidden in model.decoder.layers],
        "heads": [
            {"likelihood": kind, **head(block)}
            for kind, block in zip(kinds, getattr(likelihood, "likelihoods", [likelihood]))
        ],
    }


def _packed(array, dtype):
    """The bytes of an array as text; little-endian, as every browser's typed arrays are."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode("ascii")


def _file(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
