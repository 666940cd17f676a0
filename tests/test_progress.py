import io
import itertools
import re
import sys
import time

import numpy as np
import pytest

from numvae.progress import Countdown, Progress, duration, say


class Terminal(io.StringIO):
    def isatty(self):
        return True


def row(epoch, held_out=True):
    numbers = {"elbo": -1000.0 + epoch / 100, "nll": 90.0, "kl": 10.0}
    prefixes = ("train", "valid") if held_out else ("train",)
    return {"epoch": epoch, **{f"{p}_{k}": v for p in prefixes for k, v in numbers.items()}}


def run(file, epochs, held_out=True, n_examples=300):
    progress = Progress(epochs, n_examples, file=file)
    for epoch in range(1, epochs + 1):
        for seen in range(100, n_examples + 1, 100):
            progress.step(seen)
        progress.epoch(row(epoch, held_out))
    progress.close()
    return file.getvalue()


@pytest.mark.parametrize(("epochs", "every"), [(500, 25), (507, 26), (10_000, 500)])
def test_a_log_file_gets_about_twenty_plain_lines(epochs, every):
    output = run(io.StringIO(), epochs)
    lines = output.splitlines()
    assert not set("\r\033█") & set(output)
    shown = [int(re.search(r"epoch +(\d+)/", line)[1]) for line in lines]
    assert shown == [1, *range(every, epochs, every), epochs]
    assert all(f"/{epochs}  ELBO -" in line and "held-out" in line for line in lines)
    assert all(re.search(r"\d s left$", line) for line in lines[:-1])
    assert len({line.index("ELBO") for line in lines}) == 1  # in columns


@pytest.mark.parametrize("every", [1, 7, 17, 49])
def test_epochs_that_are_not_all_measured_leave_as_many_lines(every):
    file = io.StringIO()
    progress = Progress(1000, 300, file=file)
    for epoch in range(every, 1001, every):
        progress.epoch(row(epoch))
    shown = [int(n) for n in re.findall(r"epoch +(\d+)/", file.getvalue())]
    assert 19 <= len(shown) <= 21 and max(np.diff(shown)) < 100


@pytest.mark.parametrize("epochs", [1, 2, 3, 19])
def test_a_short_run_is_logged_epoch_by_epoch(epochs):
    assert len(run(io.StringIO(), epochs).splitlines()) == epochs


@pytest.mark.parametrize("held_out", [False, True])
def test_a_terminal_has_one_line_drawn_over_and_left_whole(held_out):
    output = run(Terminal(), 50, held_out)
    assert output.count("\n") == 1 and output.endswith("\n")
    first, last = output.split("\r")[1], output.split("\r")[-1]
    assert "epoch 1/50" in first and re.search(r"\d+ s left", first)
    assert "50 epochs in 0 s  ELBO -999.5" in last
    assert ("held-out" in output) is held_out


def test_a_terminal_is_redrawn_ten_times_a_second_at_most(monkeypatch):
    """Ten thousand steps of a millisecond: the clock is the test's own."""
    clock = itertools.count(1.0, 0.001)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert 90 < run(Terminal(), 1, n_examples=1_000_000).count("\r") <= 102


def test_the_time_left_is_the_time_taken_times_what_is_left():
    file = Terminal()
    progress = Progress(4, 100, file=file)
    progress.start -= 60.0  # as if begun a minute ago
    progress.epoch(row(1))
    progress.step(0)  # a quarter is done
    assert file.getvalue() == (
        f"\r  {'█' * 5}{'·' * 15} epoch 2/4  ELBO -1000.0  held-out -1000.0  (nll 90.0 + KL 10.0)  "
        "3 min 00 s left\033[K"
    )


def test_where_a_run_may_end_early_the_time_left_is_the_most_there_will_be():
    for file in (Terminal(), io.StringIO()):
        progress = Progress(4, 100, file=file, may_end_early=True)
        progress.start -= 60.0
        progress.epoch(row(1))
        progress.step(0)
        assert "at most 3 min 00 s left" in file.getvalue()
        progress.epoch(row(4))
        assert "at most" not in progress.remaining()


def test_a_run_that_goes_on_counts_what_is_left_of_it():
    file = Terminal()
    progress = Progress(12, 100, finished=10, file=file)
    progress.start -= 60.0
    progress.step(50)  # a quarter of the two epochs
    assert "epoch 11/12" in file.getvalue() and "3 min 00 s left" in file.getvalue()


