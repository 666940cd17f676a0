"""Train towards an answer that is known: a linear-Gaussian VAE must become probabilistic PCA.

    python scripts/known_answer.py --figure known_answer.png

While it trains, its ELBO and the importance-sampled log p(x) are held against the exact log p(x),
all of them against the highest that there is, and the subspace it learns against the principal one.
"""

import time

import numpy as np

from numvae import plots
from numvae.cli import Parser, argument, new_file, script
from numvae.constraints import Seed
from numvae.lessons import ppca
from numvae.progress import duration
from numvae.settings import Settings
from numvae.streams import SPLIT, WEIGHTS, stream
from numvae.training.loop import Training

N, N_VALID, D = 2000, 1000, 10
LENGTHS, SIGMA = (3.0, 2.0, 1.0), 0.5  # of the columns of W, and of the noise
MEASURED = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 250, 300)  # epochs
BATCH, LR, SAMPLES = 100, 0.02, 4


def parser():
    p = Parser(description="Train a linear-Gaussian VAE towards probabilistic PCA.")
    p.add_argument("--seed", type=argument(Seed()), default=0, help="fixes every draw (default: 0)")
    p.add_argument("--figure", metavar="FILE.png", help="a new file for the picture")
    return p


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        path = new_file(args.figure, ".png") if args.figure else None
        compare(args.seed, path)
    return 0


def compare(seed, path):
    """Train, print a line each time it is measured, and draw."""
    start, rng = time.monotonic(), stream(seed, *SPLIT)
    truth = ppca.with_spectrum(rng, LENGTHS, D, SIGMA)
    X, X_valid = truth.sample(rng, N), truth.sample(rng, N_VALID)
    Z = len(LENGTHS)
    best = ppca.fit(X, Z)
    settings = Settings(
        n_latent=Z,
        hidden=(),
        likelihood="gaussian-fixed",
        sigma=best.sigma,
        batch_size=BATCH,
        epochs=MEASURED[-1],
        lr=LR,
        schedule="cosine",
        clip=None,
        n_samples=SAMPLES,
        skip=False,
        standardize=False,
    )
    training = Training.empty(settings, D, "float64", seed)
    model = training.model.initialize(stream(seed, *WEIGHTS))
    error = "± from the draws (too small where the encoder is poor)"
    print(
        f"{N:,} rows of {D} columns and {N_VALID:,} more held out, drawn from probabilistic PCA "
        f"with {Z} directions.\n{model}\nNats per example, {error}.\nThe gap is "
        "KL(q(z|x) ‖ p(z|x)) in closed form: ELBO + gap = exact log p(x), up to the draws.\nThe "
        "angle, in degrees, is the largest between the learned and the principal subspace.\n\n"
        f"  {'epoch':>5}{'ELBO':>11}{'gap':>10}{'IS log p(x)':>20}"
        f"{'exact':>11}{'held-out':>11}{'angle':>8}"
    )
    rows = []

    def measure(epoch):
        row = ppca.measure(model, X, X_valid, best, seed)
        rows.append({"epoch": epoch, **row})
        print(
            f"  {epoch:>5}{row['elbo']:>11.4f}{row['gap']:>10.4f}"
            f"{row['estimate']:>11.4f} ± {row['error']:.4f}"
            f"{row['log_p']:>11.4f}{row['valid']:>11.4f}{row['angles'].max():>8.2f}",
            flush=True,
        )

    def on_epoch(row):
        if row["epoch"] in MEASURED:
            measure(row["epoch"])

    measure(0)
    training.run(X, on_epoch=on_epoch)
    top, valid = best.log_density(X).mean(), best.log_density(X_valid).mean()
    print(
        f"  {'pPCA':>5}{'':>41}{top:>11.4f}{valid:>11.4f}{0:>8.2f}   the optimum\n\n"
        f"To the optimum log p(x) lacks {top - rows[-1]['log_p']:.5f} nats, and the ELBO "
        f"{top - rows[-1]['elbo']:.5f}."
    )
    if path:
        column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        log_p = {
            "exact log p(x)": column["log_p"],
            "importance-sampled": column["estimate"],
            "ELBO": column["elbo"],
        }
        gaps = {
            "optimum − exact log p(x)": top - column["log_p"],
            "exact log p(x) − ELBO": column["log_p"] - column["elbo"],
        }
        plots.save(plots.known_answer(column["epoch"], log_p, gaps, column["angles"], top), path)
        print(f"{path}")
    print(f"In {duration(time.monotonic() - start)}.")


if __name__ == "__main__":
    script(main)
