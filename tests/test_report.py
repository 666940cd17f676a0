import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal

from numvae import plots
from numvae.datasets import Dataset
from numvae.evaluation import diagnostics, latent
from numvae.evaluation.conventions import bits_per_dimension
from numvae.plots import mosaic
from numvae.report import Report
from numvae.settings import Settings
from numvae.streams import PICTURES, stream
from numvae.training.loop import Training
from numvae.training.minibatches import corrupt


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
    assert ("(a density: it may be positive)" in lines[2]) == (likelihood != "bernoulli")


def test_the_first_line_says_whose_parameters_are_kept():
    training, dataset = a_run()
    for epoch, says in ((1, "Epoch 1 of 1 was the best,"), (0, "No epoch of 1 was better than")):
        training.best_epoch = epoch
        assert Report(training, dataset).lines()[0].startswith(says)
    assert "Nothing was held out" in Report(*a_run(n_valid=0)).lines()[0]


@pytest.mark.parametrize(("nll", "share"), [(-6.0, "25.0%"), (6.0, "25.0%"), (0.0, "100.0%")])
def test_the_share_of_the_kl_and_what_was_learned_beyond_the_start(nll, share, monkeypatch):
    training, dataset = a_run(likelihood="gaussian")
    monkeypatch.setattr(
        training, "evaluate", lambda X: (np.full(len(X), nll), np.full(len(X), 2.0))
    )
    training.start_elbo = -30.0
    text = "\n".join(Report(training, dataset).lines())
    assert f"{share} of |nll| + KL" in text
    assert re.search(rf"at start +-30\.00 nats.* adds {28.0 - nll:.2f}$", text, re.M)
    training.settings.skip = False
    assert "at start" not in "\n".join(Report(training, dataset).lines())


def test_the_report_says_what_the_code_knows():
    training, dataset = a_run(known=("label", "factor"))
    text = "\n".join(Report(training, dataset).lines())
    assert re.search(r"^  label +\d+\.\d% of held-out examples", text, re.M)
    assert re.search(r"^  factor +-?\d\.\d\d = R².*z[12]: \|ρ\| = \d\.\d\d$", text, re.M)
    assert re.search(r"^  active +[012] +of 2 latent units$", text, re.M)
    for unit, codes in enumerate(training.model.encode(dataset.X_valid)[0].T):
        dataset.known_valid["factor"] = codes
        text = "\n".join(Report(training, dataset).lines())
        assert f"alone with z{unit + 1}: |ρ| = 1.00" in text


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

    def spy(x, y=None):
        seen.append(x)
        return encode(x, y)

    monkeypatch.setattr(training.model, "encode", spy)
    undrawn(monkeypatch)
    report = Report(training, dataset)
    text = "\n".join(report.lines())
    dict(report.pictures())
    assert f"{label:.1%} of held-out" in text and f"{factor:.2f} = R²" in text
    assert all(np.isfinite(x).all() for x in seen)
    assert all(np.isin(x, (0, 1)).all() == (binarize != "none") for x in seen)
    # 20 are shown; the bound is one of 30, and so are the samples; 36 have the mixture
    assert sorted(map(len, seen)) == [20, 30, 30, 30, 36, 40]


@pytest.mark.parametrize(
    "odd",
    [{"n_valid": 0}, {"n_valid": 1}, {"n_valid": 2}, {"n": 1}, {"spread": 0.0}, {"n_latent": 1}],
    ids=str,
)
def test_few_examples_or_a_collapsed_code_leave_a_report_and_pictures(odd):
    training, dataset = a_run(known=("label", "factor"), **odd)
    lines = Report(training, dataset).lines()
    assert not any(re.search(r"\n|nan|\binf\b", line) for line in lines)
    assert ("held-out examples" in lines[1]) == (odd != {"n_valid": 0})
    pictures = dict(Report(training, dataset).pictures())
    assert pictures
    for figure in pictures.values():
        figure.draw_without_rendering()


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
def test_pictures_are_those_that_the_data_allow(shape, n_latent, names):
    figures = dict(Report(*a_run(shape, n_latent=n_latent, known=("label",))).pictures())
    assert list(figures) == [f"{name}.png" for name in names.split()]
    assert all(figure.axes for figure in figures.values())


