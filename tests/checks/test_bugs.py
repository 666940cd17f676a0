import pytest

from numvae.checks import gradients
from numvae.checks.bugs import BUGS, Bug, caught_by

SECTIONS = {"finite differences", "density", "moments", "optimizer", "invariants"}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_and_taken_out_again(bug):
    before = [getattr(owner, attribute) for owner, attribute, _ in bug.patches]
    caught = caught_by(bug)
    assert caught and set(caught) <= SECTIONS
    if "backward that fits it" in bug.name:  # this is what the definitions are for
        assert len(bug.patches) == 2 and "finite differences" not in caught
    assert [getattr(owner, attribute) for owner, attribute, _ in bug.patches] == before


def test_after_all_of_them_nothing_is_wrong_and_no_bug_means_none_caught():
    assert caught_by(Bug("none", ())) == []


def test_a_bug_that_crashes_a_check_is_taken_out_too():
    def crash(*_):
        raise ZeroDivisionError

    right = gradients.dense.forward
    with pytest.raises(ZeroDivisionError):
        caught_by(Bug("crash", ((gradients.dense, "forward", crash),)))
    assert gradients.dense.forward is right


def test_names_tell_the_bugs_apart():
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 12
    assert sum("backward that fits it" in bug.name for bug in BUGS) >= 3
