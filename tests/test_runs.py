import re
from pathlib import Path

import numpy as np
import pytest

from numvae import runs
from numvae.datasets import Dataset
from numvae.evaluation.units import bits_per_dimension
from numvae.network import Autoencoder
from numvae.training.loop import Training, evaluate
from numvae.training.optimizers import Adam

# The folder.


def test_folders_are_numbered_and_the_first_free_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(runs.new_folder(None, name)) for name in ("faces", "faces", "frey")] == [
        str(Path("runs") / name) for name in ("faces-1", "faces-2", "frey-1")
    ]
    Path("runs/faces-1").rmdir()
    assert runs.new_folder(None, "faces").name == "faces-1"
    assert runs.new_folder(None, "faces").name == "faces-3"


def test_a_folder_of_ones_own_is_made_with_its_parents(tmp_path):
    folder = runs.new_folder(str(tmp_path / "a" / "b"), "faces")
    assert folder == tmp_path / "a" / "b" and folder.is_dir()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["folder", "file"])
def test_what_is_there_is_never_overwritten(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(FileExistsError, match=f"^{tmp_path / 'a'} exists already.*--out"):
        runs.new_folder(str(tmp_path / "a"), "faces")


# The report and the pictures.


def a_run(likelihood="bernoulli", shape=(4, 3), n_latent=2, n=40, n_valid=30, known=(), spread=1.0):
    """(training, dataset) after an epoch on made-up data; known by name: "label" or "factor"."""
    rng = np.random.default_rng(0)
    X = rng.random((n + n_valid, int(np.prod(shape))), dtype=np.float32).round()
    values = {
        name: rng.integers(0, 3, len(X)) if name == "label" else rng.random(len(X), "f4")
        for name in known
    }
    dataset = Dataset(
        "made-up",
        X[:n],
        X[n:],
        shape,
        "split",
        likelihood,
        {k: v[:n] for k, v in values.items()},
        {k: v[n:] for k, v in values.items()},
    )
    model = Autoencoder(X.shape[1], n_latent, (5,), likelihood=likelihood)
    model.initialize(rng)
    training = Training(model, Adam(model.parameters), 3)
    list(training.steps(dataset.X))
    training.finish_epoch(dataset.X_valid if n_valid else None)
    model.parameters.values["mu.W"][...] *= spread
    return training, dataset


def number(lines, name):
    (line,) = (line for line in lines if line.split()[0] == name)
    return float(re.search(r"-?\d+\.\d+", line)[0])


@pytest.mark.parametrize(
    ("likelihood", "shape", "levels", "unit"),
    [
        ("bernoulli", (4, 3), None, "per dimension"),
        ("bernoulli", (12,), None, "per dimension"),
        ("continuous-bernoulli", (4, 3), 256, "per 8-bit pixel"),
        ("gaussian", (4, 3), 256, "per 8-bit pixel"),
        ("gaussian", (12,), None, "per dimension"),
    ],
)
@pytest.mark.parametrize("n_valid", [30, 0])
def test_the_report_holds_the_numbers_of_the_evaluation(likelihood, shape, levels, unit, n_valid):
    training, dataset = a_run(likelihood, shape, n_valid=n_valid)
    lines = runs.report(training, dataset)
    X = dataset.X_valid if n_valid else dataset.X
    nll, kl = evaluate(training.model, X, training.seed)
    elbo = -(nll + kl)
    assert f"{len(X)} {'held-out' if n_valid else 'training'} examples" in lines[1]
    for name, wanted in (("ELBO", elbo.mean()), ("nll", nll.mean()), ("KL", kl.mean())):
        assert number(lines, name) == pytest.approx(wanted, abs=0.006)
    error = elbo.std(ddof=1) / np.sqrt(len(X))
    assert f"± {error:.2f} nats per example" in lines[2]
    bits = bits_per_dimension(elbo.mean(), 12, levels)
    assert number(lines, "bits") == pytest.approx(bits, abs=0.0006)
    assert unit in "\n".join(lines)


def test_the_report_says_what_the_code_knows():
    training, dataset = a_run(known=("label", "factor"))
    text = "\n".join(runs.report(training, dataset))
    assert re.search(r"^  label +\d+\.\d% of held-out examples", text, re.M)
    assert re.search(r"^  factor +-?\d\.\d\d = R².*z[12]: \|ρ\| = \d\.\d\d$", text, re.M)
    assert re.search(r"^  active +[012] +of 2 latent units$", text, re.M)


@pytest.mark.parametrize(
    "odd",
    [{"n_valid": 0}, {"n_valid": 1}, {"n_valid": 2}, {"n": 1}, {"spread": 0.0}, {"n_latent": 1}],
    ids=str,
)
def test_few_examples_or_a_collapsed_code_leave_a_report_and_pictures(odd):
    training, dataset = a_run(known=("label", "factor"), **odd)
    lines = runs.report(training, dataset)
    assert all("\n" not in line and "nan" not in line for line in lines)
    assert dict(runs.pictures(training, dataset))


def test_a_report_is_kept_line_by_line(tmp_path):
    runs.save_report(tmp_path, ["one ±", "two"])
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == "one ±\ntwo\n"


OF_IMAGES = "reconstructions samples manifold traversals interpolation"


@pytest.mark.parametrize(
    ("shape", "n_latent", "names"),
    [
        ((12,), 2, "curves network latent units reconstructions marginals"),
        ((4, 3), 2, f"curves network latent units {OF_IMAGES}"),
        ((2, 2, 3), 5, f"curves network latent units {OF_IMAGES}"),
        ((4, 3), 1, "curves network reconstructions samples traversals interpolation"),
    ],
    ids=["rows", "images", "colours", "one unit"],
)
def test_pictures_are_those_that_the_data_allow(shape, n_latent, names, tmp_path):
    figures = dict(runs.pictures(*a_run(shape=shape, n_latent=n_latent, known=("label",))))
    assert list(figures) == [f"{name}.png" for name in names.split()]
    assert all(figure.axes for figure in figures.values())
