import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from numvae.datasets import image_folder


@pytest.fixture
def folder(tmp_path):
    """folder(name=array, …): a folder of these images."""

    def write(**images):
        for name, pixels in images.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(path)
        return tmp_path

    return write


@pytest.fixture
def pixels(rng):
    """pixels(*shape): random bytes."""
    return lambda *shape: rng.integers(0, 256, shape, np.uint8)


def test_gray_images_in_the_order_of_their_names(folder, pixels):
    a, b, c = pixels(3, 5, 4)
    (folder(b_png=b, c_bmp=c, sub__a_PNG=a) / "notes.txt").write_text("not an image")
    (folder() / ".hidden.png").write_bytes(b"")
    images, note = image_folder.load(folder())
    assert_array_equal(images, [b, c, a])
    assert images.dtype == np.uint8 and note == "gray"


def test_colour_images(folder, pixels):
    a, b = pixels(2, 5, 4, 3)
    images, note = image_folder.load(folder(a_png=a, b_png=b))
    assert_array_equal(images, [a, b])
    assert note == "colour"
    gray = pixels(5, 4)
    images, _ = image_folder.load(folder(c_png=gray))
    assert_array_equal(images[2], np.stack([gray] * 3, axis=-1))


def test_what_is_gray_is_gray_however_it_is_kept_and_transparency_is_dropped(folder, pixels):
    gray, alpha = pixels(2, 5, 4)
    path = folder(
        a_png=gray,
        b_png=np.stack([gray] * 3, axis=-1),
        c_png=np.stack([gray, gray, gray, alpha], axis=-1),
        d_png=gray.astype(np.uint16) * 257,
        e_png=np.stack([gray, alpha], axis=-1),
    )
    Image.fromarray(gray).convert("P").save(path / "f.png")
    images, note = image_folder.load(path)
    assert_array_equal(images, [gray] * 6)
    assert note == "gray"
    assert set(np.unique(image_folder.load(folder(a_png=gray > 99))[0][0])) == {0, 255}


def test_a_photograph_taken_upright_stays_upright(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise
    image = pixels(5, 4)
    Image.fromarray(image).save(tmp_path / "a.png", exif=exif)
    assert_array_equal(image_folder.load(tmp_path)[0], [np.rot90(image, -1)])


def test_sizes_that_differ_are_an_error_or_are_made_alike(folder):
    even = np.full((6, 4), 77, np.uint8)
    path = folder(a_png=even, b_png=np.full((9, 9), 77, np.uint8))
    with pytest.raises(ValueError, match="b.png has 9 × 9 pixels, a.png has 6 × 4.*--resize 6x4"):
        image_folder.load(path)
    images, _ = image_folder.load(path, (3, 2))
    assert_array_equal(images, np.full((2, 3, 2), 77))
    assert_array_equal(image_folder.load(folder(b_png=even), (6, 4))[0], [even, even])


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError, match=f"^There is no image in {tmp_path}"):
        image_folder.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", "cut"], ids=str)
def test_an_unreadable_image_is_named(folder, pixels, content):
    path = folder(a_png=pixels(30, 30), b_png=pixels(30, 30)) / "b.png"
    path.write_bytes(path.read_bytes()[:500] if content == "cut" else content)
    with pytest.raises(ValueError, match=f"^{path} is not a readable image") as caught:
        image_folder.load(path.parent)
    assert "\n" not in str(caught.value)


def test_more_than_fits_into_memory_is_refused_before_it_is_read(folder, pixels, monkeypatch):
    monkeypatch.setattr(image_folder, "MOST_BYTES", 1000)
    path = folder(a_png=pixels(9, 9), b_png=pixels(9, 9))
    with pytest.raises(ValueError, match="2 images .* --resize"):
        image_folder.load(path)
    assert len(image_folder.load(path, (4, 4))[0]) == 2


def test_an_image_that_would_fill_the_memory_is_refused(folder, pixels, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ValueError, match="a.png is not a readable image .*decompression bomb"):
        image_folder.load(folder(a_png=pixels(9, 9)))
