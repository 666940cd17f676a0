import contextlib
import json
import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
import reproduce
from numpy.testing import assert_array_equal
from recipes import RECIPES
from recipes.recipe import Recipe, Run
from recipes.residentmario import beside
from scipy import linalg

from numvae import runs
from numvae.commands import train
from numvae.datasets.dataset import Dataset
from numvae.evaluation import importance
from numvae.files import LOCK, locked
from numvae.network import Autoencoder
from numvae.training.loop import Training

FLAGS = "--data faces --validation 20 --hidden 8 --likelihood bernoulli"


@pytest.fixture
def small(monkeypatch):
    """A recipe of two runs that take no time."""
    recipe = Recipe(
        title="A paper",
        about="What it trained.",
        runs={
            "one": Run(FLAGS, (1, 3, 4), (2, 5, 9), "86.76"),
            "two": Run(FLAGS + " --seed 7", (0, 2, 4)),
        },
        pictures=lambda trained: [
            (f"{name}.png", run.samples(4, 2), f"Samples of {name}.")
            for name, run in trained.items()
        ],
        differences=("Another optimizer.",),
        lines=lambda trained: ["A line of its own."],
    )
    monkeypatch.setitem(RECIPES, "small", recipe)
    return recipe


def numbers(out, run):
    return json.loads((Path(out) / "runs" / run / "numbers.json").read_text())


def test_the_list_names_every_recipe_with_its_runs(capsys):
    assert reproduce.main(["--list"]) == 0
    text = capsys.readouterr().out
    for name, recipe in RECIPES.items():
        assert name in text and recipe.title in text and all(run in text for run in recipe.runs)


def test_the_report_has_the_numbers_the_pictures_and_what_differs(small, capsys):
    assert reproduce.main(["small"]) == 0
    folder = Path("reproductions/small")
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert report.startswith("# A paper\n\nWhat it trained.\n")
    assert "- Another optimizer." in report and "A line of its own." in report
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", report)
    assert pictures == ["one.png", "two.png"]
    assert all((folder / name).stat().st_size > 1000 for name in pictures)
    one, two = numbers(folder, "one"), numbers(folder, "two")
    row = next(line for line in report.splitlines() if line.startswith("| one |"))
    assert f"{one['elbo']:.2f} ± {one['elbo_error']:.2f}" in row and "| 86.76 |" in row
    assert f"**{one['log_p']:.2f} ± {one['log_p_error']:.2f}** (k = 5)" in row
    assert "log_p" not in two and one["log_p"] > one["elbo"]
    assert f"`{FLAGS}`" in row and "| 0 | 3 |" in row  # seed and epochs
    row = next(line for line in report.splitlines() if line.startswith("| two |"))
    assert "| 7 | 2 |" in row


def test_a_taste_is_kept_apart_from_the_whole(small):
    for length, epochs in (("--quick", 1), ("--full", 4), (None, 3)):
        assert reproduce.main(["small", *filter(None, [length])]) == 0
        folder = f"reproductions/small{(length or '').replace('--', '-')}"
        assert runs.load(f"{folder}/runs/one").training.epoch == epochs


def test_lengths_leave_runs_out_or_make_them_longer(small):
    assert reproduce.plan(small, 0, None, None) == {"one": 1}
    assert reproduce.plan(small, 1, None, None) == {"one": 3, "two": 2}
    assert reproduce.plan(small, 2, None, None) == {"one": 4, "two": 4}
    assert reproduce.plan(small, 1, ["two"], None) == {"two": 2}
    assert reproduce.plan(small, 0, ["two"], None) == {"two": 2}  # asked for, so not left out
    assert reproduce.plan(small, 1, None, 6) == {"one": 6, "two": 6}


def test_what_was_interrupted_goes_on_to_the_same_bits(small, monkeypatch, capsys):
    def minibatch(self, X, rows, minibatch=Training.minibatch):
        if (self.epoch, self.step) == (1, 3) and self.seed not in stopped:
            stopped.append(self.seed)
            signal.raise_signal(signal.SIGINT)
        return minibatch(self, X, rows)

    assert reproduce.main(["small", "--out", "whole"]) == 0
    stopped = []
    monkeypatch.setattr(Training, "minibatch", minibatch)
    for seeds in ([0], [0, 7]):
        assert reproduce.main(["small", "--out", "parts"]) == 130
        assert stopped == seeds
        assert "Rerun the same command to continue" in capsys.readouterr().out
    assert reproduce.main(["small", "--out", "parts"]) == 0
    for run in small.runs:
        parts, whole = numbers("parts", run), numbers("whole", run)
        assert parts.pop("seconds") > 0 and whole.pop("seconds") > 0
        assert parts == whole
        a, b = (runs.resume(f"{out}/runs/{run}").training for out in ("parts", "whole"))
        assert_array_equal(a.model.parameters.vector, b.model.parameters.vector)
        assert a.history == b.history


