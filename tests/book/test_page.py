"""The page has what it promises: anchors, numbers, terms in order, nothing from elsewhere."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from numvae.book import source
from numvae.book.notation import LABEL
from numvae.lessons import pixel
from numvae.lessons.bugs import BUGS
from numvae.lessons.derivation_steps import DERIVATIONS

ROOT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node, which runs the page, is not installed")


@pytest.fixture(scope="module")
def anchors(elements):
    return [attributes["id"] for _, attributes, _ in elements if "id" in attributes]


def test_the_page_is_whole_small_and_asks_nothing_of_the_network(text):
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n") and "{{" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"""https?:|["'(]//[a-z]|\bsrc=|@import|\burl\(""", text)
    assert 500_000 < len(text.encode()) < 5_000_000
    assert text.count("<math") > 1000


def test_every_label_has_one_anchor(anchors):
    labels = []
    for folder in ("rules", "network"):
        for path in (source.PACKAGE / folder).glob("*.py"):
            text = path.read_text(encoding="utf-8")
            labels += re.findall(rf"\S {{2,}}\(({LABEL})\)$", text, re.MULTILINE)
            labels += re.findall(rf'""".* {{2,}}\(({LABEL})\)"""', text)
    assert len(labels) > 90
    assert [label for label in labels if anchors.count(label) != 1] == []


def test_every_rule_every_bug_every_exercise_and_every_derivation_has_an_anchor(anchors):
    for name in source.rule_files():
        tree = ast.parse((source.PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
        stem = name.partition("/")[2]
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert {f"{stem}.{function}" for function in functions} <= {*anchors}
    assert {f"bug-{i + 1}" for i in range(len(BUGS))} <= {*anchors}
    assert {e.id for e in source.exercises(ROOT)} <= {*anchors}
    assert len([anchor for anchor in anchors if anchor.startswith("derive-")]) == len(DERIVATIONS)


def test_no_link_is_dead_and_no_anchor_is_there_twice(elements, anchors):
    assert len(anchors) == len({*anchors})
    links = {attributes["href"] for tag, attributes, _ in elements if tag == "a"}
    assert len(links) > 300 and all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= {*anchors}


def test_labels_that_are_mentioned_are_links(without_script):
    assert re.findall(rf">[^<]*\({LABEL}\)[^<]*</(?:p|li|dd)>", without_script) == []


def test_every_number_is_that_of_the_trace(elements):
    figures = []
    for tag, attributes, inside in elements:
        if attributes.get("class") == "array":
            figures.append((attributes, inside, []))
        if tag == "td" and figures and "class" not in attributes:
            figures[-1][2].append(inside)
    assert len(figures) > 100
    for attributes, inside, cells in figures:
        traced = source.traces()[int(attributes["data-trace"])]
        values = {**traced.net.parameters.values}
        values |= {result.name: result.value for result in traced.results()}
        value = np.asarray(values[attributes["data-array"]])
        assert ("×".join(map(str, value.shape)) or "a number") in inside
        found = [cell.replace("−", "-") for cell in cells[: value.size]]
        assert found == [f"{v:.0f}" if v == round(v) else f"{v:.4f}" for v in value.flat]


def test_no_term_is_used_before_its_definition(elements):
    defined, before = set(), []
    for tag, attributes, _ in elements:
        if tag == "dt" and attributes.get("id", "").startswith("term-"):
            defined.add(attributes["id"])
        if (
            tag == "a"
            and attributes.get("class") == "term"
            and attributes["href"][1:] not in defined
        ):
            before.append(attributes["href"])
    assert before == []
    assert len(defined) > 20


def test_symbols_in_equations_are_terms_too(elements):
    terms = source.glossary(ROOT)
    marked = {attributes["data-t"] for tag, attributes, _ in elements if "data-t" in attributes}
    names = {terms[int(i)].names for i in marked}
    assert {"x", "z, code", "μ, σ, `mu`, `logvar`", "ε, `eps`", "nll", "ELBO"} <= names
    by_tag = {tag for tag, attributes, _ in elements if "data-t" in attributes}
    assert {"a", "mi", "code", "span"} <= by_tag


def test_each_line_opens_what_there_is_to_know(elements):
    lines = {a["id"]: inside for tag, a, inside in elements if a.get("class") == "line"}
    assert len(lines) == 13
    (backward,) = [q for q in lines.values() if q.strip().startswith("dmu_z, dlogvar_z =")]
    for word in ("Equations", "Derivations", "Numbers", "Exercises", "Bugs that people plant here"):
        assert word in backward
    for word in (
        "(Z2)",
        "reparameterize_backward",
        "∂σ/∂logvar without its ½",
        "says −46.5 (−45.2)",
    ):
        assert word in backward


def test_a_curve_that_diverges_is_drawn_as_far_as_it_goes(text):
    drawn = re.findall(r'<svg class="spark".*?</p>', text)
    assert any("diverges in epoch 3" in one for one in drawn)
    assert not any("nan" in one for one in drawn)


def test_the_page_has_landmarks_and_says_what_is_what(elements):
    tags = [tag for tag, _, _ in elements]
    for landmark in ("header", "nav", "main", "footer"):
        assert landmark in tags
    assert elements[next(i for i, e in enumerate(elements) if e[0] == "body") + 1][1] == {
        "class": "skip",
        "href": "#main",
    }
    for tag, attributes, inside in elements:
        if tag in ("button", "a", "summary"):
            assert inside.strip() or attributes.get("aria-label"), attributes
        if tag in ("input", "nav", "svg", "aside"):
            labelled = "aria-label" in attributes or "inputmode" in attributes  # inside a label
            assert labelled or attributes.get("aria-hidden") == "true"
    assert tags.count("h1") == 1


def test_headings_do_not_skip_a_level(elements):
    levels = [int(tag[1]) for tag, _, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 2 for a, b in zip(levels, levels[1:]))


@needs_node
def test_the_script_can_be_read(text, tmp_path):
    (tmp_path / "book.js").write_text(re.findall(r"<script>(.*?)</script>", text, re.S)[-1])
    subprocess.run([NODE, "--check", tmp_path / "book.js"], check=True)


@needs_node
def test_the_pixel_is_judged_as_at_the_terminal(text):
    data = re.findall(r'<script id="pixel-data"[^>]*>(.*?)</script>', text, re.S)[0]
    judge = re.findall(r"^const close = .*?^}", text, re.S | re.M)[0]
    rng, names = np.random.default_rng(0), pixel.values()
    typed = ["", "abc", "1,5", "−0.25"]
    for question in pixel.QUESTIONS:
        value = names[question.name]
        typed += [f"{q:.4f}" for q in (value, -value, 2 * value, value / 2, *rng.normal(size=3))]
        typed += [f"{pixel.compute(code, names):.4f}" for code, _ in question.wrong]
    code = f"""{judge}
        const typed = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify({data}.map((q) => typed.map((text) => judged(q, text)))));"""
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(typed), capture_output=True, text=True, check=True
    )
    for question, found in zip(pixel.QUESTIONS, json.loads(done.stdout)):
        for text, sentence in zip(typed, found):
            wanted = pixel.judged(question, text) or ""
            assert sentence.partition(".")[0] == wanted.partition(".")[0].partition(";")[0]
