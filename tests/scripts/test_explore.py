import re
from pathlib import Path

import explore
import numpy as np
import pytest

from numvae.network import Autoencoder
from numvae.training.checkpoint import save_model


@pytest.fixture(autouse=True)
def images(elsewhere, monkeypatch):
    """A file of images and a model of them in the working folder, and no screen."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    rng = np.random.default_rng(0)
    np.save("images.npy", rng.random((30, 4, 3)))
    np.save("wide.npy", rng.random((30, 5)))
    model = Autoencoder(12, 2, (5,)).initialize(rng)
    save_model(model, "model.npz", {"data": "images.npy", "shape": (4, 3), "seed": 0})
    save_model(model, "bare.npz", {"seed": 0})
    Path("there.html").write_text("mine")
    Path("folder").mkdir()


@pytest.mark.parametrize("typed", ["model.npz", "model.npz images.npy", "bare.npz images.npy"])
def test_a_page_is_written_and_said_so(typed, capsys):
    assert explore.main([*typed.split(), "--html", "page.html"]) == 0
    text = Path("page.html").read_text(encoding="utf-8")
    assert "<title>The latent space of images</title>" in text
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output == f"page.html: {len(text.encode()) / 1000:,.0f} kB, to be opened in a browser.\n"


def test_a_large_page_says_what_makes_it_large(monkeypatch, capsys):
    monkeypatch.setattr(explore, "LARGE", 1000)
    explore.main(["model.npz", "--html", "page.html"])
    assert "the decoder" in capsys.readouterr().out.splitlines()[1]


BAD = [
    ("", "RUN"),
    ("nowhere", "there is no run and no model nowhere"),
    ("folder", "there is no model.npz in folder"),
    ("images.npy", "images.npy is not a whole numvae model file"),
    ("bare.npz --html page.html", "bare.npz does not say what it was trained on"),
    ("model.npz nothing.npy --html page.html", "nothing.npy"),
    ("model.npz facse --html page.html", "facse"),
    ("model.npz wide.npy --html page.html", "wide.npy has 5 numbers per example"),
    ("model.npz --html there.html", "there.html exists already"),
    ("model.npz --html page.png", "page.png should end in .html"),
    ("model.npz --html no/page.html", "there is no folder no"),
    ("model.npz", "no display"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(typed, culprit, capsys):
    before = sorted(Path().rglob("*"))
    with pytest.raises(SystemExit) as caught:
        explore.main(typed.split())
    assert caught.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.count("\n") == 1 and errors.endswith("\n") and culprit in errors
    assert not re.search(r"Traceback|usage:", errors)
    assert sorted(Path().rglob("*")) == before
    assert Path("there.html").read_text() == "mine"


def test_where_there_is_a_screen_a_window_is_opened(monkeypatch):
    from matplotlib import pyplot

    shown = []
    monkeypatch.setattr(pyplot, "get_backend", lambda: "qtagg")
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    assert explore.main(["model.npz"]) == 0
    assert [len(figure.axes) for figure in shown] == [4]  # the map, the picture, two sliders
    pyplot.close("all")
