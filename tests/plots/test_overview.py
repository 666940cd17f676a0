"""All of a model in one picture."""

import numpy as np
import pytest

from numvae import plots

rng = np.random.default_rng(0)
N = 60
HISTORY = [
    {"epoch": e, "train_elbo": -9.0 / e, "valid_elbo": -10.0 / e - 0.1 * e} for e in range(1, 31)
]
NAMES = ["pH", "free_sulfur_dioxide_in_mg_per_litre", *(f"name {i}" for i in range(298))]


def drawn(D=5, Z=3, shape=None, limits=(0, 1), n=N, **more):
    X = rng.random((n, D)) * (10.0 ** np.linspace(-2, 4, D) if shape is None else 1.0)
    again = 0.9 * X + 0.1 * X.std(axis=0) * rng.normal(size=X.shape) * np.arange(D)
    rows = [X, again, rng.permutation(np.tile(X, (40, 1)))]
    if shape is not None:
        rows = [part.reshape(-1, *shape) for part in rows]
    kl = np.linspace(2.0, 0.0, Z)
    more = {"history": HISTORY, "names": NAMES[:D], **more}
    return plots.overview(*rows, rng.normal(size=(n, Z)), kl, kl > 0.01, limits=limits, **more)


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


@pytest.mark.parametrize("D", [1, 5, pytest.param(300, marks=pytest.mark.slow)])
def test_tables_are_legible(D, assert_legible):
    figure = drawn(D, Z=16)
    assert titles(figure)[:3] == ["KL 16.0 nats, 15 of 16 active", "Codes", "ELBO"]
    assert_legible(figure)


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "n"), [((4, 5), 40), ((2, 2, 3), 3), ((20, 2), 1)])
def test_images_are_legible(shape, n, assert_legible):
    figure = drawn(int(np.prod(shape)), 2, shape, (-1.5, 2.5), n, colours=np.arange(n) % 3)
    assert [len(axes.images) for axes in figure.axes] == [0, 0, 0, 1, 1]
    said = [part.get_suptitle() for part in figure.subfigs]
    assert said[1].startswith("Images above their reconstructions. ") and "1.5" in said[1]
    assert said[2] == "Samples"
    assert_legible(figure)
    assert figure.get_figheight() < 12


def test_categories_are_drawn_as_categories(assert_legible):
    kinds = np.array(["Adelie", "Gentoo", "Chinstrap", "Adelie"] * 15)
    table = {"kind": kinds, "mass": np.arange(N) + 0.5, "wild": kinds == "Gentoo"}
    kl = np.array([2.0, 1.0])
    figure = plots.overview(table, table, table, rng.normal(size=(N, 2)), kl, kl > 0.01)
    assert titles(figure)[2:5] == ["kind\n100% right", "mass\nR² = 1.00", "wild\n100% right"]
    assert_legible(figure)


def test_missing_pixels_are_gray():
    images = np.full((2, 2, 2), np.nan)
    figure = plots.overview(images, images, images, np.zeros((2, 1)), np.ones(1), np.array([True]))
    assert (figure.axes[1].images[0].get_array()[:2, :2] == 0.5).all()


def test_of_many_columns_five_are_drawn_from_the_best_to_the_worst():
    figure = drawn(30)
    r2 = [float(title.split("= ")[1].replace("−", "-")) for title in titles(figure)[3:8]]
    assert len(r2) == 5 and r2 == sorted(r2, reverse=True)
    assert "5 of 30 columns, from the best to the worst" in figure.subfigs[1].get_suptitle()
    names = [title.split("\n")[0] for title in titles(figure)[3:8]]
    assert names == titles(figure)[8:13]


@pytest.mark.parametrize("Z", [1, 2])
@pytest.mark.parametrize("history", [(), HISTORY])
def test_there_is_no_plane_of_one_unit_and_no_curve_without_epochs(Z, history):
    wanted = ["Codes"] * (Z > 1) + ["ELBO"] * (len(history) > 0)
    assert titles(drawn(3, Z, history=history))[1 : 1 + len(wanted)] == wanted


def test_the_plane_is_that_of_the_two_units_of_most_kl():
    mu, X = rng.normal(size=(N, 4)), rng.random((N, 2))
    kl = np.array([0.1, 3.0, 0.0, 2.0])
    figure = plots.overview(X, X, X, mu, kl, kl > 0.01, names=["a", "b"])
    panel = figure.axes[1]
    assert (panel.get_xlabel()[-4:-1], panel.get_ylabel()[-4:-1]) == ("{2}", "{4}")
