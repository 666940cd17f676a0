import re
from pathlib import Path

import numpy as np
import pytest
from helpers import load_history
from numpy.testing import assert_array_equal

from numvae import VAE, datasets, load, parallel, runs
from numvae.cli import invoked
from numvae.commands import train
from numvae.datasets import Dataset
from numvae.files import LOCK
from numvae.parallel import OneProcess
from numvae.training.loop import Training

FILES = {"model.npz", "history.csv", "report.txt"}
IMAGES = {"curves.png", "latent.png", "reconstructions.png", "samples.png", "manifold.png"}


@pytest.fixture
def rows():
    """The name of a file of gray rows in the working folder."""
    np.save("rows.npy", np.random.default_rng(0).random((60, 5)))
    return "rows.npy"


def run(*argv):
    flags = ["--epochs", "2", "--hidden", "16", "--quiet"]
    assert train.main([*flags, *map(str, argv)]) == 0


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def parameters(run):
    return runs.load(run).model.parameters.vector


def test_no_flag_but_how_long_leaves_a_whole_folder(capsys):
    assert train.main(["--epochs", "2", "--validation", "20", "--hidden", "16"]) == 0
    folder = Path("runs/faces-1")
    assert not (folder / LOCK).exists()
    assert names(folder) >= FILES | IMAGES
    assert not any(name.startswith(".") or name.endswith(".tmp") for name in names(folder))
    assert all((folder / name).stat().st_size > 1000 for name in names(folder) if ".png" in name)
    output, errors = capsys.readouterr()
    assert errors == ""
    assert all(line in output for line in (folder / "report.txt").read_text("utf-8").splitlines())
    assert "epoch 2/2" in output and "\nTraining to epoch 2, seed 0:\n" in output
    assert output.endswith(f"\nIn {folder}: {', '.join(sorted(names(folder)))}\n")

    found = runs.load(folder)
    data = found.training_data()
    history = load_history(folder / "history.csv")
    assert [row["epoch"] for row in history] == [1, 2] and len(data.X_valid) == 20
    nll, kl = found.training.evaluate(data.X_valid)
    assert -(nll + kl).mean() == pytest.approx(max(row["valid_elbo"] for row in history))
    assert found.shape == (28, 20) and found.training.seed == 0


def test_runs_are_numbered_and_quiet_is_quiet(rows, undrawn, capsys):
    for number in (1, 2):
        run("--data", rows)
        assert names(f"runs/rows-{number}") >= FILES
    assert names("runs") == {"rows-1", "rows-2"}
    assert capsys.readouterr() == ("", "")


def test_the_seed_decides_every_bit(rows, undrawn):
    for out, seed in (("a", 5), ("b", 5), ("c", 6)):
        run("--data", rows, "--out", out, "--seed", seed)
    assert parameters("a").tobytes() == parameters("b").tobytes()
    assert (parameters("a") != parameters("c")).any()
    for name in ("history.csv", "report.txt"):
        a, b, c = (Path(out, name).read_bytes() for out in "abc")
        assert a == b != c


def test_settings_reach_the_model_and_the_run(rows, undrawn):
    run(
        *("--data", rows, "--out", "a", "--latent", 3, "--hidden", "7,4", "--activation", "elu"),
        *("--likelihood", "gaussian-fixed", "--sigma", 0.3, "--sigma-min", 0.05, "--beta", 0),
        *("--optimizer", "sgd", "--lr", 1e-30, "--init-sigma", 0.01, "--samples", 2),
        *("--epochs", 3, "--batch-size", 7, "--validation", 10, "--denoise", "gaussian:0.2"),
        *("--schedule", "cosine", "--clip", 5, "--warmup", 1, "--dropout", 0.1, "--missing"),
        *("--free-bits", 0.2, "--seed", 4),
    )
    found = runs.load("a")
    assert repr(load("a")) == (
        "VAE(n_latent=3, hidden=(7, 4), activation='elu', likelihood='gaussian-fixed', sigma=0.3, "
        "sigma_min=0.05, dropout=0.1, init_sigma=0.01, epochs=3, batch_size=7, optimizer='sgd', "
        "lr=1e-30, clip=5.0, n_samples=2, beta=0.0, warmup=1, free_bits=0.2, "
        "denoise=('gaussian', 0.2), missing=True, random_state=4)"
    )
    wanted = {"n_features": 5, "n_latent": 3, "activation": "elu", "sigma": 0.3, "sigma_min": 0.05}
    wanted |= {"hidden": (7, 4), "likelihood": "gaussian-fixed"}
    assert wanted.items() <= found.model.config.items()
    weights = found.model.parameters.values["encoder.0.W"]
    assert 0.003 < weights.std() < 0.03  # a learning rate of nothing leaves the start
    for path in ("a", "a/model.npz"):
        vae = load(path)
        assert repr(vae) == repr(load("a")) and vae.history_ == load_history("a/history.csv")
        assert vae.n_iter_ == len(vae.history_) == 3 and vae.n_features_in_ == 5
        vae.save("again.npz")
        assert load("again.npz").get_params() == vae.get_params()
        for again in (vae, load("again.npz")):
            assert_array_equal(again.network_.parameters.vector, found.model.parameters.vector)
        X = np.load(rows)
        assert vae.transform(X).shape == (60, 3) and np.isfinite(vae.score(X))


