import re
from pathlib import Path

import numpy as np
import pytest
import walk

from numvae.lessons.trace import RULES
from numvae.rules import gaussian

NAMES = "x eps h mu logvar z h_dec log_px kl loss dlog_px dkl dh_dec dz dmu dlogvar dh"
DOCUMENTATION = "".join(rule.__doc__ or "" for rule in RULES.values())


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "--likelihood continuous-bernoulli --activation relu --seed 3",
        "--likelihood gaussian --objective sampled-elbo --samples 2",
    ],
)
def test_every_array_is_printed_with_its_label_and_none_is_wrong(typed, capsys):
    assert walk.main(typed.split()) == 0
    output, errors = capsys.readouterr()
    assert errors == "" and "WRONG" not in output and "nan" not in output
    assert max(map(len, output.splitlines())) <= 125
    names = re.findall(r"^  (\S+)", output, re.MULTILINE)
    for name in NAMES.split():
        assert names.count(name) == 1, name
    for layer in ("encoder.0", "mu", "logvar", "decoder.0"):
        assert {f"{layer}.dW", f"{layer}.db"} < {*names}
    labels = re.findall(r"^  \S+ +([A-Z]\d+) ", output, re.MULTILINE)
    assert len(labels) > 30 and all(f"({label})" in DOCUMENTATION for label in labels)
    assert "dlogvar = dlogvar_kl + dlogvar_z" in output
    assert re.search(
        r"^\d+ gradients, 0 of them wrong; largest relative error \de-1\d\.$", output, re.M
    )


def test_the_first_wrong_one_is_marked_and_the_answer_is_one(monkeypatch, capsys):
    right = gaussian.kl_backward
    monkeypatch.setattr(
        gaussian, "kl_backward", lambda dkl, mu, v: (right(dkl, mu, v)[0], dkl * np.expm1(v))
    )
    assert walk.main([]) == 1
    output = capsys.readouterr().out
    wrong = [line.split() for line in output.splitlines() if "WRONG" in line]
    assert [words[0] for words in wrong][:2] == ["dlogvar_kl", "dlogvar"]
    assert output.count("WRONG, and the first that is") == 1
    assert wrong[0][1:3] == ["K3", "gaussian.kl_backward"] and wrong[0][-1] == "is"
    assert f"{len(wrong)} of them wrong" in output


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("WRONG SIGN", "dmu_kl"),
        ("permuted", "likelihood.logits.dW"),
        ("σ head's gradient missing", "likelihood.dlogvar"),
        ("relu", "decoder.0.da"),
        ("of the L samples", "dmu_z"),
    ],
)
def test_a_bug_is_planted_in_a_model_where_it_matters_and_taken_out_again(typed, first, capsys):
    assert walk.main(["--bug", typed]) == 1
    output = capsys.readouterr().out
    assert re.search(f"^With a bug: .*{typed}", output, re.M | re.I)
    (line,) = [line for line in output.splitlines() if "the first that is" in line]
    assert line.split()[0] == first
    assert walk.main([]) == 0 and "bug" not in capsys.readouterr().out


def test_what_is_in_no_name_is_answered_with_all_and_in_several_with_those(refused):
    sentence = refused(walk.main, "--bug", "colour")
    assert "'colour' is in the name of no bug" in sentence and sentence.count(";") == 28
    sentence = refused(walk.main, "--bug", "KL gradient")
    assert "in the names of 2 bugs" in sentence and sentence.count(";") == 2


def test_both_pictures_are_drawn(capsys):
    assert walk.main(["--figure", "a.png", "--steps", "b.png"]) == 0
    assert all(Path(name).read_bytes().startswith(b"\x89PNG") for name in ("a.png", "b.png"))
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "The way forward and back is drawn in a.png.",
        "The error over the step is drawn in b.png.",
    ]


BAD = [
    ("--figure there.png", "there.png exists already"),
    ("--steps there.png", "there.png exists already"),
    ("--figure a.pdf", "a.pdf should end in .png"),
    ("--figure no/a.png", "there is no folder no"),
    ("--figure a.png --steps a.png", "--figure and --steps both name a.png"),
    ("--samples 0", "must be a whole number, at least 1, found 0"),
    ("--seed -1", "must be a whole number, at least 0, found -1"),
    ("--likelihood normal", "normal"),
    ("--objective elbow", "elbow"),
    ("x.npy", "x.npy"),
]


@pytest.mark.parametrize(("typed", "culprit"), BAD, ids=[typed for typed, _ in BAD])
def test_a_mistake_is_answered_with_one_line_and_nothing_is_written(typed, culprit, refused):
    assert culprit in refused(walk.main, *typed.split())


@pytest.mark.parametrize("objective, q", [("elbo", "z"), ("sampled-elbo", "mu")])
def test_a_path_that_the_kl_has_not_is_named(objective, q, capsys):
    assert walk.main(["--objective", objective]) == 0
    line = r"^  d(\w+)_kl +0: the KL does not contain (\w+) itself$"
    assert re.findall(line, capsys.readouterr().out, re.M) == [(q, q)]


@pytest.mark.parametrize("typed, is_said", [("of the minibatch before", 1), ("relu", 0)])
def test_that_no_minibatch_came_before_is_said_where_it_is_remembered(typed, is_said, capsys):
    assert walk.main(["--bug", typed]) == 1
    assert capsys.readouterr().out.count("There is no minibatch before this one") == is_said
