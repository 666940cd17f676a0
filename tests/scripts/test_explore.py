import re
import tempfile
import webbrowser
from pathlib import Path

import numpy as np
import pytest

from numvae import VAE, runs
from numvae.commands import explore, train
from numvae.datasets import Dataset
from numvae.training import checkpoint


@pytest.fixture(autouse=True)
def images(elsewhere):
    """A file of images and a model of them in the working folder."""
    rng = np.random.default_rng(0)
    np.save("images.npy", rng.random((30, 4, 3)))
    np.save("wide.npy", rng.random((30, 5)))
    vae = VAE(hidden=(5,), epochs=1, random_state=0).fit(rng.random((30, 12), "f4"))
    vae.save("bare.npz")
    run = runs.load("bare.npz")
    about = {"data": {"name": "images.npy", "shape": (4, 3)}}
    checkpoint.save(run.training, "model.npz", "model", about)
    Path("there.html").write_text("mine")
    Path("folder").mkdir()


@pytest.fixture(autouse=True)
def opened(tmp_path, monkeypatch):
    """The addresses that a browser was asked to open; `opened.answer` is what it says."""

    class Opened(list):
        answer = True

    opened = Opened()
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or opened.answer)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return opened


@pytest.mark.parametrize("typed", ["model.npz", "model.npz images.npy", "bare.npz images.npy"])
def test_a_page_is_written_and_said_so(typed, capsys, opened):
    assert explore.main([*typed.split(), "--html", "page.html"]) == 0
    text = Path("page.html").read_text(encoding="utf-8")
    assert "<title>The latent space of images</title>" in text
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output == f"page.html: {len(text.encode()) / 1000:,.0f} kB, to be opened in a browser.\n"
    assert not opened


def test_the_sliders_reach_as_far_as_they_are_told_to():
    assert explore.main(["model.npz", "--limit", "0.15", "--html", "page.html"]) == 0
    assert '"limit": 0.15,' in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("n_valid", "first"), [(499, "0"), (500, "60")])
def test_held_out_examples_are_shown_if_they_are_enough_for_a_cloud(n_valid, first):
    row = np.arange(60 + n_valid, dtype="f4")
    X, known = np.ones((len(row), 12), "f4"), ({"row": row[:60]}, {"row": row[60:]})
    dataset = Dataset("made-up", X[:60], X[60:], (4, 3), "split", "gaussian", *known)
    text = explore.page_of(runs.load("bare.npz"), dataset).decode()
    assert re.search(r'"name": "row".*?"labels": \["(\d+)"', text)[1] == first


@pytest.mark.parametrize("there_is_one", [True, False])
def test_without_a_file_the_page_is_opened_or_the_sentence_says_where_it_is(
    there_is_one, opened, tmp_path, capsys
):
    opened.answer = there_is_one
    assert explore.main(["model.npz"]) == 0
    (path,) = tmp_path.glob("numvae-*.html")
    assert opened == [path.as_uri()]
    assert "<title>The latent space of images</title>" in path.read_text(encoding="utf-8")
    output, errors = capsys.readouterr()
    says = (
        f"Opened {path} in the browser; --html FILE keeps the page.\n"
        if there_is_one
        else f"There is no browser to open here; the page is {path}, for any browser.\n"
    )
    assert errors == "" and output == says


def test_a_table_is_coloured_by_its_columns():
    size = np.random.default_rng(0).random(40)
    lines = [f"{x},{'ab'[i % 2]},{i + x}" for i, x in enumerate(size)]
    Path("table.csv").write_text("\n".join(["size,kind,age", *lines]), "utf-8")
    text = explore.page_of(*train.new_run(train.parser().parse_args(["--data", "table.csv"])))
    assert re.findall(r'"name": "(\w+)"', text.decode())[-3:] == ["kind", "size", "age"]


@pytest.mark.parametrize(("size", "is_large"), [(5_000_000, False), (5_000_001, True)])
def test_a_large_page_says_what_makes_it_large(size, is_large, monkeypatch, capsys):
    monkeypatch.setattr(explore, "page_of", lambda *_: bytes(size))
    explore.main(["model.npz", "--html", "page.html"])
    first, *more = capsys.readouterr().out.splitlines()
    assert first == "page.html: 5,000 kB, to be opened in a browser."
    what = "Most of this large page is the decoder; a model with less --hidden has a small one."
    assert more == [what] * is_large


BAD = [
    ("", "RUN"),
    ("nowhere", "there is no run and no model nowhere"),
    ("folder", "there is no model.npz and no checkpoint.npz in folder"),
    ("images.npy", "images.npy is not a whole numvae model file"),
    ("bare.npz --html page.html", "bare.npz does not say what data it was trained on"),
    ("model.npz nothing.npy --html page.html", "nothing.npy"),
    ("model.npz facse --html page.html", "facse"),
    ("model.npz wide.npy --html page.html", "wide.npy has 5 numbers per example"),
    ("model.npz --html there.html", "there.html exists already"),
    ("model.npz --html page.png", "page.png should end in .html"),
    ("model.npz --html no/page.html", "there is no folder no"),
    ("model.npz nothing.npy", "nothing.npy"),
    ("model.npz --limit 0", "a number above 0"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(
    typed, culprit, refused, opened
):
    assert culprit in refused(explore.main, *typed.split()) and not opened
