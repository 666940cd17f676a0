"""Why the reparameterisation matters: the same gradient estimated in several ways.

    python scripts/gradient_noise.py --figure estimators.png
    python scripts/gradient_noise.py --iwae 10

On one minibatch of one model, trained for a little while on digits that the program draws, it
measures the mean and the variance of the gradient: through z (reparameterised), with the KL in
closed form or sampled; through z alone; and without a path through z (the score function); over the
number of samples; and how the importance-weighted bound fares, with its own gradient and with the
doubly reparameterised one. The baseline is ideal: the ELBO of each digit, which a program that
trains would have to learn. That the encoder's signal-to-noise ratio falls as 1/√k under IWAE
(Rainforth et al. 2018), and rises as √k if doubly reparameterised (Tucker et al. 2019), are laws
for large k; for small k it changes more slowly. The second needs weights without heavy tails, as an
encoder trained by IWAE has them: --iwae.
"""

import time

import numpy as np

from numvae import plots
from numvae.cli import Parser, argument, integer, new_file, script
from numvae.constraints import Seed
from numvae.datasets.digits import digits
from numvae.lessons import gradient_noise as noise
from numvae.progress import Countdown, Progress, duration
from numvae.rules import bernoulli
from numvae.settings import Settings
from numvae.streams import BINARIZE, EVALUATION, stream
from numvae.training.loop import Training

N, EPOCHS, LATENT, HIDDEN, BATCH = 2000, 10, 2, (32,), 5
SAMPLES = (1, 3, 10, 30, 100)
SHOWN = 500  # draws in the picture of the clouds


def parser():
    p = Parser(description="Measure how noisy each estimator of the gradient is.")
    p.add_argument(
        "--draws",
        type=integer(2),
        default=1000,
        metavar="N",
        help="gradients drawn for each number (default: 1000)",
    )
    p.add_argument(
        "--iwae",
        type=integer(2),
        metavar="K",
        help="train the model by the importance-weighted bound with K samples, not by the ELBO",
    )
    p.add_argument("--seed", type=argument(Seed()), default=0, help="fixes every draw (default: 0)")
    p.add_argument("--figure", metavar="FILE.png", help="a new file for the picture")
    return p


def trained(seed, iwae):
    """A model that knows something, and its data: digits of 14 × 14 pixels, black or white."""
    images = digits(N, seed)[0][:, ::2, ::2].reshape(N, -1).astype("float64")
    X = bernoulli.sample(stream(seed, *BINARIZE), images)
    settings = Settings(
        n_latent=LATENT,
        hidden=HIDDEN,
        likelihood="bernoulli",
        lr=2e-3,
        schedule="constant",
        clip=None,
        batch_size=100,
        epochs=EPOCHS,
        objective="iwae" if iwae else "elbo",
        n_samples=iwae or 1,
    )
    training = Training.new(settings, X, seed)
    progress = Progress(EPOCHS, N)
    training.run(X, on_step=progress.step, on_epoch=progress.epoch)
    progress.close()
    return training.model, X


def main(argv=None):
    p = parser()
    args = p.parse_args(argv)
    with p.mistakes():
        path = new_file(args.figure, ".png") if args.figure else None
        laboratory(args, path)
    return 0


def laboratory(args, path):
    start = time.monotonic()
    model, X = trained(args.seed, args.iwae)
    x, rng = X[:BATCH], stream(args.seed, *EVALUATION)
    encoder, baseline = noise.encoder(model), noise.ideal_baseline(model, x, rng)
    print(f"{model}\nThe same {BATCH} digits, {args.draws:,} draws for each number.\n")

    measured, progress = {}, Countdown(sum(SAMPLES) * 7)
    for name in (*noise.OF_THE_ELBO, *noise.OF_IWAE):
        for L in SAMPLES:
            measured[name, L] = noise.measure(model, x, rng, name, L, args.draws, baseline)
            progress.advance(L, f"{name}, {L} samples")
    truth = noise.measure(model, x, rng, noise.CLOSED, SAMPLES[-1], args.draws)[encoder]
    progress.wipe()

    one = {name: measured[name, 1][encoder] for name in noise.OF_THE_ELBO}
    least = one[noise.CLOSED].total_variance
    print(
        "The encoder's gradient from one sample of z. off: how far the mean of the draws is from "
        f"the true\ngradient (that of {args.draws:,} draws with {SAMPLES[-1]} samples), as a share "
        "of its length, and in standard errors:\nnear 1 if that is chance. SNR 0: not to be told "
        "from noise by so many draws.\n\n"
        f"  {'':<36}{'variance':>12}{'ratio':>10}{'SNR':>7}{'off':>9}{'std errors':>12}"
    )
    for name, m in one.items():
        off, errors = noise.deviation(m, truth)
        print(
            f"  {name:<36}{m.total_variance:>12,.1f}{m.total_variance / least:>10,.1f}"
            f"{noise.signal_to_noise(m):>7.2f}{off:>9.1%}{errors:>12.2f}"
        )
    variance = {
        name: np.array([measured[name, L][encoder].total_variance for L in SAMPLES])
        for name in (*noise.OF_THE_ELBO, *noise.OF_IWAE)
    }
    table("Variance with L samples", variance, 1)
    variance = {name: variance[name] for name in noise.OF_THE_ELBO}

    decoder = slice(encoder.stop, None)
    snr = {
        (bound, what): np.array([noise.signal_to_noise(measured[name, k][part]) for k in SAMPLES])
        for bound, name in (
            ("IWAE", noise.WEIGHTED),
            ("DReG", noise.DOUBLY),
            ("ELBO", noise.CLOSED),
        )
        for what, part in (("encoder", encoder), ("decoder", decoder))
    }
    del snr["DReG", "decoder"]  # which is that of IWAE
    table("SNR with k samples", {", ".join(name): values for name, values in snr.items()}, 2)
    both = [[measured[name, k][encoder] for name in noise.OF_IWAE] for k in SAMPLES]
    apart = {"in standard errors": [noise.deviation(*two)[1] for two in both]}
    table("DReG's mean from that of IWAE", apart, 2)
    if path:
        clouds = {
            name: noise.cloud(model, x, rng, name, SHOWN, baseline)
            for name in (noise.SCORE, noise.BASELINE, noise.CLOSED)
        }
        plots.save(plots.gradient_estimators(clouds, SAMPLES, variance, snr), path)
        print(f"\n{path}", end="")
    print(f"\nIn {duration(time.monotonic() - start)}.")


def table(title, rows, decimals):
    """Print rows: name → a number for each of SAMPLES."""
    print(f"\n  {title:<36}" + "".join(f"{L:>12}" for L in SAMPLES))
    for name, values in rows.items():
        print(f"  {name:<36}" + "".join(f"{v:>12,.{decimals}f}" for v in values))


if __name__ == "__main__":
    script(main)
