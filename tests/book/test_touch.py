"""The fragment's own script, run by node where that is installed, against Python."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from numvae.book import touch
from numvae.lessons import bugs, trace

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node, which runs the script, is missing")
BUGS = bugs.of_the_gradient()


@pytest.fixture(scope="module")
def data():
    return touch.data()


def by_node(expression, known):
    """What an expression is worth to backward.js, where `known` is an object. NaN becomes null."""
    code = f"""
        {touch._file("backward.js")}
        const known = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify({expression}));
    """
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(known), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def state_of(net, step):
    """The state of the page in which the step is this one."""
    named = {"x": step[0], "eps": step[1], **net.parameters.values}
    moved = dict.fromkeys(("mu", "logvar"), np.zeros((3, 2)))
    return {name: touch.rows(array) for name, array in {**named, **moved}.items()}


def flat(rows):
    return np.array([np.nan if value is None else value for row in rows for value in row])


def steps(n):
    """Random states: weights of all sizes, gray inputs, noise; the model is always the same."""
    rng = np.random.default_rng(5)
    for _ in range(n):
        net, (x, eps, *rest) = trace.example(seed=int(rng.integers(1 << 30)))
        net.parameters.vector *= rng.uniform(0.2, 3.0)
        yield net, (rng.random(x.shape), 2.0 * rng.normal(size=eps.shape), *rest)


def recorded(net, step):
    """Every array of a step by its name, forward and back, without numerical derivatives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "numerical_gradient", lambda f, q: np.zeros_like(q))
        found = trace.trace(net, step)
    return {row.name: row.value.ravel() for row in (*found.nodes, *found.gradients)}


@needs_node
def test_forward_and_backward_are_pythons_in_100_states(data):
    pairs = list(steps(100))
    known = {"model": data["model"], "states": [state_of(*pair) for pair in pairs]}
    found = by_node(
        """known.states.map((state) => {
            const values = forward(known.model, state);
            return { ...values, ...backward(known.model, values) };
        })""",
        known,
    )
    for pair, arrays in zip(pairs, found, strict=True):
        wanted = recorded(*pair)
        assert {*wanted} <= {*arrays}
        for name, value in wanted.items():
            np.testing.assert_allclose(flat(arrays[name]), value, rtol=1e-11, atol=1e-13)


@needs_node
def test_a_number_moved_by_hand_moves_what_is_computed_from_it(data):
    """mu and logvar with a number added, as if the biases of their heads had it."""
    net, step = trace.example()
    state = state_of(net, step)
    state["mu"] = (np.array(state["mu"]) + [0.4, -0.2]).tolist()
    state["logvar"] = (np.array(state["logvar"]) + [-0.3, 0.1]).tolist()
    values = by_node("forward(known.model, known.state)", {"model": data["model"], "state": state})
    net.parameters.values["mu.b"] += [0.4, -0.2]
    net.parameters.values["logvar.b"] += [-0.3, 0.1]
    wanted = recorded(net, step)
    for name in ("h", "mu", "logvar", "z", "kl", "log_px", "loss"):
        np.testing.assert_allclose(flat(values[name]), wanted[name], rtol=1e-12)


def test_the_bugs_are_those_that_a_trace_finds(data):
    """See tests/lessons/test_trace.py for `of_the_gradient`."""
    assert [bug["name"] for bug in data["bugs"]] == [bug.name for bug in BUGS]
    for bug in data["bugs"]:
        assert bug["code"].startswith("def ") and '"""' not in bug["code"]


def test_every_step_has_its_line_and_its_equation(data):
    lines = dict(data["code"])
    for step in data["model"]["nodes"][2:] + data["model"]["gradients"]:
        assert trace.page_line(step["line"]) == lines[step["line"]].strip() != ""
        assert step["equation"] or step["paths"]
    assert data["code"][-1][1] == "return losses, self.parameters.gradient"


@pytest.mark.slow
@needs_node
def test_each_bug_is_that_of_python_and_marked_where_it_begins(data):
    states = [state_of(*pair) for pair in [trace.example(), *steps(4)]]
    found = by_node(
        """Object.entries({ "": {}, ...BUGS }).map(([name, bug]) => known.states.map((state) => {
            const values = forward(known.model, state);
            const gradients = backward(known.model, values, bug);
            const derivative = (row) => numerical(known.model, state, row);
            const wrong = known.model.gradients.filter((row) =>
                isWrong(known.model, values.loss[0][0], gradients[row.name], derivative(row)));
            return [name, wrong.map((row) => row.name), gradients];
        }))""",
        {"model": data["model"], "states": states},
    )
    assert [name for (name, *_), *_ in found] == ["", *(bug.name for bug in BUGS)]
    assert all(wrong == [] for _, wrong, _ in found[0])
    for bug, ((_, wrong, gradients), *others) in zip(BUGS, found[1:]):
        with bugs.planted(bug):
            traced = trace.trace(*trace.example())
        rows = [row for row in traced.gradients if row.name in gradients]
        assert wrong == [row.name for row in rows if not row.ok], bug.name
        for row in rows:
            np.testing.assert_allclose(
                flat(gradients[row.name]), row.value.ravel(), rtol=1e-11, atol=1e-13
            )
        assert all(elsewhere[0] == wrong[0] for _, elsewhere, _ in others), bug.name


