"""What the script says of the data it is given."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from numvae import runs
from numvae.commands import evaluate, explore, train
from numvae.datasets import download, mnist
from numvae.training import checkpoint


@pytest.fixture(autouse=True)
def data(elsewhere, monkeypatch):
    """Good and bad data in the working folder, and no network."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(mnist.MIRRORS, "mnist", ("http://127.0.0.1:9/",))  # nothing listens there
    rng = np.random.default_rng(0)
    folders = {"gray": (6, 5), "colour": (6, 5, 3), "mixed": (6, 5), "bad": (6, 5), "none": ()}
    for folder, shape in folders.items():
        Path(folder).mkdir()
        for i in range(24 if shape else 0):
            image = Image.fromarray(rng.integers(0, 256, shape, np.uint8))
            if folder == "mixed" and i == 9:
                image = image.resize((7, 7))
            image.save(f"{folder}/{i:02}.png")
    Path("bad/07.png").write_bytes(b"text")
    np.savez("labelled.npz", X=rng.random((20, 3)), y=np.arange(20) % 2)
    np.savez("two.npz", a=np.eye(3), b=np.eye(4))
    np.save("object.npy", np.array([[None]]), allow_pickle=True)
    savemat("text.mat", {"names": "some text"})
    savemat("two.mat", {"a": rng.random((20, 3)), "b": np.eye(4)})
    Path("ragged.csv").write_text("1,2\n3\n")
    Path("text.csv").write_text("a,b\n" + "1,3\n2,4\n" * 9 + "2,x\n")
    Path("gaps.csv").write_text("a,b\n" + "1.5,\n,2\n,3\n2.5,1\n" * 20)
    Path("bad.idx").write_bytes(b"\0\0\x0d\1")
    Path("empty.csv").touch()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("none", "There is no image in none"),
        ("mixed", "--resize 6x5"),
        ("two.npz", "two.npz:a"),
        ("two.mat:c", "named 'c'"),
        ("object.npy", "object.npy"),
        ("text.mat", "no array of numbers"),
        ("ragged.csv", "row 2"),
        ("text.csv", "'x' in row 20 of column b, where 18 of 19 are numbers; correct it"),
        ("gaps.csv --columns c:ignore", "There is no column c to be ignore; there are a, b."),
        ("gaps.csv --columns a:categorial", "categorial"),
        ("faces --columns a:ignore", "for tables with named columns; faces is none"),
        ("faces --na x", "--columns and --na are for tables with named columns; faces is none."),
        ("empty.csv", "empty"),
        ("bad.idx", "not an idx file"),
        ("gray --resize 6", "whole number"),
        ("gray --resize 6x0", "at least 1"),
        ("faces --resize 6x6", "Only a folder"),
        ("mnist", "Add --download"),
        ("gray --skip-bad --resize 6", "whole number"),
        ("bad", "bad/07.png is not a readable image"),
        ("bad/00.png", "bad/00.png is one image file; give the folder that it lies in"),
        ("mine.pkl", "mine.pkl is a pickle, which can run any program while it is read"),
        ("two.npz:a --skip-bad", "Only of a folder can bad images be left out"),
        ("mnist --download", "could not be fetched from http://127.0.0.1:9/train-images"),
    ],
)
def test_bad_data_are_answered_with_one_line(typed, says, refused):
    assert says in refused(train.main, "--epochs", "1", "--data", *typed.split())
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("gray", "gray: 24 images of 6 × 5 numbers; gray; uint8 from "),
        ("colour/", "colour/: 24 images of 6 × 5 × 3 numbers; colour; uint8 from "),
        ("mixed --resize 4x4", "24 images of 4 × 4"),
        ("two.mat:a", "20 rows of 3 numbers; array a; float64"),
        ("gaps.csv", "gaps.csv: 80 rows of 2 columns:"),
        (
            "bad --skip-bad",
            "bad: 23 images of 6 × 5 numbers; gray; 1 that cannot be read left out: ",
        ),
        ("labelled.npz", "20 rows of 3 numbers; array X; labels y (2 classes); "),
    ],
)
def test_what_was_found_is_said_in_the_first_line(typed, says, undrawn, capsys):
    flags = ["--epochs", "1", "--hidden", "4", "--out", "a", "--data"]
    assert train.main([*flags, *typed.split()]) == 0
    assert says in capsys.readouterr().out.splitlines()[0]
    assert Path("a/model.npz").exists()


