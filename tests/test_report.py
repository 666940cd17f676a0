import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal

from numvae import plots, report
from numvae.datasets import Dataset, load
from numvae.evaluation import aggregate, diagnostics, latent
from numvae.evaluation.conventions import bits_per_dimension
from numvae.plots import mosaic
from numvae.report import Report
from numvae.settings import Settings
from numvae.streams import PICTURES, stream
from numvae.training.loop import Training
from numvae.training.minibatches import corrupt


def a_run(shape=(4, 3), n=40, n_valid=30, known=(), spread=1.0, gray=False, given=(), **settings):
    """(training, dataset) after an epoch on made-up data; known by name: "label", or factors; the
    model is conditioned on those that are given."""
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
    if given:
        dataset.conditioned(given)
    training = Training.new(settings.checked(), dataset.X, 3, dataset.n_condition)
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
    assert "at start" not in "\n".join(Report(*a_run(likelihood="gaussian", n_valid=0)).lines())


def test_the_start_of_columns_of_several_kinds_is_no_factor_analysis_alone():
    training, dataset = a_run((12,), likelihood="gaussian:6,bernoulli:6")
    lines = Report(training, dataset).lines()
    nll, kl = training.evaluate(dataset.X_valid)
    gained = -(nll + kl).mean() - training.start_elbo
    assert (
        f"  at start  {training.start_elbo:10.2f} nats, factors of the numbers, frequencies of all "
        f"else: training adds {gained:.2f}"
    ) in lines


@pytest.mark.parametrize(("n_valid", "said"), [(0, False), (1, False), (2, True)])
def test_what_the_code_knows_is_measured_on_two_held_out_examples_or_more(n_valid, said):
    lines = Report(*a_run(n_valid=n_valid, known=("label", "factor"))).lines()
    names = [line.split()[0] for line in lines]
    assert ("label" in names) is ("factor" in names) is said


@pytest.mark.parametrize(("n_valid", "said"), [(9, False), (10, True)])
def test_of_few_held_out_examples_no_collapse_is_said(n_valid, said):
    text = "\n".join(Report(*a_run(n_valid=n_valid, spread=0.0)).lines())
    assert ("The posterior has collapsed" in text) is said and "autoencoder" not in text


def test_of_a_plain_autoencoder_the_last_line_says_that_it_has_no_bound():
    text = Report(*a_run(objective="autoencoder", spread=0.0)).lines()
    assert text[-1] == "A plain autoencoder has no bound: its ELBO here is only −nll."
    assert text[-2].startswith("  active ")


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
    [{"n_valid": 0}, {"n": 1}, {"n_latent": 1}]
    + [
        pytest.param(odd, marks=pytest.mark.slow)
        for odd in ({"n_valid": 1}, {"n_valid": 2}, {"spread": 0.0})
    ],
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


@pytest.fixture
def shown(monkeypatch):
    """shown(training, dataset): function of plots → the arguments that a picture is drawn from."""

    def shown(training, dataset):
        given = {}

        def keep(name):
            return lambda *args, **kw: given.update({name: (*args, *kw.values())})

        for name, value in vars(plots).items():
            if callable(value):
                monkeypatch.setattr(plots, name, keep(name))
        dict(Report(training, dataset).pictures())
        return given

    return shown


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_a_denoising_model_makes_of_corrupted_images_is_shown(likelihood, shown):
    training, dataset = a_run(likelihood=likelihood, denoise=("gaussian", 0.2), missing=True)
    dataset.X_valid[::3, 1] = np.nan
    (clean, corrupted, denoised), names, _ = shown(training, dataset)["strips"]
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


def test_paths_lead_from_the_first_example_to_the_last_and_through_the_middle(shown):
    training, dataset = a_run(n_latent=3)
    model, x = training.model, dataset.X_valid[np.linspace(0, 29, 20).astype(int)]
    z = model.encode(x)[0]
    drawn = shown(training, dataset)
    ways, _, ends, _ = drawn["interpolation"]
    assert ways.shape == (2, 9, 4, 3)
    assert_array_equal(ends.reshape(2, -1), x[[0, -1]])
    for way in ways:
        assert_allclose(way[[0, -1]].reshape(2, -1), model.decode(z[[0, -1]]), rtol=1e-5)
    moves, values, units, _ = drawn["traversals"]
    assert sorted(units) == [0, 1, 2]
    for unit, move in zip(units, moves):
        codes = np.tile(z.mean(axis=0), (15, 1))
        codes[:, unit] = values
        assert_allclose(move.reshape(15, -1), model.decode(codes), rtol=1e-4)


