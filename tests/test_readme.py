"""The READMEs say nothing that is not so: their code, commands, links and numbers are real."""

import argparse
import ast
import importlib
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import walk

from numvae import load
from numvae.checks.__main__ import main as checks
from numvae.lessons import consequences, derivations
from numvae.lessons.bugs import BUGS

ROOT = Path(__file__).resolve().parents[1]
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("[nst]*/**/README.md"))]
}
README, HOUSE, SCRIPTS = (TEXTS[f"{folder}README.md"] for folder in ("", "numvae/", "scripts/"))
CHECKS, LESSONS = TEXTS["numvae/checks/README.md"], TEXTS["numvae/lessons/README.md"]
LINK = r"\]\((?!http)([^)]+)\)|src=\"([^\"]+)\""
LINKS = [(name, a or b) for name, text in TEXTS.items() for a, b in re.findall(LINK, text)]
COMMAND = r"python (scripts/\w+\.py|-m numvae[.\w]+)([^`\n|#&]*)"
COMMANDS = [found for text in TEXTS.values() for found in re.findall(COMMAND, text)]
NUMBER = r"-?[\d,]+\.?\d*"


def block(text, holding, language="python"):
    """The one listing of a README that holds some words."""
    (found,) = (x for x in re.findall(rf"```{language}\n(.*?)```", text, re.S) if holding in x)
    return found


@pytest.mark.parametrize("name, link", LINKS)
def test_every_link_leads_somewhere(name, link):
    path, _, heading = link.partition("#")
    target = ((ROOT / name).parent / path).resolve() if path else ROOT / name
    assert target.is_file()
    if heading:
        headings = re.findall(r"^#+ (.*)$", TEXTS[target.relative_to(ROOT).as_posix()], re.M)
        assert heading in [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]


def test_every_picture_of_the_gallery_is_shown():
    shown = {((ROOT / name).parent / link).resolve() for name, link in LINKS}
    assert shown >= set((ROOT / "scripts" / "gallery").glob("*.png"))


class Understood(Exception):
    """Instead of what a command does."""


@pytest.fixture
def parser_of(monkeypatch):
    """From a program and its arguments, which it must understand, to its parser."""
    parse = argparse.ArgumentParser.parse_args

    def parse_only(parser, *arguments, **named):
        parse(parser, *arguments, **named)
        raise Understood(parser)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)

    def main(program, arguments):
        if program.startswith("-m"):
            module = importlib.import_module(name := program.removeprefix("-m "))
            if hasattr(module, "__path__"):  # a package
                module = importlib.import_module(f"{name}.__main__")
            entry = module.main
        else:
            entry = runpy.run_path(str(ROOT / program))["main"]
        with pytest.raises(Understood) as found:
            entry(arguments)
        return found.value.args[0]

    return main


WITHOUT_ARGUMENTS = {("scripts/minimal.py", "")}  # which has no parser


