import numpy as np
import pytest

from numvae.lessons import consequences
from numvae.lessons.bugs import BUGS, Bug
from numvae.lessons.consequences import EPOCHS, Curve, compare, learned, unnoticed, verdict
from numvae.settings import Settings

BY_NAME = {bug.name: bug for bug in BUGS}


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(consequences, "EPOCHS", 3)
    consequences.right.cache_clear()
    yield
    consequences.right.cache_clear()


def curve(reported, evaluated, start=-60.0):
    """What is between the start and the end counts for nothing."""
    between = np.full(EPOCHS - 1, 7.0)
    return Curve(np.append(between, reported), np.concatenate([[start], between, [evaluated]]))


RIGHT = curve(-45.0, -40.0)


@pytest.fixture
def few(monkeypatch):
    """One epoch of 60 rows."""
    data = {gray: [x[:60] for x in consequences.data(gray)] for gray in (True, False)}
    monkeypatch.setattr(consequences, "data", lambda black_and_white: data[black_and_white])
    monkeypatch.setattr(consequences, "N_VALID", 60)
    monkeypatch.setattr(consequences, "EPOCHS", 1)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_program_with_the_bug_trains(name, few):
    """Well or badly: but what is planted fits into the loop as it is."""
    bug = BY_NAME[name]
    curve = consequences.train(bug, **bug.mode)
    assert len(curve.reported) <= 1 and len(curve.evaluated) == len(curve.reported) + 1


@pytest.mark.parametrize(
    "name",
    [
        "β weighs the reconstruction instead of the KL",
        "dropout without 1 / (1 − rate)",
        "the input's gradient through the skip path forgotten",
        "weight decay that lets the weights grow",
        "factors at the start not rotated",
        "σ where σ² belongs, at the start",
        "the sign of the log-volume",
    ],
)
def test_a_bug_matters_in_its_own_mode(name, few):
    bug = BY_NAME[name]
    wrong, right = (consequences.train(which, **bug.mode) for which in (bug, None))
    ends = zip((wrong.reported, wrong.evaluated), (right.reported, right.evaluated))
    assert not all(np.array_equal(*pair) for pair in ends)


def test_every_mode_is_one_that_the_settings_allow():
    for bug in BUGS:
        Settings(**bug.mode).checked()


@pytest.mark.parametrize(
    ("reported", "evaluated", "words"),
    [
        (-45.0, -40.0, "looks right, is as good"),
        (-45.8, -39.3, "looks right, is as good"),
        (-20.0, -42.5, "looks 25 better, is 2.5 worse"),
        (-53.25, -38.0, "looks 8.2 worse, is 2.0 better"),
        (-45.0, -58.1, "looks right, learns nothing"),
        (-45.0, -61.9, "looks right, learns nothing"),
        (-45.0, -58.0, "looks right, is 18 worse"),
        (-45.0, -62.0, "looks right, ends worse than it began"),
        (-45.0, -90.0, "looks right, ends worse than it began"),
    ],
)
def test_the_verdict_is_made_from_the_numbers(reported, evaluated, words):
    assert verdict(curve(reported, evaluated), RIGHT) == words


@pytest.mark.parametrize(
    ("reported", "truth", "words"),
    [
        (-51.0, -50.0, "looks 1.0 worse"),  # by 2 % of it, not less
        (9.94, 0.0, "looks 9.9 better"),
        (9.95, 0.0, "looks 10 better"),
        (10.4, 0.0, "looks 10 better"),
        (1234.6, 0.0, "looks 1,235 better"),
    ],
)
def test_a_difference_is_said_in_two_digits_or_as_a_whole_number(reported, truth, words):
    curves = curve(reported, -40.0), curve(truth, -40.0)
    assert verdict(*curves) == f"{words}, is as good"
    assert unnoticed(*curves) == words.endswith("better")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "none"),
        ([7.0, 7.0, np.nan], "none"),
        ([np.nan, 7.0, 1e9, -45.04], "-45.0"),
        ([7.0, 7.0, 7.0, -99_999.0], "-99999.0"),
        ([7.0, 7.0, 7.0, -100_000.0], "-1e+05"),
    ],
)
def test_a_curve_ends_in_a_number_that_fits_into_its_column(values, text):
    assert consequences.last(np.array(values)) == text


def test_what_diverges_says_when_and_is_noticed():
    broken = Curve(np.full(4, -45.0), np.full(5, -45.0))
    assert verdict(broken, RIGHT) == "diverges in epoch 5" and not unnoticed(broken, RIGHT)
    nan = curve(-45.0, np.nan)
    assert verdict(nan, RIGHT).startswith("diverges") and not unnoticed(nan, RIGHT)


def test_a_loss_that_looks_right_or_better_is_not_noticed():
    assert unnoticed(curve(-45.8, -90.0), RIGHT) and unnoticed(curve(0.0, -90.0), RIGHT)
    assert not unnoticed(curve(-46.0, -45.0), RIGHT)


