"""Every line of every derivation equals the line above, and no gradient is without a derivation."""

import ast
import importlib
import inspect
import math
import pkgutil
import re
import runpy
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numvae import rules
from numvae.lessons import derivations
from numvae.lessons.derivation_steps import DERIVATIONS, Derivation, Line
from numvae.lessons.derivations import LIMIT, NODES, errors, given, integral, jacobian, values

NAMES = [f"{derivation.rule} {derivation.of}" for derivation in DERIVATIONS]
BACKWARD = [
    f"{module.name}.{name}"
    for module in pkgutil.iter_modules(rules.__path__)
    for name, _ in inspect.getmembers(
        importlib.import_module(f"numvae.rules.{module.name}"), inspect.isfunction
    )
    if name.endswith("backward")
]


@pytest.mark.parametrize("derivation", DERIVATIONS, ids=NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_every_line_equals_the_one_above(derivation, seed):
    assert all(error < LIMIT for error in errors(derivation, seed))


@pytest.mark.parametrize("derivation", DERIVATIONS, ids=NAMES)
def test_a_derivation_has_four_to_ten_lines_that_fit(derivation):
    first, *following = derivation.lines
    assert 4 <= len(derivation.lines) <= 10
    assert " = " in first.equation and all(line.equation[0] in "=≥" for line in following)
    assert all(line.reason[0] and line.reason.endswith(".") for line in derivation.lines)
    assert max(map(len, derivations.shown(derivation).splitlines())) <= 100


def called(derivation):
    """The call of the rule in the last line, and which of its outputs is taken; or None."""
    for node in ast.walk(ast.parse(derivation.lines[-1].code)):
        match node:
            case ast.Subscript(value=ast.Call(func) as call, slice=ast.Constant(value=output)):
                if ast.unparse(func) == derivation.rule:
                    return ast.unparse(call), output
            case ast.Call(func) if ast.unparse(func) == derivation.rule:
                return ast.unparse(node), 0


def without(derived):
    """(rule, output) of every gradient in numvae/rules that no derivation ends in."""
    missing = []
    for rule in BACKWARD:
        ends = [(d, *called(d)) for d in derived if d.rule == rule and called(d)]
        result = eval(ends[0][1], given(ends[0][0])) if ends else None
        outputs = range(len(result) if isinstance(result, tuple) else 1)
        missing += [(rule, i) for i in outputs if i not in [output for *_, output in ends]]
    return missing


def test_every_output_of_every_backward_rule_is_derived():
    assert len(BACKWARD) >= 20
    assert without(DERIVATIONS) == []


def test_what_the_gradients_stand_on_is_derived_too():
    assert [name for name in NAMES if not re.search(r"backward d\w+$", name)] == [
        "importance.normalize softmax weights",
        "objectives.elbo the bound",
        "objectives.elbo the gap",
        "gaussian.kl KL",
        "gaussian.reparameterize ∂E_q[f(z)]/∂μ",
        "gaussian.reparameterize ∂E_q[f(z)]/∂logvar",
        "objectives.sampled_elbo Monte Carlo",
        "loss_and_grad dmu",
        "path_derivative.stl_backward the same mean",
        "optimizers.adam bias correction",
        "optimizers.adam the step",
    ]


def test_a_missing_derivation_is_noticed():
    kept = [d for d in DERIVATIONS if (d.rule, d.of) != ("dense.backward", "db")]
    assert without(kept) == [("dense.backward", 2)]
    kept = [d for d in DERIVATIONS if d.rule != "dropout.backward"]
    assert without(kept) == [("dropout.backward", 0)]


def changed(derivation, i, old, new):
    """The derivation with something else in the code of a line."""
    lines = list(derivation.lines)
    assert old in lines[i].code
    lines[i] = lines[i]._replace(code=lines[i].code.replace(old, new))
    return derivation._replace(lines=tuple(lines))


HALVES = [
    pytest.param(derivation, i, id=f"{name}, line {i + 1}")
    for derivation, name in zip(DERIVATIONS, NAMES)
    for i, line in enumerate(derivation.lines)
    if derivation.of == "dlogvar" and "0.5 * " in line.code
]


@pytest.mark.parametrize("derivation, i", HALVES)
def test_a_half_that_is_dropped_is_noticed(derivation, i):
    assert max(errors(changed(derivation, i, "0.5 * ", ""))) > 1e-3


def of(name):
    return DERIVATIONS[NAMES.index(name)]


def test_a_wrong_shape_and_a_bound_that_is_none_are_noticed():
    column = changed(of("gaussian.sampled_kl_backward dlogvar"), -1, " * ones((B, Z))", "")
    assert errors(column)[-1] == math.inf
    above = changed(of("objectives.elbo the bound"), 2, ".mean()", ".mean() + 10.0")
    assert errors(above)[1] == math.inf
    equal = Line("x = 1", "eye(2)", ""), Line("≥ 1", "eye(2)", "")
    assert errors(Derivation("", "", {}, equal)) == [0.0]


@pytest.mark.parametrize("off", [-0.5, 0.5])
def test_an_error_of_either_sign_is_a_fraction_of_the_largest_entry(off):
    codes = "-2.0 * eye(3)", f"({off} - 2.0) * eye(3)"
    lines = tuple(Line("= x", code, "") for code in codes)
    assert errors(Derivation("", "", {}, lines)) == [0.25]


@pytest.mark.parametrize(("x", "entry"), [("eye(2)", "entry [0, 0]"), ("eye(2)[0, 0]", "value")])
def test_a_derivation_is_shown_with_its_values_and_reasons(x, entry):
    lines = Line("dx_i = x", "x", "Because."), Line("= 1.5 x", "1.5 * x", "Why " * 30)
    lines += (Line("= x + ½ x", "x + 0.5 * x", "So."),)
    text = derivations.shown(
        Derivation("dense.forward", "of x", {"x": x, "y": "ones((2, 3))"}, lines)
    )
    assert text.splitlines() == [
        "dense.forward: of x",
        "x 2×2, y 2×3" if entry != "value" else "y 2×3",
        f"{entry} at a random point".rjust(100),
        f"{'dx_i = x':<86}   1.000000000",
        "        Because.",
        f"{'     = 1.5 x':<86}   1.500000000",
        8 * " " + " ".join(["Why"] * 23),
        8 * " " + " ".join(["Why"] * 7),
        f"{'     = x + ½ x':<86}   1.500000000",
        "        So.",
        "The lines agree to 0.5.",
    ]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("dense.backward dW", "dy 3×2, x 3×4, W 4×2, b 2"),
        ("activations.tanh_backward da", "a 3×4, dh 3×4, h 3×4"),
        (
            "gaussian.sampled_kl_backward dz",
            "dkl 4×3, eps 4×3×2, mu 3×2, logvar 3×2, z 4×3×2",
        ),
        ("categorical.log_likelihood_backward da", "dlogp 3, x 3×4, a 3×4"),
        ("poisson.log_likelihood_backward da", "dlogp 3, x 3×5, a 3×5, factorial 3×5"),
        (
            "optimizers.adam the step",
            "Eg 6, noise 5×7×6, g 5×7×6, age 5, m 7×6, v 7×6, m_hat 7×6, v_hat 7×6",
        ),
    ],
)
def test_axes_that_meet_differ_in_length(name, shapes):
    """So a sum over the wrong one shows."""
    assert derivations.shown(of(name)).splitlines()[1] == shapes