@pytest.mark.parametrize(("n_valid", "there"), [(1, False), (2, True)])
def test_a_path_needs_two_examples(n_valid, there, shown):
    assert ("interpolation" in shown(*a_run(n_valid=n_valid))) is there


def test_of_each_source_thirty_images_are_drawn(shown):
    training, dataset = a_run()
    drawn, columns, limits = shown(training, dataset)["samples"]
    assert list(drawn) == ["prior", "posterior", "mixture"] and (columns, limits) == (5, (0, 1))
    rng = stream(3, *PICTURES)
    for source, images in drawn.items():
        z = aggregate.draw(training, rng, 30, source, dataset.X)
        assert_allclose(images.reshape(30, 12), training.model.decode(z), rtol=1e-5)


def test_a_conditioned_model_is_shown_by_the_same_codes_given_ten_values(shown):
    training, dataset = a_run(known=("factor",), given=["factor"])
    drawn, labels, _ = shown(training, dataset)["strips"]
    values = np.sort(dataset.known_valid["factor"])[np.linspace(0, 29, 10).astype(int)]
    assert labels == [f"{value:.3g}" for value in values] and len(drawn) == 10
    z = stream(3, *PICTURES).standard_normal((10, 2))
    center, scale = dataset.condition.condition["factor"]
    for images, value in zip(drawn, values):
        y = np.full((10, 1), (value - center) / scale)
        assert_allclose(images.reshape(10, 12), training.model.decode(z, y), rtol=1e-5)


def test_a_table_is_shown_beside_what_is_decoded_from_its_codes(shown):
    training, dataset = a_run((12,))
    drawn, model = shown(training, dataset), training.model
    x, rebuilt = drawn["table_reconstructions"]
    assert_array_equal(x, dataset.X_valid)
    assert_allclose(rebuilt, model.decode(model.encode(x)[0]), rtol=1e-6)
    x, samples = drawn["marginals"]
    assert_array_equal(x, dataset.X)  # those held out are too few
    rng = stream(3, *PICTURES)
    z = rng.standard_normal((5000, 2), dtype=model.dtype)
    assert_array_equal(samples, model.sample(rng, z))


@pytest.mark.parametrize(("n_valid", "n"), [(499, 40), (500, 500), (5001, 5000)])
def test_pictures_of_many_are_of_500_held_out_rows_or_more_and_of_5000_at_most(n_valid, n, shown):
    training, dataset = a_run((12,), n_valid=n_valid, known=("label", "factor", "third"))
    drawn, X = shown(training, dataset), dataset.X if n == 40 else dataset.X_valid[:n]
    known = dataset.known if n == 40 else dataset.known_valid
    mu, colours, axes = drawn["latent_scatter"]
    assert_allclose(mu, training.model.encode(X)[0], atol=1e-6)
    assert list(colours) == ["label", "factor"] and axes == (0, 1)
    assert all(np.array_equal(colours[name], known[name][:n]) for name in colours)
    assert_array_equal(drawn["marginals"][0], X)
    assert len(drawn["table_reconstructions"][0]) == min(n_valid, 5000)


def test_codes_of_which_nothing_is_known_have_one_colour(shown):
    assert shown(*a_run())["latent_scatter"][1] is None


