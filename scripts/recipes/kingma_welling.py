"""Kingma & Welling 2014: Figures 2, 4 and 5."""

from numvae import plots
from recipes.recipe import Recipe, Run

SHARED = "--optimizer adagrad --lr 0.02 --init-sigma 0.01 --activation tanh --batch-size 100"
# The paper's prior N(0, I) on the weights takes ½ ‖θ‖² / N from the bound of an example, N = 60,000
# and 1800: a weight decay of 1/N.
MNIST = f"--data mnist --binarize dynamic --hidden 500 {SHARED} --weight-decay 1.67e-5"
FREY = (
    "--data frey --random-split --validation 165 --likelihood gaussian-sigma-z --hidden 200 "
    f"{SHARED} --weight-decay 5.56e-4"
)
# So many passes make 10^5.5, 10^6.5 (Frey: 10^7) and 10^8 training samples.
EPOCHS_MNIST = 5, 53, 1667
EPOCHS_FREY = 180, 1800, 55556
SEEN = 1e5, 1e8  # training samples: the axis of Figure 2
# The title, the latent units of Figure 2, and the range of its lower bound, nats.
BOTH = {
    "mnist": ("MNIST", (3, 5, 10, 20, 200), (-150, -100)),
    "frey": ("Frey faces", (2, 5, 10, 20), (0, 1600)),
}


def pictures(trained):
    for data, (title, units, bounds) in BOTH.items():
        runs = {z: trained[f"{data}-{z}"] for z in units if f"{data}-{z}" in trained}
        curves = {
            f"{title}, {z} latent units": (len(run.data.X), run.training.history)
            for z, run in runs.items()
        }
        if not runs:
            continue
        yield (
            f"bound-{data}.png",
            plots.bound_over_examples(curves, SEEN, bounds),
            f"Figure 2, {title}: the lower bound against the training samples seen, on the axes of "
            "the paper. The training line is the mean over an epoch, so at first it lags.",
        )
    for data, (title, *_) in BOTH.items():
        if f"{data}-2" in trained:
            yield (
                f"manifold-{data}.png",
                trained[f"{data}-2"].manifold(),
                f"Figure 4, {title}: the latent plane through the inverse Gaussian CDF, decoded.",
            )
    for z in (2, 5, 10, 20):
        if f"mnist-{z}" in trained:
            yield (
                f"samples-{z}.png",
                trained[f"mnist-{z}"].samples(),
                f"Figure 5: digits drawn from the prior of {z} latent units.",
            )


RECIPE = Recipe(
    title="Kingma & Welling 2014, *Auto-Encoding Variational Bayes* (arXiv 1312.6114), Figures 2, "
    "4 and 5",
    about="One hidden layer of tanh units (500 for MNIST, 200 for Frey faces), Adagrad, batches of "
    "100, one sample of z, all weights drawn from N(0, 0.01²), a weight decay of 1/N (the prior "
    "N(0, I) on the weights), with the latent sizes of the paper. Only curves were published: ours "
    "are drawn on the paper's axes, and no values are compared.",
    differences=(
        "MNIST's pixels are drawn as black or white every time they are used; the paper does "
        "not say how it made them binary.",
        "Adagrad's rate is 0.02 throughout (the paper chose between 0.01, 0.02 and 0.1 by the "
        "first iterations).",
        "Frey faces: σ(z) and μ(z) from the decoder, μ without a sigmoid; σ at least 0.01. The "
        "paper does not say what it held out; here 165 frames chosen at random, near-duplicates of "
        "which are in the training set.",
        "The paper goes to 10^8 training samples; the table has the epochs of these runs.",
    ),
    runs={
        **{
            f"mnist-{z}": Run(
                f"{MNIST} --latent {z}", EPOCHS_MNIST if z in (2, 20) else (0, *EPOCHS_MNIST[1:])
            )
            for z in (2, 3, 5, 10, 20, 200)
        },
        **{f"frey-{z}": Run(f"{FREY} --latent {z}", EPOCHS_FREY) for z in (2, 5, 10, 20)},
    },
    pictures=pictures,
)
