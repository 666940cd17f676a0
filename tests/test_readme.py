"""The README says nothing that is not so: its code runs, its listings and numbers are real."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import train
import walk
from benchmark import mpiexec

from numvae import VAE, load
from numvae.lessons import consequences
from numvae.lessons.bugs import BUGS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.S)
TEXT = re.findall(r"```text\n(.*?)```", README, re.S)
TRAIN, _, CHECKS, BUG, TRACE, EXERCISE, _, DIGITS, GRID = TEXT
TABLE = dict(re.findall(r"^\| `(\S+\.py)` \| (\d+) \|", README, re.M))
NUMBER = r"-?[\d,]+\.?\d*"


def lines_of(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def run(*command, cwd):
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_line_counts_are_true():
    total = sum(lines_of(path) for path in (ROOT / "numvae").rglob("*.py"))
    rules = sum(lines_of(path) for path in (ROOT / "numvae" / "rules").rglob("*.py"))
    first_sentence = " ".join(README.split("\n\n")[1].split())
    assert f"**{total:,} lines of Python, {rules:,} of them the mathematics" in first_sentence
    assert {name: int(n) for name, n in TABLE.items()} == {
        name: lines_of(ROOT / "numvae" / name) for name in TABLE
    }


def test_the_reading_order_is_the_one_the_files_say():
    for name, following in zip(TABLE, list(TABLE)[1:]):
        opening = (ROOT / "numvae" / name).read_text(encoding="utf-8").split('"""')[1]
        read_next = re.search(r"Read next: ([\w/.]+)", opening)[1].rstrip(".")
        assert Path(following).with_suffix("").as_posix().endswith(read_next.removesuffix(".py"))


def test_the_page_is_the_code():
    source = (ROOT / "numvae" / "network" / "autoencoder.py").read_text(encoding="utf-8")
    assert CODE[0] in source


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_every_link_leads_somewhere(link):
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("name", re.findall(r"`((?:\w+/)+)`", README))
def test_every_folder_is_there(name):
    assert any((place / name).is_dir() for place in (ROOT, ROOT / "numvae"))


def test_every_command_is_understood():
    """Each `python scripts/train.py …` of the README is one that the script's parser takes."""
    commands = re.findall(r"python scripts/train\.py([^`\n|]*)", README)
    assert len(commands) >= 5
    for command in commands:
        if "--help" not in command:
            train.parser().parse_args(re.sub(r"#.*|&&.*", "", command).split())


def test_the_importers_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(CODE[1], {})


def test_the_scikit_learn_code_runs_and_prints_what_it_says(capsys):
    pytest.importorskip("sklearn")
    exec(CODE[2], {"VAE": VAE})
    found, said = (float(re.search(NUMBER, text)[0]) for text in (capsys.readouterr().out, DIGITS))
    assert found == pytest.approx(said, abs=0.02)


def test_blocks_from_elsewhere_are_trained_on(tmp_path, monkeypatch):
    pytest.importorskip("joblib")
    monkeypatch.chdir(tmp_path)
    names = [f"{i}.npy" for i in range(3)]
    for name, block in zip(names, np.random.default_rng(0).random((3, 50, 10))):
        np.save(name, block)
    found = {"VAE": VAE, "np": np, "names": names}
    exec(CODE[4], found)
    assert found["vae"].n_iter_ == 9


def test_blocks_of_dask_are_trained_on():
    pytest.importorskip("dask.array")
    found = {"VAE": VAE}
    exec(CODE[5], found)
    assert found["vae"].n_iter_ == 3


def test_a_search_in_parallel_prints_what_it_says(capsys):
    pytest.importorskip("sklearn")
    exec(CODE[6], {"VAE": VAE})
    found, said = capsys.readouterr().out.split(": "), GRID.split(": ")
    assert found[0] == said[0]
    assert float(re.search(NUMBER, found[1])[0]) == pytest.approx(
        float(re.search(NUMBER, said[1])[0]), abs=1.0
    )


@pytest.mark.skipif(mpiexec() is None, reason="there is no mpiexec")
def test_the_code_for_several_ranks_runs(tmp_path):
    pytest.importorskip("mpi4py")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((200, 6)))
    (tmp_path / "ranks.py").write_text(CODE[3])
    command = [mpiexec(), "-n", "2", sys.executable, "-m", "mpi4py", "ranks.py"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert load(tmp_path / "rows-vae.npz").n_features_in_ == 6


def test_the_walk_prints_what_it_says(capsys):
    assert walk.main([]) == 0
    found = capsys.readouterr().out
    for line in TRACE.splitlines():
        assert re.sub(r" +\S+$", "", line) in found  # but for the error, which is rounding


def test_an_exercise_done_wrongly_is_told_what_it_says(capsys):
    file = ROOT / "scripts" / "exercises" / "05_reparameterize_backward.py"
    exercise = runpy.run_path(str(file))["exercise"]

    def without_the_half(dz, logvar, eps):
        return dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(0.5 * logvar)

    assert exercise.check(without_the_half) == 1
    assert capsys.readouterr().out == EXERCISE


def test_the_bug_is_worth_what_it_says():
    name = BUG.splitlines()[0].strip()
    bug = next(bug for bug in BUGS if bug.name == name)
    curve, truth = consequences.compare(bug)
    assert consequences.verdict(curve, truth) in BUG and bug.found in BUG
    assert f"says {curve.reported[-1]:.1f} ({truth.reported[-1]:.1f})" in BUG
    assert f"plants {len(BUGS)} famous bugs" in README


@pytest.mark.slow
def test_the_checks_print_what_it_says(tmp_path):
    last = run("-m", "numvae.checks", cwd=tmp_path).splitlines()[-1]
    without_error = re.compile(r"error [\de.-]+")
    assert without_error.sub("", last) == without_error.sub("", CHECKS.splitlines()[-1])


@pytest.mark.slow
def test_training_prints_what_it_says(tmp_path):
    """Other processors round differently, so the numbers agree, but not to the last digit."""
    found = run(str(ROOT / "scripts" / "train.py"), cwd=tmp_path)
    for name in ("ELBO", "nll", "KL", "bits", "pose", "expression"):
        values = [
            float(re.search(rf"^  {name} +({NUMBER})", text, re.M)[1]) for text in (found, TRAIN)
        ]
        assert values[0] == pytest.approx(values[1], rel=0.03), name


def test_what_it_says_was_reproduced_stands_in_the_reports():
    section = README.split("## Published results, reproduced")[1].split("\n## ")[0]
    reports, report = re.findall(r"\[report\]\(([^)]+)\)", section), ""
    assert len(set(reports)) == 8
    for row in section.splitlines():
        if found := re.search(r"\[report\]\(([^)]+)\)", row):
            report = (ROOT / found[1]).read_text(encoding="utf-8")
        if report and row.startswith("| ") and "![" not in row:
            for number in re.findall(r"\d+\.\d\d", row.split("|")[3]):
                assert number in report, f"{number} is not in the report"
