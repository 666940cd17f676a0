"""Tables, column by column."""

import numpy as np
import pytest

from numvae import plots

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 12)) * 10.0 ** np.arange(-4, 8)
NAMES = ["pH", "free_sulfur_dioxide_in_mg_per_litre", *(f"name {i}" for i in range(10))]


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_each_column_against_its_reconstruction():
    again = X + 0.5 * np.std(X, axis=0) * rng.normal(size=X.shape)
    figure = plots.table_reconstructions(X[:, :3], again[:, :3], ["a", "b", "c"])
    assert figure.get_supxlabel() == "data" and figure.get_supylabel() == "reconstructed"
    for j, panel in enumerate(figure.axes):
        points = np.asarray(panel.collections[0].get_offsets())
        np.testing.assert_array_equal(points, np.column_stack([X[:, j], again[:, j]]))
        assert panel.get_xlim() == panel.get_ylim()
        r2 = 1 - np.mean((X[:, j] - again[:, j]) ** 2) / np.var(X[:, j])
        assert titles(figure)[j] == f"{'abc'[j]}\nR² = {r2:.2f}"


def test_r2_is_1_where_they_agree_and_0_at_the_mean():
    figure = plots.table_reconstructions(
        X[:, :2], np.column_stack([X[:, 0], [X[:, 1].mean()] * 300])
    )
    assert titles(figure) == ["column 1\nR² = 1.00", "column 2\nR² = 0.00"]


@pytest.mark.parametrize("D", [1, 2, 12])
def test_tables_are_legible(D, assert_legible):
    figure = plots.table_reconstructions(X[:, -D:], 0.8 * X[:, -D:], NAMES[:D])
    assert len(figure.axes) == D
    assert_legible(figure)


@pytest.mark.parametrize("D", [5])
def test_marginals_are_legible(D, assert_legible):
    figure = plots.marginals(X[:, -D:], X[:200, -D:], NAMES[:D])
    assert len(figure.axes) == D
    assert_legible(figure)


def test_of_many_columns_the_telling_ones_are_drawn_and_the_picture_says_so():
    wide = rng.normal(size=(200, 24))
    noise = np.linspace(0, 2, 24) * rng.normal(size=wide.shape)
    figure = plots.table_reconstructions(wide, wide + noise)
    assert figure.get_suptitle() == "12 of 24 columns, from the best to the worst"
    scores = [float(title.rpartition("= ")[2].replace("−", "-")) for title in titles(figure)]
    assert len(scores) == 12 and scores == sorted(scores, reverse=True)
    assert titles(figure)[0].startswith("column 1\n") and scores[0] == 1.0 and scores[-1] < -2
    moved = wide + np.where(np.arange(24) % 2, 3.0, 0.0)
    figure = plots.marginals(wide, moved)
    assert figure.get_suptitle() == "The 12 of 24 columns that differ most"
    assert titles(figure) == [f"column {i}" for i in range(2, 25, 2)]


def objects(*values):
    return np.array([*values, None], dtype=object)[:-1]


TABLE = {
    "kind": objects(*["Adelie", "Gentoo", "Chinstrap", "Adelie"] * 10),
    "mass": np.arange(40.0),
    "wild": objects(*[True, False] * 20),
    "town": objects(*(f"town {i % 12}" for i in range(40))),
}
DRAWN = {**TABLE, "kind": objects(*["Gentoo", None] * 20), "mass": TABLE["mass"] + 0.5}


def test_categories_are_bars_as_long_as_their_shares(assert_legible):
    figure = plots.marginals(TABLE, {name: x[:20] for name, x in DRAWN.items()})
    assert titles(figure) == list(TABLE)
    bars = [bar.get_width() for bar in figure.axes[0].patches]
    assert bars == [0.5, 0.25, 0.25, 0.0, 0.0, 1.0]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Adelie", "Chinstrap", "Gentoo"]
    assert len(figure.axes[3].patches) == 2 * 8  # the most frequent ones
    assert_legible(figure)


def test_of_categories_it_is_shown_what_became_of_each_level(assert_legible):
    again = {**TABLE, "kind": objects(*["Adelie", "Gentoo", "Gentoo", None] * 10)}
    figure = plots.table_reconstructions(TABLE, again)
    assert titles(figure)[0] == "kind\n67% right" and titles(figure)[2] == "wild\n100% right"
    (image,) = figure.axes[0].images
    np.testing.assert_array_equal(image.get_array(), [[1, 0, 0], [0, 0, 0], [0, 1, 1]])
    assert_legible(figure)


def test_tables_of_different_columns_are_refused():
    with pytest.raises(ValueError, match="with the same columns"):
        plots.marginals(TABLE, {"kind": TABLE["kind"]})


def test_missing_entries_and_constant_columns(assert_legible):
    data = X[:, :3].copy()
    data[::2, 0], data[:, 1], data[:, 2] = np.nan, 7.0, np.nan
    figure = plots.table_reconstructions(data, X[:, :3])
    assert len(figure.axes[0].collections[0].get_offsets()) == 150
    assert [title[-1] for title in titles(figure)[1:]] == ["–", "–"]
    assert_legible(figure)
    assert_legible(plots.marginals(data, np.full((5, 3), np.nan)))


def test_marginals_share_their_bins_and_have_area_1():
    samples = 0.5 * rng.normal(size=(1000, 2))
    samples[0] = 1e9  # one wild sample does not count
    figure = plots.marginals(rng.normal(size=(5000, 2)), samples, ["a", "b"])
    assert titles(figure) == ["a", "b"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data", "samples"]
    for panel in figure.axes:
        data, drawn = (stairs.get_data() for stairs in panel.patches)
        np.testing.assert_array_equal(data.edges, drawn.edges)
        assert -4 < data.edges[0] < -2 and 2 < data.edges[-1] < 4
        for values, edges, _ in (data, drawn):
            assert 0.98 < np.sum(values * np.diff(edges)) <= 1.0


def test_whole_numbers_have_bins_of_their_own():
    draw = np.random.default_rng(0).poisson
    few, many = draw(2.0, (3000, 1)), draw(300.0, (3000, 1))
    for x, width in ((few, 1.0), (many, 3.0), (np.full((9, 1), 7), 1.0)):
        (panel,) = plots.marginals(x, x).axes
        edges = panel.patches[0].get_data().edges
        assert len(edges) <= 32 and (np.diff(edges) == width).all() and (edges % 1.0 == 0.5).all()
        assert edges[0] < np.quantile(x, 0.005) and np.quantile(x, 0.995) < edges[-1]
    (panel,) = plots.marginals(few, few + 0.25).axes
    assert len(panel.patches[0].get_data().edges) == 31


@pytest.mark.parametrize("draw", [plots.table_reconstructions, plots.marginals])
def test_tables_of_another_shape_are_refused(draw):
    with pytest.raises(ValueError, match=r"found X of shape|expected \(N, D\)"):
        draw(X[:, 0], X[:, 0])
    with pytest.raises(ValueError, match="found 1 names for 12 columns"):
        draw(X, X, ["pH"])
    with pytest.raises(ValueError, match="expected"):
        draw(X, X[:, :4])
