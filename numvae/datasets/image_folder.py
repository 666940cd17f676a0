"""A folder of images: photographs, scans, icons."""

import math
import os.path
import warnings
from pathlib import Path

import numpy as np

from numvae.datasets import files
from numvae.datasets.found import Found, labels
from numvae.text import listed

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
# Under these names Pillow would read others too: PostScript, for which it starts a program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
LEAST, MOST_TIMES = 2**22, 2**15  # pixels a file may have, and more for each of its bytes
MOST_BYTES = 2**32  # of all images together, as the float32 numbers they become
# Folders that say what is in them.
IMAGES, MASKS = {"image", "images", "img", "imgs"}, {"mask", "masks"}
TRAIN, HELD_OUT = {"train", "training"}, {"test", "testing", "val", "valid", "validation"}


def load(folder, resize=None, skip_bad=False):
    """The images in a folder and the folders within, in the order of their names.

    Images of which all are gray are gray, whatever their files say; transparency is dropped. Each
    page of a TIFF and each frame of an animation is an image. Pixels are kept as deep as they are:
    bool where all have 1 bit, or uint8, uint16, int32, float32 and their like.

    Where each image lies in one of several folders, their names are its class. Folders train and
    test (or val, …) are a split: what is in train comes first. Folders masks beside images are left
    out.

    resize      (H, W) makes them all of one size; None: they must be
    skip_bad    leave out the files that cannot be read
    Returns what it has `Found`: array (N, H, W) or (N, H, W, 3)
    Raises  ValueError  no image, an unreadable one, several sizes or depths, too large for the
                        memory
    """
    paths, masks = _paths(Path(folder))
    if not paths:
        raise ValueError(
            f"There is no image in {folder}; expected files such as {', '.join(SUFFIXES[:3])}."
        )
    images, of, bad, clear = _read_all(folder, paths, resize, skip_bad)
    is_train, classes = _said_by_folders([paths[i].relative_to(folder).parts[:-1] for i in of])
    if is_train is not None:
        order = np.argsort(~is_train, kind="stable")
        images, of, classes = [images[i] for i in order], of[order], classes[order]
    images = _alike(images, [paths[i] for i in of])
    kind = "gray" if images.ndim == 3 else "colour"
    if images.ndim == 3 and ((images == 0) | (images == images.max())).all():
        kind = "black and white"
    n = len(paths) - len(bad)
    notes = [
        kind + (f", pages of {n} file{'s' * (n > 1)}" if len(images) > n else ""),
        f"the transparency of {clear} dropped" if clear else "",
        f"{masks} in masks/ beside images/ left out" if masks else "",
        "" if is_train is None else "split by its folders",
        f"{len(bad)} that cannot be read left out: {listed([path.name for path in bad], 3)}"
        if bad
        else "",
    ]
    known = labels(classes, len(images))
    known = {} if known is None else {"class": known}
    n_train = None if is_train is None else int(is_train.sum())
    return Found(images, "; ".join(filter(None, notes)), known, n_train)


def _read_all(folder, paths, resize, skip_bad):
    """The images in the files at these paths; of which path each is (N,); the paths of files that
    cannot be read; how many images have transparent parts."""
    images, of, bad, clear = [], [], [], 0
    for i, path in enumerate(paths):
        try:
            pages, n_clear = _read(path, resize)
        except ValueError as error:
            if not skip_bad:
                raise ValueError(f"{error} To leave out such files, add --skip-bad.") from None
            bad.append(path)
            continue
        images += pages
        of += [i] * len(pages)
        clear += n_clear
        _check_memory(folder, len(images) + len(paths) - i - 1, pages[0].size)
        for image in pages:
            if image.shape[:2] != images[0].shape[:2]:
                raise ValueError(
                    f"{path} has {_size(image)} pixels, {paths[of[0]].name} has "
                    f"{_size(images[0])}; make them alike with --resize "
                    f"{_size(images[0]).replace(' × ', 'x')}."
                )
    if not images:
        raise ValueError(f"None of the {len(paths)} images in {folder} can be read.")
    return images, np.array(of), bad, clear


def _paths(folder):
    """The paths of the images in a folder, in order, but for those of masks; how many masks."""
    paths = sorted(path for path in folder.rglob("*") if _is_image(path))
    parts = [tuple(map(str.lower, path.relative_to(folder).parts)) for path in paths]
    folders = {path[:depth] for path in parts for depth in range(1, len(path))}
    beside_images = {(*at, mask) for *at, name in folders if name in IMAGES for mask in MASKS}

    def is_mask(path):
        return any(path[:depth] in beside_images for depth in range(1, len(path)))

    kept = [path for path, lower in zip(paths, parts) if not is_mask(lower)]
    return kept, len(paths) - len(kept)


def _said_by_folders(folders):
    """What the folders of images, as tuples of their names, say of each image.

    Returns whether it is to train on (N,), or None where there is no such split; its class (N,),
            "" where there is none
    """
    below = _below(folders)
    top = [folder[0].lower() if folder else "" for folder in below]
    is_train = None
    if TRAIN & set(top) and HELD_OUT & set(top) and set(top) <= TRAIN | HELD_OUT:
        is_train = np.array([name in TRAIN for name in top])
        below = _below([folder[1:] for folder in below])
    classes = [folder[0] if folder else "" for folder in below]
    return is_train, np.array(classes if all(classes) else [""] * len(classes))


def _below(folders):
    """The folders without the names that they all begin with."""
    depth = len(os.path.commonprefix(folders))
    return [folder[depth:] for folder in folders]


def _read(path, resize):
    """The pages of an image file, each (H, W) or (H, W, 3), and how many of them have transparent
    parts."""
    from PIL import Image

    with files.reading(path, "image"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            # The second picture in a photograph is a preview.
            n = 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)
            _check_memory(path, n, math.prod(resize or image.size))
            most = LEAST + MOST_TIMES * path.stat().st_size
            pages, clear = zip(*(_page(image, number, resize, most) for number in range(n)))
            return pages, sum(clear)


def _page(image, number, resize, most):
    """One page of an open image file, (H, W) or (H, W, 3), its pixels as deep as they are, and
    whether it has transparent parts."""
    from PIL import Image, ImageOps

    image.seek(number)
    if math.prod(image.size) > most:
        raise ValueError("it declares more pixels than so small a file can hold")
    is_deep = image.mode[0] in "IF"  # I;16, I and F
    if not is_deep and any(";16" in str(tile) for tile in image.tile):
        raise ValueError("colours of 16 bits; save it with 8, or its pixels as a .npy array")
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    if tags.get(274) in (5, 6, 7, 8) and tags.get(259) == 1:
        raise ValueError("a quarter turn of pixels that are not compressed; save it upright")
    format_of_numbers = tags.get(339, (1,))[0]  # if nothing is said: unsigned
    image = ImageOps.exif_transpose(image)  # a camera held upright
    if not is_deep:
        is_clear = _is_clear(image)
        if image.mode != "1":
            image = image.convert("L" if image.mode in ("L", "LA", "La") else "RGB")
        elif resize:
            image = image.convert("L")
        if resize:
            image = image.resize(resize[::-1], Image.Resampling.BICUBIC)
        pixels = np.asarray(image)
        return pixels.view(np.int8) if format_of_numbers == 2 else pixels, is_clear
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
    return pixels, False


def _is_clear(image):
    """Whether an image has transparent parts."""
    has_alpha = image.mode.lower().endswith("a") or "transparency" in image.info
    return has_alpha and image.convert("RGBA").getchannel("A").getextrema()[0] < 255


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
