"""The grids: every tile where it belongs, every pixel what it was."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from scipy.special import ndtri

from numvae import plots
from numvae.plots import mosaic

IMAGES = np.zeros((2, 4, 3))


def constant_tiles(*shape, colour=False):
    """Images of one gray each, all different: shape (*shape, 4, 3[, 3])."""
    grays = (np.arange(np.prod(shape)) / np.prod(shape)).reshape(*shape)
    return np.broadcast_to(
        grays.reshape(*shape, 1, 1, *[1] * colour), (*shape, 4, 3, *[3] * colour)
    )


def drawn(figure):
    (image,) = figure.axes[0].images
    return np.asarray(image.get_array())


def drawn_at(figure, x, y):
    """The value shown at data coordinates (x, y), whichever way up the array is drawn."""
    axes = figure.axes[0]
    (image,) = axes.images
    (left, right, bottom, top), array = image.get_extent(), np.asarray(image.get_array())
    row = (y - top) / (bottom - top) if image.origin == "upper" else (y - bottom) / (top - bottom)
    column = (x - left) / (right - left)
    return array[int(row * array.shape[0]), int(column * array.shape[1])]


@pytest.mark.parametrize("colour", [False, True])
def test_image_grid_fills_rows_and_leaves_the_rest_white(colour):
    images = constant_tiles(5, colour=colour)
    array = drawn(plots.image_grid(images, columns=3))
    assert array.shape == (4 + 1 + 4, 3 + 1 + 3 + 1 + 3) + (3,) * colour
    for i in range(5):
        top, left = 5 * (i // 3), 4 * (i % 3)
        np.testing.assert_allclose(array[top : top + 4, left : left + 3], images[i], atol=1e-6)
    assert (array[4] == 1).all() and (array[:, 3] == 1).all() and (array[5:, 8:] == 1).all()


@pytest.mark.parametrize("n, columns", [(1, 1), (2, 2), (20, 5), (50, 10), (64, 8), (100, 10)])
def test_columns_are_chosen_without_empty_places(n, columns):
    array = drawn(plots.image_grid(np.zeros((n, 4, 3))))
    assert array.shape == (5 * n // columns - 1, 4 * columns - 1)


def test_pixels_are_clipped_and_stay_sharp():
    figure = plots.image_grid(np.array([[[-3.0, 0.25, 2.0]]]))
    assert drawn(figure).tolist() == [[0.0, 0.25, 1.0]]
    assert figure.axes[0].images[0].get_interpolation() == "nearest"


LIMITED = {
    "image_grid": lambda x, **k: plots.image_grid(x, **k),
    "samples": lambda x, **k: plots.samples({"prior": x}, **k),
    "samples side by side": lambda x, **k: plots.samples({"prior": x, "mixture": x}, **k),
    "strips": lambda x, **k: plots.strips([x], ["a"], **k),
    "reconstructions": lambda x, **k: plots.reconstructions(x, x, **k),
    "inpainting": lambda x, **k: plots.inpainting(x, x, x, **k),
    "traversals": lambda x, **k: plots.traversals(x[None], range(len(x)), **k),
    "interpolation": lambda x, **k: plots.interpolation(x[None], None, x[:2], **k),
    "manifold": lambda x, **k: plots.manifold(x[None], (range(len(x)), [0]), **k),
}


@pytest.mark.parametrize("draw", LIMITED.values(), ids=LIMITED)
@pytest.mark.parametrize("colour", [False, True])
def test_images_in_other_units_are_drawn_on_their_own_range_which_is_named(
    draw, colour, assert_legible
):
    images = constant_tiles(4, colour=colour)
    plain, limited = draw(images), draw(2000 * images - 1000, limits=(-1000.0, 1000.0))
    np.testing.assert_allclose(drawn(limited), drawn(plain), atol=1e-6)
    title = " ".join(limited.axes[0].get_title(loc="left").split())
    assert title.endswith(
        "Each colour is dark at −1000 or below, bright at 1000 or above."
        if colour
        else "Black is −1000 or below, white is 1000 or above."
    )
    assert "or below" not in plain.axes[0].get_title(loc="left")
    assert_legible(limited)


def test_limits_that_are_one_value_are_drawn_too():
    assert (drawn(plots.image_grid(np.full((2, 4, 3), 7.0), limits=(7.0, 7.0)))[:4, :3] == 0).all()


@pytest.mark.skipif(
    tuple(map(int, matplotlib.__version__.split(".")[:2])) < (3, 11),
    reason="matplotlib before 3.11 makes some pixels of an image one screen pixel wider",
)
def test_every_pixel_becomes_a_square_of_whole_screen_pixels(tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (6, 28, 20))
    figure = plots.image_grid(images)
    plots.save(figure, tmp_path / "grid.png")
    screen, array = imread(tmp_path / "grid.png")[..., 0], drawn(figure)
    box = figure.axes[0].get_window_extent()
    scale = round(box.width / array.shape[1])
    left, top = round(box.x0), screen.shape[0] - round(box.y1)
    enlarged = array.repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = enlarged.shape
    np.testing.assert_array_equal(screen[top : top + height, left : left + width], enlarged)


def test_the_caller_keeps_its_images():
    images = np.full((2, 4, 3), 7.0)
    plots.image_grid(images)
    assert (images == 7.0).all()


def test_samples_say_where_they_come_from():
    figure = plots.samples({"prior": constant_tiles(30)})
    assert figure.axes[0].get_title(loc="left") == "Samples: z from the prior N(0, I)"


def test_samples_from_several_sources_are_side_by_side(assert_legible):
    grids = {"prior": constant_tiles(6), "posterior": constant_tiles(6)[::-1]}
    figure = plots.samples(grids, 2)
    array = drawn(figure)
    alone = [drawn(plots.image_grid(images, 2)) for images in grids.values()]
    wide = alone[0].shape[1]
    np.testing.assert_array_equal(array[:, :wide], alone[0])
    np.testing.assert_array_equal(array[:, -wide:], alone[1])
    assert (array[:, wide:-wide] == 1).all() and array.shape[1] == 2 * wide + 4
    places = figure.axes[0].get_xticks()
    assert places.tolist() == [(wide - 1) / 2, wide + 4 + (wide - 1) / 2]
    texts = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert texts == ["the prior\nN(0, I)", "the posterior\nq(z|x)"]
    assert_legible(figure)


def test_a_long_title_takes_several_lines_inside_the_figure():
    figure = plots.image_grid(constant_tiles(2), title="a long title " * 20)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert "\n" in figure.axes[0].get_title(loc="left")
    assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


@pytest.mark.parametrize("colour", [False, True])
def test_reconstructions_stand_under_their_originals(colour):
    originals = constant_tiles(12, colour=colour)
    figure = plots.reconstructions(originals, 1 - originals)
    array, axes = drawn(figure), figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["original", "reconstructed"] * 2
    for label, y in zip(range(4), axes.get_yticks()):
        for column in range(6):
            value = originals[6 * (label // 2) + column, 0, 0]
            expected = value if label % 2 == 0 else 1 - value
            np.testing.assert_allclose(array[int(y), 4 * column + 1], expected, atol=1e-6)
    assert (array[9:13] == 1).all()  # white between the bands


@pytest.mark.parametrize("colour", [False, True])
def test_strips_have_a_row_for_each_label_in_every_band(colour):
    rows = [constant_tiles(14, colour=colour) * share for share in (1.0, 0.5, 0.2)]
    figure = plots.strips(rows, ["original", "corrupted", "denoised"])
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["original", "corrupted", "denoised"] * 2
    for i, y in enumerate(axes.get_yticks()):
        band, row = divmod(i, 3)
        for column in range(7):
            value = drawn_at(figure, 4 * column + 1, y)
            np.testing.assert_allclose(value, rows[row][7 * band + column, 0, 0], atol=1e-6)


def test_strips_need_a_label_for_each_row():
    with pytest.raises(ValueError, match="found 1 labels for 2 rows"):
        plots.strips([IMAGES, IMAGES], ["original"])


@pytest.mark.parametrize("colour", [False, True])
def test_inpainting_shows_what_is_missing_in_a_colour(colour, assert_legible):
    images = constant_tiles(5, colour=colour)
    known = images.copy()
    known[2, :2] = np.nan
    figure = plots.inpainting(images, known, 1 - images)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["original", "known", "filled in"]
    array = drawn(figure)
    assert array.ndim == 3
    np.testing.assert_allclose(array[5, 9], to_rgb(mosaic.MISSING), atol=1e-6)
    np.testing.assert_allclose(array[8, 9], known[2, 3, 0], atol=1e-6)
    np.testing.assert_allclose(array[-1, 9], 1 - images[2, 0, 0])
    assert np.isnan(known).any()  # the caller's
    assert_legible(figure)


def test_reconstructions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        plots.reconstructions(np.zeros((2, 4, 3)), np.zeros((2, 3, 4)))


def values(rows, columns):
    """Latent values for a manifold of so many rows and columns, as the pictures of a run use."""
    return tuple(ndtri((np.arange(n) + 0.5) / n) for n in (columns, rows))


@pytest.mark.parametrize("colour", [False, True])
def test_manifold_row_0_is_at_the_bottom_and_column_0_on_the_left(colour):
    images = constant_tiles(3, 5, colour=colour)
    figure = plots.manifold(images, values(3, 5))
    axes = figure.axes[0]
    assert axes.get_ylim()[0] < axes.get_ylim()[1] and axes.get_xlim()[0] < axes.get_xlim()[1]
    assert drawn(figure).shape[:2] == (3 * 4, 5 * 3)  # seamless
    for row, y in enumerate(axes.get_yticks()):
        for column, x in enumerate(axes.get_xticks()):
            np.testing.assert_allclose(drawn_at(figure, x, y), images[row, column, 0, 0], atol=1e-6)


def test_manifold_tiles_stay_upright_on_the_screen(tmp_path):
    images = np.zeros((2, 2, 28, 28))
    images[0, :, :14] = 1.0  # the bottom tiles are white in their upper half
    figure = plots.manifold(images, values(2, 2))
    plots.save(figure, tmp_path / "manifold.png")
    screen = imread(tmp_path / "manifold.png")[..., 0]
    box = figure.axes[0].get_window_extent()
    column = screen[:, int((box.x0 + box.x1) / 2)]
    levels = [column[int(screen.shape[0] - box.y1 + box.height * f)] for f in (0.1, 0.4, 0.6, 0.9)]
    assert levels == [0, 0, 1, 0]


def test_manifold_axes_carry_the_latent_values():
    given = np.array([-3, 0, 3]), np.array([1, 2])
    axes = plots.manifold(np.zeros((2, 3, 28, 20)), given, axes=(4, 11)).axes[0]
    assert axes.get_xlabel() == "$z_{5}$" and axes.get_ylabel() == "$z_{12}$"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["−3", "0", "3"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "2"]


def test_manifold_of_many_columns_has_round_ticks_where_they_lie():
    horizontal, vertical = values(9, 15)
    axes = plots.manifold(np.zeros((9, 15, 4, 3)), (horizontal, vertical)).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["−1", "0", "1"]
    expected = np.interp([-1, 0, 1], horizontal, np.arange(15))
    np.testing.assert_allclose(axes.get_xticks(), expected, atol=1e-9)


@pytest.mark.parametrize("colour", [False, True])
def test_traversals_have_a_row_per_unit_and_a_column_per_value(colour, assert_legible):
    images = constant_tiles(2, 3, colour=colour)
    figure = plots.traversals(images, [-2.5, 0, 2.5], units=[0, 11])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$z_{1}$", "$z_{12}$"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["−2.5", "0", "2.5"]
    for row, y in enumerate(axes.get_yticks()):
        for column, x in enumerate(axes.get_xticks()):
            np.testing.assert_allclose(drawn_at(figure, x, y), images[row, column, 0, 0], atol=1e-6)
    assert_legible(figure)


def test_many_traversals_stay_legible(assert_legible):
    values = np.linspace(-3, 3, 25)
    figure = plots.traversals(np.zeros((20, 25, 28, 20)), values, range(90, 110))
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    positions = figure.axes[0].get_xticks()
    assert 3 <= len(labels) < 25 and "0" in labels  # as many as fit, on both sides alike
    np.testing.assert_allclose(positions, 12 * 22 + 19 / 2 + 88 * np.sort([*map(number, labels)]))
    assert_legible(figure)


def number(label):
    return float(label.replace("−", "-"))


@pytest.mark.parametrize("values, units", [([1, 2], None), ([1, 2, 3], [4])])
def test_traversals_without_a_value_or_unit_are_refused(values, units):
    with pytest.raises(ValueError, match="found 2 rows and 3 columns of images"):
        plots.traversals(constant_tiles(2, 3), values, units)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("pairs", [False, True])
def test_interpolation_lies_between_its_originals(colour, pairs, assert_legible):
    images = constant_tiles(2, 5, colour=colour)
    originals = 1 - images[:, [0, -1]] if pairs else 1 - images[0, [0, -1]]
    figure = plots.interpolation(images, ["linear", "spherical"], originals)
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["original", "0", "½", "1", "original"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["linear", "spherical"]
    for row, y in enumerate(axes.get_yticks()):
        ends = originals[row] if pairs else originals
        expected = [ends[0], images[row, 0], images[row, 2], images[row, 4], ends[1]]
        for image, x in zip(expected, axes.get_xticks()):
            np.testing.assert_allclose(drawn_at(figure, x, y), image[0, 0], atol=1e-6)
    assert_legible(figure)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_interpolation_without_labels_or_originals(columns, assert_legible):
    figure = plots.interpolation(np.zeros((1, columns, 28, 20)))
    ends = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ends == ["0", "½", "1"][: 1 if columns == 1 else 3]
    assert_legible(figure)


def test_interpolation_with_wrong_labels_or_originals_is_refused():
    images = constant_tiles(2, 5)
    with pytest.raises(ValueError, match="found 3 labels for 2 rows"):
        plots.interpolation(images, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"found originals of shape \(2, 3, 4\)"):
        plots.interpolation(images, originals=np.zeros((2, 3, 4)))


@pytest.mark.parametrize("draw", [plots.image_grid, LIMITED["samples"]])
@pytest.mark.parametrize("shape", [(4, 784), (0, 4, 3), (2, 4, 3, 4), (4,)])
def test_other_shapes_are_refused(draw, shape):
    with pytest.raises(ValueError, match=r"expected \(N, H, W\)"):
        draw(np.zeros(shape))


def test_a_flat_manifold_is_refused():
    with pytest.raises(ValueError, match=r"expected \(rows, columns, H, W\)"):
        plots.manifold(np.zeros((4, 28, 20)), values(2, 2))


def test_bytes_are_refused():
    with pytest.raises(ValueError, match="up to 200; expected 0 to 1: divide by 255"):
        plots.image_grid(np.full((2, 4, 3), 200, dtype=np.uint8))
