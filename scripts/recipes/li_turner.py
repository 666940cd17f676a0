"""Li & Turner 2016: log p(x) on Frey faces, VAE and IWAE with five samples."""

import numpy as np

from numvae.evaluation import importance
from recipes.recipe import Recipe, Run

FLAGS = (
    "--data frey --validation 197 --likelihood gaussian-sigma-z --sigma-min 0.01 --hidden 200 "
    "--activation softplus --latent 20 --samples 5 --lr 2e-3 --schedule cosine"
)
OBJECTIVES = {"vae": "", "iwae": " --objective iwae"}
PUBLISHED = {"vae": "1322.96 ± 10.03", "iwae": "1380.30 ± 4.60"}
DRAWS = 500, 5000, 5000
CONTRAST = (
    "Many have far too much contrast: the codes of so few frames fill little of the prior, and "
    "elsewhere the decoder was not trained. A high density of faces does not make good draws."
)


def _splits(name):
    return [f"{name}-{split}" for split in range(10)]


def _runs():
    runs = {}
    for split in range(10):
        for name, objective in OBJECTIVES.items():
            epochs = (100 if split == 0 else 0), (1200 if split < 2 else 0), 1200
            flags = f"{FLAGS}{objective} --random-split --seed {split}"
            runs[_splits(name)[split]] = Run(flags, epochs, DRAWS)
    for name, objective in OBJECTIVES.items():
        runs[f"{name}-in-order"] = Run(FLAGS + objective, (100, 1200, 1200), DRAWS)
    return runs


def lines(trained):
    """Random splits beside the split in video order, for VAE and IWAE."""
    yield "| | published | random splits | ours, mean ± s.e. over the splits | in video order |"
    yield "|---|---:|---:|---:|---:|"
    for name, published in PUBLISHED.items():
        random = [run for key, run in trained.items() if key in _splits(name)]
        log_p = np.array([run.numbers["log_p"] for run in random])
        form = "**{:.2f} ± {:.2f}**" if len(random) > 1 else "**{:.2f}**"
        ours = form.format(*importance.mean_and_error(log_p)) if random else ""
        last = trained.get(f"{name}-in-order")
        in_order = "{log_p:.2f} ± {log_p_error:.2f}".format(**last.numbers) if last else ""
        yield f"| {name.upper()} | {published} | {len(random)} | {ours} | {in_order} |"


def pictures(trained):
    for name, run in trained.items():
        if name.endswith("-0"):
            yield (
                f"samples-{name}.png",
                run.samples(60, 12),
                f"Drawn from the prior by {name}. {CONTRAST}",
            )


RECIPE = Recipe(
    title="Li & Turner 2016, *Rényi Divergence Variational Inference*, Frey faces",
    about="log p(x) of held-out faces as a density of pixels in [0, 1] (bytes / 255), by "
    "importance sampling with k draws, in the paper 5,000; a Gaussian decoder with σ(z), 20 latent "
    "units, one hidden layer of 200 softplus units, five samples of z per face and step, batches "
    "of 100. A random tenth of the frames is held out, another for each seed.",
    differences=(
        "The paper does not give the architecture; this is the default of its authors' code.",
        "σ is at least 0.01, two and a half gray levels: without such a floor the density has no "
        "bound.",
        "The last column is the same model with the *last* tenth of the video held out. "
        "Neighbouring frames are near-duplicates, so a random tenth measures how well a model "
        "interpolates between frames that it has seen.",
        "Adam's rate falls from 0.002 along half a cosine over 1,200 epochs; the authors' is 5e-4, "
        "for an unknown number of epochs.",
    ),
    runs=_runs(),
    pictures=pictures,
    lines=lines,
)
