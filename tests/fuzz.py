"""Do files that lie end in a sentence? `python tests/fuzz.py [--seconds S]` changes the headers and
the archives of models and checkpoints at random and loads each as a user would. Either it is
refused, by a ValueError or FileNotFoundError of one sentence, or it is whole: it is measured, drawn
from, trained for one more epoch and written again. Any other exception, a warning, NaN, or more
than 64 MB of memory is a failure, and is printed with what was changed.

Every case has a number, which is the seed of all that is drawn for it.
"""

import argparse
import contextlib
import copy
import io
import json
import math
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

import numvae
from numvae import runs
from numvae.estimator import fitted
from numvae.evaluation import aggregate
from numvae.settings import Settings
from numvae.tables.columns import Column, Columns, Table
from numvae.training import checkpoint
from numvae.training.loop import Training
from numvae.training.watchdog import Diverged

HERE = Path(__file__).resolve().parent
LIMIT = 2**26  # bytes that a file of a few thousand may take
DEEP = "nested 100,000 deep"  # stands for what json.dumps cannot write

# Files that tell the truth.

BLOCKS = "gaussian:2,bernoulli:1,categorical:3"
SETTINGS = [
    {"missing": True, "epochs": 3},
    {"likelihood": BLOCKS, "hidden": (4, 3), "activation": "elu,tanh", "optimizer": "adagrad"},
    {"likelihood": "bernoulli", "hidden": (), "binarize": "dynamic", "optimizer": "sgd"},
    {"likelihood": "gaussian", "skip": False, "dropout": 0.2, "denoise": ("gaussian", 0.1)},
    {"likelihood": "continuous-bernoulli", "objective": "iwae", "n_samples": 2, "epochs": 3},
    {"likelihood": "gaussian:3,categorical:3"},
]


def originals():
    """The bytes of some models and checkpoints, dict of kind → list; and of their histories."""
    rng, files, histories = np.random.default_rng(0), {"model": [], "checkpoint": []}, []
    for i, settings in enumerate(SETTINGS):
        s = Settings(**{"n_latent": 2, "hidden": (4,), "batch_size": 10, **settings}).checked()
        X = rng.random((40, 6), dtype="f4" if i % 2 else "f8")
        X[:, 3:] = X[:, 3:] == X[:, 3:].max(axis=1, keepdims=True)
        training = Training.new(s, X[:25], 7)
        training.run(X[:25], X[25:], 2)
        next(training.steps(X[:25]))
        data = {"name": "x.npy", "data_dir": None, "validation": 15, "resize": None}
        data |= {"random_split": False, "scale": 1, "n_train": 25, "shape": [2, 3]}
        data |= {"skip_bad": False, "digest": "0123456789abcdef"}
        reference = {"samples": s.n_importance, "log_p": [-1.5, -math.inf], "held_out": True}
        about = {"seconds": 1.5, "data": data, "reference": reference}
        if i in (0, 2, 4, 5):
            about = {"columns": columns(s.likelihood)}
        training.mixture = aggregate.fit(training, X[:25]) if i % 2 else None
        for kind, some in files.items():
            with tempfile.TemporaryDirectory() as folder:
                checkpoint.save(training, Path(folder) / "x", kind, about)
                some.append((Path(folder) / "x").read_bytes())
                if kind == "checkpoint":
                    histories.append((Path(folder) / "history.csv").read_bytes())
    for path in sorted(HERE.glob("training/format_*/*.npz")):
        if path.name != "expected.npz":
            files["checkpoint" if path.name == "checkpoint.npz" else "model"].append(
                path.read_bytes()
            )
    return files, histories


def columns(likelihood):
    """The columns, plain, of a table of six numbers with this likelihood, or of levels."""
    some = [Column(name, "number") for name in "abcdef"]
    if likelihood == "gaussian:3,categorical:3":
        some = [Column("a", "gaussian", None, 2, "{} g"), Column("b", "gaussian", form="%Y-%m-%d")]
        some += [Column("c", "gaussian")]
        some += [
            Column("d", "categorical", ["x", 2, True]),
            Column("e", "id"),
            Column("f", "ignore"),
        ]
        return Columns([*some, Column("g", "constant", [1.5])], "gaussian").plain()
    return Columns(some, likelihood).plain()