@needs_node
def test_the_terms_of_each_gradient_add_up_to_it(data):
    """Local derivative times incoming gradient, for every number of every gradient."""
    found = by_node(
        """known.states.map((state) => {
            const values = forward(known.model, state);
            const found = backward(known.model, values);
            return known.model.gradients.map((row) => [row.name, found[row.name],
                found[row.name].map((numbers, n) => numbers.map((_, j) =>
                    sum(terms(known.model, values, found, row, n, j).map(([a, b]) => a * b))))]);
        })""",
        {"model": data["model"], "states": [state_of(*pair) for pair in steps(3)]},
    )
    for rows in found:
        assert [name for name, *_ in rows] == [g["name"] for g in data["model"]["gradients"]]
        for name, gradient, total in rows:
            np.testing.assert_allclose(flat(total), flat(gradient), rtol=1e-11, err_msg=name)


@needs_node
def test_finite_differences_are_pythons(data):
    net, step = trace.example()
    found = by_node(
        "known.model.gradients.map((row) => numerical(known.model, known.state, row))",
        {"model": data["model"], "state": state_of(net, step)},
    )
    for row, numbers in zip(trace.trace(net, step).gradients, found, strict=True):
        np.testing.assert_allclose(flat(numbers), row.numerical.ravel(), atol=1e-9)


def of_touch_js(*names):
    """Functions and constants of touch.js."""
    text = touch._file("touch.js")
    starts = [rf"^(?:function {name}\(.*?^}}|const {name} = .*?;)$" for name in names]
    return "\n".join(re.search(start, text, re.S | re.M)[0] for start in starts)


@needs_node
def test_an_entry_is_named_as_the_code_indexes_it(data):
    code = f"""{of_touch_js("indexed")}
        const values = forward(known.model, known.state);
        const gradients = backward(known.model, values);
        const names = ["encoder.0.dW", "mu.b", "h", "log_px", "loss"];
        return names.map((name) => indexed(name, 1, 0));"""
    known = {"model": data["model"], "state": data["state"]}
    names = by_node(f"(() => {{ {code} }})()", known)
    assert names == ["encoder.0.dW[1, 0]", "mu.b[0]", "h[1, 0]", "log_px[1]", "loss"]


@needs_node
def test_a_number_beyond_its_limits_is_not_cut_in_silence():
    code = f"""{of_touch_js("LIMITS", "minus", "written", "exact", "put")}
        const nodeOf = {{}}, state = {{ x: [[0]], eps: [[0]] }}, notes = [];
        const part = () => ({{ set textContent(said) {{ notes.push(said); }} }});
        const showSoon = () => {{}};
        put("x", 0, 0, 99);
        put("eps", 0, 0, -12.5);
        put("eps", 0, 0, 8);
        return [state, notes];"""
    state, notes = by_node(f"(() => {{ {code} }})()", {})
    assert state == {"x": [[1]], "eps": [[8]]}
    assert notes == [
        "x stays between 0 and 1: 99 is too far.",
        "eps stays between −9 and 9: −12.5000 is too far.",
        "",
    ]


def test_it_begins_after_the_forward_pass():
    assert "at = START" in touch._file("touch.js")
    assert "const START = stepOf.loss;" in touch._file("touch.js")


def test_equations_and_local_derivatives_are_set(data):
    assert {*data["local"]} == {g["label"] for g in data["model"]["gradients"] if g["label"]}
    for row in data["model"]["nodes"] + data["model"]["gradients"]:
        assert row["set"].startswith("<math") if row["equation"] else row["set"] == ""


def test_the_fragment_is_whole_asks_nothing_of_the_network_and_collides_with_no_page():
    text = touch.fragment()
    assert "{{" not in text and not re.search(r"""https?:|src=|@import|\burl\(""", text)
    html = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.S)
    names = re.findall(r'\b(?:id|class)="([^"]+)"', html)
    assert names and all(n.startswith("touch") for name in names for n in name.split())
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    for rule in re.findall(r"^\s*([^@{}/]+)\{", style, re.M):
        assert all("touch" in selector for selector in rule.split(",")), rule
