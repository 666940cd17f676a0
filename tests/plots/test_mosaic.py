"""Images as one array."""

import numpy as np

from numvae.plots import mosaic


def test_middles_are_the_middles_of_the_tiles():
    images = np.arange(6.0).reshape(2, 3, 1, 1) + np.zeros((5, 7))
    array = mosaic.tile(images, gap=3)
    rows, columns = mosaic.middles(2, 5, 3), mosaic.middles(3, 7, 3)
    assert array[np.ix_(rows.astype(int), columns.astype(int))].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert rows[-1] + 5 / 2 == array.shape[0] - 0.5 and columns[-1] + 7 / 2 == array.shape[1] - 0.5


def test_missing_pixels_are_drawn_in_a_colour_that_is_no_gray():
    image = np.array([[[0.0, np.nan], [1.0, 0.5]]])
    axes = mosaic.draw(mosaic.tile(image[:, None]), image, mosaic.UNIT)
    array = np.asarray(axes.images[0].get_array())
    assert np.ptp(array[0, 1]) > 0.3
    np.testing.assert_array_equal(array[1], [[1.0] * 3, [0.5] * 3])


def test_labels_get_the_room_that_they_need(assert_legible):
    image = np.zeros((1, 28, 20))
    whole = mosaic.tile(np.zeros((2, 1, 28, 20)))
    for label in ("", "x", "a long label that takes more than one line"):
        axes = mosaic.draw_labelled(whole, image, [14, 42], [label, "y"], (-1, 1))
        assert_legible(axes.figure)
