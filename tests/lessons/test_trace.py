"""The trace is of the real step, and shows where a wrong gradient begins."""

import inspect
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from numvae import rules
from numvae.lessons import trace
from numvae.lessons.bugs import BUGS, of_the_gradient, planted
from numvae.network import Autoencoder, likelihoods, objectives
from numvae.rules import activations, dense, gaussian

OF_THE_LOSS = [name for name in objectives.NAMES if objectives.objective(name).of_the_loss]
MODES = (
    [{"likelihood": name} for name in likelihoods.NAMES]
    + [{"activation": name} for name in activations.NAMES if name != "tanh"]
    + [{"objective": name, "n_samples": 3} for name in OF_THE_LOSS]
    + [{"objective": "sampled-elbo", "likelihood": "gaussian-sigma-z", "n_samples": 2, "seed": 1}]
)
RULES = "".join(p.read_text(encoding="utf-8") for p in Path(rules.__path__[0]).glob("*.py"))


@pytest.fixture(scope="module", params=MODES, ids=lambda mode: " ".join(map(str, mode.values())))
def traced(request):
    net, step = trace.example(**request.param)
    return net, step, trace.trace(net, step)


def test_every_gradient_is_the_derivative_and_the_step_is_the_real_one(traced):
    net, step, found = traced
    assert [g.name for g in found.gradients if not g.ok] == []
    assert max(g.error for g in found.gradients) < 1e-7
    losses, gradient = Autoencoder(**net.config, parameters=net.parameters).loss_and_grad(*step)
    assert losses == found.losses
    assert_array_equal(gradient, found.gradient)
    by_name = {g.of: g.value.ravel() for g in found.gradients}
    assert_array_equal(np.concatenate([by_name[name] for name in net.parameters.values]), gradient)


def test_the_paths_that_meet_sum_to_the_total(traced):
    *_, found = traced
    by_name = {g.name: g for g in found.gradients}
    assert len(by_name) == len(found.gradients)
    n_paths = Counter(g.of for g in found.gradients if g.through)
    totals = {g.of: g for g in found.gradients if g.paths}
    assert {*totals} == {of for of, n in n_paths.items() if n > 1} >= {"h", "logvar"}
    for total in totals.values():
        parts = [by_name[name] for name in total.paths]
        assert {part.of for part in parts} == {total.of} and len(parts) == n_paths[total.of]
        assert_array_equal(sum(part.value for part in parts), total.value)


def test_each_array_has_the_label_of_an_equation_of_its_rule(traced):
    *_, found = traced
    for row in (*found.nodes[2:], *(g for g in found.gradients if not g.paths)):
        module, _, name = row.rule.partition(".")
        rule = getattr(getattr(rules, module), name)
        assert f"({row.label})" in rule.__doc__ and f"({row.label})" in RULES
    for name, given in zip(("x", "eps"), found.nodes):
        assert given[:-1] == (name, "", "", "", 0, ())


@pytest.mark.parametrize("likelihood", likelihoods.NAMES)
def test_the_example_has_data_of_its_likelihood_and_no_bias_of_0(likelihood):
    net, (x, _, beta, _) = trace.example(likelihood)
    assert x.shape == (3, 6) and beta == 1.0
    assert all(value.all() for value in net.parameters.values.values())
    if likelihood in likelihoods.COUNTS:
        assert (x == np.rint(x)).all() and x.max() > 1.0
    elif likelihood in ("bernoulli", "categorical"):
        assert set(np.unique(x)) == {0.0, 1.0}
        assert (x.sum(axis=1) == 1.0).all() == (likelihood == "categorical")
    else:
        assert ((x > 0.0) & (x < 1.0)).all()


@pytest.mark.parametrize("name", objectives.NAMES)
def test_the_example_has_noise_where_z_is_drawn(name):
    _, (_, eps, _, objective) = trace.example(objective=name)
    assert eps.any() == objective.draws_z


