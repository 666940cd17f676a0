import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from numvae.datasets import image_folder

RAMP = np.linspace(0, 1, 30).reshape(6, 5)


@pytest.fixture
def folder(tmp_path):
    """folder(name=array, …): a folder of these images."""

    def write(**images):
        for name, pixels in images.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True, parents=True)
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
    images, note, *_ = image_folder.load(folder())
    assert_array_equal(images, [b, c, a])
    assert images.dtype == np.uint8 and note == "gray"


def test_colour_images(folder, pixels):
    a, b = pixels(2, 5, 4, 3)
    images, note, *_ = image_folder.load(folder(a_png=a, b_png=b))
    assert_array_equal(images, [a, b])
    assert note == "colour"
    gray = pixels(5, 4)
    images, *_ = image_folder.load(folder(c_png=gray))
    assert_array_equal(images[2], np.stack([gray] * 3, axis=-1))


def test_what_is_gray_is_gray_however_it_is_kept_and_transparency_is_dropped(folder, pixels):
    gray, alpha = pixels(2, 5, 4)
    path = folder(
        a_png=gray,
        b_png=np.stack([gray] * 3, axis=-1),
        c_png=np.stack([gray, gray, gray, alpha], axis=-1),
        d_png=np.stack([gray, gray], axis=-1),
        e_png=np.stack([gray, alpha], axis=-1),
        g_png=np.stack([gray, gray, gray, np.full_like(gray, 255)], axis=-1),
        h_png=np.stack([gray, np.resize([0, 255], gray.shape).astype(np.uint8)], axis=-1),
    )
    Image.fromarray(gray).convert("P").save(path / "f.png")
    images, note, *_ = image_folder.load(path)
    assert_array_equal(images, [gray] * 8)
    assert note == "gray; the transparency of 4 dropped"
    for name in "acdefgh":
        (path / f"{name}.png").unlink()
    assert_array_equal(image_folder.load(path).array, [gray])  # in three channels
    assert set(np.unique(image_folder.load(folder(a_png=gray > 99))[0][0])) == {0, 255}


@pytest.mark.parametrize(("turn", "turned"), [(3, np.rot90(RAMP, 2)), (4, RAMP[::-1])])
def test_a_tiff_that_is_not_compressed_may_be_upside_down(tmp_path, turn, turned):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray((255 * RAMP).astype(np.uint8)).save(tmp_path / "a.tif", exif=exif)
    assert_array_equal(image_folder.load(tmp_path)[0][0], (255 * turned).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_photograph_taken_upright_stays_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise
    image = np.repeat(np.uint8([[0, 50, 100, 250]] * 5), 8, axis=1).repeat(8, axis=0)
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100}}
    options["tif"] = {"compression": "tiff_deflate"}
    Image.fromarray(image).save(tmp_path / f"a.{suffix}", exif=exif, **options.get(suffix, {}))
    np.testing.assert_allclose(image_folder.load(tmp_path)[0], [np.rot90(image, -1)], atol=3)


def test_sizes_that_differ_are_an_error_or_are_made_alike(folder):
    even = np.full((6, 4), 77, np.uint8)
    path = folder(a_png=even, b_png=np.full((9, 9), 77, np.uint8))
    with pytest.raises(ValueError, match="b.png has 9 × 9 pixels, a.png has 6 × 4.*--resize 6x4"):
        image_folder.load(path)
    images, *_ = image_folder.load(path, (3, 2))
    assert_array_equal(images, np.full((2, 3, 2), 77))
    assert_array_equal(image_folder.load(folder(b_png=even), (6, 4))[0], [even, even])


def test_black_and_white_becomes_gray_where_it_is_resized(folder):
    fine = np.arange(64).reshape(8, 8) % 2 == 0
    images, note, *_ = image_folder.load(folder(a_png=fine), (4, 4))
    assert note == "gray" and 100 < images.mean() < 155 and images.min() > 0


def test_folders_are_classes(folder, pixels):
    a, b, c, d = pixels(4, 5, 4)
    path = folder(cat__1_png=a, cat__siamese__2_png=b, dog__1_png=c, dog__2_png=d)
    found = image_folder.load(path)
    assert_array_equal(found.array, [a, b, c, d])
    assert found.known["class"].tolist() == ["cat", "cat", "dog", "dog"] and found.n_train is None
    assert image_folder.load(path / "cat").known == {}
    assert image_folder.load(folder(e_png=a)).known == {}  # some in no folder


