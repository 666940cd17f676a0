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

SOURCES = {"prior": "z ~ N(0, I)", "mixture": "z from a mixture fitted to the codes"}

DRAWN, AMONG, NEIGHBOURS = 1000, 20_000, 10  # draws, training digits beside them


def beside(x, X, labels):
    """How images x compare with training digits X: the mean distance to the nearest, the mean share
    of the commonest digit among the ten nearest, the mean pixel, and the Fréchet distance.

        ‖mean x − mean X‖² + tr(A + B − 2 (A B)^½),   A, B the covariances of x, X

    Shapes  x (n, D), X (N, D), labels (N,) → four numbers
    Source  Dowson & Landau 1982; tr (A B)^½ is the sum of the singular values of √A √B
    """
    squares = (x**2).sum(axis=1)[:, None] - 2 * x @ X.T + (X**2).sum(axis=1)
    nearest = np.argpartition(squares, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    shares = (labels[nearest][..., None] == np.unique(labels)).mean(axis=1)
    means = x.mean(axis=0), X.mean(axis=0)
    roots = [np.linalg.qr(u - m, "r") / np.sqrt(len(u) - 1) for u, m in zip((x, X), means)]
    frechet = ((means[0] - means[1]) ** 2).sum() + sum((R**2).sum() for R in roots)
    frechet -= 2 * np.linalg.norm(roots[0] @ roots[1].T, "nuc")
    return np.sqrt(squares.min(axis=1).clip(0)).mean(), shares.max(axis=1).mean(), x.mean(), frechet


def pictures(trained):
    planes = {name: run for name, run in trained.items() if run.model.n_latent == 2}
    for name, run in planes.items():
        yield f"latent-{name}.png", run.cloud(), f"The codes of the test digits: {NAMES[name]}."
    for name, run in planes.items():
        if name != "autoencoder":
            yield f"manifold-{name}.png", run.manifold(15), f"The plane decoded: {NAMES[name]}."
    for name, run in trained.items():
        caption = f"z ~ N(0, I), decoded: {NAMES[name]}."
        yield f"samples-{name}.png", run.samples(60, 12), caption
    for name, run in trained.items():
        if name.startswith("autoencoder"):
            caption = f"z from a mixture fitted to the codes, decoded: {NAMES[name]}."
            yield f"mixture-{name}.png", run.samples(60, 12, ("mixture",)), caption


def lines(trained):
    name, run = next(iter(trained.items()))
    x = run.inputs(slice(0, 3))
    mean, logvar = run.model.encode(x)
    eps = run.model.noise(stream(run.training.seed, *PICTURES), 1, len(x))
    sample = gaussian.reparameterize(mean, logvar, eps)[0]
    yield (
        f"The encoder gives three things, here that of {NAMES[name]} for the first three test "
        "digits:"
    )
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
            f"- {NAMES[name]}: standard deviations {std.min():.2f} to {std.max():.2f}, mean at "
            f"most {mean:.2f} away"
        )
    yield ""
    yield (
        f"{DRAWN:,} draws of z, decoded, beside {AMONG:,} training digits: the distance to the "
        f"nearest, how many of the {NEIGHBOURS} nearest are the same digit, the mean pixel, and "
        "the Fréchet distance of the pixels. Blurred digits are nearer to all, and vary less: "
        "compare only models with equally many latent units."
    )
    yield ""
    yield "| draws | nearest | same digit | mean pixel | Fréchet |"
    yield "|---|---:|---:|---:|---:|"
    X, labels = run.data.X[:AMONG], run.data.known["digit"][:AMONG]
    drawn = {"test digits": run.data.X_valid[:DRAWN]}
    for name, run in trained.items():
        for source, of in SOURCES.items():
            images = run.decoded(run.draws(DRAWN, source))
            drawn[f"{NAMES[name]}, {of}"] = images.reshape(DRAWN, -1)
    for name, x in drawn.items():
        distance, share, pixel, frechet = beside(x, X, labels)
        yield f"| {name} | {distance:.2f} | {share:.1%} | {pixel:.3f} | {frechet:.1f} |"


RECIPE = Recipe(
    title="*Variational autoencoders*, notes after *Building autoencoders in Keras*: MNIST, "
    "784-512-2",
    about="One hidden layer of 512 relu units, two latent units, batches of 128, Adam 0.001 (the "
    "notes train 50 epochs), with either reconstruction loss of the notes; the class-coloured "
    "scatter of the codes, the grid through the plane, and the cloud of a plain autoencoder beside "
    "that of the VAE. Both also with 20 latent units, to see what can be drawn from either. No "
    "number was published.",
    differences=(
        "The notes' squared error, summed over pixels, is −log p(x|z) of a Gaussian with σ² = ½ up "
        "to a constant, and is trained as that; its mean does not pass through a sigmoid.",
        "Gray pixels stay gray, as in the notes. The cross-entropy of gray values is no "
        "likelihood, so the ELBO is comparable only with others of its kind. A plain autoencoder "
        "has no bound: its number is −nll.",
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