def test_names_and_lines_are_those_of_the_page():
    """By hand, for the ELBO: dmu = dmu_z + dmu_kl, and its two paths by (K2) and (Z2)."""
    net, (x, eps, *rest) = trace.example(n_samples=2)
    found = trace.trace(net, (x, eps, *rest))
    at = {row.name: row.value for row in (*found.nodes, *found.gradients)}
    assert_allclose(at["dmu_kl"], at["mu"] / 3, rtol=1e-14)
    assert_allclose(at["dlogvar_kl"], (np.exp(at["logvar"]) - 1) / 6, rtol=1e-13)
    assert_allclose(at["dmu_z"], at["dz"].sum(axis=0), rtol=1e-14)
    sigma = np.exp(at["logvar"] / 2)
    assert_allclose(at["dlogvar_z"], (at["dz"] * eps).sum(axis=0) * sigma / 2, rtol=1e-14)
    assert_allclose(at["z"], at["mu"] + sigma * eps, rtol=1e-14)
    assert_array_equal(at["x"], x)
    page, start = inspect.getsourcelines(Autoencoder.loss_and_grad)
    for row in (*found.nodes[2:], *found.gradients):
        line = trace.page_line(row.line)
        assert line == page[row.line - start].strip()
        if row.name in Autoencoder.loss_and_grad.__code__.co_varnames:
            assert re.search(rf"\b{row.name}\b.* = ", line), row.name


@pytest.mark.parametrize("objective", objectives.NAMES)
@pytest.mark.parametrize("likelihood", likelihoods.NAMES)
def test_from_a_line_of_the_page_to_its_formula_it_is_two_files(likelihood, objective):
    """That of a layer, a likelihood or an objective, and the rule's; a likelihood's own layers are
    one file further."""
    net, step = trace.example(likelihood, objective=objective)
    with trace._watched() as watch:

        def visit(call):
            frame, between = inspect.currentframe(), set()
            while frame.f_code is not trace.PAGE:
                between.add(Path(frame.f_code.co_filename).name)
                frame = frame.f_back
            between -= {Path(__file__).name, "trace.py", "autoencoder.py"}
            if call.key[0] is dense and len(between) == 2:
                assert between == {"likelihoods.py", "layers.py"}
            else:
                assert len(between) <= 1
            return call.run()

        watch.visit = visit
        net.loss_and_grad(*step)


def test_with_a_sampled_kl_z_has_two_paths_and_mu_one():
    found = trace.trace(*trace.example(objective="sampled-elbo"))
    paths = {g.name: g.paths for g in found.gradients if g.paths}
    assert paths["dz"] == ("dz_kl", "dz_decoder.0.a")
    assert paths["dlogvar"] == ("dlogvar_kl", "dlogvar_z") and "dmu" not in paths


def test_depth_dropout_and_missing_values_are_walked_too():
    rng = np.random.default_rng(0)
    net = Autoencoder(6, 2, (4, 3), "elu", "gaussian", 0.5, 0.4, 0.3, dtype="f8").initialize(rng)
    observed = (rng.random((3, 6)) < 0.7).astype(float)
    step = observed * rng.random((3, 6)), net.noise(rng, 2, 3), 0.5, None, None, observed
    found = trace.trace(net, (*step, net.masks(rng, 2, 3)))
    assert all(g.ok for g in found.gradients)
    assert {"Q1", "F1"} < {node.label for node in found.nodes}
    assert {"Q2", "F2"} < {g.label for g in found.gradients}


def test_every_gradient_rule_returns_what_its_docstring_says():
    """The names in the labelled equations, as (D2, D3, D4), and the arrays returned."""
    found = trace.gradients_of(dense.forward, dense.backward)
    assert found == {"x": "D4", "W": "D2", "b": "D3"}
    found = trace.gradients_of(gaussian.sampled_kl, gaussian.sampled_kl_backward)
    assert found == {"z": "K5", "logvar": "K6"}
    for (module, name), rule in trace.RULES.items():
        if name.endswith("backward"):
            key = module, name.removesuffix("_backward").replace("backward", "forward")
            assert trace.gradients_of(trace.RULES[key], rule), name


OPTIONS = "likelihood", "activation", "objective", "n_samples"  # of `trace.example`


def in_one_gradient_rule(bug):
    (*key, _), *others = bug.patches
    is_gradient = tuple(key) in trace.RULES and key[1].endswith("backward")
    return not others and is_gradient and bug in of_the_gradient(*OPTIONS)


BUGS_OF_RULES = [bug for bug in BUGS if in_one_gradient_rule(bug)]


@pytest.mark.parametrize("bug", BUGS_OF_RULES, ids=lambda bug: bug.name)
def test_the_first_wrong_gradient_is_that_of_the_rule_with_the_bug(bug):
    ((module, name, _),) = bug.patches
    net, step = trace.example(**bug.mode)
    with planted(bug):
        found = trace.trace(net, step)
    first = next(g for g in found.gradients if not g.ok)
    assert first.rule == f"{module.__name__.rpartition('.')[2]}.{name}"


