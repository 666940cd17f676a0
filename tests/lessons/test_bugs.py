import pytest

from numvae.checks import gradients
from numvae.lessons import bugs
from numvae.lessons.bugs import BUGS, CHECKS, FORMULA, Bug, caught_by, planted


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_the_checks_that_it_names_and_taken_out_again(bug):
    before = [getattr(place, attribute) for place, attribute, _ in bug.patches]
    assert bug.patches and bug.caught
    assert set(caught_by(bug)) == set(bug.caught)
    assert [getattr(place, attribute) for place, attribute, _ in bug.patches] == before


def test_after_all_of_them_nothing_is_wrong_and_no_bug_means_none_caught():
    assert caught_by(Bug("none", FORMULA, (), ())) == ()


def test_a_bug_that_crashes_a_check_is_taken_out_too():
    def crash(*_):
        raise ZeroDivisionError

    right = gradients.dense.forward
    with pytest.raises(ZeroDivisionError):
        caught_by(Bug("crash", FORMULA, (), ((gradients.dense, "forward", crash),)))
    assert gradients.dense.forward is right


def test_inside_planted_the_bug_is_in_the_package():
    bug = BUGS[0]
    with planted(bug):
        assert all(getattr(place, name) is wrong for place, name, wrong in bug.patches)


def test_names_tell_the_bugs_apart_and_a_class_stands_together():
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 30
    assert max(len(bug.name) for bug in BUGS) <= 72  # the width of its column
    kinds = [bug.kind for bug in BUGS]
    runs = [kind for kind, before in zip(kinds, [None, *kinds]) if kind != before]
    assert len(runs) == len(set(runs)) == 6


def test_finite_differences_see_nothing_of_a_formula_whose_gradient_fits():
    formulas = [bug for bug in BUGS if bug.kind == FORMULA]
    assert len(formulas) >= 10
    assert not any("finite differences" in bug.caught for bug in formulas)
    others = {bugs.SLOPE, bugs.AXIS, bugs.PATH}
    assert all("finite differences" in bug.caught for bug in BUGS if bug.kind in others)


def test_every_check_is_needed():
    alone = {bug.caught[0] for bug in BUGS if len(bug.caught) == 1}
    assert alone == set(CHECKS)


def test_a_bug_is_found_by_its_name_or_by_a_part_that_no_other_has():
    known = [Bug(name, FORMULA, (), ()) for name in ("KL halved", "KL halved twice", "No mean")]
    assert bugs.named("no MEAN", known) is known[2]
    assert bugs.named("KL halved", known) is known[0]  # the whole name counts before its parts
    with pytest.raises(ValueError, match="2 bugs.*one of these: KL halved; KL halved twice\\."):
        bugs.named("kl", known)
    with pytest.raises(ValueError, match="no bug.*KL halved; KL halved twice; No mean"):
        bugs.named("nothing", known)
