"""Every picture of the package: arrays go in, a matplotlib Figure comes out.

style       how every picture looks, and how it is saved
    save                    a picture to a PNG file
curves      lines over epochs and samples
    curves                  the ELBO and its two terms over the epochs, training and held-out
    planted_bugs            the ELBO that programs with a bug report, and the one they reach
    bound_over_samples      the estimate of log p(x) over the number of importance samples
    bound_over_examples     the lower bound against the training examples seen, a panel for each run
images      images side by side
    image_grid              images in a grid
    strips                  a labelled row for each treatment of the same images
    reconstructions         originals above their reconstructions
    inpainting              images with missing pixels, and how the model fills them in
    samples                 what the model draws, from each source of the codes
    manifold                the images decoded from a grid over two latent units
    traversals              a row for each latent unit, moved while the others stay
    interpolation           the images decoded on the way from one code to another
mosaic      many images as one array of whole screen pixels
latent      the latent space
    latent_scatter          where the examples lie, coloured by what is known of them
    kl_per_unit             the KL of each latent unit, and which are used
tables      columns of numbers
    table_reconstructions   each column against its reconstruction
    marginals               how each column is distributed, in the data and in samples
overview    all of a model
    overview                what it learned, what it makes of rows, and the rows it makes
network     the model
    network_diagram         the layers, the data's way through them, and where the loss comes from
graph       one step
    computation_graph       what is computed where, and how the gradient comes back
steps       finite differences
    errors_over_steps       their error, for each step
laboratory  experiments
    gradient_estimators     draws of the gradient by several estimators, and how noisy each is
    known_answer            training towards a log-likelihood and a subspace that are known
    densities               how probable programs find the rows of tables, beside one of them

Nothing here knows a network, and nothing touches pyplot or matplotlib's settings: a picture looks
the same whatever the caller has configured, and opens no window.

Read next: style.
"""

from numvae.backend import matplotlib
from numvae.plots.curves import bound_over_examples, bound_over_samples, curves, planted_bugs
from numvae.plots.graph import computation_graph
from numvae.plots.images import (
    image_grid,
    inpainting,
    interpolation,
    manifold,
    reconstructions,
    samples,
    strips,
    traversals,
)
from numvae.plots.laboratory import densities, gradient_estimators, known_answer
from numvae.plots.latent import kl_per_unit, latent_scatter
from numvae.plots.network import network_diagram
from numvae.plots.overview import overview
from numvae.plots.steps import errors_over_steps
from numvae.plots.style import save
from numvae.plots.tables import marginals, table_reconstructions