def test_a_table_with_names_is_shown_by_them(tmp_path, shown):
    size = np.random.default_rng(0).normal(size=40)
    lines = [f"{x},{'ab'[i % 2]},{x * 2 + 1},{i % 7 + x}" for i, x in enumerate(size)]
    (tmp_path / "table.csv").write_text("\n".join(["size,kind,twice,age", *lines]), "utf-8")
    dataset = load(tmp_path / "table.csv", validation=10)
    settings = Settings(2, hidden=(5,), likelihood=dataset.likelihood, epochs=1)
    training = Training.new(settings.checked(), dataset.X, 3)
    training.run(dataset.X, dataset.X_valid)
    text = "\n".join(Report(training, dataset).lines())
    assert "Equal, in these or other units: twice and size. Leave one" in text
    drawn = shown(training, dataset)
    wanted = dataset.columns.colours(dataset.X)
    colours = drawn["latent_scatter"][1]
    assert list(colours) == ["kind", "size"]
    assert all(np.array_equal(colours[name], wanted[name]) for name in colours)
    for name in ("table_reconstructions", "marginals"):
        assert [list(table) for table in drawn[name]] == 2 * [["size", "kind", "twice", "age"]]
    assert set(drawn["marginals"][1]["kind"]) == {"a", "b"}


def test_at_most_ten_units_are_traversed_those_of_most_kl_first(shown):
    training, dataset = a_run(n_latent=12)
    each = diagnostics.latent_units(*training.model.encode(dataset.X))
    units = shown(training, dataset)["traversals"][2]
    assert units.tolist() == each["kl"].argsort()[:1:-1].tolist()


def test_the_codes_of_at_most_ten_thousand_rows_stand_for_those_trained_on():
    training, dataset = a_run()
    few = Report(training, dataset)
    assert_array_equal(few.training_codes[0], training.model.encode(dataset.X)[0])
    dataset.X = np.zeros((10_001, 12), np.float32)
    assert len(Report(training, dataset).training_codes[0]) == 10_000


def test_the_diagram_of_a_model_is_of_its_layers_and_what_they_are_given(shown):
    training, dataset = a_run(known=("factor",), given=["factor"], likelihood="gaussian")
    layers, n_condition = shown(training, dataset)["network_diagram"]
    assert layers == {  # mu and the mean are given the input of the hidden layer too
        **{"encoder.0": (13, 5), "mu": (18, 2), "logvar": (5, 2)},
        **{"decoder.0": (3, 5), "likelihood.mean": (8, 12), "likelihood.s": (12,)},
    }
    assert n_condition == 1


@pytest.mark.parametrize("shape", [(12,), (4, 3)])
def test_an_overview_has_two_thousand_samples_of_rows_drawn_and_of_images_decoded(
    shape, monkeypatch
):
    training, dataset = a_run(shape, likelihood="gaussian")
    model, X, label = training.model, dataset.X, np.arange(40)
    monkeypatch.setattr(plots, "overview", lambda *args: args)
    x, rebuilt, samples, mu, kl, active, *rest = report.overview(
        training, X, label, None, shape, ["a"], (0.0, 1.0)
    )
    assert rest == [training.history, label, ["a"], (0.0, 1.0)]
    assert_array_equal(x, X.reshape(-1, *shape))
    assert_allclose(mu, model.encode(X)[0], rtol=1e-5)
    assert_allclose(rebuilt.reshape(X.shape), model.decode(mu), rtol=1e-5)
    each = diagnostics.latent_units(mu, model.encode(X)[1])
    assert_allclose(kl, each["kl"], rtol=1e-5)
    assert_array_equal(active, each["activity"] > diagnostics.ACTIVE)
    rng = stream(3, *PICTURES)
    z = rng.standard_normal((2000, 2), dtype=model.dtype)
    wanted = model.sample(rng, z) if shape == (12,) else model.decode(z)
    assert_array_equal(samples.reshape(2000, 12), wanted)


def test_the_units_that_are_used_and_the_two_of_most_kl_are_shown(shown):
    training, dataset = a_run(n_latent=4, known=("label",))
    for name in ("mu.W", "mu.b", "logvar.W", "logvar.b"):
        training.model.parameters.values[name][..., 0] = 0.0  # a unit that is the prior
    training.model.parameters.values["mu.W"][:, 2] *= 5.0
    each = diagnostics.latent_units(*training.model.encode(dataset.X))
    drawn = shown(training, dataset)
    kl, active = drawn["kl_per_unit"]
    assert_allclose(kl, each["kl"], rtol=1e-6)
    assert_array_equal(active, each["activity"] > diagnostics.ACTIVE)
    assert not active[0] and active[2]
    axes = drawn["manifold"][2]
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
