import re
from pathlib import Path

import known_answer
import pytest


def table(text):
    """The numbers of each line of the table, and those of the optimum."""
    lines = re.findall(r"^  +(\d+|pPCA) +(-.*)$", text, re.MULTILINE)
    rows = [[float(n) for n in re.findall(r"-?\d+\.?\d*", line)] for _, line in lines]
    return rows[:-1], rows[-1]


@pytest.mark.slow
def test_training_reaches_the_answer_from_below(monkeypatch, capsys):
    monkeypatch.setattr(known_answer, "MEASURED", (0, 1, 10, 80))
    assert known_answer.main(["--figure", "new.png"]) == 0
    text = capsys.readouterr().out
    rows, (top, valid, _) = table(text)
    assert len(rows) == 4
    for elbo, gap, estimate, error, exact, _, _ in rows:
        # log w varies from draw to draw by about the gap, and 2,000 rows have 100 draws each.
        assert elbo + gap == pytest.approx(exact, abs=5.0 * gap / 200_000**0.5 + 2e-4)
        assert elbo <= estimate < exact + 5.0 * error + 2e-4
        assert exact <= top + 1e-4
    (first, *_), *_, (elbo, _, _, _, exact, held_out, angle) = rows
    assert first < top - 10.0
    assert [elbo, exact] == pytest.approx([top, top], abs=0.1)
    assert held_out == pytest.approx(valid, abs=0.1) and angle < 5.0
    assert Path("new.png").read_bytes().startswith(b"\x89PNG") and "\nnew.png\n" in text


def test_a_seed_fixes_every_number(monkeypatch, capsys):
    monkeypatch.setattr(known_answer, "MEASURED", (0, 1))
    found = []
    for seed in ("3", "3", "4"):
        known_answer.main(["--seed", seed])
        found.append(table(capsys.readouterr().out))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "typed, message",
    [
        ("--seed -1", "must be a whole number, at least 0, found -1"),
        ("--figure there.png", "there.png exists already"),
        ("--figure picture.pdf", "picture.pdf should end in .png"),
        ("--figure no/picture.png", "there is no folder no"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_before_any_work(typed, message, refused):
    assert message in refused(known_answer.main, *typed.split())