def undrawn(monkeypatch):
    """No picture is drawn."""
    for name, value in vars(plots).items():
        if callable(value):
            monkeypatch.setattr(plots, name, lambda *args, **kw: None)


def shown(monkeypatch, name, training, dataset):
    """The arguments that a run's picture is drawn from."""
    given = []
    undrawn(monkeypatch)
    monkeypatch.setattr(plots, name, lambda *args, **kw: given.append(args))
    dict(Report(training, dataset).pictures())
    return given[0]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_a_denoising_model_makes_of_corrupted_images_is_shown(likelihood, monkeypatch):
    training, dataset = a_run(likelihood=likelihood, denoise=("gaussian", 0.2), missing=True)
    dataset.X_valid[::3, 1] = np.nan
    (clean, corrupted, denoised), names, _ = shown(monkeypatch, "strips", training, dataset)
    assert names == ["original", "corrupted", "denoised"]
    x, observed, _ = training.inputs(dataset.X_valid[np.linspace(0, 29, 20).astype(int)])
    assert_array_equal(clean.reshape(x.shape), np.where(observed, x, np.nan))
    seen = corrupt(
        stream(3, *PICTURES), x, observed, training.model.units, "gaussian", 0.2
    )  # the noise of the pictures' own stream, which nothing was drawn from before
    assert_array_equal(corrupted.reshape(x.shape), seen)
    assert (seen != x).any() and (seen < 0.0).any()
    mean = training.model.decode(training.model.encode(seen)[0])
    assert_allclose(denoised.reshape(x.shape), mean, rtol=1e-6)


def test_paths_lead_from_the_first_example_to_the_last_and_through_the_middle(monkeypatch):
    training, dataset = a_run(n_latent=3)
    model, x = training.model, dataset.X_valid[np.linspace(0, 29, 20).astype(int)]
    z = model.encode(x)[0]
    with monkeypatch.context() as patch:
        ways, _, ends, _ = shown(patch, "interpolation", training, dataset)
    assert_array_equal(ends.reshape(2, -1), x[[0, -1]])
    for way in ways:
        assert_allclose(way[[0, -1]].reshape(2, -1), model.decode(z[[0, -1]]), rtol=1e-5)
    with monkeypatch.context() as patch:
        moves, values, units, _ = shown(patch, "traversals", training, dataset)
    assert sorted(units) == [0, 1, 2]
    for unit, move in zip(units, moves):
        codes = np.tile(z.mean(axis=0), (15, 1))
        codes[:, unit] = values
        assert_allclose(move.reshape(15, -1), model.decode(codes), rtol=1e-4)


def test_a_table_is_shown_beside_what_is_decoded_from_its_codes(monkeypatch):
    training, dataset = a_run((12,))
    x, rebuilt = shown(monkeypatch, "table_reconstructions", training, dataset)
    assert_array_equal(x, dataset.X_valid)
    assert_allclose(rebuilt, training.model.decode(training.model.encode(x)[0]), rtol=1e-6)


def test_the_units_that_are_used_and_the_two_of_most_kl_are_shown(monkeypatch):
    training, dataset = a_run(n_latent=4, known=("label",))
    for name in ("mu.W", "mu.b", "logvar.W", "logvar.b"):
        training.model.parameters.values[name][..., 0] = 0.0  # a unit that is the prior
    training.model.parameters.values["mu.W"][:, 2] *= 5.0
    each = diagnostics.latent_units(*training.model.encode(dataset.X))
    with monkeypatch.context() as patch:
        kl, active = shown(patch, "kl_per_unit", training, dataset)
    assert_allclose(kl, each["kl"], rtol=1e-6)
    assert_array_equal(active, each["activity"] > diagnostics.ACTIVE)
    assert not active[0] and active[2]
    with monkeypatch.context() as patch:
        _, ticks, axes, _ = shown(patch, "manifold", training, dataset)
    assert set(axes) == set(each["kl"].argsort()[-2:]) and axes[0] < axes[1]
    (line,) = (line for line in Report(training, dataset).lines() if "  active " in line)
    assert line.split()[1:4] == [str(active.sum()), "of", "4"]


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