def test_every_page_has_the_class_of_its_file(folder, pixels):
    pages = [Image.fromarray(page) for page in pixels(3, 5, 4)]
    path = folder(b__a_png=pixels(5, 4))
    (path / "a").mkdir()
    pages[0].save(path / "a" / "a.tif", save_all=True, append_images=pages[1:])
    assert image_folder.load(path).known["class"].tolist() == ["a", "a", "a", "b"]


def test_folders_may_be_a_split(folder, pixels):
    a, b, c, d = pixels(4, 5, 4)
    folder(data__test__cat__1_png=a, data__Train__cat__1_png=b, data__Train__dog__2_png=c)
    found = image_folder.load(folder(data__test__dog__1_png=d))
    assert_array_equal(found.array, [b, c, a, d])  # what is to train comes first
    assert found.n_train == 2 and found.known["class"].tolist() == ["cat", "dog", "cat", "dog"]
    assert found.note == "gray; split by its folders"
    found = image_folder.load(folder(data__other__1_png=a, data__other__2_png=a))
    assert found.n_train is None and set(found.known["class"]) == {"Train", "other", "test"}


@pytest.mark.parametrize(
    ("names", "n_train"),
    [
        (("Train", "valid"), 1),
        (("train", "training", "test", "testing", "val", "valid", "validation"), 2),
        (("train", "training"), None),
        (("test", "val"), None),
        (("train", "test", "other"), None),
    ],
    ids=str,
)
def test_a_split_has_both_parts_and_no_other(folder, pixels, names, n_train):
    path = folder(**{f"{name}__{i}_png": pixels(5, 4) for name in names for i in range(2)})
    assert image_folder.load(path).n_train == (n_train and 2 * n_train)


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_what_pillow_would_scramble_is_refused(tmp_path, pixels, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels(5, 4)).save(tmp_path / "a.tif", exif=exif)
    with pytest.raises(ValueError, match="a.tif is not a readable image .a quarter turn of pixels"):
        image_folder.load(tmp_path)


def test_masks_beside_images_are_left_out_and_said(folder, pixels):
    a, b, c = pixels(3, 5, 4)
    mask = np.zeros((5, 4), np.uint8)
    path = folder(images__1_png=a, images__2_png=b, masks__1_png=mask, masks__2_png=mask)
    found = image_folder.load(path)
    assert_array_equal(found.array, [a, b])
    assert found.note == "gray; 2 in masks/ beside images/ left out" and found.known == {}
    assert_array_equal(image_folder.load(path / "masks").array, [mask, mask])
    path = folder(more__train__Images__1_png=c, more__train__Masks__1_png=mask)
    assert_array_equal(image_folder.load(path / "more").array, [c])


def test_masks_that_lie_beside_no_images_are_a_class(folder, pixels):
    a, b = pixels(2, 5, 4)
    found = image_folder.load(folder(mask__1_png=a, mask__2_png=a, none__1_png=b, none__2_png=b))
    assert found.known["class"].tolist() == ["mask", "mask", "none", "none"]


def test_files_that_cannot_be_read_are_left_out_if_asked_and_named(folder, pixels):
    a, b = pixels(2, 5, 4)
    path = folder(x__b_png=a, x__c_png=a, y__b_png=b, y__c_png=b)
    for name in ("x/a.png", "x/d.png", "y/a.png", "y/d.png"):
        (path / name).write_bytes(b"text")
    with pytest.raises(ValueError, match=f"^{path}/x/a.png is not .* add --skip-bad.$"):
        image_folder.load(path)
    found = image_folder.load(path, skip_bad=True)
    assert_array_equal(found.array, [a, a, b, b])
    assert found.note == "gray; 4 that cannot be read left out: a.png, d.png, a.png and 1 more"
    (path / "y" / "d.png").unlink()
    note = image_folder.load(path, skip_bad=True).note
    assert note == "gray; 3 that cannot be read left out: a.png, d.png, a.png"
    assert found.known["class"].tolist() == ["x", "x", "y", "y"]
    with pytest.raises(ValueError, match="None of the 1 images in .* can be read"):
        (path / "z").mkdir()
        (path / "z" / "a.png").write_bytes(b"")
        image_folder.load(path / "z", skip_bad=True)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError) as caught:
        image_folder.load(tmp_path)
    assert str(caught.value) == (
        f"There is no image in {tmp_path}; expected files such as .png, .jpg, .jpeg."
    )


@pytest.mark.parametrize("content", [b"", b"text", "cut"], ids=str)
def test_an_unreadable_image_is_named(folder, pixels, content):
    path = folder(a_png=pixels(30, 30), b_png=pixels(30, 30)) / "b.png"
    path.write_bytes(path.read_bytes()[:500] if content == "cut" else content)
    with pytest.raises(ValueError, match=f"^{path} is not a readable image") as caught:
        image_folder.load(path.parent)
    assert "\n" not in str(caught.value)


