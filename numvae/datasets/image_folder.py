"""A folder of images: photographs, scans, icons."""

import warnings
from pathlib import Path

import numpy as np

from numvae.datasets import files

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
MOST_BYTES = 2**32  # of all images together, as the float32 numbers they become


def load(folder, resize=None):
    """The images in a folder and the folders within, in the order of their names, and a note.

    Images of which all are gray are gray, whatever their files say; transparency is dropped.

    resize  (H, W) makes them all of one size; None: they must be
    Returns (N, H, W) or (N, H, W, 3) uint8
    Raises  ValueError  no image, an unreadable one, several sizes, too large for the memory
    """
    paths = sorted(path for path in Path(folder).rglob("*") if _is_image(path))
    if not paths:
        raise ValueError(f"There is no image in {folder}; expected files such as {_some()}.")
    first = _read(paths[0], resize)
    size = len(paths) * first.size * 4
    if size > MOST_BYTES:
        raise ValueError(
            f"The {len(paths)} images in {folder} would take {size / 1e9:.0f} GB of memory; make "
            "them smaller, such as with --resize 64x64."
        )
    images = np.empty((len(paths), *first.shape), np.uint8)
    for i, path in enumerate(paths):
        image = _read(path, resize)
        if image.shape != first.shape:
            raise ValueError(
                f"{path} has {_size(image)} pixels, {paths[0].name} has {_size(first)}; make "
                f"them alike with --resize {_size(first).replace(' × ', 'x')}."
            )
        images[i] = image
    gray = all((image == image[..., :1]).all() for image in images)
    return (images[..., 0] if gray else images), "gray" if gray else "colour"


def _read(path, resize):
    """One image, (H, W, 3) uint8."""
    from PIL import Image, ImageOps

    with files.reading(path, "image"), warnings.catch_warnings():
        warnings.simplefilter("error")  # such as of an image large enough to fill the memory
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)  # a camera held upright
            if image.mode.startswith("I"):  # 16 bits
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            image = image.convert("RGB")
        if resize:
            image = image.resize(resize[::-1], Image.Resampling.BICUBIC)
        return np.asarray(image)


def _is_image(path):
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _size(image):
    return f"{image.shape[0]} × {image.shape[1]}"


def _some():
    return ", ".join(SUFFIXES[:3])
