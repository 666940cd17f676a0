"""The exercises: unwritten as committed, solved by the package, and each bug of the gallery that
they can show is called by its name."""

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from numvae.checks.finite_differences import relative_error
from numvae.lessons import judge, ladder, small_model
from numvae.lessons.bugs import BUGS, planted
from numvae.lessons.exercises import load
from numvae.lessons.hints import HINTS

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "exercises"
FILES = sorted(FOLDER.glob("[0-9]*.py"))
EXERCISES = {path.stem: load(path) for path in FILES}
PIXEL, *WRITTEN = EXERCISES.values()
each = pytest.mark.parametrize("exercise", WRITTEN, ids=lambda exercise: exercise.name)


def test_they_are_counted_in_reading_order():
    assert [int(path.name[:2]) for path in FILES] == list(range(1, len(FILES) + 1))
    assert 16 <= len(FILES) <= 20
    assert FILES[0].stem == "01_one_pixel" and FILES[-1].stem == "20_faces"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_first_lines_say_what_to_read_how_to_run_and_how_long_it_takes(path):
    source = path.read_text(encoding="utf-8")
    assert re.search(r'^"""\S.*\n\nRead first  .*\nRun {9}.*\nTime {8}\d+ minutes\n"""', source)
    assert f"Run         python {path.name}; " in source
    for name in re.findall(r"numvae/\w+/\w+\.py|scripts/\w+\.py", source.split('"""')[1]):
        assert (FOLDER.parents[1] / name).is_file()


@pytest.mark.parametrize("path", FILES[1:], ids=lambda path: path.stem)
def test_as_committed_one_body_is_left_to_write(path, capsys):
    source = path.read_text(encoding="utf-8")
    assert source.count("    raise NotImplementedError\n") == 1
    assert len(source.splitlines()) <= 60
    assert EXERCISES[path.stem].answer([]) == 1
    output = capsys.readouterr().out
    assert output.startswith(f"Exercise {int(path.name[:2])}, {path.stem[3:]}: not written yet. ")
    assert os.path.relpath(path) in output


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_tested_is_not_among_the_names_that_an_answer_sees(path):
    """A `sigma` of the test would make an answer right that never computed its own."""
    _, *body, main = ast.parse(path.read_text(encoding="utf-8")).body
    assert {type(node) for node in body} <= {ast.Import, ast.ImportFrom, ast.FunctionDef}
    names = [node.name for node in body if isinstance(node, ast.FunctionDef)]
    assert names[-1] == "exercise" and len(names) <= 2 and isinstance(main, ast.If)


