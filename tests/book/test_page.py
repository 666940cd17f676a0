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


def test_headings_begin_with_the_title_and_do_not_skip_a_level(elements):
    levels = [int(tag[1]) for tag, _, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 2 for a, b in zip(levels, levels[1:]))


def part_of(text, start, end="<(?:section|article|li) id="):
    """The text from an element with an id to the next."""
    return re.split(end, text[text.index(f'id="{start}"') + 4 :])[0]


def glosses(text, symbol):
    """The terms that a symbol or a word is explained as."""
    names = [term.names for term in source.glossary(ROOT)]
    found = re.findall(rf'data-t="(\d+)"[^>]*>(?:<m\w+>)?{symbol}<', text)
    return {names[int(i)] for i in found}


def test_a_symbol_is_explained_only_where_it_has_that_meaning(without_script):
    weights = "importance weight, w"
    assert glosses(without_script, "w") == {weights}
    assert glosses(part_of(without_script, "exercise-16"), "w") == {weights}
    for place in ("exercise-2", "one-pixel"):
        assert glosses(part_of(without_script, place), "w") == set()
    for place, symbol in (
        ("rules-activations", "σ"),  # the sigmoid
        ("gaussian.log_density", "σ"),  # of p(x|z)
        ("importance.pareto_k", "σ"),  # the scale of a tail
        ("dense.backward", "x"),  # the input of a layer
        ("optimizers.adam", "ε"),  # no noise
    ):
        assert glosses(part_of(without_script, place), symbol) == set(), place
    assert "σ" in part_of(without_script, "gaussian.reparameterize")
    assert glosses(part_of(without_script, "gaussian.reparameterize"), "σ") != set()
    for word in ("step", "steps", "code"):
        assert glosses(without_script, word) == set()


def test_the_example_of_a_word_with_a_meaning_has_one(text):
    (example,) = re.findall(r"symbols such as (.*?) show their meaning", text)
    assert "data-t=" in example


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_every_colour_can_be_read_on_every_background(text, side):
    """4.5 is what the WCAG 2 ask for."""
    pair = r"(--[a-z]+|\.keyword|\.string)(?: \{ color)?: light-dark\((#\w{6}), (#\w{6})\)"
    colours = {name: luminance(two[side]) for name, *two in re.findall(pair, text)}
    for ink in ("--ink", "--soft", "--accent", "--focus", "--good", ".keyword", ".string"):
        for paper in ("--paper", "--panel", "--code", "--mark"):
            low, high = sorted((colours[ink], colours[paper]))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)


def test_a_picture_of_a_bug_has_numbers_at_its_axes(elements):
    numbers = [inside for tag, _, inside in elements if tag == "text"]
    assert len(numbers) >= 4 * len(BUGS)
    assert {"0", "epoch 20", "−45.2"} <= {*numbers}


def test_what_is_printed_is_what_is_open_and_not_what_is_to_be_touched(text):
    assert "beforeprint" not in text
    assert re.search(r"@media print \{[^@]*#to-touch \{ display: none", text)


@needs_node
def test_a_search_finds_words_in_any_order_other_spellings_and_names_of_letters(text):
    functions = re.findall(r"^const GREEK = .*?;\n\n|^function score.*?^}", text, re.S | re.M)
    entries = [
        "noise from N(0, I), in the reparameterisation z = μ + σ ε",
        "Exercise 17: dropout",
        "Exercise 7: reparameterize_backward",
        "activations.tanh_backward",
        "the error of finite differences",
        "h.T @ dmu",
    ]
    typed = ["reparameterization", "Reparameterise", "sigma", "epsilon", "exercise 7"]
    typed += ["reparameterization trick", "tanh derivative", "Derivative of tanh"]
    typed += ["finite-difference", "h.T @ dmu"]
    code = f"""{"".join(functions)}
        const entries = {json.dumps(entries)}.map((text) => ({{ kind: 0, low: folded(text) }}));
        const words = {json.dumps(typed)};
        const found = (typed) => {{
            const points = entries.map((entry) => score(entry, wordsOf(typed)));
            return points.indexOf(Math.min(...points, 99));
        }};
        console.log(JSON.stringify(words.map(found)));"""
    done = subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, 2, 0, 0, 2, 0, 3, 3, 4, 5]


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
