"""The page is taken as it is written: its own script is run by node, where that is installed."""

import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from numvae.explore.page import page
from numvae.explore.view import controls, view
from numvae.rows import split_condition
from numvae.rules import continuous_bernoulli
from numvae.rules.mixture import Mixture
from numvae.settings import Settings
from numvae.tables.columns import Table, of_known
from numvae.training.loop import Training

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node, which runs the page, is not installed")


def a_view(
    likelihood="bernoulli", shape=(4, 3), hidden=(7,), scale=1.0, dtype="f4", given=None, **more
):
    """A View of random weights; `scale` makes them larger, so that functions show their ends.

    given   name → (30,), what the model is conditioned on
    """
    rng = np.random.default_rng(0)
    X = rng.random((30, int(np.prod(shape)))).astype(dtype)
    if "categorical" in likelihood:
        X[:] = np.eye(X.shape[1])[-1]  # one-hot rows, also in the last columns alone
    if "poisson" in likelihood or "binomial" in likelihood:
        X = np.rint(9 * X)
    settings = Settings(hidden=hidden, likelihood=likelihood, **more)
    condition, C = None, 0
    if given:
        condition = of_known(given)
        y, C = condition.encode_condition(Table(given)), condition.n_condition
        X = np.concatenate([X, y], axis=1, dtype=dtype)
    training = Training.new(settings, X, 0, C)
    training.model.initialize(rng, init_sigma=scale)
    for name, value in training.model.parameters.values.items():
        if name.endswith(".b"):
            value[...] = rng.standard_normal(value.shape)
    known = {"factor": rng.random(30), "label": np.arange(30) % 3}
    columns = [f"x{i + 1}" for i in range(training.model.n_features)]
    of_data = {"name": "made-up", "shape": shape, "columns": columns, "condition": condition}
    return view(training, X, known, **of_data)


def part(text, name):
    (found,) = re.findall(rf'<script id="{name}"[^>]*>(.*?)</script>', text, re.S)
    return found


def data_of(text):
    return json.loads(part(text, "data"))


def unpacked(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def by_node(text, expression, known):
    """What an expression is worth to the page's own decoder script, where `known` is an array."""
    code = f"""
        {part(text, "decoder")}
        const known = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify({expression}));
    """
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(known), capture_output=True, text=True, check=True
    )
    return np.array(json.loads(done.stdout))


GIVEN = {"class": np.array(["a", "b", "c"])[np.arange(30) % 3], "age": np.arange(30) / 4}
CASES = [
    {"activation": "tanh", "hidden": (7,)},
    {"activation": "relu", "hidden": (9, 5)},
    {"activation": "elu", "hidden": (6, 5, 4)},
    {"activation": "softplus", "hidden": (9, 5), "scale": 2.0},
    {"activation": "sigmoid", "hidden": (7,), "scale": 5.0},
    {"activation": "linear", "hidden": (7,)},
    {"hidden": (), "n_latent": 1},
    {"likelihood": "continuous-bernoulli", "scale": 0.1},
    {"likelihood": "continuous-bernoulli", "scale": 3.0, "n_latent": 12},
    {"likelihood": "gaussian", "shape": (2, 2, 3), "dtype": "float64"},
    {"likelihood": "gaussian-fixed", "shape": (5,)},
    {"likelihood": "gaussian-sigma-z", "hidden": (8, 8)},
    {"likelihood": "categorical", "shape": (5,), "scale": 3.0},
    {"likelihood": "poisson"},
    {"likelihood": "negative-binomial"},
    {"likelihood": "gaussian:2,bernoulli:1,categorical:4", "shape": (7,)},
    {"likelihood": "poisson:2,gaussian-sigma-z:3", "shape": (5,)},
    *(
        {"likelihood": "gaussian:2,categorical:3", "shape": (5,), "skip": s, "standardize": t}
        for s, t in ((False, False), (True, False), (False, True))  # else both
    ),
    {"likelihood": "gaussian-sigma-z", "shape": (5,), "hidden": ()},
    {"given": GIVEN},
    {"given": GIVEN, "likelihood": "gaussian", "shape": (5,), "skip": True},
    {"given": GIVEN, "likelihood": "gaussian", "shape": (5,), "hidden": ()},
]


@needs_node
@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_pages_decoder_is_the_models(case):
    shown = a_view(**case)
    model = shown.model
    rng = np.random.default_rng(1)
    points = rng.uniform(-3, 3, (20, model.n_latent + model.n_condition))
    wanted = model.decode(*split_condition(points.astype(model.dtype), model.n_condition))
    text = page(shown)
    decoder = "unpackDecoder(known[0].decoder)"
    expression = f"known[1].map((z) => decode({decoder}, z))"
    found = by_node(text, expression, [data_of(text), points.tolist()])
    assert wanted.std() > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@needs_node
