import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from numvae import plots
from numvae.datasets import Dataset
from numvae.evaluation import diagnostics, latent
from numvae.evaluation.conventions import bits_per_dimension
from numvae.plots import mosaic
from numvae.report import Report
from numvae.settings import Settings
from numvae.training.loop import Training


def a_run(shape=(4, 3), n=40, n_valid=30, known=(), spread=1.0, gray=False, **settings):
    """(training, dataset) after an epoch on made-up data; known by name: "label" or "factor"."""
    rng = np.random.default_rng(0)
    X = rng.random((n + n_valid, int(np.prod(shape))), dtype=np.float32)
    X = X if gray else X.round()
    values = {
        name: rng.integers(0, 3, len(X)) if name == "label" else rng.random(len(X), "f4")
        for name in known
    }
    plain = {"n_latent": 2, "hidden": (5,), "likelihood": "bernoulli", "epochs": 1}
    settings = Settings(**{**plain, **settings})
    known = ({k: v[part] for k, v in values.items()} for part in (slice(n), slice(n, None)))
    dataset = Dataset("made-up", X[:n], X[n:], shape, "split", settings.likelihood, *known)
    training = Training.new(settings.checked(), dataset.X, 3)
    training.run(dataset.X, dataset.X_valid if n_valid else None)
    training.model.parameters.values["mu.W"][...] *= spread
    return training, dataset


def number(lines, name):
    (line,) = (line for line in lines if line.split()[0] == name)
    return float(re.search(r"-?\d+\.\d+", line)[0])


@pytest.mark.parametrize(
    ("likelihood", "shape", "bits", "levels", "unit"),
    [
        ("bernoulli", (4, 3), 8, None, "per dimension"),
        ("bernoulli", (12,), None, None, "per dimension"),
        ("continuous-bernoulli", (4, 3), 8, 256, "per 8-bit pixel"),
        ("gaussian", (4, 3), 12, 4096, "per 12-bit pixel"),
        ("gaussian", (4, 3), None, None, "per dimension"),
        ("gaussian", (12,), None, None, "per dimension"),
    ],
)
@pytest.mark.parametrize("n_valid", [30, 0])
def test_the_report_holds_the_numbers_of_the_evaluation(
    likelihood, shape, bits, levels, unit, n_valid
):
    training, dataset = a_run(shape, likelihood=likelihood, n_valid=n_valid)
    dataset.bits = bits
    lines = Report(training, dataset).lines()
    X = dataset.X_valid if n_valid else dataset.X
    nll, kl = training.evaluate(X)
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
    text = "\n".join(Report(training, dataset).lines())
    assert re.search(r"^  label +\d+\.\d% of held-out examples", text, re.M)
    assert re.search(r"^  factor +-?\d\.\d\d = R².*z[12]: \|ρ\| = \d\.\d\d$", text, re.M)
    assert re.search(r"^  active +[012] +of 2 latent units$", text, re.M)


@pytest.mark.parametrize("binarize", ["none", "fixed", "dynamic"])
@pytest.mark.parametrize("missing", [False, True])
def test_the_model_encodes_what_it_sees_and_the_rows_only_once(binarize, missing, monkeypatch):
    training, dataset = a_run(
        known=("label", "factor"), gray=True, binarize=binarize, missing=missing
    )
    if missing:
        dataset.X[::3, 1] = dataset.X_valid[::3, 1] = np.nan
    mu, mu_valid = (
        diagnostics.encode(training.model, X, training.inputs)[0]
        for X in (dataset.X, dataset.X_valid)
    )
    label, factor = (
        latent.recovery(mu, dataset.known[name], mu_valid, dataset.known_valid[name])
        for name in ("label", "factor")
    )
    seen, encode = [], training.model.encode

    def spy(x):
        seen.append(x)
        return encode(x)

    monkeypatch.setattr(training.model, "encode", spy)
    report = Report(training, dataset)
    text = "\n".join(report.lines())
    dict(report.pictures())
    assert f"{label:.1%} of held-out" in text and f"{factor:.2f} = R²" in text
    assert all(np.isfinite(x).all() for x in seen)
    assert all(np.isin(x, (0, 1)).all() == (binarize != "none") for x in seen)
    assert sorted(map(len, seen)) == [20, 30, 30, 40]  # 20 are shown; the bound is one of 30


@pytest.mark.parametrize(
    "odd",
    [{"n_valid": 0}, {"n_valid": 1}, {"n_valid": 2}, {"n": 1}, {"spread": 0.0}, {"n_latent": 1}],
    ids=str,
)
def test_few_examples_or_a_collapsed_code_leave_a_report_and_pictures(odd, tmp_path):
    training, dataset = a_run(known=("label", "factor"), **odd)
    lines = Report(training, dataset).lines()
    assert not any(re.search(r"\n|nan|\binf\b", line) for line in lines)
    pictures = dict(Report(training, dataset).pictures())
    assert pictures
    for name, figure in pictures.items():
        plots.save(figure, tmp_path / name)


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
    figures = dict(Report(*a_run(shape, n_latent=n_latent, known=("label",))).pictures())
    assert list(figures) == [f"{name}.png" for name in names.split()]
    assert all(figure.axes for figure in figures.values())


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_a_denoising_model_makes_of_corrupted_images_is_shown(likelihood):
    training, dataset = a_run(likelihood=likelihood, denoise=("gaussian", 0.2), missing=True)
    dataset.X_valid[::3, 1] = np.nan
    figure = dict(Report(training, dataset).pictures())["denoising.png"]
    assert {"original", "corrupted", "denoised"} <= {t.get_text() for t in figure.findobj(Text)}


@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 3)])
def test_images_in_their_own_units_are_drawn_on_their_range_and_missing_pixels_in_blue(shape):
    training, dataset = a_run(shape, gray=True, likelihood="gaussian", missing=True)
    X = dataset.X_valid
    X[:] = 100 * X - 50
    X[0, 0] = np.nan
    dataset.limits = (-50.0, 50.0)
    figures = dict(Report(training, dataset).pictures())
    for name in OF_IMAGES.split():
        assert "−50 or below" in figures[f"{name}.png"].axes[0].get_title(loc="left")
    drawn = np.asarray(figures["reconstructions.png"].axes[0].images[0].get_array())
    np.testing.assert_allclose(drawn[0, 0], to_rgb(mosaic.MISSING), atol=1e-6)
    shades = np.ravel(drawn[0, 1])[0]
    assert shades == pytest.approx((X.reshape(-1, *shape)[0, 0, 1].ravel()[0] + 50) / 100, abs=1e-5)
