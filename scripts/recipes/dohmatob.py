"""Dohmatob 2016, Frey faces in Keras: as published, and as intended."""

import numpy as np

from numvae import plots
from numvae.lessons.bugs import BUGS, planted
from recipes.recipe import Recipe, Run

FLAGS = (
    "--data frey --likelihood bernoulli --hidden 256 --activation relu --latent 2 "
    "--batch-size 100 --lr 1e-3"
)
EPOCHS = 100, 100, 100
PIXELS, NOISE = 560, 0.01  # what the loss is divided by, and the standard deviation of ε
PLANES = {  # how far apart the quantiles in a picture of the plane are, and what that is
    "as-published": (8 * NOISE, "the range of the post's sliders: |z| ≤ 0.15"),
    "as-intended": (1.0, "the quantiles of the prior N(0, 1)"),
}
SMALL_NOISE = next(bug for bug in BUGS if bug.name == f"ε drawn with standard deviation {NOISE}")


def pictures(trained):
    some = next(iter(trained.values()))
    frames = some.images(some.data.X[:200])
    yield "examples.png", plots.image_grid(frames, 25), "The first 200 frames."
    yield "network.png", some.network(), "The network."
    for name, run in trained.items():
        yield (
            f"curves-{name}.png",
            run.curves(),
            f"Training, {name}, measured as that program itself measures, with its own ε.",
        )
    clouds = {name: run.model.encode(run.data.X)[0] for name, run in trained.items()}
    for name, mu in clouds.items():
        frame = {"frame": np.arange(len(mu), dtype=float)}
        caption = f"The codes of the training frames, {name}; the circles are the prior's."
        yield f"latent-{name}.png", plots.latent_scatter(mu, frame), caption
    for name, run in trained.items():
        scale, over = PLANES[name]
        caption = f"The latent plane, {name}, over {over}."
        yield f"manifold-{name}.png", run.manifold(15, scale), caption
        yield f"samples-{name}.png", run.samples(60, 12), f"z ~ N(0, I) decoded, {name}."


def lines(trained):
    yield f"| | {' | '.join(trained)} |"
    yield f"|---|{'---:|' * len(trained)}"
    rows = {
        "held-out ELBO, nats, measured alike": lambda run: (
            f"{run.numbers['elbo']:.1f} ± {run.numbers['elbo_error']:.1f}"
        ),
        "the part of it that is nll": lambda run: f"{run.numbers['nll']:.1f}",
        "the part of it that is KL": lambda run: f"{run.numbers['kl']:.2f}",
        "standard deviation of the codes μ": lambda run: _pair(
            run.model.encode(run.data.X)[0].std(axis=0)
        ),
        "σ of q(z\\|x), mean": lambda run: _pair(
            np.exp(0.5 * run.model.encode(run.data.X)[1]).mean(axis=0)
        ),
    }
    for name, cell in rows.items():
        yield f"| {name} | {' | '.join(cell(run) for run in trained.values())} |"
    yield ""
    *_, last = trained.values()
    yield (
        f'`vae = numvae.load("{last.path}")` loads the trained model: '
        "`vae.transform(X)` is the encoder, `vae.decode(Z)` the generator."
    )
    if run := trained.get("as-published"):
        yield (
            "The post's sliders, from −15 to 15 times the noise of 0.01, are those of `python "
            f"scripts/explore.py {run.path} --limit 0.15`."
        )


def _pair(values):
    return " and ".join(f"{value:.3f}" for value in values)


RECIPE = Recipe(
    title="Dohmatob 2016, *Variational auto-encoder for “Frey faces” using Keras*",
    about="560-256-2-256-560, relu, Bernoulli, Adam, batches of 100, 100 epochs, frames 0–1799 to "
    "train and 1800–1899 held out. Once as published: the cross-entropy is the *mean* over the 560 "
    "pixels while the KL is summed, which is a β of 560; and ε is drawn with standard deviation "
    "0.01 while the KL is that of standard deviation 1. And once as intended: the sum over pixels, "
    "and ε ~ N(0, I). The post gives pictures and no number.",
    differences=(
        "The gradient of the published loss is 1/560 of this one's. That changes no step of Adam, "
        "but for its ε of 1e-8.",
        "The decoder's last bias starts at the mean face.",
    ),
    runs={
        "as-published": Run(
            f"{FLAGS} --beta {PIXELS}", EPOCHS, planted=lambda: planted(SMALL_NOISE)
        ),
        "as-intended": Run(FLAGS, EPOCHS),
    },
    pictures=pictures,
    lines=lines,
)
