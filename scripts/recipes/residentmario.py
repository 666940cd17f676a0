"""Notes after the Keras blog: MNIST, 784-512-2, beside a plain autoencoder."""

import numpy as np

from numvae.rules import gaussian
from numvae.streams import PICTURES, stream
from recipes.recipe import Recipe, Run

FLAGS = "--data mnist --hidden 512 --activation relu --batch-size 128 --lr 1e-3"
VAE = f"{FLAGS} --likelihood bernoulli"
PLAIN = f"{VAE} --objective autoencoder"
EPOCHS, ONLY_LONGER = (5, 50, 50), (0, 50, 50)
NAMES = {
    "cross-entropy": "the VAE with the cross-entropy",
    "mse": "the VAE with the squared error",
    "autoencoder": "the plain autoencoder",
    "cross-entropy-20": "the VAE with 20 latent units",
    "autoencoder-20": "the plain autoencoder with 20 latent units",
}


def pictures(trained):
    for name, run in trained.items():
        yield f"latent-{name}.png", run.cloud(), f"The codes of the test digits: {NAMES[name]}."
    for name, run in trained.items():
        if name != "autoencoder":
            yield f"manifold-{name}.png", run.manifold(15), f"The plane decoded: {NAMES[name]}."
    for name, run in trained.items():
        caption = f"z ~ N(0, I), decoded: {NAMES[name]}."
        yield f"samples-{name}.png", run.samples(60, 12), caption


def lines(trained):
    run = trained["cross-entropy"]
    x = run.inputs(slice(0, 3))
    mean, logvar = run.model.encode(x)
    eps = run.model.noise(stream(run.training.seed, *PICTURES), 1, len(x))
    sample = gaussian.reparameterize(mean, logvar, eps)[0]
    yield "The encoder gives three things, here for the first three test digits:"
    yield ""
    yield "| | mean | log-variance | a sample |"
    yield "|---|---|---|---|"
    for i, row in enumerate(zip(mean, logvar, sample)):
        cells = (", ".join(f"{value:.2f}" for value in values) for values in row)
        yield f"| {i + 1} | {' | '.join(cells)} |"
    yield ""
    yield (
        "How far the codes are from the prior's mean 0 and standard deviation 1, over the test set:"
    )
    yield ""
    for name, run in trained.items():
        mu, _ = run.codes(10_000)
        mean, std = np.abs(mu.mean(axis=0)).max(), mu.std(axis=0)
        yield (
            f"- {NAMES[name]}: standard deviation {std[0]:.2f} and {std[1]:.2f}, mean at most "
            f"{mean:.2f} away"
        )


RECIPE = Recipe(
    title="*Variational autoencoders*, notes after *Building autoencoders in Keras*: MNIST, "
    "784-512-2",
    about="One hidden layer of 512 relu units, two latent units, batches of 128, Adam 0.001, 50 "
    "epochs, with either reconstruction loss of the notes; the class-coloured scatter of the "
    "codes, the grid through the plane, and the cloud of a plain autoencoder beside that of the "
    "VAE. No number was published.",
    differences=(
        "The notes' squared error, summed over pixels, is −log p(x|z) of a Gaussian with σ² = ½ up "
        "to a constant, and is trained as that; its mean is not pressed through a sigmoid.",
        "Gray pixels stay gray, as in the notes; the cross-entropy of gray values is no "
        "likelihood, so the ELBO compares only with others of its kind. A plain autoencoder has no "
        "bound: what stands there is −nll.",
    ),
    runs={
        "cross-entropy": Run(f"{VAE} --latent 2", EPOCHS),
        "mse": Run(
            f"{FLAGS} --likelihood gaussian-fixed --sigma 0.70710678 --latent 2", ONLY_LONGER
        ),
        "autoencoder": Run(f"{PLAIN} --latent 2", EPOCHS),
        "cross-entropy-20": Run(f"{VAE} --latent 20", EPOCHS),
        "autoencoder-20": Run(f"{PLAIN} --latent 20", EPOCHS),
    },
    pictures=pictures,
    lines=lines,
)
