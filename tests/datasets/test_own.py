import os
import pickle
import socket
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from numvae import rows
from numvae.datasets import array_files, own
from numvae.tables.columns import Table

# The quantiles of a Poisson with the mean 3, 60 rows of two columns.
POISSON = np.column_stack([stats.poisson(3.0).ppf((np.arange(60) + 0.5) / 60)] * 2)
VARY_MORE = stats.nbinom(2, 0.2).ppf((np.arange(60) + 0.5) / 60)


def everything(data):
    return data.examples(np.arange(len(data.rows)))


@pytest.mark.parametrize("shape", [(6, 5), (6, 4, 3), (6, 4, 3, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f8", "i8", "u2", "i1", "?"])
def test_rows_and_images_of_numbers_keep_their_values(saved, shape, order, kind):
    array = np.random.default_rng(0).integers(-100, 100, shape).astype(kind, order=order)
    data = own.load(saved(array))
    X = everything(data)
    needs_digits = kind in ("f8", ">f8", "i8") and len(shape) == 2
    assert X.dtype == (np.float64 if needs_digits else np.float32)
    assert X.shape == (shape[0], np.prod(shape[1:]))
    assert data.shape == shape[1:]
    is_deep_image = kind == "u2" and len(shape) > 2  # its negative numbers have become large ones
    assert data.scale == (65535 if is_deep_image else 1)
    assert_allclose(X.reshape(shape) * data.scale, array.astype(X.dtype), rtol=1e-6)
    assert_array_equal(data.examples(np.array([0])), X[:1])


@pytest.mark.parametrize("kind", ["u1", "f4", "f8", "i8", "u2"])
def test_bytes_become_zero_to_one_whatever_they_are_kept_in(saved, kind):
    data = own.load(saved(np.arange(256).astype(kind).reshape(4, 8, 8)))
    X = everything(data)
    assert X.dtype == np.float32 and (X.min(), X.max()) == (0.0, 1.0)
    assert_allclose(255 * X.ravel(), np.arange(256), rtol=1e-6)
    assert data.likelihood == "continuous-bernoulli"


@pytest.mark.parametrize(
    ("array", "likelihood", "said"),
    [
        (np.eye(4), "bernoulli", "4 rows of 4 numbers; float64 from 0 to 1;"),
        (np.eye(4, dtype=bool), "bernoulli", "bool from 0 to 1"),
        (np.uint8([[[0, 1], [1, 0]]] * 3), "bernoulli", "3 images of 2 × 2 numbers; uint8 from"),
        (np.full((3, 2, 2), 0.5), "continuous-bernoulli", "shades from 0 to 1"),
        (np.uint8([[[0, 100], [255, 0]]] * 3), "continuous-bernoulli", "0 to 255; divided by 255"),
        (np.full((3, 2, 2), 1.5), "gaussian-sigma-z", "beyond 0 to 1"),
        (np.full((3, 2, 2), -0.5), "gaussian-sigma-z", "beyond 0 to 1"),
        (np.full((3, 2, 2), 256), "continuous-bernoulli", "int64 from 256 to 256; divided by 1023"),
        (np.full((1200, 2, 2, 3), 7.5), "gaussian-sigma-z", "1,200 images of 2 × 2 × 3 numbers"),
        (np.full((3, 4), 0.5), "gaussian-sigma-z", "rows of numbers, not all 0 or 1"),
        (np.full((3, 4), 100), "gaussian-sigma-z", "int64 from 100 to 100;"),
        (np.full((3, 2, 2), 64), "continuous-bernoulli", "; divided by 255, the largest value of"),
        (np.zeros((3, 2, 2)), "bernoulli", "float64 from 0 to 0; likelihood"),
        (np.array([[0, 1e15], [0, -1e15]]), "gaussian-sigma-z", "float64 from -1e+15 to 1e+15;"),
        (POISSON, "poisson", "suits them: they are counts"),
        (np.column_stack([POISSON, VARY_MORE]), "negative-binomial", "counts that vary more"),
        (np.column_stack([POISSON, np.arange(60) % 2]), "poisson", "they are counts"),
        (np.column_stack([POISSON, 90.0 + POISSON]), "gaussian-sigma-z", "rows of numbers"),
        (POISSON - 1, "gaussian-sigma-z", "rows of numbers"),
        (POISSON / 2, "gaussian-sigma-z", "rows of numbers"),
        (np.uint8(POISSON), "gaussian-sigma-z", "divided by 255"),
    ],
    ids=range(21),
)
def test_the_likelihood_suits_the_values_and_one_line_says_why(saved, array, likelihood, said):
    path = saved(array)
    data = own.load(path)
    assert data.likelihood == likelihood
    assert data.summary.startswith(path) and said in data.summary and "\n" not in data.summary
    assert f"likelihood {likelihood} suits them: " in data.summary


def test_all_is_said_in_one_sentence(saved):
    path = saved(np.uint8([[[0, 100], [255, 0]]] * 1200))
    assert own.load(path).summary == (
        f"{path}: 1,200 images of 2 × 2 numbers; uint8 from 0 to 255; divided by 255, the largest "
        "value of 8 bits; likelihood continuous-bernoulli suits them: they are shades from 0 to 1."
    )


LEVELS = np.arange(256.0).reshape(4, 8, 8)
SIXTEENTHS = np.arange(17.0).repeat(4).reshape(17, 2, 2)


@pytest.mark.parametrize(
    ("images", "scale", "bits", "limits"),
    [
        (LEVELS.astype("u1"), 255, 8, (0, 1)),
        (LEVELS.astype("u2"), 255, 8, (0, 1)),
        (LEVELS.astype("i4"), 255, 8, (0, 1)),
        (LEVELS, 255, 8, (0, 1)),
        (LEVELS * 0.99, 255, None, (0, 1)),  # resized
        (LEVELS / 255, 1, 8, (0, 1)),
        ((LEVELS / 255).astype("f4"), 1, 8, (0, 1)),
        (LEVELS / 256, 1, None, (0, 1)),
        (LEVELS / 127.5 - 1, 1, None, (-1, 1)),
        (LEVELS * 4, 1023, 10, (0, 1)),
        (LEVELS.astype("u2") * 16, 4095, 12, (0, 1)),
        (LEVELS * 64, 16383, 14, (0, 1)),
        (LEVELS.astype("u2") * 257, 65535, 16, (0, 1)),
        (LEVELS.astype("i4") * 257, 65535, 16, (0, 1)),
        (LEVELS * 256.99, 65535, None, (0, 1)),
        (LEVELS * 4000, 1, None, (0, 1_020_000)),  # of what, nobody knows
        (LEVELS - 128, 1, None, (-128, 127)),
        (LEVELS * 1.5, 1, None, (0, 382.5)),
        (SIXTEENTHS, 16, None, (0, 1)),
        (SIXTEENTHS.astype("u1"), 16, None, (0, 1)),
        (SIXTEENTHS / 16, 1, None, (0, 1)),
        (SIXTEENTHS[:3], 2, None, (0, 1)),
        (LEVELS / 2, 1, None, (0, 127.5)),
        (LEVELS / 255 + 1e-9, 1, 8, (0, 1)),  # rounding
        (LEVELS / 255 + 5e-7, 1, 8, (0, 1)),
        (LEVELS / 255 - 5e-7, 1, 8, (0, 1)),
        (LEVELS / 255 + 2e-6, 1, None, (2e-6, 1.000002)),
        (LEVELS / 255 - 2e-6, 1, None, (-2e-6, 0.999998)),
        (LEVELS > 99, 1, None, (0, 1)),
        (255 * (LEVELS > 99), 255, None, (0, 1)),
    ],
    ids=range(30),
)
def test_images_become_shades_by_what_their_numbers_are(saved, images, scale, bits, limits):
    path = saved(images)
    data = own.load(path)
    assert (data.scale, data.bits) == (scale, bits)
    assert data.limits == pytest.approx(limits, abs=1e-9)
    assert_allclose(everything(data).ravel(), images.ravel() / np.float64(scale), rtol=1e-6)
    two = len(np.unique(images)) == 2
    shades = "bernoulli" if two else "continuous-bernoulli"
    assert data.likelihood == (shades if limits == (0, 1) else "gaussian-sigma-z")
    named = f", the largest value of {bits} bits" if bits else ", their largest value"
    if bits or scale in (1, 2, 16):
        assert ("divided by" in data.summary) == (scale != 1)
        assert (f"divided by {scale}{named};" in data.summary) == (scale != 1)
    again = own.load(path, scale=scale)
    assert (again.limits, again.bits, again.likelihood) == (data.limits, bits, data.likelihood)


def test_later_images_have_the_scale_of_the_first(saved):
    data = own.load(saved(SIXTEENTHS[:3]), scale=16)
    assert_allclose(everything(data).ravel(), SIXTEENTHS[:3].ravel() / 16)
    assert "; divided by 16; " in data.summary
    assert own.load(saved(LEVELS - 128), scale=16).limits == (-8, 127 / 16)
    rows = own.load(saved(np.array([[0.5, 4.0]])), scale=2)
    assert rows.dtype == "float32" and everything(rows).tolist() == [[0.25, 2.0]]


@pytest.mark.parametrize("shade", [127.5, 127.7, 128.0015, 128.0005])
def test_values_are_looked_at_over_all_blocks(saved, monkeypatch, shade):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 1)
    images = LEVELS.copy()
    images[1:], images[0, 0, 0] = 255, shade
    assert own.load(saved(images)).bits is None
    assert own.load(saved(images / 255)).bits == (8 if shade == 128.0005 else None)
    assert own.load(saved(np.array([[0, 1], [0, 2]]))).likelihood == "gaussian-sigma-z"


@pytest.mark.parametrize("high", [1, 2, 5, 255])
def test_rows_of_bytes_are_divided_by_255_unless_they_are_0_or_1(saved, high):
    data = own.load(saved(np.array([[0, high]] * 3, np.uint8)))
    assert data.scale == (1 if high == 1 else 255)
    assert data.likelihood == ("gaussian-sigma-z" if high in (2, 5) else "bernoulli")
    assert data.bits is None


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros(()), r"shape \(\)"),
        (np.zeros((5, 4, 3, 2)), r"shape \(5, 4, 3, 2\)"),
        (np.zeros((2, 2, 2, 2, 3)), r"shape \(2, 2, 2, 2, 3\)"),
        (np.zeros((0, 4)), "is empty"),
        (np.zeros((4, 0)), "is empty"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[1j, 0]]), "real numbers"),
        (np.array([["2020-01-01"]], "M8[D]"), "real numbers"),
        (np.array([(1, 2.0)], [("a", int), ("b", float)]), "real numbers"),
        (
            np.array([[0.0, np.nan], [0.0, 1.0], [np.inf, 0.0], [0.0, np.nan]]),
            "holds NaN or infinity in 3 of 4 rows; remove them.$",
        ),
        (np.array([[0.0, -np.inf]]), "holds NaN or infinity in 1 of 1 rows; remove them.$"),
        (
            np.array([[0.0, np.nan]]),
            "holds NaN or infinity in 1 of 1 rows; remove them, or train with --missing.$",
        ),
        (np.array([[0.0, 1e300], [1.0, 2.0]]), "too large"),
        (np.array([[0.0, 1.5e15]]), "too large"),
        (np.array([[0.0, -1.5e15]]), "too large"),
    ],
    ids=range(16),
)
def test_an_array_that_is_no_data_set_is_refused(saved, array, says):
    path = saved(array)
    with pytest.raises(ValueError, match=f"^{path} .*({says})"):
        own.load(path)


