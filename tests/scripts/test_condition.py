"""Runs that are conditioned, from training to everything that is done with them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import load, runs
from numvae.commands import evaluate, explore, train
from numvae.evaluation import diagnostics
from numvae.plots import style
from numvae.report import Report
from numvae.tables.columns import Table

FLAGS = ["--hidden", "6", "--latent", "2", "--epochs", "3", "--quiet", "--workers", "1"]


pytestmark = pytest.mark.usefixtures("there")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with images and their labels, a table, and a run of each given something."""
    folder, rng = tmp_path_factory.mktemp("given"), np.random.default_rng(0)
    labels = np.array(["ape", "bee", "cow"])[np.arange(60) % 3]
    images = np.clip(0.3 * rng.random((60, 4, 3)) + 0.3 * (np.arange(60) % 3)[:, None, None], 0, 1)
    np.savez(folder / "images.npz", X=images, label=labels)
    lines = [
        f"{a:.3f},{3 * a + b:.3f},{'mf'[i % 2]},{b:.1f}"
        for i, (a, b) in enumerate(rng.normal(size=(60, 2)))
    ]
    (folder / "table.csv").write_text("\n".join(["size,mass,sex,age", *lines]), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(style, "DPI", 40)
        assert (
            train.main(["--data", "images.npz", "--condition", "label", "--out", "images", *FLAGS])
            == 0
        )
        patch.setattr(Report, "pictures", lambda self: ())
        assert (
            train.main(["--data", "table.csv", "--condition", "sex,age", "--out", "table", *FLAGS])
            == 0
        )
    return folder


def run(typed):
    assert evaluate.main(typed.split()) == 0


def said(capsys, main, typed):
    with pytest.raises(SystemExit) as caught:
        main(typed.split())
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_images_are_drawn_class_by_class_and_not_from_z_alone():
    names = {path.name for path in Path("images").glob("*.png")}
    assert names >= {"samples.png", "reconstructions.png", "latent.png", "network.png"}
    assert not names & {"manifold.png", "traversals.png", "interpolation.png"}
    found = runs.load("images")
    report = Report(found.training, found.training_data())
    report.X.X = None  # no image is read for it
    values, labels = report._values_of_y()
    assert labels == ["ape", "bee", "cow"] and values.tolist() == np.eye(3).tolist()


def test_a_run_goes_on_bit_for_bit_and_its_report_is_the_same(undrawn):
    flags = ["--data", "images.npz", "--condition", "label", *FLAGS]
    train.main([*flags, "--out", "whole", "--epochs", "4"])
    train.main([*flags, "--out", "half", "--epochs", "2"])
    train.main(["--resume", "half", "--epochs", "4", "--quiet"])
    whole, half = (runs.load(name).model.parameters.vector for name in ("whole", "half"))
    assert_array_equal(whole, half)
    for name in ("images", "table"):
        run(f"report {name} --out {name}-again")
        report = Path(name, "report.txt").read_bytes()
        assert Path(f"{name}-again", "report.txt").read_bytes() == report


@pytest.mark.parametrize("name", ["images", "table"])
def test_every_command_takes_such_a_run(name, undrawn, capsys):
    data = {"images": "images.npz", "table": "table.csv"}[name]
    run(f"encode {name} --out codes.csv")
    run(f"reconstruct {name} {data} --out again.npy")
    run(f"score {name} {data} --samples 5 --out scores.csv")
    run(f"likelihood {name} --samples 5 --out likelihood")
    run(f"impute {name} --hide 0.3 --rows 9 --out filled.npy")
    beside = {"images": "by column means", "table": "  by the model   by the column alone\n"}[name]
    assert beside in capsys.readouterr().out
    assert len(np.load("again.npy")) == 60 and np.isfinite(np.load("filled.npy")).all()


def test_samples_are_of_the_value_that_is_typed(capsys):
    run("sample images -n 4 --y bee --out bees.png")
    run("sample images -n 400 --y cow --noise --out cows.npy")
    run("sample images -n 400 --y ape --noise --out apes.npy")
    assert np.load("cows.npy").mean() > np.load("apes.npy").mean()
    run("sample table -n 3 --y f,0.5 --out rows.csv")
    header, *rows = Path("rows.csv").read_text("utf-8").splitlines()
    assert header == "size,mass,sex,age" and len(rows) == 3
    assert all(row.endswith(",f,0.5") for row in rows)
    assert "conditioned on label: give its value with --y." in said(
        capsys, evaluate.main, "sample images --out x.npy"
    )
    assert "'dog' in column label was not seen in training; its levels are" in said(
        capsys, evaluate.main, "sample images --y dog --out x.npy"
    )
    assert "expected a value for sex, age" in said(
        capsys, evaluate.main, "sample table --y f --out x.npy"
    )


def test_codes_of_examples_are_decoded_given_another_value():
    for name, y in (("images", "cow"), ("table", "m,2.5")):
        run(f"sample {name} -n 5 --source posterior --noise --y {y} --out {name}-drawn.csv")
    header, *rows = Path("table-drawn.csv").read_text("utf-8").splitlines()
    assert header == "size,mass,sex,age" and all(row.endswith(",m,2.5") for row in rows)


def test_what_a_table_is_described_given_stands_in_what_is_made_of_it():
    def given(path):
        header, *rows = (row.split(",") for row in Path(path).read_text("utf-8").splitlines())
        assert header == ["size", "mass", "sex", "age"]
        return [(sex, float(age)) for *_, sex, age in rows]

    run("reconstruct table table.csv --out again.csv")
    run("impute table table.csv --hide 0.3 --rows 60 --out filled.csv")
    assert given("again.csv") == given("filled.csv") == given("table.csv")


def test_codes_are_decoded_given_the_value_that_is_typed(capsys):
    run("decode images --z 0 0 --y cow --out cow.npy")
    run("decode images --z 0 0 --y ape --out ape.npy")
    assert np.load("cow.npy").mean() > np.load("ape.npy").mean()
    assert "give its value with --y" in said(capsys, evaluate.main, "decode images --out x.npy")


def test_the_mean_code_of_a_class_is_found_in_a_conditioned_table(undrawn):
    table = [f"{i},{'abc'[i % 3]},{90 - i}.5" for i in range(60)]
    Path("kinds.csv").write_text("\n".join(["size,kind,age", *table]), "utf-8")
    flags = "--data kinds.csv --condition age --columns size:gaussian --out kinds --validation 0"
    train.main([*flags.split(), *FLAGS])
    run("decode kinds --class b --y 60 --out mean.npy")
    found = runs.load("kinds")
    mu, _ = diagnostics.encode(found.model, found.examples()[0][1::3], found.training.inputs)
    y = found.condition.encode_condition(Table({"age": np.array([60.0])}))
    wanted = found.model.decode(mu.mean(axis=0, keepdims=True), y)
    assert_allclose(np.load("mean.npy"), wanted, rtol=1e-6)


def test_other_labels_are_other_data(undrawn, capsys):
    images = np.load("images.npz")
    flags = "--data own.npz --condition label --out own"
    np.savez("own.npz", **images)
    train.main([*flags.split(), *FLAGS])
    np.savez("own.npz", X=images["X"], label=np.roll(images["label"], 1))
    what = said(capsys, evaluate.main, "report own --out again")
    assert "own.npz is not what the run in own was trained on: it has been changed" in what


def test_what_is_not_known_cannot_be_given(capsys):
    what = said(capsys, train.main, "--data images.npz --condition size")
    assert "cannot be conditioned on size, which is not known of each example" in what
    assert "known is label" in what
    what = said(capsys, train.main, "--data table.csv --condition height")
    assert "There is no column height to condition on" in what
    np.save("bare.npy", np.random.default_rng(0).random((5, 4, 3)))
    what = said(capsys, evaluate.main, "encode images bare.npy --out x.csv")
    assert "cannot be conditioned on label" in what and "known is nothing" in what


@pytest.mark.parametrize(("run", "names"), [("images", ["label"]), ("table", ["sex", "age"])])
def test_the_page_lets_one_choose_what_is_given(run, names, tmp_path):
    page = tmp_path / "page.html"
    assert explore.main([run, "--html", str(page)]) == 0
    (data,) = re.findall(r'type="application/json">(.*?)</script>', page.read_text("utf-8"))
    assert [control["name"] for control in json.loads(data)["given"]] == names
    assert {known["name"] for known in json.loads(data)["colourings"]} >= set(names)


def test_the_model_of_a_run_is_an_estimator():
    X, y = np.load("images.npz")["X"].reshape(60, -1), np.load("images.npz")["label"]
    vae = load("images")
    assert np.isfinite(vae.score(X, y)) and vae.sample(2, y="bee").shape == (2, 12)
    assert vae.condition == ["label"]
    pd = pytest.importorskip("pandas")
    table = load("table")
    assert np.isfinite(table.score(pd.read_csv("table.csv")))
    assert table.sample(2, y={"sex": "f", "age": 0.5})["sex"].tolist() == ["f", "f"]
