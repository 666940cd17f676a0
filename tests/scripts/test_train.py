import re
from pathlib import Path

import numpy as np
import pytest
import train
from numpy.testing import assert_array_equal

from numvae.datasets import load
from numvae.training.checkpoint import load_model
from numvae.training.history import load_history
from numvae.training.loop import evaluate

TINY = ["--epochs", "2", "--hidden", "16", "--quiet"]
FILES = {"model.npz", "history.csv", "report.txt"}
IMAGES = {"curves.png", "latent.png", "reconstructions.png", "samples.png", "manifold.png"}


@pytest.fixture
def rows():
    """The name of a file of gray rows in the working folder."""
    np.save("rows.npy", np.random.default_rng(0).random((60, 5)))
    return "rows.npy"


@pytest.fixture
def undrawn(monkeypatch):
    """Runs without their pictures, which take most of the time."""
    monkeypatch.setattr(train.runs, "pictures", lambda *_: ())


def run(*argv):
    assert train.main([*TINY, *map(str, argv)]) == 0


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def test_no_flag_but_how_long_leaves_a_whole_folder(capsys):
    assert train.main(["--epochs", "2", "--validation", "20", "--hidden", "16"]) == 0
    folder = Path("runs/faces-1")
    assert names(folder) >= FILES | IMAGES
    assert not any(name.startswith(".") or name.endswith(".tmp") for name in names(folder))
    assert all((folder / name).stat().st_size > 1000 for name in names(folder) if ".png" in name)
    output, errors = capsys.readouterr()
    assert errors == ""
    assert all(line in output for line in (folder / "report.txt").read_text("utf-8").splitlines())
    assert "epoch 2/2" in output and str(folder) in output

    model, about = load_model(folder / "model.npz")
    data = load("faces", validation=20)
    history = load_history(folder / "history.csv")
    assert [row["epoch"] for row in history] == [1, 2]
    nll, kl = evaluate(model, data.X_valid, seed=0)
    assert -(nll + kl).mean() == pytest.approx(max(row["valid_elbo"] for row in history))
    assert tuple(about["shape"]) == (28, 20) and about["seed"] == 0


def test_runs_are_numbered_and_quiet_is_quiet(rows, capsys):
    for number in (1, 2):
        run("--data", rows)
        assert names(f"runs/rows-{number}") >= FILES
    assert names("runs") == {"rows-1", "rows-2"}
    assert capsys.readouterr() == ("", "")


def test_the_seed_decides_every_bit(rows, undrawn):
    for out, seed in (("a", 5), ("b", 5), ("c", 6)):
        run("--data", rows, "--out", out, "--seed", seed)
    model, again, other = (load_model(f"{out}/model.npz")[0] for out in "abc")
    assert model.parameters.vector.tobytes() == again.parameters.vector.tobytes()
    assert (model.parameters.vector != other.parameters.vector).any()
    for name in ("history.csv", "report.txt"):
        a, b, c = (Path(out, name).read_bytes() for out in "abc")
        assert a == b != c


def test_settings_reach_the_model_and_the_run(rows, undrawn):
    run(
        *("--data", rows, "--out", "a", "--latent", 3, "--hidden", "7,4", "--activation", "elu"),
        *("--likelihood", "gaussian-fixed", "--sigma", 0.3, "--sigma-min", 0.05, "--beta", 0),
        *("--optimizer", "sgd", "--lr", 1e-30, "--init-sigma", 0.01, "--samples", 2),
        *("--epochs", 3, "--batch-size", 7, "--validation", 10),
    )
    model, _ = load_model("a/model.npz")
    wanted = {"n_features": 5, "n_latent": 3, "activation": "elu", "sigma": 0.3, "sigma_min": 0.05}
    assert wanted.items() <= model.config.items()
    assert tuple(model.config["hidden"]) == (7, 4)
    assert model.config["likelihood"] == "gaussian-fixed"
    weights = model.parameters.values["encoder.0.W"]  # a learning rate of nothing leaves the start
    assert 0.003 < weights.std() < 0.03
    assert len(load_history("a/history.csv")) == 3


@pytest.mark.parametrize(
    "typed",
    [
        "--hidden none",
        "--latent 1",
        "--validation 0",
        "--validation 59 --batch-size 1000",
        "--binarize dynamic",
        "--likelihood continuous-bernoulli",
        "--beta 0.0",
        "--beta 0.00",
        "--beta 0e0",
    ],
)
def test_what_is_unusual_but_right_is_done(rows, undrawn, typed):
    run("--data", rows, "--out", "a", *typed.split())
    assert names("a") >= FILES