def test_more_than_fits_into_memory_is_refused_before_it_is_read(folder, pixels, monkeypatch):
    path = folder(a_png=pixels(9, 9), b_png=pixels(9, 9))
    monkeypatch.setattr(image_folder, "MOST_BYTES", 4 * 2 * 81)
    assert len(image_folder.load(path)[0]) == 2
    monkeypatch.setattr(image_folder, "MOST_BYTES", 4 * 2 * 81 - 1)
    with pytest.raises(ValueError, match=f"2 images in {path} .* --resize"):
        image_folder.load(path)
    monkeypatch.setattr(image_folder, "MOST_BYTES", 4 * 2 * 16)
    assert len(image_folder.load(path, (4, 4))[0]) == 2
    monkeypatch.undo()
    with pytest.raises(ValueError, match="^The 1000 images in faces would take 8 GB of memory"):
        image_folder._check_memory("faces", 1000, 2 * 10**6)


def test_an_image_that_would_fill_the_memory_is_refused(folder, pixels, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ValueError, match="a.png is not a readable image .*decompression bomb"):
        image_folder.load(folder(a_png=pixels(9, 9)))


@pytest.mark.parametrize(
    ("array", "suffix", "kept"),
    [
        (255 * RAMP, "png", "u1"),
        (4095 * RAMP, "png", "u2"),
        (65535 * RAMP, "tif", "u2"),
        (65535 * RAMP, "tif", ">u2"),
        (1e6 * RAMP - 300, "tif", "i4"),
        (RAMP, "tif", "f4"),
        (65535 * RAMP - 1, "tif", "f4"),
        (RAMP > 0.3, "png", "?"),
        (RAMP > 0.3, "tif", "?"),
    ],
    ids=str,
)
def test_pixels_are_kept_as_deep_as_they_are(tmp_path, array, suffix, kept):
    array = array.astype(kept)
    for i in range(2):
        Image.fromarray(array[::-1] if i else array).save(tmp_path / f"{i}.{suffix}")
    images, note, *_ = image_folder.load(tmp_path)
    assert_array_equal(images, [array, array[::-1]])
    assert images.dtype == np.dtype(kept).newbyteorder("=")
    assert note == ("black and white" if kept == "?" else "gray")


def tiff(pixels, sample_format):
    """The bytes of a TIFF of gray pixels, which Pillow reads and does not write."""
    data, (height, width) = pixels.tobytes(), pixels.shape
    bits = 8 * pixels.itemsize
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    tags |= {279: len(data)} | ({339: sample_format} if sample_format else {})
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + directory + bytes(4)


@pytest.mark.parametrize(
    ("kind", "sample_format", "array"),
    [
        ("<u4", 1, 4e9 * RAMP),
        ("<u4", None, 4e9 * RAMP),
        ("<i2", 2, 6e4 * RAMP - 3e4),
        ("i1", 2, 200 * RAMP - 100),
    ],
    ids=["u4", "not said", "i2", "i1"],
)
def test_numbers_that_pillow_has_no_type_for_do_not_wrap_around(
    tmp_path, kind, sample_format, array
):
    array = array.astype(kind)
    (tmp_path / "a.tif").write_bytes(tiff(array, sample_format))
    assert_array_equal(image_folder.load(tmp_path)[0], [array])


def test_a_portable_graymap_says_how_bright_white_is(tmp_path):
    pixels = (4095 * RAMP).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 5 6 4095\n" + pixels.tobytes())
    images = image_folder.load(tmp_path)[0]
    np.testing.assert_allclose(images[0] / 65535, pixels / 4095, atol=1e-5)


@pytest.mark.parametrize("kind", ["u2", "i4", "f4"])
def test_deep_pixels_are_resized_within_their_range(tmp_path, kind):
    step = (990 * (np.arange(64).reshape(8, 8) % 8 > 3)).astype(kind)
    Image.fromarray(step).save(tmp_path / "a.tif")
    images, *_ = image_folder.load(tmp_path, (12, 10))
    assert images.shape == (1, 12, 10) and images.dtype == kind
    assert (images.min(), images.max()) == (0, 990)
    Image.fromarray(step.astype("f4")).save(tmp_path / "a.tif")
    real = image_folder.load(tmp_path, (12, 10))[0]
    assert_array_equal(images, real if kind == "f4" else np.rint(real))
    assert (real % 1 > 0.5).any()


def test_the_order_of_bytes_is_no_depth(tmp_path):
    for kind in ("<u2", ">u2"):
        Image.fromarray((65535 * RAMP).astype(kind)).save(tmp_path / f"{kind[1:]}{kind[0]}.tif")
    assert image_folder.load(tmp_path).array.dtype == np.uint16


