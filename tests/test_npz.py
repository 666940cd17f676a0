"""Files that were damaged are refused, or hold exactly what they held before."""

import io
import json
import os
import re
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae import VAE, files, load, npz
from numvae.constraints import FINITE, POSITIVE, SIZE
from numvae.training import checkpoint
from numvae.training.loop import POSITION

ARRAYS = {
    "a": np.arange(6.0).reshape(2, 3),
    "b.c": np.array([1, 2], "f4"),
    "none": np.zeros((0, 3)),
}


EXPECTED = {name: (array.shape, array.dtype, FINITE) for name, array in ARRAYS.items()}


def never(*_):
    pytest.fail("the header was believed")


def read(path, kind="thing", expected=lambda header, n_arrays: EXPECTED, from_version_1=never):
    return npz.read(path, kind, expected, from_version_1)


@pytest.fixture
def path(tmp_path):
    """A small archive."""
    npz.write(tmp_path / "small", "thing", {"x": [1, None, "ä", 0.1], "big": 2**90}, ARRAYS)
    return tmp_path / "small"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a saved estimator."""
    X = np.random.default_rng(0).standard_normal((30, 5))
    path = tmp_path_factory.mktemp("saved") / "vae.npz"
    VAE(hidden=(8,), epochs=2, random_state=0).fit(X).save(path)
    return path.read_bytes()


def test_header_and_arrays_come_back(path):
    header, arrays = read(path)
    assert header == {"numvae": "thing", "version": 5, "x": [1, None, "ä", 0.1], "big": 2**90}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert_array_equal(arrays[name], array)


def test_a_file_of_more_than_two_gigabytes_is_read(path):
    """Its list of members is behind what 31 bits can count. Between its members is nothing."""
    content = {}
    for name, array in ARRAYS.items():
        np.save(npy := io.BytesIO(), array)
        content[f"{name}.npy"] = npy.getvalue()
    with zipfile.ZipFile(path) as old:
        content["header.npy"] = old.read("header.npy")
    with zipfile.ZipFile(path, "w") as new:
        for name, text in content.items():
            new.writestr(name, text)
            new.start_dir = max(new.start_dir, 2**31)
    assert path.stat().st_size > 2**31
    for name, array in read(path)[1].items():
        assert_array_equal(array, ARRAYS[name])


def test_numpy_and_any_zip_program_can_read_it_too(path):
    with np.load(path, allow_pickle=False) as archive:
        assert_array_equal(archive["a"], ARRAYS["a"])
        assert json.loads(archive["header"].tobytes())["numvae"] == "thing"


def test_an_array_in_fortran_order_is_not_taken_for_its_transpose(tmp_path):
    npz.write(tmp_path / "f", "thing", {}, {"a": np.asfortranarray(ARRAYS["a"])})
    _, arrays = read(tmp_path / "f", expected=lambda *_: {"a": EXPECTED["a"]})
    assert_array_equal(arrays["a"], ARRAYS["a"])


def test_an_array_that_declares_more_than_the_file_holds_is_refused(path):
    """A terabyte, declared in the array's own header: the member's size does not show it."""
    npy = io.BytesIO()
    description = {"descr": "<f8", "fortran_order": False, "shape": (2**37,)}
    np.lib.format.write_array_header_1_0(npy, description)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in {**members, "a.npy": npy.getvalue()}.items():
            new.writestr(name, content)
    with pytest.raises(ValueError, match=f"^{path} is not a whole numvae thing file"):
        read(path)


def test_compressed_members_are_refused(path):
    """They could unpack to a full memory."""
    with np.load(path) as archive:
        np.savez_compressed(path.with_suffix(".npz"), **archive)
    with pytest.raises(ValueError, match="a member of it is compressed"):
        read(path.with_suffix(".npz"))


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (8, b"\1\0", "encrypted"),  # its flags
        (10, b"\x08\0", "a member of it is compressed"),  # its method
        (20, b"\0\0\0\x08", "a member of it is compressed"),  # its size in the file
        (20, b"\0\0\0\x08" * 2, "its members are larger than the file"),
        (42, b"\0\0\0\0", ""),  # where it begins: where another does
    ],
)
def test_a_list_of_members_that_lies_is_refused(path, where, value, says):
    with pytest.raises(ValueError, match=f"^{path} is not a whole numvae thing file: .*{says}"):
        read(overwritten(path, b"PK\1\2", where, value))


def overwritten(path, mark, where, value):
    """The path of a file in which other bytes stand, so far behind the last of these marks."""
    content = bytearray(path.read_bytes())
    start = content.rindex(mark) + where
    content[start : start + len(value)] = value
    path.write_bytes(content)
    return path


def test_members_that_are_larger_together_than_the_file_are_refused(path):
    content, half = path.read_bytes(), (path.stat().st_size // 2).to_bytes(4, "little")
    parts = content.split(b"PK\1\2")
    path.write_bytes(b"PK\1\2".join([parts[0], *(p[:16] + 2 * half + p[24:] for p in parts[1:])]))
    with pytest.raises(ValueError, match="its members are larger than the file"):
        read(path)


@pytest.mark.parametrize(("length", "too_long"), [(2**21, False), (2**21 + 1, True)])
def test_the_length_of_the_list_of_members_is_looked_at_first(path, length, too_long):
    overwritten(path, b"PK\5\6", 12, length.to_bytes(4, "little"))
    with pytest.raises(ValueError) as caught:
        read(path)
    assert ("its list of members is longer than any model's" in str(caught.value)) == too_long


def test_a_small_file_that_says_the_length_elsewhere_is_refused(path):
    content = path.read_bytes()
    path.write_bytes(content[:-22] + b"PK\6\7" + bytes(16) + content[-22:])
    with pytest.raises(ValueError, match="its list of members is longer than any model's"):
        read(path)


def test_two_members_of_one_name_are_refused(path):
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.npy", archive.read("a.npy"))
    with pytest.raises(ValueError, match="two of its members have the same name"):
        read(path)


def test_a_list_of_very_many_members_is_refused_before_it_is_read(path, assert_grows):
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(40_000):
            archive.writestr(f"{i}.npy", b"")
    with assert_grows(2**20), pytest.raises(ValueError, match="longer than any model's"):
        read(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b" " * 2**23 + b"{}", "its header is larger than any model's"),
        (b"[" + b"{}," * 10**5, "its header holds more than its arrays can have a use for"),
        (b"[" + b"1," * 10**5, "its header holds more than its arrays can have a use for"),
        (b"[" * 10**5, "its header holds more than its arrays"),
        (b" " * 2**18 + b"[" * 2000, "recursion|Expecting value"),  # as deep as Python goes
    ],
    ids=["long", "full", "many", "deep", "less deep"],
)
def test_a_header_that_would_take_much_memory_is_refused(path, text, says, assert_grows):
    np.savez(path.with_suffix(".npz"), header=np.frombuffer(text, np.uint8), **ARRAYS)
    with assert_grows(2**22), pytest.raises(ValueError, match=says):
        read(path.with_suffix(".npz"))


def with_header(path, length, n_commas=None, n_parts=2):
    """A file whose header has so many bytes, commas, and lists and dicts."""
    items = ",".join(["{}", "[]"] * n_parts)[: 3 * (n_parts - 2)].removesuffix(",")
    text = f'{{"numvae":"thing","version":5,"x":[{items}],"y":"'
    text += "," * ((n_commas or 0) - text.count(",")) + '"}'
    header = np.frombuffer(text.ljust(length).encode(), np.uint8)
    np.savez(path.with_suffix(".npz"), header=header, **ARRAYS)
    return path.with_suffix(".npz")


def longest(more):
    """The largest n that is at most 2^22 + (n + more) // 8."""
    return (8 * 2**22 + more) // 7


