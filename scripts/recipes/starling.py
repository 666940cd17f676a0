"""Starling 2017 and the program it shows: MNIST with dropout, 2 to 20 latent units, denoising."""

from numvae import plots
from numvae.rules import corruption
from numvae.streams import PICTURES, stream
from recipes.recipe import Recipe, Run

FLAGS = (
    "--data mnist --likelihood bernoulli --hidden 500,500 --activation elu,tanh --dropout 0.1 "
    "--batch-size 128 --lr 1e-3"
)
EPOCHS, ONLY_LONGER = (2, 20, 60), (0, 20, 60)


def pictures(trained):
    if two := trained.get("z2"):
        yield "manifold.png", two.manifold(20), "20 × 20 codes of the plane (z = 2), decoded."
        yield "latent.png", two.cloud(), "Where the held-out digits lie in that plane."
    for name in ("z2", "z5", "z10", "z20"):
        if name in trained:
            caption = f"Held-out digits and their reconstructions from {name[1:]} numbers."
            yield f"reconstructions-{name}.png", trained[name].reconstructions(), caption
            caption = f"z ~ N(0, I), {name[1:]} numbers, decoded."
            yield f"samples-{name}.png", trained[name].samples(60, 12), caption
    curves = {name: (len(run.data.X), run.training.history) for name, run in trained.items()}
    caption = "The training. Held-out digits score better, because no unit is dropped for them."
    yield "curves.png", plots.bound_over_examples(curves), caption
    if run := trained.get("denoising"):
        x = run.inputs(slice(0, 20))
        rng = stream(run.training.seed, *PICTURES)
        kind, amount = run.training.settings.denoise
        spoiled = getattr(corruption, kind)(rng, x, amount)
        rows = [run.images(x), run.images(spoiled), run.decoded(run.model.encode(spoiled)[0])]
        labels = ["original", "spoiled", "denoised"]
        yield "denoising.png", plots.strips(rows, labels), "Salt and pepper removed."


RECIPE = Recipe(
    title="Starling 2017, *Variational Autoencoders*: MNIST with dropout, and denoising",
    about="Two hidden layers of 500 units (elu, then tanh; the decoder in reverse), dropout of "
    "0.1, Gaussian encoder, Bernoulli decoder, batches of 128, Adam 0.001 (the program trains 20 "
    "epochs): reconstructions, samples, the 20 × 20 manifold and the latent scatter with z = 2, "
    "reconstructions and samples with 5, 10 and 20, and a model that is given salt-and-pepper "
    "images and asked for the clean ones. The slides show pictures and no number.",
    differences=(
        "Gray pixels stay gray, as in the slides' program. The cross-entropy of gray values is no "
        "likelihood, so the ELBO is comparable only with others of its kind.",
        "Evaluation has no dropout.",
    ),
    runs={
        "z2": Run(f"{FLAGS} --latent 2", EPOCHS),
        "z5": Run(f"{FLAGS} --latent 5", ONLY_LONGER),
        "z10": Run(f"{FLAGS} --latent 10", ONLY_LONGER),
        "z20": Run(f"{FLAGS} --latent 20", ONLY_LONGER),
        "denoising": Run(f"{FLAGS} --latent 20 --denoise salt_and_pepper:0.3", EPOCHS),
    },
    pictures=pictures,
)