def members(content):
    """name → bytes of the members of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(pairs, compression=zipfile.ZIP_STORED):
    """The bytes of a zip of (name, bytes), whatever the names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, member in pairs:
            archive.writestr(name, member)
    return content.getvalue()


def npy(array, version=(1, 0), **changes):
    """The bytes of a .npy file, of which the header may say something else."""
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version)
    if not changes:
        return content.getvalue()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **changes}
    text = (repr(header) + "\n").encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + array.tobytes()


# Lies.

VALUES = [None, True, False, 0, 1, -1, 2, 3, 4, 5, 7, 25, 100, 2**31, 2**53, 2**63, 2**64, 10**12]
VALUES += [10**18, 10**300, 10**400, 0.0, -0.0, 0.5, 1.0, -1.5, 5e-324, 1e-160, 1e-40, 1e40, 1e308]
VALUES += [float("nan"), float("inf"), -float("inf"), "", "a", "1", "\x1b[31mred", "\ud800", "\0"]
VALUES += ["é" * 50, "tanh", "bernoulli", "gaussian:6", "gaussian:5", BLOCKS, "float16", ">f4", "O"]
VALUES += [[], [None], [0], [1], [1.0], [-1], [6], [2, 3], [2, 2], ["a"], list("abcdef"), [[1]], {}]
VALUES += [{"a": 1}, [{}], {"epoch": 1}, ["gaussian", 0.1], ["salt_and_pepper", 2], DEEP]
HUGE = [[1] * 10**6, [10**9] * 2, *([one] * 10**5 for one in ([], {"a": 1}, "ab", 0.5))]
HUGE += ["x" * 10**7, *(",".join([name] * 10**5) for name in ("gaussian:1", "tanh", "x", "\x1b"))]
HOW = ["value"] * 6 + ["near"] * 6 + ["other", "remove", "add", "rename", "huge"]