def test_masks_of_0_and_255_are_black_and_white(folder):
    mask = 255 * (RAMP > 0.3).astype(np.uint8)
    images, note, *_ = image_folder.load(folder(a_png=mask))
    assert note == "black and white" and set(np.unique(images)) == {0, 255}


def test_images_of_several_depths_are_refused(folder, pixels):
    path = folder(a_png=pixels(5, 4), b_png=pixels(5, 4).astype(np.uint16))
    Image.fromarray(RAMP.astype("f4")[:5, :4]).save(path / "c.tif")
    with pytest.raises(ValueError, match="a.png has pixels of uint8, b.png of uint16; save them"):
        image_folder.load(path)


def png(width, height, depth, colour_type, rows):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + head + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_16_bits_are_refused_since_pillow_would_keep_8(tmp_path, colour_type, channels):
    rows = [np.repeat(row, channels).astype(">u2").tobytes() for row in 4095 * RAMP]
    (tmp_path / "a.png").write_bytes(png(5, 6, 16, colour_type, rows))
    with pytest.raises(ValueError, match="a.png is not a readable image .colours of 16 bits; save"):
        image_folder.load(tmp_path)


@pytest.mark.parametrize("suffix", ["tif", "gif", "png", "webp"])
def test_pages_and_frames_are_images(tmp_path, suffix):
    pages = [np.roll(RAMP > 0.5, i).astype(np.uint8) * 255 for i in range(4)]
    first, *more = map(Image.fromarray, pages)
    options = {"lossless": True} if suffix == "webp" else {}
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=more, **options)
    images, note, *_ = image_folder.load(tmp_path)
    assert_array_equal(images, pages)
    assert note == "black and white, pages of 1 file"
    first.save(tmp_path / f"b.{suffix}", save_all=True, append_images=more, **options)
    (tmp_path / "bad.png").touch()
    note = image_folder.load(tmp_path, skip_bad=True).note
    assert note.startswith("black and white, pages of 2 files; 1 that cannot be read left out: ")


def test_of_each_page_it_is_said_whether_it_was_transparent(folder, pixels, tmp_path):
    pages = pixels(2, 5, 4, 4)
    pages[:, 0, 0, 3] = 0
    pages = list(map(Image.fromarray, pages))
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert "the transparency of 2 dropped" in image_folder.load(tmp_path).note


def test_of_a_photograph_with_a_preview_the_photograph_is_read(tmp_path):
    photo, preview = Image.new("L", (8, 6), 99), Image.new("L", (4, 3), 99)
    photo.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[preview])
    assert image_folder.load(tmp_path)[0].shape == (1, 6, 8)


def test_more_pages_than_fit_into_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    page = Image.new("L", (9, 9))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page] * 9)
    monkeypatch.setattr(image_folder, "MOST_BYTES", 3000)
    with pytest.raises(ValueError, match="10 images in .*a.tif would take"):
        image_folder.load(tmp_path)


def test_more_pixels_than_a_file_can_hold_are_refused_before_they_are_made(tmp_path):
    (tmp_path / "a.png").write_bytes(png(9000, 9000, 8, 0, [b""]))
    with pytest.raises(ValueError, match="it declares more pixels than so small a file can hold"):
        image_folder.load(tmp_path)
    size = len(png(1, 1, 8, 0, [b""]))
    for height, says in ((128 + size, "truncated"), (128 + size + 1, "declares more pixels")):
        (tmp_path / "a.png").write_bytes(png(2**15, height, 8, 0, [b""]))
        with pytest.raises(ValueError, match=says):
            image_folder.load(tmp_path)
    plain = Image.new("1", (4000, 4000))  # as small as a file of so many pixels can be
    plain.save(tmp_path / "a.png")
    assert image_folder.load(tmp_path, (2, 2))[0].shape == (1, 2, 2)


def test_palettes_that_are_transparent_are_colours(tmp_path):
    image = Image.new("P", (3, 2), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "a.png", transparency=b"\0\x80")
    images, note, *_ = image_folder.load(tmp_path)
    assert_array_equal(images, np.full((1, 2, 3, 3), [0, 0, 255]))
    assert note == "colour; the transparency of 1 dropped"


@pytest.mark.parametrize("suffix", image_folder.SUFFIXES)
def test_postscript_is_not_opened_under_any_name(tmp_path, suffix, monkeypatch):
    """Pillow would start Ghostscript."""
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    (tmp_path / f"a{suffix}").write_bytes(text)
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(ValueError, match="not a readable image .cannot identify image file"):
        image_folder.load(tmp_path)