def test_the_right_program_reports_what_is_evaluated(short):
    curve = consequences.right()
    assert curve.reported == pytest.approx([-53.41, -51.42, -49.69], abs=0.02)
    assert curve.evaluated == pytest.approx([-53.97, -51.94, -49.87, -48.27], abs=0.02)
    assert (np.diff(curve.evaluated) > 0.0).all()
    assert curve.reported[-1] == pytest.approx(curve.evaluated[-1], abs=2.0)
    assert verdict(curve, curve) == "looks right, is as good"


def test_the_evaluation_has_no_bug(short):
    """Without ½ log 2π a program reports more by that for each pixel, and learns the same bits."""
    bug, truth = compare(BY_NAME["½ log 2π left out of the log-density"])
    np.testing.assert_array_equal(bug.evaluated, truth.evaluated)
    constant = 196 * 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(bug.reported - truth.reported, constant, rtol=1e-4)


def test_a_gradient_that_nobody_reads_changes_nothing(short):
    bug, truth = compare(BY_NAME["the gradient written into a new array that nobody reads"])
    assert (bug.evaluated == bug.evaluated[0]).all() and bug.evaluated[0] == truth.evaluated[0]
    assert "learns nothing" in verdict(bug, truth)


def test_the_gradient_summed_over_the_batch_is_hidden_by_adam(short):
    bug, truth = compare(BY_NAME["loss averaged over the batch, its gradient summed"])
    np.testing.assert_allclose(bug.evaluated, truth.evaluated, atol=0.5)


REPORTED = """
Each bug trains the same small model from the same seed as the right program.
  says  the bound that its own loss reports in the last epoch
  is    that of what it has learned, by the right code, on held-out digits
Nats per example, higher is better; in brackets the right program.

a factor

  doubled
    says -45.8 (-45.0)   is -57.0 (-40.0)   looks right, is 17 worse
    caught by density, moments; found in a blog

  halved
    says 0.0 (-45.0)   is -58.0 (-40.0)   looks 45 better, is 18 worse
    {halved}

an axis

  the other
    says -2e+05 (-45.0)   is none (-40.0)   diverges in epoch 5
    {other}

{n} of 3 planted bugs caught. With 1 of them the model learns all the same, and with 2 the \
reported loss looks right or better: nobody would notice.
"""


@pytest.mark.parametrize("survive", [True, False])
def test_the_report_has_every_bug_under_its_kind_and_counts_them(monkeypatch, capsys, survive):
    checks = {"doubled": ("density", "moments"), "halved": ("epochs",), "the other": ("density",)}
    if survive:
        checks |= {"halved": (), "the other": ()}
    kinds = dict(zip(checks, ("a factor", "a factor", "an axis")))
    made = [Bug(name, kind, (), ()) for name, kind in kinds.items()]
    made[0] = made[0]._replace(found="found in a blog")
    broken = Curve(np.full(4, -2e5), np.full(5, np.nan))
    curves = dict(zip(checks, (curve(-45.8, -57.0), curve(0.0, -58.0), broken)))
    monkeypatch.setattr(consequences.bugs, "BUGS", made)
    monkeypatch.setattr(consequences.bugs, "caught_by", lambda bug: checks[bug.name])
    monkeypatch.setattr(consequences, "compare", lambda bug: (curves[bug.name], RIGHT))
    assert consequences.report(None) == survive
    said = ("SURVIVES", "SURVIVES") if survive else ("caught by epochs", "caught by density")
    expected = REPORTED.format(n=1 if survive else 3, halved=said[0], other=said[1])
    assert capsys.readouterr().out == expected.lstrip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", sorted({tuple(sorted(bug.mode.items())) for bug in BUGS}, key=str), ids=str
)
def test_another_seed_moves_the_right_program_by_less_than_what_counts(mode):
    curves = [consequences.train(None, seed=seed, **dict(mode)) for seed in (2014, 1, 2)]
    ends = [curve.evaluated[-1] for curve in curves]
    assert max(ends) - min(ends) < consequences.SMALL * abs(ends[0])


def test_the_digits_are_small_sorted_and_black_and_white_where_asked():
    x, held_out = consequences.data(black_and_white=True)
    assert x.shape == (1000, 196) and held_out.shape == (500, 196) and x.dtype == np.float32
    assert set(np.unique(x)) == {0.0, 1.0}
    gray, _ = consequences.data(black_and_white=False)
    assert len(np.unique(gray)) > 100
    between = np.linalg.norm(np.diff(gray, axis=0), axis=1).mean()
    assert between < np.linalg.norm(gray[:500] - gray[500:], axis=1).mean()


def test_the_picture_shows_bugs_that_are_there():
    assert set(consequences.SHOWN) <= set(BY_NAME)


def test_the_share_that_is_learned_is_that_of_the_right_program():
    assert learned(RIGHT, RIGHT) == 1.0
    assert learned(curve(0.0, -60.0), RIGHT) == 0.0
    assert learned(curve(0.0, -50.0), RIGHT) == 0.5