def places(value, path=()):
    """The path of every value inside a value of JSON."""
    yield path
    keys = value if isinstance(value, dict) else range(len(value) if type(value) is list else 0)
    for key in keys:
        yield from places(value[key], (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def pick(rng, options):
    return options[rng.integers(len(options))]


def near(value, rng):
    """Something like a value."""
    match value:
        case bool():
            return not value
        case int() | float():
            real = float(str(value)[:300])
            return pick(rng, [value + 1, value - 1, -value, value * 10, str(value), real, [value]])
        case str():
            return pick(rng, [f"{value} ", value.upper(), value[1:], value * 2, [value]])
        case list():
            return pick(rng, [value[1:], value[::-1], value * 2, value * 10**4, str(value)])
        case dict():
            return pick(rng, [list(value), list(value.items()), str(value), {"a": value}])
    return 0


def lie_in_header(content, rng):
    """A file whose header says something else, and what it says."""
    pairs = members(content)
    array = np.load(io.BytesIO(pairs["header.npy"]))
    header, told = json.loads(array.tobytes()), []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        everywhere = [path for path in places(header) if path]
        path = pick(rng, everywhere)
        parent, key = at(header, path[:-1]), path[-1]
        how = pick(rng, HOW)
        new = pick(rng, VALUES)
        if how == "near":
            new = near(parent[key], rng)
        elif how == "huge":
            new = pick(rng, HUGE)
        elif how == "other":
            new = copy.deepcopy(at(header, pick(rng, everywhere)))
        if how == "remove":
            del parent[key]
        elif isinstance(parent, list) and how in ("add", "rename"):
            parent.insert(key, new)
        elif how == "rename":
            parent[f"{key}s"] = parent.pop(key)
        elif how == "add":
            parent[pick(rng, ["extra", "history", "sums", "\x1b[31m"])] = new
        else:
            parent[key] = new
        told.append(f"{how} {'.'.join(map(str, path))} {repr(new)[:80]}")
        if isinstance(new, list) and len(new) > 1000:
            break
    text = json.dumps(header).replace(json.dumps(DEEP), "[" * 10**5 + "]" * 10**5).encode()
    pairs["header.npy"] = npy(np.frombuffer(text, np.uint8))
    return archived(pairs.items()), "; ".join(told)


def lie_in_archive(content, rng):
    """A file that is another archive, and how it was made."""
    how = pick(rng, [*LIES])
    return LIES[how](bytearray(content), rng), how


def flipped(content, rng):
    for position in rng.integers(len(content), size=rng.integers(1, 9)):
        content[position] ^= rng.integers(1, 256)
    return content


def flipped_in_directory(content, rng):
    """Of the list of members: their sizes, methods, flags, names, and where they begin."""
    start = content.index(b"PK\1\2")
    for position in rng.integers(start, len(content), size=rng.integers(1, 4)):
        content[position] = rng.choice([0, 1, 8, 255, rng.integers(256)])
    return content


def lost(content, rng):
    start = rng.integers(len(content))
    return content[:start] + content[start + rng.integers(1, 99) :]


def moved(content, rng):
    """Two members that begin at the same place."""
    places = [i for i in range(len(content)) if content[i : i + 4] == b"PK\1\2"]
    one, other = rng.choice(places, 2)
    content[one + 42 : one + 46] = content[other + 42 : other + 46]
    return content


def other_array(content, rng):
    """An array of another dtype, shape, order or values."""
    pairs = members(content)
    name = rng.choice([name for name in pairs if name != "header.npy"])
    array = np.load(io.BytesIO(pairs[name]))
    some = array.copy()
    some.flat[rng.integers(some.size)] = rng.choice([np.nan, np.inf, -1.0, 0.0])
    dtypes = ["f2", "f4", "f8", "i4", "?", ">f4", ">f8", "c8", "U3", "M8[s]", [("a", "f4")]]
    lies = [
        lambda: npy(array.astype(pick(rng, dtypes))),
        lambda: npy(array, descr="|O"),
        lambda: npy(np.asfortranarray(array)),
        lambda: npy(array.ravel()[None]),
        lambda: npy(array.T.copy()),
        lambda: npy(array[:-1].copy()),
        lambda: npy(array, version=(2, 0)),
        lambda: npy(array, version=(3, 0)),
        lambda: npy(array, shape=(2**40,)),
        lambda: npy(array, shape=(-1,)),
        lambda: npy(array, shape="\\d"),
        lambda: npy(array, extra=1),
        lambda: npy(array) + b"more",
        lambda: npy(array)[: rng.integers(120)],
        lambda: npy(array).replace(b"(", b"(" * 50 + b"10L, ", 1),
        lambda: npy(some),
        lambda: npy(some),
    ]
    pairs[name] = pick(rng, lies)()
    return archived(pairs.items())


def other_members(content, rng):
    """A member left out, told twice, under another name, or of another file."""
    pairs = list(members(content).items())
    i, j = rng.integers(len(pairs), size=2)
    names = [f"{pairs[i][0]}\x1b[31m", "../x.npy", "x", pairs[j][0], "header", "header.npy"]
    lies = [
        lambda: pairs[:i] + pairs[i + 1 :],
        lambda: [*pairs, pairs[i]],
        lambda: [*pairs, (pick(rng, names), pairs[j][1])],
        lambda: [*pairs[:i], (pick(rng, names), pairs[i][1]), *pairs[i + 1 :]],
        lambda: [*pairs[:i], (pairs[i][0], pairs[j][1]), *pairs[i + 1 :]],
        lambda: pairs[::-1],
        lambda: [*pairs, *((f"more.{n}.npy", b"") for n in range(30_000))],
    ]
    return archived(pick(rng, lies)())


LIES = {
    "bytes flipped": flipped,
    "bytes of the list of members flipped": flipped_in_directory,
    "two members in one place": moved,
    "an array of another kind": other_array,
    "other members": other_members,
    "truncated": lambda content, rng: content[: rng.integers(len(content))],
    "bytes lost": lost,
    "bytes before": lambda content, rng: rng.bytes(rng.integers(1, 99)) + content,
    "bytes behind": lambda content, rng: content + rng.bytes(rng.integers(1, 99)),
    "compressed": lambda content, rng: archived(members(content).items(), zipfile.ZIP_DEFLATED),
}

# Believing them.


def use_model(path):
    """Load a model's file, and use it for all that one can."""
    vae, run = numvae.load(path), runs.load(path)
    assert len(run.columns.labels) == np.prod(run.shape) == vae.network_.n_features
    vae.save(path.with_name("again.npz"))
    assert numvae.load(path.with_name("again.npz")).get_params() == vae.get_params()
    vae.n_importance = run.training.settings.n_importance = min(vae.n_importance, 10)
    of_rows = fitted(run.training, {**run.about, "columns": None})
    X = of_rows.sample(20, random_state=0)
    assert np.isfinite(X).all() and np.isfinite(of_rows.transform(X)).all()
    if run.training.mixture:
        assert np.isfinite(of_rows.sample(20, random_state=0, source="mixture")).all()
    table = run.columns.decode(X)
    assert all(len(run.columns[name].texts(values)) == 20 for name, values in table.items())
    assert not np.isnan(of_rows.score_samples(X)).any()
    if run.columns.named:
        assert run.columns.encode(Table(table)).shape == X.shape
    repr(vae), repr(vae.network_)


def use_run(folder):
    """Resume the run in a folder for one more epoch; load what it has finished."""
    with contextlib.redirect_stdout(io.StringIO()):
        runs.load(folder)
    training = runs.resume(folder).training
    training.settings.n_samples = min(training.settings.n_samples, 10)
    X = training.model.sample(
        np.random.default_rng(0), np.zeros((40, training.model.n_latent), training.model.dtype)
    )
    assert np.isfinite(X).all()
    training.run(X[:25], X[25:], training.epoch + 1)
    checkpoint.save(training, folder / "again.npz")
    checkpoint.load(folder / "again.npz")


def outcome(kind, files, folder):
    """What becomes of a lie: refused, whole or diverged, or else what went wrong.

    files   name → bytes, of which one may lie;  folder  an empty one
    """
    for name, content in files.items():
        (folder / name).write_bytes(content)
    tracemalloc.start()
    try:
        use_model(folder / "model.npz") if kind == "model" else use_run(folder)
        found = "whole"
    except Diverged:  # as settings may have it that are unwise, but no lie
        found = "diverged"
    except (ValueError, FileNotFoundError) as error:
        text = str(error)
        is_sentence = str(folder) in text and text.isprintable() and len(text) < 1000
        found = "refused" if is_sentence else f"no sentence: {text!r:.300}"
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found if peak < LIMIT else f"took {peak / 2**20:.0f} MB, and was then {found:.80}"


def fuzz(n_headers, n_archives, seconds=np.inf, seed=0):
    """The outcomes of so many lies, or as many as there is time for: Counter, list of failures."""
    (truths, histories), counts, failures = originals(), Counter(), []
    end = time.monotonic() + seconds
    total = n_headers + n_archives
    for number in range(total):
        if time.monotonic() > end:
            break
        rng = np.random.default_rng([seed, number])
        is_header = (number + 1) * n_headers // total > number * n_headers // total
        kind = pick(rng, ["model", "checkpoint"])
        which = rng.integers(len(truths[kind]))
        files = {"model.npz": truths["model"][which % len(SETTINGS)]}
        files |= {f"{kind}.npz": truths[kind][which]}
        if kind == "checkpoint" and which < len(histories):
            files["history.csv"] = histories[which]
        if not is_header and rng.random() < 0.1 and "history.csv" in files:
            told = pick(rng, ["bytes flipped", "truncated", "bytes lost", "bytes before"])
            files["history.csv"] = LIES[told](bytearray(files["history.csv"]), rng)
        else:
            lie = lie_in_header if is_header else lie_in_archive
            files[f"{kind}.npz"], told = lie(truths[kind][which], rng)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error")
            found = outcome(kind, files, Path(folder))
        what = "headers" if is_header else "archives"
        if found not in ("refused", "whole", "diverged"):
            failures.append(f"case {number}, {kind} {which}: {told}\n    {found}")
            found = "failed"
        counts[what, found] += 1
    return counts, failures


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--headers", type=int, default=10_000, metavar="N")
    p.add_argument("--archives", type=int, default=2_000, metavar="N")
    p.add_argument("--seconds", type=float, default=np.inf, help="stop after so many")
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    counts, failures = fuzz(args.headers, args.archives, args.seconds, args.seed)
    print("\n".join(failures))
    for (what, found), n in sorted(counts.items()):
        print(f"{what:<9} {found:<9}{n:7,}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