def test_the_gap_is_what_the_bound_leaves_out():
    bound, gap = of("objectives.elbo the bound"), of("objectives.elbo the gap")
    log_p, *_, elbo = values(bound, given(bound))
    assert log_p - elbo == pytest.approx(given(gap)["gap"]) and log_p - elbo > 0.1


def test_the_nodes_have_the_moments_of_the_normal_distribution():
    for a, moment_a in enumerate([1, 0, 1, 0, 3, 0]):
        for b, moment_b in enumerate([1, 0, 1, 0, 3, 0]):
            found = (NODES[..., 0] ** a * NODES[..., 1] ** b).mean()
            assert found == pytest.approx(moment_a * moment_b, abs=1e-12)


def test_derivatives_and_integrals_are_those_of_the_textbook(rng):
    x, A = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    expected = 2.0 * np.einsum("ai,nm,ni->anmi", A, np.eye(2), x)
    assert_allclose(jacobian(lambda x: A @ (x * x).T, x), expected, rtol=1e-14, atol=1e-14)
    assert_allclose(jacobian(lambda x: np.maximum(x, 0.0).sum(), x), x > 0.0)
    assert_allclose(jacobian(lambda x: x * x, np.array([3.0])), [[6.0]], rtol=1e-14)
    gaussian = integral(lambda z: np.exp(-0.5 * (z * z).sum(axis=-1)))
    assert_allclose(gaussian, 2.0 * np.pi, rtol=1e-14)


def test_the_command_lists_and_shows(capsys):
    assert derivations.main([]) == 0
    *lines, hint = capsys.readouterr().out.splitlines()
    listed = [re.split("  +", line) for line in lines]
    assert listed == [[d.rule, d.of, ", ".join(derivations.labels(d))] for d in DERIVATIONS]
    assert all(derivations.labels(derivation) for derivation in DERIVATIONS)
    assert derivations.main(["dense.backward"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("The lines agree to") == 3 and "= (xᵀ dy)_io" in shown
    assert hint.endswith(" K2") and derivations.main(["(D2)"]) == 0
    one = capsys.readouterr().out
    assert one.rstrip("\n") in shown and "δ_oo′ is 1 where" in one
    assert derivations.main(["tanh_backward"]) == 0
    assert derivations.main(["Z3"]) == 0
    assert capsys.readouterr().out.count(" 0.228737252\n") == 5  # the README has it


@pytest.mark.parametrize(("error", "code"), [(0.9e-12, 0), (1.1e-12, 1)])
def test_the_command_fails_where_lines_differ_by_1e_12(error, code, monkeypatch):
    lines = Line("x = 1", "eye(3)", "Given."), Line("= 1", f"(1.0 + {error}) * eye(3)", "(D1).")
    monkeypatch.setattr(derivations, "DERIVATIONS", [Derivation("a.b", "x", {}, lines)])
    assert derivations.main(["b"]) == code


def test_it_runs_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["derivations", "K2"])
    monkeypatch.delitem(sys.modules, derivations.__name__)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(derivations.__name__, run_name="__main__")
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("gaussian.kl_backward: dmu\n")


def test_what_has_no_derivation_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        derivations.main(["dense.forward"])
    assert stopped.value.code == 2
    assert "dense.forward has no derivation" in capsys.readouterr().err
