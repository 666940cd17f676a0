"""Every picture of the package: arrays go in, a matplotlib Figure comes out.

    curves            the ELBO and its two terms over the epochs, training and held-out
    image_grid        images side by side
    reconstructions   originals above what the model makes of them
    samples           what the model draws by itself, from the prior
    manifold          the images decoded from a grid over two latent units
    latent_scatter    where the examples lie in the latent space, coloured by what is known of them
    save              write a picture to a PNG file

Nothing here knows a network, and nothing touches pyplot or matplotlib's settings: a picture looks
the same whatever the caller has configured, and opens no window.

Read next: style.
"""

from numvae.plots.curves import curves
from numvae.plots.images import image_grid, manifold, reconstructions, samples
from numvae.plots.latent import latent_scatter
from numvae.plots.style import save

__all__ = [
    "curves",
    "image_grid",
    "latent_scatter",
    "manifold",
    "reconstructions",
    "samples",
    "save",
]