@pytest.mark.parametrize("program, arguments", sorted(set(COMMANDS) - WITHOUT_ARGUMENTS))
def test_every_command_is_understood(program, arguments, parser_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser_of(program, shlex.split(arguments.replace("NAME", "burda")))


def flags(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from flags(command)
        elif action.dest != "help":
            yield from action.option_strings


@pytest.mark.parametrize(
    "name", ["train", "evaluate", "explore", "reproduce", "tables", "benchmark"]
)
def test_every_flag_is_in_the_table_and_is_there(name, parser_of):
    needed = {"evaluate": ["sample", "run", "--out", "x.png"], "explore": ["run"]}
    known = set(flags(parser_of(f"scripts/{name}.py", needed.get(name, []))))
    assert known <= set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", SCRIPTS))


def test_the_page_is_the_code():
    source = (ROOT / "numvae" / "network" / "autoencoder.py").read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    page = next(
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == "loss_and_grad"
    )
    doc = page.body[0]
    code = lines[page.lineno - 1 : doc.lineno - 1] + lines[doc.end_lineno : page.end_lineno]
    assert block(HOUSE, "def loss_and_grad") == "".join(code)


def test_the_heart_of_the_smallest_program_is_its_code():
    source = (ROOT / "scripts" / "minimal.py").read_text(encoding="utf-8")
    start, end = source.index("def loss_and_grad"), source.index("def largest_error")
    code = re.sub(r' {4}""".*?"""\n', "", source[start:end].rstrip(), flags=re.S)
    assert block(README, "def loss_and_grad") == code + "\n"


def test_the_front_page_is_short():
    assert len(README.split()) <= 1800


TERMS = """
prior posterior likelihood decoder encoder latent nats density ELBO nll KL reparameterisation
"""


def defined_at(term, text):
    """Where the front page defines a term: in bold or italics, or as a sentence about it."""
    found = re.search(rf"\*\*?[^*]*\b{term}\b[^*]*\*\*?|\({term}\)", text)
    return found.start() if found else -1


@pytest.mark.parametrize("term", TERMS.split())
def test_a_term_is_used_after_it_is_defined(term):
    text = re.sub(r"```.*?```|\*Each face.*?\*\n", lambda m: " " * len(m[0]), README, flags=re.S)
    text = re.sub(r"\]\([^)]*\)", lambda m: " " * len(m[0]), text)  # addresses
    first = re.search(rf"\b{term}\b", text)
    assert first and 0 <= defined_at(term, text) <= first.start() + 60


def test_the_glossary_says_where_each_term_is_defined():
    rows = re.findall(r"^\| (.*) \| (.*) \| (`.*`) \|$", HOUSE.split("## Glossary")[1], re.M)
    assert 24 <= len(rows) <= 30
    for term, meaning, places in rows:
        assert len(meaning) < 100, term
        for place in re.findall("`([^`]+)`", places):
            assert (ROOT / "numvae" / place).is_file(), place


def test_the_commands_to_set_up_are_those_that_are_run():
    run_file = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("python -m pytest", 'pip install --quiet -e ".[test]"'):
        assert command in run_file
        assert command.replace("--quiet ", "") in block(README, "venv", "sh")


@pytest.mark.parametrize("folder", ["scripts/recipes", "scripts/peers"])
def test_the_scripts_of_a_folder_are_those_that_are_listed(folder):
    listed = re.findall(r"^\| `(\w+\.py)` \|", TEXTS[f"{folder}/README.md"], re.M)
    assert sorted(listed) == sorted(path.name for path in (ROOT / folder).glob("[!_]*.py"))


def test_the_programs_beside_the_tests_are_those_that_are_listed():
    listed = re.findall(
        r"`(\w+\.py)`", TEXTS["tests/README.md"].split("| file |")[1].split("\n\n")[0]
    )
    assert sorted(listed) == sorted(p.name for p in (ROOT / "tests").glob("[!t]*.py")) + [
        "typed.py"
    ]


def test_every_number_of_the_results_stands_with_its_command():
    table = README.split("## Results")[1].split("\n## ")[0]
    for number in re.findall(r"\d+\.\d\d", table):
        assert number in SCRIPTS


@pytest.mark.parametrize("folder", sorted((ROOT / "numvae").rglob("__init__.py")))
def test_the_files_of_a_folder_are_those_that_are_listed(folder):
    """In its `__init__.py` (the whole package's is for its users), and in its README if any."""
    folder, opening = folder.parent, folder.read_text(encoding="utf-8").split('"""')[1]
    files = {path.stem for path in folder.glob("[!_]*.py")}
    if folder.name != "numvae":
        listed = "" if folder.name == "plots" else "    "
        assert set(re.findall(rf"^{listed}([a-z]\w*)  +\S", opening, re.M)) == files
    readme = TEXTS.get((folder / "README.md").relative_to(ROOT).as_posix(), "")
    if listed := re.findall(r"^\| `([a-z]\w*)\.py` \|", readme, re.M):
        assert set(listed) == files


def named(file, where):
    """The file that a file's opening names after "Read next" or "Side path"; None if none."""
    opening = (ROOT / "numvae" / file).read_text(encoding="utf-8").split('"""')[1]
    if not (found := re.search(rf"{where}: ([\w/]+)", opening)):
        return None
    path = found[1] if "/" in found[1] else f"{Path(file).parent.as_posix()}/{found[1]}"
    return f"{path}.py"


def test_the_reading_order_is_one_path_and_side_paths_lead_back_to_it():
    order = HOUSE.split("## Reading order")[1].split("\n## ")[0]
    path = re.findall(r"`((?:rules|network)/\w+\.py)`", order)
    assert path[0] == "rules/__init__.py" and path[-1] == "network/autoencoder.py"
    reached = set(path)
    for file, following in zip(path, path[1:]):
        assert named(file, "Read next") == following
        aside = named(file, "Side path")
        while aside and aside not in path:
            reached.add(aside)
            assert named(aside, "Side path") is None
            aside = named(aside, "Read next")
        assert aside in (None, following)
    assert reached == {
        f"{folder}/{file.name}"
        for folder in ("rules", "network")
        for file in (ROOT / "numvae" / folder).glob("*.py")
    }


def test_the_tables_list_files_that_are_there_in_the_order_of_their_folders():
    table = re.findall(r"^\| `([\w/]+\.py)` \|", HOUSE, re.M)
    assert all((ROOT / "numvae" / name).is_file() for name in table)
    for folder in ("rules", "network", "training"):
        file = ROOT / "numvae" / folder / "__init__.py"
        opening = file.read_text(encoding="utf-8").split('"""')[1]
        listed = re.findall(r"^    (\w+)  +\S", opening, re.M)
        rows = [name for name in table if name.startswith(folder)]
        assert rows == [f"{folder}/{name}.py" for name in ("__init__", *listed)]


def imported(path):
    """The top-level names of numvae that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numvae"):
            inside = node.module.split(".")[1:]
            yield from inside[:1] or [alias.name for alias in node.names]


def test_imports_point_up_the_table():
    rows = re.findall(r"^\| (\d) \| (.*) \|$", HOUSE.split("## Imports")[1], re.M)
    level = {name: int(row) for row, names in rows for name in re.findall(r"`(\w+)`", names)}
    for path in (ROOT / "numvae").rglob("*.py"):
        own = path.relative_to(ROOT / "numvae").parts[0].removesuffix(".py")
        if own != "__init__":
            assert all(level[name] <= level[own] for name in imported(path)), path


def test_the_estimators_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(block(README, "import numvae"), found)
    exec(block(HOUSE, "interpolate"), found)
    assert found["path"].shape == (9, 560)


@pytest.mark.slow
def test_the_scikit_learn_code_runs_and_prints_what_it_says(capsys):
    pytest.importorskip("sklearn")
    exec(block(HOUSE, "make_pipeline"), {})
    says = block(HOUSE, "accuracy", "text")
    found, said = (float(re.search(NUMBER, text)[0]) for text in (capsys.readouterr().out, says))
    assert found == pytest.approx(said, abs=0.02)


@pytest.mark.slow
def test_the_data_frame_of_the_page_is_fitted_as_it_says(capsys):
    pytest.importorskip("pandas")
    found = {}
    exec(block(HOUSE, "import pandas"), found)
    assert capsys.readouterr().out == block(HOUSE, "Adelie or", "text")
    assert (
        list(found["whole"]) == ["tag", "species", "mass"] and not found["whole"].isna().any().any()
    )
    assert list(found["new"]) == ["species", "mass"]


@pytest.mark.slow
def test_a_search_in_parallel_prints_what_it_says(capsys):
    pytest.importorskip("sklearn")
    exec(block(HOUSE, "GridSearchCV"), {})
    texts = capsys.readouterr().out, block(HOUSE, "beta", "text")
    (found, score), (said, wanted) = (text.rsplit(": ", 1) for text in texts)
    assert found == said
    score, wanted = (float(re.search(NUMBER, text)[0]) for text in (score, wanted))
    assert score == pytest.approx(wanted, abs=1.0)


def test_blocks_from_elsewhere_are_trained_on(tmp_path, monkeypatch):
    pytest.importorskip("joblib")
    monkeypatch.chdir(tmp_path)
    names = [f"{i}.npy" for i in range(3)]
    for name, rows in zip(names, np.random.default_rng(0).random((3, 50, 10))):
        np.save(name, rows)
    found = {"names": names}
    exec(block(HOUSE, "Parallel("), found)
    assert found["vae"].n_iter_ == 9


def test_blocks_of_dask_are_trained_on():
    pytest.importorskip("dask.array")
    found = {}
    exec(block(HOUSE, "dask"), found)
    assert found["vae"].n_iter_ == 3


def test_the_code_for_several_ranks_runs(tmp_path, mpiexec_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((200, 6)))
    (tmp_path / "ranks.py").write_text(block(TEXTS["numvae/parallel/README.md"], "MPI"))
    command = [mpiexec_path, "-n", "2", sys.executable, "-m", "mpi4py", "ranks.py"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=600)
    assert load(tmp_path / "rows-vae.npz").n_features_in_ == 6


def test_the_walk_prints_what_it_says(capsys):
    assert walk.main([]) == 0
    found = capsys.readouterr().out
    for line in block(LESSONS, "dmu_z", "text").splitlines():
        assert re.sub(r" +\S+$", "", line) in found  # but for the error, which is rounding


def test_a_derivation_prints_what_it_says(capsys):
    assert derivations.main(["gaussian.reparameterize_backward"]) == 0
    assert block(LESSONS, "dlogvar_nj", "text") in capsys.readouterr().out


def without_the_half(dz, logvar, eps):
    return dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(0.5 * logvar)


def without_the_gradient(dkl, mu, logvar):
    return mu, dkl * 0.5 * (np.exp(logvar) - 1)


@pytest.mark.parametrize(
    "name, wrong",
    [
        ("07_reparameterize_backward", without_the_half),
        ("10_kl_backward", without_the_gradient),
    ],
)
def test_an_exercise_done_wrongly_is_told_what_it_says(name, wrong, capsys):
    exercise = runpy.run_path(str(ROOT / "scripts" / "exercises" / f"{name}.py"))["exercise"]()
    assert exercise.check(wrong) == 1
    said = block(LESSONS, f"Exercise {exercise.number},", "text")
    found, said = (re.sub(r"Line \d+", "Line", text) for text in (capsys.readouterr().out, said))
    assert found == said


def test_the_exercises_of_the_table_are_all():
    rows = re.findall(r"^\| ([\d, to]+) \| ", LESSONS.split("| exercise |")[1], re.M)
    numbers = [
        n
        for part in ", ".join(rows).split(", ")
        for first, _, last in [part.partition(" to ")]
        for n in range(int(first), int(last or first) + 1)
    ]
    files = (ROOT / "scripts" / "exercises").glob("[0-9]*.py")
    assert sorted(numbers) == sorted(int(path.name[:2]) for path in files)


def test_the_bug_is_worth_what_it_says():
    said = block(LESSONS, "says", "text")
    bug = next(bug for bug in BUGS if bug.name == said.splitlines()[0].strip())
    curve, truth = consequences.compare(bug)
    assert consequences.verdict(curve, truth) in said and bug.found in said
    assert f"says {curve.reported[-1]:.1f} ({truth.reported[-1]:.1f})" in said


@pytest.mark.slow
def test_the_checks_print_what_it_says(capsys):
    assert checks([]) == 0
    assert block(CHECKS, "Planted", "text") in capsys.readouterr().out


@pytest.mark.slow
def test_training_prints_what_it_says(tmp_path):
    """Other processors round differently, so the numbers agree, but not to the last digit."""
    command = [sys.executable, ROOT / "scripts" / "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for name in ("ELBO", "nll", "KL", "bits", "pose", "expression"):
        values = [
            float(re.search(rf"^  {name} +({NUMBER})", text, re.M)[1])
            for text in (done.stdout, block(SCRIPTS, "held-out examples:", "text"))
        ]
        assert values[0] == pytest.approx(values[1], rel=0.03), name


def test_what_it_says_was_reproduced_stands_in_the_reports():
    section = SCRIPTS.split("## Published results")[1].split("\n## ")[0]
    report, reports = "", []
    for row in section.splitlines():
        if found := re.search(r"\[report\]\(([^)]+)\)", row):
            reports.append(found[1])
            report = (ROOT / "scripts" / found[1]).read_text(encoding="utf-8")
        if report and row.startswith("| ") and "![" not in row:
            for number in re.findall(r"\d+\.\d\d", row.split("|")[3]):
                assert number in report, f"{number} is not in the report"
    scripts = ROOT / "scripts"
    shown = {path.relative_to(scripts).as_posix() for path in scripts.rglob("report.md")}
    assert set(reports) == shown