def test_a_file_runs_by_itself():
    done = subprocess.run(
        [sys.executable, FILES[2].name], cwd=FOLDER, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.endswith("Write it in 03_dense_backward.py, and run it again.\n")


@each
def test_the_solution_is_right(exercise, capsys):
    assert exercise.check(exercise.solution) == exercise.check(exercise.rule) == 0
    output = capsys.readouterr().out
    for error in re.findall(r"right, relative error (\S+)\. ", output):
        assert float(error) < 1e-7
    assert ("Next: " in output) == (exercise is not WRITTEN[-1])


@each
def test_there_are_two_hints_and_a_solution_with_its_reason(exercise, capsys):
    assert len(HINTS[exercise.name]) == 2
    texts = []
    for arguments in (["--hint"], ["--hint", "2"], ["--solution"], ["--hint", "1"]):
        assert exercise.answer(arguments) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 3 and texts[0] == texts[3]
    assert texts[0].endswith(" --hint 2\n") and texts[1].endswith(" --solution\n")
    for text, said in zip(texts, HINTS[exercise.name]):
        hint, _, _ = text.partition("\nMore: ")
        assert "".join(hint.split()) == "".join(said.split())
        assert max(map(len, hint.splitlines())) <= 80
    assert re.match(r"From numvae/\w+/\w+\.py:\n\n", texts[2])
    assert "    Why     " in texts[2] or "so that the" in texts[2] or "(G1)" in texts[2]
    assert inspect.getsource(exercise.solution).rstrip() in texts[2]


def test_every_hint_has_its_exercise():
    assert list(HINTS) == [exercise.name for exercise in WRITTEN]


@each
def test_every_bug_that_shows_is_called_by_its_name(exercise, capsys):
    for bug in BUGS:
        answer = exercise.with_bug(bug)
        if max(map(relative_error, answer, exercise.truth.values())) < 1e-7:
            continue

        def wrong(*inputs, bug=bug):
            with planted(bug):
                return exercise.rule(*inputs)

        found = f" ({bug.found})" if bug.found else ""
        assert exercise.check(wrong) == 1
        called = f"\n  It looks like a famous bug: {bug.name}{found}.\n"
        assert called in capsys.readouterr().out


def test_most_bugs_of_the_rules_show_in_an_exercise():
    shown = {
        bug.name
        for exercise in WRITTEN
        for bug in BUGS
        if max(map(relative_error, exercise.with_bug(bug), exercise.truth.values())) > 1e-7
    }
    assert len(shown) >= 35


def test_two_bugs_at_once_are_both_named(capsys):
    def twice_wrong(dy, x, W):
        return dy @ W.T, (x.T @ dy)[:, ::-1], dy[0]

    assert EXERCISES["03_dense_backward"].check(twice_wrong) == 1
    output = capsys.readouterr().out
    assert output.count("It looks like a famous bug: ") == 2
    assert "dW with its columns permuted" in output and "not summed over the batch" in output


def test_a_famous_bug_is_all_that_is_said():
    def wrong(dz, logvar, eps):
        return dz.sum(axis=0), (dz * eps).sum(axis=0) * np.exp(0.5 * logvar)

    assert EXERCISES["07_reparameterize_backward"].complaints(wrong) == [
        "dmu      is right",
        "dlogvar  is 2 times what it should be: a ½ is missing",
        "It looks like a famous bug: ∂σ/∂logvar without its ½.",
    ]


def forgotten(dkl, mu, logvar):
    return mu, dkl * 0.5 * (np.exp(logvar) - 1)


def variance_for_sigma(dz, logvar, eps):
    return dz.sum(axis=0), (dz * eps).sum(axis=0) * 0.5 * np.exp(logvar)


def root_for_sigma(dz, logvar, eps):
    return dz.sum(axis=0), (dz * eps).sum(axis=0) * 0.5 * np.sqrt(logvar)


def fresh_noise(dz, logvar, eps):
    eps = np.random.default_rng().standard_normal(dz.shape)
    return dz.sum(axis=0), (dz * eps).sum(axis=0) * 0.5 * np.exp(0.5 * logvar)


def seeded_noise(dz, logvar, eps):
    noise = np.random.default_rng(0).standard_normal(dz.shape)
    return dz.sum(axis=0), (dz * noise).sum(axis=0) * 0.5 * np.exp(0.5 * logvar)


def untransposed(dy, x, W):
    return dy @ W, x.T @ dy, dy.sum(axis=0)


def a_list(dkl, mu, logvar):
    return [dkl * mu, dkl * 0.5 * (np.exp(logvar) - 1)]


def rebound(theta, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g * g
    theta -= lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)


def in_the_variance(dkl, mu, logvar):
    return dkl * mu, dkl * 0.5 * (1 - np.exp(-logvar))


def in_the_standard_deviation(dkl, mu, logvar):
    sigma = np.exp(0.5 * logvar)
    return dkl * mu, dkl * (sigma - 1 / sigma)


def no_sum_over_samples(dz, logvar, eps):
    return dz, (dz * eps).sum(axis=0) * 0.5 * np.exp(0.5 * logvar)


def mean_for_sum(dy, x, W):
    return dy @ W.T, x.T @ dy, dy.mean(axis=0)


def wrong_sign(dkl, mu, logvar):
    return dkl * mu, dkl * 0.5 * (1 - np.exp(logvar))


def other_order(dkl, mu, logvar):
    return dkl * 0.5 * (np.exp(logvar) - 1), dkl * mu


def promoted(dh, h):
    return dh * (np.ones(h.shape) - h * h)


def in_place(dh, h):
    dh *= 1 - h * h
    return dh


def nothing(dh, h):
    dh * (1 - h * h)


def one_value(dkl, mu, logvar):
    return dkl * mu


def nan(dkl, mu, logvar):
    return dkl * mu, dkl * 0.5 * (np.exp(logvar) - np.log(-np.ones_like(mu)))


PLAUSIBLE = [
    (forgotten, "10_kl_backward", "the factor dkl, the gradient that comes in, is missing"),
    (variance_for_sigma, "07_reparameterize_backward", "e^logvar is σ², and σ is e^(½ logvar)"),
    (root_for_sigma, "07_reparameterize_backward", "np.sqrt(logvar) is not σ: logvar is log σ²"),
    (fresh_noise, "07_reparameterize_backward", "use the noise that is given, draw none"),
    (seeded_noise, "07_reparameterize_backward", "noise stands where eps should"),
    (untransposed, "03_dense_backward", "dy has the shape (5, 3) and W has (4, 3)"),
    (untransposed, "03_dense_backward", "dy @ W stands where dy @ W.T should"),
    (a_list, "10_kl_backward", "A list is returned"),
    (rebound, "18_adam", "m is unchanged: m = … makes a new array"),
    (in_the_variance, "10_kl_backward", "it is the derivative in σ²"),
    (in_the_standard_deviation, "10_kl_backward", "it is the derivative in σ, the factor ∂σ/∂logv"),
    (no_sum_over_samples, "07_reparameterize_backward", "is to be summed over axis 0"),
    (mean_for_sum, "03_dense_backward", "a mean over an axis of 5 where there should be a sum"),
    (wrong_sign, "10_kl_backward", "dlogvar  has the wrong sign"),
    (other_order, "10_kl_backward", "their order should be dmu, dlogvar"),
    (promoted, "04_tanh_backward", "float32 comes out as float64"),
    (in_place, "04_tanh_backward", "An input has been changed in place: dh."),
    (nothing, "04_tanh_backward", "Nothing is returned"),
    (one_value, "10_kl_backward", "The number of values returned is 1"),
    (nan, "10_kl_backward", "is not finite"),
]


@pytest.mark.parametrize(
    "function, name, cause", PLAUSIBLE, ids=[f.__name__ for f, _, _ in PLAUSIBLE]
)
def test_what_learners_get_wrong_is_named(function, name, cause, capsys):
    assert EXERCISES[name].check(function) == 1
    assert cause in capsys.readouterr().out


LOGVAR_BY_TWO_PATHS = "dz * eps * 0.5 * np.exp(0.5 * logvar) + 0.5 * (np.exp(logvar) - 1)"
MOMENTS = """m[...] = beta1 * m + (1 - beta1) * g
v[...] = beta2 * v + (1 - beta2) * g**2
m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
"""
SWAPPED = MOMENTS.replace("beta1", "β").replace("beta2", "beta1").replace("β", "beta2")
ADAM = MOMENTS + "theta -= lr * m_hat / (np.sqrt(v_hat) + eps)"
STEPS = """dsigma = (dz * eps).sum(axis=0)
dhalf = dsigma * sigma
return dz.sum(axis=0), dz, dsigma, dhalf, 0.5 * dhalf"""
DECODED = """h_dec = np.tanh(z @ q["W_2"] + q["b_2"])
return h_dec @ q["W_3"] + q["b_3"]"""
ONE_BRANCH = """z = mu + np.exp(0.5 * logvar) * eps
a = w * z + b
kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
nll = np.log(1 + np.exp(-a)) if x == 1 else np.log(1 + np.exp(a))
return z, a, nll, kl, nll + kl"""
WHOLE = ast.unparse(
    ast.parse(inspect.getsource(EXERCISES["19_loss_and_grad"].solution)).body[0].body[1:]
)

IN_PLACE = """m[...] = beta1 * m + (1 - beta1) * g
v[...] = beta2 * v + (1 - beta2) * g**2
m /= 1 - beta1**t
theta -= lr * m / (np.sqrt(v / (1 - beta2**t)) + eps)"""
EXCHANGED = ADAM.replace(
    MOMENTS[: MOMENTS.index("m_hat")],
    """m[...] = (1 - beta1) * m + beta1 * g
v[...] = (1 - beta2) * v + beta2 * g**2
""",
)
BY_SIGMA = """B, sigma = len(dz), np.exp(0.5 * logvar)
return dz + mu / B, dz * eps + {}"""
WITH_MATH = """import math
return mu + math.exp(0.5 * logvar) * eps"""

TYPICAL = [
    ("02_one_pixel_in_arrays", ONE_BRANCH, "np.where(condition, a, b) chooses for each entry"),
    ("04_tanh_backward", "return dh * (1 - h) ** 2", "where 1 - h ** 2 should"),
    ("05_relu_backward", "return dh * h", "h stands where h > 0.0 should"),
    ("06_reparameterize_in_steps", STEPS, "NameError: name 'sigma' is not defined"),
    (
        "10_kl_backward",
        "return dkl * mu, dkl * 0.5 * np.exp(logvar) - 1",
        "(np.exp(logvar) - 1) should",
    ),
    ("11_two_paths", f"return dz + mu, {LOGVAR_BY_TWO_PATHS}", "bug: loss averaged over the batch"),
    ("11_two_paths", f"return (dz + mu) / len(dz), {LOGVAR_BY_TWO_PATHS}", "mu / len(dz) should"),
    (
        "11_two_paths",
        "return dz, dz * eps * 0.5 * np.exp(0.5 * logvar)",
        "bug: KL in the loss, but",
    ),
    (
        "11_two_paths",
        f"B = dz.shape[1]\nreturn dz + mu / B, {LOGVAR_BY_TWO_PATHS} / B",
        "shape[0] should",
    ),
    (
        "13_bernoulli_backward",
        "return dlogp[:, None] * (x - logits)",
        "where 1.0 / (1.0 + np.exp(-logits))",
    ),
    (
        "18_adam",
        ADAM.replace("theta -=", "theta = theta -"),
        "theta is unchanged: theta = … makes a new",
    ),
    (
        "18_adam",
        ADAM.replace("(v_hat) + eps", "(v_hat + eps)"),
        "where np.sqrt(v_hat) + eps should",
    ),
    ("18_adam", ADAM.replace(MOMENTS, SWAPPED), "Everywhere, beta1 and beta2 have changed places"),
    (
        "18_adam",
        ADAM.replace("beta1 * m + (1 - beta1)", "beta2 * m + (1 - beta2)"),
        "where beta1 should",
    ),
    ("18_adam", IN_PLACE, "m is overwritten, and needed as it was"),
    ("18_adam", EXCHANGED, "1 - beta1 and beta1, 1 - beta2 and beta2 have changed places"),
    ("18_adam", ADAM.replace("**t", "*t"), "* t stands where ** t should"),
    ("18_adam", ADAM.replace("beta1**t", "beta1*t"), "* stands where ** should in beta1 * t"),
    (
        "11_two_paths",
        BY_SIGMA.format("(sigma**2 - 1) / B"),
        "0.5 * sigma is missing after dz * eps",
    ),
    (
        "11_two_paths",
        BY_SIGMA.format("0.5 * (sigma**2 - 1) / B"),
        "0.5 * sigma is missing after dz * eps",
    ),
    (
        "11_two_paths",
        BY_SIGMA.replace("eps", "eps * 0.5 * sigma").format("0.5 * (sigma - 1) / B"),
        "sigma is to be squared",
    ),
    ("02_one_pixel_in_arrays", WITH_MATH, "for arrays, use np.exp"),
    ("19_loss_and_grad", WHOLE.replace("(loss, d)", "(loss / B, d)"), "and should be 19.02"),
    (
        "19_loss_and_grad",
        WHOLE.replace(" * (1.0 - h_dec ** 2)", ""),
        "(1.0 - h_dec ** 2) is missing",
    ),
    ("19_loss_and_grad", WHOLE.replace(" * (1.0 - h ** 2)", ""), "(1.0 - h ** 2) is missing"),
    ("20_faces", DECODED, "where 1.0 / (1.0 + np.exp(-(h_dec"),
]


@pytest.mark.parametrize("name, body, cause", TYPICAL)
def test_what_people_write_is_soon_told_what_is_wrong(name, body, cause, tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "MOST", 2000)  # of changes, which take about a second
    path = Path(shutil.copy(FOLDER / f"{name}.py", tmp_path))
    write(path, textwrap.indent(body, "    ") + "\n")
    exercise = load(path)
    said = "\n".join(exercise.complaints(exercise.function))
    assert cause in said and "the sum of" not in said


def test_the_first_wrong_gradient_is_the_one_next_to_the_loss(tmp_path):
    path = Path(shutil.copy(FOLDER / "19_loss_and_grad.py", tmp_path))
    write(path, textwrap.indent(WHOLE.replace(" * (1.0 - h_dec ** 2)", ""), "    ") + "\n")
    said = load(path).complaints(load(path).function)
    wrong = [line.split()[0] for line in said if line.endswith(" is wrong")]
    assert wrong == ["W_2", "b_2", "W_mu", "b_mu", "W_logvar", "b_logvar", "W_1", "b_1"]
    assert said[-2].startswith("Begin with W_2, the first that is wrong")


def test_the_loss_takes_a_dict_of_gradients_and_the_wrong_ones_are_named(capsys):
    exercise = EXERCISES["19_loss_and_grad"]

    def swapped(q, x, eps):
        loss, gradients = exercise.rule(q, x, eps)
        return loss, {**gradients, "W_mu": np.zeros_like(gradients["W_mu"])}

    assert exercise.check(swapped) == 1
    output = capsys.readouterr().out
    assert re.findall(r"^  (\S+) +(?!is right)is", output, re.M) == ["W_mu"]
    assert exercise.check(lambda q, x, eps: (1.0, {"W_1": q["W_1"]})) == 1
    assert "The dict of gradients has no W_3, b_3, W_2, b_2, W_mu" in capsys.readouterr().out
    assert exercise.check(lambda *given: exercise.rule(*given)[0]) == 1  # the forward pass alone
    assert "The loss is right. The dict of gradients has no W_3" in capsys.readouterr().out
    loss, names = exercise.truth["loss"], ", ".join(small_model.SHAPES)
    for found in (loss + 1.0, loss * (1.0 + 1.5e-6), None):
        assert exercise.complaints(lambda *given, found=found: (found, {})) == [
            f"The loss should be {loss:.6g}. The dict of gradients has no {names}."
        ]
    assert exercise.check(lambda q, x, eps: None) == 1
    assert "Nothing is returned" in capsys.readouterr().out
    assert exercise.check(lambda q, x, eps: (1.0, 2.0, 3.0)) == 1
    assert "The number of values returned is 3; " in capsys.readouterr().out


HEAD = """
from numvae.rules import activations, importance
LOG_2PI, need_dx, observed = 1.8378770664093453, True, None
"""


@pytest.fixture
def copied(tmp_path):
    """A learner's copy of the folder, in the working folder."""
    return Path(shutil.copytree(FOLDER, tmp_path / "mine")).relative_to(tmp_path)


def write(path, body):
    """Write the body of an exercise's function."""
    text = path.read_text(encoding="utf-8").replace("    raise NotImplementedError\n", body)
    path.write_text(text.replace("\n\n\n", f"\n{HEAD}\n\n", 1), encoding="utf-8")


def solve(folder):
    """Write the solutions into a copy."""
    for path in sorted(folder.glob("[0-9]*.py"))[1:]:
        definition = ast.parse(inspect.getsource(load(path).solution)).body[0]
        body = "\n".join(map(ast.unparse, definition.body[1:]))
        write(path, re.sub("^", "    ", body, flags=re.M) + "\n")


def test_the_folder_shows_what_is_done_and_what_is_next(copied, capsys):
    assert ladder.main(copied, []) == 0
    output = capsys.readouterr().out
    assert output.startswith("0 of 20 exercises in mine are done.\n")
    assert output.endswith("Next: python mine/01_one_pixel.py\n".replace("/", os.sep))
    assert output.count("(may wait)") == 5
    (copied / "01_one_pixel.txt").write_text("z a nll kl loss da dz dmu dlogvar dw")
    write(copied / "02_one_pixel_in_arrays.py", "    return (z,\n")
    write(copied / "04_tanh_backward.py", "    print('loud')\n    return dh * (1 - h * h)\n")
    write(copied / "05_relu_backward.py", "    return dh\n")
    write(copied / "06_reparameterize_in_steps.py", "    return 1 / 0\n\n\nundefined\n")
    (copied / "07_reparameterize_backward.py").write_text("exercise = 7")
    (copied / "09_kl_in_steps.py").write_text("def exercise():\n    return 1 / 0\n")
    (copied / "08_kl.py").write_bytes(b"\xff")
    assert ladder.main(copied, []) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 of 20 exercises in mine are done."
    assert re.fullmatch(r"  02_one_pixel_in_arrays +Line \d+ is not Python yet: '\('.*", lines[2])
    assert lines[4].split() == ["04_tanh_backward", "done"]
    assert lines[5].endswith("  not right yet (may wait)")
    assert "`undefined`: NameError: name 'undefined' is not defined." in lines[6]
    assert lines[7].endswith("has no exercise() any more.") and "not Python" in lines[8]
    assert "Line 2, `return 1 / 0`: ZeroDivisionError" in lines[9]
    assert lines[20].split(maxsplit=1) == ["20_faces", "not written yet"]
    assert lines[-1].endswith("02_one_pixel_in_arrays.py") and "loud" not in "".join(lines)


def test_the_folder_takes_no_arguments(copied):
    with pytest.raises(SystemExit) as stopped:
        ladder.main(copied, ["--solution"])
    assert stopped.value.code == 2


@pytest.mark.slow
def test_a_copy_runs_as_a_folder(copied):
    done = subprocess.run([sys.executable, copied], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("0 of 20 exercises in mine are done.\n")


def test_with_everything_right_the_last_one_draws_what_it_has_learned(copied, capsys, monkeypatch):
    solve(copied)
    monkeypatch.setattr(small_model, "EPOCHS", 50)
    assert load(copied / "07_reparameterize_backward.py").answer([]) == 0
    assert re.search(
        r"It equals exercise 6, step by step, to \de-1\d\.|0e\+00", capsys.readouterr().out
    )
    last = load(copied / "20_faces.py")
    assert last.state() == "waits to be run" and last.answer([]) == 0
    output = capsys.readouterr().out
    picture = copied / "20_faces.png"
    *lines, last_line = output.splitlines()
    assert re.fullmatch(
        r"Exercise 20, faces: right, relative error \S+\. That was the last\.\n"
        r"Now your code learns 1000 faces of 28 × 20 pixels:\n"
        r"epoch 1: loss 3\d\d\.\d\d nats per face\n"
        r"epoch 50: loss 3\d\d\.\d\d nats per face",
        "\n".join(lines),
    )
    assert last_line == f"What your decoder makes of a plane of codes is drawn in {picture}."
    assert picture.stat().st_size > 10_000
    before = picture.read_bytes()
    assert last.answer([]) == 0 and picture.read_bytes() == before
    assert "is there already; to train again, move it away." in capsys.readouterr().out
    (copied / "01_one_pixel.txt").write_text("z a nll kl loss da dz dmu dlogvar dw")
    assert ladder.main(copied, []) == 0
    assert capsys.readouterr().out.startswith("20 of 20 exercises in mine are done.\n")


def test_the_last_one_waits_for_what_it_needs(copied, capsys):
    solve(copied)
    write_again = (FOLDER / "18_adam.py").read_text(encoding="utf-8")
    (copied / "18_adam.py").write_text(write_again, encoding="utf-8")
    assert load(copied / "20_faces.py").answer([]) == 0
    assert capsys.readouterr().out.endswith(
        "as soon as your adam and your loss_and_grad are right, too.\n"
    )
    assert not (copied / "20_faces.png").exists()