@pytest.mark.parametrize("part", ["X", "X_valid"])
def test_a_hole_in_any_row_of_a_table_is_missing_for_the_model(part):
    def begun(lines):
        Path("table.csv").write_text("\n".join(["a,b", *lines]), "utf-8")
        run, data = train.new_run(train.parser().parse_args(["--data", "table.csv"]))
        return run.training.settings.missing, data

    lines = [f"{i}.5,{i % 7}.25" for i in range(40)]
    missing, data = begun(lines)
    row = int(getattr(data, part)[0, 0])
    lines[row] = f"{row}.5,"
    assert not missing and begun(lines)[0]


def test_a_run_remembers_that_bad_files_are_left_out(undrawn, refused):
    flags = ["--epochs", "1", "--hidden", "4", "--out", "a", "--quiet", "--data"]
    assert train.main([*flags, "bad", "--skip-bad"]) == 0
    run = runs.load("a")
    assert run.about["data"]["skip_bad"] and len(run.training_data().X) == 21
    assert len(run.examples()[0]) == 23 and len(run.examples("gray")[0]) == 24
    assert train.main(["--resume", "a", "--epochs", "2", "--quiet"]) == 0
    Path("bad").rename("moved")
    assert "is not there any more; if it has moved" in refused(train.main, "--resume", "a")
    assert train.main(["--resume", "a", "--data", "moved", "--quiet"]) == 0


def test_labels_beside_the_data_are_in_the_report_and_on_the_page(undrawn, capsys):
    flags = ["--epochs", "1", "--hidden", "4", "--out", "a", "--validation", "5", "--data"]
    assert train.main([*flags, "labelled.npz"]) == 0
    assert re.search(r"^  y  +[\d.]+% of held-out examples class", capsys.readouterr().out, re.M)
    assert explore.main(["a", "--html", "a.html"]) == 0
    assert '"name": "y"' in Path("a.html").read_text("utf-8")


def test_images_in_other_units_keep_their_scale_and_their_limits(undrawn):
    deep = np.random.default_rng(0).integers(0, 4096, (30, 6, 5))
    np.save("deep.npy", deep.astype("u2"))
    np.save("signed.npy", deep - 1000.0)
    for name, scale, limits in (("deep", 4095, (0, 1)), ("signed", 1, (-1000, 3095))):
        flags = ["--epochs", "1", "--hidden", "4", "--quiet", "--out", name]
        assert train.main([*flags, "--data", f"{name}.npy"]) == 0
        run = runs.load(name)
        assert run.about["data"]["scale"] == scale
        assert run.limits == pytest.approx(limits, abs=9)
    np.save("dark.npy", deep.astype("u2") // 64)
    X, *_ = runs.load("deep").examples("dark.npy")
    np.testing.assert_allclose(X, (deep // 64).reshape(30, -1) / 4095, rtol=1e-6)


def test_counts_in_bytes_are_not_divided_by_255(undrawn, capsys):
    X = np.random.default_rng(0).poisson(3.0, (40, 5)).astype("u1")
    np.save("counts.npy", X)
    flags = ["--data", "counts.npy", "--epochs", "1", "--hidden", "4", "--out"]
    assert train.main([*flags, "a", "--likelihood", "poisson:4,gaussian:1"]) == 0
    assert "divided" not in capsys.readouterr().out.splitlines()[0]
    np.testing.assert_array_equal(runs.load("a").examples()[0], X)
    assert train.main([*flags, "b"]) == 0
    assert "divided by 255" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("name", ["fifo.npy", "fifo.csv", "fifo.npz:a"])
def test_a_fifo_is_refused_at_once(name, refused):
    os.mkfifo(name.partition(":")[0])
    assert "is a FIFO; expected a file" in refused(train.main, "--data", name)


def test_a_file_does_not_decide_that_the_network_is_used(monkeypatch, undrawn, capsys):
    """Whatever a run says of its data: only --download of this command fetches anything."""
    np.save("mine.npy", np.random.default_rng(0).random((30, 28, 28)))
    assert train.main(["--epochs", "1", "--hidden", "4", "--out", "a", "--data", "mine.npy"]) == 0
    for file, kind in (("checkpoint.npz", "checkpoint"), ("model.npz", "model")):
        training, about = checkpoint.load(f"a/{file}", kind)
        about["data"]["name"] = "mnist"  # "download": True would be refused
        checkpoint.save(training, f"a/{file}", kind, about)

    def never(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(download, "_read", never)
    for main, *argv in (
        (train.main, "--resume", "a"),
        (evaluate.main, "report", "a", "--out", "b"),
        (evaluate.main, "score", "a", "--out", "b.csv"),
        (explore.main, "a", "--html", "b.html"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 2
        assert "Add --download" in capsys.readouterr().err
    with pytest.raises(AssertionError, match="the network was touched"):
        train.main(["--resume", "a", "--download"])