@pytest.mark.parametrize(
    ("most", "says"),
    [
        (lambda more: {"length": longest(more)}, "its header is larger than any model's"),
        (
            lambda more: {"length": 200_000 - more, "n_commas": (200_000 + 2**18) // 20},
            "its header holds more than its arrays can have a use for",
        ),
        (
            lambda more: {"length": 2**17, "n_parts": (2**17 + 2**16) // 32},
            "its header holds more than its arrays can have a use for",
        ),
    ],
    ids=["length", "commas", "parts"],
)
def test_a_header_may_be_as_full_as_its_file_allows_and_no_fuller(path, most, says):
    most = most(with_header(path, 1000).stat().st_size - 1000)
    read(with_header(path, **most))
    *_, last = most
    with pytest.raises(ValueError, match=says):
        read(with_header(path, **{**most, last: most[last] + 1}))


@pytest.mark.parametrize(
    "text",
    [
        "[" + ", ".join(['{"a": ' * 99 + "1" + "}" * 99] * 600) + "]",
        "{" + ", ".join(f'"{i}": "{i + 10**6}"' for i in range(200_000)) + "}",
        '["' + "a" * 4_000_000 + r'\ud83d\ude00"]',
    ],
    ids=["dicts", "names", "text"],
)
def test_no_header_that_is_read_takes_more_than_64_mb(path, text, assert_grows):
    text = text.ljust(2**22).encode()
    np.savez(path.with_suffix(".npz"), header=np.frombuffer(text, np.uint8), **ARRAYS)
    with assert_grows(2**26), pytest.raises(ValueError, match="it has no numvae header"):
        read(path.with_suffix(".npz"))


def test_an_array_of_another_size_than_expected_is_not_read(path, assert_grows):
    npz.write(path, "thing", {}, {**ARRAYS, "a": np.zeros(10**6)})
    with assert_grows(2**20), pytest.raises(ValueError, match="its arrays have not the shapes"):
        read(path)
    read(path, expected=lambda *_: {**EXPECTED, "a": ((10**6,), "f8", FINITE)})


def test_a_long_history_and_names_like_json_are_no_lies(path):
    rows = [{"epoch": i, "train_elbo": 0.5, "train_nll": 0.5, "train_kl": 0.0} for i in range(9999)]
    names = [f'"x_{{{i}}}\\", [[{{{{' for i in range(9999)]
    npz.write(path, "thing", {"history": rows, "names": names}, ARRAYS)
    header, _ = read(path)
    assert header["history"] == rows and header["names"] == names


def test_large_arrays_allow_for_a_longer_header(path):
    """All of them together."""
    arrays = {name: np.zeros(90_000) for name in "ab"}
    npz.write(path, "thing", {"names": ["x"] * 10**5}, arrays)
    header, _ = read(path, expected=lambda *_: dict.fromkeys("ab", ((90_000,), "f8", FINITE)))
    assert len(header["names"]) == 10**5


def test_the_longest_header_that_is_written_is_read_again(path):
    x = "x" * (longest(0) - len(json.dumps({"numvae": "thing", "version": 5, "x": ""})))
    npz.write(path, "thing", {"x": x}, {})
    assert read(path, expected=lambda *_: {})[0]["x"] == x
    with pytest.raises(ValueError, match="its header is larger than any model's. Shorten the text"):
        npz.write(path, "thing", {"x": f"{x}x"}, {})


@pytest.mark.parametrize("names", [["x" * 2**23], ["x"] * 10**5], ids=["long", "many"])
def test_a_header_that_could_not_be_read_is_not_written(path, names):
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=f"^{path} cannot be written: its header .* Shorten the texts in it"
    ):
        npz.write(path, "thing", {"names": names}, ARRAYS)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "described",
    [
        "{'descr': '>f8', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': '\\d', }",
        "((((",
        "",
    ],
)
@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"])
def test_an_array_is_described_as_expected_or_not_read(path, described, version):
    npy = b"\x93NUMPY" + version + len(described).to_bytes(2, "little") + described.encode()
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in {**members, "a.npy": npy + ARRAYS["a"].tobytes()}.items():
            new.writestr(name, content)
    with pytest.raises(ValueError, match="its arrays have not the shapes and dtypes"):
        read(path)


