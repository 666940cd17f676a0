"""Burda, Grosse & Salakhutdinov 2016, Table 1, one stochastic layer, MNIST."""

from numvae import plots
from numvae.evaluation import diagnostics
from recipes.recipe import Recipe, Run

FLAGS = (
    "--data mnist --binarize dynamic --hidden 200,200 --activation tanh --latent 50 "
    "--batch-size 100 --lr 2e-3 --schedule cosine"
)
DRAWS = 50, 5000, 5000


def pictures(trained):
    best = trained.get("iwae-5") or next(iter(trained.values()))
    yield "samples.png", best.samples(), f"100 digits drawn by {best.name} from the prior."
    for name, run in trained.items():
        each = diagnostics.latent_units(*run.codes(10_000))
        active = each["activity"] > diagnostics.ACTIVE
        caption = f"The KL of each latent unit of {name}; {active.sum()} are active."
        yield f"units-{name}.png", plots.kl_per_unit(each["kl"], active), caption


RECIPE = Recipe(
    title="Burda, Grosse & Salakhutdinov 2016, *Importance Weighted Autoencoders* (arXiv "
    "1509.00519), Table 1, one stochastic layer",
    about="MNIST, pixels drawn as black or white every time they are used; 50 latent units, two "
    "hidden layers of 200 tanh units in encoder and decoder. The number is log p(x) of the 10,000 "
    "test images by importance sampling with k draws each; the paper prints the NLL, −log p(x). "
    "With one sample VAE and IWAE are the same program.",
    differences=(
        "Batches of 100 instead of 20, and Adam's rate falls from 0.002 along half a cosine "
        "instead of from 0.001 in eight stages, so fewer epochs suffice. The table says how many; "
        "the paper has 3,280.",
        "Adam's ε is 1e-8 instead of 1e-4.",
    ),
    runs={
        "vae-1": Run(FLAGS, (10, 40, 3280), DRAWS, "-86.76 (k = 5,000)"),
        "vae-5": Run(FLAGS + " --samples 5", (0, 40, 3280), DRAWS, "-86.47 (k = 5,000)"),
        "iwae-5": Run(
            FLAGS + " --samples 5 --objective iwae", (0, 40, 3280), DRAWS, "-85.54 (k = 5,000)"
        ),
        "vae-50": Run(FLAGS + " --samples 50", (0, 0, 3280), DRAWS, "-86.35 (k = 5,000)"),
        "iwae-50": Run(
            FLAGS + " --samples 50 --objective iwae", (0, 0, 3280), DRAWS, "-84.78 (k = 5,000)"
        ),
    },
    pictures=pictures,
)
