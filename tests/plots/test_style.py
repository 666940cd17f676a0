"""The look: no global state, no pyplot; and files written whole, the same each time."""

import os
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest

from numvae import plots
from numvae.plots import style

IMAGES = np.linspace(0, 1, 6 * 4 * 3).reshape(6, 4, 3)
GRID, ROWS = IMAGES.reshape(2, 3, 4, 3), IMAGES[:, 0]
HOLES = np.where(IMAGES > 0.5, np.nan, IMAGES)
HISTORY = [
    {"epoch": e, "train_elbo": -9.0 / e, "train_nll": 8.0 / e, "train_kl": 1.0 / e} for e in (1, 2)
]
STEPS = np.logspace(-12, 0, 13)
PICTURES = {
    "curves": lambda: plots.curves(HISTORY),
    "image_grid": lambda: plots.image_grid(IMAGES, title="six"),
    "reconstructions": lambda: plots.reconstructions(IMAGES, 1 - IMAGES),
    "samples": lambda: plots.samples(dict.fromkeys(("prior", "posterior", "mixture"), IMAGES), 2),
    "inpainting": lambda: plots.inpainting(IMAGES, HOLES, IMAGES),
    "traversals": lambda: plots.traversals(GRID, np.arange(3)),
    "interpolation": lambda: plots.interpolation(GRID, ["linear", "spherical"], IMAGES[:2]),
    "manifold": lambda: plots.manifold(GRID, (np.arange(3), np.arange(2))),
    "latent_scatter": lambda: plots.latent_scatter(ROWS, {"a": range(6), "b": ROWS[:, 0]}),
    "kl_per_unit": lambda: plots.kl_per_unit([2.0, 0.001]),
    "planted_bugs": lambda: plots.planted_bugs(
        {"a bug": (([-2.0, -1.0], [-3.0, -4.0, -5.0]), ([-2.0, -1.5], [-3.0, -2.0, -1.5]))}
    ),
    "bound_over_examples": lambda: plots.bound_over_examples({"a run": (100, HISTORY)}),
    "bound_over_samples": lambda: plots.bound_over_samples([1, 10], [-3.0, -2.0], [0.1, 0.1]),
    "table_reconstructions": lambda: plots.table_reconstructions(ROWS, IMAGES[:, 1]),
    "marginals": lambda: plots.marginals(ROWS, IMAGES[:, 1]),
    "overview": lambda: plots.overview(
        ROWS, ROWS, ROWS, ROWS, np.ones(3), np.array([True] * 3), HISTORY
    ),
    "network_diagram": lambda: plots.network_diagram(
        {"mu": (3, 1), "logvar": (3, 1), "likelihood.mean": (1, 3)}, "a title"
    ),
    "computation_graph": lambda: plots.computation_graph(
        {
            "x": {"shape": (3,), "label": "", "rule": "", "caller": "", "norms": {}},
            "y": {"shape": (), "label": "D1", "rule": "a.py", "caller": "b.py", "norms": {"db": 2}},
        },
        [("x", "y", "", None)],
    ),
    "errors_over_steps": lambda: plots.errors_over_steps(
        STEPS, {"float64": (1e-16 / STEPS + STEPS**2, 1e-16 / STEPS, STEPS**2)}
    ),
    "gradient_estimators": lambda: plots.gradient_estimators(
        {"wide": 9 * ROWS[:, :2], "near": ROWS[:, :2]},
        [1, 10],
        {"near": [2.0, 0.2], "wide": [90.0, 9.0]},
        {("IWAE", "encoder"): [1.0, 0.3], ("ELBO", "decoder"): [1.1, 3.0]},
    ),
    "known_answer": lambda: plots.known_answer(
        [0, 5, 20],
        {"exact": [-9.0, -3.0, -1.0], "bound": [-99.0, -4.0, -1.1]},
        {"left": np.array([8.0, 2.0, 0.0]), "bound": np.array([90.0, 1.0, 0.1])},
        [[80.0, 9.0], [9.0, 1.0], [0.1, 0.01]],
        -1.0,
    ),
    "densities": lambda: plots.densities({"a table": {"VAE": 1.5, "mixture": -20.0}}),
}
WILD = {
    "font.size": 30,
    "font.family": "serif",
    "axes.grid": True,
    "axes.facecolor": "black",
    "xtick.color": "red",
    "ytick.direction": "in",
    "lines.linewidth": 9,
    "savefig.bbox": "tight",
    "savefig.facecolor": "pink",
    "image.cmap": "jet",
}


def test_pyplot_is_not_loaded_and_numvae_does_not_load_matplotlib():
    program = (
        "import sys, numvae; assert 'matplotlib' not in sys.modules; import numvae.plots;"
        "numvae.plots.image_grid([[[0.5]]]); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


SLOWLY = "overview", "latent_scatter", "gradient_estimators", "known_answer"


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in SLOWLY else n for n in PICTURES],
)
def test_the_callers_settings_are_neither_used_nor_changed(name, tmp_path, quickly):
    plots.save(PICTURES[name](), tmp_path / "plain.png")
    with warnings.catch_warnings(), matplotlib.rc_context(WILD):
        before = dict(matplotlib.rcParams)
        figure = PICTURES[name]()
        plots.save(figure, tmp_path / "wild.png")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "wild.png").read_bytes()


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_lies_outside_the_figure_or_on_another_text(name, assert_legible):
    assert_legible(PICTURES[name]())


def test_every_picture_is_in_the_table_above():
    shorthands = {"strips"}  # drawn by others that are
    functions = {name for name, value in vars(plots).items() if callable(value)}
    assert set(PICTURES) | shorthands | {"save"} == functions


def test_save_gives_the_same_bytes_without_a_version_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "grid.png"
    files = []
    for _ in range(2):
        plots.save(plots.image_grid(IMAGES), path)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert files[0].startswith(b"\x89PNG") and b"matplotlib" not in files[0].lower()
    assert os.listdir(path.parent) == ["grid.png"]


def test_save_writes_atomically(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(style, "write_atomically", lambda *call: written.append(call))
    plots.save(plots.image_grid(IMAGES), tmp_path / "grid.png")
    ((path, content),) = written
    assert path == tmp_path / "grid.png" and content.startswith(b"\x89PNG")


def test_save_wants_png(tmp_path):
    with pytest.raises(ValueError, match="'grid.pdf' should end in '.png'"):
        plots.save(plots.image_grid(IMAGES), tmp_path / "grid.pdf")


def test_text_width_is_the_width_drawn():
    figure = style.new_figure(4, 1)
    for text in ("reconstructed", "$z_{12}$", "two\nlines of text"):
        drawn = figure.text(0, 0, text, size=9, family="DejaVu Sans").get_window_extent()
        assert style.text_width(text, 9) == pytest.approx(drawn.width / style.DPI, abs=0.03)
    assert style.text_width(" ", 9) == 0


def test_numbers_have_the_true_minus_and_no_minus_zero():
    assert [style.number(value) for value in (-1.5, -0.0, 2000)] == ["−1.5", "0", "2000"]


def test_ten_different_class_colours():
    assert len(set(style.CLASSES)) == 10


def test_a_notebook_shows_a_picture_as_it_is_saved(tmp_path):
    figure = plots.curves(HISTORY)
    plots.save(figure, tmp_path / "a.png")
    content, size = figure._repr_png_()
    assert content == (tmp_path / "a.png").read_bytes() and size == {"width": 800}