def test_nan_may_mean_not_known(saved):
    array = np.array([[0.0, np.nan], [1.0, 1.0]])
    data = own.load(saved(array), missing=True)
    assert_array_equal(everything(data), array)
    assert data.likelihood == "bernoulli" and "25.0% of them missing" in data.summary
    for bad, says in (
        ([[np.inf, np.nan]], "holds infinity in 1 of 1 rows; remove them.$"),
        ([[np.nan]], "nothing but NaN"),
    ):
        with pytest.raises(ValueError, match=says):
            own.load(saved(np.array(bad)), missing=True)


def test_pickled_objects_are_refused_and_never_run(saved, tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    path = saved(np.array([[Harm()]], object), allow_pickle=True)
    with pytest.raises(ValueError, match=f"^{path} "):
        own.load(path)
    for name in ("my.npy", "my.npz"):
        (tmp_path / name).write_bytes(pickle.dumps(Harm()))
        with pytest.raises(ValueError, match=f"^{tmp_path / name} "):
            own.load(tmp_path / name)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".idx", ".idx.gz", "-ubyte"])
def test_every_kind_of_file_is_answered_when_missing_empty_or_rubbish(tmp_path, suffix, mat_here):
    path = tmp_path / f"my{suffix}"
    assert own.is_own(str(path))
    with pytest.raises(FileNotFoundError, match=f"^There is no file {path}.$"):
        own.load(path)
    for content in (b"", b"\0", b"PK\x03\x04 rubbish", b"\x1f\x8b\x08", b"\xff\xfe\xfd\n" * 300):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"^{path} ") as caught:
            own.load(path)
        assert "\n" not in str(caught.value)