@pytest.mark.parametrize("unusual", ["--validation 0", "--validation 1", "--latent 1"])
def test_few_faces_held_out_or_a_single_latent_unit_are_enough(unusual):
    run("--epochs", 1, "--out", "a", *unusual.split())
    assert names("a") >= FILES | {"curves.png", "reconstructions.png", "samples.png"}
    assert not re.search(r"\b(nan|inf)\b", Path("a/report.txt").read_text("utf-8"))


def test_every_setting_of_the_training_makes_a_difference(rows, undrawn):
    flags = "", "--beta 3", "--samples 2", "--batch-size 7", "--optimizer sgd", "--lr 0.01"
    flags += "--schedule cosine", "--binarize dynamic", "--activation elu", "--init-sigma 0.1"
    vectors = set()
    for i, typed in enumerate(flags):
        run("--data", rows, "--likelihood", "bernoulli", "--out", i, *typed.split())
        vectors.add(load_model(f"{i}/model.npz")[0].parameters.vector.tobytes())
    assert len(vectors) == len(flags)


def test_help_lists_every_flag(capsys):
    with pytest.raises(SystemExit) as caught:
        train.main(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    for flag in ("--data", "--latent", "--likelihood", "--beta", "--seed", "--out", "faces"):
        assert flag in output


def damage():
    np.save("empty.npy", np.zeros((0, 5)))
    np.save("nan.npy", np.array([[0.0, np.nan], [0.0, 1.0]]))
    np.save("wide.npy", np.full((20, 3, 3), -2.5))
    np.save("huge.npy", np.array([[1e300, 0.0], [1.0, 2.0]]))
    Path("text.npy").write_text("1,2,3\n")
    Path("cut.npy").write_bytes(Path("rows.npy").read_bytes()[:-1])
    Path("zip.npy").write_bytes(b"PK\x03\x04")
    Path("folder.npy").mkdir()
    Path("mnist").mkdir()
    Path("mnist/train-images-idx3-ubyte").write_bytes(b"damaged")
    Path("there").mkdir()
    Path("there/keep").write_text("mine")


BAD = [
    ("--data facse", "facse"),
    ("--data ''", ""),
    ("--data no.npy", "no.npy"),
    ("--data frey", "frey_rawface.mat"),
    ("--data mnist --data-dir .", "train-images-idx3-ubyte is damaged"),
    ("--data mnist --data-dir nowhere", "train-images-idx3-ubyte.gz was not found"),
    ("--data empty.npy", "empty.npy"),
    ("--data nan.npy", "nan.npy"),
    ("--data huge.npy", "huge.npy"),
    ("--data text.npy", "text.npy"),
    ("--data cut.npy", "cut.npy"),
    ("--data zip.npy", "zip.npy"),
    ("--data folder.npy", "folder.npy"),
    ("--data wide.npy --likelihood bernoulli", "-2.5"),
    ("--data wide.npy --likelihood continuous-bernoulli", "-2.5"),
    ("--data wide.npy --binarize dynamic", "-2.5"),
    ("--data rows.npy --binarize dynamic --likelihood gaussian", "gaussian"),
    ("--data rows.npy --validation 60", "60"),
    ("--data rows.npy --out there", "there exists already"),
    ("--data rows.npy --out there/keep", "there/keep exists already"),
    ("--data rows.npy --out there/keep/more", "there/keep/more"),
    ("--binarize always", "always"),
    ("--likelihood poisson", "poisson"),
    ("--activation step", "step"),
    ("--optimizer lbfgs", "lbfgs"),
    ("--latent 0", "latent"),
    ("--latent 2.5", "2.5"),
    ("--epochs -3", "-3"),
    ("--epochs 0", "epochs"),
    ("--batch-size 0", "batch-size"),
    ("--samples 0", "samples"),
    ("--validation -1", "-1"),
    ("--seed -1", "-1"),
    ("--seed x", "seed"),
    ("--lr fast", "fast"),
    ("--lr nan", "nan"),
    ("--lr inf", "inf"),
    ("--lr 0", "lr"),
    ("--beta -1", "beta"),
    ("--beta nan", "nan"),
    ("--sigma 0", "sigma"),
    ("--sigma-min -1", "sigma-min"),
    ("--init-sigma nan", "init-sigma"),
    ("--hidden 0", "hidden"),
    ("--hidden a", "'a'"),
    ("--hidden 16,", "hidden"),
    ("--hidden 16,-4", "-4"),
    ("--unknown", "--unknown"),
    ("more", "more"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(rows, typed, culprit, capsys):
    damage()
    before = sorted(Path().rglob("*"))
    with pytest.raises(SystemExit) as caught:
        train.main([*TINY, *("" if word == "''" else word for word in typed.split())])
    assert caught.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.count("\n") == 1 and errors.endswith("\n") and culprit in errors
    assert not re.search(r"Traceback|usage:", errors)
    assert sorted(Path().rglob("*")) == before
    assert Path("there/keep").read_text() == "mine"


# Going on with a run.


@pytest.mark.parametrize("every", [1, 10])
def test_a_run_resumed_is_the_run_that_was_not_put_down(rows, undrawn, every):
    flags = ["--data", rows, "--checkpoint-every", every, "--binarize", "dynamic"]
    run(*flags, "--out", "whole", "--epochs", 4)
    run(*flags, "--out", "parts", "--epochs", 2)
    assert train.main(["--resume", "parts", "--epochs", "4", "--quiet"]) == 0
    assert names("parts") == names("whole")
    for name in ("history.csv", "report.txt"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()
    whole, parts = (load_model(f"{folder}/model.npz")[0] for folder in ("whole", "parts"))
    assert_array_equal(whole.parameters.vector, parts.parameters.vector)


@pytest.mark.parametrize("flags", [["--latent", "3"], ["--lr", "1"], ["--out", "b"]], ids=" ".join)
def test_a_run_resumed_keeps_its_settings(rows, undrawn, flags, capsys):
    run("--data", rows, "--out", "a", "--epochs", 1)
    before = Path("a/checkpoint.npz").read_bytes()
    with pytest.raises(SystemExit) as caught:
        train.main(["--resume", "a", *flags])
    assert caught.value.code == 2
    assert flags[0] in capsys.readouterr().err
    assert Path("a/checkpoint.npz").read_bytes() == before and not Path("b").exists()


@pytest.mark.parametrize("folder", ["nowhere", "empty", "file"])
def test_where_there_is_no_run_there_is_nothing_to_resume(folder, capsys):
    Path("empty").mkdir()
    Path("file").touch()
    with pytest.raises(SystemExit) as caught:
        train.main(["--resume", folder])
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and folder in errors
    assert names(".") == {"empty", "file"} and names("empty") == set()


@pytest.mark.parametrize("damaged", [b"", b"text", "half"], ids=str)
def test_a_damaged_checkpoint_is_answered_with_one_line(rows, undrawn, damaged, capsys):
    run("--data", rows, "--out", "a", "--epochs", 1)
    path = Path("a/checkpoint.npz")
    path.write_bytes(path.read_bytes()[:1000] if damaged == "half" else damaged)
    with pytest.raises(SystemExit) as caught:
        train.main(["--resume", "a"])
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and str(path) in errors


def test_other_data_are_refused_at_resume(rows, undrawn, capsys):
    run("--data", rows, "--out", "a", "--epochs", 1)
    np.save("rows.npy", np.zeros((61, 5)))
    with pytest.raises(SystemExit) as caught:
        train.main(["--resume", "a", "--epochs", "3"])
    assert caught.value.code == 2
    assert "rows.npy" in capsys.readouterr().err


def test_a_run_that_diverges_says_so_and_keeps_what_it_had(rows, capsys):
    np.save("large.npy", 1e14 * np.random.default_rng(0).random((60, 5)))
    with pytest.raises(SystemExit) as caught:
        train.main([*TINY, "--data", "large.npy", "--out", "a", "--lr", "1e30"])
    assert caught.value.code == 1
    errors = capsys.readouterr().err
    assert "diverged in epoch" in errors and "Traceback" not in errors
    assert "checkpoint.npz" in names("a")


def test_data_of_another_width_are_refused_at_resume(rows, capsys):
    np.save("mine.npy", np.random.default_rng(0).random((60, 5)))
    assert train.main([*TINY, "--data", "mine.npy", "--out", "b"]) == 0
    np.save("mine.npy", np.random.default_rng(0).random((60, 6)))
    with pytest.raises(SystemExit) as caught:
        train.main(["--resume", "b", "--epochs", "9"])
    assert caught.value.code == 2
    assert "now has 6 numbers per example, the run in b had 5" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence(rows, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(train.runs, "save_training", full)
    with pytest.raises(SystemExit) as caught:
        train.main([*TINY, "--out", "a"])
    assert caught.value.code == 1
    assert "No space left on device" in capsys.readouterr().err
