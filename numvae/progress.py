"""How much is done and how long the rest will take, on one line."""

import math
import sys
import time

BARS = "█·", "#."  # done and to do, where the first can be encoded


def say(text, file=None, end="\n"):
    """Print at once, and return whether that succeeded: work goes on when nobody listens any more
    (a closed pipe or file, a full disk), or where the text cannot be encoded."""
    file = file or sys.stdout
    try:
        print(text, file=file, end=end, flush=hasattr(file, "flush"))
        return True
    except (OSError, ValueError):
        return False


class Countdown:
    """Shows how much of `total` is `done`. The time left assumes a constant rate.

    On a terminal one line is redrawn ten times a second at the most; elsewhere (a log file), and if
    `quiet` or `file` fails, nothing is shown.
    """

    def __init__(self, total, file=None, quiet=False):
        self.total, self.done = total, 0
        self.file, self.quiet = file or sys.stdout, quiet
        self.live = not quiet and is_terminal(self.file)
        self.bar = bar(self.file)
        self.start, self.drawn = time.monotonic(), -math.inf

    def advance(self, amount, text):
        """So much more is done; `text` says of what."""
        self.done += amount
        self.draw(text)

    def draw(self, text):
        now = time.monotonic()
        if self.live and now - self.drawn > 0.1:
            self.drawn = now
            done, to_do = self.bar
            line = (done * round(20 * self.done / self.total)).ljust(20, to_do)
            self.say(f"\r  {line} {text}  {self.remaining()}\033[K", end="")

    def wipe(self):
        """Remove the line, so that a result can be printed in its place."""
        if self.live:
            self.say("\r\033[K", end="")

    def say(self, text, end="\n"):
        if not say(text, self.file, end):
            self.live, self.quiet = False, True

    def remaining(self):
        """The time left, or when all is done the time taken."""
        took = time.monotonic() - self.start
        if self.done >= self.total:
            return duration(took)
        return f"{duration(took * (self.total / self.done - 1))} left"


class Progress(Countdown):
    """The line of a training run: `epochs` epochs over `n_examples` examples, `finished` before.

    In a log file it leaves a plain line for about twenty of the epochs, evenly spread.

    may_end_early   whether so many epochs, and the time they take, are the most there will be
    """

    def __init__(self, epochs, n_examples, finished=0, file=None, quiet=False, may_end_early=False):
        super().__init__(max(1, epochs - finished), file, quiet)
        self.epochs, self.n_examples, self.may_end_early = epochs, n_examples, may_end_early
        self.first = self.finished = self.shown = finished
        self.text = ""

    def step(self, n_seen):
        """After a step: n_seen examples of the current epoch are done."""
        self.done = self.finished - self.first + n_seen / self.n_examples
        self.draw(f"epoch {self.finished + 1}/{self.epochs}  {self.text}")

    def epoch(self, row):
        """After an epoch: `row` is its line of the history."""
        self.finished = row["epoch"]
        self.done = self.finished - self.first
        parts = [f"ELBO {row['train_elbo']:.1f}"]
        if "valid_elbo" in row:
            parts.append(f"held-out {row['valid_elbo']:.1f}")
            parts.append(f"(nll {row['valid_nll']:.1f} + KL {row['valid_kl']:.1f})")
        self.text = "  ".join(parts)
        if self.live or self.quiet:
            return
        every = -(-self.epochs // 20)
        if self.finished // every > self.shown // every or self.finished in (1, self.epochs):
            self.shown = self.finished
            number = f"{self.finished:>{len(str(self.epochs))}}/{self.epochs}"
            self.say(f"  epoch {number}  {self.text}  {self.remaining()}")

    def remaining(self):
        at_most = self.may_end_early and self.done < self.total
        return "at most " * at_most + super().remaining()

    def close(self):
        """After the last epoch: leave a summary in place of the line."""
        if self.live:
            n, took = self.finished - self.first, duration(time.monotonic() - self.start)
            self.say(f"\r  {n} epoch{'s' * (n != 1)} in {took}  {self.text}\033[K")


def is_terminal(file):
    try:
        return file.isatty()
    except (OSError, ValueError, AttributeError):  # None, closed, or an object that only writes
        return False


def bar(file):
    """The first of BARS that the file can show."""
    try:
        BARS[0].encode(getattr(file, "encoding", None) or "utf-8")
        return BARS[0]
    except (UnicodeEncodeError, LookupError):
        return BARS[1]


def duration(seconds):
    """Human-readable: 8 s, 3 min 05 s, 2 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