@pytest.mark.parametrize(("u", "k"), [(0.0, 0), (0.19, 0), (0.21, 1), (0.69, 1), (0.71, 2), (1, 2)])
def test_the_page_draws_from_the_mixture(u, k):
    shown, rng = a_view(n_latent=2), np.random.default_rng(0)
    assert data_of(page(shown))["mixture"] is None
    roots = rng.normal(size=(3, 2, 2))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(2)
    shown.mixture = Mixture(np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, 2)), covariances)
    expression = "[...fromMixture(unpackMixture(known[0]), known[1], Float64Array.from(known[2]))]"
    noise, data = rng.normal(size=2), data_of(page(shown))["mixture"]
    found = by_node(page(shown), expression, [data, u, noise.tolist()])
    wanted = shown.mixture.means[k] + np.linalg.cholesky(covariances[k]) @ noise
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@needs_node
def test_what_is_chosen_on_the_page_is_the_models_y():
    two = {**GIVEN, "old": np.arange(30) > 20}
    condition = of_known(two)
    condition.given[2].kind = "bernoulli"  # as in a table: one number
    values = {name: of[[4, 25]] for name, of in two.items()}
    first, second = condition.encode_condition(Table(values))
    shown = a_view(given=GIVEN)
    chosen = [["abc".index(a), b, int(c)] for a, b, c in zip(*values.values())]
    expression = """[0, 1].map((i) => {
        const y = Float64Array.from(known.other);
        known.given.forEach((control, k) => give(control, y, known.chosen[i][k]));
        return [...y, ...known.given.map((control) => valueGiven(control, y))];
    })"""
    known = {"given": controls(condition, np.stack([first, second])), "chosen": chosen}
    known["other"] = second.tolist()
    found = by_node(page(shown), expression, known)
    np.testing.assert_allclose(found[:, :5], [first, second])
    np.testing.assert_allclose(found[:, 5:], chosen)


def test_each_original_brings_what_its_model_was_given():
    shown = a_view(given=GIVEN)
    data = data_of(page(shown))
    y = unpacked(data["y"], "<f4").reshape(-1, 4)
    assert len(y) == len(shown.originals) and [c["name"] for c in data["given"]] == list(GIVEN)
    mu, _ = shown.model.encode(shown.originals, y)
    np.testing.assert_allclose(mu, shown.codes, atol=1e-5)
    plain = data_of(page(a_view()))
    assert plain["given"] == [] and plain["y"] == ""


@needs_node
def test_the_continuous_bernoulli_is_as_exact_where_a_series_takes_its_place():
    logits = np.concatenate([np.linspace(-1, 1, 201), [-900.0, -30.0, 30.0, 900.0]])
    found = by_node(page(a_view()), "known.map(continuousBernoulliMean)", logits.tolist())
    np.testing.assert_allclose(found, continuous_bernoulli.mean(logits), atol=1e-10)


def test_the_page_is_whole_and_asks_nothing_of_the_network():
    text = page(a_view())
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "{{" not in text
    assert not re.search(r"""https?:|//[a-z]|src=|@import|\burl\(""", text)
    assert "default-src 'none'" in text and "bernoulli" in text


def test_the_page_holds_what_is_shown():
    shown = a_view(n_latent=3)
    data = data_of(page(shown))
    points = unpacked(data["points"], "<f4").reshape(-1, 2)
    np.testing.assert_array_equal(points, shown.mu[:, list(shown.axes)])
    codes = unpacked(data["codes"], "<f4").reshape(-1, 3)
    np.testing.assert_array_equal(codes, shown.codes)
    originals = unpacked(data["originals"], "u1").reshape(-1, 12)
    np.testing.assert_allclose(originals / 255, shown.originals, atol=0.5 / 255 + 1e-6)
    assert [known["name"] for known in data["colourings"]] == ["factor", "label"]
    assert (unpacked(data["colourings"][1]["index"], "u1") == np.arange(30) % 3).all()
    assert data["units"] == shown.units and data["limit"] == shown.limit


def test_images_in_other_units_are_drawn_on_their_own_range_which_is_named():
    shown = a_view(likelihood="gaussian")
    assert data_of(page(shown))["limits"] == [0, 1] and "or below" not in page(shown)
    plain = data_of(page(shown))["originals"]
    shown.originals, shown.limits = 200 * shown.originals - 100, (-100.0, 100.0)
    text = page(shown)
    assert data_of(text)["limits"] == [-100, 100] and data_of(text)["originals"] == plain
    assert "Black is −100 or below, white is 100 or above. Made by numvae" in text
    shown.originals[0, 0] = np.nan
    assert unpacked(data_of(page(shown))["originals"], "u1")[0] == 128  # gray: it is missing


@needs_node
def test_the_page_paints_its_limits_black_and_white():
    shown = a_view(likelihood="gaussian")
    shown.limits = (-100.0, 100.0)
    script = part_of_script(page(shown), "function paint")
    code = f"""
        const page = {{shape: [1, 3]}};
        class ImageData {{ constructor(w, h) {{ this.data = new Uint8ClampedArray(4 * w * h); }} }}
        {script}
        let image;
        const pen = {{ putImageData: (drawn) => (image = drawn) }};
        paint({{ getContext: () => pen }}, [-150, 0, 100], [-100, 100]);
        console.log(JSON.stringify([0, 4, 8].map((i) => image.data[i])));
    """
    done = subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, 128, 255]


def part_of_script(text, begin):
    """A function of the page's script: from its first line to the brace that closes it."""
    (found,) = re.findall(rf"^{begin}.*?^}}", text, re.S | re.M)
    return found


def test_a_table_brings_its_columns_and_one_unit_no_map():
    data = data_of(page(a_view(shape=(5,), n_latent=1, likelihood="gaussian")))
    assert data["columns"] == ["x1", "x2", "x3", "x4", "x5"]
    assert len(data["low"]) == len(data["high"]) == 5
    assert data["points"] == "" and "originals" not in data


def test_a_name_cannot_end_the_script_or_become_markup():
    shown = a_view(shape=(1,), likelihood="gaussian")
    shown.name = "<b>&"
    shown.columns = ["</script><script>alert(1)"]
    text = page(shown)
    assert data_of(text)["columns"] == shown.columns
    assert "<b>" not in text and "<title>The latent space of &lt;b&gt;&amp;</title>" in text