@pytest.mark.parametrize(
    "typed",
    [
        "--likelihood gaussian",
        "--likelihood bernoulli --binarize fixed",
        "--likelihood bernoulli --binarize dynamic --missing",
        "--likelihood gaussian --beta 4 --samples 2 --objective iwae --schedule cosine --clip 1",
        "--likelihood gaussian --optimizer sgd --warmup 2 --free-bits 0.1 --denoise gaussian:0.5",
        "--likelihood gaussian --init-sigma 0.05 --lr 0.01 --batch-size 7 --dropout 0.2",
    ],
)
def test_the_script_and_the_estimator_end_at_the_same_bits(undrawn, typed):
    X = np.random.default_rng(0).random((60, 5), "f4")
    if "missing" in typed:
        X[::3, 1] = np.nan
    np.save("rows.npy", X)
    flags = [*typed.split(), "--epochs", "2", "--seed", "5"]
    run("--data", "rows.npy", "--validation", 0, "--out", "a", "--hidden", 128, *flags)
    given = vars(train.parser().parse_args(flags))
    given = {name: given.get(name) for name in VAE().get_params()}
    given = {name: value for name, value in given.items() if value is not None}
    vae = VAE(**given, validation_fraction=0.0).fit(X)
    assert parameters("a").tobytes() == vae.network_.parameters.vector.tobytes()
    assert load("a").history_ == vae.history_


def test_a_table_without_held_out_rows_stays_at_its_start_which_is_said(rows, capsys):
    assert train.main(["--data", rows, "--validation", "0", "--out", "a"]) == 0
    assert "is their factor analysis, as it began" in capsys.readouterr().out
    assert names("a") >= {"model.npz", "report.txt", "network.png", "reconstructions.png"}
    vae = load("a")
    assert (vae.n_iter_, vae.history_) == (0, [])
    with pytest.warns(UserWarning, match="as it began"):
        twin = VAE(validation_fraction=0.0, random_state=0).fit(np.load(rows))
    assert_array_equal(twin.network_.parameters.vector, parameters("a"))


def test_the_least_of_everything_may_be_asked_for():
    assert train.height_and_width("1x1") == (1, 1)
    args = train.parser().parse_args(["--checkpoint-every", "1", "--workers", "1"])
    assert (args.checkpoint_every, args.workers) == (1, 1)


@pytest.fixture
def taken(monkeypatch):
    """taken(name, likelihood): what is loaded is a set of 30 images of this name."""

    def taken(name, likelihood):
        X = np.random.default_rng(0).random((33, 12)).round()
        data = Dataset(name, X[:30], X[30:], (4, 3), "split", likelihood)
        monkeypatch.setattr(datasets, "load", lambda *_, **__: data)

    return taken


def new_run(*typed):
    run, _ = train.new_run(train.parser().parse_args(typed))
    return run


@pytest.mark.parametrize(
    ("name", "likelihood", "linear"),
    [
        ("frey", "gaussian-sigma-z", False),
        ("mine.npy", "gaussian-sigma-z", True),  # in units of their own
        ("mine.npy", "bernoulli", False),
    ],
)
def test_what_suits_images_is_used_for_them(taken, monkeypatch, name, likelihood, linear):
    taken(name, likelihood)
    found = new_run("--data", name).training.settings
    assert (found.skip, found.standardize, found.clip) == (linear, linear, 1.0 if linear else None)
    assert (found.n_latent, found.hidden, found.epochs) == (2, (256,), 33_333)
    monkeypatch.setattr(train, "EXAMPLES_SEEN", 14)
    assert new_run("--data", name).training.settings.epochs == 1


def test_a_run_on_a_named_set_goes_on_with_that_name(taken):
    taken("frey", "bernoulli")
    run = new_run("--data", "frey", "--epochs", "1")
    run.path = Path("a")
    run.path.mkdir()
    run.save()
    again, _ = train.old_run(train.parser().parse_args(["--resume", "a", "--data", "frey"]))
    assert again.about["data"]["name"] == "frey"