@pytest.mark.parametrize("left", ["out", f"out/{LOCK}", "out/runs/one", f"out/runs/one/{LOCK}"])
def test_what_was_killed_before_its_first_checkpoint_starts_again(small, left):
    if "runs" in left:
        settings = {"recipe": "small", "epochs": {"one": 3}, "length": reproduce.LENGTHS[1]}
        with reproduce.claimed(Path("out"), settings):
            pass
    path = Path(left)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch() if path.name == LOCK else path.mkdir()
    assert reproduce.main(["small", "--only", "one", "--out", "out"]) == 0
    assert runs.load("out/runs/one").training.epoch == 3
    assert not list(Path("out").rglob(LOCK))


def test_a_reproduction_has_one_writer_and_so_has_each_of_its_runs(small, refused, capsys):
    assert reproduce.main(["small", "--only", "one", "--out", "out"]) == 0
    capsys.readouterr()
    with locked("out"):
        says = refused(reproduce.main, "small", "--only", "one", "--out", "out")
        assert "out is in use by process" in says
    with locked("out/runs/one"), pytest.raises(SystemExit) as stop:
        reproduce.main(["small", "--only", "one", "--out", "out"])
    assert stop.value.code == 2
    assert "out/runs/one is in use by process" in capsys.readouterr().err


def test_a_run_killed_between_its_end_and_the_choice_of_its_last_epoch_is_chosen_then(
    small, monkeypatch
):
    def killed(run, *args, train=runs.Run.train):
        train(run, *args)
        run.training.best_epoch = 1  # of three, as if the second and third had been worse
        run.training.best = run.training.best + 1
        run.save()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs.Run, "train", killed)
        reproduce.main(["small", "--only", "one", "--out", "out"])
    assert reproduce.main(["small", "--only", "one", "--out", "out"]) == 0
    assert runs.load("out/runs/one").training.best_epoch == 3