def test_there_are_such_bugs():
    assert len(BUGS_OF_RULES) >= 8


@pytest.mark.slow
def test_the_bugs_of_the_gradient_are_those_that_a_trace_finds():
    found = []
    for bug in BUGS:
        with planted(bug):
            if not all(g.ok for g in trace.trace(*trace.example()).gradients):
                found.append(bug)
    assert found == of_the_gradient() and len(found) >= 19


@pytest.mark.parametrize("bug", of_the_gradient(*OPTIONS), ids=lambda bug: bug.name)
def test_each_of_them_shows_in_its_own_mode(bug):
    net, step = trace.example(**bug.mode)
    with planted(bug):
        assert not all(g.ok for g in trace.trace(net, step).gradients)


def test_a_path_forgotten_on_the_page_shows_in_the_sum(monkeypatch):
    """The rules are right then; what is wrong is what reaches the next of them."""
    right = objectives.ELBO.backward
    monkeypatch.setattr(objectives.ELBO, "backward", lambda self: (*right(self)[:3], 0.0))
    found = trace.trace(*trace.example())
    first = next(g for g in found.gradients if not g.ok)
    assert first.name == "dlogvar" and first.paths == ("dlogvar_kl", "dlogvar_z")


def test_after_a_trace_the_rules_are_their_own_again():
    trace.trace(*trace.example())
    assert all(getattr(module, name) is rule for (module, name), rule in trace.RULES.items())


def test_the_error_follows_two_laws():
    """(N2): of sin q, h² / 6 is left out, relative to the slope; and half of it, as we measure."""
    q, steps = np.array([0.3, -0.8]), np.logspace(-9, -0.5, 18)
    error, rounding, truncation = trace.error_by_step(lambda: np.sin(q).sum(), q, np.cos(q), steps)
    assert_allclose(truncation, steps**2 / 12, rtol=0.02)
    assert_allclose(error[steps > 1e-3], truncation[steps > 1e-3], rtol=0.05)
    assert np.finfo(float).eps / 100 < (rounding * steps)[0] < np.finfo(float).eps
    best = np.cbrt((rounding * steps)[0] / (2 * (truncation / steps**2)[0]))
    assert 0.2 < best / steps[error.argmin()] < 5


def test_errors_by_step_are_a_v_in_both_precisions():
    """(N2): the best step of float64 is far smaller than that of float32."""
    steps = np.logspace(-8, 0, 17)
    found = trace.errors_by_step(*trace.example(), steps, "logvar.W")
    assert list(found) == ["float32", "float64"]
    best = [steps[error.argmin()] for error, *_ in found.values()]
    assert 1e-3 < best[0] < 0.2 and 1e-6 < best[1] < 1e-4
    for error, rounding, truncation in found.values():
        near = np.abs(np.log10(error / (rounding + truncation)))
        assert np.median(near) < 0.3


def test_a_graph_is_names_and_numbers():
    found = trace.trace(*trace.example())
    nodes, edges = trace.graph(found)
    by_name = {g.name: np.linalg.norm(g.value) for g in found.gradients}
    assert nodes["mu"] == {
        "shape": (3, 2),
        "label": "D1",
        "rule": "rules/dense.py",
        "caller": "network/layers.py",
        "norms": {"dmu": by_name["dmu"], "dW": by_name["mu.dW"], "db": by_name["mu.db"]},
    }
    assert nodes["x"]["rule"] == "" and nodes["loss"]["norms"] == {}
    assert {name: node["shape"] for name, node in nodes.items()} == {
        "x": (3, 6),
        "eps": (1, 3, 2),
        "encoder.0.a": (3, 4),
        "h": (3, 4),
        "mu": (3, 2),
        "logvar": (3, 2),
        "z": (1, 3, 2),
        "decoder.0.a": (3, 4),
        "h_dec": (3, 4),
        "likelihood.logits": (3, 6),
        "log_px": (1, 3),
        "kl": (3, 2),
        "loss": (),
    }
    assert ("mu", "kl", "K2", by_name["dmu_kl"]) in edges
    assert ("x", "log_px", "", None) in edges
    assert {name for edge in edges for name in edge[:2]} == {*nodes}