def test_elements_are_within_their_constraint(path):
    def expected(constraint):
        return lambda *_: {**EXPECTED, "a": (*EXPECTED["a"][:2], constraint)}

    read(path, expected=expected(SIZE))
    with pytest.raises(ValueError, match="a must hold nothing but numbers, each a number above 0"):
        read(path, expected=expected(POSITIVE))


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"a": EXPECTED["a"]}, "not those of its configuration"),
        ({**EXPECTED, "more": ((1,), "f8", FINITE)}, "not those of its configuration"),
        ({**EXPECTED, "a": ((3, 2), "f8", FINITE)}, "not the shapes"),
        ({**EXPECTED, "a": ((2, 3), "f4", FINITE)}, "not the shapes"),
    ],
)
def test_other_arrays_than_expected_are_refused(path, wanted, says):
    with pytest.raises(ValueError, match=f"^{path} is not a whole numvae thing file: .*{says}"):
        read(path, expected=lambda *_: wanted)


@pytest.mark.parametrize("version", [0, 6, 99, None, "1", "2", True, 1.0])
def test_kind_and_version_are_looked_at_before_anything_else(path, version):
    with pytest.raises(ValueError, match="is a numvae thing file; expected a model file"):
        read(path, "model", never)
    npz.write(path, "thing", {"version": version}, ARRAYS)
    says = f"^{path} has format version {version!r}, this numvae reads up to version 5"
    with pytest.raises(ValueError, match=says):
        read(path, expected=never)