@pytest.mark.parametrize(
    ("finished", "says"), [(10, ["1 min 00 s left", "1 min 00 s"]), (11, ["1 min 00 s"])]
)
def test_a_log_of_a_run_that_goes_on_says_the_time_left_and_at_the_end_the_time_taken(
    finished, says
):
    file = io.StringIO()
    progress = Progress(12, 100, finished, file)
    progress.start -= 60.0
    for epoch, text in zip(range(finished + 1, 13), says):
        progress.epoch(row(epoch, held_out=False))
        assert file.getvalue().endswith(f"  epoch {epoch}/12  ELBO -999.9  {text}\n")
    assert file.getvalue().count("\n") == len(says)


@pytest.mark.parametrize(("finished", "says"), [(0, "2 epochs"), (1, "1 epoch")])
def test_at_the_end_a_terminal_says_how_many_epochs_took_the_time(finished, says):
    file = Terminal()
    progress = Progress(2, 100, finished, file)
    progress.start -= 60.0
    progress.epoch(row(2, held_out=False))
    progress.close()
    assert file.getvalue() == f"\r  {says} in 1 min 00 s  ELBO -1000.0\033[K\n"


def test_a_terminal_shows_something_at_once_even_when_the_clock_has_just_begun(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    file = Terminal()
    Countdown(2, file).advance(1, "half")
    assert " half  0 s left" in file.getvalue()


def test_what_is_said_is_there_at_once(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    assert say("begun") and sys.stdout.buffer.getvalue().split() == [b"begun"]


def test_a_countdown_says_what_is_done_and_when_the_rest_will_be():
    file = Terminal()
    countdown = Countdown(8, file)
    countdown.start -= 60.0
    countdown.advance(2, "two of them")
    assert file.getvalue() == f"\r  {'█' * 5}{'·' * 15} two of them  3 min 00 s left\033[K"
    countdown.drawn = 0.0
    countdown.advance(6, "all")
    assert file.getvalue().endswith(f"\r  {'█' * 20} all  1 min 00 s\033[K")
    countdown.wipe()
    assert file.getvalue().endswith("\r\033[K")


@pytest.mark.parametrize("file, quiet", [(io.StringIO(), False), (Terminal(), True)])
def test_a_countdown_leaves_nothing_in_a_log_file_or_when_told_to_be_quiet(file, quiet):
    countdown = Countdown(2, file, quiet)
    countdown.advance(1, "half")
    countdown.wipe()
    assert file.getvalue() == ""


def test_without_a_standard_output_a_countdown_says_nothing(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)  # as in a program without a console
    Countdown(1).advance(1, "all")


class Fails(Terminal):
    """A closed pipe or a full disk, after some writes."""

    def __init__(self, error, after=0):
        super().__init__()
        self.error, self.after, self.failures = error, after, 0

    def write(self, text):
        if self.after == 0:
            self.failures += 1
            raise self.error
        self.after -= 1
        return len(text)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "full"), ValueError("closed")])
def test_where_nothing_can_be_shown_any_more_work_goes_on_and_nothing_is_tried(
    error, after, terminal
):
    file = Fails(error, after)
    file.isatty = lambda: terminal
    run(file, 40)
    assert file.failures == 1


def test_a_closed_file_does_no_harm_and_one_that_only_writes_is_enough():
    class Tee:
        def write(self, text):
            shown.append(text)

    closed, shown = io.StringIO(), []
    closed.close()
    for file in (closed, Tee()):
        progress = Progress(2, 100, file=file)
        progress.step(50)
        progress.epoch(row(1))
        progress.epoch(row(2))
        progress.close()
    assert re.findall(r"  epoch (\d)/2  [^\r\n]*\n", "".join(shown)) == ["1", "2"]


@pytest.mark.parametrize("encoding, bar", [("utf-8", "█"), ("cp437", "█"), ("ascii", "#")])
def test_the_bar_is_of_what_the_terminal_can_show(encoding, bar):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    file.isatty = lambda: True
    countdown = Countdown(2, file)
    countdown.advance(1, "half")
    shown = file.buffer.getvalue().decode(encoding)
    assert shown.startswith(f"\r  {10 * bar}") and countdown.live


def test_without_a_file_it_goes_to_standard_output(capsys, monkeypatch):
    Progress(1, 100).epoch(row(1))
    assert "epoch 1/1" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout", Terminal())
    Countdown(1).advance(1, "all")
    assert f"{'█' * 20} all" in sys.stdout.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (8.3, "8 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7805, "2 h 10 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_a_duration_is_said_as_a_person_says_it(seconds, text):
    assert duration(seconds) == text
