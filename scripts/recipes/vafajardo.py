"""Fajardo 2018: Frey faces with a Gaussian decoder, a hundred of them drawn."""

from numvae.evaluation import aggregate
from recipes.recipe import Recipe, Run

FLAGS = (
    "--data frey --likelihood gaussian-sigma-z --latent 20 --hidden 500,500 --activation elu "
    "--lr 1e-3 --clip 1"
)


def pictures(trained):
    run = trained["frey"]
    yield "network.png", run.network(), "The network, the post's graph."
    yield "curves.png", run.curves(), "The training."
    yield (
        "samples.png",
        run.samples(sources=("mixture",)),
        "A hundred faces, decoded from a mixture of Gaussians that is fitted to the codes.",
    )
    yield (
        "sources.png",
        run.samples(30, 5, aggregate.SOURCES),
        "z ~ N(0, I), as in the post, beside z where the codes of the faces are: they do not fill "
        "the prior.",
    )
    yield (
        "reconstructions.png",
        run.reconstructions(),
        "Held-out faces and their reconstructions from 20 numbers.",
    )


RECIPE = Recipe(
    title="Fajardo 2018, *VAE TensorFlow implementation*: Frey faces with a Gaussian decoder",
    about="p(x|z) = N(μ(z), σ²(z)), 20 latent units, encoder and decoder with two hidden layers "
    "shared by their two outputs, Adam 0.001. The post trains 10,000 epochs and shows a hundred "
    "faces from z ~ N(0, I); it gives no number.",
    differences=(
        "The widths are not in the post; 500 and 500 elu units are those of the book whose code it "
        "says it follows.",
        "The post's code divides by σ² before it squares the difference, so it does not maximise "
        "the Gaussian density; here that is maximised.",
        "A gradient longer than 1 is shortened to 1. Without that some steps are so wide that the "
        "bound falls by orders of magnitude: of two runs with the same seed, on two machines, one "
        "did not recover.",
        "Frames 0–1799 in video order train, 1800–1899 are held out; the post trains on all. With "
        "so many epochs σ(z) overfits the training frames, and the held-out ones are very "
        "improbable: the faces get sharper while the held-out ELBO falls.",
    ),
    runs={"frey": Run(FLAGS, (150, 1000, 10_000), (100, 5000, 5000))},
    pictures=pictures,
)