def test_of_another_kind_forty_characters_are_shown(path):
    npz.write(path, "x" * 41, {}, ARRAYS)
    with pytest.raises(ValueError, match=f"is a numvae {'x' * 40} file; expected a thing file"):
        read(path)


@pytest.mark.parametrize("text", ["3", "null", '"numvae"', '["numvae"]', '{"version": 5}'])
def test_json_that_is_no_header_is_refused(path, text):
    np.savez(path.with_suffix(".npz"), header=np.frombuffer(text.encode(), np.uint8))
    with pytest.raises(ValueError, match="it has no numvae header"):
        read(path.with_suffix(".npz"))


def test_a_header_of_format_1_is_brought_to_this_one_first(path):
    npz.write(path, "thing", {"version": 1, "old": 3}, ARRAYS)
    checked = []
    header, _ = read(
        path, "thing", lambda h, n: checked.append(h) or EXPECTED, lambda h: {"new": h}
    )
    assert header["new"]["old"] == 3 and checked == [header]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError("a"), "it has no 'a'."),
        (MemoryError(), "MemoryError."),
        (RecursionError("two\nlines"), "two lines."),
        (OSError(), "OSError."),
        (ValueError("with an end."), "with an end."),
        (ValueError("or a question?"), "or a question?"),
    ],
    ids=repr,
)
def test_whatever_goes_wrong_inside_becomes_one_sentence(path, error, says):
    def fail(header, n_arrays):
        raise error

    with pytest.raises(ValueError) as caught:
        read(path, expected=fail)
    assert str(caught.value) == f"{path} is not a whole numvae thing file: {says}"
    assert caught.value.__cause__ is None


# Damage.


def contents(path):
    """All that a file says: parameters, settings, history and what is beside them."""
    run, about = checkpoint.load(path, "model")
    position = [getattr(run, name) for name in POSITION]
    plain = run.model.config, run.settings.plain(), run.seed, position, about
    return run.model.parameters.vector.tobytes(), json.dumps(plain)


def refused(path, saved, damaged):
    """How many of the damaged files are refused; the others must be read as the saved one."""
    path.write_bytes(saved)
    whole, refused = contents(path), 0
    for content in damaged:
        path.write_bytes(content)
        try:
            loaded = contents(path)
        except ValueError as error:
            refused += 1
            assert re.search(rf"^{path} [^\n]*[^.?][.?]$", str(error))
        else:
            assert loaded == whole
        assert path.read_bytes() == content
    return refused


@pytest.mark.filterwarnings("default")  # as users have it: a warning is not what saves us
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_single_bytes_changed_never_give_something_else(tmp_path, saved, seed):
    rng, damaged = np.random.default_rng(seed), []
    for position in rng.choice(len(saved), 200, replace=False):
        content = bytearray(saved)
        content[position] ^= rng.integers(1, 256) if seed else 1 << rng.integers(8)  # or one bit
        damaged.append(bytes(content))
    assert refused(tmp_path / "vae.npz", saved, damaged) > 100


def test_two_hundred_truncations_are_all_refused(tmp_path, saved):
    rng = np.random.default_rng(0)
    ends = {0, 1, len(saved) - 1, *rng.choice(len(saved), 197, replace=False)}
    assert refused(tmp_path / "vae.npz", saved, [saved[:end] for end in ends]) == len(ends)


def test_bytes_in_front_or_behind_change_nothing_or_are_refused(tmp_path, saved):
    refused(tmp_path / "vae.npz", saved, [saved + b"more", b"more" + saved, saved + saved])


# Writing.


@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_an_estimator_is_saved_whole_or_not_at_all(tmp_path, monkeypatch, when):
    def fail(*_):
        raise OSError("disk full")

    X = np.eye(4)
    vae, path = VAE(hidden=(3,), epochs=1, random_state=0).fit(X), tmp_path / "vae.npz"
    vae.save(path)
    before = path.read_bytes()
    vae.partial_fit(X)
    monkeypatch.setattr(files.os, when, fail)
    with pytest.raises(OSError, match="disk full"):
        vae.save(path)
    assert os.listdir(tmp_path) == ["vae.npz"] and path.read_bytes() == before
    monkeypatch.undo()
    vae.save(path)
    assert load(path).n_iter_ == 2 and os.listdir(tmp_path) == ["vae.npz"]


def test_what_json_cannot_hold_is_refused_before_the_file_is_touched(path):
    before = path.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        npz.write(path, "thing", {"x": np.zeros(3)}, {})
    assert path.read_bytes() == before and os.listdir(path.parent) == ["small"]