def test_what_is_trained_is_not_trained_again(small, monkeypatch):
    assert reproduce.main(["small"]) == 0
    monkeypatch.setattr(runs.Run, "train", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(runs.Run, "estimate", lambda *_: pytest.fail("measured again"))
    assert reproduce.main(["small"]) == 0


def test_the_numbers_are_those_of_the_last_epoch_not_of_the_best(small):
    assert reproduce.main(["small", "--only", "two"]) == 0
    folder = Path("reproductions/small/runs/two")
    found = runs.resume(folder)
    training, about = found.training, found.about
    assert training.epoch == training.best_epoch == 2 and about["seconds"] > 0
    last = training.history[-1]["valid_elbo"]
    assert numbers("reproductions/small", "two")["elbo"] == pytest.approx(last, rel=1e-6)


def test_a_run_is_one_that_the_other_scripts_take(small, tmp_path):
    assert reproduce.main(["small", "--only", "one"]) == 0
    for run in ("reproductions/small/runs/one", "reproductions/small/runs/one/model.npz"):
        found = runs.load(run)
        assert found.dataset().X.shape == (2000, 560) and found.shape == (28, 20)


def test_a_planted_mistake_trains_and_does_not_measure(small, monkeypatch):
    inside, seen = [], []

    @contextlib.contextmanager
    def planted():
        inside.append(True)
        yield
        inside.pop()

    def watched(name, right):
        return lambda *args: (seen.append((name, bool(inside))), right(*args))[1]

    monkeypatch.setattr(runs.Run, "train", watched("train", runs.Run.train))
    monkeypatch.setattr(reproduce, "measure", watched("measure", reproduce.measure))
    monkeypatch.setitem(small.runs, "one", Run(FLAGS, (1, 1, 1), planted=planted))
    assert reproduce.main(["small", "--only", "one"]) == 0
    assert seen == [("train", True), ("measure", False)]


def test_mistakes_get_one_sentence(small, refused, capsys):
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear")
    reproduce.main(["small", "--out", "again"])
    capsys.readouterr()
    for typed, says in (
        ("burdaa", "there is no recipe 'burdaa'; choose from"),
        ("", "no recipe was named"),
        ("small --only three", "there is no run 'three'"),
        ("small --quick --full", "not allowed with"),
        ("small --out mine", "mine holds no reproduction"),
        (
            "small --quick --out again",
            "again holds another reproduction, of small (default; epochs: one for 3, two for 2)",
        ),
    ):
        assert says in refused(reproduce.main, *typed.split())
    with pytest.raises(SystemExit):
        reproduce.main(["dohmatob"])
    assert "frey_rawface.mat" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_declaration_says_what_train_understands(name):
    recipe = RECIPES[name]
    assert recipe.differences and recipe.title and recipe.about
    for run in recipe.runs.values():
        args = train.parser().parse_args(shlex.split(run.flags))
        assert args.data in ("mnist", "frey") and args.epochs is None
        assert len(run.epochs) == len(run.draws) == 3
        assert run.epochs[0] <= run.epochs[1] <= run.epochs[2] > 0
    assert reproduce.plan(recipe, 0, None, None)  # there is a taste of each


ALONE = [("starling", "z5"), ("kingma-welling", "frey-5"), ("residentmario", "mse")]


# All runs of each, and a single one of those that could expect another.
@pytest.mark.parametrize(
    ("name", "only"),
    [("dohmatob", "as-intended"), ("burda", "vae-5")]
    + [
        pytest.param(*which, marks=pytest.mark.slow)
        for which in (*((name, None) for name in RECIPES), *ALONE)
    ],
)
def test_every_recipe_writes_its_report(name, only, monkeypatch, rng):
    def load(name, **_):
        shape, n = ((28, 28), 50) if name == "mnist" else ((28, 20), 50)
        X = rng.random((2 * n, shape[0] * shape[1])).astype("f4")
        labels = {"digit": np.arange(n) % 10} if name == "mnist" else {}
        return Dataset(name, X[:n], X[n:], shape, "half and half", "bernoulli", labels, labels)

    monkeypatch.setattr(train.datasets, "load", load)
    estimate = importance.Estimate(*np.full((6, 50), -90.0))
    monkeypatch.setattr(runs.Run, "estimate", lambda *_: estimate)
    recipe = RECIPES[name]
    chosen = [only] if only else reproduce.plan(recipe, 1, None, None)
    flags = [flag for run in chosen for flag in ("--only", run)]
    assert reproduce.main([name, "--epochs", "1", *flags]) == 0
    folder = Path("reproductions") / name
    report = (folder / "report.md").read_text(encoding="utf-8")
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (folder / picture).stat().st_size > 1000


def test_draws_are_held_against_training_digits_in_four_numbers(rng):
    X, labels = rng.random((300, 6)), np.repeat([3, 7], 150)
    X[150:] += 5.0  # the ten nearest are the same digit
    distance, share, pixel, frechet = beside(X, X, labels)
    assert [distance, share, frechet] == pytest.approx([0.0, 1.0, 0.0], abs=1e-5)
    assert pixel == pytest.approx(X.mean())
    spread = X.var(axis=0, ddof=1).sum()
    shifted = beside(0.5 * (X - X.mean(axis=0)) + X.mean(axis=0) + 2.0, X, labels)
    assert shifted[3] == pytest.approx(6 * 2.0**2 + 0.5**2 * spread)
    x = X @ rng.random((6, 6))  # along other axes
    A, B = np.cov(x.T), np.cov(X.T)
    means = ((x.mean(axis=0) - X.mean(axis=0)) ** 2).sum()
    expected = means + np.trace(A + B - 2 * linalg.sqrtm(A @ B).real)
    assert beside(x, X, labels)[3] == pytest.approx(expected, rel=1e-6)


def test_the_noise_as_published_is_a_hundredth():
    net = Autoencoder(4, 2)
    right = net.noise(np.random.default_rng(0), 1, 1000)
    with RECIPES["dohmatob"].runs["as-published"].planted():
        published = net.noise(np.random.default_rng(0), 1, 1000)
    np.testing.assert_allclose(published, 0.01 * right)
    assert_array_equal(net.noise(np.random.default_rng(0), 1, 1000), right)
