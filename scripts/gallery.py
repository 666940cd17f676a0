"""Make the pictures and the numbers of the README again, in about ten minutes on two cores.

    python scripts/gallery.py --out new-gallery

The files of MNIST and Frey faces are looked for as train.py does; --download fetches them.
"""

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

import gradient_noise
import known_answer
import walk

from numvae.checks.__main__ import main as checks
from numvae.cli import Parser, script
from numvae.commands import evaluate, explore, train
from numvae.lessons import small_model, solutions
from numvae.progress import duration

# name → the flags of train.py.
RUNS = {
    "faces": "",
    "mnist": "--data mnist --hidden 200,200 --latent 50 --binarize dynamic --lr 2e-3 "
    "--schedule cosine --epochs 20",
    "mnist-constant": "--data mnist --hidden 200,200 --latent 50 --binarize dynamic --lr 2e-3 "
    "--epochs 20",
    "mnist-2d": "--data mnist --hidden 500 --binarize dynamic",
    "mnist-2d-autoencoder": "--data mnist --hidden 500 --binarize dynamic --objective autoencoder",
    "frey": "--data frey --latent 20 --hidden 200",
    "frey-2d": "--data frey --latent 2 --likelihood bernoulli",
    "digits": "--data digits",
    "digits-given": "--data digits --condition digit",
    "denoising": "--denoise salt_and_pepper:0.3 --latent 4",
}

# The READMEs' picture → the run and the picture of it.
PICTURES = {
    "faces_manifold": ("faces", "manifold"),
    "faces_reconstructions": ("faces", "reconstructions"),
    "faces_curves": ("faces", "curves"),
    "faces_latent": ("faces", "latent"),
    "faces_samples": ("faces", "samples"),
    "faces_network": ("faces", "network"),
    "faces_denoising": ("denoising", "denoising"),
    "frey_samples": ("frey", "samples"),
    "frey_manifold": ("frey-2d", "manifold"),
    "mnist_samples": ("mnist", "samples"),
    "mnist_units": ("mnist", "units"),
    "mnist_interpolation": ("mnist", "interpolation"),
    "mnist_latent": ("mnist-2d", "latent"),
    "mnist_autoencoder_latent": ("mnist-2d-autoencoder", "latent"),
    "digits_latent": ("digits", "latent"),
    "digits_given": ("digits-given", "samples"),
}


def main(argv=None):
    p = Parser(description="Make the pictures and the numbers of the README again.")
    p.add_argument("--out", required=True, metavar="DIR", help="a new folder for the pictures")
    p.add_argument("--download", action="store_true", help="fetch missing data")
    args = p.parse_args(argv)
    out = Path(args.out)
    if out.exists():
        p.error(f"{out} exists already; choose another --out.")
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        for name, flags in RUNS.items():
            start = time.monotonic()
            more = ["--out", str(runs / name), "--quiet"] + ["--download"] * args.download
            if code := train.main(flags.split() + more):
                return code
            report = (runs / name / "report.txt").read_text(encoding="utf-8")
            elbo = next(line for line in report.splitlines() if line.startswith("  ELBO"))
            took = duration(time.monotonic() - start)
            print(f"python scripts/train.py {flags}\n{elbo}, {took}", flush=True)
        out.mkdir(parents=True)
        for picture, (name, file) in PICTURES.items():
            shutil.copy(runs / name / f"{file}.png", out / f"{picture}.png")
        walk.main(
            ["--figure", str(out / "trace.png"), "--steps", str(out / "finite_differences.png")]
        )
        checks(["--bugs", "--figure", str(out / "bugs.png")])
        gradient_noise.main(["--figure", str(out / "estimators.png")])
        known_answer.main(["--figure", str(out / "known_answer.png")])
        small_model.draw_faces(
            solutions.decode, out / "exercise_faces.png", solutions.loss_and_grad, solutions.adam
        )
        impute(runs / "faces", out / "faces_inpainting.png", "half")
        impute(runs / "mnist", out / "mnist_missing.png", "0.3")
        impute(runs / "mnist", out / "mnist_inpainting.png", "half")
        with contextlib.suppress(
            SystemExit
        ):  # a page too large says so and is written all the same
            explore.main([str(runs / "faces"), "--html", str(out / "faces.html")])
    return 0


def impute(run, picture, hide):
    evaluate.main(["impute", str(run), "--hide", hide, "--out", str(picture)])


if __name__ == "__main__":
    script(main)
