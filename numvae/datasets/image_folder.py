"""A folder of images: photographs, scans, icons."""

import math
import warnings
from pathlib import Path

import numpy as np

from numvae.datasets import files

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
# Under these names Pillow would read others too: PostScript, for which it starts a program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
LEAST, MOST_TIMES = 2**22, 2**15  # pixels a file may have, and more for each of its bytes
MOST_BYTES = 2**32  # of all images together, as the float32 numbers they become


def load(folder, resize=None):
    """The images in a folder and the folders within, in the order of their names, and a note.

    Images of which all are gray are gray, whatever their files say; transparency is dropped. Each
    page of a TIFF and each frame of an animation is an image. Pixels are kept as deep as they are:
    bool where all have 1 bit, or uint8, uint16, int32, float32 and their like.

    resize  (H, W) makes them all of one size; None: they must be
    Returns (N, H, W) or (N, H, W, 3)
    Raises  ValueError  no image, an unreadable one, several sizes or depths, too large for the
                        memory
    """
    paths = sorted(path for path in Path(folder).rglob("*") if _is_image(path))
    if not paths:
        raise ValueError(f"There is no image in {folder}; expected files such as {_some()}.")
    images, names = [], []
    for i, path in enumerate(paths):
        pages = _read(path, resize)
        images += pages
        names += [path] * len(pages)
        _check_memory(folder, len(images) + len(paths) - i - 1, pages[0].size)
        for image in pages:
            if image.shape[:2] != images[0].shape[:2]:
                raise ValueError(
                    f"{path} has {_size(image)} pixels, {paths[0].name} has {_size(images[0])}; "
                    f"make them alike with --resize {_size(images[0]).replace(' × ', 'x')}."
                )
    images = _alike(images, names)
    kind = "gray" if images.ndim == 3 else "colour"
    if images.ndim == 3 and ((images == 0) | (images == images.max())).all():
        kind = "black and white"
    if len(images) > len(paths):
        kind += f", pages of {len(paths)} file{'s' * (len(paths) > 1)}"
    return images, kind


def _read(path, resize):
    """The pages of an image file, each (H, W) or (H, W, 3)."""
    from PIL import Image

    with files.reading(path, "image"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            # The second picture in a photograph is a preview.
            n = 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)
            _check_memory(path, n, math.prod(resize or image.size))
            most = LEAST + MOST_TIMES * path.stat().st_size
            return [_page(image, number, resize, most) for number in range(n)]


def _page(image, number, resize, most):
    """One page of an open image file, (H, W) or (H, W, 3), its pixels as deep as they are."""
    from PIL import Image, ImageOps

    image.seek(number)
    if math.prod(image.size) > most:
        raise ValueError("it declares more pixels than so small a file can hold")
    is_deep = image.mode[0] in "IF"  # I;16, I and F
    if not is_deep and any(";16" in str(tile) for tile in image.tile):
        raise ValueError("colours of 16 bits; save it with 8, or its pixels as a .npy array")
    format_of_numbers = getattr(image, "tag_v2", {}).get(339, (0,))[0]
    image = ImageOps.exif_transpose(image)  # a camera held upright
    if not is_deep:
        if image.mode != "1":
            image = image.convert("L" if image.mode in ("L", "LA", "La") else "RGB")
        elif resize:
            image = image.convert("L")
        if resize:
            image = image.resize(resize[::-1], Image.Resampling.BICUBIC)
        pixels = np.asarray(image)
        return pixels.view(np.int8) if format_of_numbers == 2 else pixels
    pixels = np.asarray(image)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    if image.mode == "I" and format_of_numbers == 1:  # Pillow has no unsigned numbers of 32 bits
        pixels = pixels.view(np.uint32)
    if resize:
        dtype, low, high = pixels.dtype, pixels.min(), pixels.max()
        image = Image.fromarray(pixels.astype(np.float32))
        image = image.resize(resize[::-1], Image.Resampling.BICUBIC)
        pixels = np.clip(image, low, high)  # which bicubic interpolation exceeds
        pixels = (np.rint(pixels) if dtype.kind in "iu" else pixels).astype(dtype)
    return pixels


def _alike(images, names):
    """Images of one size as one array: of one depth, and all gray or all in colour."""
    if any(image.dtype != bool for image in images):
        images = [
            255 * image.astype(np.uint8) if image.dtype == bool else image for image in images
        ]
    depths = {image.dtype: name for image, name in zip(images, names)}
    if len(depths) > 1:
        (one, first), (other, second) = list(depths.items())[:2]
        raise ValueError(
            f"{first} has pixels of {one}, {second.name} of {other}; save them all alike."
        )
    if any(image.ndim == 3 for image in images):
        if all(image.ndim == 2 or (image == image[..., :1]).all() for image in images):
            images = [image if image.ndim == 2 else image[..., 0] for image in images]
        else:
            shape = (*images[0].shape[:2], 3)
            images = [np.broadcast_to(np.atleast_3d(image), shape) for image in images]
    return np.stack(images)


def _check_memory(name, n, size):
    """Refuse n images of so many numbers if they do not fit into the memory."""
    if 4 * n * size > MOST_BYTES:
        raise ValueError(
            f"The {n} images in {name} would take {4 * n * size / 1e9:.0f} GB of memory; make them "
            "smaller, such as with --resize 64x64."
        )


def _is_image(path):
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _size(image):
    return f"{image.shape[0]} × {image.shape[1]}"


def _some():
    return ", ".join(SUFFIXES[:3])