def other_than_a_file(path, kind):
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    else:
        path.mkdir()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("suffix", [*own.READERS, ".npz:X", ".mat:X"])
@pytest.mark.parametrize("kind", ["FIFO", "device", "socket", "folder"])
def test_what_is_no_file_is_refused_at_once(tmp_path, monkeypatch, suffix, kind):
    """To open a FIFO would wait for ever, and so would reading all of /dev/zero."""
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    other_than_a_file(Path(f"my{suffix.partition(':')[0]}"), kind)
    what = "There is no image in" if kind == "folder" else f"is a {kind}; expected a file"
    with pytest.raises(ValueError, match=what):
        own.load(f"my{suffix}")


def test_what_is_own_is_told_by_its_ending(tmp_path):
    for name in (
        "a.npy",
        "A.NPY",
        "a.npz:b",
        "a.mat:b",
        "a.TXT",
        "a.xlsx",
        "a.h5ad:b/c",
        "c/d-images-idx3-ubyte.gz",
        tmp_path,
    ):
        assert own.is_own(str(name))
    for name in ("", "faces", "a.doc", "a.npy:b", "npy", "a.gz"):
        assert not own.is_own(name)


def test_only_a_folder_is_resized(saved):
    with pytest.raises(ValueError, match="Only a folder of images can be resized"):
        own.load(saved(np.zeros((3, 4, 4))), resize=(2, 2))


