"""What the book reads from the source is what stands there."""

from pathlib import Path

import pytest

from numvae.book import source
from numvae.lessons.bugs import BUGS
from numvae.lessons.trace import RULES

ROOT = Path(__file__).resolve().parents[2]
LINES = {line.text.strip().partition(" = ")[0]: line for line in source.lines()}


def test_the_path_is_that_of_read_next():
    order = source.reading_order()
    assert list(order)[:3] == ["rules/__init__", "rules/dense", "rules/activations"]
    assert list(order)[-1] == "network/autoencoder"
    assert order["rules/bernoulli"][0] == "rules/continuous_bernoulli"
    files = [name for path, aside in order.items() for name in (path, *aside)]
    there = [
        path.relative_to(source.PACKAGE).as_posix().removesuffix(".py")
        for folder in ("rules", "network")
        for path in (source.PACKAGE / folder).glob("*.py")
    ]
    assert sorted(files) == sorted(there)


def test_a_function_comes_without_its_docstring():
    (forward, backward) = source.read("rules/dense").parts
    assert forward.code == "def forward(x, W, b):\n    return x @ W + b"
    assert forward.docstring.startswith("The affine map") and backward.name == "dense.backward"
    text = (source.PACKAGE / "rules" / "dense.py").read_text(encoding="utf-8")
    assert text.splitlines()[backward.line - 1] == backward.code.splitlines()[0]


def test_every_rule_that_a_layer_calls_is_traced():
    names = {f"{source.stem(module)}.{name}" for module, name in RULES}
    called = {rule for line in source.lines() for rule in line.rules}
    assert called <= names and {"gaussian.kl", "dense.backward"} <= called
    traced = {rule for rule in called if source.traced_with(rule)}
    assert {rule for rule in called if rule.endswith("backward")} - traced <= {
        "activations.softplus_backward"  # inside another rule
    } | {"activations.linear_backward"}


def test_the_lines_are_those_of_loss_and_grad():
    text = (source.PACKAGE / "network" / "autoencoder.py").read_text(encoding="utf-8").splitlines()
    lines = source.lines()
    assert [text[line.number - 1] for line in lines] == [line.text for line in lines]
    assert lines[0].text.strip() == "L, B, Z = eps.shape"
    assert lines[-1].text.strip() == "return losses, self.parameters.gradient"


PLANTED = [
    ("∂σ/∂logvar without its ½", "dmu_z, dlogvar_z"),
    ("KL gradient without its ½", "dlog_px, dz_kl, dmu_kl, dlogvar_kl"),
    ("½ log 2π left out of the log-density", "log_px"),
    ("the path through σ(z) into the hidden layer missing", "dh_dec"),
    ("relu masked by the sign of the gradient", "dz"),
]


@pytest.mark.parametrize("bug, line", PLANTED)
def test_a_bug_is_at_the_line_that_calls_what_it_replaces(bug, line):
    assert bug in [found.name for found in LINES[line].bugs]


def test_bugs_around_the_model_are_at_no_line():
    at_a_line = {bug.name for line in source.lines() for bug in line.bugs}
    assert len(at_a_line) > 35
    assert not any(bug.name in at_a_line for bug in BUGS if bug.kind.startswith("Around"))


def test_every_exercise_has_a_title_and_most_have_a_rule():
    exercises = source.exercises(ROOT)
    files = sorted((ROOT / "scripts" / "exercises").glob("[0-9]*.py"))
    assert [e.stem for e in exercises] == [file.stem for file in files]
    assert [e.number for e in exercises] == list(range(1, len(files) + 1))
    assert all(e.title.endswith(".") for e in exercises)
    about = {e.name: e.about for e in exercises}
    assert about["dense_backward"] == "dense.backward"
    assert about["kl_in_steps"] == about["kl_backward"] == "gaussian.kl_backward"
    assert about["two_paths"] == about["loss_and_grad"] == "loss_and_grad"
    assert [name for name, rule in about.items() if rule is None] == [
        "one_pixel",
        "one_pixel_in_arrays",
    ]
    assert [e.name for e in exercises if len(e.hints) != 2] == ["one_pixel"]


def test_the_glossary_is_that_of_the_readme():
    terms = source.glossary(ROOT)
    assert len(terms) > 20
    assert terms[0] == source.Term("x", "one row of data, D numbers", ("rules/__init__",))
    assert not any("\\" in term.meaning for term in terms)