@pytest.mark.parametrize(
    ("typed", "n", "n_threads", "threads"),
    [("", -1, 1, "1 BLAS thread"), ("--workers 3", 3, 2, "2 BLAS threads")],
)
def test_a_team_is_as_large_as_is_said_and_shares_the_training(
    rows, undrawn, monkeypatch, capsys, typed, n, n_threads, threads
):
    class Two(OneProcess):
        size, threads, shares = 2, n_threads, "the rows"

        def share(self, training, X):
            shared.append(len(X))

    asked, shared = [], []
    monkeypatch.setattr(parallel, "team", lambda *args: asked.append(args) or Two())
    flags = ["--data", rows, "--epochs", "1", "--hidden", "4", "--out", "a", *typed.split()]
    assert train.main(flags) == 0
    assert asked == [(None, n)] and shared == [54]
    says = f"\nTraining to epoch 1, seed 0, 2 processes with {threads} each share the rows:\n"
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(("every", "epochs"), [(2, [0, 2, 4]), (3, [0, 3, 4]), (9, [0, 4])])
def test_every_checkpoint_is_written_once(rows, undrawn, monkeypatch, every, epochs):
    def save(self, save=runs.Run.save):
        saved.append(self.training.epoch)
        save(self)

    saved = []
    monkeypatch.setattr(runs.Run, "save", save)
    run("--data", rows, "--epochs", 4, "--checkpoint-every", every)
    assert saved == epochs


@pytest.mark.parametrize(
    "typed",
    [
        "--hidden none",
        "--latent 1",
        "--validation 0",
        "--validation 1",
        "--validation 59 --batch-size 1000",
        "--binarize dynamic",
        "--likelihood continuous-bernoulli",
        "--beta 0.00",
    ],
)
def test_what_is_unusual_but_right_is_done(rows, undrawn, typed):
    run("--data", rows, "--out", "a", *typed.split())
    assert names("a") >= FILES
    assert not re.search(r"\b(nan|inf)\b", Path("a/report.txt").read_text("utf-8"))


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
    ("--latent 0", "argument --latent: must be a whole number, at least 1"),  # and test_settings.py
    ("--validation -1", "-1"),
    ("--epochs 1000000000000", "argument --epochs: must be at most 1,000,000,000"),
    ("--hidden 8,1000000000000", "each at most 1,000,000,000, found 1000000000000"),
    ("--unknown", "--unknown"),
    ("--lat 3", "unrecognized arguments: --lat 3"),
    ("--resume ''", "is empty"),
    ("more", "more"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(rows, typed, culprit, refused):
    damage()
    words = ["" if word == "''" else word for word in typed.split()]
    assert culprit in refused(train.main, "--epochs", "2", "--quiet", *words)


def test_a_step_that_needs_more_memory_than_there_is_is_refused_before_work(refused, monkeypatch):
    def loss_and_grad(*_):
        raise MemoryError("8 TB")

    monkeypatch.setattr(Training, "loss_and_grad", loss_and_grad)
    assert "this is more than the machine can hold: 8 TB." in refused(train.main, "--out", "a")


@pytest.mark.parametrize("lr", ["1e30", "1e300"])
def test_a_run_that_diverges_says_so_and_keeps_what_it_had(lr, capsys):
    np.save("large.npy", 1e14 * np.random.default_rng(0).random((60, 5)))
    with pytest.raises(SystemExit) as caught:
        run("--data", "large.npy", "--out", "a", "--lr", lr)
    assert caught.value.code == 1
    errors = capsys.readouterr().err
    assert "diverged in epoch" in errors and "Traceback" not in errors
    assert "checkpoint.npz" in names("a")


def test_a_full_disk_is_one_sentence(capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.Run, "save", full)
    with pytest.raises(SystemExit) as caught:
        run("--out", "a")
    assert caught.value.code == 1
    assert "No space left on device" in capsys.readouterr().err


def test_a_reader_that_has_gone_away_is_no_error_of_a_file(monkeypatch):
    def gone(*_):
        raise BrokenPipeError

    monkeypatch.setattr(train, "train", gone)
    with pytest.raises(BrokenPipeError):
        train.main([])


def test_a_process_that_was_lost_is_said_with_how_to_go_on(rows, monkeypatch, capsys):
    def lost(*_):
        raise ChildProcessError("A worker was killed.")

    monkeypatch.setattr(runs.Run, "train", lost)
    with pytest.raises(SystemExit) as caught:
        run("--data", rows, "--out", "a")
    assert caught.value.code == 1
    says = f": A worker was killed. Go on from its last checkpoint with: {invoked()} --resume a\n"
    assert capsys.readouterr().err.endswith(says)


def test_what_is_not_trained_further_is_said_and_what_may_end_early(rows, undrawn, capsys):
    assert train.main(["--data", rows, "--out", "a"]) == 0
    said = capsys.readouterr().out
    assert "Not trained further than its start: fewer than 10 rows are held out.\n" in said
    assert train.main(["--data", rows, "--out", "b", "--validation", "12", "--hidden", "4"]) == 0
    said = capsys.readouterr().out
    says = "Training until the held-out ELBO has stopped rising, at most to epoch 3000, seed 0:\n"
    assert says in said
    assert re.search(r"^  epoch +\d+/3000 .* at most \d+ s left$", said, re.M)