@pytest.mark.parametrize("kind", ["f4", "u1", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_file_is_mapped_and_gives_the_same_examples(saved, monkeypatch, kind, order):
    array = np.random.default_rng(0).integers(0, 256, (50, 4, 3)).astype(kind, order=order)
    path = saved(array)
    numbers = np.array([3, 7, 20, 49])
    read = own.load(path).examples(numbers)
    monkeypatch.setattr(array_files, "LARGE", 100)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 50)
    data = own.load(path)
    mapped = data.examples(numbers)
    assert isinstance(mapped, own.Mapped) and "as needed" in data.summary
    assert isinstance(data.rows, np.memmap)
    assert (mapped.shape, mapped.dtype, len(mapped)) == (read.shape, read.dtype, len(read))
    for some in (slice(None), slice(1, 3), np.array([2, 0]), slice(4, None)):
        assert mapped[some].dtype == np.float32
        assert_array_equal(mapped[some], read[some])
    assert_array_equal(np.asarray(mapped), read)


def test_a_map_refuses_the_same_files(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "LARGE", 0)
    bad = np.zeros((9, 2), "f4")
    bad[4] = np.nan
    with pytest.raises(ValueError, match="in 1 of 9 rows"):
        own.load(saved(bad))
    path = tmp_path / "my.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"^{path} is not a readable .npy array"):
        own.load(path)
    with pytest.raises(ValueError, match=f"^{path} is not a readable .npy array"):
        own.load(saved(np.array([[None]], object), allow_pickle=True))


# Arrangements.

COLOURS = np.random.default_rng(1).integers(0, 256, (6, 5, 4, 3)).astype("u1")
GRAY = np.random.default_rng(1).integers(0, 256, (6, 5, 4)).astype("u1")


@pytest.mark.parametrize(
    ("array", "wanted", "said"),
    [
        (GRAY[..., None], GRAY, ""),
        (GRAY[:, None], GRAY, ""),
        (COLOURS.transpose(0, 3, 1, 2), COLOURS, "channels moved from the first axis of an image"),
        (COLOURS[:, :3].transpose(0, 3, 1, 2), COLOURS[:, :3], "channels moved"),
        (np.concatenate([COLOURS, GRAY[..., None]], axis=3), COLOURS, "alpha dropped"),
        (COLOURS, COLOURS, ""),
        (COLOURS[:, :3], COLOURS[:, :3], ""),
        (COLOURS[:, :1], COLOURS[:, :1], ""),
        (GRAY[:, :3, :, None], GRAY[:, :3], ""),
        (GRAY.reshape(6, 20, 1), GRAY.reshape(6, 20), ""),
        (GRAY.reshape(6, 1, 20), GRAY.reshape(6, 20), ""),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("large", [0, 2**28], ids=["mapped", "read"])
def test_images_are_taken_however_their_axes_lie(saved, monkeypatch, array, wanted, said, large):
    monkeypatch.setattr(array_files, "LARGE", large)
    data = own.load(saved(array))
    assert data.shape == wanted.shape[1:]
    X = data.examples(np.arange(6))
    assert isinstance(X, np.ndarray if large else own.Mapped)
    assert isinstance(data.rows, own.Mapped) == (not large and said != "")
    assert X.shape == (6, np.prod(data.shape))
    assert_allclose(X[:], wanted.reshape(6, -1) / 255, rtol=1e-6)
    assert_array_equal(data.examples(np.array([4, 1]))[:], X[:][[4, 1]])
    assert said in data.summary and ("channels" in data.summary) == ("channels" in said)


def test_labels_come_with_the_rows_and_are_said(tmp_path):
    np.savez(tmp_path / "my.npz", X=np.eye(20), y=np.arange(20) % 2, target=np.linspace(0, 1, 20))
    data = own.load(tmp_path / "my.npz")
    assert "; labels y (2 classes), target; " in data.summary
    assert_array_equal(data.known["y"], np.arange(20) % 2)


def test_a_table_is_described_column_by_column(tmp_path):
    path, more = tmp_path / "birds.csv", tmp_path / "more.csv"
    rows = [f"{2500 + 70 * (i % 23)},{'mf'[i % 2]}" for i in range(40)] + ["-999,f"] * 3
    path.write_text("\n".join(["mass,sex", *rows]))
    columns = own.load_table(path).columns
    described = [
        "  mass  gaussian   whole numbers",
        "  sex   bernoulli  f or m",
        "-999 stands 3 times in column mass, unlike all other values: if it means not known, say "
        "so (--na -999, in Python NaN).",
    ]
    assert own.load_table(path).summary.splitlines() == [
        f"{path}: 43 rows of 2 columns:",
        *described,
    ]
    more.write_text("\n".join(["tag,mass,sex", *(f"1,{row}" for row in rows)]))
    assert own.load_table(more, columns).summary.splitlines() == [
        f"{more}: 43 rows of 3 columns; left out, as the model does not know them: tag:",
        *described,
    ]


def test_a_table_is_rows_of_real_numbers(tmp_path):
    path = tmp_path / "birds.csv"
    path.write_bytes(
        "\n".join(["size,é", *(f"{i**1.5},{i % 2}" for i in range(30))]).encode("cp1252")
    )
    data = own.load_table(path, likelihood="gaussian")
    assert data.summary.splitlines()[0] == f"{path}: 30 rows of 2 columns; read as cp1252:"
    assert data.likelihood == "gaussian:1,bernoulli:1"
    assert (data.scale, data.dtype, data.shape) == (1, "float64", (2,))
    assert (data.limits, data.bits) == ((0.0, 1.0), None)
    assert_allclose(everything(data)[:, 0], np.arange(30) ** 1.5)
    assert own.load_table(path, chosen={"size": "ignore"}).dtype == "float32"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (1e15, None),
        (1.5e15, " holds numbers beyond 1e15, too large to train on; scale them."),
        (-1.5e15, " holds numbers beyond 1e15, too large to train on; scale them."),
        (np.inf, ": column b holds infinity; remove it."),
    ],
)
def test_numbers_of_a_table_that_are_too_large_are_refused(monkeypatch, number, says):
    numbers = np.append(np.arange(30.0) ** 1.5, np.nan)
    table = Table({"a": numbers, "b": np.append(numbers[1:], number)})
    monkeypatch.setattr(own.table_files, "load", lambda path: table)
    if says is None:
        assert len(own.load_table("x.json").rows) == 31
    else:
        with pytest.raises(ValueError) as caught:
            own.load_table("x.json")
        assert str(caught.value) == f"x.json{says}"


def test_cells_of_another_programs_table_are_filled_in_and_written_as_they_were():
    values = {"mass": np.array([1.5, np.nan]), "day": np.array([18262, np.nan])}
    values["name"] = np.array(["x", None], dtype=object)
    table = Table(values, {"day": "%Y-%m-%d"})
    texts = [["1", "2.5"], None, ["a", "b"]]
    names, rows = own.filled_cells("x.parquet", table, texts, 2)
    assert names == ["mass", "day", "name"]
    assert list(rows) == [["1.5", "2020-01-01", "x"], ["2.5", "", "b"]]
    assert len(list(own.filled_cells("x.parquet", table, texts, 1)[1])) == 1


# What is not read.


@pytest.mark.parametrize("name", ["a.pkl", "a.PICKLE", "a.pt", "a.joblib", "a.png", "a.TIF"])
def test_what_is_not_read_is_said_with_what_to_do(name):
    assert not own.is_own(name)
    what = "folder that it lies in" if name[-3:].lower() in ("png", "tif") else "is a pickle, which"
    assert own.advice(name).startswith(name) and what in own.advice(name)
    assert own.advice("a.npy") == ""


def test_a_file_of_another_ending_is_said_to_have_one(tmp_path):
    path = tmp_path / "a.doc"
    assert own.advice(path) == "" and not own.is_there(path)
    path.touch()
    assert own.advice(path).startswith(f"{path} has an ending that is not known; save it as one of")
    np.savez(tmp_path / "a.npz", b=np.eye(2))
    assert own.is_there(path) and own.is_there(f"{tmp_path}/a.npz:b")


# What tells one file from another.


@pytest.mark.parametrize("whole", [0, 2**28], ids=["of some", "of all"])
def test_a_digest_is_of_the_numbers_and_their_order(saved, monkeypatch, whole):
    monkeypatch.setattr(own, "WHOLE", whole)
    monkeypatch.setattr(own, "SAMPLED", 20)
    monkeypatch.setattr(own, "BLOCK_BYTES", 1000)
    images = np.random.default_rng(0).integers(0, 256, (200, 4, 3)).astype("u1")
    changed, last = images.copy(), images.copy()
    changed[0, 0, 0] ^= 1
    last[-1, 0, 0] ^= 1
    digest = own.load(saved(images)).digest()
    assert len(digest) == 32
    for same in (images, images / 255, images.astype("f4"), images[..., None]):
        assert own.load(saved(same)).digest() == digest
    for other in (images[::-1], images[:-1], changed, last, images.mean(axis=2)):
        assert own.load(saved(other)).digest() != digest
    monkeypatch.setattr(array_files, "LARGE", 0)
    assert own.load(saved(images)).digest() == digest


@pytest.mark.parametrize("whole", [9600, 9599])
def test_of_more_bytes_than_so_many_the_digest_is_of_some(saved, monkeypatch, whole):
    monkeypatch.setattr(own, "WHOLE", whole)
    monkeypatch.setattr(own, "SAMPLED", 20)
    images = np.zeros((200, 4, 3), np.float32)
    digest = own.load(saved(images)).digest()
    images[1] = 0.5  # which is none of 20
    assert (own.load(saved(images)).digest() == digest) == (whole == 9599)


def test_a_digest_is_as_it_always_was(saved):
    """Runs remember those of their data."""
    data = own.load(saved(np.arange(60.0).reshape(20, 3)))
    assert data.digest() == "34c619a27b96864115be93e125333a8e"
    data.rows = np.broadcast_to(0.5, (2**21, 17))  # 285 MB
    assert data.digest() == "4ef9b70974b2cfcfc79fd59b538ffa9f"
